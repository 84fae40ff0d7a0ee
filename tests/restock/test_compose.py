import numpy as np
import pytest

from pullsvc.demand.value import Worth
from pullsvc.restock import compose
from pullsvc.restock.compose import LINES_MAX, UNITS_MAX, Offer, next_price, tub, work_s

DEAR, CHEAP = 1e-2, 1e-4


def offer(*items: tuple[float, float, int], pace: float = 1.0) -> Offer:
    """Items as (chance of an empty shelf, units averted, eaches to bring)."""
    rows = np.array(items, dtype=np.float64).reshape(-1, 3)
    qty = rows[:, 2].astype(np.int64)
    worth = Worth(p_empty=rows[:, 0], averted=rows[:, 1], labour_s=np.asarray(60 + 2.5 * qty, dtype=np.float64))
    return Offer(worth=worth, qty=qty, pace=np.full(len(rows), pace))


def rows(chosen: list[tuple[int, int]]) -> list[int]:
    return [row for row, _ in chosen]


class TestTub:
    def test_waits_when_nothing_is_worth_its_time(self) -> None:
        assert tub(offer((0.01, 0.1, 4)), price=DEAR) == []
        assert tub(offer(), price=CHEAP) == []

    def test_goes_for_one_urgent_item(self) -> None:
        assert tub(offer((0.9, 8.0, 8)), price=DEAR) == [(0, 8)]

    def test_does_not_go_for_what_only_rides_along(self) -> None:
        nearly = (0.1, 0.5, 4)

        assert offer(nearly).riding(DEAR).all()
        assert tub(offer(*[nearly] * LINES_MAX), price=DEAR) == []

    def test_fills_up_with_the_next_best(self) -> None:
        chosen = tub(offer((0.9, 8.0, 8), (0.04, 0.3, 4), (0.001, 0.01, 4)), price=4e-3)

        assert rows(chosen) == [0, 1]

    def test_fills_up_only_after_all_that_is_worth_a_trip(self) -> None:
        """The second item would lose more by waiting, but a later pull for it brings more."""
        some = [(0.9, 8.0, 8)] * LINES_MAX

        assert offer(*some, (1.0, 8.0, 1)).riding(2e-2)[LINES_MAX]
        assert rows(tub(offer(*some, (1.0, 8.0, 1)), price=2e-2)) == list(range(LINES_MAX))

    def test_begins_with_what_delay_costs_most(self) -> None:
        assert rows(tub(offer((0.3, 0.8, 8), (1.0, 0.8, 8), (1.0, 0.8, 60)), price=CHEAP)) == [1, 2, 0]

    def test_of_shelves_that_will_do_for_now_begins_with_the_one_that_matters_most(self) -> None:
        assert rows(tub(offer((0.004, 0.1, 8), (0.003, 5.0, 8)), price=1e-4)) == [1, 0]

    def test_in_the_last_round_begins_with_what_the_night_would_miss_most(self) -> None:
        assert rows(tub(offer((1.0, 2.0, 8), (0.0, 8.0, 8)), price=CHEAP, late=True)) == [1, 0]

    def test_holds_no_more_than_a_tub(self) -> None:
        assert sum(qty for _, qty in tub(offer(*[(1.0, 20.0, 40)] * 20), price=CHEAP)) == UNITS_MAX
        assert len(tub(offer(*[(1.0, 20.0, 2)] * 20), price=CHEAP)) == LINES_MAX

    def test_takes_of_a_line_that_is_larger_than_a_tub_what_fits(self) -> None:
        assert tub(offer((1.0, 200.0, 200)), price=CHEAP) == [(0, UNITS_MAX)]


class TestNextPrice:
    def test_rises_with_the_backlog_and_falls_when_hands_are_idle(self) -> None:
        assert next_price(1e-3, work_s=1e6, workers=1, passed_s=120) == pytest.approx(1e-3 * np.exp(0.25))
        assert next_price(1e-3, work_s=0.0, workers=1, passed_s=120) == pytest.approx(1e-3 * np.exp(-0.25))

    def test_rests_where_the_backlog_is_as_wanted(self) -> None:
        assert next_price(1e-3, work_s=2 * compose.BACKLOG_S, workers=2, passed_s=600) == pytest.approx(1e-3)

    @pytest.mark.parametrize("work", [0.0, 1e9])
    def test_stays_within_its_bounds(self, work: float) -> None:
        price = 1e-3
        for _ in range(100):
            price = next_price(price, work_s=work, workers=1, passed_s=1e9)

        assert price in (compose.PRICE_MIN, compose.PRICE_MAX)


def test_work_counts_full_tubs_of_admitted_lines() -> None:
    assert work_s(offer((1.0, 9.0, 8), (0.0, 9.0, 8)), price=1e-3) == pytest.approx(60 + 20 + 21)
