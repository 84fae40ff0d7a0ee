"""The watch of one store: take it, look at a batch of shelves, and act on what is found; and its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pullsvc.db import Row, Tx
from pullsvc.demand import actions as demand
from pullsvc.demand.hours import Calendar
from pullsvc.demand.queries import calendar, calendar_of
from pullsvc.demand.rules import Rate
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls.actions import Ask
from pullsvc.pulls.rules import MIN_LEAD_SAMPLES, Outcome, Reason, State
from pullsvc.restock import queries, rules
from pullsvc.restock.queries import Seen
from pullsvc.restock.rules import Decision, Settings, Shelf
from pullsvc.stock.queries import set_triggers

MAX_BATCH = 500  # Shelves in one transaction, so that its locks are short; not above MAX_ASKS_A_CALL.
RUN_EVERY = timedelta(seconds=15)
MAX_PAUSE = timedelta(hours=1)  # While the store is closed, so that new opening hours are noticed.
SWEEP_EVERY_RUNS = 20  # Looking for placements that were never looked at costs a scan: about every five minutes.
REQUESTER = "watch"


@dataclass(frozen=True, slots=True)
class Held:
    """A store that this transaction watches.

    Attributes:
        calendar: Its hours.
        settings: How it wants to be watched.
        sweep: Look for placements that were never looked at as well.
        last_run_at: When a run was last finished; None: never.
    """

    calendar: Calendar
    settings: Settings
    sweep: bool
    last_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch of shelves led to; `more`: the batch was full, so that there may be more to look at."""

    evaluated: int = 0
    opened: int = 0
    joined: int = 0
    repriced: int = 0
    expired: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """A shelf, its facts, and what the rule says of it."""

    row: Row
    rate: Rate
    shelf: Shelf
    decision: Decision


async def take_store(tx: Tx, stamp: Stamp) -> Held | None:
    """Take the store for this transaction; None: another watcher has it, or it is not due yet.

    A store that is seen for the first time gets its schedule and the default settings.
    """
    row = await tx.row(queries.TAKE, store_id=stamp.store_id, now=stamp.now)
    if row is None:
        if not await queries.first_sight(tx, store_id=stamp.store_id, settings=Settings(), now=stamp.now):
            return None
        row = await tx.row(queries.TAKE, store_id=stamp.store_id, now=stamp.now)
        if row is None:
            return None
    return Held(
        calendar=calendar_of(row),
        settings=Settings(enabled=row.enabled, safety=row.safety, lead_default_s=row.lead_default_s),
        sweep=row.runs % SWEEP_EVERY_RUNS == 0,
        last_run_at=row.last_run_at,
    )


async def learn(tx: Tx, stamp: Stamp, held: Held) -> int:
    """Learn the business days that have finished since the last run; return how many, without a statement if none."""
    finished = held.calendar.last_finished_day(stamp.now, settle_s=demand.SETTLE_S)
    if held.last_run_at and finished == held.calendar.last_finished_day(held.last_run_at, settle_s=demand.SETTLE_S):
        return 0
    return await demand.learn(tx, stamp, until=finished)


async def watch_batch(tx: Tx, stamp: Stamp, held: Held, *, limit: int = MAX_BATCH) -> Found:
    """Look at the next shelves of the held store: those flagged by a sale, those due, those never looked at.

    Opens pulls, re-prices and expires open ones of its own, sets the triggers and the next look. When nothing is
    left, the store is given back until its next run. The number of statements does not depend on that of shelves.
    """
    watches_from = rules.next_watch(held.calendar, now=stamp.now) if held.settings.enabled else None
    if watches_from != stamp.now:
        pause_ends = stamp.now + MAX_PAUSE
        await _give_back(tx, stamp, until=min(watches_from or pause_ends, pause_ends), watched=0)
        return Found()
    rows = await tx.rows(queries.NEXT_BATCH, store_id=stamp.store_id, now=stamp.now, sweep=held.sweep, limit=limit)
    found = await _act(tx, stamp, held, rows) if rows else Found()
    if len(rows) >= limit:
        return replace(found, more=True)
    await _give_back(tx, stamp, until=stamp.now + RUN_EVERY, watched=1)
    return found


async def _give_back(tx: Tx, stamp: Stamp, *, until: datetime, watched: int) -> None:
    """Leave the store until then; only runs that watched count, or a sweep would be lost in the night."""
    await tx.run(queries.FINISH, store_id=stamp.store_id, now=stamp.now, next_run_at=until, watched=watched)


