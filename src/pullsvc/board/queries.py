"""One snapshot of a store, each part one statement, all of the same moment."""

from datetime import datetime
from typing import Any

from pullsvc.db import Row, Tx, sql

MAX_AT_RISK = 50
MAX_PULLS = 200
MAX_TASKS = 100
MAX_SHORTS = 50
MAX_DISCREPANCIES = 50

STORE = sql("SELECT name, time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id")
AT_RISK = sql("""
SELECT w.sku, i.description, i.department, w.shelf, greatest(coalesce(b.qty, 0), 0) AS on_hand,
       greatest(-coalesce(b.qty, 0), 0) AS oversold, w.rate_per_h, w.trigger_qty, w.lead_s,
       60.0 * greatest(coalesce(b.qty, 0), 0) / w.rate_per_h AS minutes_to_empty,
       p.pull_id, p.state AS pull_state, coalesce(p.qty_wanted - p.qty_put, 0) AS on_its_way, p.explanation,
       coalesce((SELECT sum(k.qty) FROM balances k
                 WHERE k.store_id = w.store_id AND k.sku = w.sku AND k.kind = 'backroom'), 0) AS backroom
FROM watched w
JOIN items i USING (store_id, sku)
LEFT JOIN balances b ON b.store_id = w.store_id AND b.sku = w.sku AND b.location = w.shelf
LEFT JOIN pulls p ON p.store_id = w.store_id AND p.sku = w.sku AND p.shelf = w.shelf AND p.ended_at IS NULL
WHERE w.store_id = :store_id AND w.rate_per_h > 0 AND coalesce(b.qty, 0) <= w.trigger_qty
ORDER BY minutes_to_empty, w.rate_per_h DESC, w.sku
LIMIT :limit
""")
PULLS = sql("""
SELECT p.pull_id, p.sku, i.description, p.shelf, p.zone, p.state, p.reason, p.urgency, p.ask_count, p.qty_wanted,
       p.qty_planned, p.qty_filled, p.qty_put, p.opened_at, p.due_at,
       (SELECT jsonb_agg(DISTINCT a.requester) FROM asks a
        WHERE a.store_id = p.store_id AND a.pull_id = p.pull_id) AS requesters,
       (SELECT a.note FROM asks a WHERE a.store_id = p.store_id AND a.pull_id = p.pull_id AND a.note IS NOT NULL
        ORDER BY a.ask_id DESC LIMIT 1) AS note
FROM pulls p JOIN items i USING (store_id, sku)
WHERE p.store_id = :store_id AND p.ended_at IS NULL
ORDER BY p.urgency DESC, p.due_at, p.pull_id
LIMIT :limit
""")
ZONES = sql("""
SELECT zone, count(*) AS pulls, sum(qty_wanted - qty_planned - qty_filled - qty_put) AS qty,
       min(opened_at) AS oldest_at,
       count(*) FILTER (WHERE due_at < :now) AS overdue, count(*) FILTER (WHERE state = 'open') AS open
FROM pulls WHERE store_id = :store_id AND ended_at IS NULL GROUP BY zone ORDER BY zone
""")
TASKS = sql("""
SELECT t.task_id, t.state, t.tub, t.lane, t.claimed_by, w.name AS worker, t.claimed_at, t.lease_until, t.staged_at,
       t.delivered_at, t.estimated_s, t.qty_picked, t.qty_settled,
       (SELECT jsonb_build_object(
            'lines', count(*) FILTER (WHERE l.state <> 'dropped'),
            'lines_done', count(*) FILTER (WHERE l.state IN ('picked', 'short', 'settled')),
            'shorts', count(*) FILTER (WHERE l.short_reason IS NOT NULL),
            'qty', coalesce(sum(l.qty_planned) FILTER (WHERE l.state <> 'dropped'), 0))
        FROM task_lines l WHERE l.store_id = t.store_id AND l.task_id = t.task_id) AS progress
FROM tasks t JOIN principals w ON w.principal_id = t.claimed_by
WHERE t.store_id = :store_id AND t.ended_at IS NULL
ORDER BY t.claimed_at, t.task_id
LIMIT :limit
""")
LANES = sql("""
SELECT l.location AS lane, l.zone,
       coalesce(jsonb_agg(jsonb_build_object('tub', t.tub, 'task_id', t.task_id, 'since', t.updated_at)
                          ORDER BY t.updated_at) FILTER (WHERE t.tub IS NOT NULL), '[]') AS tubs
FROM locations l
LEFT JOIN tubs t ON t.store_id = l.store_id AND t.lane = l.location AND t.state = 'staged'
WHERE l.store_id = :store_id AND l.kind = 'lane' AND l.active
GROUP BY l.location, l.zone, l.walk_seq ORDER BY l.walk_seq, l.location
""")
SHORTS = sql("""
SELECT l.task_id, l.line_no, l.sku, i.description, l.from_location, l.short_reason, l.short_at,
       l.qty_planned - l.qty_picked AS qty, w.name AS worker
FROM task_lines l
JOIN tasks t USING (store_id, task_id)
JOIN principals w ON w.principal_id = t.claimed_by
JOIN items i ON i.store_id = l.store_id AND i.sku = l.sku
WHERE l.store_id = :store_id AND l.short_at >= :since
ORDER BY l.short_at DESC LIMIT :limit
""")
DISCREPANCIES = sql("""
SELECT discrepancy_id, kind, sku, location, qty, times, opened_at FROM discrepancies
WHERE store_id = :store_id AND state = 'open' ORDER BY opened_at DESC LIMIT :limit
""")
TODAY = sql("""
WITH ended AS (
    SELECT state, extract(epoch FROM ended_at - opened_at) AS took_s, ended_at <= due_at AS in_time, qty_put
    FROM pulls WHERE store_id = :store_id AND ended_at >= :since
)
SELECT (SELECT count(*) FROM asks WHERE store_id = :store_id AND asked_at >= :since AND reason <> 'watch') AS asks,
       (SELECT count(*) FROM pulls WHERE store_id = :store_id AND opened_at >= :since) AS pulls_opened,
       (SELECT count(*) FROM pulls WHERE store_id = :store_id AND opened_at >= :since AND reason = 'watch')
           AS pulls_by_watch,
       count(*) FILTER (WHERE state = 'closed' AND qty_put > 0) AS pulls_filled,
       count(*) FILTER (WHERE state = 'unfillable') AS pulls_unfillable,
       coalesce(sum(qty_put), 0) AS qty_put,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE qty_put > 0) AS time_to_shelf_p50_s,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE qty_put > 0) AS time_to_shelf_p90_s,
       avg(CAST(in_time AS integer)) FILTER (WHERE qty_put > 0) AS in_time_share,
       (SELECT count(*) FROM task_lines WHERE store_id = :store_id AND short_at >= :since) AS shorts,
       (SELECT count(*) FROM tasks WHERE store_id = :store_id AND state = 'closed' AND ended_at >= :since) AS tubs,
       (SELECT coalesce(sum(sold_qty), 0) FROM sale_lines
        WHERE store_id = :store_id AND business_date = :business_date AND sold_qty > 0) AS qty_sold,
       (SELECT count(*) FROM unknown_codes WHERE store_id = :store_id AND state = 'open') AS unknown_codes
FROM ended
""")


async def store(tx: Tx, *, store_id: int) -> Row:
    """Return the store's name and hours."""
    return await tx.one(STORE, store_id=store_id)


async def listing(tx: Tx, statement: Any, *, store_id: int, **params: object) -> list[dict[str, Any]]:
    """Return one part of the board as plain rows."""
    return [row._asdict() for row in await tx.rows(statement, store_id=store_id, **params)]


async def today(tx: Tx, *, store_id: int, since: datetime, business_date: object) -> dict[str, Any]:
    """Return the figures of the business day."""
    return (await tx.one(TODAY, store_id=store_id, since=since, business_date=business_date))._asdict()
