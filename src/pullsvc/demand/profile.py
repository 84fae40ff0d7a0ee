"""When in the day a store sells: its half-hour profile, its weekdays, and how busy today is. Pure.

The share of a day's lines that falls into each half hour of the wall clock is learnt for the whole store, weekdays and
weekends apart, from discounted counts of its lines; with few lines it is drawn towards all days together, and that
towards the opening hours. A weekday sells more or less than an average day by a factor, drawn towards one.

A `DayCurve` lays both over one business day: how much of an average day's demand has passed at each moment. All
exposure and all expected demand is measured on it. `traffic_factor` tells how busy the day is beyond that.

Measured on two halves of a chain's stores, by log score of every item's half hours: a flat profile costs 4 to 5 %, no
weekend 0.1 to 0.2 %, no weekday factor 0.5 % of a day's score. A profile or weekday factors by department, or the
traffic of each department, changed less than 0.03 % either way, so there is none of it here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from pullsvc.demand.horizon import Floats, Ints
from pullsvc.demand.hours import Calendar, Span

DAY_S = 86_400
BIN_S = 1_800
BINS = DAY_S // BIN_S
STEP_S = 900  # Every offset from UTC is a multiple of this, so that within a step the wall clock runs evenly.
KINDS = 2
WEEKDAY, WEEKEND = range(KINDS)
SATURDAY = 5
DAYS_IN_WEEK = 7

KEEP_A_DAY = 0.98  # Habits of shopping change slowly: half of a day's evidence is left after five weeks.
POOLED_PSEUDO_LINES = 500.0  # What all days together count for beside the weekdays, or weekends, alone.
OPEN_PSEUDO_LINES = 200.0  # What "evenly over the opening hours" counts for beside all days together.
WEEKDAY_PSEUDO_LINES = 300.0
# Lines come by the receipt, ten and more at a time, so they say less about how busy a day is than their number seems
# to: with fewer pseudo-lines the factor follows chance.
TRAFFIC_PSEUDO_LINES = 3_000.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a store's days have taught; discounted lines.

    Attributes:
        lines: By kind of day and half hour of the wall clock from midnight, (KINDS, BINS).
        weekday_lines: Sold by weekday, Monday first, (7,).
        weekday_expected: What an average day of the same items would have sold then, (7,).
    """

    lines: Floats
    weekday_lines: Floats
    weekday_expected: Floats

    def __post_init__(self) -> None:
        shapes = (self.lines.shape, self.weekday_lines.shape, self.weekday_expected.shape)
        if shapes != ((KINDS, BINS), (DAYS_IN_WEEK,), (DAYS_IN_WEEK,)):
            raise ValueError("a profile has two kinds of day, 48 half hours and seven weekdays")

    @classmethod
    def empty(cls) -> "Profile":
        """Return the profile of a store that has not sold yet."""
        return cls(np.zeros((KINDS, BINS)), np.zeros(DAYS_IN_WEEK), np.zeros(DAYS_IN_WEEK))

    def after(self, weekday: int, bin_lines: Ints | Floats, *, expected: float | None) -> "Profile":
        """Return the profile with one more finished day.

        Args:
            weekday: Of the business day; 0 is Monday.
            bin_lines: Lines sold by half hour of the wall clock, (BINS,); a day without any teaches nothing.
            expected: Lines that an average day would have sold, by the items' levels before the day; None: not known
                yet, the day counts as average.
        """
        total = float(bin_lines.sum())
        if total <= 0:
            return self
        lines, sold, fair = self.lines * KEEP_A_DAY, self.weekday_lines * KEEP_A_DAY, self.weekday_expected * KEEP_A_DAY
        lines[kind_of(weekday)] += bin_lines
        sold[weekday] += total
        fair[weekday] += total if expected is None else expected
        return Profile(lines, sold, fair)

    def shares(self, weekday: int, *, open_share: Floats | None = None) -> Floats:
        """Return which share of the day's lines falls into each half hour, (BINS,), sum 1.

        Args:
            weekday: 0 is Monday.
            open_share: How much of each half hour the store is open, 0..1; None: always open.
        """
        even = np.ones(BINS) if open_share is None or not open_share.any() else open_share
        pooled = self.lines.sum(axis=0) + OPEN_PSEUDO_LINES * even / even.sum()
        own = self.lines[kind_of(weekday)] + POOLED_PSEUDO_LINES * pooled / pooled.sum()
        return np.asarray(own / own.sum())

    def weekday_factor(self, weekday: int) -> float:
        """Return how much more than on an average day is sold on that weekday; 1: as much."""
        sold, fair = self.weekday_lines[weekday], self.weekday_expected[weekday]
        return float((sold + WEEKDAY_PSEUDO_LINES) / (fair + WEEKDAY_PSEUDO_LINES))


