import numpy as np
import pytest

from pullsvc.backtest import store
from pullsvc.backtest.bound import least_lost, worked_until
from pullsvc.backtest.model import HOUR_S
from pullsvc.backtest.store import Shift
from tests.backtest import shops

ALL_DAY = [Shift(7.0 * HOUR_S, 22.0 * HOUR_S)]


def bound(
    lines: list[tuple[float, int, int]], *, capacity: list[int], backroom: list[int], staff: list[Shift]
) -> float:
    return least_lost(shops.items(capacity=capacity), shops.log(*lines), np.array(backroom), staff)


def test_nothing_is_lost_that_the_shelf_covers() -> None:
    assert bound([(8, 0, 5)], capacity=[5], backroom=[0], staff=[]) == 0


def test_without_hands_all_beyond_the_shelf_is_lost() -> None:
    assert bound([(8, 0, 9)], capacity=[5], backroom=[99], staff=[]) == 4


def test_no_hands_bring_what_the_backroom_has_not() -> None:
    assert bound([(12, 0, 9), (13, 0, 2)], capacity=[5], backroom=[3], staff=ALL_DAY) == 3


def test_work_must_be_done_before_it_is_needed() -> None:
    """A minute after the first worker came, there were 60 s of work; a line of four units costs 91 s."""
    lost = bound([(7 + 1 / 60, 0, 9)], capacity=[5], backroom=[99], staff=ALL_DAY)
    line_s = store.LINE_S + store.TRIP_S / store.TUB_LINES + 4 * store.UNIT_S

    assert lost == pytest.approx(4 * (1 - 60 / line_s))


def test_the_dearest_units_are_given_up() -> None:
    """Three minutes pay for the eight cheap units in one line, not for the two single ones besides."""
    lines = [(7.05, 0, 13), (7.05, 1, 6), (7.05, 2, 6)]
    lost = bound(lines, capacity=[5, 5, 5], backroom=[99] * 3, staff=ALL_DAY)

    assert 0 < lost < 2


def test_the_last_trip_may_end_after_the_shift() -> None:
    longest_s = store.trip_s(store.TUB_LINES, store.TUB_UNITS)

    assert worked_until(ALL_DAY, 6 * HOUR_S) == 0
    assert worked_until(ALL_DAY, 8 * HOUR_S) == HOUR_S
    assert worked_until(ALL_DAY, 28 * HOUR_S) == 15 * HOUR_S + longest_s
