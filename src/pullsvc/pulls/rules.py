"""What a pull wants, where it stands, and what its askers are told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pullsvc.errors import Kind, Rejection

MAX_URGENCY = 100
REPEAT_BONUS = 5  # Each repeat of an ask is worth this much urgency, as long as it does not outrank a waiting customer.
MAX_OPEN_AGE = timedelta(hours=24)
DEFAULT_LEAD_S = 45 * 60  # Time to shelf of a store that has not measured its own yet.
MIN_LEAD_SAMPLES = 5


class State(StrEnum):
    """Where a pull stands; the same words as the CHECK on `pulls.state`."""

    OPEN = "open"
    PLANNED = "planned"
    FILLED = "filled"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNFILLABLE = "unfillable"


LIVE = frozenset({State.OPEN, State.PLANNED, State.FILLED})
ENDED = frozenset(State) - LIVE

# Every arrow of the state diagram in docs/states.md, which is made from this table.
MOVES: Mapping[State, frozenset[State]] = {
    State.OPEN: frozenset(
        {State.PLANNED, State.FILLED, State.CLOSED, State.CANCELLED, State.EXPIRED, State.UNFILLABLE}
    ),
    State.PLANNED: frozenset({State.OPEN, State.FILLED, State.CLOSED, State.CANCELLED, State.UNFILLABLE}),
    State.FILLED: frozenset({State.OPEN, State.PLANNED, State.CLOSED, State.CANCELLED, State.UNFILLABLE}),
    State.CLOSED: frozenset(),
    State.CANCELLED: frozenset(),
    State.EXPIRED: frozenset(),
    State.UNFILLABLE: frozenset({State.PLANNED}),  # The units were found after all.
}
assert set(MOVES) == set(State)


class Reason(StrEnum):
    """Why somebody asks; the same words as the CHECK on `asks.reason`."""

    CUSTOMER_WAITING = "customer_waiting"
    ONLINE = "online"
    GAP = "gap"
    PROMOTION = "promotion"
    WATCH = "watch"
    OTHER = "other"


# A person with a customer comes first, then orders that are being packed, then what a person saw to be empty.
URGENCY: Mapping[Reason, int] = {
    Reason.CUSTOMER_WAITING: 90,
    Reason.ONLINE: 70,
    Reason.GAP: 60,
    Reason.PROMOTION: 40,
    Reason.WATCH: 30,
    Reason.OTHER: 30,
}
DUE_WITHIN: Mapping[Reason, timedelta] = {
    Reason.CUSTOMER_WAITING: timedelta(minutes=10),
    Reason.ONLINE: timedelta(minutes=15),
    Reason.GAP: timedelta(minutes=30),
    Reason.PROMOTION: timedelta(hours=2),
    Reason.WATCH: timedelta(minutes=60),
    Reason.OTHER: timedelta(hours=1),
}
assert set(URGENCY) == set(DUE_WITHIN) == set(Reason)


class PullEnded(Rejection):
    """The pull is over, so nothing can be done to it."""

    kind = Kind.CONFLICT
    code = "pull-ended"
    title = "This pull has ended already."


class Pull(NamedTuple):
    """How far a pull has come; all quantities in eaches.

    Attributes:
        pull_id: Its id.
        state: Where it stands.
        wanted: What is to be brought in all; >= planned + filled + put.
        planned: On lines of tasks that are being picked.
        filled: In tubs on their way.
        put: On the shelf.
        end_reason: Why it ended, or why it will end once what is on its way has arrived; None otherwise.
    """

    pull_id: int
    state: State
    wanted: int
    planned: int
    filled: int
    put: int
    end_reason: str | None = None

    @property
    def rest(self) -> int:
        """Eaches that nobody has planned yet."""
        return self.wanted - self.planned - self.filled - self.put

    def change(self, *, wanted: int = 0, planned: int = 0, filled: int = 0, put: int = 0) -> "Pull":
        """Return the pull after these differences; its state follows from what is left to do.

        Raises:
            PullEnded: it is over.
        """
        if self.state in ENDED:
            raise PullEnded("Ask again to open a new one.", pull_id=self.pull_id, state=self.state)
        wanted, planned, filled, put = (
            self.wanted + wanted,
            self.planned + planned,
            self.filled + filled,
            self.put + put,
        )
        rest = wanted - planned - filled - put
        state = _state_of(rest, planned=planned, filled=filled)
        after = Pull(self.pull_id, state, wanted, planned, filled, put, self.end_reason)
        if min(planned, filled, put, rest) < 0:
            raise ValueError(f"quantities of pull {self.pull_id} do not add up: {after}")
        # What was given up while a task was on its way stays given up when the task brings less than it planned.
        if after.state is State.OPEN and after.end_reason:
            return after.give_up_rest(State.CANCELLED, after.end_reason)
        return after

    def give_up_rest(self, state: State, reason: str) -> "Pull":
        """Return the pull without what nobody has planned yet; it ends with `state` if nothing else is left.

        If something is on its way it lives on, bearing the reason, until that has arrived or somebody asks anew.
        """
        trimmed = self.change(wanted=-self.rest)
        if trimmed.state is not State.CLOSED:
            return trimmed._replace(end_reason=reason)
        ended = State.CLOSED if trimmed.put else state
        return trimmed._replace(state=ended, end_reason=reason)

    def reopen(self, planned: int) -> "Pull":
        """Return an unfillable pull alive again, as `planned` eaches were found after all."""
        if self.state is not State.UNFILLABLE:
            raise PullEnded("Ask again to open a new one.", pull_id=self.pull_id, state=self.state)
        found = self._replace(wanted=self.put + planned, planned=planned, state=State.PLANNED, end_reason=None)
        return found._replace(state=_state_of(found.rest, planned=found.planned, filled=found.filled))


def _state_of(rest: int, *, planned: int, filled: int) -> State:
    if rest > 0:
        return State.OPEN
    if planned:
        return State.PLANNED
    return State.FILLED if filled else State.CLOSED


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is known of an item at its shelf when somebody asks; eaches.

    Attributes:
        capacity: What fits on the shelf.
        book: What the books say stands there; below zero when oversold.
        in_flight: Wanted by the live pull and not on the shelf yet.
        backroom: In the backroom and neither reserved by a task nor spoken for by a live pull.
    """

    capacity: int
    book: int
    in_flight: int
    backroom: int


