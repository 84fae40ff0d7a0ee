"""Work on a claimed task: pick, skip, stage, deliver, put away, close. Each act carries the fence of its holder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pullsvc.catalog.actions import require_location
from pullsvc.catalog.rules import normal_code
from pullsvc.db import Tx
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls.rules import Pull
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import ADJUSTED, DAMAGED, Cause, Leg
from pullsvc.tubs import holding, queries, rules
from pullsvc.tubs.rules import Line, LineState, Settlement, Task, TaskState, TubState


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of units at a backroom location.

    Attributes:
        code: What was scanned on the item: SKU or barcode; None: the line says it.
        line_no: Line it is meant for; None: the next open one with that item.
        qty: Eaches; None: what the barcode stands for (a case is a pack), at most what the line still wants.
        location: Where the units were taken, if not where the line says.
        tub: Tub they were put into, if scanned.
    """

    code: str | None
    line_no: int | None
    qty: int | None
    location: str | None
    tub: str | None


@dataclass(frozen=True, slots=True)
class Picked:
    """What a pick left: the line, and until when the lease now lasts."""

    task_id: int
    line_no: int
    sku: str
    qty: int
    line_state: str
    line_picked: int
    line_planned: int
    lease_until: datetime


async def held_task(tx: Tx, stamp: Stamp, *, task_id: int) -> Task:
    """Lock a task with its lines.

    Raises:
        NoSuchTask: there is none in this store.
    """
    found = await queries.task_for_act(tx, store_id=stamp.store_id, task_id=task_id)
    if found is None:
        raise rules.NoSuchTask(f"Task {task_id} does not exist.", task_id=task_id)
    return found[0]


async def pick(tx: Tx, stamp: Stamp, *, task_id: int, fence: int, scan: Scan, lease: timedelta) -> Picked:
    """Record units scanned into the tub; every scan renews the lease.

    Raises:
        NoSuchTask, StaleFence, IllegalMove: not this task, not by this holder, not in this state.
        NeedsTub, WrongTub: no tub, or another one than the task's.
        NoSuchLine, WrongItem, OverPick: not this item, or not so many.
    """
    code = normal_code(scan.code) if scan.code else None
    found = await queries.task_for_act(tx, store_id=stamp.store_id, task_id=task_id, code=code)
    if found is None:
        raise rules.NoSuchTask(f"Task {task_id} does not exist.", task_id=task_id)
    task, sku, pack = found
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="pick")
    if scan.code and sku is None:
        raise rules.WrongItem(f"The store has no item with the code {code}; put it back.", scanned=code)
    line = rules.line_to_pick(task, line_no=scan.line_no, sku=sku)
    qty = scan.qty or max(1, min(pack, line.open_qty))
    rules.check_pick(line, qty)
    if scan.tub:
        task = await _bound(tx, stamp, task, scan.tub)
    if task.tub is None:
        raise rules.NeedsTub("Scan the tub that you fill, then the item again.", task_id=task_id)
    done = await tx.row(
        queries.PICK,
        store_id=stamp.store_id,
        task_id=task_id,
        line_no=line.line_no,
        fence=fence,
        qty=qty,
        now=stamp.now,
        lease_until=stamp.now + lease,
    )
    if done is None:
        raise rules.StaleFence("Put the units back or hand them to the present holder.", task_id=task_id)
    src = scan.location or line.location
    cause_id = _line_id(task_id, line)
    await stock.move(tx, stamp, [Leg(line.sku, qty, src, task.tub, Cause.PICK, cause_id)])
    fact = {"line_no": line.line_no, "sku": line.sku, "qty": qty, "tub": task.tub, "location": src}
    append(tx, stamp, "line.picked", task_id, fact)
    return Picked(task_id, line.line_no, line.sku, qty, done.state, done.qty_picked, line.planned, done.lease_until)


def _line_id(task_id: int, line: Line) -> str:
    return f"task:{task_id}:{line.line_no}"


