"""People's asks and pulls of the watch share the tubs: neither waits for ever, whatever else keeps coming in."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pullsvc.demand.value import Worth
from pullsvc.pulls.ageing import AGE_EVERY, CEILING
from pullsvc.pulls.rules import DUE_WITHIN, REPEAT_BONUS, URGENCY, Reason
from pullsvc.restock import compose
from pullsvc.restock.compose import Offer
from pullsvc.restock.rules import WAITED_STEP_S
from pullsvc.tubs.picking import Bin, Candidate, Limits, Pool
from tests.factories import NOON

LINES = 3  # Of a tub; one goes every AGE_EVERY, and as much comes in: what is there in the morning never gets less.
STEPS = 60
PEOPLE = (Reason.GAP, Reason.PROMOTION, Reason.OTHER)
BACKLOG = 6
MAX_WAIT = timedelta(hours=6)  # The least of the watch: eleven steps of half an hour.


@dataclass(frozen=True)
class Wish:
    """Something asked for: by a person for a reason, or by the watch as so many units an hour are lost."""

    reason: Reason
    lost_per_h: float
    step: int

    def urgency(self, step: int) -> int:
        """As the service has it after so many steps."""
        waited = (step - self.step) * AGE_EVERY
        if self.reason is Reason.WATCH:
            worth = Worth(np.ones(1), np.ones(1), np.full(1, compose.REFERENCE_S))
            offer = Offer(worth=worth, qty=np.ones(1, dtype=np.int64), pace=np.full(1, self.lost_per_h))
            return int(offer.urgency(waited_steps=waited.total_seconds() // WAITED_STEP_S)[0])
        overdue = max(0, (waited - DUE_WITHIN[self.reason]) // AGE_EVERY)
        return min(max(CEILING, URGENCY[self.reason]), URGENCY[self.reason] + REPEAT_BONUS * overdue)

    def candidate(self, number: int, step: int) -> Candidate:
        """As the planner has it; all at one place."""
        due_at = NOON + self.step * AGE_EVERY + DUE_WITHIN[self.reason]
        place = Bin(f"B{number}", "dry", 1, 6)
        return Candidate(number, f"s{number}", "A1", "dry", self.urgency(step), due_at, 6, 500, 400, (place,))


wishes = st.tuples(st.sampled_from([*PEOPLE, Reason.WATCH, Reason.WATCH]), st.sampled_from([1e-3, 0.1, 1.0, 20.0]))


@example(morning=[(Reason.WATCH, 1e-3)] * BACKLOG, steady=(Reason.GAP, 0.0), others=[(Reason.GAP, 0.0)] * STEPS)
@example(morning=[(Reason.OTHER, 0.0)] * BACKLOG, steady=(Reason.WATCH, 1e6), others=[(Reason.WATCH, 1e6)] * STEPS)
@settings(max_examples=40)  # An example is ten hours of tubs.
@given(
    morning=st.lists(wishes, min_size=BACKLOG, max_size=BACKLOG),
    steady=wishes,
    others=st.lists(wishes, min_size=STEPS, max_size=STEPS),
)
def test_nobody_waits_for_ever(
    morning: list[tuple[Reason, float]], steady: tuple[Reason, float], others: list[tuple[Reason, float]]
) -> None:
    """Hands are just enough: what is there in the morning goes out all the same, whatever keeps coming in."""
    waiting = {-number: Wish(*wish, 0) for number, wish in enumerate(morning, start=1)}
    for step, other in enumerate(others):
        waiting |= {LINES * step + nth: Wish(*wish, step) for nth, wish in enumerate((steady, steady, other), start=1)}
        plan = Pool(one.candidate(number, step) for number, one in waiting.items()).compose(Limits(lines=LINES))
        assert plan is not None
        served = {line.pull_id for line in plan.lines}
        assert max(one.urgency(step) for one in waiting.values()) == max(waiting[n].urgency(step) for n in served)
        waiting = {number: one for number, one in waiting.items() if number not in served}
        assert all((step - one.step) * AGE_EVERY <= MAX_WAIT for one in waiting.values())


def test_a_gap_ranks_as_a_unit_an_hour_that_is_lost() -> None:
    """The stated rate: twice the loss comes before it, half of it after."""
    loss = {lost_per_h: Wish(Reason.WATCH, lost_per_h, 0).urgency(0) for lost_per_h in (0.5, 1.0, 2.0, 1e6)}

    assert loss[0.5] < URGENCY[Reason.GAP] == loss[1.0] < loss[2.0] < loss[1e6] < URGENCY[Reason.CUSTOMER_WAITING]