class Outcome(StrEnum):
    """What an ask led to at once."""

    OPENED = "opened"
    JOINED = "joined"
    NOT_NEEDED = "not_needed"
    UNFILLABLE = "unfillable"


@dataclass(frozen=True, slots=True)
class Netted:
    """What an ask adds to the pull.

    Attributes:
        outcome: Opened, joined, not needed or unfillable.
        qty: Eaches to pull more than before; 0 unless more is needed and there.
        uncovered: Eaches that are needed and not in the backroom.
    """

    outcome: Outcome
    qty: int
    uncovered: int


def net(shelf: Shelf, *, asked: int | None, live: bool, at_least_one: bool) -> Netted:
    """Decide how much an ask adds, so that nothing is asked twice and nothing is sent that does not fit.

    Args:
        shelf: What is known.
        asked: Eaches the asker named; None: as many as fit.
        live: There is a live pull to join.
        at_least_one: A customer waits, so one unit is brought whatever the book of the shelf says.
    Returns:
        qty <= backroom, and on hand + in flight + qty <= max(capacity, 1).
    """
    room = max(0, shelf.capacity - max(0, shelf.book))
    if at_least_one:
        room = max(room, 1)
    target = room if asked is None else min(asked, room)
    more = max(0, target - shelf.in_flight)
    qty = min(more, max(0, shelf.backroom))
    if live:
        return Netted(Outcome.JOINED, qty, more - qty)
    if more == 0:
        return Netted(Outcome.NOT_NEEDED, 0, 0)
    return Netted(Outcome.OPENED if qty else Outcome.UNFILLABLE, qty, more - qty)


def raised_urgency(present: int, *, reason: Reason, repeats: int, urgency: int | None = None) -> int:
    """Return the urgency of a pull after `repeats` more asks for the reason.

    Repeats raise it step by step, but never above a waiting customer, unless the customer is what they tell of.
    """
    base = max(present, URGENCY[reason] if urgency is None else urgency)
    ceiling = max(base, URGENCY[Reason.CUSTOMER_WAITING] - 1)
    return min(MAX_URGENCY, ceiling, base + REPEAT_BONUS * repeats)


def strongest(reason: Reason, present: Reason) -> Reason:
    """Return why the pull exists: a person's reason stays, however often the watch asks for the same."""
    return max(reason, present, key=lambda one: (URGENCY[one], one is not Reason.WATCH))


class Answer(StrEnum):
    """What an asker is told."""

    WAITING = "waiting"
    PLANNED = "planned"
    ON_ITS_WAY = "on_its_way"
    ON_THE_SHELF = "on_the_shelf"
    NOT_NEEDED = "not_needed"
    CANNOT = "cannot"


ANSWERS: Mapping[State, Answer] = {
    State.OPEN: Answer.WAITING,
    State.PLANNED: Answer.PLANNED,
    State.FILLED: Answer.ON_ITS_WAY,
    State.CLOSED: Answer.ON_THE_SHELF,
    State.CANCELLED: Answer.CANNOT,
    State.EXPIRED: Answer.NOT_NEEDED,
    State.UNFILLABLE: Answer.CANNOT,
}
assert set(ANSWERS) == set(State)


def answer_of(state: State, *, put: int) -> Answer:
    """Return what the askers of a pull are told; a pull closed with nothing put could not be done."""
    if state is State.CLOSED and put == 0:
        return Answer.CANNOT
    return ANSWERS[state]


@dataclass(frozen=True, slots=True)
class LeadTimes:
    """How long this store takes, measured on its own pulls (80 % are faster); seconds.

    Attributes:
        whole_s: From opened to on the shelf.
        planned_s: From claimed to on the shelf.
        filled_s: From staged to on the shelf.
        samples: Pulls measured.
    """

    whole_s: int = DEFAULT_LEAD_S
    planned_s: int = DEFAULT_LEAD_S * 2 // 3
    filled_s: int = DEFAULT_LEAD_S // 3
    samples: int = 0


def eta(
    state: State,
    *,
    opened_at: datetime,
    planned_at: datetime | None,
    filled_at: datetime | None,
    lead: LeadTimes,
    now: datetime,
) -> datetime | None:
    """Return when the goods are expected on the shelf, never in the past; None once the pull has ended."""
    if state in ENDED:
        return None
    since, lasts_s = opened_at, lead.whole_s
    if state is State.FILLED and filled_at:
        since, lasts_s = filled_at, lead.filled_s
    elif state is State.PLANNED and planned_at:
        since, lasts_s = planned_at, lead.planned_s
    return max(since + timedelta(seconds=lasts_s), now + timedelta(minutes=1))
