"""The watch of one store: take it, look at a batch of shelves, and act on what is found; and its settings."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from pullsvc.db import Row, Tx
from pullsvc.demand import actions as demand
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import ageing, asking, offers
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls.asking import Asked
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.offers import Offer
from pullsvc.pulls.rules import Outcome, Reason, State
from pullsvc.restock import looking, queries, rules
from pullsvc.restock.hours import next_watch, watching
from pullsvc.restock.looking import Held, Looked
from pullsvc.restock.queries import Seen
from pullsvc.restock.settings import Settings
from pullsvc.stock.queries import set_triggers

MAX_BATCH = 500  # Shelves in one transaction, so that its locks are short; not above MAX_ASKS_A_CALL.
RUN_EVERY = timedelta(seconds=15)
MAX_PAUSE = timedelta(hours=1)  # While the store is closed, so that new opening hours are noticed.
SWEEP_EVERY_RUNS = 20  # Looking for placements that were never looked at costs a scan: about every five minutes.
REQUESTER = "watch"


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch of shelves led to; `more`: the batch was full, so that there may be more to look at."""

    evaluated: int = 0
    opened: int = 0
    joined: int = 0
    repriced: int = 0
    expired: int = 0
    more: bool = False


async def take_store(tx: Tx, stamp: Stamp) -> Held | None:
    """Take the store for this transaction; None: another watcher has it, or it is not due yet.

    A store that is seen for the first time gets its schedule and the default settings.
    """
    held = await looking.take(tx, store_id=stamp.store_id, now=stamp.now)
    if held or not await queries.first_sight(tx, store_id=stamp.store_id, settings=Settings(), now=stamp.now):
        return held
    return await looking.take(tx, store_id=stamp.store_id, now=stamp.now)


async def learn(tx: Tx, stamp: Stamp, held: Held) -> int:
    """Learn business days that have finished since; return how many, 0: none is left. No statement if none has."""
    finished = held.calendar.last_finished_day(stamp.now, settle_s=demand.SETTLE_S)
    if held.rhythm and held.rhythm.learnt_until >= finished:
        return 0
    return await demand.learn(tx, stamp, until=finished)


async def age_asks(tx: Tx, stamp: Stamp, held: Held) -> None:
    """Raise overdue asks of people, now and then; no statement in between."""
    if held.aged_at is None or stamp.now - held.aged_at >= ageing.AGE_EVERY:
        await ageing.age(tx, stamp)
        await tx.run(queries.AGED, store_id=stamp.store_id, now=stamp.now)


async def watch_batch(tx: Tx, stamp: Stamp, held: Held, *, limit: int = MAX_BATCH) -> Found:
    """Look at the next shelves of the held store: those flagged by a sale, those due, those never looked at.

    Opens pulls, re-prices and expires open ones of its own, sets the triggers and the next look. When nothing is
    left, the store is given back until its next run. The number of statements does not depend on that of shelves.
    """
    watches_from = next_watch(held.calendar, now=stamp.now) if held.settings.enabled else None
    if watches_from != stamp.now:
        pause_ends = stamp.now + MAX_PAUSE
        await _give_back(tx, stamp, held, until=min(watches_from or pause_ends, pause_ends), watched=0)
        return Found()
    held = await looking.measured(
        tx, store_id=stamp.store_id, held=looking.repriced(held, now=stamp.now), now=stamp.now
    )
    sweep = held.runs % SWEEP_EVERY_RUNS == 0
    rows = await tx.rows(queries.NEXT_BATCH, store_id=stamp.store_id, now=stamp.now, sweep=sweep, limit=limit)
    found = await _act(tx, stamp, held, rows) if rows else Found()
    if len(rows) >= limit:
        await _give_back(tx, stamp, held, until=stamp.now, watched=0)
        return replace(found, more=True)
    await _give_back(tx, stamp, held, until=stamp.now + RUN_EVERY, watched=1)
    return found


async def _give_back(tx: Tx, stamp: Stamp, held: Held, *, until: datetime, watched: int) -> None:
    """Leave the store until then; only runs that watched count, or a sweep would be lost in the night."""
    await tx.run(
        queries.FINISH,
        store_id=stamp.store_id,
        now=stamp.now,
        next_run_at=until,
        watched=watched,
        price=held.price,
        priced_at=held.priced_at,
        leads=None if held.leads_s is None else [lead for part in held.leads_s for lead in part],
        leads_at=held.leads_at,
    )


