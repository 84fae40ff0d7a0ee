"""The last days of a store, read for a rehearsal of other settings."""

from datetime import datetime, timedelta

import numpy as np

from pullsvc.db import Tx, sql
from pullsvc.demand import queries as demand
from pullsvc.demand.actions import SETTLE_S
from pullsvc.demand.evidence import Cause, Steps
from pullsvc.demand.horizon import Ints
from pullsvc.demand.profile import Profile, day_curve
from pullsvc.restock.looking import Held
from pullsvc.restock.rehearsal import PastDay

MAX_DAYS = 3
MAX_ITEMS = 20_000

HOMES = sql("""
    SELECT p.sku, p.capacity, p.presentation_min, i.case_pack, i.department,
           CAST(coalesce((SELECT sum(b.qty) FROM balances b
                          WHERE b.store_id = p.store_id AND b.sku = p.sku AND b.kind = 'backroom'), 0) AS integer)
               AS backroom
    FROM placements p JOIN items i ON i.store_id = p.store_id AND i.sku = p.sku AND i.active
    WHERE p.store_id = :store_id AND p.is_home
    ORDER BY p.sku LIMIT :limit
""")
WORKERS = sql("""
    SELECT count(DISTINCT claimed_by) AS workers FROM tasks
    WHERE store_id = :store_id AND ended_at >= :starts AND ended_at < :ends
""")


async def past_days(tx: Tx, *, store_id: int, held: Held, days: int, now: datetime) -> list[PastDay]:
    """Return the last finished business days on which the store was open and sold, the oldest first.

    A shelf whose book was wrong in the morning is taken for full; the backroom holds what it holds now. Items beyond
    MAX_ITEMS are left out.
    """
    rows = await tx.rows(HOMES, store_id=store_id, limit=MAX_ITEMS)
    last = held.calendar.last_finished_day(now, settle_s=SETTLE_S)
    found = []
    for ago in range(days - 1, -1, -1):
        day = last - timedelta(days=ago)
        span = held.calendar.business_day(day)
        opened = held.calendar.open_spans(span.start, span.end)
        shown = await demand.shown(tx, store_id=store_id, skus=[row.sku for row in rows], day=day, span=span)
        if not opened or not len(shown.evidence.lines):
            continue
        workers = (await tx.one(WORKERS, store_id=store_id, starts=span.start, ends=span.end)).workers
        capacity = np.array([row.capacity for row in rows], dtype=np.int64)
        found.append(
            PastDay(
                lines=shown.evidence.lines,
                curve=day_curve(held.rhythm.profile if held.rhythm else Profile.empty(), held.calendar, day),
                opens_s=(opened[0].start - span.start).total_seconds(),
                closes_s=(opened[-1].end - span.start).total_seconds(),
                levels=shown.levels,
                book=_morning_book(shown.evidence.steps, capacity),
                capacity=capacity,
                presentation_min=np.array([row.presentation_min for row in rows], dtype=np.int64),
                case_pack=np.array([row.case_pack for row in rows], dtype=np.int64),
                backroom=np.array([row.backroom for row in rows], dtype=np.int64),
                department=tuple(row.department for row in rows),
                workers=workers,
                leads_s=tuple(held.leads_now(span.start + (span.end - span.start) / 2)),
            )
        )
    return found


def _morning_book(steps: Steps, capacity: Ints) -> Ints:
    """Return what stood on the items' shelves in the morning, by all that is known."""
    opening = steps.cause == Cause.OPENING
    item, book = steps.item[opening], steps.book[opening]
    sound = np.zeros(len(capacity), dtype=bool)
    sound[item[book >= 0]] = True
    total = np.bincount(item, np.maximum(book, 0), len(capacity)).astype(np.int64)
    return np.asarray(np.where(sound, np.minimum(total, capacity), capacity))
