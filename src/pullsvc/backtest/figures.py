"""The figures of a day, and of many: availability, lost sales, work, lead times, calibration, and the gap closed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pullsvc.backtest.model import HOUR_S, OPENS_S, Floats, Ints, Items, Mask
from pullsvc.backtest.results import DayResult

FAST_QTY = 2.0  # Mean eaches a day of a fast item.
HOURS = 24
CALIBRATION_EDGES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
DRAWS = 2_000  # Of the bootstrap.


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """One day under one rule, small enough to travel between processes.

    Attributes:
        asked, lost: Eaches.
        lost_cents: At the items' prices.
        fast_asked, fast_lost: Of fast items.
        weighted: Sum over items asked for of mean sales times the share of their demand met; and of mean sales.
        by_hour: Eaches asked for and lost by hour since 05:00, (2, HOURS).
        by_department: The same by department in the order of `departments_of`.
        lead_s: From when the rule wanted a line to the shelf, of each delivery.
        found_empty: Deliveries that found the shelf empty.
        brought_back: Eaches that did not fit.
        lines, trips, put: Lines, trips, and eaches put on shelves.
        worked_s, staffed_s: Seconds.
        calibration: By bin of `CALIBRATION_EDGES`: deliveries, sum of the rule's probabilities, found empty.
        cpu_s: Of the replay.
    """

    day: int
    asked: int
    lost: int
    lost_cents: float
    fast_asked: int
    fast_lost: int
    weighted: tuple[float, float]
    by_hour: Ints
    by_department: Ints
    lead_s: Floats
    found_empty: int
    brought_back: int
    lines: int
    trips: int
    put: int
    worked_s: float
    staffed_s: float
    calibration: Floats
    cpu_s: float


def departments_of(items: Items) -> list[str]:
    """Return the departments in their order."""
    return sorted(set(items.department))


def figures_of(result: DayResult, items: Items) -> DayFigures:
    """Return the figures of a day."""
    item, asked, lost = result.lines.item, result.lines.qty, result.lost
    fast = items.mean_qty[item] >= FAST_QTY
    number = {name: row for row, name in enumerate(departments_of(items))}
    department = np.array([number[name] for name in items.department])[item]
    hour = np.minimum((result.lines.second - OPENS_S) // HOUR_S, HOURS - 1)
    empty = result.delivery("stock_before") == 0
    picked, put = result.delivery("picked"), result.delivery("put")
    return DayFigures(
        day=result.day,
        asked=int(asked.sum()),
        lost=int(lost.sum()),
        lost_cents=float((lost * items.price_cents[item]).sum()),
        fast_asked=int(asked[fast].sum()),
        fast_lost=int(lost[fast].sum()),
        weighted=_weighted(item, asked, lost, items.mean_qty),
        by_hour=_split(hour, asked, lost, HOURS),
        by_department=_split(department, asked, lost, len(number)),
        lead_s=result.delivery("put_s") - result.delivery("asked_s"),
        found_empty=int(empty.sum()),
        brought_back=int((picked - put).sum()),
        lines=len(result.deliveries),
        trips=len(result.trips),
        put=int(put.sum()),
        worked_s=result.worked_s,
        staffed_s=result.staffed_s,
        calibration=_calibration(result.delivery("p_empty"), empty),
        cpu_s=result.cpu_s,
    )


def _weighted(item: Ints, asked: Ints, lost: Ints, mean: Floats) -> tuple[float, float]:
    of_item = np.bincount(item, weights=asked, minlength=len(mean))
    gone = np.bincount(item, weights=lost, minlength=len(mean))
    seen = of_item > 0
    met = 1 - gone[seen] / of_item[seen]
    return float((mean[seen] * met).sum()), float(mean[seen].sum())


def _split(of: Ints, asked: Ints, lost: Ints, count: int) -> Ints:
    parts = [np.bincount(of, weights=values, minlength=count) for values in (asked, lost)]
    return np.array(parts).astype(np.int64)


def _calibration(said: Floats, empty: Mask) -> Floats:
    known = ~np.isnan(said)
    where = np.clip(np.searchsorted(CALIBRATION_EDGES, said[known], side="right") - 1, 0, len(CALIBRATION_EDGES) - 2)
    count = len(CALIBRATION_EDGES) - 1
    columns = (None, said[known], empty[known].astype(np.float64))
    return np.array([np.bincount(where, weights=column, minlength=count) for column in columns])


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Many days under one rule; days' figures are means, shares are of all days together.

    Attributes:
        lost: Lost eaches a day.
        lost_revenue: A day, in the currency of the prices.
        availability: Share of demand met.
        availability_fast: Of fast items.
        availability_weighted: Of items, weighted by mean sales.
        lines_per_1000, trips_per_1000: Per 1,000 eaches sold.
        utilisation: Time worked over time staffed; above one when last trips end after the shift.
        lead_mean_min, lead_p90_min: Minutes from wanting a line to the shelf.
        found_empty: Share of deliveries that found the shelf empty.
        overfill: Share of the eaches brought that did not fit.
        cpu_s: A simulated day.
    """

    lost: float
    lost_revenue: float
    availability: float
    availability_fast: float
    availability_weighted: float
    lines_per_1000: float
    trips_per_1000: float
    utilisation: float
    lead_mean_min: float
    lead_p90_min: float
    found_empty: float
    overfill: float
    cpu_s: float


