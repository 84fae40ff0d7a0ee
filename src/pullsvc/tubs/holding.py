"""Hold work: bind a tub, release, resume, reassign, and the sweep of leases that ran out."""

from dataclasses import replace
from datetime import datetime, timedelta

from pullsvc.db import Database, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.tubs import queries, rules
from pullsvc.tubs.rules import LineState, Task, TaskState, TubState

MAX_SWEPT_A_RUN = 100


class NoSuchWorker(Rejection):
    """The principal may not work in this backroom."""

    kind = Kind.NOT_FOUND
    code = "no-such-worker"
    title = "Nobody with that id works in this backroom."


async def bind_tub(tx: Tx, stamp: Stamp, *, task: Task, tub: str) -> Task:
    """Give a task its tub; scanning the tub that it has already is fine.

    Raises:
        WrongTub: the task has another tub, or the tub is in use.
        NoSuchTub: it is not a tub of this store.
    """
    if task.tub == tub:
        return task
    if task.tub is not None:
        raise rules.WrongTub(f"This task fills {task.tub}, not {tub}.", tub=task.tub, scanned=tub)
    rules.check_state(task, rules.PICKING, to_do="scan a tub")
    if not await tx.row(queries.TAKE_TUB, store_id=stamp.store_id, tub=tub, task_id=task.task_id, now=stamp.now):
        held = await tx.row(queries.TUB, store_id=stamp.store_id, tub=tub)
        if held is None or not held.active:
            raise rules.NoSuchTub(f"{tub} is not a tub of this store; register it or scan another.", tub=tub)
        raise rules.WrongTub(f"{tub} is {held.state} on task {held.task_id}; scan another.", tub=tub)
    return replace(task, tub=tub, state=TaskState.FILLING)


async def release(tx: Tx, stamp: Stamp, *, task: Task, fence: int) -> None:
    """Give a task back; what it planned can be claimed by anybody at once.

    Raises:
        IllegalMove: units are in the tub already, so it must be staged, or they must be put back first.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="release it")
    if task.qty_picked:
        raise rules.IllegalMove(
            f"{task.qty_picked} units are in the tub; stage it, or put them back first.", picked=task.qty_picked
        )
    await _let_go(tx, stamp, task, fence=fence)


async def _let_go(tx: Tx, stamp: Stamp, task: Task, *, fence: int) -> None:
    dropped = tuple(replace(x, state=LineState.DROPPED) for x in task.lines)
    ended = replace(task, state=TaskState.RELEASED, tub=None, lines=dropped)
    await save(tx, stamp, task=ended, fence=fence, lease_until=task.lease_until)
    if task.tub:
        await queries.move_tub(tx, stamp, tub=task.tub, state=TubState.IDLE, task_id=None)
    await queries.write_lines(tx, stamp, task_id=task.task_id, lines=dropped)
    live = [x for x in task.lines if x.state is not LineState.DROPPED]
    unplanned: dict[int, int] = {}
    for line in live:
        if line.open_qty:
            unplanned[line.pull_id] = unplanned.get(line.pull_id, 0) + line.open_qty
    held = await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=list(unplanned))
    after = [pull.change(planned=-unplanned[pull.pull_id]) for pull in held.values()]
    await pulls.save_progress(tx, stamp, before=held.values(), after=after)
    append(tx, stamp, "task.released", task.task_id, {"lines": len(live)})


async def save(tx: Tx, stamp: Stamp, *, task: Task, fence: int, lease_until: datetime, lane: str | None = None) -> None:
    """Write the task, comparing the fence in the same statement.

    Raises:
        StaleFence: it was claimed anew since.
    """
    if not await queries.write_task(tx, stamp, task=task, fence=fence, lease_until=lease_until, lane=lane):
        raise rules.StaleFence("Somebody else holds this task now.", task_id=task.task_id)


async def take_over(tx: Tx, stamp: Stamp, *, task: Task, worker: int, lease: timedelta, told: str) -> Task:
    """Give a live task to a worker, with a new fence; the old holder's scans are refused from now on."""
    state = TaskState.FILLING if task.state is TaskState.ABANDONED else task.state
    taken = replace(task, state=state, fence=task.fence + 1, claimed_by=worker)
    await save(tx, stamp, task=taken, fence=task.fence, lease_until=stamp.now + lease)
    append(tx, stamp, f"task.{told}", task.task_id, {"worker": worker, "from": task.claimed_by})
    return taken


async def resume(tx: Tx, stamp: Stamp, *, task: Task, lease: timedelta) -> Task:
    """Take over an abandoned tub, or one on the floor whose holder has gone quiet; also one's own after a crash.

    Raises:
        IllegalMove: its holder is at work.
    """
    assert stamp.principal_id is not None
    quiet = task.lease_until < stamp.now
    mine = task.claimed_by == stamp.principal_id
    live = task.state in rules.PICKING or task.state is TaskState.ON_FLOOR
    if not live or not (quiet or mine or task.state is TaskState.ABANDONED):
        raise rules.IllegalMove(
            f"Task {task.task_id} is {task.state} and held until {task.lease_until:%H:%M}; a lead can reassign it.",
            state=task.state,
        )
    return await take_over(tx, stamp, task=task, worker=stamp.principal_id, lease=lease, told="resumed")


async def reassign(tx: Tx, stamp: Stamp, *, task: Task, worker: int, lease: timedelta) -> Task:
    """Give a task to another worker by a lead's word.

    Raises:
        NoSuchWorker: that principal does not work here.
        IllegalMove: the task has ended.
    """
    rules.check_state(task, frozenset(TaskState) - rules.ENDED, to_do="reassign it")
    if not await tx.row(queries.PRINCIPAL_IN_STORE, store_id=stamp.store_id, principal_id=worker):
        raise NoSuchWorker(f"Principal {worker} has no backroom role in this store.", principal_id=worker)
    return await take_over(tx, stamp, task=task, worker=worker, lease=lease, told="reassigned")


async def sweep_one(tx: Tx, stamp: Stamp, *, task_id: int) -> str | None:
    """End the lease of one task whose time is up: empty, it is released; with units in its tub, it is abandoned.

    Returns what became of it, None when somebody scanned just now.
    """
    found = await queries.task_for_act(tx, store_id=stamp.store_id, task_id=task_id)
    if found is None:
        return None
    task = found[0]
    held = task.state in (TaskState.CLAIMED, TaskState.FILLING)
    if not held or task.lease_until >= stamp.now:
        return None
    if task.qty_picked == 0:
        await _let_go(tx, stamp, task, fence=task.fence)
        return "released"
    abandoned = replace(task, state=TaskState.ABANDONED)
    await save(tx, stamp, task=abandoned, fence=task.fence, lease_until=task.lease_until)
    append(tx, stamp, "task.abandoned", task_id, {"tub": task.tub, "picked": task.qty_picked})
    return "abandoned"


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
        try:
            async with db.begin() as tx:
                ended += await sweep_one(tx, Stamp.of_service(store_id, now), task_id=row.task_id) is not None
        except Exception as failure:  # noqa: BLE001 - raised below, when the other tasks had their turn
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} task(s) of store {store_id} could not be swept", failures)
    return ended
