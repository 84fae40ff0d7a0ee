"""Cancel, progress and expire pulls."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pullsvc.db import Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import queries, rules
from pullsvc.pulls.rules import LeadTimes, Pull, State

MAX_ASKS_SHOWN = 500
MAX_SWEPT = 500  # Live pulls that one transaction of the sweep looks at.
FIRST_PLACE = ("", "")


class NoSuchPull(Rejection):
    """The pull does not exist in this store."""

    kind = Kind.NOT_FOUND
    code = "no-such-pull"
    title = "There is no such pull here."


class NotYours(Rejection):
    """Only a lead, or the only one who asked, may cancel a pull."""

    kind = Kind.FORBIDDEN
    code = "others-asked-too"
    title = "Others wait for this pull as well."


async def save_progress(
    tx: Tx, stamp: Stamp, *, before: Iterable[Pull], after: Iterable[Pull], last: bool = False
) -> None:
    """Write how far pulls of one store have come by one act; as `save_all_progress`."""
    was = {pull.pull_id: pull for pull in before}
    await save_all_progress(tx, [(stamp, was[pull.pull_id], pull) for pull in after], last=last)


async def save_all_progress(tx: Tx, steps: Iterable[tuple[Stamp, Pull, Pull]], *, last: bool = False) -> None:
    """Write how far pulls have come and tell of every one that changed its state; the caller holds their locks.

    Args:
        tx: The transaction.
        steps: Who acted, and the pull before and after; of several steps of one pull the last one is where it stands.
        last: They are written just before the commit: nothing may read them again in this transaction, and each
            transaction may do this but once.
    """
    changed = [(stamp, was, pull) for stamp, was, pull in steps if pull != was]
    if not changed:
        return
    await queries.save_pulls(tx, ((stamp, pull) for stamp, _, pull in changed), last=last)
    for stamp, was, pull in changed:
        if pull.state is not was.state:
            facts = {"wanted": pull.wanted, "filled": pull.filled, "put": pull.put, "end_reason": pull.end_reason}
            append(tx, stamp, f"pull.{'reopened' if pull.state is State.OPEN else pull.state}", pull.pull_id, facts)


async def cancel(tx: Tx, stamp: Stamp, *, pull_id: int, reason: str, lead: bool) -> Pull:
    """Give up what nobody has planned yet; units already on their way still arrive.

    Raises:
        NoSuchPull: there is none.
        PullEnded: it is over already.
        NotYours: others asked too, and the caller is not a lead.
    """
    locked = await queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=[pull_id])
    if pull_id not in locked:
        raise NoSuchPull(f"Pull {pull_id} does not exist.")
    pull = locked[pull_id]
    if pull.state in rules.ENDED:
        raise rules.PullEnded("Nothing is left to cancel.", pull_id=pull_id, state=pull.state)
    if not lead:
        asks = await tx.rows(queries.ASKS_OF, store_id=stamp.store_id, pull_id=pull_id, limit=MAX_ASKS_SHOWN)
        if any(ask.principal_id != stamp.principal_id for ask in asks):
            raise NotYours("Ask a lead to cancel it.", asks=len(asks))
    after = pull.give_up_rest(State.CANCELLED, reason)
    await save_progress(tx, stamp, before=[pull], after=[after])
    return after


async def expire(tx: Tx, stamp: Stamp, *, pull_ids: Sequence[int], reason: str) -> int:
    """End open pulls whose need has vanished; those that somebody works on go on. Returns how many ended."""
    locked = await queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=pull_ids)
    before = [pull for pull in locked.values() if pull.state is State.OPEN]
    after = [pull.give_up_rest(State.EXPIRED, reason) for pull in before]
    await save_progress(tx, stamp, before=before, after=after)
    return sum(pull.state in rules.ENDED for pull in after)


async def expire_hopeless(tx: Tx, stamp: Stamp, *, after: tuple[str, str] = FIRST_PLACE) -> tuple[str, str] | None:
    """End open pulls that nobody can or will fill: nothing left in the backroom, or untouched for a day.

    Looks at MAX_SWEPT live pulls, those of the places after `after`; returns from where to go on, None at the end.
    """
    rows = await tx.rows(
        queries.HOPELESS,
        store_id=stamp.store_id,
        after_sku=after[0],
        after_shelf=after[1],
        opened_before=stamp.now - rules.MAX_OPEN_AGE,
        now=stamp.now,
        limit=MAX_SWEPT,
    )
    held = [(row.too_old, queries.pull_of(row)) for row in rows if row.pull_id is not None]
    steps = [
        (
            stamp,
            pull,
            pull.give_up_rest(State.EXPIRED, "too_old")
            if too_old
            else pull.give_up_rest(State.UNFILLABLE, "nothing_in_backroom"),
        )
        for too_old, pull in held
    ]
    await save_all_progress(tx, steps)
    return (rows[0].last_sku, rows[0].last_shelf) if rows and rows[0].looked_at >= MAX_SWEPT else None


def view_of(row: Any, *, lead: LeadTimes, now: datetime) -> dict[str, Any]:
    """Return a pull's row together with what its askers are told and when to expect the goods."""
    state = State(row.state)
    times = {"opened_at": row.opened_at, "planned_at": row.planned_at, "filled_at": row.filled_at}
    told = {
        "answer": rules.answer_of(state, put=row.qty_put),
        "eta": rules.eta(state, lead=lead, now=now, **times),
    }
    return {**row._asdict(), **told}
