"""Demand over a stretch of time: how likely a shelf runs empty, and how many units are lost. Pure, over many items.

An item sells lines of several units at a level that is itself uncertain. With M expected units, phi = E[q^2] / E[q]
of the units q of a line, and a Gamma level of shape a, the units D sold have mean M and

    Var D = phi M + M^2 / a = M (1 + x)        x = phi - 1 + M / a, the excess

D is taken as negative binomial with these two moments: exact for Poisson lines of logarithmic size at a known level,
and for single units at a Gamma level. In terms of M and x there is no special case in it; x = 0 is Poisson:

    P(D = 0)     = (1 + x) ^ (-M / x)                                      e^-M for x = 0
    P(D = j + 1) = P(D = j) (M + j x) / ((1 + x) (j + 1))
    E[(D - s)+]  = (M - s) P(D >= s) + (1 + x) s P(D = s)                  by summing j P(D = j) over the recurrence

The recurrence is run upwards, all items at once, each as far as its own stock: a sum of positive terms, so it loses
nothing (Johnson, Kemp, Kotz: Univariate Discrete Distributions, ch. 5). Against sums in exact fractions both figures
are right to 1e-11 absolutely. Beyond STOCK_EXACT_QTY the normal distribution stands in.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

STOCK_EXACT_QTY = 2_048  # Fuller shelves are rare, and demand that empties them is nearly normal.
NEGLIGIBLE = 1e-15  # Probability left in a tail that is not worth summing.
SWEEP_STEPS = 8  # Finished items are dropped once in so many steps; at each step it would cost more than it saves.
LOG_START_MIN = -600.0  # P(D = 0) is started here when it is smaller still, near the end of what a float can hold,
RESCALE_ABOVE = 1e100  # and brought back down from here.
SERIES_BELOW = 1e-6  # The excess below which log(1 + x) / x is taken from its series.


@dataclass(frozen=True, slots=True)
class Demand:
    """The units that customers will ask for, per item.

    Attributes:
        mean: Expected units M, >= 0.
        excess: Variance over mean, less one: x >= 0.
    """

    mean: Floats
    excess: Floats

    @classmethod
    def of(cls, mean: Floats, *, phi: Floats | float, shape: Floats | float) -> "Demand":
        """Return the demand with `mean` units in lines of dispersion `phi` at a level of this Gamma shape.

        Args:
            mean: >= 0.
            phi: E[q^2] / E[q] of the units of a line; >= 1.
            shape: > 0; infinite when the level is known.
        """
        return cls(mean=np.asarray(mean, dtype=np.float64), excess=np.asarray(phi - 1.0 + mean / shape))

    def __post_init__(self) -> None:
        if self.mean.shape != self.excess.shape:
            raise ValueError("mean and excess must have one value per item")
        # Written so that NaN fails too.
        if not (np.all(self.mean >= 0) and np.all(self.excess >= 0)):
            raise ValueError("mean and excess must not be negative")

    @property
    def deviation(self) -> Floats:
        """Its standard deviation."""
        return np.sqrt(self.mean * (1 + self.excess))

    def take(self, rows: Ints | Mask) -> "Demand":
        """Return that of some items."""
        return Demand(self.mean[rows], self.excess[rows])


@dataclass(frozen=True, slots=True)
class Tail:
    """What happens to a stock.

    Attributes:
        p_empty: P(D >= s): the stock is asked for to the last unit.
        p_short: P(D > s): a unit more is asked for.
        lost: E[(D - s)+]: units asked for beyond it.
    """

    p_empty: Floats
    p_short: Floats
    lost: Floats


def tail(demand: Demand, stock: Ints) -> Tail:
    """Return how likely each stock runs empty and how many units are lost; a negative stock counts as none."""
    on_hand = np.maximum(stock, 0)
    exact = on_hand <= STOCK_EXACT_QTY
    if exact.all():
        return _exact(demand, on_hand)
    whole = Tail(*(np.empty(len(on_hand)) for _ in range(3)))
    for rows, method in ((exact, _exact), (~exact, _normal)):
        part = method(demand.take(rows), on_hand[rows])
        whole.p_empty[rows], whole.p_short[rows], whole.lost[rows] = part.p_empty, part.p_short, part.lost
    return whole


def lost_beyond(demand: Demand, stock: Floats) -> Floats:
    """Return E[(D - s)+] for a stock that need not be whole, such as an expected one; linear in between, and exact."""
    on_hand = np.maximum(stock, 0.0)
    whole = np.floor(on_hand)
    below = tail(demand, whole.astype(np.int64))
    # From s to s + 1 the loss falls by P(D > s).
    return np.maximum(below.lost - (on_hand - whole) * below.p_short, 0.0)


def p_none(demand: Demand) -> Floats:
    """Return P(D = 0), the chance that nothing is asked for."""
    return np.exp(_log_p_none(demand))


def quantile(demand: Demand, prob: float) -> Ints:
    """Return the smallest n with P(D <= n) >= prob, 0 <= prob < 1: so much stock lasts with that probability."""
    if not 0 <= prob < 1:
        raise ValueError("a probability below one is needed")
    found = np.maximum(np.ceil(demand.mean + _normal_quantile(prob) * demand.deviation), 0).astype(np.int64)
    log_p = _log_p_none(demand)
    rows = np.flatnonzero(log_p > LOG_START_MIN)  # The others have means beyond 600: nearly normal.
    p = np.exp(log_p[rows])
    reached = p.copy()
    step = 0
    while len(rows):
        done = reached >= prob
        found[rows[done]] = step
        if step == STOCK_EXACT_QTY:
            break
        rows, p, reached = rows[~done], p[~done], reached[~done]
        p = p * _ratio(demand.mean[rows], demand.excess[rows], step)
        reached = reached + p
        step += 1
    return found


def _ratio(mean: Floats, excess: Floats, step: int) -> Floats:
    """Return P(D = step + 1) / P(D = step)."""
    return (mean + step * excess) / ((1 + excess) * (step + 1))


def _log_p_none(demand: Demand) -> Floats:
    excess = demand.excess
    small = excess < SERIES_BELOW
    plain = np.where(small, 1.0, excess)
    return -demand.mean * np.where(small, 1 - excess / 2 + excess * excess / 3, np.log1p(plain) / plain)


def _exact(demand: Demand, on_hand: Ints) -> Tail:
    """Run the recurrence; the fullest shelves first, so that the items still running are the first ones."""
    order = np.argsort(-on_hand.astype(np.int16), kind="stable")  # 16 bits: sorted by counting.
    stock = on_hand[order]
    mean, excess = demand.mean[order], demand.excess[order]
    grown = 1 + excess
    slope, base = excess / grown, mean / grown
    log_start = _log_p_none(Demand(mean, excess))
    lift = np.minimum(log_start - LOG_START_MIN, 0.0)
    p = np.exp(log_start - lift)
    below = np.zeros(len(p))
    _run(stock, p, below, lift, slope, base)
    level = np.exp(lift)
    p, below = p * level, below * level
    p_empty = np.clip(1 - below, 0.0, 1.0)
    lost = np.clip((mean - stock) * p_empty + grown * stock * p, 0.0, mean)
    # Least loss there can be: what is expected beyond the stock. Keeps rounding from undercutting it.
    lost = np.maximum(lost, mean - stock)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Tail(p_empty[back], np.clip(p_empty - p, 0.0, 1.0)[back], lost[back])


def _run(stock: Ints, p: Floats, below: Floats, lift: Floats, slope: Floats, base: Floats) -> None:
    """Bring `p` to P(D = stock) and `below` to P(D < stock), both times e^-lift, in place; stocks fall along the rows.

    An item whose tail has become negligible is finished early, with p = 0 and below = 1: its stock lasts.
    """
    rows: Ints | None = None  # None: the running items are the first `n` rows of the arrays themselves.
    run_p, run_below, run_slope, run_base, run_stock = p, below, slope, base, stock
    deepest = int(stock[0]) if len(stock) else 0
    rescales = bool((lift < 0).any())
    step = 0
    while step < deepest and len(run_p):
        until = min(step + SWEEP_STEPS, deepest)
        # How many of the running items still have stock beyond each step: one search in place of one a step.
        counts = np.searchsorted(-run_stock, -np.arange(step, until), side="left")
        for j, n in zip(range(step, until), counts.tolist(), strict=True):
            part = run_p[:n]
            run_below[:n] += part
            ratio = run_slope[:n] * j
            ratio += run_base[:n]
            ratio *= 1 / (j + 1)
            part *= ratio
        step = until
        if rescales:
            _rescale(run_p, run_below, lift, rows)
        if rows is not None:
            p[rows], below[rows] = run_p, run_below
        ratio = np.maximum((run_slope * step + run_base) / (step + 1), run_slope)
        here = lift if rows is None else lift[rows]
        running = run_stock > step
        rest = run_p * np.exp(here)
        ends = running & (ratio < 1) & (rest < NEGLIGIBLE * (1 - ratio))
        ended = np.flatnonzero(ends) if rows is None else rows[ends]
        p[ended], below[ended], lift[ended] = 0.0, 1.0, 0.0
        kept = np.flatnonzero(running & ~ends)
        rows = kept if rows is None else rows[kept]
        run_p, run_below = p[rows], below[rows]
        run_slope, run_base, run_stock = slope[rows], base[rows], stock[rows]


def _rescale(p: Floats, below: Floats, lift: Floats, rows: Ints | None) -> None:
    """Take a power of ten from `p` and `below` where they have grown, and give it to the lift."""
    grown = np.flatnonzero((p > RESCALE_ABOVE) | (below > RESCALE_ABOVE))
    if len(grown):
        p[grown] /= RESCALE_ABOVE
        below[grown] /= RESCALE_ABOVE
        lift[grown if rows is None else rows[grown]] += math.log(RESCALE_ABOVE)


def _normal(demand: Demand, on_hand: Ints) -> Tail:
    """Return the tail of the normal distribution with the same moments, with a correction for continuity."""
    deviation = np.maximum(demand.deviation, 1e-9)
    z = (on_hand - demand.mean) / deviation
    above = _normal_above(z)
    lost = deviation * (np.exp(-z * z / 2) / math.sqrt(2 * math.pi) - z * above)
    half = 0.5 / deviation
    return Tail(_normal_above(z - half), _normal_above(z + half), np.maximum(lost, 0.0))


def _normal_above(z: Floats) -> Floats:
    # numpy has no error function; few rows come here.
    return np.array([math.erfc(value / math.sqrt(2)) / 2 for value in z.tolist()], dtype=np.float64)


def _normal_quantile(prob: float) -> float:
    """Return z with P(Z <= z) = prob, by halving; 40 halvings are exact to 1e-11."""
    low, high = -10.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        below = math.erfc(-middle / math.sqrt(2)) / 2
        low, high = (middle, high) if below < prob else (low, middle)
    return high
