"""Ask, cancel, progress and expire pulls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from pullsvc.db import Row, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import queries, rules
from pullsvc.pulls.rules import LeadTimes, Netted, Outcome, Pull, Reason, State
from pullsvc.stock import actions as stock

MAX_ASKS_A_CALL = 500
MAX_EXPIRED_A_SWEEP = 200
NO_ZONE = "unknown"  # Zone of a pull whose item is in no bin.


class NoSuchPull(Rejection):
    """The pull does not exist in this store."""

    kind = Kind.NOT_FOUND
    code = "no-such-pull"
    title = "There is no such pull here."


class NoHome(Rejection):
    """The item has no place on the floor, so nobody knows where to bring it."""

    kind = Kind.CONFLICT
    code = "no-home-shelf"
    title = "The item has no shelf to be brought to."


class NotYours(Rejection):
    """Only a lead, or the only one who asked, may cancel a pull."""

    kind = Kind.FORBIDDEN
    code = "others-asked-too"
    title = "Others wait for this pull as well."


@dataclass(frozen=True, slots=True)
class Ask:
    """One wish for an item at a shelf.

    Attributes:
        sku: The item.
        shelf: Where it is wanted; a shelf location.
        reason: Why.
        requester: Who asks, for people to read.
        qty: Eaches wanted; None: as many as fit.
        seen_qty: Eaches that the asker sees on the shelf; the book is set right by it. None: not looked.
        note: A word to the backroom.
        due_at: By when; None: what the reason allows.
        urgency: 0..100; None: what the reason gives.
        explanation: Figures behind an automatic ask.
    """

    sku: str
    shelf: str
    reason: Reason
    requester: str
    qty: int | None = None
    seen_qty: int | None = None
    note: str | None = None
    due_at: datetime | None = None
    urgency: int | None = None
    explanation: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of an ask.

    Attributes:
        ask_id: Its id; None when it was refused.
        outcome: What it led to.
        qty: Eaches it added to the pull.
        uncovered: Eaches that are needed and not in the backroom.
        pull: The pull's row.
        refusal: Why it was refused, in a list where others were not.
    """

    ask_id: int | None
    outcome: Outcome | None
    qty: int
    uncovered: int
    pull: Row | None
    refusal: Rejection | None = None


async def ask(tx: Tx, stamp: Stamp, wish: Ask) -> Asked:
    """Ask for an item at a shelf: join the live pull or open one.

    Raises:
        NoHome: the shelf is not a shelf, or the item is not placed on it.
    """
    (asked,) = await ask_all(tx, stamp, [wish])
    if asked.refusal:
        raise asked.refusal
    return asked


async def ask_all(tx: Tx, stamp: Stamp, wishes: Sequence[Ask]) -> list[Asked]:
    """Ask for many at once, each with its own result, in the order given; at most MAX_ASKS_A_CALL."""
    if len(wishes) > MAX_ASKS_A_CALL:
        raise ValueError("too many asks")
    known = await queries.shelves(tx, store_id=stamp.store_id, places=[(w.sku, w.shelf) for w in wishes])
    known = await _believe_eyes(tx, stamp, wishes, known)
    good = [(n, w) for n, w in enumerate(wishes) if (w.sku, w.shelf) in known and known[w.sku, w.shelf].capacity]
    groups = [list(group) for _, group in groupby(sorted(good, key=_place), key=_place)]
    nets = _net_all(known, groups)
    results: list[Asked] = [
        Asked(None, None, 0, 0, None, NoHome(f"Place {w.sku} on {w.shelf} first.", sku=w.sku, shelf=w.shelf))
        for w in wishes
    ]
    if not groups:
        return results
    written = await queries.write_asks(
        tx,
        stamp,
        pulls=[_pull_row(stamp, known[p := _place(g[0])], [w for _, w in g], nets[p]) for g in groups],
        asks=[_ask_row(stamp, n, w) for n, w in good],
    )
    for group in groups:
        place = _place(group[0])
        pull, netted = written[place], nets[place]
        for (n, _), ask_id in zip(group, pull.ask_ids, strict=True):
            results[n] = Asked(ask_id, netted.outcome, netted.qty, netted.uncovered, pull)
        fact = {"sku": pull.sku, "shelf": pull.shelf, "asks": len(group), "qty": netted.qty, "urgency": pull.urgency}
        append(tx, stamp, f"pull.{_told(netted.outcome)}", pull.pull_id, fact)
    return results


def _place(numbered: tuple[int, Ask]) -> tuple[str, str]:
    return numbered[1].sku, numbered[1].shelf


def _told(outcome: Outcome) -> str:
    return {Outcome.NOT_NEEDED: "expired"}.get(outcome, outcome.value)


async def _believe_eyes(
    tx: Tx, stamp: Stamp, wishes: Sequence[Ask], known: dict[tuple[str, str], Row]
) -> dict[tuple[str, str], Row]:
    """Set the books of the shelves right where somebody stands before them and sees something else."""
    wrong = {
        (w.sku, w.shelf): w.seen_qty
        for w in wishes
        if w.seen_qty is not None and (w.sku, w.shelf) in known and known[w.sku, w.shelf].book != w.seen_qty
    }
    for (sku, shelf), seen in sorted(wrong.items()):
        await stock.count(tx, stamp, sku=sku, location=shelf, counted_qty=seen)
    if not wrong:
        return known
    return await queries.shelves(tx, store_id=stamp.store_id, places=[(w.sku, w.shelf) for w in wishes])