async def _bound(tx: Tx, stamp: Stamp, task: Task, tub: str) -> Task:
    """Return the task with its tub bound, written if it was not before."""
    bound = await holding.bind_tub(tx, stamp, task=task, tub=tub)
    if bound is not task:
        await holding.save(tx, stamp, task=bound, fence=task.fence, lease_until=task.lease_until)
    return bound


async def scan_tub(tx: Tx, stamp: Stamp, *, task: Task, fence: int, tub: str, lease: timedelta) -> None:
    """Give the task its tub."""
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="scan a tub")
    bound = await holding.bind_tub(tx, stamp, task=task, tub=tub)
    await holding.save(tx, stamp, task=bound, fence=fence, lease_until=stamp.now + lease)
    append(tx, stamp, "task.tub_bound", task.task_id, {"tub": tub})


async def unpick(tx: Tx, stamp: Stamp, *, task: Task, fence: int, line_no: int, qty: int, lease: timedelta) -> None:
    """Put units of a line back where they came from, as when too many were scanned.

    Of a short line nobody goes to pick them again, so its pull gets them back.

    Raises:
        OverSettled: fewer are in the tub.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="put units back")
    line = task.line(line_no)
    if qty > line.picked:
        raise rules.OverSettled(f"Line {line_no} has {line.picked} in the tub.", unsettled=line.picked)
    state = LineState.PLANNED if line.state is LineState.PICKED else line.state
    back = replace(line, picked=line.picked - qty, state=state)
    await _write(tx, stamp, replace(task, qty_picked=task.qty_picked - qty), [back], fence=fence, lease=lease)
    if back.state is LineState.SHORT:
        held = await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=[line.pull_id])
        after = [pull.change(planned=-qty) for pull in held.values()]
        await pulls.save_progress(tx, stamp, before=held.values(), after=after)
    assert task.tub is not None
    await stock.move(
        tx, stamp, [Leg(line.sku, qty, task.tub, line.location, Cause.UNPICK, _line_id(task.task_id, line))]
    )
    append(tx, stamp, "line.unpicked", task.task_id, {"line_no": line_no, "sku": line.sku, "qty": qty})


async def skip(tx: Tx, stamp: Stamp, *, task: Task, fence: int, line_no: int, lease: timedelta) -> None:
    """Leave a line for the end of the walk; it is not a short and counts against nobody."""
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="skip a line")
    line = task.line(line_no)
    if line.open_qty == 0:
        raise rules.IllegalMove(f"Line {line_no} is {line.state}; nothing of it is open.", state=line.state)
    last = max(x.pick_seq for x in task.lines)
    skipped = replace(line, state=LineState.SKIPPED, pick_seq=last + 1)
    await _write(tx, stamp, task, [skipped], fence=fence, lease=lease)
    append(tx, stamp, "line.skipped", task.task_id, {"line_no": line_no, "sku": line.sku})


async def renew(tx: Tx, stamp: Stamp, *, task: Task, fence: int, lease: timedelta) -> None:
    """Say that one is still at it; any scan does so too."""
    rules.check_fence(task, fence)
    rules.check_state(task, frozenset(TaskState) - rules.ENDED, to_do="renew it")
    await holding.save(tx, stamp, task=task, fence=fence, lease_until=stamp.now + lease)


async def _write(tx: Tx, stamp: Stamp, task: Task, changed: Sequence[Line], *, fence: int, lease: timedelta) -> Task:
    """Write changed lines and the task with them; the fence is compared there."""
    by_no = {line.line_no: line for line in changed}
    after = replace(task, lines=tuple(by_no.get(line.line_no, line) for line in task.lines))
    await holding.save(tx, stamp, task=after, fence=fence, lease_until=stamp.now + lease)
    await queries.write_lines(tx, stamp, task_id=task.task_id, lines=changed)
    return after


async def stage(tx: Tx, stamp: Stamp, *, task: Task, fence: int, lane: str, lease: timedelta) -> None:
    """Stand the tub in a lane at the edge of the floor; what was not picked goes back to its pulls at once.

    Raises:
        IllegalMove: nothing is in the tub, so the task must be released instead.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, frozenset({TaskState.FILLING, TaskState.ABANDONED}), to_do="stage it")
    if task.qty_picked == 0 or task.tub is None:
        raise rules.IllegalMove("Nothing is in the tub; release the task instead.", picked=0)
    await require_location(tx, store_id=stamp.store_id, location=lane, kinds=frozenset({"lane"}))
    lines = [_as_staged(line) for line in task.lines]
    staged = replace(task, state=TaskState.STAGED, lines=tuple(lines))
    await holding.save(tx, stamp, task=staged, fence=fence, lease_until=stamp.now + lease, lane=lane)
    await queries.move_tub(tx, stamp, tub=task.tub, state=TubState.STAGED, task_id=task.task_id, lane=lane)
    changed = [after for before, after in zip(task.lines, lines, strict=True) if after != before]
    await queries.write_lines(tx, stamp, task_id=task.task_id, lines=changed)
    await _fill_pulls(tx, stamp, task)
    append(tx, stamp, "tub.staged", task.tub, {"task_id": task.task_id, "lane": lane, "qty": task.qty_picked})