@dataclass(frozen=True, slots=True)
class DayCurve:
    """How much of an average day's demand has passed at each moment of one business day.

    Attributes:
        knots_s: Seconds since the business day began, rising.
        passed: Average days passed by then, from 0, never falling; linear in between.
    """

    knots_s: Floats
    passed: Floats

    @property
    def total(self) -> float:
        """The whole day, in average days."""
        return float(self.passed[-1])

    def at(self, seconds: Floats | float) -> Floats:
        """Return what has passed so many seconds after the business day began; nothing before it, all after it."""
        return np.asarray(np.interp(seconds, self.knots_s, self.passed))

    def between(self, start_s: float, end_s: float) -> float:
        """Return what passes between two moments; 0 when the end is not after the start."""
        return max(0.0, float(self.at(end_s) - self.at(start_s)))

    def when(self, passed: Floats | float) -> Floats:
        """Return at which second so much has passed, at the earliest; the last knot when that is more than the day."""
        after = np.clip(np.searchsorted(self.passed, passed, side="left"), 1, len(self.passed) - 1)
        low, high = self.passed[after - 1], self.passed[after]
        part = np.clip((passed - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
        return np.asarray(self.knots_s[after - 1] + part * (self.knots_s[after] - self.knots_s[after - 1]))


def kind_of(weekday: int) -> int:
    """Return the kind of day of a weekday; 0 is Monday."""
    return WEEKEND if weekday >= SATURDAY else WEEKDAY


def bins_of(wall_s: Ints) -> Ints:
    """Return the half hour of the wall clock, 0..BINS-1, of seconds since midnight; the next day's count on."""
    return wall_s // BIN_S % BINS


def wall_curve(profile: Profile, weekday: int, *, starts_s: int, shares: Floats | None = None) -> DayCurve:
    """Return the curve of a business day of 24 hours by the wall clock, for times that have no time zone.

    Args:
        profile: Of the store.
        weekday: 0 is Monday.
        starts_s: When the business day starts, in seconds since midnight; a multiple of BIN_S.
        shares: In place of those of the profile, (BINS,).
    """
    if starts_s % BIN_S:
        raise ValueError("a business day starts at a full or half hour")
    by_bin = np.roll(profile.shares(weekday) if shares is None else shares, -starts_s // BIN_S)
    steps = by_bin * profile.weekday_factor(weekday)
    return _curve(steps, step_s=BIN_S)


def day_curve(profile: Profile, calendar: Calendar, day: date) -> DayCurve:
    """Return the curve of a business day by the store's calendar; seconds count from the day's start.

    The half hours are those of the wall clock. Where the clocks change a business day has 23 or 25 hours: a skipped
    half hour is not lived through, a repeated one twice, each with its full share, as shoppers keep to the clock.
    """
    span = calendar.business_day(day)
    bins = _bins_of_steps(calendar, span)
    weekday = day.weekday()
    shares = profile.shares(weekday, open_share=_open_share(calendar, span, bins))
    return _curve(shares[bins] * (profile.weekday_factor(weekday) * STEP_S / BIN_S), step_s=STEP_S)


def wall_bins(calendar: Calendar, day: date, second: Floats) -> Ints:
    """Return the half hour of the wall clock, 0..BINS-1, of seconds since the business day began.

    Of what is not within the day, that of its nearest end.
    """
    bins = _bins_of_steps(calendar, calendar.business_day(day))
    return bins[np.clip((second // STEP_S).astype(np.int64), 0, len(bins) - 1)]


def _bins_of_steps(calendar: Calendar, span: Span) -> Ints:
    """Return in which half hour of the wall clock each STEP_S of the business day lies."""
    steps = round((span.end - span.start).total_seconds() / STEP_S)
    zone = ZoneInfo(calendar.time_zone)
    starts = [(span.start + timedelta(seconds=n * STEP_S)).astimezone(zone) for n in range(steps)]
    return bins_of(np.array([t.hour * 3600 + t.minute * 60 for t in starts], dtype=np.int64))


def _curve(steps: Floats, *, step_s: int) -> DayCurve:
    passed = np.zeros(len(steps) + 1)
    np.cumsum(steps, out=passed[1:])
    return DayCurve(np.arange(len(passed), dtype=np.float64) * step_s, passed)


def _open_share(calendar: Calendar, span: Span, bins: Ints) -> Floats:
    """Return how much of each half hour of the wall clock the store is open on that day, (BINS,)."""
    open_s = _covered_s(calendar.open_spans(span.start, span.end), since=span.start, steps=len(bins))
    return np.minimum(np.bincount(bins, open_s, BINS) / BIN_S, 1.0)


def _covered_s(spans: Sequence[Span], *, since: datetime, steps: int) -> Floats:
    """Return how many seconds of each step lie within the spans."""
    edges = np.arange(steps + 1) * float(STEP_S)
    covered = np.zeros(steps)
    for span in spans:
        start, end = (span.start - since).total_seconds(), (span.end - since).total_seconds()
        covered += np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0.0, None)
    return covered


def traffic_factor(*, lines_seen: float, lines_expected: float) -> float:
    """Return how busy today is against what the weekday and the levels led to expect so far; 1: as expected.

    Args:
        lines_seen: Of the whole store, today so far.
        lines_expected: What was expected of the day so far: the sum of all levels times what has passed of the day.
    """
    if lines_seen < 0 or lines_expected < 0:
        raise ValueError("lines must not be negative")
    return (lines_seen + TRAFFIC_PSEUDO_LINES) / (lines_expected + TRAFFIC_PSEUDO_LINES)
