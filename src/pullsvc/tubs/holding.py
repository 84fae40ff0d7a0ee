"""Hold tasks: lock those of a batch of acts, let each act say what it does to its task, and write all of it at once.

An act is a pure function from the tasks as they stand to an `Outcome`, or a refusal. So a refused act has written
nothing, the acts of a batch see what the earlier ones did, and one act is a batch of one.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pullsvc.db import Database, Row, Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls.rules import Pull
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import Cause, Leg
from pullsvc.tubs import queries, rules
from pullsvc.tubs.queries import Key
from pullsvc.tubs.rules import Line, LineState, Task, TaskState, TubState

MAX_SWEPT_A_RUN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """An act on a task; each kind adds what it needs to know.

    Attributes:
        stamp: Who does it, in which store, when.
        task_id: The task.
        fence: With which the task was handed out; None for acts that need not hold it.
        lease: For how long it is held from then on; None: as long as before.
    """

    stamp: Stamp
    task_id: int
    fence: int | None = None
    lease: timedelta | None = None

    @property
    def key(self) -> Key:
        """The task, in its store."""
        return self.stamp.store_id, self.task_id

    @property
    def tubs(self) -> Iterable[str]:
        """Tubs that were scanned with it."""
        return ()

    @property
    def brings_back(self) -> bool:
        """Whether units go back where they came from, so that this has to be looked up."""
        return False


@dataclass(frozen=True, slots=True)
class Told:
    """An event to append once the act is sure; `at` when it happened earlier or later than the act as a whole."""

    kind: str
    subject: object
    facts: Mapping[str, object]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act does.

    Attributes:
        task: As the act leaves it.
        told: Events.
        legs: Units it moves.
        pulls: What becomes of the pulls of its lines, by their ids.
        lost: Units that nobody can find, by line, for a lead to look into.
        answer: What its caller is told besides the task, if anything.
        holder: Name of the one who holds the task from then on, where that is neither who held it nor the caller.
    """

    task: Task
    told: Sequence[Told] = ()
    legs: Sequence[Leg] = ()
    pulls: Mapping[int, Callable[[Pull], Pull]] = field(default_factory=dict)
    lost: Sequence[tuple[Line, int]] = ()
    answer: Any = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did: its outcome, and the rows of its task as they were locked."""

    outcome: Outcome
    rows: Sequence[Row]


Results = list[Done | Rejection]


@dataclass(slots=True)
class Held:
    """The tasks of a batch, each as the acts so far have left it, and where the tubs are that were scanned for them.

    Attributes:
        tasks: By their keys.
        tubs: Those that were scanned for tasks without one.
        sources: For lines of which units may go back: how many came from each place, what was picked last at the end.
    """

    tasks: dict[Key, Task]
    tubs: dict[tuple[int, str], tuple[TubState, int | None]]
    sources: dict[tuple[int, str], dict[str, int]]

    def came_from(self, task: Task, line: Line, qty: int) -> list[tuple[str, int]]:
        """Return where so many units of a line came from, those picked last first; if nobody knows, where it says."""
        parts = []
        for place, picked in reversed(self.sources.get((task.store_id, line_id(task, line)), {}).items()):
            if (part := min(qty, picked)) > 0:
                parts.append((place, part))
                qty -= part
        return [*parts, (line.location, qty)] if qty else parts

    def note(self, store_id: int, legs: Iterable[Leg]) -> None:
        """Let the acts that follow know what was picked where, and put back there."""
        for leg in legs:
            known = self.sources.get((store_id, leg.cause_id))
            if known is not None and leg.cause is Cause.PICK:
                known[leg.src] = known.pop(leg.src, 0) + leg.qty
            elif known is not None and leg.cause in (Cause.UNPICK, Cause.RETURN):
                known[leg.dst] = known.get(leg.dst, 0) - leg.qty

    def task(self, deed: Deed, allowed: frozenset[TaskState], *, to_do: str) -> Task:
        """Return the task of an act that its caller may do to it now, held for as long as the act holds it.

        Raises:
            NoSuchTask: there is none in this store.
            StaleFence: somebody else holds it by now.
            IllegalMove: it is in none of the states.
        """
        task = self.tasks.get(deed.key)
        if task is None:
            raise no_such_task(deed.task_id)
        if deed.fence is not None:
            rules.check_fence(task, deed.fence)
        rules.check_state(task, allowed, to_do=to_do)
        return task._replace(lease_until=deed.stamp.now + deed.lease) if deed.lease else task

    def bound(self, task: Task, tub: str) -> Task:
        """Return the task with its tub; scanning the tub that it has already is fine.

        Raises:
            WrongTub: the task has another tub, or the tub is in use.
            NoSuchTub: it is not a tub of this store.
        """
        if task.tub == tub:
            return task
        if task.tub is not None:
            raise rules.WrongTub(f"This task fills {task.tub}, not {tub}.", tub=task.tub, scanned=tub)
        if (task.store_id, tub) not in self.tubs:
            raise rules.NoSuchTub(f"{tub} is not a tub of this store; register it or scan another.", tub=tub)
        state, user = self.tubs[task.store_id, tub]
        if state is not TubState.IDLE:
            raise rules.WrongTub(f"{tub} is {state} on task {user}; scan another.", tub=tub)
        return task._replace(tub=tub, state=TaskState.FILLING)

    def keep(self, task: Task) -> None:
        """Let the acts that follow find the task so, and its tub where it is, or free again."""
        key = task.store_id, task.task_id
        was = self.tasks[key]
        tub = task.store_id, task.tub or was.tub or ""
        if tub in self.tubs and was.state not in rules.ENDED:
            ended = task.state in rules.ENDED
            self.tubs[tub] = (TubState.IDLE, None) if ended else (rules.TUB_STATE[task.state], task.task_id)
        self.tasks[key] = task


@dataclass(frozen=True, slots=True, eq=False)
class DeedKind:
    """A kind of act; each is a thing of its own, found by its identity.

    Attributes:
        judge: Says what an act does to its task; raises a Rejection when it is refused. Pure: takes what is held, the
            deed, and as `known` what `look` returned.
        look: Looks up what the acts of a batch name, before any task is locked; None: they name nothing.
        shown: Its answer is the task as it is shown, and not only what the act did.
    """

    judge: Callable[..., Outcome]
    look: Callable[[Tx, Sequence[Any]], Awaitable[Any]] | None = None
    shown: bool = True

    async def ready(self, tx: Tx, deeds: Sequence[Deed]) -> Callable[[Held, Deed], Outcome]:
        """Return what judges these acts."""
        return partial(self.judge, known=await self.look(tx, deeds)) if self.look else self.judge


def no_such_task(task_id: int) -> rules.NoSuchTask:
    """Return the refusal."""
    return rules.NoSuchTask(f"Task {task_id} does not exist.", task_id=task_id)


async def do_all(tx: Tx, acts: Sequence[tuple[DeedKind, Deed]]) -> Results:
    """Do acts of any kinds on tasks of any stores, one after the other, and write them together.

    Returns:
        For each act what it did, or why it was refused.
    """
    deeds = [deed for _, deed in acts]
    judges = {kind: await kind.ready(tx, [deed for its, deed in acts if its is kind]) for kind in dict(acts)}
    shown = {deed.key for kind, deed in acts if kind.shown}
    found = await queries.lock_tasks(tx, (deed.key for deed in deeds), shown=shown)
    tasks = {key: task for key, (task, _) in found.items()}
    held = Held(tasks, await _tubs(tx, deeds, found), await _sources(tx, deeds, found))
    results: Results = []
    last: dict[Key, datetime] = {}
    for kind, deed in acts:
        try:
            outcome = judges[kind](held, deed)
        except Rejection as refusal:
            results.append(refusal)
            continue
        held.keep(outcome.task)
        held.note(deed.stamp.store_id, outcome.legs)
        last[deed.key] = deed.stamp.now
        results.append(Done(outcome, found[deed.key][1]))
    await _write_tasks(tx, [(found[key][0], held.tasks[key], at) for key, at in last.items()])
    await _follow(
        tx, [(x.stamp, done.outcome) for x, done in zip(deeds, results, strict=True) if isinstance(done, Done)]
    )
    return results


async def _tubs(
    tx: Tx, deeds: Iterable[Deed], found: Mapping[Key, tuple[Task, Sequence[Row]]]
) -> dict[tuple[int, str], tuple[TubState, int | None]]:
    """Lock the tubs that were scanned for tasks without one: to take one it must be idle, and stay so."""
    scanned = {
        (task.store_id, tub)
        for deed in deeds
        for tub in deed.tubs
        if deed.key in found and (task := found[deed.key][0]).tub is None
    }
    rows = await queries.lock_tubs(tx, scanned) if scanned else {}
    return {key: (TubState(row.state), row.task_id) for key, row in rows.items() if row.active}


async def _sources(
    tx: Tx, deeds: Iterable[Deed], found: Mapping[Key, tuple[Task, Sequence[Row]]]
) -> dict[tuple[int, str], dict[str, int]]:
    """Look up where the units of lines came from, for the acts that bring some back; the tasks are locked."""
    keys = {deed.key for deed in deeds if deed.brings_back and deed.key in found}
    if not keys:
        return {}
    lines = [(key[0], x.sku, line_id(found[key][0], x)) for key in sorted(keys) for x in found[key][0].lines]
    known: dict[tuple[int, str], dict[str, int]] = {(store, cause_id): {} for store, _, cause_id in lines}
    stores, skus, cause_ids = zip(*lines, strict=True)
    # What was picked is filed no earlier than the claim: so few partitions are looked through.
    since: datetime = min(found[key][1][0]["claimed_at"] for key in keys)
    named = {"stores": list(stores), "skus": list(skus), "cause_ids": list(cause_ids)}
    for row in await tx.rows(queries.SOURCES, **named, since_day=since.astimezone(UTC).date()):
        known[row.store_id, row.cause_id][row.place] = row.qty
    return known


async def _write_tasks(tx: Tx, changes: Sequence[tuple[Task, Task, datetime]]) -> None:
    """Have tasks written last; those whose tub went to another task of the batch now, as it is on one live task."""
    live = {(after.store_id, after.tub) for _, after, _ in changes if after.ended_at is None and after.tub}
    for before, after, at in changes:
        if after.ended_at and (before.store_id, before.tub) in live:
            await queries.write_task(tx, before, after, at)
        else:
            queries.write_tasks_last(tx, [(before, after, at)])


async def _follow(tx: Tx, acts: Sequence[tuple[Stamp, Outcome]]) -> None:
    """Write what the acts mean for the pulls and the books, in the order in which everybody locks them."""
    changes = [(stamp, n, change) for stamp, outcome in acts for n, change in outcome.pulls.items()]
    if changes:
        held = await pull_queries.lock_all_pulls(tx, ((stamp.store_id, n) for stamp, n, _ in changes))
        steps = []
        for stamp, n, change in changes:
            before = held[stamp.store_id, n]
            after = held[stamp.store_id, n] = change(before)
            steps.append((stamp, before, after))
        await pulls.save_all_progress(tx, steps, last=True)
    await stock.move_all(tx, [(stamp, leg) for stamp, outcome in acts for leg in outcome.legs])
    for stamp, outcome in acts:
        for line, qty in outcome.lost:
            await _keep_missing(tx, stamp, outcome.task, line, qty)
        for told in outcome.told:
            signed = stamp if told.at in (None, stamp.occurred_at) else stamp._replace(occurred_at=told.at)
            append(tx, signed, told.kind, told.subject, told.facts)


async def _keep_missing(tx: Tx, stamp: Stamp, task: Task, line: Line, qty: int) -> None:
    """Units that left the backroom and never reached the floor are for a lead to look into."""
    assert task.tub is not None
    await stock.open_discrepancy(
        tx,
        stamp,
        kind="missing",
        sku=line.sku,
        location=task.tub,
        qty=qty,
        cause="task",
        cause_id=line_id(task, line),
    )


def line_id(task: Task, line: Line) -> str:
    """Return what the ledger calls the line of the task."""
    return f"task:{task.task_id}:{line.line_no}"


async def held_task(tx: Tx, stamp: Stamp, *, task_id: int) -> Task:
    """Lock one task with its lines, for an act that needs to look at more before it knows what it does.

    Raises:
        NoSuchTask: there is none in this store.
    """
    found = await queries.lock_tasks(tx, [(stamp.store_id, task_id)])
    if not found:
        raise no_such_task(task_id)
    return found[stamp.store_id, task_id][0]


async def save(tx: Tx, stamp: Stamp, *, before: Task, after: Task) -> None:
    """Write a task that was locked alone, comparing the fence in the same statement.

    Raises:
        StaleFence: it was claimed anew since.
    """
    if not await queries.write_task(tx, before, after, stamp.now):
        raise rules.StaleFence("Somebody else holds this task now.", task_id=after.task_id)


def let_go(task: Task, now: datetime) -> Outcome:
    """Give a task back that has nothing in its tub: the tub is idle again, and what it planned anybody may claim."""
    live = [x for x in task.lines if x.state is not LineState.DROPPED]
    open_qty: dict[int, int] = {}
    for line in live:
        open_qty[line.pull_id] = open_qty.get(line.pull_id, 0) + line.open_qty
    dropped = task.having(x._replace(state=LineState.DROPPED) for x in live)
    return Outcome(
        dropped.at(TaskState.RELEASED, now)._replace(tub=None),
        told=[Told("task.released", task.task_id, {"lines": len(live)})],
        pulls={n: _unplanned(qty) for n, qty in open_qty.items() if qty},
    )


def _unplanned(qty: int) -> Callable[[Pull], Pull]:
    return lambda pull: pull.change(planned=-qty)


def _swept(held: Held, deed: Deed) -> Outcome:
    """End a lease that ran out: empty, the task is released; with units in its tub, it is abandoned."""
    task = held.task(deed, frozenset(TaskState), to_do="end its lease")
    if task.state not in (TaskState.CLAIMED, TaskState.FILLING) or task.lease_until >= deed.stamp.now:
        return Outcome(task)
    if task.qty_picked == 0:
        return let_go(task, deed.stamp.now)
    told = Told("task.abandoned", task.task_id, {"tub": task.tub, "picked": task.qty_picked})
    return Outcome(task.at(TaskState.ABANDONED, deed.stamp.now), told=[told])


SWEEP = DeedKind(_swept, shown=False)


async def sweep_store(db: Database, *, store_id: int, now: datetime) -> int:
    """End the leases of a store that ran out, each in a transaction of its own; returns how many it ended.

    Raises:
        ExceptionGroup: what went wrong with some of them; the others were ended all the same.
    """
    async with db.read() as tx:
        due = await tx.rows(queries.EXPIRED, store_id=store_id, now=now, limit=MAX_SWEPT_A_RUN)
    ended = 0
    failures: list[Exception] = []
    for row in due:
        deed = Deed(stamp=Stamp.of_service(store_id, now), task_id=row.task_id)
        try:
            async with db.begin() as tx:
                (done,) = await do_all(tx, [(SWEEP, deed)])
        except Exception as failure:  # noqa: BLE001 - raised below, when the other tasks had their turn
            failures.append(failure)
        else:
            # Nothing is told when somebody scanned just now, and it is refused when the task is gone.
            ended += isinstance(done, Done) and bool(done.outcome.told)
    if failures:
        raise ExceptionGroup(f"{len(failures)} task(s) of store {store_id} could not be swept", failures)
    return ended