def _as_staged(line: Line) -> Line:
    if line.open_qty == 0:
        return line
    return replace(line, state=LineState.PICKED if line.picked else LineState.DROPPED)


async def _fill_pulls(tx: Tx, stamp: Stamp, task: Task) -> None:
    """Tell the pulls what is on its way now, and give them back what is not."""
    picked: dict[int, int] = {}
    left: dict[int, int] = {}
    for line in task.lines:
        picked[line.pull_id] = picked.get(line.pull_id, 0) + line.picked
        left[line.pull_id] = left.get(line.pull_id, 0) + line.open_qty
    held = await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=_touched(picked, left))
    after = [pull.change(planned=-picked[n] - left[n], filled=picked[n]) for n, pull in held.items()]
    await pulls.save_progress(tx, stamp, before=held.values(), after=after)


def _touched(*changes: dict[int, int]) -> list[int]:
    return sorted({pull_id for change in changes for pull_id, qty in change.items() if qty})


async def deliver(tx: Tx, stamp: Stamp, *, task: Task, lease: timedelta) -> Task:
    """Take a staged tub onto the floor; whoever does so holds the task from then on.

    Raises:
        IllegalMove: it is not staged.
    """
    assert stamp.principal_id is not None
    rules.check_state(task, frozenset({TaskState.STAGED}), to_do="deliver it")
    assert task.tub is not None
    taken = replace(task, state=TaskState.ON_FLOOR, fence=task.fence + 1, claimed_by=stamp.principal_id)
    await holding.save(tx, stamp, task=taken, fence=task.fence, lease_until=stamp.now + lease)
    await queries.move_tub(tx, stamp, tub=task.tub, state=TubState.ON_FLOOR, task_id=task.task_id)
    append(tx, stamp, "tub.delivered", task.tub, {"task_id": task.task_id})
    return taken


