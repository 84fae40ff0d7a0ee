from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pullsvc.backtest import store
from pullsvc.backtest.contest import RULES
from pullsvc.backtest.disturb import Disturbance
from pullsvc.backtest.model import HOUR_S, Dataset, days_of
from pullsvc.backtest.replay import play_day
from pullsvc.backtest.results import DayResult
from pullsvc.backtest.rule import Books, Line, Rule, Setting
from pullsvc.backtest.runs import play
from pullsvc.backtest.shop import demand_before
from pullsvc.backtest.store import Shift
from tests.backtest import shops

ALL_DAY = [Shift(7.0 * HOUR_S, 22.0 * HOUR_S)]


def play_one(rule: Rule, lines: list[tuple[float, int, int]], *, backroom: list[int], **more: list[int]) -> DayResult:
    begins = shops.morning(shops.log(*lines), backroom=backroom, **more)
    return play_day(rule.setting.items, begins, rule, ALL_DAY, seed=1)[0]


def setting(*capacity: int) -> Setting:
    return Setting(items=shops.items(capacity=capacity), seed=1)


class TestPlayDay:
    def test_loses_what_a_shelf_has_not(self) -> None:
        result = play_one(Rule(setting(5, 5)), [(8, 0, 3), (9, 0, 3), (10, 1, 5), (11, 0, 2)], backroom=[9, 9])

        assert result.sold.tolist() == [3, 2, 5, 0]

    def test_sells_what_a_trip_has_brought(self) -> None:
        rule = shops.Once(setting(5), [Line(0, 4)], at_s=9 * HOUR_S)
        result = play_one(rule, [(8, 0, 5), (10, 0, 6)], backroom=[9])

        assert result.sold.tolist() == [5, 4]
        assert result.delivery("stock_before").tolist() == [0]
        assert result.delivery("put").tolist() == [4]

    def test_brings_back_what_does_not_fit(self) -> None:
        """The books miss a theft, so the rule brings too little: here it brings too much, as one was sold less."""
        rule = shops.Once(setting(6), [Line(0, 6)], at_s=9 * HOUR_S)
        result = play_one(rule, [(8, 0, 2)], backroom=[9])

        assert result.delivery("put").tolist() == [2]
        assert result.trips[0, 2] - result.trips[0, 1] > 0

    def test_finds_a_ghost_in_the_backroom_and_strikes_it(self) -> None:
        rule = shops.Once(setting(6), [Line(0, 4)], at_s=9 * HOUR_S)
        result = play_one(rule, [(8, 0, 6), (12, 0, 1)], backroom=[1], recorded=[9])

        assert result.delivery("picked").tolist() == [1]
        assert result.sold.tolist() == [6, 1]

    def test_cuts_a_tub_to_what_it_holds(self) -> None:
        rule = shops.Once(setting(*[100] * 12), [Line(row, 40) for row in range(12)], at_s=9 * HOUR_S)
        result = play_one(rule, [(8, row, 90) for row in range(12)], backroom=[99] * 12)

        assert result.delivery("wanted").tolist() == [40, 40, 40, 30]

    def test_takes_about_the_stated_time(self) -> None:
        rule = shops.Once(setting(9), [Line(0, 4)], at_s=9 * HOUR_S)
        result = play_one(rule, [(8, 0, 9)], backroom=[9])

        assert result.worked_s == pytest.approx(store.trip_s(1, 4), rel=0.35)

    def test_ends_with_a_day_without_sales(self) -> None:
        result = play_one(RULES["x"](setting(5)), [], backroom=[9])

        assert len(result.sold) == 0
        assert len(result.trips) == 0


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("disturbed", [False, True])
def test_every_unit_is_accounted_for(rule: str, disturbed: bool) -> None:
    data = shops.busy_store()
    morning = Disturbance(doubled=0.05, late=0.05, wrong_backroom=0.1, outage=True, stolen=0.1)
    more = {"morning": morning} if disturbed else {}
    for day in play(data, RULES[rule], days=days_of(data.split.test), hours=12.0, seed=3, **more):
        item, put = day.delivery("item").astype(int), day.delivery("put")
        brought = np.bincount(item, weights=put, minlength=len(data.items))
        sold = np.bincount(day.lines.item, weights=day.sold, minlength=len(data.items))

        assert np.all(day.sold >= 0)
        assert np.all(day.sold <= day.lines.qty)
        assert np.all(sold <= data.items.capacity + brought)
        assert np.all(put <= day.delivery("picked"))
        assert np.all(day.delivery("picked") <= day.delivery("wanted"))
        assert np.all(day.delivery("stock_before") + put <= data.items.capacity[item])
        if rule == "a":
            assert np.all(sold + 0 <= data.items.capacity)


