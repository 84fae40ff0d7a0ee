"""The watch's own tables, and what it reads of shelves, pulls and the backroom; always a whole batch at once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pullsvc.db import Row, Tx, sql
from pullsvc.demand.value import Labour
from pullsvc.restock.settings import Department, Settings

# Stores to look at; a look, not a claim: two workers may see the same one, `TAKE` then gives it to one of them.
DUE_STORES = sql("""
    SELECT s.store_id FROM stores s LEFT JOIN watch_schedule w USING (store_id)
    WHERE w.next_run_at IS NULL OR w.next_run_at <= :now
    ORDER BY w.next_run_at NULLS FIRST, s.store_id LIMIT :limit
""")
FIRST_SIGHT = sql("""
    WITH settings AS (
        INSERT INTO watch_settings (store_id, enabled, lead_default_s, line_s, unit_s, presentation, checks_an_hour,
                                    departments, updated_at)
        SELECT CAST(:store_id AS integer), enabled, lead_default_s, line_s, unit_s, presentation, checks_an_hour,
               departments, CAST(:now AS timestamptz)
        FROM jsonb_to_record(CAST(:settings AS jsonb)) AS s(
            enabled boolean, lead_default_s integer, line_s double precision, unit_s double precision,
            presentation boolean, checks_an_hour integer, departments jsonb)
        ON CONFLICT (store_id) DO NOTHING
    )
    INSERT INTO watch_schedule (store_id, next_run_at) VALUES (:store_id, :now) ON CONFLICT (store_id) DO NOTHING
""")
# What is known of a store. Work that nobody has begun makes labour dear; whoever had a task just now can do it.
_STORE = """
    SELECT w.runs, w.last_run_at, w.price, w.priced_at, w.leads, w.leads_at, w.hits, w.looks, w.promised, w.silence_at,
           w.aged_at,
           s.time_zone, s.opening_hours, s.day_starts_at,
           g.enabled, g.lead_default_s, g.line_s, g.unit_s, g.presentation, g.checks_an_hour, g.departments,
           r.learnt_until, r.profile, r.lines_a_day, r.lines_today, r.counted_at,
           (SELECT count(*) FROM pulls p WHERE p.store_id = s.store_id AND p.state = 'open') AS waiting,
           (SELECT coalesce(sum(qty_wanted - qty_planned - qty_filled - qty_put), 0) FROM pulls p
            WHERE p.store_id = s.store_id AND p.state = 'open') AS waiting_qty,
           (SELECT count(*) FROM (
                SELECT claimed_by FROM tasks t WHERE t.store_id = s.store_id AND t.ended_at IS NULL
                UNION
                SELECT claimed_by FROM tasks t WHERE t.store_id = s.store_id
                AND t.ended_at > CAST(:now AS timestamptz) - CAST(:lately AS interval)) lately) AS workers,
           EXISTS (SELECT 1 FROM expected_deliveries d
                   WHERE d.store_id = s.store_id AND d.arrived_at IS NULL
                     AND d.due_at BETWEEN CAST(:now AS timestamptz) - CAST(:unloading AS interval)
                                      AND CAST(:now AS timestamptz) + CAST(:ahead AS interval)) AS delivery_near
    FROM stores s {join} watch_schedule w USING (store_id) {join} watch_settings g USING (store_id)
    LEFT JOIN store_rhythms r ON r.store_id = s.store_id AND r.layout = :layout
    WHERE s.store_id = :store_id
"""
# The row is the store's lock: whoever has it is the only watcher of the store until the end of the transaction.
TAKE = sql(_STORE.format(join="JOIN") + "AND w.next_run_at <= :now FOR NO KEY UPDATE OF w SKIP LOCKED")
STORE = sql(_STORE.format(join="LEFT JOIN"))
FINISH = sql("""
    UPDATE watch_schedule
    SET runs = runs + CAST(:watched AS integer), last_run_at = :now, next_run_at = :next_run_at,
        price = coalesce(:price, price), priced_at = coalesce(:priced_at, priced_at),
        leads = coalesce(:leads, leads), leads_at = coalesce(:leads_at, leads_at)
    WHERE store_id = :store_id
""")
AGED = sql("UPDATE watch_schedule SET aged_at = :now WHERE store_id = :store_id")
LEADS = sql("""
    SELECT opened_at, ended_at FROM pulls
    WHERE store_id = :store_id AND ended_at > :since AND ended_at <= :now AND state = 'closed' AND qty_put > 0
      AND NOT rode_along
    ORDER BY ended_at DESC LIMIT :limit
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
# `capacity` is null where the item has no place any more, or is out of the range; a smaller one that somebody told is
# believed until the placement is changed. Free in the backroom is what the books say of bins in which the item was not
# missed, less what tasks will pick and what live pulls still want.
_FACTS = """
WITH batch AS MATERIALIZED ({batch})
SELECT a.sku, a.shelf, i.case_pack, i.department, p.presentation_min,
       CASE WHEN i.active AND l.active THEN least(p.capacity, (
           SELECT v.seen_qty FROM pull_wrongs v
           WHERE v.store_id = :store_id AND v.sku = a.sku AND v.shelf = a.shelf AND v.kind = 'wrong_capacity'
             AND v.told_at >= p.updated_at
           ORDER BY v.wrong_id DESC LIMIT 1)) END AS capacity,
       (SELECT sum(capacity) FROM placements e WHERE e.store_id = :store_id AND e.sku = a.sku) AS capacity_of_item,
       coalesce(b.qty, 0) AS book, o.pull_id, o.state, o.reason, o.urgency, o.due_at, o.opened_at,
       coalesce(o.qty_wanted - o.qty_put, 0) AS in_flight,
       coalesce(o.qty_wanted - o.qty_planned - o.qty_filled - o.qty_put, 0) AS unclaimed,
       CAST(coalesce((
           SELECT sum(s.qty) FROM balances s
           WHERE s.store_id = :store_id AND s.sku = a.sku AND s.kind = 'backroom' AND NOT EXISTS (
               SELECT 1 FROM counts c
               WHERE c.store_id = :store_id AND c.location = s.location AND c.sku = a.sku AND c.state = 'requested'
                 AND c.reason = 'not_there')), 0)
       - coalesce((
           SELECT sum(t.qty_planned - t.qty_picked) FROM task_lines t
           WHERE t.store_id = :store_id AND t.sku = a.sku AND t.is_reserving), 0)
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
    INSERT INTO watched AS w (store_id, sku, shelf, rate_per_h, lead_s, trigger_qty, next_check_at, evaluated_at,
                              empty_at)
    SELECT :store_id, sku, shelf, rate_per_h, :lead_s, trigger_qty, next_check_at, :now, empty_at
    FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS s(
        sku text, shelf text, rate_per_h double precision, trigger_qty integer, next_check_at timestamptz,
        empty_at timestamptz)
    ORDER BY sku, shelf
    ON CONFLICT (store_id, sku, shelf) DO UPDATE
    SET rate_per_h = excluded.rate_per_h, lead_s = excluded.lead_s, trigger_qty = excluded.trigger_qty,
        next_check_at = excluded.next_check_at, evaluated_at = excluded.evaluated_at, empty_at = excluded.empty_at
""")

