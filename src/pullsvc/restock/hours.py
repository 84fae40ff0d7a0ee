"""At which hours the watch opens pulls, and until when what is pulled can be sold. Pure."""

from datetime import datetime, timedelta

from pullsvc.demand.hours import Calendar, Span
from pullsvc.restock.compose import LAST_ROUND_S

# Automatic pulls begin before the doors open and end before they close: later ones the night fill does better.
BEFORE_OPENING = timedelta(minutes=30)
BEFORE_CLOSING = timedelta(minutes=30)


def watching(calendar: Calendar, *, now: datetime) -> bool:
    """Tell whether automatic pulls are opened at this moment."""
    return next_watch(calendar, now=now) == now


def next_watch(calendar: Calendar, *, now: datetime) -> datetime | None:
    """Return from when on automatic pulls are opened: now, or shortly before the next opening; None: never soon.

    A break over noon is time to fill up in.
    """
    day = calendar.business_day(calendar.business_date(now))
    spans = calendar.open_spans(day.start, day.end)
    if spans and spans[0].start <= now < spans[-1].end - BEFORE_CLOSING:
        return now
    span = calendar.next_span(now + BEFORE_CLOSING)
    return None if span is None else max(now, span.start - BEFORE_OPENING)


def trading_span(calendar: Calendar, *, now: datetime) -> Span:
    """Return until when what is pulled now can be sold: to the last closing, or the end, of the business day."""
    day = calendar.business_day(calendar.business_date(now))
    spans = calendar.open_spans(now, day.end)
    return Span(now, spans[-1].end if spans else day.end)


def is_last_round(trading: Span) -> bool:
    """Tell whether no later pull will be opened before the night: what is not brought now is left to the night fill."""
    return trading.hours * 3600 <= BEFORE_CLOSING.total_seconds() + LAST_ROUND_S
