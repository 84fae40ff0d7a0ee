"""Bring tubs to the floor: stage, deliver, put away, close; and renew, give back or take over the hold on a task.

Each kind of act is a pure function that says what the act does or why it is refused, and what is looked up for it;
`holding.do_all` does those that came in together, of any kinds, tasks and stores.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pullsvc.access.rules import Perm, forbidden
from pullsvc.catalog.actions import check_place
from pullsvc.catalog.queries import Location, find_locations
from pullsvc.db import Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.pulls.rules import Pull
from pullsvc.stock.rules import ADJUSTED, DAMAGED, Cause, Leg
from pullsvc.tubs import holding, queries, rules
from pullsvc.tubs.holding import Deed, DeedKind, Held, Outcome, Told, line_id
from pullsvc.tubs.rules import Line, LineState, Settlement, Task, TaskState

LANES = frozenset({"lane"})
STAGEABLE = frozenset({TaskState.FILLING, TaskState.ABANDONED, TaskState.STAGED})
RETURN_PLACES = frozenset({"backroom", "receiving"})

Places = Mapping[tuple[int, str], Location]


class NoSuchWorker(Rejection):
    """The principal may not work in this backroom."""

    kind = Kind.NOT_FOUND
    code = "no-such-worker"
    title = "Nobody with that id works in this backroom."


def _renew(held: Held, deed: Deed) -> Outcome:
    """Say that one is still at it; any scan does so too."""
    return Outcome(held.task(deed, frozenset(TaskState) - rules.ENDED, to_do="renew it"))


RENEW = DeedKind(_renew)


def _release(held: Held, deed: Deed) -> Outcome:
    """Give a task back; what it planned can be claimed by anybody at once.

    Raises:
        IllegalMove: units are in the tub already: it must be staged, or they must be put back first.
    """
    task = held.task(deed, rules.PICKING, to_do="release it")
    if task.qty_picked:
        raise rules.IllegalMove(
            f"{task.qty_picked} units are in the tub; stage it, or put them back first.", picked=task.qty_picked
        )
    return holding.let_go(task, deed.stamp.now)


RELEASE = DeedKind(_release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging(Deed):
    """The tub stands in a lane at the edge of the floor."""

    lane: str


async def _lanes(tx: Tx, deeds: Sequence[Staging]) -> Places:
    return await find_locations(tx, {(deed.stamp.store_id, deed.lane) for deed in deeds})


def _stage(held: Held, deed: Staging, *, known: Places) -> Outcome:
    """Stand the tub in a lane, or in another one; what was not picked goes back to its pulls at once.

    Raises:
        IllegalMove: nothing is in the tub, so that the task must be released instead.
        NoSuchPlace, WrongKindOfPlace: it is no lane.
    """
    task = held.task(deed, STAGEABLE, to_do="stage it")
    if task.qty_picked == 0 or task.tub is None:
        raise rules.IllegalMove("Nothing is in the tub; release the task instead.", picked=0)
    check_place(deed.lane, known.get((task.store_id, deed.lane)), kinds=LANES)
    if task.lane == deed.lane:
        return Outcome(task)
    told = [Told("tub.staged", task.tub, {"task_id": task.task_id, "lane": deed.lane, "qty": task.qty_picked})]
    if task.state is TaskState.STAGED:  # The pulls know already what is on its way.
        return Outcome(task._replace(lane=deed.lane), told=told)
    staged = task.having(map(_as_staged, task.lines)).at(TaskState.STAGED, deed.stamp.now)._replace(lane=deed.lane)
    return Outcome(staged, told=told, pulls=_filled(task))


STAGE = DeedKind(_stage, look=_lanes)


def _as_staged(line: Line) -> Line:
    if line.open_qty == 0:
        return line
    return line._replace(state=LineState.PICKED if line.picked else LineState.DROPPED)


def _filled(task: Task) -> dict[int, Callable[[Pull], Pull]]:
    """Tell the pulls what is on its way now, and give them back what is not."""
    picked: dict[int, int] = {}
    left: dict[int, int] = {}
    for line in task.lines:
        picked[line.pull_id] = picked.get(line.pull_id, 0) + line.picked
        left[line.pull_id] = left.get(line.pull_id, 0) + line.open_qty

    def change(filled: int, unplanned: int) -> Callable[[Pull], Pull]:
        return lambda pull: pull.change(planned=-filled - unplanned, filled=filled)

    return {n: change(picked[n], left[n]) for n in picked if picked[n] or left[n]}


def _deliver(held: Held, deed: Deed) -> Outcome:
    """Take a staged tub onto the floor; whoever does so holds the task from then on.

    Raises:
        IllegalMove: it is not staged.
    """
    assert deed.stamp.principal_id is not None
    task = held.task(deed, frozenset({TaskState.STAGED}), to_do="deliver it")
    on_floor = task.at(TaskState.ON_FLOOR, deed.stamp.now)
    taken = on_floor._replace(fence=task.fence + 1, claimed_by=deed.stamp.principal_id)
    return Outcome(taken, told=[Told("tub.delivered", task.tub, {"task_id": task.task_id})])


DELIVER = DeedKind(_deliver)


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAway(Deed):
    """Units of lines accounted for: on the shelf, back to the backroom, damaged or missing.

    Attributes:
        settlements: By line number.
        all_put: What is not named there went onto its shelf.
        return_to: Where units that did not fit go; None: where they came from.
    """

    settlements: Mapping[int, Settlement]
    all_put: bool = False
    return_to: str | None = None

    @property
    def brings_back(self) -> bool:
        """Whether units are returned and nobody says where to."""
        return not self.return_to and any(s.returned for s in self.settlements.values())


async def _return_places(tx: Tx, deeds: Sequence[PutAway]) -> Places:
    named = {(deed.stamp.store_id, deed.return_to) for deed in deeds if deed.return_to}
    return await find_locations(tx, named) if named else {}


def _put_away(held: Held, deed: PutAway, *, known: Places) -> Outcome:
    """Account for units of lines; the task closes when all of its units are accounted for.

    Raises:
        OverSettled: it is more than the tub holds of a line.
        NoSuchPlace, WrongKindOfPlace: units cannot go back there.
    """
    task = held.task(deed, frozenset({TaskState.ON_FLOOR}), to_do="put away")
    rest = {x.line_no: Settlement(put=x.unsettled) for x in task.lines if x.unsettled} if deed.all_put else {}
    by_no = sorted((rest | dict(deed.settlements)).items())
    said = [(task.line(line_no), settlement) for line_no, settlement in by_no]
    for line, settlement in said:
        rules.check_settlement(line, settlement)
    settled = [(line, settlement) for line, settlement in said if settlement.qty]
    if deed.return_to:
        check_place(deed.return_to, known.get((task.store_id, deed.return_to)), kinds=RETURN_PLACES)
    after = task.having(rules.settled(line, settlement) for line, settlement in settled)
    totals = {way: sum(getattr(s, way) for _, s in settled) for way in ("put", "returned", "damaged", "missing")}
    told = [Told("tub.put_away", task.tub, {"task_id": task.task_id, **totals})]
    if rules.all_settled(after.lines):
        after = after.at(TaskState.CLOSED, deed.stamp.now)
        told.append(_closed(task))
    return Outcome(
        after,
        told=told,
        legs=[leg for line, s in settled for leg in _legs(held, task, line, s, deed.return_to)],
        pulls=_arrived(settled),
        lost=[(line, s.missing) for line, s in settled if s.missing],
    )


PUT_AWAY = DeedKind(_put_away, look=_return_places)


def _closed(task: Task) -> Told:
    return Told("task.closed", task.task_id, {"tub": task.tub, "picked": task.qty_picked})


def _legs(held: Held, task: Task, line: Line, s: Settlement, return_to: str | None) -> Iterable[Leg]:
    assert task.tub is not None
    back = [(return_to, s.returned)] if return_to else held.came_from(task, line, s.returned)
    ways = (
        (s.put, line.shelf, Cause.PUT),
        *((qty, place, Cause.RETURN) for place, qty in back),
        (s.damaged, DAMAGED, Cause.DAMAGE),
        (s.missing, ADJUSTED, Cause.MISSING),
    )
    for qty, dst, cause in ways:
        if qty:
            yield Leg(line.sku, qty, task.tub, dst, cause, line_id(task, line))


def _arrived(settled: Sequence[tuple[Line, Settlement]]) -> dict[int, Callable[[Pull], Pull]]:
    """Tell the pulls what arrived; what did not fit is no longer wanted, what was lost on the way is wanted again."""
    per_pull: dict[int, list[Settlement]] = {}
    for line, settlement in settled:
        per_pull.setdefault(line.pull_id, []).append(settlement)

    def change(settlements: Sequence[Settlement]) -> Callable[[Pull], Pull]:
        def arrived(pull: Pull) -> Pull:
            qty, put = sum(s.qty for s in settlements), sum(s.put for s in settlements)
            after = pull.change(filled=-qty, put=put, wanted=-sum(s.returned for s in settlements))
            if after.state == "closed" and after.put == 0:
                return after._replace(end_reason="did_not_fit")
            return after

        return arrived

    return {n: change(settlements) for n, settlements in per_pull.items()}


def _close(held: Held, deed: Deed) -> Outcome:
    """Close a tub on the floor; NotBalanced while units are unaccounted for, telling which lines."""
    task = held.task(deed, frozenset({TaskState.ON_FLOOR}), to_do="close it")
    rules.check_balanced(task)
    return Outcome(task.at(TaskState.CLOSED, deed.stamp.now), told=[_closed(task)])


CLOSE = DeedKind(_close)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption(Deed):
    """A task taken over from whoever let it lie.

    Attributes:
        may_work: Whoever takes it may pick; without that a tub that is being filled would wait in vain.
    """

    may_work: bool


def _resume(held: Held, deed: Resumption) -> Outcome:
    """Take over an abandoned tub, or one on the floor whose holder has gone quiet; also one's own after a crash.

    Raises:
        IllegalMove: its holder is at work.
        Forbidden: it is being filled, and the caller may not work in the backroom.
    """
    assert deed.stamp.principal_id is not None
    found = held.task(replace(deed, lease=None), frozenset(TaskState), to_do="resume it")
    quiet = found.lease_until < deed.stamp.now
    mine = found.claimed_by == deed.stamp.principal_id
    live = found.state in rules.PICKING or found.state is TaskState.ON_FLOOR
    if not live or not (quiet or mine or found.state is TaskState.ABANDONED):
        raise rules.IllegalMove(
            f"Task {found.task_id} is {found.state} and held until {found.lease_until:%H:%M}; a lead can reassign it.",
            state=found.state,
        )
    if found.state in rules.PICKING and not deed.may_work:
        raise forbidden(Perm.WORK)
    task = held.task(deed, frozenset(TaskState), to_do="resume it")
    return _taken_over(task, deed.stamp.principal_id, told="task.resumed")


RESUME = DeedKind(_resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment(Deed):
    """A task given to another worker by a lead's word."""

    worker: int