def test_the_same_seed_gives_the_same_days() -> None:
    data = shops.busy_store()
    first, again, other = (
        [
            day.trips.tolist() + day.sold.tolist()
            for day in play(data, RULES["x"], days=days_of(data.split.test), hours=9.0, seed=seed)
        ]
        for seed in (5, 5, 6)
    )

    assert first == again
    assert first != other


def test_hands_help() -> None:
    data = shops.busy_store()

    def lost(rule: str, hours: float) -> int:
        days = play(data, RULES[rule], days=days_of(data.split.test), hours=hours, seed=3)
        return sum(int(day.lost.sum()) for day in days)

    assert lost("x", 12.0) < lost("x", 2.0) < lost("a", 12.0)
    assert lost("a", 12.0) == lost("a", 2.0)


def test_a_rule_never_sees_what_is_not_reported() -> None:
    """The tills are silent from 16:30 to 17:00: no line of that half hour is told before its end."""
    data = shops.busy_store()
    told: list[tuple[float, float]] = []

    class Listening(Rule):
        now_s = 0.0

        def sold(self, sales, books) -> None:  # type: ignore[no-untyped-def] # a listener of two lines
            told.append((self.now_s, float(sales.second.max(initial=0))))

        def ask(self, now_s, books, *, worker):  # type: ignore[no-untyped-def] # as above
            self.now_s = now_s
            return ()

    play(data, Listening, days=[data.split.test[0]], hours=15.0, seed=3, morning=Disturbance(outage=True))
    silent = [second for now_s, second in told if 16.5 * HOUR_S <= now_s < 17 * HOUR_S - 60]

    assert max(silent, default=0.0) <= 16.5 * HOUR_S + 60


def test_demand_before_counts_each_item_by_itself() -> None:
    lines = shops.log((8, 0, 2), (9, 1, 3), (10, 0, 4), (11, 0, 1))

    assert demand_before(lines, items=3).tolist() == [0, 0, 2, 6]


def test_a_store_with_one_item_can_be_played() -> None:
    lines = shops.log(*[(8 + k / 4, 0, 2) for k in range(20)])
    one = Dataset(
        name="one",
        items=shops.items(capacity=[6]),
        log=replace(lines),
        split=shops.busy_store().split,
    )
    begins = shops.morning(lines, backroom=[60])
    lost = {
        key: play_day(one.items, begins, make(Setting(items=one.items, seed=1)), ALL_DAY, seed=1)[0].lost.sum()
        for key, make in RULES.items()
    }

    assert lost["c"] < lost["a"]
    assert lost["x"] < lost["a"]


class Again(Rule):
    """Asks for the same line at every hour."""

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        return [Line(0, 6)] if now_s % HOUR_S == 0 else ()


def test_what_is_brought_back_can_be_brought_again() -> None:
    """Six in the backroom: two of them fit at first, the other four after the next sale."""
    result = play_one(Again(setting(6)), [(7, 0, 2), (7.9, 0, 5), (12, 0, 9)], backroom=[6])

    assert result.delivery("put").sum() == 6
    assert result.sold.sum() == 12


def test_a_record_that_was_found_wrong_is_not_believed_again() -> None:
    result = play_one(Again(setting(6)), [(7, 0, 6)], backroom=[1], recorded=[9])

    assert result.delivery("picked").tolist() == [1]