def _net_all(
    known: dict[tuple[str, str], Row], groups: Sequence[Sequence[tuple[int, Ask]]]
) -> dict[tuple[str, str], Netted]:
    """Net each (item, shelf) in turn; what one shelf of an item is given, another one cannot have."""
    nets: dict[tuple[str, str], Netted] = {}
    given: dict[str, int] = {}
    for group in groups:
        place = _place(group[0])
        left = known[place].backroom - given.get(place[0], 0)
        nets[place] = _net(known[place], [wish for _, wish in group], backroom=left)
        given[place[0]] = given.get(place[0], 0) + nets[place].qty
    return nets


def _net(row: Row, wishes: Sequence[Ask], *, backroom: int) -> Netted:
    """Net the wishes for one (item, shelf) against what is there and on its way."""
    live = row.pull_id is not None
    shelf = rules.Shelf(
        capacity=row.capacity,
        book=row.book,
        in_flight=row.qty_wanted - row.qty_put if live else 0,
        backroom=backroom,
    )
    named = [w.qty for w in wishes]
    asked = None if None in named else max(qty for qty in named if qty is not None)
    waiting = any(w.reason is Reason.CUSTOMER_WAITING for w in wishes)
    return rules.net(shelf, asked=asked, live=live, at_least_one=waiting)


def _pull_row(stamp: Stamp, known: Row, wishes: Sequence[Ask], netted: Netted) -> dict[str, object]:
    top = max(wishes, key=lambda w: rules.URGENCY[w.reason] if w.urgency is None else w.urgency)
    repeats = len(wishes) - (0 if known.pull_id else 1)
    state, end_reason = State.OPEN, None
    if netted.outcome is Outcome.UNFILLABLE:
        state, end_reason = State.UNFILLABLE, "nothing_in_backroom"
    elif netted.outcome is Outcome.NOT_NEEDED:
        state, end_reason = State.EXPIRED, "shelf_full"
    return {
        "pull_id": known.pull_id,
        "sku": known.sku,
        "shelf": known.shelf,
        "zone": known.zone or NO_ZONE,
        "state": state,
        "reason": _strongest(top.reason, known.reason),
        "urgency": rules.raised_urgency(known.urgency or 0, reason=top.reason, repeats=repeats, urgency=top.urgency),
        "asks": len(wishes),
        "qty": netted.qty if state is State.OPEN else netted.uncovered,
        "due_at": min(_due(stamp, w) for w in wishes),
        "end_reason": end_reason,
        "explanation": top.explanation,
    }


def _strongest(reason: Reason, known: str | None) -> Reason:
    """Return why the pull exists: a person's reason stays, however often the watch asks for the same."""
    return max(reason, Reason(known or reason), key=lambda one: (rules.URGENCY[one], one is not Reason.WATCH))


def _ask_row(stamp: Stamp, n: int, wish: Ask) -> dict[str, object]:
    return {
        "n": n,
        "sku": wish.sku,
        "shelf": wish.shelf,
        "requester": wish.requester,
        "reason": wish.reason,
        "note": wish.note,
        "qty": wish.qty,
        "due_at": _due(stamp, wish),
    }


def _due(stamp: Stamp, wish: Ask) -> datetime:
    return wish.due_at or stamp.occurred_at + rules.DUE_WITHIN[wish.reason]


async def save_progress(
    tx: Tx, stamp: Stamp, *, before: Iterable[Pull], after: Iterable[Pull], last: bool = False
) -> None:
    """Write how far pulls have come and tell of every one that changed its state; the caller holds their locks.

    With `last` they are written just before the commit: nothing may read them again in this transaction.
    """
    was = {pull.pull_id: pull for pull in before}
    changed = [pull for pull in after if pull != was[pull.pull_id]]
    if not changed:
        return
    await queries.save_pulls(tx, store_id=stamp.store_id, pulls=changed, now=stamp.now, last=last)
    for pull in changed:
        if pull.state is not was[pull.pull_id].state:
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
        asks = await tx.rows(queries.ASKS_OF, store_id=stamp.store_id, pull_id=pull_id, limit=MAX_ASKS_A_CALL)
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


async def expire_hopeless(tx: Tx, stamp: Stamp) -> int:
    """End open pulls that nobody can or will fill: nothing left in the backroom, or untouched for a day."""
    rows = await tx.rows(
        queries.HOPELESS,
        store_id=stamp.store_id,
        opened_before=stamp.now - rules.MAX_OPEN_AGE,
        now=stamp.now,
        limit=MAX_EXPIRED_A_SWEEP,
    )
    before = [queries.pull_of(row) for row in rows]
    after = [
        pull.give_up_rest(State.EXPIRED, "too_old")
        if row.too_old
        else pull.give_up_rest(State.UNFILLABLE, "nothing_in_backroom")
        for row, pull in zip(rows, before, strict=True)
    ]
    await save_progress(tx, stamp, before=before, after=after)
    return len(after)


def view_of(row: Any, *, lead: LeadTimes, now: datetime) -> dict[str, Any]:
    """Return a pull's row together with what its askers are told and when to expect the goods."""
    state = State(row.state)
    times = {"opened_at": row.opened_at, "planned_at": row.planned_at, "filled_at": row.filled_at}
    told = {
        "answer": rules.answer_of(state, put=row.qty_put),
        "eta": rules.eta(state, lead=lead, now=now, **times),
    }
    return {**row._asdict(), **told}
