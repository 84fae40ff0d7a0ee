from datetime import UTC, date, datetime, time

import pytest

from pullsvc.demand.hours import Calendar
from pullsvc.restock.hours import is_last_round, next_watch, trading_span

NOON_BREAK = {"mon": [["08:30", "12:30"], ["15:00", "19:00"]], "tue": [["08:30", "12:30"]]}
STORE = Calendar(time_zone="UTC", opening_hours=NOON_BREAK, day_starts_at=time(5))


def at(clock: str, *, day: int = 4) -> datetime:
    """A moment of a March day of 2024; the 4th is a Monday."""
    return datetime.combine(date(2024, 3, day), time.fromisoformat(clock), tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        (at("07:00"), at("08:00")),
        (at("08:10"), at("08:10")),
        (at("12:20"), at("12:20")),
        (at("13:00"), at("13:00")),
        (at("18:29"), at("18:29")),
        (at("18:31"), at("08:00", day=5)),
        (at("12:10", day=5), at("08:00", day=11)),
    ],
)
def test_pulls_are_opened_from_before_the_first_opening_to_before_the_last_closing(
    now: datetime, begins: datetime
) -> None:
    assert next_watch(STORE, now=now) == begins


@pytest.mark.parametrize(("now", "ends"), [(at("09:00"), at("19:00")), (at("13:00"), at("19:00"))])
def test_what_is_pulled_before_a_break_is_sold_after_it_too(now: datetime, ends: datetime) -> None:
    assert trading_span(STORE, now=now).end == ends
    assert not is_last_round(trading_span(STORE, now=now))


def test_the_last_round_is_before_the_last_closing() -> None:
    assert is_last_round(trading_span(STORE, now=at("18:00")))
    assert trading_span(STORE, now=at("20:00")).end == at("05:00", day=5)
