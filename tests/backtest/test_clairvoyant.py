import numpy as np
import pytest

from pullsvc.backtest.clairvoyant import Clairvoyant, Order, Recipe
from pullsvc.backtest.model import HOUR_S
from pullsvc.backtest.rule import Books, Setting
from tests.backtest import shops

# Item 0 sells out at 13:00 and misses 3; item 1 at 12:30 and misses 1; item 2 lasts.
LINES = [(8, 0, 4), (8.1, 1, 4), (8.2, 2, 4), (12.5, 1, 2), (13, 0, 4), (14, 2, 1)]


@pytest.mark.parametrize(("order", "horizon_h"), [(Order.EMPTY, 3.0), (Order.VALUE, 3.0), (Order.VALUE, 0.75)])
def test_brings_exactly_what_would_be_lost_the_first_to_be_empty_first(order: Order, horizon_h: float) -> None:
    rule = Clairvoyant(
        Setting(items=shops.items(capacity=[5, 5, 5]), seed=1), Recipe(order, horizon_h * HOUR_S, lines=2)
    )
    rule.foresee(shops.log(*LINES), backroom=np.full(3, 99))
    books = Books(on_shelf=np.array([1, 1, 1]), backroom=np.full(3, 99), busy=np.zeros(3, dtype=np.bool_))
    tub = [(line.item, line.qty) for line in rule.ask(12.3 * HOUR_S, books, worker=0)]

    assert tub == [(1, 1), (0, 3)]


@pytest.mark.parametrize(("order", "first"), [(Order.EMPTY, 1), (Order.VALUE, 0)])
def test_a_small_tub_holds_what_its_order_puts_first(order: Order, first: int) -> None:
    rule = Clairvoyant(Setting(items=shops.items(capacity=[5, 5, 5]), seed=1), Recipe(order, 3.0 * HOUR_S, lines=1))
    rule.foresee(shops.log(*LINES), backroom=np.full(3, 99))
    books = Books(on_shelf=np.array([1, 1, 1]), backroom=np.full(3, 99), busy=np.zeros(3, dtype=np.bool_))

    assert [line.item for line in rule.ask(12.3 * HOUR_S, books, worker=0)] == [first]
