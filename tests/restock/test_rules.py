"""When a shelf is worth a pull: laws over many shelves, and the figures of single ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.levels import Level
from pullsvc.demand.profile import DayCurve
from pullsvc.demand.value import Worth
from pullsvc.pulls.rules import REPEAT_BONUS, URGENCY, Reason
from pullsvc.restock import compose, rules
from pullsvc.restock.compose import Offer
from pullsvc.restock.rules import Moment, Shelves, Verdict, decide, pull_qty, urgency_of
from pullsvc.restock.settings import Department, Settings

HOUR_S = 3600
CURVE = DayCurve(np.array([0.0, 16 * HOUR_S]), np.array([0.0, 1.0]))  # Sixteen hours, all alike.
NOON_S = 7.0 * HOUR_S
PRICE = 2e-3
FLOATS = ("weight", "waited_s")


def moment(**changes: Any) -> Moment:
    usual = Moment(
        curve=CURVE, traffic=1.0, now_s=NOON_S, closes_s=16.0 * HOUR_S, leads_s=(1800, 2700, 4100), price=PRICE,
        late=False, settings=Settings(),
    )  # fmt: skip
    return replace(usual, **changes)


def shelves(**columns: Any) -> Shelves:
    """Shelves of 24 with five dozen in the backroom; each column a value for all, or a list."""
    usual = {
        "book": 20, "capacity": 24, "presentation_min": 0, "case_pack": 6, "in_flight": 0, "unclaimed": 0,
        "backroom": 60, "weight": 1.0, "waited_s": 0.0,
    }  # fmt: skip
    columns = {**usual, **columns}
    size = max((len(value) for value in columns.values() if isinstance(value, list)), default=1)
    made: dict[str, Any] = {
        name: np.full(size, value, dtype=np.float64 if name in FLOATS else np.int64) for name, value in columns.items()
    }
    return Shelves(**made)


def level(size: int = 1, *, per_h: float = 6.0, shape: float = 100.0) -> Level:
    """Items that sell so many units an hour, one a line."""
    ones = np.ones(size)
    return Level(shape * ones, shape * ones / (16 * per_h), ones, ones)


eaches = st.integers(0, 60)
worlds = st.fixed_dictionaries({
    "book": st.lists(st.integers(-5, 40), min_size=4, max_size=4),
    "capacity": st.lists(st.integers(1, 40), min_size=4, max_size=4),
    "presentation_min": st.lists(st.integers(0, 6), min_size=4, max_size=4),
    "case_pack": st.lists(st.integers(1, 12), min_size=4, max_size=4),
    "in_flight": st.lists(st.sampled_from([0, 0, 6, 12]), min_size=4, max_size=4),
    "backroom": st.lists(eaches, min_size=4, max_size=4),
    "weight": st.lists(st.sampled_from([0.0, 1.0, 3.0]), min_size=4, max_size=4),
    "waited_s": st.lists(st.sampled_from([0.0, 7200.0]), min_size=4, max_size=4),
})  # fmt: skip


@given(columns=worlds, per_h=st.sampled_from([0.01, 0.5, 6.0, 40.0]), price=st.sampled_from([5e-5, 2e-3, 5e-2]))
def test_every_decision_keeps_the_laws(columns: dict[str, list[float]], per_h: float, price: float) -> None:
    some = shelves(**columns, unclaimed=columns["in_flight"])
    here = moment(price=price)
    found = decide(some, level(4, per_h=per_h), here)
    again = replace(
        some,
        in_flight=some.in_flight + found.qty,
        unclaimed=some.unclaimed + found.qty,
        backroom=some.backroom - found.qty,
    )
    then = decide(again, level(4, per_h=per_h), here)

    assert np.all((found.qty >= 0) & (found.qty <= some.backroom))
    assert np.all((found.qty == 0) | (some.position + found.qty <= some.capacity))
    assert np.all(found.qty[some.weight == 0] == 0)
    assert then.qty.tolist() == [0] * 4
    assert np.all((found.urgency >= compose.MIN_URGENCY) & (found.urgency <= compose.MAX_URGENCY))
    assert np.all((found.check_s >= rules.MIN_CHECK_S) & (found.check_s <= rules.MAX_CHECK_S))
    assert np.all((found.due_s >= rules.MIN_DUE_S) & (found.due_s <= rules.MAX_DUE_S))
    assert np.all(found.trigger_qty < some.capacity)
    # What was opened just now is not given up at once.
    assert not (then.need_vanished & (found.qty > 0)).any()


class TestDecide:
    def test_waits_until_a_pull_is_worth_a_workers_time(self) -> None:
        found = decide(shelves(book=[24, 20, 16, 12, 8, 4, 0]), level(7), moment())

        assert found.qty.tolist() == [0, 0, 0, 12, 12, 18, 24]
        assert found.verdicts[0] is Verdict.FULL
        assert found.verdicts[2:4] == [Verdict.ENOUGH, Verdict.PULL]
        assert np.all(np.diff(found.urgency) >= 0)

    def test_pulls_less_while_labour_is_dear(self) -> None:
        cheap, dear = (decide(shelves(book=[16, 12, 8]), level(3), moment(price=price)) for price in (5e-5, 2e-2))

        assert cheap.qty.tolist() == [6, 12, 12]
        assert dear.qty.tolist() == [0, 0, 12]

    def test_averages_over_the_times_to_shelf(self) -> None:
        """A shelf that lasts 40 minutes: nearly safe from a fast tub, lost with a slow one."""
        parts = [decide(shelves(book=4), level(), moment(leads_s=(lead,))).worth.p_empty[0] for lead in (900, 5400)]
        both = decide(shelves(book=4), level(), moment(leads_s=(900, 5400))).worth.p_empty[0]

        assert both == pytest.approx(np.mean(parts))
        assert parts[0] < 0.2 < 0.9 < parts[1]

    def test_fills_what_looks_bad_last_of_all(self) -> None:
        """Nobody buys it, but the shelf is empty, or below what presents well."""
        found = decide(shelves(book=[0, 3, 4], presentation_min=[0, 4, 4]), level(3, per_h=0.001), moment())

        assert found.verdicts == [Verdict.PRESENTATION, Verdict.PRESENTATION, Verdict.ENOUGH]
        assert found.urgency.tolist() == [compose.MIN_URGENCY] * 3
        plain = moment(settings=Settings(presentation=False))
        bare = decide(shelves(book=[0, 3], presentation_min=[0, 4]), level(2, per_h=0.001), plain)
        assert bare.qty.tolist() == [24, 0]

    def test_brings_nothing_that_is_not_there(self) -> None:
        found = decide(shelves(book=[0, 0], backroom=[0, 4]), level(2), moment())

        assert found.verdicts == [Verdict.BACKROOM_EMPTY, Verdict.PULL]
        assert found.qty.tolist() == [0, 4]

    def test_leaves_departments_alone_that_are_switched_off(self) -> None:
        found = decide(shelves(book=0, weight=0.0), level(), moment())

        assert found.verdicts == [Verdict.SWITCHED_OFF]
        assert (found.qty.tolist(), found.trigger_qty.tolist()) == ([0], [-1])

    def test_gives_up_what_is_not_needed_with_a_margin(self) -> None:
        """At 14 no pull would be opened; one that is open stays until the shelf has 17 without it."""
        opens = decide(shelves(book=[12, 14, 17, 20, 24]), level(5), moment())
        stands = decide(shelves(book=[12, 14, 17, 20, 24], in_flight=12, unclaimed=12), level(5), moment())

        assert (opens.qty > 0).tolist() == [True, False, False, False, False]
        assert stands.need_vanished.tolist() == [False, False, True, True, True]

    def test_does_not_give_up_what_somebody_works_on(self) -> None:
        assert not decide(shelves(book=24, in_flight=12, unclaimed=0), level(), moment()).need_vanished[0]

    def test_looks_again_before_a_shelf_that_sells_nothing_more_is_worth_a_pull(self) -> None:
        """Evening is busy: what is safe at noon is worth a look hours before the rush."""
        rush = DayCurve(np.array([0, 10, 11, 16.0]) * HOUR_S, np.array([0, 0.1, 0.9, 1.0]))
        found = decide(shelves(book=80, capacity=120), level(), moment(curve=rush))
        quiet = decide(shelves(book=80, capacity=120), level(), moment())

        assert found.qty[0] == quiet.qty[0] == 0
        assert rules.WAITING_CHECK_S < found.check_s[0] < 3 * HOUR_S < quiet.check_s[0]
        assert quiet.trigger_qty[0] < 80 <= found.trigger_qty[0]

    def test_sets_the_trigger_where_an_item_begins_to_ride_along(self) -> None:
        large = {"capacity": 200, "backroom": 400, "case_pack": 1}
        trigger = int(decide(shelves(**large), level(per_h=40), moment()).trigger_qty[0])
        here = moment(leads_s=(4100, 4100, 4100))
        around = decide(shelves(book=[trigger, trigger + 1], **large), level(2, per_h=40), here)

        assert around.verdicts == [Verdict.RIDES, Verdict.ENOUGH]

    def test_tops_up_in_the_last_round_what_pays_at_all(self) -> None:
        """Three hours before the night: no later pull could be larger, so that waiting is no choice."""
        late = moment(now_s=13.0 * HOUR_S, late=True)
        early = replace(late, late=False)

        assert decide(shelves(book=15), level(), early).qty[0] == 0
        assert decide(shelves(book=15), level(), late).qty[0] == 6


class TestPullQty:
    @pytest.mark.parametrize(
        ("world", "qty"),
        [
            ({"book": 3}, 18),  # Three cases fit, and three units besides stay in their case.
            ({"book": 20}, 4),  # No case fits.
            ({"book": 3, "backroom": 20}, 20),  # The last of the backroom.
            ({"book": 3, "backroom": 9}, 9),
            ({"book": 10, "in_flight": 6}, 6),
            ({"book": 13, "in_flight": 6}, 0),  # Five more are not worth asking for again.
            ({"book": 30}, 0),
        ],
    )
    def test_is_whole_cases_where_they_fit(self, world: dict[str, int], qty: int) -> None:
        assert pull_qty(shelves(**world)).tolist() == [qty]


class TestUrgency:
    def offer(self, *, per_h: float, p_empty: float = 1.0, labour_s: float = compose.REFERENCE_S) -> Offer:
        one, averted = np.ones(1), np.zeros(1)
        return Offer(Worth(one * p_empty, averted, one * labour_s), np.ones(1, dtype=np.int64), one * per_h)

    def of(self, offer: Offer, *, waited_s: float = 0.0) -> int:
        return int(urgency_of(offer, shelves(waited_s=waited_s), late=False)[0])

    def test_has_a_gap_scan_rank_as_a_unit_lost_an_hour(self) -> None:
        assert self.of(self.offer(per_h=1)) == compose.UNIT_AN_HOUR_URGENCY == URGENCY[Reason.GAP]

    def test_has_twice_the_loss_rank_as_one_more_person_who_asks(self) -> None:
        assert compose.DOUBLING_URGENCY == REPEAT_BONUS
        assert self.of(self.offer(per_h=2)) == self.of(self.offer(per_h=1)) + REPEAT_BONUS
        assert self.of(self.offer(per_h=2, p_empty=0.5)) == self.of(self.offer(per_h=1))
        assert self.of(self.offer(per_h=1, labour_s=180)) == self.of(self.offer(per_h=1)) - REPEAT_BONUS

    def test_stays_below_a_waiting_customer_and_not_below_routine(self) -> None:
        assert self.of(self.offer(per_h=1e9), waited_s=1e6) == compose.MAX_URGENCY < URGENCY[Reason.CUSTOMER_WAITING]
        assert self.of(self.offer(per_h=0)) == compose.MIN_URGENCY == URGENCY[Reason.WATCH]

    def test_rises_while_a_pull_waits(self) -> None:
        """A routine pull passes a gap scan after three hours, whatever comes in."""
        waited = [self.of(self.offer(per_h=0), waited_s=half * 1800) for half in range(8)]

        assert waited == sorted(waited)
        assert waited[6] == URGENCY[Reason.GAP]

    @given(small=st.floats(1e-6, 1e6), factor=st.floats(1, 1e3))
    def test_never_falls_as_the_loss_rises(self, small: float, factor: float) -> None:
        assert self.of(self.offer(per_h=small)) <= self.of(self.offer(per_h=small * factor))


class TestWeight:
    def test_has_a_department_come_first(self) -> None:
        """Twice the weight: worth a pull earlier, and as urgent as twice the loss."""
        found = decide(shelves(book=[13, 13, 4, 4], weight=[1, 8, 1, 2]), level(4), moment())

        assert (found.qty > 0).tolist() == [False, True, True, True]
        assert found.urgency[3] == found.urgency[2] + compose.DOUBLING_URGENCY
        assert found.worth.averted[3] == found.worth.averted[2]

    def test_is_one_where_nothing_is_said(self) -> None:
        settings = Settings(departments={"dairy": Department(weight=2.0)})

        assert (settings.of("dairy").weight, settings.of("meat")) == (2.0, Department())
