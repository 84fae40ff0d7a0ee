"""Time to shelf: how long a tub takes from the decision to the shelf, learnt from the store's own tubs. Pure.

The quantiles of a weighted sample: the tubs of the same part of the day, the other tubs of the store for at most
OTHER_TUBS of them, and a default distribution for DEFAULT_TUBS. Older tubs weigh less. Quantiles do not care how far
off an outlier lies, and none is taken for longer than MAX_LEAD_S, so that a tub forgotten over a break moves little.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise

import numpy as np

from pullsvc.demand.horizon import Floats, Ints, Mask
from pullsvc.demand.hours import Calendar

MIN_LEAD_S, MAX_LEAD_S = 60.0, 4 * 3600.0
OTHER_TUBS, DEFAULT_TUBS = 10.0, 5.0
KEEP_A_DAY = 0.97  # Staffing and habits change: half of a tub's weight is left after three weeks.
DAYPARTS = (time(0), time(10), time(14), time(18))  # Each from its hour on: morning, midday, afternoon, evening.

# The default: log-normal around the default time, as times of a chain of tasks are. Nine quantiles stand for it.
DEFAULT_SIGMA = 0.5
_NORMAL_DECILES = (-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816)


@dataclass(frozen=True, slots=True)
class Leads:
    """Finished tubs, one entry each.

    Attributes:
        lead_s: Seconds from the decision to the shelf; see `lead_of`.
        daypart: In which part of the day it was decided; see `daypart_of`.
        age_days: How many days ago.
    """

    lead_s: Floats
    daypart: Ints
    age_days: Floats


def daypart_of(local: time) -> int:
    """Return the part of the day that a time of the wall clock belongs to, 0..len(DAYPARTS)-1."""
    return sum(local >= begins for begins in DAYPARTS) - 1


def lead_of(calendar: Calendar, *, decided_at: datetime, on_shelf_at: datetime) -> float:
    """Return how many seconds it took; a night, or another stretch in which the store was closed, is left out.

    Only closed stretches between two open ones count as such: a tub filled before opening took its time.
    """
    spans = calendar.open_spans(decided_at, on_shelf_at)
    closed_s = sum((after.start - before.end).total_seconds() for before, after in pairwise(spans))
    return max(0.0, (on_shelf_at - decided_at).total_seconds() - closed_s)


def lead_quantiles(leads: Leads, *, daypart: int, probs: Sequence[float], default_s: float) -> Floats:
    """Return the times within which a tub is on the shelf with these probabilities, in seconds.

    Args:
        leads: The store's finished tubs of the last weeks; may be empty.
        daypart: Part of the day that is asked about.
        probs: Each 0..1.
        default_s: Median to go by while there is nothing better; > 0.
    Returns:
        Rising with the probability, within MIN_LEAD_S..MAX_LEAD_S.
    """
    if default_s <= 0 or not all(0 <= prob <= 1 for prob in probs):
        raise ValueError("a positive default and probabilities are needed")
    weight = KEEP_A_DAY**leads.age_days
    same: Mask = leads.daypart == daypart
    others = float(weight[~same].sum())
    weight = np.where(same, weight, weight * min(1.0, OTHER_TUBS / others) if others else 0.0)
    default = default_s * np.exp(DEFAULT_SIGMA * np.array(_NORMAL_DECILES))
    values = np.clip(np.concatenate((leads.lead_s, default)), MIN_LEAD_S, MAX_LEAD_S)
    weights = np.concatenate((weight, np.full(len(default), DEFAULT_TUBS / len(default))))
    return _weighted_quantiles(values, weights, probs)


def _weighted_quantiles(values: Floats, weights: Floats, probs: Sequence[float]) -> Floats:
    """Return quantiles of a weighted sample, each value standing in the middle of its weight, in logarithms between."""
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    reached = (np.cumsum(weights) - weights / 2) / math.fsum(weights)
    return np.exp(np.interp(np.asarray(probs, dtype=np.float64), reached, np.log(values)))
