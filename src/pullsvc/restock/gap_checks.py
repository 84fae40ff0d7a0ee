"""Looks at the shelves of items that are improbably silent: asked for, answered by a count, and graded by it."""

from datetime import timedelta

import numpy as np

from pullsvc.db import Tx, sql
from pullsvc.demand import actions as demand
from pullsvc.demand.silence import best_checks, level_before, silence_of
from pullsvc.outbox.actions import Stamp, append
from pullsvc.restock.hours import trading_span
from pullsvc.restock.looking import Held
from pullsvc.stock import actions as stock

SILENT = "silent"  # Reason of the counts.
LISTEN_EVERY = timedelta(hours=1)
CHECK_AGAIN_AFTER = timedelta(days=2)  # What was looked at just now says the same for a while.
GIVE_UP_AFTER = timedelta(days=1)  # A look that nobody took is worth nothing the next day.
KEPT = timedelta(days=90)
MAX_ITEMS = 20_000

# A count that came after another one, or of a shelf whose book has sold out meanwhile, says nothing of the promise.
ANSWERED = sql("""
    WITH told AS (
        SELECT g.count_id, c.state = 'done' AND c.book_qty > 0 AS counts, c.counted_qty = 0 AS was_empty
        FROM gap_checks g JOIN counts c USING (store_id, count_id)
        WHERE g.store_id = :store_id AND g.answered_at IS NULL AND c.state <> 'requested'
    ),
    moot AS (
        DELETE FROM gap_checks g USING told t
        WHERE g.store_id = :store_id AND g.count_id = t.count_id AND NOT t.counts
    )
    UPDATE gap_checks g SET answered_at = :now, was_empty = t.was_empty
    FROM told t WHERE g.store_id = :store_id AND g.count_id = t.count_id AND t.counts
    RETURNING g.count_id, g.sku, g.p_model, g.was_empty
""")
GRADE = sql("""
    UPDATE watch_schedule
    SET hits = hits + CAST(:hits AS double precision), looks = looks + CAST(:looks AS double precision),
        promised = promised + CAST(:promised AS double precision), silence_at = :now
    WHERE store_id = :store_id
""")
FORGET = sql("""
    DELETE FROM gap_checks
    WHERE store_id = :store_id AND (asked_at < :long_before OR (answered_at IS NULL AND asked_at < :before))
""")
# Items that should stand on one shelf of theirs, which is where to look; what is to be counted anyway is left out.
STANDING = sql("""
    SELECT p.sku, p.location AS shelf, b.qty, p.capacity
    FROM placements p
    JOIN items i ON i.store_id = p.store_id AND i.sku = p.sku AND i.active
    JOIN balances b ON b.store_id = p.store_id AND b.sku = p.sku AND b.location = p.location AND b.qty > 0
    WHERE p.store_id = :store_id AND p.is_home
      AND NOT EXISTS (SELECT 1 FROM gap_checks g
                      WHERE g.store_id = p.store_id AND g.sku = p.sku AND g.asked_at > CAST(:since AS timestamptz))
      AND NOT EXISTS (SELECT 1 FROM counts c WHERE c.store_id = p.store_id AND c.location = p.location
                      AND c.sku = p.sku AND c.state = 'requested')
    ORDER BY p.sku LIMIT :limit
""")
OPEN = sql("SELECT count(*) AS checks FROM gap_checks WHERE store_id = :store_id AND answered_at IS NULL")
ASK = sql("""
    INSERT INTO gap_checks (store_id, count_id, sku, shelf, p_model, silent_days, asked_at)
    VALUES (:store_id, :count_id, :sku, :shelf, :p_model, :silent_days, :now)
""")


def is_due(held: Held, stamp: Stamp) -> bool:
    """Tell whether it is time to listen again."""
    if not held.settings.enabled or not held.settings.checks_an_hour:
        return False
    return held.silence_at is None or stamp.now - held.silence_at >= LISTEN_EVERY


async def listen(tx: Tx, stamp: Stamp, held: Held) -> int:
    """Grade the answers that have come, and ask for looks at the shelves that are silent now; return how many.

    At most `checks_an_hour` are open at any time, so that looks that nobody takes do not pile up. A shelf that was
    found empty frees the time since the item was last seen: it does not count as on the shelf any more.
    """
    await _grade(tx, stamp)
    held_open = (await tx.one(OPEN, store_id=stamp.store_id)).checks
    wanted = held.settings.checks_an_hour - held_open
    if wanted <= 0 or held.rhythm is None:
        return 0
    rows = await tx.rows(STANDING, store_id=stamp.store_id, since=stamp.now - CHECK_AGAIN_AFTER, limit=MAX_ITEMS)
    if not rows:
        return 0
    seen = await demand.outlook(
        tx,
        store_id=stamp.store_id,
        hours=held.calendar,
        skus=[row.sku for row in rows],
        now=stamp.now,
        rhythm=held.rhythm,
    )
    found = silence_of(seen.levels, seen.at, traffic=seen.traffic, grade=held.grade)
    closes_s = seen.now_s + trading_span(held.calendar, now=stamp.now).hours * 3600
    chosen = best_checks(
        found,
        level_before(seen.levels),
        stock=np.array([row.qty for row in rows], dtype=np.int64),
        capacity=np.array([row.capacity for row in rows], dtype=np.int64),
        until_close=seen.traffic * seen.curve.between(seen.now_s, closes_s),
        price=held.price,
        k=wanted,
    )
    asked = 0
    for n in chosen.tolist():
        row = rows[n]
        count_id = await stock.request_count(tx, stamp, sku=row.sku, location=row.shelf, reason=SILENT)
        if count_id is None:
            continue
        figures = {"p_model": float(found.p_model[n]), "silent_days": float(found.days[n])}
        await tx.run(
            ASK, store_id=stamp.store_id, count_id=count_id, sku=row.sku, shelf=row.shelf, now=stamp.now, **figures
        )
        asked += 1
    return asked


async def _grade(tx: Tx, stamp: Stamp) -> None:
    await tx.run(FORGET, store_id=stamp.store_id, before=stamp.now - GIVE_UP_AFTER, long_before=stamp.now - KEPT)
    answers = await tx.rows(ANSWERED, store_id=stamp.store_id, now=stamp.now)
    hits = [row.sku for row in answers if row.was_empty]
    await tx.run(
        GRADE,
        store_id=stamp.store_id,
        hits=float(len(hits)),
        looks=float(len(answers)),
        promised=float(sum(row.p_model for row in answers)),
        now=stamp.now,
    )
    if hits:
        await demand.free_silence(tx, store_id=stamp.store_id, skus=sorted(set(hits)))
    for row in answers:
        append(tx, stamp, "watch.gap_checked", row.count_id, {"sku": row.sku, "was_empty": row.was_empty})