async def _workers(tx: Tx, deeds: Sequence[Reassignment]) -> Mapping[tuple[int, int], str]:
    return await queries.workers(tx, {(deed.stamp.store_id, deed.worker) for deed in deeds})


def _reassign(held: Held, deed: Reassignment, *, known: Mapping[tuple[int, int], str]) -> Outcome:
    """Give a task to another worker.

    Raises:
        NoSuchWorker: that principal does not work here.
        IllegalMove: the task has ended.
    """
    task = held.task(deed, frozenset(TaskState) - rules.ENDED, to_do="reassign it")
    name = known.get((task.store_id, deed.worker))
    if name is None:
        detail = f"Principal {deed.worker} has no backroom role in this store."
        raise NoSuchWorker(detail, principal_id=deed.worker)
    return replace(_taken_over(task, deed.worker, told="task.reassigned"), holder=name)


REASSIGN = DeedKind(_reassign, look=_workers)


def _taken_over(task: Task, worker: int, *, told: str) -> Outcome:
    """Give a live task to a worker, with a new fence; the old holder's scans are refused from now on."""
    state = TaskState.FILLING if task.state is TaskState.ABANDONED else task.state
    taken = task._replace(state=state, fence=task.fence + 1, claimed_by=worker)
    return Outcome(taken, told=[Told(told, task.task_id, {"worker": worker, "from": task.claimed_by})])
