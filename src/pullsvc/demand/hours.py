"""The calendar of a store: when it is open, and which business day a moment belongs to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOUR_S = 3600
MAX_CLOSED_DAYS = 14  # How far ahead the next opening is looked for.


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, aware UTC; `start` is in it, `end` is not."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> float:
        """Its length in hours."""
        return (self.end - self.start).total_seconds() / HOUR_S


@dataclass(frozen=True, slots=True)
class Calendar:
    """The hours of a store, as its catalog entry has them.

    A business day bears the date on which it begins; it lasts from `day_starts_at` to the next day's, so 23 or 25
    hours where the clocks change. Opening hours stand under the weekday of the calendar.

    Attributes:
        time_zone: IANA name.
        opening_hours: By weekday, spans of local time as ("HH:MM", "HH:MM"), up to "24:00"; a missing day is closed.
        day_starts_at: Local time at which a business day begins.
    """

    time_zone: str
    opening_hours: Mapping[str, Sequence[Sequence[str]]]
    day_starts_at: time

    def business_date(self, moment: datetime) -> date:
        """Return the business day that the moment belongs to."""
        local = moment.astimezone(ZoneInfo(self.time_zone))
        return local.date() if local.time() >= self.day_starts_at else local.date() - timedelta(days=1)

    def business_day(self, day: date) -> Span:
        """Return from when to when the business day lasts."""
        begins, ends = (self._at(d, self.day_starts_at) for d in (day, day + timedelta(days=1)))
        return Span(begins, ends)

    def last_finished_day(self, now: datetime, *, settle_s: int) -> date:
        """Return the newest business day that ended at least `settle_s` seconds ago."""
        return self.business_date(now - timedelta(seconds=settle_s)) - timedelta(days=1)

    def open_spans(self, start: datetime, end: datetime) -> list[Span]:
        """Return when the store is open between the two, in order; spans that touch, as at midnight, are one."""
        merged: list[Span] = []
        zone = ZoneInfo(self.time_zone)
        day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
        while day <= last:
            for opens, closes in self.opening_hours.get(WEEKDAYS[day.weekday()], ()):
                span = Span(max(self._clock(day, opens), start), min(self._clock(day, closes), end))
                if merged and span.start <= merged[-1].end < span.end:
                    merged[-1] = Span(merged[-1].start, span.end)
                elif span.start < span.end:
                    merged.append(span)
            day += timedelta(days=1)
        return merged

    def open_h(self, start: datetime, end: datetime) -> float:
        """Return for how many hours the store is open between the two; 0 when `end` is not after `start`."""
        return sum(span.hours for span in self.open_spans(start, end))

    def next_span(self, now: datetime) -> Span | None:
        """Return when the store is open next, or is open now; None: not within MAX_CLOSED_DAYS.

        A span that is going on at `now` is returned from its real start, at most a day back.
        """
        around = self.open_spans(now - timedelta(days=1), now + timedelta(days=MAX_CLOSED_DAYS))
        return next((span for span in around if span.end > now), None)

    def _clock(self, day: date, clock: str) -> datetime:
        """Return the moment of "HH:MM" on that day; "24:00" is the next day's midnight."""
        if clock == "24:00":
            return self._at(day + timedelta(days=1), time.min)
        return self._at(day, time.fromisoformat(clock))

    def _at(self, day: date, local: time) -> datetime:
        return datetime.combine(day, local, tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)
