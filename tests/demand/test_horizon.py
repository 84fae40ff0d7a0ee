"""Demand over a horizon, against sums in fifty decimals."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pullsvc.demand.horizon import STOCK_EXACT_QTY, Demand, lost_beyond, p_none, quantile, tail

PLACES = 1e-11

excesses = st.one_of(st.just(0.0), st.floats(1e-12, 1e-3), st.floats(1e-3, 40))  # Fifty decimals hold these.


def one(mean: float, excess: float) -> Demand:
    return Demand(np.array([mean]), np.array([excess]))


def exactly(mean: float, excess: float, stock: int) -> tuple[float, float, float]:
    """P(D >= s), P(D > s) and E[(D - s)+] = M - s + E[(s - D)+], summed term by term."""
    with localcontext() as context:
        context.prec = 50
        m, x = Decimal(mean), Decimal(excess)
        p = (-m / x * (1 + x).ln()).exp() if x else (-m).exp()
        below = short = Decimal(0)
        for j in range(stock):
            below, short = below + p, short + (stock - j) * p
            p = p * (m + j * x) / ((1 + x) * (j + 1))
        return float(1 - below), float(1 - below - p), float(m - stock + short)


class TestTail:
    @given(mean=st.floats(0, 300), excess=excesses, stock=st.integers(0, 200))
    @example(mean=0.0, excess=0.0, stock=0)
    @example(mean=0.0, excess=2.0, stock=3)
    @example(mean=1e-300, excess=0.0, stock=1)
    @example(mean=300.0, excess=0.0, stock=200)
    @example(mean=200.0, excess=9e-7, stock=200)
    def test_is_the_exact_sum(self, mean: float, excess: float, stock: int) -> None:
        p_empty, p_short, lost = exactly(mean, excess, stock)
        found = tail(one(mean, excess), np.array([stock]))

        assert found.p_empty[0] == pytest.approx(p_empty, abs=PLACES)
        assert found.p_short[0] == pytest.approx(p_short, abs=PLACES)
        assert found.lost[0] == pytest.approx(lost, abs=PLACES * max(1, mean, stock))

    @pytest.mark.parametrize(
        ("mean", "excess"), [(900.0, 0.0), (900.0, 0.5), (1800.0, 0.0), (1500.0, 150.0), (1e5, 0.0)]
    )
    @pytest.mark.parametrize("stock", [600, 880, 1800, 2048])
    def test_is_exact_where_the_chance_of_no_demand_is_below_any_float(
        self, mean: float, excess: float, stock: int
    ) -> None:
        p_empty, p_short, lost = exactly(mean, excess, stock)
        found = tail(one(mean, excess), np.array([stock]))

        assert found.p_empty[0] == pytest.approx(p_empty, abs=1e-10)
        assert found.p_short[0] == pytest.approx(p_short, abs=1e-10)
        assert found.lost[0] == pytest.approx(lost, abs=1e-7)

    def test_finds_the_same_for_many_items_as_for_each(self) -> None:
        rng = np.random.default_rng(1)
        many = Demand.of(rng.gamma(0.5, 8.0, 500), phi=rng.uniform(1, 4, 500), shape=rng.uniform(0.1, 10, 500))
        stock = rng.integers(-3, 120, 500)
        together = tail(many, stock)
        alone = [tail(many.take(np.array([row])), stock[[row]]) for row in range(500)]

        assert together.p_empty.tolist() == pytest.approx([float(t.p_empty[0]) for t in alone], abs=1e-14)
        assert together.lost.tolist() == pytest.approx([float(t.lost[0]) for t in alone], abs=1e-12)

    def test_takes_a_negative_stock_for_none(self) -> None:
        found = tail(one(3.0, 1.0), np.array([-4]))

        assert (found.p_empty[0], found.lost[0]) == (1.0, 3.0)

    def test_of_nothing_is_nothing(self) -> None:
        found = tail(Demand(np.empty(0), np.empty(0)), np.empty(0, dtype=np.int64))

        assert len(found.p_empty) == len(found.lost) == 0

    def test_is_nearly_right_beyond_the_exact_stock(self) -> None:
        stock = STOCK_EXACT_QTY + 200
        p_empty, p_short, lost = exactly(2200.0, 2.0, stock)
        found = tail(one(2200.0, 2.0), np.array([stock]))

        assert found.p_empty[0] == pytest.approx(p_empty, abs=0.005)
        assert found.p_short[0] == pytest.approx(p_short, abs=0.005)
        assert found.lost[0] == pytest.approx(lost, rel=0.02)

    @given(mean=st.floats(0, 50), excess=st.floats(0, 10), stock=st.integers(0, 60))
    def test_falls_with_stock_and_never_below_what_is_surely_lost(self, mean: float, excess: float, stock: int) -> None:
        found = tail(Demand(np.full(2, mean), np.full(2, excess)), np.array([stock, stock + 1]))

        assert found.p_empty[0] >= found.p_empty[1] - PLACES
        assert found.lost[0] >= found.lost[1] - PLACES
        assert max(mean - stock, 0) - PLACES <= found.lost[0] <= mean


class TestDemand:
    def test_has_the_variance_of_lines_of_several_units_at_an_uncertain_level(self) -> None:
        demand = Demand.of(np.array([6.0]), phi=2.0, shape=4.0)

        assert float(demand.deviation[0]) ** 2 == pytest.approx(2.0 * 6 + 6**2 / 4)

    def test_is_poisson_for_single_units_at_a_known_level(self) -> None:
        demand = Demand.of(np.array([2.0]), phi=1.0, shape=np.inf)

        assert float(p_none(demand)[0]) == pytest.approx(np.exp(-2), rel=1e-14)

    @pytest.mark.parametrize(("mean", "excess"), [(-1.0, 0.0), (1.0, -0.1), (np.nan, 0.0), (1.0, np.nan)])
    def test_refuses_what_cannot_be(self, mean: float, excess: float) -> None:
        with pytest.raises(ValueError, match="not be negative"):
            one(mean, excess)


class TestLostBeyond:
    def test_is_linear_between_whole_stocks(self) -> None:
        demand = Demand(np.full(3, 4.0), np.full(3, 0.7))
        low, between, high = lost_beyond(demand, np.array([3.0, 3.25, 4.0]))

        assert between == pytest.approx(0.75 * low + 0.25 * high, abs=1e-12)


class TestQuantile:
    @given(mean=st.floats(0, 100), excess=excesses, prob=st.floats(0, 0.999))
    def test_is_the_smallest_stock_that_lasts_with_that_probability(
        self, mean: float, excess: float, prob: float
    ) -> None:
        found = int(quantile(one(mean, excess), prob)[0])

        assert 1 - exactly(mean, excess, found)[1] >= prob - PLACES
        assert found == 0 or 1 - exactly(mean, excess, found - 1)[1] < prob + PLACES

    def test_is_nearly_right_for_what_sells_by_the_thousand(self) -> None:
        found = int(quantile(one(5000.0, 3.0), 0.9)[0])

        assert 1 - exactly(5000.0, 3.0, found)[1] == pytest.approx(0.9, abs=0.005)

    def test_refuses_certainty(self) -> None:
        with pytest.raises(ValueError, match="below one"):
            quantile(one(1.0, 0.0), 1.0)
