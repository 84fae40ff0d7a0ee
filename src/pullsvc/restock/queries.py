"""The watch's own tables, and what it reads of shelves, pulls and the backroom; always a whole batch at once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pullsvc.db import Row, Tx, sql
from pullsvc.restock.rules import Decision, Settings

# Stores to look at; a look, not a claim: two workers may see the same one, `TAKE` then gives it to one of them.
DUE_STORES = sql("""
    SELECT s.store_id FROM stores s LEFT JOIN watch_schedule w USING (store_id)
    WHERE w.next_run_at IS NULL OR w.next_run_at <= :now
    ORDER BY w.next_run_at NULLS FIRST, s.store_id LIMIT :limit
""")
FIRST_SIGHT = sql("""
    WITH settings AS (
        INSERT INTO watch_settings (store_id, enabled, safety, lead_default_s, updated_at)
        VALUES (:store_id, :enabled, :safety, :lead_default_s, :now) ON CONFLICT (store_id) DO NOTHING
    )
    INSERT INTO watch_schedule (store_id, next_run_at) VALUES (:store_id, :now) ON CONFLICT (store_id) DO NOTHING
""")
# The row is the store's lock: whoever has it is the only watcher of the store until the end of the transaction.
TAKE = sql("""
    SELECT w.runs, w.last_run_at, s.time_zone, s.opening_hours, s.day_starts_at, g.enabled, g.safety, g.lead_default_s
    FROM watch_schedule w JOIN stores s USING (store_id) JOIN watch_settings g USING (store_id)
    WHERE w.store_id = :store_id AND w.next_run_at <= :now
    FOR NO KEY UPDATE OF w SKIP LOCKED
""")
FINISH = sql("""
    UPDATE watch_schedule SET runs = runs + CAST(:watched AS integer), last_run_at = :now, next_run_at = :next_run_at
    WHERE store_id = :store_id
""")

# What is flagged comes first: a sale has just met the trigger.
_BATCH = """
    SELECT sku, shelf FROM (
        (SELECT 1 AS rank, flagged_at AS since, sku, location AS shelf FROM balances
         WHERE store_id = :store_id AND flagged_at IS NOT NULL AND kind = 'shelf'
         ORDER BY flagged_at LIMIT :limit)
        UNION ALL
        (SELECT 2, next_check_at, sku, shelf FROM watched
         WHERE store_id = :store_id AND next_check_at <= :now ORDER BY next_check_at LIMIT :limit)
        UNION ALL
        (SELECT 3, p.updated_at, p.sku, p.location FROM placements p
         JOIN items i ON i.store_id = p.store_id AND i.sku = p.sku AND i.active
         JOIN locations l ON l.store_id = p.store_id AND l.location = p.location AND l.active
         WHERE p.store_id = :store_id AND CAST(:sweep AS boolean) AND NOT EXISTS (
             SELECT 1 FROM watched w WHERE w.store_id = p.store_id AND w.sku = p.sku AND w.shelf = p.location)
         ORDER BY p.sku, p.location LIMIT :limit)
    ) due
    GROUP BY sku, shelf ORDER BY min(rank), min(since), sku, shelf LIMIT :limit
"""
_OF_ITEM = "SELECT sku, location AS shelf FROM placements WHERE store_id = :store_id AND sku = :sku"
# `capacity` is null where the item has no place any more, or is out of the range. Free in the backroom is what the
# books say less what tasks will pick and what live pulls still want.
_FACTS = """
WITH batch AS MATERIALIZED ({batch})
SELECT a.sku, a.shelf, i.case_pack, p.presentation_min, CASE WHEN i.active AND l.active THEN p.capacity END AS capacity,
       coalesce(b.qty, 0) AS book, o.pull_id, o.state, o.reason, o.urgency, o.due_at,
       coalesce(o.qty_wanted - o.qty_put, 0) AS in_flight,
       coalesce(o.qty_wanted - o.qty_planned - o.qty_filled - o.qty_put, 0) AS unclaimed,
       CAST(coalesce((
           SELECT sum(s.qty) FROM balances s
           WHERE s.store_id = :store_id AND s.sku = a.sku AND s.kind = 'backroom'), 0)
       - coalesce((
           SELECT sum(t.qty_planned - t.qty_picked) FROM task_lines t
           WHERE t.store_id = :store_id AND t.sku = a.sku AND t.state IN ('planned', 'skipped')), 0)
       - coalesce((
           SELECT sum(r.qty_wanted - r.qty_planned - r.qty_filled - r.qty_put) FROM pulls r
           WHERE r.store_id = :store_id AND r.sku = a.sku AND r.ended_at IS NULL), 0) AS integer) AS backroom,
       w.next_check_at, w.evaluated_at
