"""The profile of the day: what has passed of it, by the wall clock."""

from datetime import UTC, date, datetime, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.horizon import Floats
from pullsvc.demand.hours import WEEKDAYS, Calendar
from pullsvc.demand.profile import BIN_S, BINS, DayCurve, Profile, bins_of, day_curve, traffic_factor, wall_curve

MONDAY, SATURDAY = 0, 5
HOUR_S = 3600


def calendar(*, opens: str = "00:00", closes: str = "24:00") -> Calendar:
    hours = {day: [[opens, closes]] for day in WEEKDAYS}
    return Calendar(time_zone="Europe/Berlin", opening_hours=hours, day_starts_at=time(5))


def lines_at(hour: int, lines: int = 1000) -> Floats:
    found = np.zeros(BINS)
    found[2 * hour] = lines
    return found


def taught(*days: tuple[int, Floats]) -> Profile:
    profile = Profile.empty()
    for weekday, lines in days:
        profile = profile.after(weekday, lines, expected=None)
    return profile


class TestShares:
    @given(lines=st.lists(st.integers(0, 500), min_size=BINS, max_size=BINS), weekday=st.integers(0, 6))
    def test_make_up_the_day(self, lines: list[int], weekday: int) -> None:
        shares = taught((weekday, np.array(lines, dtype=np.float64))).shares(weekday)

        assert shares.sum() == pytest.approx(1)
        assert (shares > 0).all()

    def test_keep_weekdays_and_weekends_apart(self) -> None:
        profile = taught(*[(MONDAY, lines_at(9)), (SATURDAY, lines_at(15))] * 20)

        assert profile.shares(MONDAY).argmax() == 2 * 9
        assert profile.shares(SATURDAY).argmax() == 2 * 15

    def test_take_after_all_days_while_a_kind_of_day_is_unknown(self) -> None:
        shares = taught(*[(MONDAY, lines_at(9))] * 20).shares(SATURDAY)

        assert shares[2 * 9] > 0.9

    def test_of_a_new_store_are_even_over_its_opening_hours(self) -> None:
        is_open = np.zeros(BINS)
        is_open[20:30] = 1
        shares = Profile.empty().shares(MONDAY, open_share=is_open)

        assert shares[20:30] == pytest.approx(np.full(10, 0.1))

    def test_follow_new_habits(self) -> None:
        profile = taught(*[(MONDAY, lines_at(9))] * 60, *[(MONDAY, lines_at(18))] * 60)

        assert profile.shares(MONDAY).argmax() == 2 * 18


class TestWeekdayFactor:
    def test_is_what_the_weekday_sold_against_an_average_day(self) -> None:
        profile = Profile.empty()
        for _ in range(30):
            profile = profile.after(SATURDAY, lines_at(12, 13_000), expected=10_000)

        assert profile.weekday_factor(SATURDAY) == pytest.approx(1.3, abs=0.01)
        assert profile.weekday_factor(MONDAY) == 1

    def test_a_day_without_a_line_teaches_nothing(self) -> None:
        profile = taught((MONDAY, lines_at(9)))

        assert profile.after(MONDAY, np.zeros(BINS), expected=5000) is profile