GET_SETTINGS = sql("""
    SELECT g.enabled, g.lead_default_s, g.line_s, g.unit_s, g.presentation, g.checks_an_hour, g.departments, g.version,
           g.updated_at, p.name AS updated_by
    FROM watch_settings g LEFT JOIN principals p ON p.principal_id = g.updated_by
    WHERE g.store_id = :store_id
""")
# The schedule first, then the settings: the order in which a watcher takes them.
LOCK_SETTINGS = sql("""
    SELECT g.version FROM watch_schedule w JOIN watch_settings g USING (store_id) WHERE store_id = :store_id
    FOR NO KEY UPDATE OF w, g
""")
SAVE_SETTINGS = sql("""
    UPDATE watch_settings
    SET enabled = s.enabled, lead_default_s = s.lead_default_s, line_s = s.line_s, unit_s = s.unit_s,
        presentation = s.presentation, checks_an_hour = s.checks_an_hour, departments = s.departments,
        version = version + 1, updated_at = :now, updated_by = :principal_id
    FROM jsonb_to_record(CAST(:settings AS jsonb)) AS s(
        enabled boolean, lead_default_s integer, line_s double precision, unit_s double precision,
        presentation boolean, checks_an_hour integer, departments jsonb)
    WHERE store_id = :store_id
""")
LOOK_AGAIN_AT_ALL = sql("""
    WITH soon AS (UPDATE watch_schedule SET next_run_at = :now WHERE store_id = :store_id)
    UPDATE watched SET next_check_at = :now WHERE store_id = :store_id AND next_check_at > :now
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """A shelf that was looked at: what is written down of it."""

    sku: str
    shelf: str
    rate_per_h: float
    trigger_qty: int
    next_check_at: datetime
    empty_at: datetime | None


async def due_stores(tx: Tx, *, now: datetime, limit: int) -> list[int]:
    """Return stores that a watcher should look at, the longest overdue first, new ones before them."""
    return [row.store_id for row in await tx.rows(DUE_STORES, now=now, limit=limit)]


async def first_sight(tx: Tx, *, store_id: int, settings: Settings, now: datetime) -> bool:
    """Give a store its schedule and settings if it has none; tell whether it had no schedule."""
    return await tx.run(FIRST_SIGHT, store_id=store_id, settings=json.dumps(said(settings)), now=now) > 0


def said(settings: Settings) -> dict[str, Any]:
    """Return the settings as they are written down, and told."""
    return {
        "enabled": settings.enabled,
        "lead_default_s": settings.lead_default_s,
        "line_s": settings.labour.line_s,
        "unit_s": settings.labour.unit_s,
        "presentation": settings.presentation,
        "checks_an_hour": settings.checks_an_hour,
        "departments": {name: asdict(kept) for name, kept in sorted(settings.departments.items())},
    }


def settings_of(row: Row) -> Settings:
    """Return the settings that a row holds; the defaults where it has none."""
    if row.enabled is None:
        return Settings()
    return Settings(
        enabled=row.enabled,
        lead_default_s=row.lead_default_s,
        labour=Labour(line_s=row.line_s, unit_s=row.unit_s),
        presentation=row.presentation,
        checks_an_hour=row.checks_an_hour,
        departments={name: Department(**kept) for name, kept in row.departments.items()},
    )


async def own_pulls(tx: Tx, *, store_id: int, pull_ids: Sequence[int]) -> dict[int, Row]:
    """Return the open pulls of the watch among these; the caller holds their locks."""
    rows = await tx.rows(OWN_PULLS, store_id=store_id, pull_ids=list(pull_ids))
    return {row.pull_id: row for row in rows}


async def note(
    tx: Tx, *, store_id: int, seen: Sequence[Seen], gone: Sequence[tuple[str, str]], lead_s: float, now: datetime
) -> None:
    """Write down what was found of each shelf and when to look again; forget those that are `gone`."""
    await tx.run(
        NOTE,
        store_id=store_id,
        seen=json.dumps([asdict(one) for one in seen], default=str),
        gone_skus=[sku for sku, _ in gone],
        gone_shelves=[shelf for _, shelf in gone],
        lead_s=round(lead_s),
        now=now,
    )
