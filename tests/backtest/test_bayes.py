from dataclasses import replace

import numpy as np

from pullsvc.backtest.bayes import Bayes, Own
from pullsvc.backtest.belief import Belief
from pullsvc.backtest.model import HOUR_S, Dataset, days_of
from pullsvc.backtest.rule import Books, Day, Rule, Setting
from pullsvc.backtest.runs import learnt
from pullsvc.backtest.shop import trading_record
from pullsvc.backtest.store import Shift
from tests.backtest import shops

ALL_DAY = (Shift(7.0 * HOUR_S, 22.0 * HOUR_S),)


def begun(make: type[Rule], data: Dataset | None = None) -> tuple[Rule, Books]:
    data = data or shops.busy_store()
    day = data.split.test[0]
    rule = learnt(make(Setting(items=data.items, seed=1)), data, before=day)
    books = Books(
        on_shelf=data.items.capacity.copy(),
        backroom=np.full(len(data.items), 99),
        busy=np.zeros(len(data.items), dtype=np.bool_),
    )
    rule.open_day(Day(number=day, shifts=ALL_DAY), books)
    return rule, books


def test_full_shelves_are_left_alone() -> None:
    for make in (Bayes, Own):
        rule, books = begun(make)

        assert list(rule.ask(12.0 * HOUR_S, books, worker=0)) == []


def test_an_empty_fast_item_is_brought_to_the_brim() -> None:
    for make in (Bayes, Own):
        rule, books = begun(make)
        fast = int(np.argmax(rule.setting.items.mean_qty))
        books.on_shelf[fast] = 0
        tub = {line.item: line for line in rule.ask(12.0 * HOUR_S, books, worker=0)}

        assert tub[fast].qty == rule.setting.items.capacity[fast]
        assert tub[fast].p_empty == 1.0


def test_what_is_on_its_way_or_not_there_is_never_asked_for() -> None:
    rule, books = begun(Own)
    books.on_shelf[:] = 0
    books.busy[:30] = True
    books.backroom[30:50] = 0

    assert all(line.item >= 50 for line in rule.ask(12.0 * HOUR_S, books, worker=0))


def test_idle_hands_make_labour_cheap_and_a_backlog_dear() -> None:
    rule, books = begun(Own)
    assert isinstance(rule, Own)
    for minute in range(0, 120, 2):
        rule.ask(8 * HOUR_S + 60.0 * minute, books, worker=0)
    idle = rule.price
    books.on_shelf[:] = 0
    for minute in range(0, 60, 2):
        rule.ask(10 * HOUR_S + 60.0 * minute, books, worker=0)

    assert rule.price > 10 * idle


def test_a_day_lived_through_teaches_what_the_same_day_at_once_does() -> None:
    data = shops.busy_store()
    at_once, live = Belief(data.items), Belief(data.items)
    for day in days_of(data.split.train):
        record = trading_record(data.log.of_day(day), day=day)
        at_once.learn(record)
        live.open_day(day)
        sales = record.sales
        for first in range(0, len(sales), 7):
            part = slice(first, first + 7)
            live.sold(type(sales)(second=sales.second[part], item=sales.item[part], qty=sales.qty[part]))
        live.learn(record)
    for belief in (at_once, live):
        belief.open_day(data.split.validate[0])
    rows = np.arange(len(data.items))

    assert np.array_equal(at_once.level(12 * HOUR_S, rows).units_a_day, live.level(12 * HOUR_S, rows).units_a_day)


def test_levels_follow_what_was_sold() -> None:
    data = shops.busy_store()
    belief = Belief(data.items)
    for day in days_of(data.split.train):
        belief.learn(trading_record(data.log.of_day(day), day=day))
    belief.open_day(data.split.validate[0])
    fast = np.flatnonzero(data.items.mean_qty > 10)
    found = belief.level(8 * HOUR_S, fast).units_a_day

    assert np.allclose(found.sum(), data.items.mean_qty[fast].sum(), rtol=0.25)  # Eight days still draw to the mean.
    assert np.corrcoef(found, data.items.mean_qty[fast])[0, 1] > 0.95


def test_a_day_on_which_the_store_was_closed_teaches_nothing() -> None:
    data = shops.busy_store()
    day = data.split.test[0]
    closed = trading_record(shops.log(), day=day)
    rows = np.arange(len(data.items))
    open_all_week, closed_once = (Belief(data.items) for _ in range(2))
    for belief in (open_all_week, closed_once):
        for earlier in range(data.split.train[0], day):
            belief.learn(trading_record(data.log.of_day(earlier), day=earlier))
    closed_once.learn(closed)
    for belief in (open_all_week, closed_once):
        belief.open_day(day + 1)

    assert closed_once.level(7 * HOUR_S, rows).units_a_day.tolist() == (
        open_all_week.level(7 * HOUR_S, rows).units_a_day.tolist()
    )


def test_a_break_over_noon_is_used_to_fill_up() -> None:
    """Nothing sells from 12 to 15; an item that runs low is brought then, although no customer can come."""
    data = shops.busy_store()
    sold = data.log.where((data.log.second < 12 * HOUR_S) | (data.log.second >= 15 * HOUR_S))
    rule, books = begun(Own, replace(data, log=sold))
    assert isinstance(rule, Own)
    fast = int(np.argmax(data.items.mean_qty))
    books.on_shelf[fast] = 5
    rule.price = 1e-3

    assert [line.item for line in rule.ask(12.5 * HOUR_S, books, worker=0)] == [fast]
