"""How fast an item leaves the shelf. Pure.

The first simple model: a level, learnt over days, and the last few hours, which move it.

    level  = (units + PRIOR_UNITS) / (hours + PRIOR_HOURS)                    both forgotten by KEEP_A_DAY a day
    weight = min(hours + PRIOR_HOURS, MAX_LEVEL_HOURS)                        what the level counts for, in hours
    rate   = (level * weight + recent units) / (weight + recent hours)        units per open hour

This is the mean of a Gamma posterior for Poisson sales, with the level as prior, taken for at most MAX_LEVEL_HOURS of
evidence so that a promotion that begins today is believed within hours. There is no profile of the day in it.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

HOUR_S = 3600
KEEP_A_DAY = 0.93  # What a day's evidence is worth one day later: half of it after ten days.
PRIOR_UNITS = 0.2  # An item that nobody has seen selling is taken for a slow one: one unit in ten hours,
PRIOR_HOURS = 2.0  # and a few sales outweigh that.
MAX_LEVEL_HOURS = 8.0  # About half a trading day: the last three hours then make up a quarter of the rate.
RECENT = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was sold in which time on the shelf.

    Attributes:
        units: Eaches sold; returns do not count against them. Not whole once older days are partly forgotten.
        hours: Hours in which the item could have been bought.
    """

    units: float = 0.0
    hours: float = 0.0

    def __post_init__(self) -> None:
        if self.units < 0 or self.hours < 0:
            raise ValueError("evidence must not be negative")

    def plus(self, more: "Evidence") -> "Evidence":
        """Return both together."""
        return Evidence(self.units + more.units, self.hours + more.hours)


@dataclass(frozen=True, slots=True)
class Pace:
    """All that is known of an item's sales; the three do not overlap.

    Attributes:
        learnt: Finished business days, older ones partly forgotten.
        earlier: Today, up to the last hours.
        recent: The last hours (RECENT) of today, without the time since the shelf is known to be empty.
    """

    learnt: Evidence = Evidence()
    earlier: Evidence = Evidence()
    recent: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast an item sells.

    Attributes:
        per_h: Units per open hour; >= 0.
        hours: Hours of evidence behind it: the more, the surer.
    """

    per_h: float
    hours: float

    def over(self, duration_s: float) -> float:
        """Return the units expected to be sold in so many open seconds."""
        return self.per_h * duration_s / HOUR_S


def level_of(evidence: Evidence) -> Rate:
    """Return the level: units over hours, drawn towards a slow item as long as there is little evidence."""
    hours = evidence.hours + PRIOR_HOURS
    return Rate(per_h=(evidence.units + PRIOR_UNITS) / hours, hours=hours)


def rate_now(pace: Pace) -> Rate:
    """Return the present rate: the level of finished days and of today so far, moved by the last hours."""
    level = level_of(pace.learnt.plus(pace.earlier))
    weight = min(level.hours, MAX_LEVEL_HOURS)
    hours = weight + pace.recent.hours
    return Rate(per_h=(level.per_h * weight + pace.recent.units) / hours, hours=hours)


def time_to_empty_s(on_shelf: int, rate: Rate) -> float | None:
    """Return in how many open seconds the shelf is expected to be empty; None: never, as nothing sells.

    Args:
        on_shelf: Eaches on the shelf; 0 or less is empty already.
        rate: How fast they go.
    """
    if on_shelf <= 0:
        return 0.0
    if rate.per_h <= 0 or math.isinf(lasts_s := on_shelf / rate.per_h * HOUR_S):
        return None
    return lasts_s
