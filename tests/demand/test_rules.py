"""How fast an item sells, from its level and the last hours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.rules import MAX_LEVEL_HOURS, Evidence, Pace, Rate, level_of, rate_now, time_to_empty_s

units = st.floats(0, 10_000)
hours = st.floats(0, 1_000)
evidence = st.builds(Evidence, units=units, hours=hours)
paces = st.builds(Pace, learnt=evidence, earlier=evidence, recent=evidence)


class TestLevel:
    def test_of_a_new_item_is_that_of_a_slow_one(self) -> None:
        assert level_of(Evidence()).per_h == pytest.approx(0.1)

    def test_follows_the_evidence_once_there_is_enough(self) -> None:
        assert level_of(Evidence(units=600, hours=100)).per_h == pytest.approx(6, rel=0.05)

    def test_refuses_evidence_that_cannot_be(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            Evidence(units=-1)


class TestRateNow:
    def test_is_the_level_where_nothing_is_known_of_the_last_hours(self) -> None:
        learnt = Evidence(units=300, hours=98)

        assert rate_now(Pace(learnt=learnt)).per_h == pytest.approx(level_of(learnt).per_h)

    def test_believes_the_last_three_hours_to_about_a_quarter(self) -> None:
        """Four an hour for weeks, twenty in each of the last three hours."""
        rate = rate_now(Pace(learnt=Evidence(4_000, 1_000), recent=Evidence(60, 3)))

        assert rate.per_h == pytest.approx((4 * MAX_LEVEL_HOURS + 60) / (MAX_LEVEL_HOURS + 3), rel=0.01)

    def test_counts_today_before_the_last_hours_to_the_level(self) -> None:
        """A new item in its first morning: five hours earlier today are all that its level knows."""
        rate = rate_now(Pace(earlier=Evidence(20, 5), recent=Evidence(12, 3)))

        assert 3 < rate.per_h < 4

    def test_falls_while_the_store_is_open_and_nothing_sells(self) -> None:
        learnt = Evidence(300, 98)
        silent = [rate_now(Pace(learnt=learnt, recent=Evidence(0, h))).per_h for h in (0, 1, 2, 3)]

        assert silent == sorted(silent, reverse=True)

    @given(pace=paces)
    def test_lies_between_the_level_and_the_last_hours(self, pace: Pace) -> None:
        level = level_of(pace.learnt.plus(pace.earlier)).per_h
        rate = rate_now(pace).per_h

        if pace.recent.hours > 0:
            recent = pace.recent.units / pace.recent.hours
            assert min(level, recent) - 1e-9 <= rate <= max(level, recent) * (1 + 1e-9) + 1e-9
        else:
            assert rate >= level - 1e-9

    @given(pace=paces, more=st.floats(0.1, 100))
    def test_rises_with_every_unit_sold(self, pace: Pace, more: float) -> None:
        busier = Pace(pace.learnt, pace.earlier, pace.recent.plus(Evidence(more, 0)))

        assert rate_now(busier).per_h > rate_now(pace).per_h


class TestTimeToEmpty:
    def test_is_stock_over_rate(self) -> None:
        assert time_to_empty_s(3, Rate(per_h=6, hours=10)) == 1800

    @pytest.mark.parametrize("on_shelf", [0, -4])
    def test_is_nothing_on_an_empty_shelf(self, on_shelf: int) -> None:
        assert time_to_empty_s(on_shelf, Rate(per_h=0, hours=10)) == 0

    def test_is_never_where_nothing_sells(self) -> None:
        assert time_to_empty_s(3, Rate(per_h=0, hours=10)) is None