def summarise(days: Sequence[DayFigures]) -> Figures:
    """Return the figures of many days; at least one."""
    sold = sum(day.asked - day.lost for day in days)
    lines = sum(day.lines for day in days)
    lead_min = np.concatenate([day.lead_s for day in days]) / 60
    brought = sum(day.put + day.brought_back for day in days)
    return Figures(
        lost=float(np.mean([day.lost for day in days])),
        lost_revenue=float(np.mean([day.lost_cents for day in days])) / 100,
        availability=_share(sold, sum(day.asked for day in days), none=1.0),
        availability_fast=1 - _share(sum(day.fast_lost for day in days), sum(day.fast_asked for day in days)),
        availability_weighted=_share(
            sum(day.weighted[0] for day in days), sum(day.weighted[1] for day in days), none=1.0
        ),
        lines_per_1000=1000 * _share(lines, sold),
        trips_per_1000=1000 * _share(sum(day.trips for day in days), sold),
        utilisation=_share(sum(day.worked_s for day in days), sum(day.staffed_s for day in days)),
        lead_mean_min=float(lead_min.mean()) if lines else 0.0,
        lead_p90_min=float(np.quantile(lead_min, 0.9)) if lines else 0.0,
        found_empty=_share(sum(day.found_empty for day in days), lines),
        overfill=_share(sum(day.brought_back for day in days), brought),
        cpu_s=float(np.mean([day.cpu_s for day in days])),
    )


def _share(part: float, whole: float, *, none: float = 0.0) -> float:
    return part / whole if whole else none


@dataclass(frozen=True, slots=True)
class Gap:
    """How much of the way from rule c to the clairvoyant a rule goes; 1 is all of it.

    Attributes:
        closed: Over all days; NaN where the clairvoyant saves nothing beyond c.
        low, high: 95 % interval.
    """

    closed: float
    low: float
    high: float

    @property
    def told(self) -> tuple[str, str]:
        """In percent, and its interval; dashes where there is nothing to close."""
        if np.isnan(self.closed):
            return "-", "-"
        return f"{100 * self.closed:.0f} %", f"{100 * self.low:.0f} to {100 * self.high:.0f}"


def gap_closed(lost: Sequence[float], *, reference: Sequence[float], best: Sequence[float], seed: int) -> Gap:
    """Return (lost of c - lost) / (lost of c - lost of f), with a paired bootstrap over days.

    Args:
        lost: Of the rule, by day.
        reference, best: Of rule c and of f, on the same days.
        seed: Of the draws.
    """
    mine, c, f = (np.asarray(values, dtype=np.float64) for values in (lost, reference, best))
    rows = np.random.default_rng([seed, 4]).integers(0, len(mine), size=(DRAWS, len(mine)))
    with np.errstate(divide="ignore", invalid="ignore"):
        closed = (c - mine).sum() / (c - f).sum()
        drawn = (c - mine)[rows].sum(axis=1) / (c - f)[rows].sum(axis=1)
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(closed) or not len(drawn):
        return Gap(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Gap(float(closed), float(low), float(high))
