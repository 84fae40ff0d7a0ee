import numpy as np
import pytest

from pullsvc.backtest.model import HOUR_S
from pullsvc.backtest.rule import Books, Day, Put, Rule, Sales, Setting
from pullsvc.backtest.simple import MinMax, MinMaxOften, MinMaxPacks, NightFill, OneForOne, SafetyTime
from tests.backtest import shops


def books(on_shelf: list[int], *, backroom: int = 99, busy: tuple[int, ...] = ()) -> Books:
    marked = np.zeros(len(on_shelf), dtype=np.bool_)
    marked[list(busy)] = True
    return Books(on_shelf=np.array(on_shelf), backroom=np.full(len(on_shelf), backroom), busy=marked)


def begun(make: type[Rule], *capacity: int, pack: int = 4) -> Rule:
    rule = make(Setting(items=shops.items(capacity=capacity, pack=pack), seed=1))
    rule.open_day(Day(number=shops.DAY, shifts=()), books(list(capacity)))
    return rule


def asked(rule: Rule, state: Books, *, hour: float = 9.0) -> list[tuple[int, int]]:
    return [(line.item, line.qty) for line in rule.ask(hour * HOUR_S, state, worker=0)]


def test_night_fill_brings_nothing() -> None:
    assert asked(begun(NightFill, 10), books([0])) == []


class TestMinMax:
    def test_brings_what_is_half_empty_the_emptiest_first_up_to_capacity(self) -> None:
        assert asked(begun(MinMax, 10, 10, 10), books([5, 6, 1])) == [(2, 9), (0, 5)]

    def test_leaves_out_what_is_on_its_way_and_what_is_not_there(self) -> None:
        assert asked(begun(MinMax, 10, 10), books([0, 0], busy=(0,))) == [(1, 10)]
        assert asked(begun(MinMax, 10), books([0], backroom=0)) == []

    def test_looks_once_an_hour(self) -> None:
        rule = begun(MinMax, 10)

        assert asked(rule, books([9])) == []
        assert asked(rule, books([1]), hour=9.9) == []
        assert asked(rule, books([1]), hour=10.0) == [(0, 9)]

    def test_often_looks_every_five_minutes(self) -> None:
        rule = begun(MinMaxOften, 10)

        assert asked(rule, books([9])) == []
        assert asked(rule, books([1]), hour=9.0 + 6 / 60) == [(0, 9)]

    def test_hands_out_its_list_a_tub_at_a_time(self) -> None:
        rule = begun(MinMax, *[10] * 14)
        state = books([0] * 14)

        assert [item for item, _ in asked(rule, state)] == list(range(10))
        assert [item for item, _ in asked(rule, state)] == [10, 11, 12, 13]
        assert asked(rule, state) == []


def test_packs_are_brought_whole() -> None:
    assert asked(begun(MinMaxPacks, 10, 10, 3), books([3, 4, 0])) == [(0, 4)]


def test_one_for_one_brings_what_was_sold_once() -> None:
    rule, state = begun(OneForOne, 10), books([7])
    rule.sold(Sales(second=np.array([8 * HOUR_S]), item=np.array([0]), qty=np.array([3])), state)

    assert asked(rule, state) == [(0, 3)]
    rule.put(Put(item=0, now_s=9.2 * HOUR_S, wanted=3, picked=3, put=3), state)
    assert asked(rule, books([10]), hour=10.0) == []


@pytest.mark.parametrize(("on_shelf", "first"), [([1, 40], [0]), ([2, 1], [1, 0])])
def test_safety_time_brings_the_first_to_be_empty_first(on_shelf: list[int], first: list[int]) -> None:
    rule = begun(SafetyTime, 50, 50)
    rule.sold(Sales(second=np.array([8 * HOUR_S] * 2), item=np.array([0, 1]), qty=np.array([10, 10])), books(on_shelf))

    assert [item for item, _ in asked(rule, books(on_shelf), hour=8.1)] == first