class TestDayCurve:
    @given(start=st.integers(0, 86_400), middle=st.integers(0, 86_400), end=st.integers(0, 86_400))
    def test_adds_up(self, start: int, middle: int, end: int) -> None:
        curve = wall_curve(taught((MONDAY, lines_at(9))), MONDAY, starts_s=5 * HOUR_S)
        start, middle, end = sorted((start, middle, end))

        assert curve.between(start, middle) + curve.between(middle, end) == pytest.approx(curve.between(start, end))
        assert curve.between(end, start) == 0

    def test_counts_from_the_start_of_the_business_day(self) -> None:
        curve = wall_curve(taught(*[(MONDAY, lines_at(9))] * 50), MONDAY, starts_s=5 * HOUR_S)

        assert curve.between(4 * HOUR_S, 4 * HOUR_S + BIN_S) > 0.9

    def test_stands_still_before_and_after_the_day(self) -> None:
        curve = wall_curve(Profile.empty(), MONDAY, starts_s=0)

        assert (float(curve.at(-5.0)), float(curve.at(1e6))) == (0, curve.total)

    @given(passed=st.floats(0, 1))
    def test_tells_the_earliest_moment_at_which_so_much_has_passed(self, passed: float) -> None:
        curve = DayCurve(np.array([0.0, 10.0, 20.0, 30.0]), np.array([0.0, 0.5, 0.5, 1.0]))
        when = float(curve.when(passed))

        assert float(curve.at(when)) == pytest.approx(passed, abs=1e-12)
        assert when <= 10 or passed > 0.5

    def test_is_at_the_start_of_a_stretch_in_which_nothing_passes(self) -> None:
        curve = DayCurve(np.array([0.0, 10.0, 20.0, 30.0]), np.array([0.0, 0.5, 0.5, 1.0]))

        assert curve.when(np.array([0.0, 0.5, 2.0])).tolist() == [0, 10, 30]

    def test_refuses_a_day_that_starts_within_a_half_hour(self) -> None:
        with pytest.raises(ValueError, match="half hour"):
            wall_curve(Profile.empty(), MONDAY, starts_s=60)


class TestDayCurveOfACalendar:
    def test_is_that_of_the_wall_clock_on_a_plain_day(self) -> None:
        profile = taught(*[(MONDAY, lines_at(9))] * 20)
        plain = wall_curve(profile, MONDAY, starts_s=5 * HOUR_S)
        curve = day_curve(profile, calendar(), date(2026, 6, 1))
        moments = np.arange(0, 86_400, 600.0)

        assert curve.at(moments) == pytest.approx(plain.at(moments), abs=1e-12)

    def test_is_longer_on_a_busy_weekday(self) -> None:
        profile = Profile.empty()
        for _ in range(30):
            profile = profile.after(MONDAY, lines_at(12, 13_000), expected=10_000)

        assert day_curve(profile, calendar(), date(2026, 6, 1)).total == pytest.approx(1.3, abs=0.01)

    @pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25)])
    def test_keeps_to_the_wall_clock_when_it_changes(self, day: date, hours: int) -> None:
        """Saturday's business day ends at 05:00 on Sunday; its nine o'clock peak stays at nine."""
        profile = taught(*[(SATURDAY, lines_at(9))] * 50, *[(SATURDAY, lines_at(4, 300))] * 50)
        curve = day_curve(profile, calendar(), day)
        span = calendar().business_day(day)
        four = datetime(2026, day.month, day.day + 1, 3 if hours == 25 else 2, tzinfo=UTC)  # 04:00 in Berlin.
        four_s = (four - span.start).total_seconds()

        assert curve.knots_s[-1] == hours * HOUR_S
        assert curve.between(4 * HOUR_S, 4 * HOUR_S + BIN_S) > 0.5
        assert curve.between(four_s, four_s + BIN_S) > 0.1

    def test_of_a_new_store_stands_still_while_it_is_closed(self) -> None:
        curve = day_curve(Profile.empty(), calendar(opens="08:00", closes="20:00"), date(2026, 6, 1))

        assert curve.between(0, 3 * HOUR_S) == 0
        assert curve.between(3 * HOUR_S, 15 * HOUR_S) == pytest.approx(1)


class TestTrafficFactor:
    def test_is_drawn_to_one_by_the_few_lines_of_a_morning(self) -> None:
        early = traffic_factor(lines_seen=60, lines_expected=30)
        late = traffic_factor(lines_seen=12_000, lines_expected=6_000)

        assert 1 < early < 1.02
        assert 1.6 < late < 2

    def test_refuses_negative_lines(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            traffic_factor(lines_seen=-1, lines_expected=0)


def test_bins_go_round_at_midnight() -> None:
    assert bins_of(np.array([0, 1799, 1800, 86_399, 86_400 + 1800])).tolist() == [0, 0, 1, 47, 1]
