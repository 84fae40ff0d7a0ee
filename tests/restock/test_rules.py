"""When the watch pulls, how much, and how urgent that is."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.hours import WEEKDAYS, Calendar
from pullsvc.demand.rules import Rate
from pullsvc.pulls.rules import URGENCY, Reason
from pullsvc.restock import rules
from pullsvc.restock.rules import Decision, Settings, Shelf, Verdict
from tests.factories import NOON

LEAD_S = 41 * 60


@st.composite
def any_shelf(draw: st.DrawFn) -> Shelf:
    capacity = draw(st.integers(1, 200))
    in_flight = draw(st.integers(0, 60))
    return Shelf(
        book=draw(st.integers(-20, 220)),
        capacity=capacity,
        presentation_min=draw(st.integers(0, capacity)),
        case_pack=draw(st.integers(1, 48)),
        in_flight=in_flight,
        unclaimed=draw(st.integers(0, in_flight)),
        backroom=draw(st.integers(-5, 300)),
    )


rates = st.builds(Rate, per_h=st.floats(0, 500), hours=st.floats(0, 100))
leads = st.integers(rules.MIN_LEAD_S, rules.MAX_LEAD_S)
settings = st.builds(Settings, safety=st.floats(0, rules.MAX_SAFETY))


def decide(
    shelf: Shelf,
    *,
    per_h: float = 6.2,
    lead_s: int = LEAD_S,
    settings: Settings | None = None,
    rate: Rate | None = None,
) -> Decision:
    rate = rate or Rate(per_h=per_h, hours=10)
    return rules.decide(shelf, rate=rate, lead_s=lead_s, settings=settings or Settings(), now=NOON)


def pulled(shelf: Shelf, qty: int) -> Shelf:
    return replace(
        shelf,
        in_flight=shelf.in_flight + qty,
        unclaimed=shelf.unclaimed + qty,
        backroom=shelf.backroom - qty,
    )


class TestDecide:
    @given(shelf=any_shelf(), rate=rates, lead_s=leads, settings=settings)
    def test_asks_once_when_asked_twice(self, shelf: Shelf, rate: Rate, lead_s: int, settings: Settings) -> None:
        first = decide(shelf, rate=rate, lead_s=lead_s, settings=settings)
        again = decide(pulled(shelf, first.qty), rate=rate, lead_s=lead_s, settings=settings)

        assert again.qty == 0

    @given(shelf=any_shelf(), rate=rates, lead_s=leads, settings=settings)
    def test_never_sends_what_does_not_fit_or_is_not_there(
        self, shelf: Shelf, rate: Rate, lead_s: int, settings: Settings
    ) -> None:
        qty = decide(shelf, rate=rate, lead_s=lead_s, settings=settings).qty

        assert 0 <= qty <= max(0, shelf.backroom)
        assert qty == 0 or shelf.on_hand + shelf.in_flight + qty <= shelf.capacity

    @given(shelf=any_shelf(), rate=rates, lead_s=leads, settings=settings, more=st.integers(1, 30))
    def test_never_pulls_more_or_more_urgently_for_a_fuller_shelf(
        self, shelf: Shelf, rate: Rate, lead_s: int, settings: Settings, more: int
    ) -> None:
        now = decide(shelf, rate=rate, lead_s=lead_s, settings=settings)
        fuller = decide(replace(shelf, book=shelf.book + more), rate=rate, lead_s=lead_s, settings=settings)

        assert fuller.qty <= now.qty
        assert fuller.urgency <= now.urgency
        assert now.need_vanished <= fuller.need_vanished

    @given(shelf=any_shelf(), rate=rates, lead_s=leads, settings=settings)
    def test_stays_within_its_bounds(self, shelf: Shelf, rate: Rate, lead_s: int, settings: Settings) -> None:
        decision = decide(shelf, rate=rate, lead_s=lead_s, settings=settings)

        assert (decision.verdict is Verdict.PULL) == (decision.qty > 0)
        assert rules.MIN_URGENCY <= decision.urgency <= rules.MAX_URGENCY < URGENCY[Reason.CUSTOMER_WAITING]
        assert NOON + timedelta(minutes=5) <= decision.next_check_at <= NOON + timedelta(hours=4)
        assert NOON < decision.due_at <= NOON + timedelta(hours=4)
        assert not (decision.qty and decision.need_vanished)

    @given(shelf=any_shelf(), rate=rates, lead_s=leads, settings=settings)
    def test_does_not_ask_again_for_what_it_lets_expire(
        self, shelf: Shelf, rate: Rate, lead_s: int, settings: Settings
    ) -> None:
        if decide(shelf, rate=rate, lead_s=lead_s, settings=settings).need_vanished:
            without = replace(shelf, in_flight=shelf.in_flight - shelf.unclaimed, unclaimed=0)
            assert decide(without, rate=rate, lead_s=lead_s, settings=settings).qty == 0

    def test_explains_itself_in_one_plain_sentence(self) -> None:
        why = decide(Shelf(book=3, capacity=24, case_pack=6, backroom=30)).explanation

        assert why["sentence"] == "Sells 6.2 an hour, 3 on the shelf, lasts 29 min; a pull takes 41 min."
        assert (why["rate_per_h"], why["on_hand"], why["lead_s"], why["qty"]) == (6.2, 3, LEAD_S, 18)

    @pytest.mark.parametrize(
        ("shelf", "per_h", "sentence"),
        [
            (Shelf(book=-2, capacity=24), 6.2, "Sells 6.2 an hour, the shelf is empty; a pull takes 41 min."),
            (
                Shelf(book=0, capacity=24, in_flight=6),
                6.2,
                "Sells 6.2 an hour, the shelf is empty, 6 on the way; a pull takes 41 min.",
            ),
            (Shelf(book=2, capacity=24), 0.01, "Hardly sells, 2 on the shelf, lasts 8 days; a pull takes 41 min."),
            (Shelf(book=2, capacity=24), 0.4, "Sells 0.4 an hour, 2 on the shelf, lasts 5 h; a pull takes 41 min."),
            (Shelf(book=2, capacity=24), 0.0, "Hardly sells, 2 on the shelf; a pull takes 41 min."),
        ],
    )
    def test_finds_words_for_every_case(self, shelf: Shelf, per_h: float, sentence: str) -> None:
        assert decide(shelf, per_h=per_h).explanation["sentence"] == sentence


class TestTrigger:
    def test_covers_the_demand_of_the_lead_time_and_a_margin(self) -> None:
        """Nine units sell while a pull is on its way; 1.65 standard deviations are five more."""
        assert decide(Shelf(book=30, capacity=60), per_h=9, lead_s=3600).trigger_qty == 14

    def test_is_at_least_what_presents_well(self) -> None:
        assert decide(Shelf(book=30, capacity=60, presentation_min=20)).trigger_qty == 20

    def test_is_below_capacity_however_fast_it_sells(self) -> None:
        assert decide(Shelf(book=5, capacity=6, presentation_min=6), per_h=500).trigger_qty == 5


class TestQty:
    @pytest.mark.parametrize(
        ("shelf", "per_h", "verdict", "qty"),
        [
            pytest.param(Shelf(0, 24, case_pack=6, backroom=30), 6, "pull", 24, id="fills the shelf with whole cases"),
            pytest.param(Shelf(1, 24, case_pack=6, backroom=30), 6, "pull", 18, id="leaves the room for half a case"),
            pytest.param(Shelf(1, 24, case_pack=6, backroom=8), 6, "pull", 8, id="takes what is left of the last case"),
            pytest.param(Shelf(3, 24, case_pack=6, backroom=8), 6, "pull", 6, id="leaves it where whole cases do"),
            pytest.param(Shelf(20, 24, case_pack=6, backroom=30), 6, "enough", 0, id="waits while it lasts"),
            pytest.param(Shelf(1, 24, case_pack=6, backroom=0), 6, "backroom_empty", 0, id="cannot without a backroom"),
            pytest.param(Shelf(1, 24, case_pack=6, in_flight=23), 6, "enough", 0, id="counts what is on its way"),
            pytest.param(Shelf(0, 4, case_pack=12, backroom=30), 6, "pull", 4, id="opens a case that never fits"),
            pytest.param(
                Shelf(8, 12, presentation_min=9, case_pack=6, backroom=30), 0.5, "wait_for_case", 0,
                id="waits for a whole case where it lasts until then",
            ),
            pytest.param(
                Shelf(8, 12, presentation_min=9, case_pack=6, backroom=30), 9, "pull", 4,
                id="opens a case where it would not last",
            ),
        ],
    )  # fmt: skip
    def test_is_whole_cases_unless_the_shelf_would_run_empty(
        self, shelf: Shelf, per_h: float, verdict: str, qty: int
    ) -> None:
        decision = decide(shelf, per_h=per_h)

        assert (decision.verdict, decision.qty) == (verdict, qty)


class TestNextCheck:
    def test_comes_halfway_to_the_trigger(self) -> None:
        """Twelve above the trigger of eight, six an hour: two hours."""
        assert decide(Shelf(book=20, capacity=24), per_h=6).next_check_at == NOON + timedelta(hours=1)

    def test_comes_soon_where_nothing_can_be_brought(self) -> None:
        assert decide(Shelf(book=0, capacity=24), per_h=0.1).next_check_at == NOON + timedelta(minutes=10)

    def test_comes_soon_while_a_pull_waits_for_somebody(self) -> None:
        waiting = Shelf(book=20, capacity=40, in_flight=12, unclaimed=12)

        assert decide(waiting, per_h=0.1).next_check_at == NOON + timedelta(minutes=10)


class TestUrgency:
    def test_puts_an_empty_shelf_that_sells_first(self) -> None:
        assert decide(Shelf(book=0, capacity=24)).urgency == rules.MAX_URGENCY

    def test_puts_an_empty_shelf_that_hardly_sells_behind_one_that_is_nearly_empty_and_sells(self) -> None:
        silent = decide(Shelf(book=0, capacity=24), per_h=0.1)
        selling = decide(Shelf(book=1, capacity=24), per_h=12)

        assert rules.MIN_URGENCY < silent.urgency < selling.urgency < rules.MAX_URGENCY

    def test_is_routine_while_it_lasts_two_lead_times(self) -> None:
        assert decide(Shelf(book=10, capacity=24), per_h=5, lead_s=3600).urgency == rules.MIN_URGENCY

    def test_falls_due_when_the_shelf_runs_empty(self) -> None:
        decision = decide(Shelf(book=3, capacity=24), per_h=6)

        assert decision.due_at == NOON + timedelta(minutes=30)


class TestNeedVanished:
    @pytest.mark.parametrize(("book", "vanished"), [(10, False), (14, False), (15, True), (24, True)])
    def test_leaves_a_margin_above_the_trigger(self, book: int, vanished: bool) -> None:
        """The trigger is 9 here."""
        assert rules.need_vanished(Shelf(book, 24, in_flight=6, unclaimed=6), trigger=9) is vanished

    def test_holds_for_a_full_shelf_whatever_its_trigger(self) -> None:
        assert rules.need_vanished(Shelf(6, 6, in_flight=6, unclaimed=6), trigger=5)

    def test_counts_what_somebody_works_on(self) -> None:
        assert rules.need_vanished(Shelf(8, 24, in_flight=12, unclaimed=2), trigger=9)


class TestNextWatch:
    def calendar(self, opens: str = "07:00", closes: str = "22:00") -> Calendar:
        hours = {day: [[opens, closes]] for day in WEEKDAYS}
        return Calendar(time_zone="UTC", opening_hours=hours, day_starts_at=time(5))

    def at(self, clock: str) -> datetime:
        return datetime.combine(NOON.date(), time.fromisoformat(clock), UTC)

    @pytest.mark.parametrize(
        ("now", "watching"), [("06:29", False), ("06:30", True), ("12:00", True), ("21:29", True), ("21:30", False)]
    )
    def test_begins_before_the_doors_open_and_ends_before_they_close(self, now: str, watching: bool) -> None:
        assert rules.watching(self.calendar(), now=self.at(now)) is watching

    def test_tells_when_it_begins_again(self) -> None:
        begins = rules.next_watch(self.calendar(), now=self.at("22:00"))

        assert begins == self.at("06:30") + timedelta(days=1)

    def test_never_pauses_where_the_store_never_closes(self) -> None:
        always = self.calendar("00:00", "24:00")

        assert all(rules.watching(always, now=self.at(f"{h:02}:45")) for h in range(24))

    def test_is_never_where_the_store_never_opens(self) -> None:
        never = Calendar(time_zone="UTC", opening_hours={}, day_starts_at=time(5))

        assert rules.next_watch(never, now=NOON) is None
