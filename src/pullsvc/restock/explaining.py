"""The figures behind a decision of the watch, as data and as one plain sentence. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from pullsvc.demand.horizon import Floats
from pullsvc.demand.levels import Level
from pullsvc.restock.rules import Verdict

HOUR_S = 3600
NORMAL_90 = 1.2816  # The normal distribution's 90th percentile.
HARDLY_AN_HOUR = 0.05
LAST_SALES = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """What a decision about one shelf rests on; eaches and seconds.

    Attributes:
        verdict: What was decided.
        rate_per_h, rate_low_per_h, rate_high_per_h: Units sold an hour at the present pace; eight times in ten the
            true rate lies between the two.
        on_hand, in_flight, backroom, capacity: As the books have them.
        leads_s: Times to shelf: five of six are slower than the first, half than the second, one than the third.
        p_empty: Probability that the shelf is empty before a pull lands.
        averted: Units that would be lost without the pull.
        labour_s: Seconds of work for it.
        price: Units that a second of labour must avert now.
        traffic: How busy the day is; 1: as expected.
        lasts_s: Until the shelf is expected to be empty; None: not before the store closes.
        trigger_qty: The stock at which it is looked at again.
        qty: What is asked for.
        last_sales: The newest sale lines, oldest first: when, and eaches.
    """

    verdict: Verdict
    rate_per_h: float
    rate_low_per_h: float
    rate_high_per_h: float
    on_hand: int
    in_flight: int
    backroom: int
    capacity: int
    leads_s: Sequence[float]
    p_empty: float
    averted: float
    labour_s: float
    price: float
    traffic: float
    lasts_s: float | None
    trigger_qty: int
    qty: int
    last_sales: Sequence[tuple[datetime, int]]

    @property
    def averted_per_min(self) -> float:
        """Units averted a minute of work."""
        return self.averted / self.labour_s * 60

    def data(self, *, time_zone: str) -> dict[str, Any]:
        """Return the figures as they are kept with the pull; see `views.Explanation`."""
        low_s, median_s, high_s = self.leads_s
        return {
            "sentence": sentence(self, time_zone=time_zone),
            "verdict": self.verdict.value,
            "rate_per_h": round(self.rate_per_h, 3),
            "rate_low_per_h": round(self.rate_low_per_h, 3),
            "rate_high_per_h": round(self.rate_high_per_h, 3),
            "on_hand": self.on_hand,
            "in_flight": self.in_flight,
            "backroom": self.backroom,
            "capacity": self.capacity,
            "lasts_s": None if self.lasts_s is None else round(self.lasts_s),
            "lead_s": round(median_s),
            "lead_low_s": round(low_s),
            "lead_high_s": round(high_s),
            "p_empty": round(self.p_empty, 4),
            "averted": round(self.averted, 3),
            "averted_per_min": round(self.averted_per_min, 4),
            "price_per_min": round(self.price * 60, 4),
            "traffic": round(self.traffic, 3),
            "trigger_qty": self.trigger_qty,
            "qty": self.qty,
            "last_sales": [{"at": at.isoformat(), "qty": qty} for at, qty in self.last_sales],
        }


def rate_range(level: Level) -> tuple[Floats, Floats]:
    """Return by what the mean rate of each item is multiplied at the ends of the range that holds it 8 times in 10.

    Wilson and Hilferty's quantiles of the Gamma level (1931); under a shape of one half the lower end is nothing.
    """
    spread = 1 / (9 * level.shape)
    low, high = (np.maximum(1 - spread + z * np.sqrt(spread), 0.0) ** 3 for z in (-NORMAL_90, NORMAL_90))
    return np.asarray(low), np.asarray(high)


def sentence(figures: Figures, *, time_zone: str) -> str:
    """Return the reason in words, times by the clock on the wall."""
    parts = [_sells(figures), _there(figures)]
    if figures.in_flight:
        parts.append(f"{figures.in_flight} on the way")
    told = [", ".join(parts) + f"; {_risk(figures)}"]
    if figures.last_sales:
        told.append(_sold(figures.last_sales, ZoneInfo(time_zone)))
    return ". ".join(told) + "."


def _sells(figures: Figures) -> str:
    if figures.rate_per_h < HARDLY_AN_HOUR:
        return "Hardly sells"
    return f"Sells {figures.rate_per_h:.1f} an hour ({figures.rate_low_per_h:.1f} to {figures.rate_high_per_h:.1f})"


def _there(figures: Figures) -> str:
    if figures.on_hand == 0:
        return "the shelf is empty"
    if figures.lasts_s is None:
        return f"{figures.on_hand} on the shelf, enough for today"
    return f"{figures.on_hand} on the shelf, lasts {_spoken(figures.lasts_s)}"


def _risk(figures: Figures) -> str:
    takes = _spoken(figures.leads_s[1])
    if figures.on_hand == 0:
        told = f"a pull takes {takes}"
    else:
        told = f"{_percent(figures.p_empty)} to be empty before a pull arrives in {takes}"
    if figures.verdict is Verdict.PRESENTATION:
        return f"{told}; it looks bad"
    if figures.verdict is Verdict.RIDES:
        told = f"{told}; not worth a trip of its own, but a place in a tub that goes"
    if figures.averted < HARDLY_AN_HOUR:
        return told
    return f"{told}, which saves {figures.averted:.1f} sales, {figures.averted_per_min:.1f} a minute of work"


def _percent(chance: float) -> str:
    if chance < 0.01:
        return "under 1 %"
    return f"{math.floor(chance * 100)} %"


def _sold(sales: Sequence[tuple[datetime, int]], zone: ZoneInfo) -> str:
    told = [f"{qty} at {at.astimezone(zone):%H:%M}" for at, qty in sales]
    return "Last sold " + ", ".join(told)


def _spoken(duration_s: float) -> str:
    minutes = round(duration_s / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{round(duration_s / HOUR_S)} h"