async def _act(tx: Tx, stamp: Stamp, held: Held, rows: Sequence[Row]) -> Found:
    """Decide on these shelves and act on it.

    Locks are taken in the order of everybody else: offers, the live pulls, the books, and only then pulls that are new.
    A gap scan sets the book right before it opens its pull; the other way round the two would die of each other.
    """
    placed = [row for row in rows if row.capacity is not None]
    gone = [row for row in rows if row.capacity is None]
    looked = await looking.look(tx, store_id=stamp.store_id, held=held, rows=placed, now=stamp.now, keep=True)
    made = looked.decisions
    wanted = [n for n, qty in enumerate(made.qty.tolist()) if qty]
    riding = [_offer(looked, n, now=stamp.now) for n in np.flatnonzero(made.rides).tolist()]
    seen = [(row.sku, row.shelf) for row in rows]
    await offers.renew(tx, store_id=stamp.store_id, seen=seen, offers=riding, now=stamp.now)
    own = {row.pull_id: n for n, row in enumerate(placed) if _may_change(looked, n)}
    joining = {placed[n].pull_id for n in wanted if placed[n].pull_id}
    if own or joining:
        await pull_queries.lock_pulls(tx, store_id=stamp.store_id, pull_ids=sorted(joining.union(own)))
    repriced, expired = await _tend(tx, stamp, looked, own) if own else (0, 0)
    triggers = made.trigger_qty.tolist()
    await set_triggers(
        tx,
        store_id=stamp.store_id,
        rows=[
            *((row.sku, row.shelf, trigger, row.book) for row, trigger in zip(placed, triggers, strict=True)),
            *((row.sku, row.shelf, None, row.book) for row in gone),
        ],
        now=stamp.now,
    )
    (asked,) = await asking.ask_all(tx, [(stamp, [_wish(looked, n, now=stamp.now) for n in wanted])])
    await queries.note(
        tx,
        store_id=stamp.store_id,
        seen=[_seen(looked, n, now=stamp.now) for n in range(len(placed))],
        gone=[(row.sku, row.shelf) for row in gone],
        lead_s=looked.moment.lead_s,
        now=stamp.now,
    )
    outcomes = [ask.netted.outcome for ask in asked if isinstance(ask, Asked)]
    return Found(
        evaluated=len(rows),
        opened=outcomes.count(Outcome.OPENED),
        joined=outcomes.count(Outcome.JOINED),
        repriced=repriced,
        expired=expired,
    )


def _seen(looked: Looked, n: int, *, now: datetime) -> Seen:
    made, row = looked.decisions, looked.rows[n]
    return Seen(
        sku=row.sku,
        shelf=row.shelf,
        rate_per_h=looked.rate_per_h(n),
        trigger_qty=int(made.trigger_qty[n]),
        next_check_at=now + timedelta(seconds=float(made.check_s[n])),
        empty_at=_empty_at(looked, n, now=now),
    )


def _empty_at(looked: Looked, n: int, *, now: datetime) -> datetime | None:
    """Return when a low shelf is expected to be empty; None: it is above its trigger, or lasts for today."""
    lasts_s = float(looked.decisions.lasts_s[n])
    if looked.rows[n].book > looked.decisions.trigger_qty[n] or not math.isfinite(lasts_s):
        return None
    return now + timedelta(seconds=lasts_s)


def _may_change(looked: Looked, n: int) -> bool:
    """Tell whether this is an open pull of the watch that is not needed any more, or worth clearly more or less."""
    row, made = looked.rows[n], looked.decisions
    if row.state != State.OPEN or row.reason != Reason.WATCH:
        return False
    return bool(made.need_vanished[n]) or abs(int(made.urgency[n]) - row.urgency) >= rules.REPRICE_STEP


async def _tend(tx: Tx, stamp: Stamp, looked: Looked, own: Mapping[int, int]) -> tuple[int, int]:
    """Re-price and expire open pulls of the watch, which are locked; return how many of each.

    A pull that somebody has joined never expires, and never falls: they wait for it.
    """
    held = await queries.own_pulls(tx, store_id=stamp.store_id, pull_ids=sorted(own))
    vanished = [n for n, pull in held.items() if looked.decisions.need_vanished[own[n]] and not pull.joined]
    expired = await pulls.expire(tx, stamp, pull_ids=vanished, reason="need_vanished") if vanished else 0
    prices = [_price(looked, own[n], pull, now=stamp.now) for n, pull in held.items() if n not in vanished]
    repriced = await pull_queries.reprice(tx, store_id=stamp.store_id, prices=prices) if prices else 0
    return repriced, expired


