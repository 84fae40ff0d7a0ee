"""Less there than planned: correct the place, count it, try elsewhere, and undo all of that if it was found after all.

A short never zeroes the item: it says something about one location. The wrong record is booked to whoever wrote it
last, not to the picker who found it wrong.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pullsvc.db import Tx
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls import rules as pull_rules
from pullsvc.pulls.rules import Pull, State
from pullsvc.stock import actions as stock
from pullsvc.stock import queries as stock_queries
from pullsvc.stock.rules import ADJUSTED, DAMAGED, Cause, Leg
from pullsvc.tubs import claim_queries, holding, picking, queries, rules
from pullsvc.tubs.picking import Bin
from pullsvc.tubs.rules import Line, LineState, ShortReason, Task


async def report_short(
    tx: Tx, stamp: Stamp, *, task: Task, fence: int, line_no: int, reason: ShortReason, lease: timedelta
) -> None:
    """Record that the rest of a line is not to be had at its place, and look for it elsewhere at once.

    The item's other open lines at that place are dropped as well, so that nobody has to report it twice.

    Raises:
        IllegalMove: the line has nothing open.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="report a short")
    line = task.line(line_no)
    if line.open_qty == 0:
        raise rules.IllegalMove(f"Line {line.line_no} is {line.state}; nothing of it is open.", state=line.state)
    same_place = [x for x in task.lines if (x.sku, x.location) == (line.sku, line.location) and x.open_qty]
    missing: dict[int, int] = {}
    for x in same_place:
        missing[x.pull_id] = missing.get(x.pull_id, 0) + x.open_qty
    changed = [_shorted(x, line, reason) for x in same_place]
    after = task.having(changed, lease_until=stamp.now + lease)
    await holding.save(tx, stamp, before=task, after=after)
    # The pulls before the places, as everybody does; all places of the item, so that no claim plans the same units.
    held = await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=list(missing))
    await tx.run(queries.LOCK_PLACES, store_id=stamp.store_id, sku=line.sku)
    await _correct_place(tx, stamp, task=task, line=line, reason=reason)
    elsewhere = await _elsewhere(tx, stamp, task=task, line=line, missing=missing)
    await queries.add_lines(tx, store_id=stamp.store_id, task_id=task.task_id, lines=elsewhere)
    await _settle_pulls(tx, stamp, line=line, held=held, missing=missing, elsewhere=elsewhere)
    facts = {"task_id": task.task_id, "line_no": line.line_no, "sku": line.sku, "location": line.location}
    qty = sum(missing.values())
    append(tx, stamp, "line.short", task.task_id, {**facts, "reason": reason, "qty": qty, "elsewhere": len(elsewhere)})


def _shorted(line: Line, reported: Line, reason: ShortReason) -> Line:
    if line.line_no == reported.line_no or line.picked:
        return line._replace(state=LineState.SHORT, short_reason=reason)
    return line._replace(state=LineState.DROPPED)


async def _correct_place(tx: Tx, stamp: Stamp, *, task: Task, line: Line, reason: ShortReason) -> None:
    """Make the books say what the picker saw then, ask for a count, and keep it for the lead.

    As with a count, what moved since stays moved, and nothing changes where the place was counted since.
    """
    at = stamp.occurred_at
    place: dict[str, Any] = {"store_id": stamp.store_id, "sku": line.sku, "location": line.location}
    book = await stock_queries.held_book_at(tx, **place, at=at)
    qty = book.book_qty if book else 0
    gone, outside, cause = 0, ADJUSTED, Cause.ADJUST
    if reason in rules.EMPTIES_LOCATION:
        gone = qty
    elif reason is ShortReason.DAMAGED:
        gone, outside, cause = min(line.open_qty, qty), DAMAGED, Cause.DAMAGE
    if gone > 0:
        cause_id = _cause_id(task, line)
        leg = Leg(line.sku, gone, line.location, outside, cause, cause_id, reason=reason)
        await stock.move(tx, stamp, [leg])
    if reason not in rules.NEEDS_NO_COUNT:
        await stock.request_count(tx, stamp, sku=line.sku, location=line.location, reason=f"short: {reason}")
    last = await tx.row(queries.LAST_WRITE, **place, at=at)
    await stock.open_discrepancy(
        tx,
        stamp,
        kind="short",
        sku=line.sku,
        location=line.location,
        qty=line.open_qty,
        cause="movement" if last else "task",
        cause_id=str(last.movement_id if last else task.task_id),
    )


def _cause_id(task: Task, line: Line) -> str:
    return f"short:{task.task_id}:{line.line_no}"


