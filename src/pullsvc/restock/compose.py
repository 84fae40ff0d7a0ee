"""Which items a free worker shall bring out now, or whether to wait: one tub, bound at the claim. Pure.

Labour has a price nu, in lost units that a second of it must avert, and an item is worth a worker's time as
`demand.value.admitted` says. From there:

    start     when an admitted item still is one with its share of the trip's fixed seconds,
              or when a tub can be filled with items worth a FULL_TUB_EASE-th of the price
    fill up   with items worth a FILL_EASE-th of it: the trip is made anyway
    sequence  by rate * P(empty before the tub lands) / seconds: the loss that a second of delay costs, per second of
              work (the c-mu rule); in the last round, when nothing follows but the night, by units averted / seconds
    price     rises while more work is admitted than the hands at work do in BACKLOG_S, and falls while less is

So small pulls wait while large ones are due, idle hands top up early, and nobody tunes the price to a store.
"""

import math
from dataclasses import dataclass

import numpy as np

from pullsvc.demand.horizon import Floats, Ints, Mask
from pullsvc.demand.value import WAIT_S, Worth

LINES_MAX, UNITS_MAX = 10, 150  # Of a tub.
TRIP_S = 210.0  # Fetching a tub, to the floor, back.

FIRST_PRICE = 2e-3
PRICE_MIN, PRICE_MAX = 5e-5, 5e-2  # Lost units a second of labour.
PRICE_STEP_S = 120.0
PRICE_GAIN = 0.25
PRICE_STEPS_MAX = 5  # After a break the price moves on, but no further than this at once.
BACKLOG_S = 900.0
FULL_TUB_EASE, FILL_EASE = 10.0, 4.0
LAST_ROUND_S = 45 * 60.0  # Before the last shift ends.


@dataclass(frozen=True, slots=True)
class Offer:
    """The items that could be brought, one entry per item.

    Attributes:
        worth: What bringing each is worth.
        qty: Eaches that would be brought; >= 1.
        pace: Expected sales, in any unit that is the same for all.
    """

    worth: Worth
    qty: Ints
    pace: Floats

    def admitted(self, price: float, *, extra_s: float = 0.0, late: bool = False) -> Mask:
        """Tell which are worth a worker's time at this price, with `extra_s` of a trip on top of the line.

        Args:
            price: Lost units that a second of labour must avert.
            extra_s: Seconds for each line beside its own.
            late: No later pull could be larger, so that waiting is no choice.
        """
        pays = self.worth.averted >= price * (self.worth.labour_s + extra_s)
        if late:
            return np.asarray(pays)
        return np.asarray(pays & (self.worth.p_empty * self.qty >= price * (WAIT_S + extra_s)))

    def urgency(self, *, late: bool = False) -> Floats:
        """Return what a second of delay loses, or what the whole day does, per second of work."""
        if late:
            return self.worth.per_s
        return np.asarray(self.pace * self.worth.p_empty / self.worth.labour_s)


def tub(offer: Offer, *, price: float, late: bool = False) -> Ints:
    """Return the rows to bring now, in the order of the walk to the shelves; none: wait.

    Args:
        offer: The items.
        price: Of labour, now.
        late: It is the last round before the night.
    """
    urgency = offer.urgency(late=late)
    admitted = offer.admitted(price, late=late)
    seeds = _best(np.flatnonzero(admitted), urgency)
    share_s = TRIP_S / max(1, len(seeds))
    if len(seeds) and offer.admitted(price, extra_s=share_s, late=late)[seeds].any():
        pool = offer.admitted(price / FILL_EASE, late=late) | admitted
    else:
        pool = offer.admitted(price / FULL_TUB_EASE, late=late)
        if pool.sum() < LINES_MAX:
            return np.zeros(0, dtype=np.int64)
        pool = pool | admitted
    return _fitting(_best(np.flatnonzero(pool), urgency, most=2 * LINES_MAX), offer.qty)


def work_s(offer: Offer, *, price: float, late: bool = False) -> float:
    """Return the seconds of work that are worth their time at this price, in full tubs."""
    admitted = offer.admitted(price, late=late)
    return float(offer.worth.labour_s[admitted].sum() + TRIP_S / LINES_MAX * admitted.sum())


def next_price(price: float, *, work_s: float, workers: int, passed_s: float) -> float:
    """Return the price of labour some time later.

    Args:
        price: So far.
        work_s: Admitted at that price.
        workers: At work.
        passed_s: Since the price was last set.
    """
    steps = min(PRICE_STEPS_MAX, int(passed_s / PRICE_STEP_S))
    pressure = (work_s / max(workers, 1) - BACKLOG_S) / BACKLOG_S
    moved = price * math.exp(PRICE_GAIN * steps * min(max(pressure, -1.0), 1.0))
    return min(max(moved, PRICE_MIN), PRICE_MAX)


def _best(rows: Ints, urgency: Floats, *, most: int = LINES_MAX) -> Ints:
    return rows[np.argsort(-urgency[rows], kind="stable")[:most]]


def _fitting(rows: Ints, qty: Ints) -> Ints:
    """Return the rows that fit into one tub, taken in their order; the first one always."""
    tub_rows: list[int] = []
    space = UNITS_MAX
    for row in rows.tolist():
        if qty[row] <= space or not tub_rows:
            tub_rows.append(row)
            space -= int(qty[row])
        if len(tub_rows) == LINES_MAX:
            break
    return np.array(tub_rows, dtype=np.int64)