async def _act(tx: Tx, stamp: Stamp, held: Held, rows: Sequence[Row]) -> Found:
    """Decide on these shelves and act on it.

    Locks are taken in the order of everybody else: the live pulls, the books, and only then pulls that are new. A gap
    scan sets the book right before it opens its pull; the other way round the two would die of each other.
    """
    lead_s = await lead_time_s(tx, store_id=stamp.store_id, settings=held.settings)
    looks = await _look(tx, stamp, rows, calendar=held.calendar, settings=held.settings, lead_s=lead_s)
    wanted = [look for look in looks if look.decision.qty]
    own = {look.row.pull_id: look for look in looks if _may_change(look)}
    joining = {look.row.pull_id for look in wanted if look.row.pull_id}
    if own or joining:
        await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=sorted(joining.union(own)))
    repriced, expired = await _tend(tx, stamp, own) if own else (0, 0)
    gone = [row for row in rows if row.capacity is None]
    await set_triggers(
        tx,
        store_id=stamp.store_id,
        rows=[
            *((look.row.sku, look.row.shelf, look.decision.trigger_qty, look.row.book) for look in looks),
            *((row.sku, row.shelf, None, row.book) for row in gone),
        ],
        now=stamp.now,
    )
    asked = await pulls.ask_all(tx, stamp, [_wish(look) for look in wanted]) if wanted else []
    await queries.note(
        tx,
        store_id=stamp.store_id,
        seen=[Seen(look.row.sku, look.row.shelf, look.rate.per_h, look.decision) for look in looks],
        gone=[(row.sku, row.shelf) for row in gone],
        lead_s=lead_s,
        now=stamp.now,
    )
    outcomes = [ask.outcome for ask in asked]
    return Found(
        evaluated=len(rows),
        opened=outcomes.count(Outcome.OPENED),
        joined=outcomes.count(Outcome.JOINED),
        repriced=repriced,
        expired=expired,
    )


async def lead_time_s(tx: Tx, *, store_id: int, settings: Settings) -> int:
    """Return the time to shelf to reckon with: four of five of the store's pulls were faster."""
    lead = await pull_queries.lead_times(tx, store_id=store_id)
    measured = lead.whole_s if lead.samples >= MIN_LEAD_SAMPLES else None
    return rules.bounded_lead_s(measured, default_s=settings.lead_default_s)


async def _look(
    tx: Tx, stamp: Stamp, rows: Sequence[Row], *, calendar: Calendar, settings: Settings, lead_s: int
) -> list[Look]:
    """Decide on each shelf that the item still has; what one shelf of an item takes, the next does not find."""
    placed = [row for row in rows if row.capacity is not None]
    skus = sorted({row.sku for row in placed})
    rates = await demand.rates(tx, store_id=stamp.store_id, hours=calendar, skus=skus, now=stamp.now)
    taken: dict[str, int] = {}
    looks = []
    for row in placed:
        shelf = Shelf(
            book=row.book,
            capacity=row.capacity,
            presentation_min=row.presentation_min,
            case_pack=row.case_pack,
            in_flight=row.in_flight,
            unclaimed=row.unclaimed,
            backroom=max(0, row.backroom - taken.get(row.sku, 0)),
        )
        decision = rules.decide(shelf, rate=rates[row.sku], lead_s=lead_s, settings=settings, now=stamp.now)
        taken[row.sku] = taken.get(row.sku, 0) + decision.qty
        looks.append(Look(row=row, rate=rates[row.sku], shelf=shelf, decision=decision))
    return looks


def _may_change(look: Look) -> bool:
    """Tell whether this is an open pull of the watch that is not needed any more, or worth clearly more or less."""
    if look.row.state != State.OPEN or look.row.reason != Reason.WATCH:
        return False
    return look.decision.need_vanished or abs(look.decision.urgency - look.row.urgency) >= rules.REPRICE_STEP


async def _tend(tx: Tx, stamp: Stamp, own: Mapping[int, Look]) -> tuple[int, int]:
    """Re-price and expire open pulls of the watch, which are locked; return how many of each.

    A pull that somebody has joined never expires, and never falls: they wait for it.
    """
    held = await queries.own_pulls(tx, store_id=stamp.store_id, pull_ids=sorted(own))
    vanished = [n for n, pull in held.items() if own[n].decision.need_vanished and not pull.joined]
    expired = await pulls.expire(tx, stamp, pull_ids=vanished, reason="need_vanished") if vanished else 0
    prices = [_price(pull, own[n].decision) for n, pull in held.items() if n not in vanished]
    repriced = await pull_queries.reprice(tx, store_id=stamp.store_id, prices=prices) if prices else 0
    return repriced, expired


