"""Which items are worth a free worker's time, in which order, and what rides along: one tub, bound at the claim. Pure.

Labour has a price nu, in lost units that a second of it must avert, and an item is worth a worker's time as
`demand.value.admitted` says. From there:

    start     when an item is worth it: the live watch has a pull for each that is
    fill up   with items worth a FILL_EASE-th of the price, its offers: the trip is made anyway
    sequence  by rate * P(empty before the tub lands) / seconds: the loss that a second of delay costs, per second of
              work (the c-mu rule), and a little of what the pull averts until close, so that of shelves that will do
              for now the one that matters most goes first; in the last round, when nothing follows but the night, by
              units averted / seconds
    price     rises while more work is admitted than the hands at work do in BACKLOG_S, and falls while less is

So small pulls wait while large ones are due, idle hands top up early, and nobody tunes the price to a store. What goes
into the tub is settled by the planner of live claims (`tubs.picking`), here as there.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pullsvc.demand.horizon import Floats, Ints, Mask
from pullsvc.demand.value import WAIT_S, Worth
from pullsvc.tubs.picking import MAX_NEIGHBOURS, Bin, Candidate, Limits, Pool

LINES_MAX, UNITS_MAX = 10, 150  # Of a tub in the backtest.
TRIP_S = 210.0  # Fetching a tub, to the floor, back.

FIRST_PRICE = 2e-3
PRICE_MIN, PRICE_MAX = 2e-5, 5e-2  # Lost units a second of labour.
PRICE_STEP_S = 120.0
PRICE_GAIN = 0.25
PRICE_STEPS_MAX = 5  # After a break the price moves on, but no further than this at once.
BACKLOG_S = 900.0
FILL_EASE = 4.0
LAST_ROUND_S = 45 * 60.0  # Before the last shift ends.

# Pulls of the watch rank from routine up to just below a waiting customer (90). A gap that a person scans (60) ranks
# as a shelf on which a unit an hour is lost, for REFERENCE_S of work; twice the loss, or half the work, is worth what
# one more person who asks is worth. So a waiting customer ranks as 64 units an hour.
MIN_URGENCY, UNIT_AN_HOUR_URGENCY, MAX_URGENCY = 30, 60, 85
DOUBLING_URGENCY = 5
REFERENCE_S = 90.0
# What a pull averts until close counts in the sequence as if it were lost evenly over so many hours.
SPREAD_H = 10.0

_LIMITS = Limits(lines=LINES_MAX, volume_ml=UNITS_MAX, weight_g=1, seconds=24 * 3600)  # A unit is a millilitre here.
_NO_TIME = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Offer:
    """The items that could be brought, one entry per item.

    Attributes:
        worth: What bringing each is worth.
        qty: Eaches that would be brought; >= 1.
        pace: Expected sales an hour.
    """

    worth: Worth
    qty: Ints
    pace: Floats

    def admitted(self, price: float, *, late: bool = False) -> Mask:
        """Tell which are worth a worker's time at this price.

        Args:
            price: Lost units that a second of labour must avert.
            late: No later pull could be larger, so that waiting is no choice.
        """
        pays = self.worth.averted >= price * self.worth.labour_s
        if late:
            return np.asarray(pays)
        return np.asarray(pays & (self.worth.p_empty * self.qty >= price * WAIT_S))

    def riding(self, price: float, *, late: bool = False) -> Mask:
        """Tell which are worth a place in a tub that goes anyway, and no tub of their own."""
        return np.asarray(self.admitted(price / FILL_EASE, late=late) & ~self.admitted(price, late=late))

    def urgency(self, *, late: bool = False, waited_steps: Floats | float = 0.0) -> Ints:
        """Return how urgent each is: the loss that an hour of delay costs, for the work that it takes.

        In the last round it is what the whole pull averts. It rises with the logarithm, see UNIT_AN_HOUR_URGENCY, and
        by DOUBLING_URGENCY for each step that a pull has waited; MIN_URGENCY..MAX_URGENCY.
        """
        an_hour = self.pace * self.worth.p_empty + self.worth.averted / SPREAD_H
        delay = an_hour / self.worth.labour_s
        loss = np.maximum((self.worth.per_s if late else delay) * REFERENCE_S, 1e-12)
        steps = np.maximum(UNIT_AN_HOUR_URGENCY + DOUBLING_URGENCY * np.log2(loss), MIN_URGENCY)
        urgency = np.clip(steps + DOUBLING_URGENCY * waited_steps, MIN_URGENCY, MAX_URGENCY)
        return np.asarray(urgency, dtype=np.int64)


def tub(offer: Offer, *, price: float, late: bool = False) -> list[tuple[int, int]]:
    """Return the rows to bring now, each with its eaches, the most urgent first; none: nothing is worth its time.

    Args:
        offer: The items.
        price: Of labour, now.
        late: It is the last round before the night.
    """
    urgency = offer.urgency(late=late)
    seeds = _best(np.flatnonzero(offer.admitted(price, late=late)), urgency, most=MAX_NEIGHBOURS + 1)
    riders = _best(np.flatnonzero(offer.riding(price, late=late)), urgency, most=LINES_MAX - 1)
    rows = np.concatenate((seeds, riders)).tolist()
    # All lie at one place: what a walk between bins takes is the same for each line of the backtest.
    plan = Pool(
        Candidate(
            pull_id=place,
            sku=str(row),
            shelf="",
            zone="",
            urgency=int(urgency[row]),
            due_at=_NO_TIME,
            qty=int(offer.qty[row]),
            volume_ml=1,
            weight_g=0,
            bins=(Bin(f"{place:04}", "", 0, int(offer.qty[row])),),
            rides=place >= len(seeds),
        )
        for place, row in enumerate(rows)
    ).compose(_LIMITS)
    return [] if plan is None else [(rows[line.pull_id], line.qty) for line in plan.lines]


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


def _best(rows: Ints, urgency: Ints, *, most: int) -> Ints:
    return rows[np.argsort(-urgency[rows], kind="stable")[:most]]