async def put_away(
    tx: Tx,
    stamp: Stamp,
    *,
    task: Task,
    fence: int,
    settlements: dict[int, Settlement],
    return_to: str | None,
    lease: timedelta,
) -> Task:
    """Account for units of lines: on the shelf, back to the backroom, damaged or missing; closes when all are.

    Args:
        settlements: By line number.
        return_to: Where units that did not fit go; None: where they came from.
    Raises:
        OverSettled: more than the tub holds of a line.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, frozenset({TaskState.ON_FLOOR}), to_do="put away")
    assert task.tub is not None
    for line_no, settlement in settlements.items():
        rules.check_settlement(task.line(line_no), settlement)
    if return_to:
        await require_location(
            tx, store_id=stamp.store_id, location=return_to, kinds=frozenset({"backroom", "receiving"})
        )
    changed = [_settled(task.line(no), settlement) for no, settlement in sorted(settlements.items())]
    by_no = {line.line_no: line for line in changed}
    lines = tuple(by_no.get(line.line_no, line) for line in task.lines)
    done = rules.all_settled(lines)
    after = replace(task, lines=lines, state=TaskState.CLOSED if done else task.state)
    await holding.save(tx, stamp, task=after, fence=fence, lease_until=stamp.now + lease)
    if done:
        await queries.move_tub(tx, stamp, tub=task.tub, state=TubState.IDLE, task_id=None)
    await queries.write_lines(tx, stamp, task_id=task.task_id, lines=changed)
    await _settle_pulls(tx, stamp, task, settlements)
    legs = [leg for no, s in sorted(settlements.items()) for leg in _legs(task, task.line(no), s, return_to)]
    await stock.move(tx, stamp, legs)
    await _keep_missing(tx, stamp, task, settlements)
    totals = {"put": 0, "returned": 0, "damaged": 0, "missing": 0}
    for settlement in settlements.values():
        for name in totals:
            totals[name] += getattr(settlement, name)
    append(tx, stamp, "tub.put_away", task.tub, {"task_id": task.task_id, **totals})
    if done:
        append(tx, stamp, "task.closed", task.task_id, {"tub": task.tub, "picked": task.qty_picked})
    return after


def _settled(line: Line, settlement: Settlement) -> Line:
    after = replace(
        line,
        put=line.put + settlement.put,
        returned=line.returned + settlement.returned,
        damaged=line.damaged + settlement.damaged,
        missing=line.missing + settlement.missing,
    )
    return replace(after, state=LineState.SETTLED) if after.unsettled == 0 else after


def _legs(task: Task, line: Line, s: Settlement, return_to: str | None) -> Iterable[Leg]:
    assert task.tub is not None
    ways = (
        (s.put, line.shelf, Cause.PUT),
        (s.returned, return_to or line.location, Cause.RETURN),
        (s.damaged, DAMAGED, Cause.DAMAGE),
        (s.missing, ADJUSTED, Cause.MISSING),
    )
    for qty, dst, cause in ways:
        if qty:
            yield Leg(line.sku, qty, task.tub, dst, cause, _line_id(task.task_id, line))


async def _settle_pulls(tx: Tx, stamp: Stamp, task: Task, settlements: dict[int, Settlement]) -> None:
    """Tell the pulls what arrived; what did not fit is no longer wanted, what was lost on the way is wanted again."""
    per_pull: dict[int, list[Settlement]] = {}
    for line_no, settlement in settlements.items():
        per_pull.setdefault(task.line(line_no).pull_id, []).append(settlement)
    held = await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=list(per_pull))
    after = [_arrived(pull, per_pull[n]) for n, pull in held.items()]
    await pulls.save_progress(tx, stamp, before=held.values(), after=after)


def _arrived(pull: Pull, settlements: Sequence[Settlement]) -> Pull:
    qty, put = sum(s.qty for s in settlements), sum(s.put for s in settlements)
    after = pull.change(filled=-qty, put=put, wanted=-sum(s.returned for s in settlements))
    if after.state == "closed" and after.put == 0:
        return replace(after, end_reason="did_not_fit")
    return after


async def _keep_missing(tx: Tx, stamp: Stamp, task: Task, settlements: dict[int, Settlement]) -> None:
    """Units that left the backroom and never reached the floor are for a lead to look into."""
    assert task.tub is not None
    for line_no, settlement in sorted(settlements.items()):
        if settlement.missing:
            line = task.line(line_no)
            await stock.open_discrepancy(
                tx,
                stamp,
                kind="missing",
                sku=line.sku,
                location=task.tub,
                qty=settlement.missing,
                cause="task",
                cause_id=_line_id(task.task_id, line),
            )


async def close(tx: Tx, stamp: Stamp, *, task: Task, fence: int) -> None:
    """Close a tub on the floor; refused while units are unaccounted for.

    Raises:
        NotBalanced: it tells which lines.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, frozenset({TaskState.ON_FLOOR}), to_do="close it")
    rules.check_balanced(task)
    assert task.tub is not None
    await holding.save(tx, stamp, task=replace(task, state=TaskState.CLOSED), fence=fence, lease_until=task.lease_until)
    await queries.move_tub(tx, stamp, tub=task.tub, state=TubState.IDLE, task_id=None)
    append(tx, stamp, "task.closed", task.task_id, {"tub": task.tub, "picked": task.qty_picked})
