"""What may be done to a task, a line and a tub, and by whom. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from pullsvc.errors import Kind, Rejection

MAX_LINES = 60  # On one task, with the stops that shorts add.
MAX_LIVE_TASKS_A_WORKER = 3


class TaskState(StrEnum):
    """Where a task stands; the same words as the CHECK on `tasks.state`."""

    CLAIMED = "claimed"
    FILLING = "filling"
    STAGED = "staged"
    ON_FLOOR = "on_floor"
    CLOSED = "closed"
    RELEASED = "released"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


# Every arrow of the state diagram in docs/states.md, which is made from this table.
TASK_MOVES: Mapping[TaskState, frozenset[TaskState]] = {
    TaskState.CLAIMED: frozenset({TaskState.FILLING, TaskState.RELEASED, TaskState.CANCELLED}),
    TaskState.FILLING: frozenset({TaskState.STAGED, TaskState.ABANDONED, TaskState.RELEASED, TaskState.CLOSED}),
    TaskState.ABANDONED: frozenset({TaskState.FILLING, TaskState.STAGED}),
    TaskState.STAGED: frozenset({TaskState.ON_FLOOR}),
    TaskState.ON_FLOOR: frozenset({TaskState.CLOSED}),
    TaskState.CLOSED: frozenset(),
    TaskState.RELEASED: frozenset(),
    TaskState.CANCELLED: frozenset(),
}
assert set(TASK_MOVES) == set(TaskState)

PICKING = frozenset({TaskState.CLAIMED, TaskState.FILLING, TaskState.ABANDONED})
ENDED = frozenset(state for state, onwards in TASK_MOVES.items() if not onwards)


class LineState(StrEnum):
    """Where a line stands; the same words as the CHECK on `task_lines.state`."""

    PLANNED = "planned"
    SKIPPED = "skipped"
    PICKED = "picked"
    SHORT = "short"
    SETTLED = "settled"
    DROPPED = "dropped"


LINE_MOVES: Mapping[LineState, frozenset[LineState]] = {
    LineState.PLANNED: frozenset({LineState.PICKED, LineState.SHORT, LineState.SKIPPED, LineState.DROPPED}),
    LineState.SKIPPED: frozenset({LineState.PICKED, LineState.SHORT, LineState.DROPPED, LineState.SKIPPED}),
    LineState.PICKED: frozenset({LineState.PLANNED, LineState.SETTLED}),
    LineState.SHORT: frozenset({LineState.PLANNED, LineState.SETTLED}),
    LineState.SETTLED: frozenset(),
    LineState.DROPPED: frozenset(),
}
assert set(LINE_MOVES) == set(LineState)

TO_PICK = frozenset({LineState.PLANNED, LineState.SKIPPED})


class TubState(StrEnum):
    """Where a tub is; the same words as the CHECK on `tubs.state`."""

    IDLE = "idle"
    FILLING = "filling"
    STAGED = "staged"
    ON_FLOOR = "on_floor"


# Where a task's tub is while the task lives; afterwards it is idle again.
TUB_STATE: Mapping[TaskState, TubState] = {
    TaskState.CLAIMED: TubState.FILLING,
    TaskState.FILLING: TubState.FILLING,
    TaskState.ABANDONED: TubState.FILLING,
    TaskState.STAGED: TubState.STAGED,
    TaskState.ON_FLOOR: TubState.ON_FLOOR,
}
assert set(TUB_STATE) == set(TaskState) - ENDED


class ShortReason(StrEnum):
    """Why less was picked than planned; the same words as the CHECK on `task_lines.short_reason`."""

    NOT_THERE = "not_there"
    LESS_THAN_EXPECTED = "less_than_expected"
    WRONG_ITEM = "wrong_item"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"
    OTHER = "other"


# The place is empty, whatever its book says; never the item as a whole.
EMPTIES_LOCATION = frozenset({ShortReason.NOT_THERE, ShortReason.LESS_THAN_EXPECTED, ShortReason.WRONG_ITEM})
# The units are there, so nobody needs to count them.
NEEDS_NO_COUNT = frozenset({ShortReason.UNREACHABLE})


class NoSuchTask(Rejection):
    """The task does not exist in this store."""

    kind = Kind.NOT_FOUND
    code = "no-such-task"
    title = "There is no such task here."


class NoSuchLine(Rejection):
    """The task has no such line, or the scanned item is on none of its open lines."""

    kind = Kind.NOT_FOUND
    code = "no-such-line"
    title = "The task has no such line."


class NoSuchTub(Rejection):
    """The tub is not registered in this store."""

    kind = Kind.NOT_FOUND
    code = "no-such-tub"
    title = "The store has no such tub."


class StaleFence(Rejection):
    """Somebody else has claimed the task since."""

    kind = Kind.CONFLICT
    code = "stale-fence"
    title = "This task is no longer yours."


class IllegalMove(Rejection):
    """The task or line cannot do that from where it stands."""

    kind = Kind.CONFLICT
    code = "illegal-move"
    title = "That cannot be done in the present state."


class WrongItem(Rejection):
    """The scanned item is not the one on the line."""

    kind = Kind.CONFLICT
    code = "wrong-item"
    title = "This is not the item to pick."


class WrongTub(Rejection):
    """The scanned tub is not the one of this task, or is in use."""

    kind = Kind.CONFLICT
    code = "wrong-tub"
    title = "This is not the tub of this task."


class NeedsTub(Rejection):
    """Units can only be picked into a tub."""

    kind = Kind.CONFLICT
    code = "needs-tub"
    title = "Scan a tub first."


class OverPick(Rejection):
    """More was scanned than the line wants."""

    kind = Kind.CONFLICT
    code = "over-pick"
    title = "That is more than this line wants."


class OverSettled(Rejection):
    """More would be put, returned, damaged or missing than was picked."""

    kind = Kind.CONFLICT
    code = "over-settled"
    title = "That is more than was picked."


class NotBalanced(Rejection):
    """Units in the tub are not accounted for yet."""

    kind = Kind.CONFLICT
    code = "not-balanced"
    title = "The tub still holds units that nobody has accounted for."


class TooManyTasks(Rejection):
    """The worker holds as many tasks as one may."""

    kind = Kind.CONFLICT
    code = "too-many-tasks"
    title = "Finish or release a task first."


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a task; quantities in eaches."""

    line_no: int
    pull_id: int
    sku: str
    location: str
    shelf: str
    pick_seq: int
    state: LineState
    short_reason: ShortReason | None
    planned: int
    picked: int
    put: int
    returned: int
    damaged: int
    missing: int

    @property
    def open_qty(self) -> int:
        """Eaches still to be picked."""
        return self.planned - self.picked if self.state in TO_PICK else 0

    @property
    def unsettled(self) -> int:
        """Eaches in the tub that nobody has accounted for."""
        return self.picked - self.put - self.returned - self.damaged - self.missing


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its lines, as locked for an act."""

    store_id: int
    task_id: int
    state: TaskState
    fence: int
    tub: str | None
    lane: str | None
    claimed_by: int
    lease_until: datetime
    staged_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    lines: tuple[Line, ...]

    @property
    def qty_picked(self) -> int:
        """Eaches that were put into the tub."""
        return sum(line.picked for line in self.lines)

    @property
    def qty_settled(self) -> int:
        """Eaches of them that are accounted for."""
        return sum(line.picked - line.unsettled for line in self.lines)

    def at(self, state: TaskState, now: datetime) -> "Task":
        """Return the task in that state, with the time at which it first got there."""
        return replace(
            self,
            state=state,
            staged_at=self.staged_at or now if state is TaskState.STAGED else self.staged_at,
            delivered_at=self.delivered_at or now if state is TaskState.ON_FLOOR else self.delivered_at,
            ended_at=now if state in ENDED else None,
        )

    def having(self, lines: Iterable[Line], **changes: Any) -> "Task":
        """Return the task with these lines in place of its own of the same numbers, and other fields changed."""
        by_no = {line.line_no: line for line in lines}
        return replace(self, lines=tuple(by_no.get(line.line_no, line) for line in self.lines), **changes)

    def line(self, line_no: int) -> Line:
        """Return the line with this number.

        Raises:
            NoSuchLine: there is none.
        """
        for line in self.lines:
            if line.line_no == line_no:
                return line
        raise NoSuchLine(f"Task {self.task_id} has the lines 1 to {len(self.lines)}.", line_no=line_no)


def check_fence(task: Task, fence: int) -> None:
    """Let the holder of the newest fence pass; the clock decides nothing.

    Raises:
        StaleFence: the task was claimed, resumed or reassigned since.
    """
    if fence != task.fence:
        raise StaleFence("Put the units back or hand them to the present holder.", task_id=task.task_id)


def check_state(task: Task, allowed: frozenset[TaskState], *, to_do: str) -> None:
    """Let a task pass that is in one of the states.

    Raises:
        IllegalMove: it is not.
    """
    if task.state not in allowed:
        detail = f"Task {task.task_id} is {task.state}; one can {to_do} only while {' or '.join(sorted(allowed))}."
        raise IllegalMove(detail, state=task.state)


def line_to_pick(task: Task, *, line_no: int | None, sku: str | None) -> Line:
    """Return the line that a scan belongs to: the one named, or the next open one with the scanned item.

    Raises:
        NoSuchLine: no open line has that item, or there is no such line.
        WrongItem: the item scanned is not the one of the line named.
    """
    if line_no is not None:
        line = task.line(line_no)
        if sku is not None and line.sku != sku:
            raise WrongItem(f"Line {line_no} wants {line.sku}, not {sku}; put it back.", wants=line.sku, scanned=sku)
        return line
    for line in sorted(task.lines, key=lambda one: (one.pick_seq, one.line_no)):
        if line.sku == sku and line.open_qty > 0:
            return line
    if any(line.sku == sku for line in task.lines):
        raise OverPick(f"All lines with {sku} are picked; put it back.", sku=sku)
    raise WrongItem(f"{sku} is on no line of this task; put it back.", scanned=sku)


def check_pick(line: Line, qty: int) -> None:
    """Let a pick of `qty` eaches pass.

    Raises:
        IllegalMove: the line is short, dropped or settled.
        OverPick: the line wants less.
    """
    if line.state not in TO_PICK | {LineState.PICKED}:
        raise IllegalMove(f"Line {line.line_no} is {line.state}; undo that first.", state=line.state)
    if qty > line.open_qty:
        raise OverPick(
            f"Line {line.line_no} wants {line.open_qty} more; put {qty - line.open_qty} back.",
            open_qty=line.open_qty,
            scanned=qty,
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where units of a line went; eaches."""

    put: int = 0
    returned: int = 0
    damaged: int = 0
    missing: int = 0

    @property
    def qty(self) -> int:
        """All of them."""
        return self.put + self.returned + self.damaged + self.missing