async def _elsewhere(
    tx: Tx, stamp: Stamp, *, task: Task, line: Line, missing: dict[int, int]
) -> list[dict[str, object]]:
    """Return new stops of this task for what is missing, from other places that have it."""
    row = await tx.one(claim_queries.BINS_OF_ITEM, store_id=stamp.store_id, sku=line.sku, zones=None)
    tried = {x.location for x in task.lines if x.sku == line.sku}
    bins = [b for b in (Bin(*found) for found in row.bins or ()) if b.location not in tried]
    shelf_of = {x.pull_id: x.shelf for x in task.lines}
    stops: list[dict[str, object]] = []
    number = len(task.lines)
    for pull_id, qty in sorted(missing.items()):
        for place, part in picking.source(bins, qty):
            if number >= rules.MAX_LINES:
                return stops
            number += 1
            stops.append(
                {
                    "line_no": number,
                    "pull_id": pull_id,
                    "sku": line.sku,
                    "location": place.location,
                    "shelf": shelf_of[pull_id],
                    "pick_seq": line.pick_seq,
                    "qty": part,
                }
            )
            bins = [b._replace(available=b.available - part) if b.location == place.location else b for b in bins]
            bins = [b for b in bins if b.available > 0]
    return stops


async def _settle_pulls(
    tx: Tx,
    stamp: Stamp,
    *,
    line: Line,
    held: Mapping[int, Pull],
    missing: dict[int, int],
    elsewhere: Sequence[dict[str, object]],
) -> None:
    """Take back from the held pulls what this task will not bring; end them where the backroom has nothing left."""
    row = await tx.one(claim_queries.BINS_OF_ITEM, store_id=stamp.store_id, sku=line.sku, zones=None)
    after = []
    for pull in held.values():
        found = sum(int(str(s["qty"])) for s in elsewhere if s["pull_id"] == pull.pull_id)
        changed = pull.change(planned=found - missing[pull.pull_id])
        # While other units of the pull are on their way it stays open, so that the short can still be undone.
        if changed.state is State.OPEN and not row.bins and not changed.planned + changed.filled:
            changed = changed.give_up_rest(State.UNFILLABLE, "not_found_in_backroom")
        after.append(changed)
    await pulls.save_progress(tx, stamp, before=held.values(), after=after)


async def _require_no_other(tx: Tx, stamp: Stamp, line: Line) -> None:
    """Let an ended pull live again, unless another one took its place at the shelf since."""
    if await tx.row(pull_queries.LIVE_AT, store_id=stamp.store_id, sku=line.sku, shelf=line.shelf):
        raise rules.IllegalMove("Others asked anew since; release this task and claim theirs.", sku=line.sku)


async def undo_short(tx: Tx, stamp: Stamp, *, task: Task, fence: int, line_no: int, lease: timedelta) -> None:
    """Take a short back: the units were there after all; the place's book and the line are as if nobody had said so.

    Raises:
        IllegalMove: the line is not short, or what it wanted is being brought otherwise by now.
    """
    rules.check_fence(task, fence)
    rules.check_state(task, rules.PICKING, to_do="undo a short")
    line = task.line(line_no)
    if line.state is not LineState.SHORT:
        raise rules.IllegalMove(f"Line {line.line_no} is {line.state}, not short.", state=line.state)
    rest = line.planned - line.picked
    replaced = _in_its_stead(task, line)
    dropped = [x._replace(state=LineState.DROPPED) for x in replaced]
    freed = sum(x.open_qty for x in replaced)
    (pull,) = (await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=[line.pull_id])).values()
    if pull.state is State.UNFILLABLE:
        await _require_no_other(tx, stamp, line)
        after = pull.reopen(rest)
    elif pull.state in pull_rules.ENDED or pull.rest + freed < rest:
        raise rules.IllegalMove("The rest is given up or on its way otherwise; put the units away or ask again.")
    else:
        after = pull.change(planned=rest - freed)
    again = line._replace(state=LineState.PLANNED, short_reason=None)
    changed = task.having([again, *dropped], lease_until=stamp.now + lease)
    await holding.save(tx, stamp, before=task, after=changed)
    await _give_back(tx, stamp, task=task, line=line)
    await pulls.save_progress(tx, stamp, before=[pull], after=[after])
    append(tx, stamp, "line.short_undone", task.task_id, {"line_no": line.line_no, "sku": line.sku})


def _in_its_stead(task: Task, line: Line) -> list[Line]:
    """Return the stops that the short of a line added, as far as nobody has begun them.

    They have its place in the walk, which it shares with no line that was claimed; one that was skipped gave it up.
    """
    added = [x for x in task.lines if (x.pull_id, x.pick_seq) == (line.pull_id, line.pick_seq)]
    return [x for x in added if x.line_no > line.line_no and x.open_qty and not x.picked]


async def _give_back(tx: Tx, stamp: Stamp, *, task: Task, line: Line) -> None:
    """Take back what the short said of its place, as of when it said so: where it was counted since, the count holds.

    Units that were found there since are among those that come back, so they are no longer found.
    """
    sku, at, cause_id = line.sku, line.location, _cause_id(task, line)
    await tx.run(queries.LOCK_PLACES, store_id=stamp.store_id, sku=sku)
    legs = []
    for short in await tx.rows(queries.SHORT_MOVED, store_id=stamp.store_id, sku=sku, location=at, cause_id=cause_id):
        then = {"reason": "undo", "occurred_at": short.at}
        legs.append(Leg(sku, short.qty, short.outside, at, Cause.ADJUST, cause_id, **then))
        if (known := min(short.found, short.qty)) > 0:
            legs.append(Leg(sku, known, at, ADJUSTED, Cause.FOUND, cause_id, **then))
    await stock.move(tx, stamp, legs)
