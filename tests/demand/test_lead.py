"""Time to shelf, learnt from the store's own tubs."""

from datetime import UTC, datetime, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.hours import WEEKDAYS, Calendar
from pullsvc.demand.lead import MAX_LEAD_S, MIN_LEAD_S, Leads, daypart_of, lead_of, lead_quantiles

MORNING, MIDDAY, AFTERNOON, EVENING = range(4)
OPEN_7_TO_22 = Calendar("Europe/Berlin", {day: [["07:00", "22:00"]] for day in WEEKDAYS}, time(5))


def leads(*rows: tuple[float, int, float]) -> Leads:
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Leads(table[:, 0], table[:, 1].astype(np.int64), table[:, 2])


def median(of: Leads, *, daypart: int = MIDDAY, default_s: float = 1200) -> float:
    return float(lead_quantiles(of, daypart=daypart, probs=[0.5], default_s=default_s)[0])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestLeadQuantiles:
    def test_are_the_default_while_nothing_is_known(self) -> None:
        found = lead_quantiles(leads(), daypart=MIDDAY, probs=[0.1, 0.5, 0.9], default_s=1200)

        assert found[1] == pytest.approx(1200)
        assert found[0] < 800
        assert found[2] > 1800

    def test_become_the_stores_own(self) -> None:
        assert median(leads(*[(600 + n, MIDDAY, 1) for n in range(100)])) == pytest.approx(650, rel=0.05)

    def test_differ_by_the_part_of_the_day(self) -> None:
        own = leads(*[(500, MORNING, 1)] * 60, *[(2000, AFTERNOON, 1)] * 60)

        assert median(own, daypart=MORNING) < 600
        assert median(own, daypart=AFTERNOON) > 1700

    def test_of_a_part_of_the_day_without_tubs_are_between_the_others_and_the_default(self) -> None:
        own = leads(*[(400 + 5 * n, MORNING, 1) for n in range(40)])

        assert 500 < median(own, daypart=EVENING, default_s=3000) < 1500

    def test_hardly_notice_a_forgotten_tub(self) -> None:
        plain = [(600.0 + 10 * n, MIDDAY, 1.0) for n in range(30)]

        assert median(leads(*plain, (90_000, MIDDAY, 1))) == pytest.approx(median(leads(*plain)), rel=0.03)

    def test_forget_how_it_was_months_ago(self) -> None:
        assert median(leads(*[(3000, MIDDAY, 150)] * 100, *[(600, MIDDAY, 2)] * 20)) < 800

    @given(rows=st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 3), st.floats(0, 400)), max_size=30))
    def test_rise_within_bounds(self, rows: list[tuple[float, int, float]]) -> None:
        found = lead_quantiles(leads(*rows), daypart=MORNING, probs=[0, 0.2, 0.5, 0.8, 1], default_s=900)

        assert (np.diff(found) >= 0).all()
        assert MIN_LEAD_S * 0.999 <= found[0] <= found[-1] <= MAX_LEAD_S * 1.001

    def test_need_a_sensible_question(self) -> None:
        with pytest.raises(ValueError, match="positive default"):
            lead_quantiles(leads(), daypart=0, probs=[1.2], default_s=900)


class TestLeadOf:
    def test_is_the_time_that_passed(self) -> None:
        assert lead_of(OPEN_7_TO_22, decided_at=utc("2026-06-01 10:00"), on_shelf_at=utc("2026-06-01 10:25")) == 1500

    def test_leaves_out_the_night(self) -> None:
        """Decided at 21:30, on the shelf at 07:20: half an hour, then twenty minutes."""
        took = lead_of(OPEN_7_TO_22, decided_at=utc("2026-06-01 19:30"), on_shelf_at=utc("2026-06-02 05:20"))

        assert took == 50 * 60

    def test_keeps_the_time_before_opening(self) -> None:
        took = lead_of(OPEN_7_TO_22, decided_at=utc("2026-06-01 04:30"), on_shelf_at=utc("2026-06-01 05:10"))

        assert took == 40 * 60


def test_dayparts_begin_at_their_hour() -> None:
    clock = [time(0), time(9, 59), time(10), time(14), time(17, 59), time(18), time(23, 59)]

    assert [daypart_of(local) for local in clock] == [0, 0, 1, 2, 2, 3, 3]
