"""What a pull is worth: expected lost units averted, per second of labour. Pure, over many items.

The shelf holds s units; customers ask for D_t until a tub lands and for D_T until the store closes. What is lost before
the tub lands, L = E[(D_t - s)+], is lost whatever is done now. After it, the tub averts

    B = E[(D_T - s)+] - L - P E[(D_r - q)+] - (1 - P) E[(D_T - s - q - d)+]      units, of P = P(D_t >= s)

With the chance P it finds an empty shelf, and the demand D_r of the rest of the day meets q units. Else it meets what
is left and q together: as no delivery would change until then, all demand D_T meets s + q, and as it is known that
little was sold before, less of it than expected by d = M_t - E[D_t | D_t < s] = (P (s - M_t) + L) / (1 - P).

An item is worth a worker's time when both hold at the price nu, in lost units a second of labour:

    P(D_t >= s) q >= nu * WAIT_S                          a later pull would be larger, and just as much in time
    B             >= nu * (seconds for the line)

which is how an index rule for one server and many items looks (Veatch and Wein: Scheduling a make-to-stock queue,
1996): the most averted per second first, and rest when nothing is worth its time. `trigger_qty` and `next_check_s`
invert the decision, so that whoever takes in sales only compares.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pullsvc.demand.horizon import NEGLIGIBLE, Demand, Floats, Ints, Mask, lost_beyond, tail
from pullsvc.demand.levels import Level
from pullsvc.demand.profile import DayCurve

WAIT_S = 60.0  # A worker's time that a line costs whatever its size: by waiting it is spent once for more units.
# In average days, some four minutes of trading: who has time while the store rests fills up for when it does not.
LEAST_LANDING = 1 / 240
CHECK_STEP_S = 900
SLACK = 0.05  # The bound on what a delivery averts is strict in theory; the two moments keep it only nearly.
MAX_CHECK_STEPS = 200  # Of a quarter of an hour: two days.


@dataclass(frozen=True, slots=True)
class Labour:
    """What a line of a tub costs.

    Attributes:
        line_s: Seconds a line: walk, find, go to the shelf.
        unit_s: Seconds a unit: pick and put.
    """

    line_s: float = 60.0
    unit_s: float = 2.5

    def seconds(self, qty: Ints) -> Floats:
        """Return the seconds for lines of so many units."""
        return np.asarray(self.line_s + self.unit_s * qty)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What lies ahead, in average days on the day's curve, times the traffic factor.

    Attributes:
        landing: Until a tub sent for now is on the shelf; one for all, or by item.
        closing: Until the store closes; at least `landing`.
    """

    landing: Floats | float
    closing: Floats | float

    @classmethod
    def of(cls, *, landing: float, closing: float) -> "Ahead":
        """Return what lies ahead; the tub is taken to land after LEAST_LANDING of demand at least, if there is as much.

        Where a store closes over noon nothing sells before a tub lands, and yet the shelf is better full afterwards.
        """
        whole = max(landing, closing)
        return cls(min(max(landing, LEAST_LANDING), whole), whole)


@dataclass(frozen=True, slots=True)
class Worth:
    """What pulling each item now is worth.

    Attributes:
        p_empty: P(D_t >= s), that the shelf is empty before the tub lands.
        averted: Expected units sold that would be lost without; >= 0.
        labour_s: Seconds for the line, without its part of the trip.
    """

    p_empty: Floats
    averted: Floats
    labour_s: Floats

    @property
    def per_s(self) -> Floats:
        """Units averted a second of labour."""
        return np.asarray(self.averted / self.labour_s)


def worth(level: Level, *, stock: Ints, qty: Ints, ahead: Ahead, labour: Labour, coming: Ints | None = None) -> Worth:
    """Return what pulling `qty` now is worth.

    Args:
        level: Of the items.
        stock: On the shelf; below zero counts as none.
        qty: Eaches to pull, >= 0: the room, and no more than the backroom has.
        ahead: How much demand there is until the tub lands, and until the store closes.
        labour: What a line costs.
        coming: Eaches on their way already, taken to land at the same time; None: none.
    """
    on_hand = np.maximum(stock, 0)
    soon, whole = level.demand(ahead.landing), level.demand(ahead.closing)
    landing = tail(soon, on_hand)
    rest = level.demand(np.maximum(np.asarray(ahead.closing) - ahead.landing, 0.0))
    none = tail(whole, on_hand).lost - landing.lost

    def lost_after(delivered: Ints) -> Floats:
        p = landing.p_empty
        stays = np.asarray(np.maximum(1 - p, 1e-12))
        fewer = np.maximum((p * (on_hand - soon.mean) + landing.lost) / stays, 0.0)
        met = np.asarray(np.where(p < 1, stays * lost_beyond(whole, fewer + on_hand + delivered), 0.0))
        rows = np.flatnonzero(p > NEGLIGIBLE)
        met[rows] += p[rows] * tail(rest.take(rows), delivered[rows]).lost
        return met

    if coming is not None and coming.any():
        none = np.minimum(none, lost_after(coming))
        averted = none - lost_after(coming + qty)
    else:
        averted = none - lost_after(qty)
    return Worth(landing.p_empty, np.where(qty > 0, np.maximum(averted, 0.0), 0.0), labour.seconds(qty))


def admitted(found: Worth, *, qty: Ints, price: float) -> Mask:
    """Tell which items are worth a worker's time at this price.

    Args:
        found: What pulling them is worth.
        qty: How much of them.
        price: Lost units that a second of labour must avert; >= 0.
    """
    urgent = found.p_empty * qty >= price * WAIT_S
    return np.asarray((qty > 0) & urgent & (found.averted >= price * found.labour_s))


