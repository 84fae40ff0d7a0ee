import numpy as np
import pytest

from pullsvc.backtest import store
from pullsvc.backtest.disturb import Disturbance
from pullsvc.backtest.model import HOUR_S
from tests.backtest import shops


class TestShifts:
    def test_are_whole_ones_and_a_part_around_three(self) -> None:
        full, part = store.shifts(20.0)

        assert (full.starts_s, full.ends_s) == (7 * HOUR_S, 22 * HOUR_S)
        assert (part.starts_s, part.ends_s) == (12.5 * HOUR_S, 17.5 * HOUR_S)

    @pytest.mark.parametrize("hours", [0.0, 3.9, 15.0, 44.5, 300.0])
    def test_give_the_hours(self, hours: float) -> None:
        assert store.worked_hours(store.shifts(hours)) == pytest.approx(hours)

    @pytest.mark.parametrize("hours", [-1.0, float("nan"), float("inf")])
    def test_refuse_what_is_no_number_of_hours(self, hours: float) -> None:
        with pytest.raises(ValueError, match="hours"):
            store.shifts(hours)


def test_luck_has_mean_one_and_the_stated_spread() -> None:
    luck = store.noise(seed=1, day=2, worker=0)

    assert luck.mean() == pytest.approx(1.0, abs=0.02)
    assert np.log(luck).std() == pytest.approx(store.NOISE_SIGMA, abs=0.01)
    assert not np.array_equal(luck, store.noise(seed=1, day=2, worker=1))


def test_one_backroom_in_a_hundred_is_empty() -> None:
    items = shops.items(capacity=[10] * 20_000, pack=4, mean=[2.0] * 20_000)
    backroom = store.morning_backroom(items, seed=1, day=shops.DAY)

    assert set(backroom.tolist()) == {0, 3 * 4 + 3 * 10}
    assert np.mean(backroom == 0) == pytest.approx(0.01, abs=0.003)


class TestDisturbance:
    def lines(self) -> list[tuple[float, int, int]]:
        return [(8 + k / 400, k % 50, 1) for k in range(4_000)]

    def test_of_nothing_changes_nothing(self) -> None:
        items, lines = shops.items(capacity=[9] * 50), shops.log(*self.lines())
        morning = Disturbance()(items, lines, day=shops.DAY, seed=1)

        assert morning.feed.line.tolist() == list(range(4_000))
        assert np.array_equal(morning.feed.at_s, lines.second)
        assert np.array_equal(morning.recorded, morning.backroom)
        assert len(morning.thefts) == 0

    def test_reports_in_order_and_never_before_the_sale(self) -> None:
        items, lines = shops.items(capacity=[9] * 50), shops.log(*self.lines())
        feed = Disturbance(doubled=0.1, late=0.1, outage=True)(items, lines, day=shops.DAY, seed=1).feed

        assert np.all(np.diff(feed.at_s) >= 0)
        assert np.all(feed.at_s >= lines.second[feed.line])
        assert not np.any((feed.at_s >= 16.5 * HOUR_S) & (feed.at_s < 17 * HOUR_S))
        assert len(feed.line) == pytest.approx(4_400, abs=80)
        assert set(feed.line.tolist()) == set(range(4_000))

    def test_makes_ghosts_and_hides_stock(self) -> None:
        items, lines = shops.items(capacity=[9] * 4_000), shops.log(*self.lines())
        morning = Disturbance(wrong_backroom=0.2)(items, lines, day=shops.DAY, seed=1)

        assert np.mean((morning.backroom == 0) & (morning.recorded > 0)) == pytest.approx(0.1, abs=0.02)
        assert np.mean((morning.backroom > 0) & (morning.recorded == 0)) == pytest.approx(0.1, abs=0.02)

    def test_robs_half_or_all_of_a_shelf(self) -> None:
        items, lines = shops.items(capacity=[9] * 4_000), shops.log(*self.lines())
        thefts = Disturbance(stolen=0.1)(items, lines, day=shops.DAY, seed=1).thefts

        assert len(thefts) == pytest.approx(400, abs=60)
        assert set(thefts[:, 2].tolist()) == {0.5, 1.0}
        assert np.all(np.diff(thefts[:, 0]) >= 0)