def _price(pull: Row, decision: Decision) -> dict[str, object]:
    return {
        "pull_id": pull.pull_id,
        "urgency": max(pull.urgency, decision.urgency) if pull.joined else decision.urgency,
        "due_at": (min(pull.due_at, decision.due_at) if pull.joined else decision.due_at).isoformat(),
        "explanation": decision.explanation,
    }


def _wish(look: Look) -> Ask:
    """Return the watch's ask; an ask names what is wanted in all, so what is in flight counts in."""
    decision = look.decision
    return Ask(
        sku=look.row.sku,
        shelf=look.row.shelf,
        reason=Reason.WATCH,
        requester=REQUESTER,
        qty=look.shelf.in_flight + decision.qty,
        due_at=decision.due_at,
        urgency=decision.urgency,
        explanation=dict(decision.explanation),
    )


async def look_at_item(tx: Tx, stamp: Stamp, *, sku: str) -> dict[str, Any]:
    """Return what the watch would decide now for each shelf of the item; nothing is changed."""
    settings, _ = await get_settings(tx, stamp)
    hours = await calendar(tx, store_id=stamp.store_id)
    lead_s = await lead_time_s(tx, store_id=stamp.store_id, settings=settings)
    rows = await tx.rows(queries.OF_ITEM, store_id=stamp.store_id, sku=sku)
    looks = await _look(tx, stamp, rows, calendar=hours, settings=settings, lead_s=lead_s)
    return {
        "sku": sku,
        "watching": settings.enabled and rules.watching(hours, now=stamp.now),
        "lead_s": lead_s,
        "shelves": [_view(look) for look in looks],
    }


def _view(look: Look) -> dict[str, Any]:
    row, shelf, decision = look.row, look.shelf, look.decision
    return {
        "shelf": row.shelf,
        "rate_per_h": round(look.rate.per_h, 3),
        "evidence_h": round(look.rate.hours, 1),
        "on_hand": shelf.on_hand,
        "oversold": max(0, -shelf.book),
        "in_flight": shelf.in_flight,
        "backroom": shelf.backroom,
        "capacity": shelf.capacity,
        "trigger_qty": decision.trigger_qty,
        "lasts_s": None if decision.lasts_s is None else round(decision.lasts_s),
        "verdict": decision.verdict,
        "qty": decision.qty,
        "urgency": decision.urgency,
        "pull_id": row.pull_id,
        "sentence": decision.explanation["sentence"],
        "evaluated_at": row.evaluated_at,
        "next_check_at": row.next_check_at,
    }


async def get_settings(tx: Tx, stamp: Stamp) -> tuple[Settings, Row | None]:
    """Return how the store wants its watch, and the row that says so; no row: the defaults, which are version 1."""
    row = await tx.row(queries.GET_SETTINGS, store_id=stamp.store_id)
    if row is None:
        return Settings(), None
    return Settings(enabled=row.enabled, safety=row.safety, lead_default_s=row.lead_default_s), row


async def lock_settings(tx: Tx, stamp: Stamp) -> int:
    """Hold the settings until the transaction ends and return their version; a watcher waits as well."""
    await queries.first_sight(tx, store_id=stamp.store_id, settings=Settings(), now=stamp.now)
    version: int = (await tx.one(queries.LOCK_SETTINGS, store_id=stamp.store_id)).version
    return version


async def change_settings(tx: Tx, stamp: Stamp, settings: Settings) -> Row:
    """Save the settings, which are locked; every shelf is looked at again with them at the next run."""
    saved = await tx.one(
        queries.SAVE_SETTINGS,
        store_id=stamp.store_id,
        enabled=settings.enabled,
        safety=settings.safety,
        lead_default_s=settings.lead_default_s,
        now=stamp.now,
    )
    await tx.run(queries.LOOK_AGAIN_AT_ALL, store_id=stamp.store_id, now=stamp.now)
    facts = {"enabled": saved.enabled, "safety": saved.safety, "lead_default_s": saved.lead_default_s}
    append(tx, stamp, "watch.settings_changed", saved.version, facts)
    return saved