def trigger_qty(level: Level, *, capacity: Ints, backroom: Ints, ahead: Ahead, labour: Labour, price: float) -> Ints:
    """Return the largest stock at which each item is worth pulling; -1: at none.

    The first condition of `admitted` only eases as the stock falls: where it begins to hold is found by halving. From
    there the second is tried downwards; it mostly holds at once, and for most items of a store it never can.

    Args:
        level: Of the items.
        capacity: Of the shelf, >= 1.
        backroom: Eaches there, not spoken for.
        ahead: How much demand there is until a tub would land, and until the store closes.
        labour: What a line costs.
        price: See `admitted`.
    """

    def qty_at(rows: Ints, stock: Ints) -> Ints:
        return np.asarray(np.maximum(np.minimum(capacity[rows] - stock, backroom[rows]), 0))

    def is_urgent(rows: Ints, stock: Ints) -> Mask:
        qty = qty_at(rows, stock)
        landing = level.take(rows).demand(_some(ahead.landing, rows))
        return np.asarray((qty > 0) & (tail(landing, stock).p_empty * qty >= price * WAIT_S))

    # No delivery averts more than all demand after it.
    after = level.units_a_day * (np.asarray(ahead.closing) - ahead.landing)
    possible = (after * (1 + SLACK) >= price * labour.line_s) & (backroom > 0)
    stock = _largest(is_urgent, np.flatnonzero(possible), most=capacity - 1)
    found = np.full(len(capacity), -1, dtype=np.int64)
    rows = np.flatnonzero(stock >= 0)
    while len(rows):
        qty = qty_at(rows, stock[rows])
        there = Ahead(_some(ahead.landing, rows), _some(ahead.closing, rows))
        offer = worth(level.take(rows), stock=stock[rows], qty=qty, ahead=there, labour=labour)
        good = admitted(offer, qty=qty, price=price)
        found[rows[good]] = stock[rows[good]]
        rows = rows[~good]
        stock[rows] -= 1
        rows = rows[stock[rows] >= 0]
    return found


def _largest(holds: Callable[[Ints, Ints], Mask], rows: Ints, *, most: Ints) -> Ints:
    """Return the largest stock, 0..most, at which it holds, -1 at none, also for items not in `rows`.

    Where it holds, it must hold for every smaller stock.
    """
    below, above = np.full(len(most), -1, dtype=np.int64), most + 1
    while len(rows):
        middle = (below[rows] + above[rows]) // 2
        good = holds(rows, middle)
        below[rows[good]], above[rows[~good]] = middle[good], middle[~good]
        rows = rows[above[rows] - below[rows] > 1]
    return below


def next_check_s(
    level: Level,
    *,
    stock: Ints,
    qty: Ints,
    curve: DayCurve,
    traffic: float,
    now_s: float,
    closes_s: float,
    lead_s: float,
    labour: Labour,
    price: float,
) -> Floats:
    """Return when each item could first be worth pulling if nothing is sold, at a step of CHECK_STEP_S; inf: not today.

    Without a sale the level only falls, so an item is never looked at too late, unless the price falls below `price`:
    give the lowest one of the day.

    Args:
        level: Of the items, now.
        stock: On the shelf; below zero counts as none.
        qty: Eaches that a pull would bring.
        curve: Of the day.
        traffic: How busy it is.
        now_s, closes_s: Seconds since the business day began.
        lead_s: Seconds until a tub is on the shelf.
        labour: What a line costs.
        price: See `admitted`.
    """
    found = np.full(len(stock), np.inf)
    if closes_s <= now_s:
        return found
    steps = min(int((closes_s - now_s) // CHECK_STEP_S) + 1, MAX_CHECK_STEPS)
    times = now_s + CHECK_STEP_S * np.arange(steps, dtype=np.float64)
    landings = traffic * (curve.at(np.minimum(times + lead_s, closes_s)) - curve.at(times))
    closings = traffic * (curve.at(closes_s) - curve.at(times))
    rows = _could_be_worth(
        level,
        stock=stock,
        qty=qty,
        busiest=max(float(landings.max()), LEAST_LANDING),
        closing=float(closings[0]),
        labour=labour,
        price=price,
    )
    for time_s, landing, closing in zip(times.tolist(), landings.tolist(), closings.tolist(), strict=True):
        if not len(rows):
            break
        ahead = Ahead.of(landing=landing, closing=closing)
        offer = worth(level.take(rows), stock=stock[rows], qty=qty[rows], ahead=ahead, labour=labour)
        good = admitted(offer, qty=qty[rows], price=price)
        found[rows[good]] = time_s
        rows = rows[~good]
    return found


def _could_be_worth(
    level: Level, *, stock: Ints, qty: Ints, busiest: float, closing: float, labour: Labour, price: float
) -> Ints:
    """Return the rows that no bound rules out for the whole rest of the day, which is most of them in a real store."""
    on_hand = np.maximum(stock, 0)
    urgent = tail(level.demand(busiest), on_hand).p_empty * qty >= price * WAIT_S
    rows = np.flatnonzero(urgent & (qty > 0))
    lost = tail(level.take(rows).demand(closing), on_hand[rows]).lost
    return rows[lost >= price * labour.seconds(qty[rows])]


def expected_stock(demand: Demand, stock: Ints) -> Floats:
    """Return E[(s - D)+], what is left on the shelf after the demand."""
    on_hand = np.maximum(stock, 0)
    return np.maximum(on_hand - demand.mean + tail(demand, on_hand).lost, 0.0)


def _some(value: Floats | float, rows: Ints) -> Floats | float:
    return value[rows] if isinstance(value, np.ndarray) and value.ndim else value
