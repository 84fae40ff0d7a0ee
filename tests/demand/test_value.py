"""What a pull is worth, against every course that demand can take; and the decision turned round."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullsvc.demand.horizon import Floats, Ints, tail
from pullsvc.demand.levels import Level
from pullsvc.demand.profile import DayCurve
from pullsvc.demand.value import (
    CHECK_STEP_S,
    LEAST_LANDING,
    Ahead,
    Labour,
    admitted,
    expected_stock,
    next_check_s,
    trigger_qty,
    worth,
)

LABOUR = Labour()
HOUR_S = 3600.0


def sells(*units_a_day: float, known: bool = False, phi: float = 1.0) -> Level:
    """Items that sell so many single units an average day."""
    count = len(units_a_day)
    shape = np.full(count, 1e12 if known else 6.0)
    return Level(shape, shape / np.maximum(np.array(units_a_day), 1e-9), np.ones(count), np.full(count, phi))


def poisson(mean: float, most: int) -> Floats:
    return np.array(
        [math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) if mean else float(n == 0) for n in range(most)]
    )


def averted_by_every_course(*, until_landing: float, after: float, stock: int, qty: int) -> float:
    """Sum over all demand before and after the landing of a Poisson item: what is lost without, less with."""
    first, second = poisson(until_landing, 150), poisson(after, 150)
    before, later = np.arange(150)[:, None], np.arange(150)[None, :]
    without = np.maximum(before + later - stock, 0)
    left = np.maximum(stock - before, 0) + qty
    lost = np.maximum(before - stock, 0) + np.maximum(later - left, 0)
    return float(first @ (without - lost) @ second)


class TestWorth:
    @given(until_landing=st.floats(0, 10), after=st.floats(0.1, 30), stock=st.integers(0, 30), qty=st.integers(1, 40))
    @settings(max_examples=200)
    def test_is_near_what_every_course_of_demand_gives(
        self, until_landing: float, after: float, stock: int, qty: int
    ) -> None:
        truth = averted_by_every_course(until_landing=until_landing, after=after, stock=stock, qty=qty)
        found = worth(
            sells(1.0, known=True),
            stock=np.array([stock]),
            qty=np.array([qty]),
            ahead=Ahead(until_landing, until_landing + after),
            labour=LABOUR,
        )

        # Farthest off where the shelf runs empty at about the time at which a single unit lands.
        assert found.averted[0] == pytest.approx(truth, abs=0.05 + 0.02 * (until_landing + after))

    @given(after=st.floats(0, 30), stock=st.integers(0, 30), qty=st.integers(1, 40))
    def test_is_exact_for_a_delivery_that_lands_at_once(self, after: float, stock: int, qty: int) -> None:
        truth = averted_by_every_course(until_landing=0, after=after, stock=stock, qty=qty)
        found = worth(
            sells(1.0, known=True), stock=np.array([stock]), qty=np.array([qty]), ahead=Ahead(0.0, after), labour=LABOUR
        )

        assert found.averted[0] == pytest.approx(truth, abs=1e-6)

    def test_is_nothing_for_nothing(self) -> None:
        found = worth(sells(5.0), stock=np.array([0]), qty=np.array([0]), ahead=Ahead(0.1, 1.0), labour=LABOUR)

        assert found.averted[0] == 0

    def test_is_less_the_more_is_coming_already(self) -> None:
        none, some, plenty = (
            worth(
                sells(20.0),
                stock=np.array([2]),
                qty=np.array([10]),
                ahead=Ahead(0.1, 1.0),
                labour=LABOUR,
                coming=np.array([coming]),
            ).averted[0]
            for coming in (0, 6, 60)
        )

        assert none > some > plenty
        assert plenty < 0.05

    def test_of_two_deliveries_is_what_they_bring_together(self) -> None:
        def brought(qty: int, *, coming: int = 0) -> float:
            there = Ahead(0.05, 1.0)
            found = worth(
                sells(20.0),
                stock=np.array([2]),
                qty=np.array([qty]),
                ahead=there,
                labour=LABOUR,
                coming=np.array([coming]),
            )
            return float(found.averted[0])

        assert brought(6) + brought(10, coming=6) == pytest.approx(brought(16), abs=1e-9)

    def test_weighs_units_against_the_time_a_line_takes(self) -> None:
        found = worth(
            sells(20.0, 20.0), stock=np.array([0, 0]), qty=np.array([1, 12]), ahead=Ahead(0.0, 1.0), labour=LABOUR
        )

        assert found.labour_s.tolist() == [62.5, 90.0]
        assert found.per_s[1] > 5 * found.per_s[0]


class TestAdmitted:
    def test_waits_with_a_full_shelf_and_goes_for_an_empty_one(self) -> None:
        stock, qty = np.array([0, 12]), np.array([20, 8])
        found = worth(sells(20.0, 20.0), stock=stock, qty=qty, ahead=Ahead(0.02, 0.7), labour=LABOUR)

        assert admitted(found, qty=qty, price=1e-3).tolist() == [True, False]
        assert admitted(found, qty=qty, price=0.0).tolist() == [True, True]
        assert admitted(found, qty=qty, price=10.0).tolist() == [False, False]


def brute_trigger(level: Level, *, capacity: int, backroom: int, ahead: Ahead, price: float) -> int:
    """Try every stock."""
    stock = np.arange(capacity)
    qty = np.minimum(capacity - stock, backroom)
    found = worth(level.take(np.zeros(capacity, dtype=np.int64)), stock=stock, qty=qty, ahead=ahead, labour=LABOUR)
    good = np.flatnonzero(admitted(found, qty=qty, price=price))
    return int(good.max(initial=-1))


class TestTriggerQty:
    @given(
        units=st.floats(0.01, 80),
        phi=st.floats(1, 4),
        capacity=st.integers(1, 60),
        backroom=st.integers(0, 60),
        landing=st.floats(0.001, 0.3),
        rest=st.floats(0, 1),
        price=st.sampled_from([1e-4, 5e-4, 2e-3, 1e-2, 5e-2]),
    )
    @settings(max_examples=200)
    def test_is_the_largest_stock_worth_pulling(
        self, units: float, phi: float, capacity: int, backroom: int, landing: float, rest: float, price: float
    ) -> None:
        level, ahead = sells(units, phi=phi), Ahead(landing, landing + rest)
        found = trigger_qty(
            level,
            capacity=np.array([capacity]),
            backroom=np.array([backroom]),
            ahead=ahead,
            labour=LABOUR,
            price=price,
        )

        assert int(found[0]) == brute_trigger(level, capacity=capacity, backroom=backroom, ahead=ahead, price=price)

    def test_leaves_out_no_item_whose_demand_barely_pays(self) -> None:
        """Nine tenths of a unit until closing, at a price of six tenths for a line."""
        one = np.array([2])
        found = trigger_qty(
            sells(0.9, known=True), capacity=one, backroom=one, ahead=Ahead(0.001, 1.0), labour=LABOUR, price=1e-2
        )

        assert found.tolist() == [0]

    def test_finds_the_same_for_many_items_as_for_each(self) -> None:
        rng = np.random.default_rng(3)
        level = sells(*rng.gamma(1, 20, 200).tolist(), phi=1.7)
        capacity, backroom = rng.integers(1, 60, 200), rng.integers(0, 90, 200)
        landing = rng.uniform(0, 0.1, 200)
        together = trigger_qty(
            level, capacity=capacity, backroom=backroom, ahead=Ahead(landing, 0.6), labour=LABOUR, price=1e-3
        )
        alone = [
            brute_trigger(
                level.take(np.array([row])),
                capacity=int(capacity[row]),
                backroom=int(backroom[row]),
                ahead=Ahead(float(landing[row]), 0.6),
                price=1e-3,
            )
            for row in range(200)
        ]

        assert together.tolist() == alone
        assert len(set(alone)) > 10


class TestNextCheck:
    CURVE = DayCurve(np.array([0.0, 4.0, 6.0, 8.0, 12.0, 24.0]) * HOUR_S, np.array([0.0, 0.04, 0.1, 0.2, 0.8, 1.0]))

    def ask(self, level: Level, *, stock: Ints, qty: Ints, price: float = 1e-3, now_h: float = 1) -> Floats:
        return next_check_s(
            level,
            stock=stock,
            qty=qty,
            curve=self.CURVE,
            traffic=1.1,
            now_s=now_h * HOUR_S,
            closes_s=20 * HOUR_S,
            lead_s=1200,
            labour=LABOUR,
            price=price,
        )

    def test_is_the_first_step_at_which_the_item_is_worth_pulling(self) -> None:
        rng = np.random.default_rng(4)
        level = sells(*rng.gamma(1, 30, 300).tolist())
        stock, qty = rng.integers(0, 20, 300), rng.integers(0, 30, 300)
        expected = np.full(300, np.inf)
        for step in reversed(range(int(19 * HOUR_S // CHECK_STEP_S) + 1)):
            start = HOUR_S + step * CHECK_STEP_S
            end = min(start + 1200, 20 * HOUR_S)
            landing, closing = (1.1 * self.CURVE.between(start, then) for then in (end, 20 * HOUR_S))
            ahead = Ahead.of(landing=landing, closing=closing)
            found = worth(level, stock=stock, qty=qty, ahead=ahead, labour=LABOUR)
            expected[admitted(found, qty=qty, price=1e-3)] = start

        assert self.ask(level, stock=stock, qty=qty).tolist() == expected.tolist()
        assert len(set(expected.tolist())) > 5

    def test_is_now_for_an_empty_shelf_and_never_for_a_slow_item(self) -> None:
        found = self.ask(sells(30.0, 0.01), stock=np.array([0, 8]), qty=np.array([20, 4]))

        assert found.tolist() == [HOUR_S, np.inf]

    def test_is_never_after_closing(self) -> None:
        found = self.ask(sells(30.0), stock=np.array([0]), qty=np.array([20]), now_h=21)

        assert found.tolist() == [np.inf]


def test_expected_stock_is_what_is_left_on_the_shelf() -> None:
    demand = sells(4.0).demand(np.ones(1))
    stock = np.array([5])

    assert expected_stock(demand, stock)[0] == pytest.approx(5 - 4 + tail(demand, stock).lost[0])
    assert expected_stock(demand, np.array([-3]))[0] == 0


class TestAhead:
    def test_counts_on_some_demand_before_a_tub_lands_while_the_store_rests(self) -> None:
        assert Ahead.of(landing=0.0, closing=0.5) == Ahead(LEAST_LANDING, 0.5)
        assert Ahead.of(landing=0.1, closing=0.5) == Ahead(0.1, 0.5)

    def test_counts_on_no_more_than_is_left(self) -> None:
        assert Ahead.of(landing=0.0, closing=0.001) == Ahead(0.001, 0.001)
        assert Ahead.of(landing=0.0, closing=0.0) == Ahead(0.0, 0.0)
        assert Ahead.of(landing=0.2, closing=0.1) == Ahead(0.2, 0.2)