def check_settlement(line: Line, settlement: Settlement) -> None:
    """Let units of a line be accounted for.

    Raises:
        OverSettled: more than are in the tub.
    """
    if settlement.qty > line.unsettled:
        raise OverSettled(
            f"Line {line.line_no} has {line.unsettled} in the tub; you account for {settlement.qty}.",
            unsettled=line.unsettled,
        )


def settled(line: Line, settlement: Settlement) -> Line:
    """Return the line with these units accounted for; settled once all of them are."""
    after = replace(
        line,
        put=line.put + settlement.put,
        returned=line.returned + settlement.returned,
        damaged=line.damaged + settlement.damaged,
        missing=line.missing + settlement.missing,
    )
    return replace(after, state=LineState.SETTLED) if after.unsettled == 0 else after


def all_settled(lines: Iterable[Line]) -> bool:
    """Tell whether every picked unit is accounted for."""
    return all(line.unsettled == 0 for line in lines)


def check_balanced(task: Task) -> None:
    """Let a task close.

    Raises:
        NotBalanced: units in the tub are unaccounted for.
    """
    if left := {line.line_no: line.unsettled for line in task.lines if line.unsettled}:
        detail = f"Say for line(s) {', '.join(map(str, left))} what was put, returned, damaged or is missing."
        raise NotBalanced(detail, lines=[{"line_no": n, "unsettled": qty} for n, qty in left.items()])