def _price(looked: Looked, n: int, pull: Row, *, now: datetime) -> dict[str, object]:
    urgency, due_at = int(looked.decisions.urgency[n]), _due_at(looked, n, now=now)
    return {
        "pull_id": pull.pull_id,
        "urgency": max(pull.urgency, urgency) if pull.joined else urgency,
        "due_at": (min(pull.due_at, due_at) if pull.joined else due_at).isoformat(),
        "explanation": looked.explanation(n),
        "fill_to": int(looked.shelves.capacity[n]),
    }


def _offer(looked: Looked, n: int, *, now: datetime) -> Offer:
    """Return what a tub may take along to this shelf."""
    return Offer(
        sku=looked.rows[n].sku,
        shelf=looked.rows[n].shelf,
        urgency=int(looked.decisions.urgency[n]),
        fill_to=int(looked.shelves.capacity[n]),
        due_at=_due_at(looked, n, now=now),
        explanation=looked.explanation(n),
    )


def _due_at(looked: Looked, n: int, *, now: datetime) -> datetime:
    return now + timedelta(seconds=float(looked.decisions.due_s[n]))


def _wish(looked: Looked, n: int, *, now: datetime) -> Ask:
    """Return the watch's ask; an ask names what is wanted in all, so what is in flight counts in."""
    row, made = looked.rows[n], looked.decisions
    return Ask(
        sku=row.sku,
        shelf=row.shelf,
        reason=Reason.WATCH,
        requester=REQUESTER,
        qty=int(looked.shelves.in_flight[n] + made.qty[n]),
        due_at=_due_at(looked, n, now=now),
        urgency=int(made.urgency[n]),
        explanation=looked.explanation(n),
        fill_to=int(looked.shelves.capacity[n]),
    )


async def look_at_item(tx: Tx, stamp: Stamp, *, sku: str) -> dict[str, Any]:
    """Return what the watch would decide now for each shelf of the item; nothing is changed."""
    held = await looking.see(tx, store_id=stamp.store_id, now=stamp.now)
    rows = await tx.rows(queries.OF_ITEM, store_id=stamp.store_id, sku=sku)
    placed = [row for row in rows if row.capacity is not None]
    shelves = []
    if placed:
        looked = await looking.look(tx, store_id=stamp.store_id, held=held, rows=placed, now=stamp.now)
        shelves = [_view(looked, n) for n in range(len(placed))]
    return {
        "sku": sku,
        "watching": held.settings.enabled and watching(held.calendar, now=stamp.now),
        "lead_s": round(held.leads_now(stamp.now)[len(rules.LEAD_PROBS) // 2]),
        "shelves": shelves,
    }


def _view(looked: Looked, n: int) -> dict[str, Any]:
    row = looked.rows[n]
    return {
        **looked.explanation(n),
        "shelf": row.shelf,
        "oversold": max(0, -row.book),
        "urgency": int(looked.decisions.urgency[n]),
        "pull_id": row.pull_id,
        "evaluated_at": row.evaluated_at,
        "next_check_at": row.next_check_at,
    }


async def get_settings(tx: Tx, stamp: Stamp) -> tuple[Settings, Row | None]:
    """Return how the store wants its watch, and the row that says so; no row: the defaults, which are version 1."""
    row = await tx.row(queries.GET_SETTINGS, store_id=stamp.store_id)
    return (Settings(), None) if row is None else (queries.settings_of(row), row)


async def lock_settings(tx: Tx, stamp: Stamp) -> int:
    """Hold the settings until the transaction ends and return their version; a watcher waits as well."""
    await queries.first_sight(tx, store_id=stamp.store_id, settings=Settings(), now=stamp.now)
    version: int = (await tx.one(queries.LOCK_SETTINGS, store_id=stamp.store_id)).version
    return version


async def change_settings(tx: Tx, stamp: Stamp, settings: Settings) -> None:
    """Save the settings, which are locked; every shelf is looked at again with them at the next run."""
    said = queries.said(settings)
    before, row = await get_settings(tx, stamp)
    await tx.run(
        queries.SAVE_SETTINGS,
        store_id=stamp.store_id,
        settings=json.dumps(said),
        now=stamp.now,
        principal_id=stamp.principal_id,
    )
    await tx.run(queries.LOOK_AGAIN_AT_ALL, store_id=stamp.store_id, now=stamp.now)
    facts = {"before": queries.said(before), "after": said}
    append(tx, stamp, "watch.settings_changed", row.version + 1 if row else 2, facts)