FROM batch a
JOIN items i ON i.store_id = :store_id AND i.sku = a.sku
JOIN locations l ON l.store_id = :store_id AND l.location = a.shelf
LEFT JOIN placements p ON p.store_id = :store_id AND p.location = a.shelf AND p.sku = a.sku
LEFT JOIN balances b ON b.store_id = :store_id AND b.location = a.shelf AND b.sku = a.sku
LEFT JOIN pulls o ON o.store_id = :store_id AND o.sku = a.sku AND o.shelf = a.shelf AND o.ended_at IS NULL
LEFT JOIN watched w ON w.store_id = :store_id AND w.sku = a.sku AND w.shelf = a.shelf
ORDER BY a.sku, p.is_home DESC NULLS LAST, a.shelf
"""
NEXT_BATCH = sql(_FACTS.format(batch=_BATCH))
OF_ITEM = sql(_FACTS.format(batch=_OF_ITEM))

# Open pulls of the watch, as they stand now that their locks are held, and whether somebody joined them.
OWN_PULLS = sql("""
    SELECT pull_id, urgency, due_at, EXISTS (
        SELECT 1 FROM asks a WHERE a.store_id = p.store_id AND a.pull_id = p.pull_id AND a.reason <> 'watch') AS joined
    FROM pulls p
    WHERE store_id = :store_id AND pull_id = ANY (CAST(:pull_ids AS bigint[])) AND state = 'open' AND reason = 'watch'
""")
NOTE = sql("""
    WITH gone AS (
        DELETE FROM watched w
        USING unnest(CAST(:gone_skus AS text[]), CAST(:gone_shelves AS text[])) AS g(sku, shelf)
        WHERE w.store_id = :store_id AND w.sku = g.sku AND w.shelf = g.shelf
    )
    INSERT INTO watched AS w (store_id, sku, shelf, rate_per_h, lead_s, trigger_qty, next_check_at, evaluated_at)
    SELECT :store_id, sku, shelf, rate_per_h, :lead_s, trigger_qty, next_check_at, :now
    FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS s(
        sku text, shelf text, rate_per_h double precision, trigger_qty integer, next_check_at timestamptz)
    ORDER BY sku, shelf
    ON CONFLICT (store_id, sku, shelf) DO UPDATE
    SET rate_per_h = excluded.rate_per_h, lead_s = excluded.lead_s, trigger_qty = excluded.trigger_qty,
        next_check_at = excluded.next_check_at, evaluated_at = excluded.evaluated_at
""")

GET_SETTINGS = sql("""
    SELECT enabled, safety, lead_default_s, version, updated_at FROM watch_settings WHERE store_id = :store_id
""")
# The schedule first, then the settings: the order in which a watcher takes them.
LOCK_SETTINGS = sql("""
    SELECT g.version FROM watch_schedule w JOIN watch_settings g USING (store_id) WHERE store_id = :store_id
    FOR NO KEY UPDATE OF w, g
""")
SAVE_SETTINGS = sql("""
    UPDATE watch_settings
    SET enabled = :enabled, safety = :safety, lead_default_s = :lead_default_s, version = version + 1, updated_at = :now
    WHERE store_id = :store_id
    RETURNING enabled, safety, lead_default_s, version, updated_at
""")
LOOK_AGAIN_AT_ALL = sql("""
    WITH soon AS (UPDATE watch_schedule SET next_run_at = :now WHERE store_id = :store_id)
    UPDATE watched SET next_check_at = :now WHERE store_id = :store_id AND next_check_at > :now
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """A shelf that was looked at: its key, its rate and what was decided."""

    sku: str
    shelf: str
    rate_per_h: float
    decision: Decision


async def due_stores(tx: Tx, *, now: datetime, limit: int) -> list[int]:
    """Return stores that a watcher should look at, the longest overdue first, new ones before them."""
    return [row.store_id for row in await tx.rows(DUE_STORES, now=now, limit=limit)]


async def first_sight(tx: Tx, *, store_id: int, settings: Settings, now: datetime) -> bool:
    """Give a store its schedule and settings if it has none; tell whether it had no schedule."""
    made = await tx.run(
        FIRST_SIGHT,
        store_id=store_id,
        enabled=settings.enabled,
        safety=settings.safety,
        lead_default_s=settings.lead_default_s,
        now=now,
    )
    return made > 0


async def own_pulls(tx: Tx, *, store_id: int, pull_ids: Sequence[int]) -> dict[int, Row]:
    """Return the open pulls of the watch among these; the caller holds their locks."""
    rows = await tx.rows(OWN_PULLS, store_id=store_id, pull_ids=list(pull_ids))
    return {row.pull_id: row for row in rows}


async def note(
    tx: Tx, *, store_id: int, seen: Sequence[Seen], gone: Sequence[tuple[str, str]], lead_s: int, now: datetime
) -> None:
    """Write down what was found of each shelf and when to look again; forget those that are `gone`."""
    rows = [
        {
            "sku": s.sku,
            "shelf": s.shelf,
            "rate_per_h": s.rate_per_h,
            "trigger_qty": s.decision.trigger_qty,
            "next_check_at": s.decision.next_check_at.isoformat(),
        }
        for s in seen
    ]
    await tx.run(
        NOTE,
        store_id=store_id,
        seen=json.dumps(rows),
        gone_skus=[sku for sku, _ in gone],
        gone_shelves=[shelf for _, shelf in gone],
        lead_s=lead_s,
        now=now,
    )
