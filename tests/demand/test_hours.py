"""The calendar of a store: business days, opening hours, clock changes."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.hours import WEEKDAYS, Calendar

DAILY = {day: [["07:00", "22:00"]] for day in WEEKDAYS}
ALWAYS = {day: [["00:00", "24:00"]] for day in WEEKDAYS}

moments = st.integers(0, 2 * 365 * 24 * 60).map(lambda m: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m))


def calendar(
    *, zone: str = "America/New_York", hours: Mapping[str, list[list[str]]] = DAILY, starts: time = time(5)
) -> Calendar:
    return Calendar(time_zone=zone, opening_hours=hours, day_starts_at=starts)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestBusinessDate:
    def test_is_the_day_before_until_the_business_day_begins(self) -> None:
        assert calendar().business_date(utc("2026-01-15 09:59")) == date(2026, 1, 14)  # 04:59 in New York
        assert calendar().business_date(utc("2026-01-15 10:00")) == date(2026, 1, 15)

    @given(moment=moments)
    def test_names_the_day_whose_span_holds_the_moment(self, moment: datetime) -> None:
        hours = calendar(zone="Europe/Berlin")
        span = hours.business_day(hours.business_date(moment))

        assert span.start <= moment < span.end

    def test_lasts_an_hour_less_when_the_clocks_go_forward(self) -> None:
        assert calendar().business_day(date(2026, 3, 7)).hours == 23
        assert calendar().business_day(date(2026, 3, 8)).hours == 24


class TestLastFinishedDay:
    @pytest.mark.parametrize(("now", "day"), [("10:59", 13), ("11:00", 14)])
    def test_waits_until_the_day_has_settled(self, now: str, day: int) -> None:
        finished = calendar().last_finished_day(utc(f"2026-01-15 {now}"), settle_s=3600)

        assert finished == date(2026, 1, day)


class TestOpenHours:
    def test_counts_only_open_time(self) -> None:
        assert calendar().open_h(utc("2026-01-15 11:00"), utc("2026-01-15 14:30")) == 2.5  # From 07:00 in New York

    def test_is_none_backwards_and_on_closed_days(self) -> None:
        assert calendar().open_h(utc("2026-01-15 15:00"), utc("2026-01-15 14:00")) == 0
        assert calendar(hours={}).open_h(utc("2026-01-15 00:00"), utc("2026-01-17 00:00")) == 0

    def test_joins_spans_that_touch_at_midnight(self) -> None:
        spans = calendar(hours=ALWAYS).open_spans(utc("2026-01-15 00:00"), utc("2026-01-18 00:00"))

        assert [span.hours for span in spans] == [72]

    def test_keeps_a_break_at_noon(self) -> None:
        hours = {"thu": [["08:00", "12:00"], ["13:00", "18:00"]]}
        spans = calendar(zone="UTC", hours=hours).open_spans(utc("2026-01-15 00:00"), utc("2026-01-16 00:00"))

        assert [span.hours for span in spans] == [4, 5]


class TestNextSpan:
    def test_is_the_one_going_on_from_its_real_start(self) -> None:
        span = calendar(zone="UTC").next_span(utc("2026-01-15 12:00"))

        assert span is not None
        assert (span.start, span.end) == (utc("2026-01-15 07:00"), utc("2026-01-15 22:00"))

    def test_is_the_next_opening_when_closed(self) -> None:
        span = calendar(zone="UTC", hours={"mon": [["09:00", "17:00"]]}).next_span(utc("2026-01-15 12:00"))

        assert span is not None
        assert span.start == utc("2026-01-19 09:00")

    def test_is_none_where_the_store_never_opens(self) -> None:
        assert calendar(hours={}).next_span(utc("2026-01-15 12:00")) is None

    def test_is_endless_where_the_store_never_closes(self) -> None:
        now = utc("2026-01-15 12:00")
        span = calendar(hours=ALWAYS).next_span(now)

        assert span is not None
        assert span.end - now >= timedelta(days=13)
