"""One snapshot of a store, each part one statement, all of the same moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pullsvc.catalog.model import NO_ZONE
from pullsvc.db import Row, Statement, Tx, sql
from pullsvc.demand.value import Labour

_BY_DEFAULT = {"line_s": Labour().line_s, "unit_s": Labour().unit_s}

# What one snapshot shows at most; `cut` names the parts that had more.
MAX_AT_RISK = 50
MAX_PULLS = 200
MAX_TASKS = 100
MAX_LANES = 100
MAX_SHORTS = 50
MAX_DISCREPANCIES = 50
# What it looks at to make its sums, so that it costs the same on the worst day.
MAX_LOW_SHELVES = 300
MAX_ZONE_PULLS = 1_000
MAX_DAY_PULLS = 2_000
MAX_DAY_ASKS = 4_000
MAX_DAY_SHORTS = 500
BUCKET_S = 1_800  # Of the day's chart.

STORE = sql("SELECT name, time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id")
# Low at the watch's last look, or flagged by a movement since: no other shelf can be at its trigger.
AT_RISK = sql(f"""
WITH low AS MATERIALIZED (
    (SELECT sku, shelf FROM watched
     WHERE store_id = :store_id AND empty_at IS NOT NULL ORDER BY empty_at LIMIT {MAX_LOW_SHELVES})
    UNION
    (SELECT sku, location FROM balances WHERE store_id = :store_id AND flagged_at IS NOT NULL LIMIT {MAX_LOW_SHELVES})
),
at_risk AS MATERIALIZED (
    SELECT w.*, coalesce(b.qty, 0) AS book, 60.0 * greatest(coalesce(b.qty, 0), 0) / w.rate_per_h AS minutes_to_empty
    FROM low
    JOIN LATERAL (SELECT * FROM watched
                  WHERE store_id = :store_id AND sku = low.sku AND shelf = low.shelf LIMIT 1) w ON true
    LEFT JOIN LATERAL (SELECT qty FROM balances
                       WHERE store_id = :store_id AND sku = low.sku AND location = low.shelf LIMIT 1) b ON true
    WHERE w.rate_per_h > 0 AND coalesce(b.qty, 0) <= w.trigger_qty
    ORDER BY minutes_to_empty, w.rate_per_h DESC, w.sku, w.shelf LIMIT :limit
)
SELECT w.sku, i.description, i.department, w.shelf, greatest(book, 0) AS on_hand, greatest(-book, 0) AS oversold,
       w.rate_per_h, w.trigger_qty, w.lead_s, w.minutes_to_empty, p.pull_id, p.state AS pull_state,
       coalesce(p.qty_wanted - p.qty_put, 0) AS on_its_way, p.explanation,
       coalesce((SELECT sum(k.qty) FROM balances k
                 WHERE k.store_id = :store_id AND k.sku = w.sku AND k.kind = 'backroom'), 0) AS backroom
FROM at_risk w
JOIN LATERAL (SELECT * FROM items WHERE store_id = :store_id AND sku = w.sku LIMIT 1) i ON true
LEFT JOIN LATERAL (SELECT * FROM pulls WHERE store_id = :store_id AND sku = w.sku AND shelf = w.shelf
                   AND ended_at IS NULL LIMIT 1) p ON true
ORDER BY w.minutes_to_empty, w.rate_per_h DESC, w.sku, w.shelf
""")
# The most urgent that wait, in the order of the claims' indexes, and those on the way with a task that is shown. Those
# whose item is in no bin have an index part of their own.
_LIVE = f"""
live AS MATERIALIZED (
    (SELECT * FROM pulls WHERE store_id = :store_id AND is_open AND zone <> '{NO_ZONE}'
     ORDER BY urgency DESC, due_at, pull_id LIMIT :limit)
    UNION ALL
    (SELECT * FROM pulls WHERE store_id = :store_id AND is_open AND zone = '{NO_ZONE}'
     ORDER BY urgency DESC, due_at, pull_id LIMIT :limit)
    UNION ALL
    (SELECT p.*
     FROM (SELECT DISTINCT l.pull_id
           FROM (SELECT task_id FROM tasks WHERE store_id = :store_id AND ended_at IS NULL
                 ORDER BY claimed_at, task_id LIMIT {MAX_TASKS}) t
           JOIN task_lines l ON l.store_id = :store_id AND l.task_id = t.task_id) l
     JOIN LATERAL (SELECT * FROM pulls WHERE store_id = :store_id AND pull_id = l.pull_id LIMIT 1) p ON true
     WHERE p.state IN ('planned', 'filled'))
)
"""
PULLS = sql(f"""
WITH {_LIVE},
shown AS MATERIALIZED (SELECT * FROM live ORDER BY urgency DESC, due_at, pull_id LIMIT :limit)
SELECT p.pull_id, p.sku, i.description, p.shelf, p.zone, p.state, p.reason, p.urgency, p.ask_count, p.qty_wanted,
       p.qty_planned, p.qty_filled, p.qty_put, p.opened_at, p.due_at, a.requesters, a.note
FROM shown p
JOIN LATERAL (SELECT description FROM items WHERE store_id = :store_id AND sku = p.sku LIMIT 1) i ON true
CROSS JOIN LATERAL (
    SELECT jsonb_agg(DISTINCT requester) AS requesters,
           (array_agg(note ORDER BY ask_id DESC) FILTER (WHERE note IS NOT NULL))[1] AS note
    FROM asks WHERE store_id = :store_id AND pull_id = p.pull_id) a
ORDER BY p.urgency DESC, p.due_at, p.pull_id
""")
# What a line and a unit cost, as the store's watch reckons.
_LABOUR = """
labour AS MATERIALIZED (
    SELECT coalesce(max(line_s), :line_s) AS line_s, coalesce(max(unit_s), :unit_s) AS unit_s
    FROM watch_settings WHERE store_id = :store_id
)
"""
ZONES = sql(f"""
WITH {_LABOUR}, {_LIVE}
SELECT zone, count(*) AS pulls, sum(rest) AS qty, min(opened_at) AS oldest_at,
       count(*) FILTER (WHERE due_at < :now) AS overdue, count(*) FILTER (WHERE state = 'open') AS open,
       coalesce(sum(line_s + unit_s * rest) FILTER (WHERE state = 'open'), 0) AS work_s
FROM (SELECT *, qty_wanted - qty_planned - qty_filled - qty_put AS rest FROM live) live, labour
GROUP BY zone ORDER BY zone
""")
TASKS = sql("""
SELECT t.task_id, t.state, t.fence, t.tub, t.lane, t.claimed_by, w.name AS worker, t.claimed_at, t.lease_until,
       t.staged_at, t.delivered_at, t.estimated_s, t.qty_picked, t.qty_settled,
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
LIMIT :limit
""")
SHORTS = sql("""
SELECT l.task_id, l.line_no, l.sku, i.description, l.from_location, l.short_reason, l.short_at,
       l.qty_planned - l.qty_picked AS qty, w.name AS worker
FROM (SELECT * FROM task_lines WHERE store_id = :store_id AND short_at >= :since
      ORDER BY short_at DESC, task_id DESC, line_no LIMIT :limit) l
JOIN LATERAL (SELECT claimed_by FROM tasks WHERE store_id = :store_id AND task_id = l.task_id LIMIT 1) t ON true
JOIN LATERAL (SELECT name FROM principals WHERE principal_id = t.claimed_by LIMIT 1) w ON true
JOIN LATERAL (SELECT description FROM items WHERE store_id = :store_id AND sku = l.sku LIMIT 1) i ON true
ORDER BY l.short_at DESC, l.task_id DESC, l.line_no
""")
DISCREPANCIES = sql("""
SELECT d.discrepancy_id, d.kind, d.sku, i.description, d.location, d.qty, d.times, d.opened_at
FROM (SELECT * FROM discrepancies
      WHERE store_id = :store_id AND state = 'open' ORDER BY opened_at DESC LIMIT :limit) d
JOIN LATERAL (SELECT description FROM items WHERE store_id = :store_id AND sku = d.sku LIMIT 1) i ON true
ORDER BY d.opened_at DESC
""")
# Ids rise with time, so the newest rows hold the day's, as long as the day has no more than are looked at.
TODAY = sql(f"""
WITH new_pulls AS (
    SELECT count(*) AS pulls_opened, count(*) FILTER (WHERE reason = 'watch') AS pulls_by_watch
    FROM (SELECT opened_at, reason FROM pulls
          WHERE store_id = :store_id ORDER BY pull_id DESC LIMIT {MAX_DAY_PULLS + 1}) newest
    WHERE opened_at >= :since
),
new_asks AS (
    SELECT count(*) AS made, count(*) FILTER (WHERE reason <> 'watch') AS asks
    FROM (SELECT asked_at, reason FROM asks
          WHERE store_id = :store_id ORDER BY ask_id DESC LIMIT {MAX_DAY_ASKS + 1}) newest
    WHERE asked_at >= :since
),
ended AS (
    SELECT count(*) AS pulls_ended, count(*) FILTER (WHERE state = 'closed' AND qty_put > 0) AS pulls_filled,
           count(*) FILTER (WHERE state = 'unfillable') AS pulls_unfillable, coalesce(sum(qty_put), 0) AS qty_put,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE qty_put > 0) AS time_to_shelf_p50_s,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE qty_put > 0) AS time_to_shelf_p90_s,
           avg(CAST(in_time AS integer)) FILTER (WHERE qty_put > 0) AS in_time_share
    FROM (SELECT state, extract(epoch FROM ended_at - opened_at) AS took_s, ended_at <= due_at AS in_time, qty_put
          FROM pulls WHERE store_id = :store_id AND ended_at >= :since
          ORDER BY ended_at DESC LIMIT {MAX_DAY_PULLS + 1}) newest
)
SELECT asks, pulls_opened, pulls_by_watch, pulls_filled, pulls_unfillable, qty_put, time_to_shelf_p50_s,
       time_to_shelf_p90_s, in_time_share, greatest(pulls_opened, pulls_ended) > {MAX_DAY_PULLS}
           OR made > {MAX_DAY_ASKS} OR shorts > {MAX_DAY_SHORTS} OR tubs > {MAX_DAY_PULLS} AS cut, shorts, tubs,
       (SELECT coalesce(sum(sold_qty), 0) FROM receipts
        WHERE store_id = :store_id AND business_date = :business_date) AS qty_sold,
       (SELECT count(*) FROM unknown_codes WHERE store_id = :store_id AND state = 'open') AS unknown_codes
FROM new_pulls, new_asks, ended,
     (SELECT count(*) AS shorts FROM (
          SELECT 1 FROM task_lines WHERE store_id = :store_id AND short_at >= :since
          LIMIT {MAX_DAY_SHORTS + 1}) s) AS short,
     (SELECT count(*) FILTER (WHERE state = 'closed') AS tubs FROM (
          SELECT state FROM tasks WHERE store_id = :store_id AND ended_at >= :since
          LIMIT {MAX_DAY_PULLS + 1}) t) AS done
""")
# Whoever has a task in hand in a part of the day is at work in all of it; a tub in a lane is in nobody's hand, and a
# task that was left lying counts no longer than its lease.
DAY = sql(f"""
WITH {_LABOUR},
buckets AS (
    SELECT n, CAST(:since AS timestamptz) + make_interval(secs => n * {BUCKET_S}) AS starts,
           least(CAST(:since AS timestamptz) + make_interval(secs => (n + 1) * {BUCKET_S}), :now) AS ends
    FROM generate_series(0, CAST(ceil(extract(epoch FROM :now - CAST(:since AS timestamptz)) / {BUCKET_S}) AS integer)
                            - 1) n
),
new_pulls AS (
    SELECT opened_at, reason, qty_wanted FROM pulls
    WHERE store_id = :store_id ORDER BY pull_id DESC LIMIT {MAX_DAY_PULLS}
),
opened AS (
    SELECT floor(extract(epoch FROM opened_at - :since) / {BUCKET_S}) AS n, count(*) AS opened,
           count(*) FILTER (WHERE reason = 'watch') AS by_watch, sum(line_s + unit_s * qty_wanted) AS asked_s
    FROM new_pulls, labour WHERE opened_at >= :since GROUP BY 1
),
arrived AS (
    SELECT floor(extract(epoch FROM ended_at - :since) / {BUCKET_S}) AS n, count(*) AS arrived,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - opened_at)) AS p50_s
    FROM (SELECT opened_at, ended_at, qty_put FROM pulls WHERE store_id = :store_id AND ended_at >= :since
          ORDER BY ended_at DESC LIMIT {MAX_DAY_PULLS}) done
    WHERE qty_put > 0 GROUP BY 1
),
spans AS (
    SELECT claimed_by, starts, coalesce(ends, ended_at, least(lease_until, :now)) AS ends
    FROM (SELECT * FROM tasks WHERE store_id = :store_id ORDER BY task_id DESC LIMIT {MAX_DAY_PULLS}) t
    CROSS JOIN LATERAL (VALUES (claimed_at, staged_at), (delivered_at, ended_at)) part(starts, ends)
    WHERE starts IS NOT NULL
),
staffed AS (
    SELECT n, count(DISTINCT claimed_by) * extract(epoch FROM b.ends - b.starts) AS staffed_s
    FROM buckets b JOIN spans s ON s.starts < b.ends AND s.ends > b.starts GROUP BY n, b.starts, b.ends
)
SELECT coalesce(opened, 0) AS opened, coalesce(by_watch, 0) AS by_watch, coalesce(arrived, 0) AS arrived,
       p50_s AS time_to_shelf_s, CAST(coalesce(asked_s, 0) AS double precision) AS asked_s,
       CAST(coalesce(staffed_s, 0) AS double precision) AS staffed_s
FROM buckets LEFT JOIN opened USING (n) LEFT JOIN arrived USING (n) LEFT JOIN staffed USING (n) ORDER BY n
""")


async def store(tx: Tx, *, store_id: int) -> Row:
    """Return the store's name and hours."""
    return await tx.one(STORE, store_id=store_id)


async def day(tx: Tx, *, store_id: int, since: datetime, now: datetime) -> list[Row]:
    """Return what came and went since the day began, BUCKET_S by BUCKET_S."""
    return list(await tx.rows(DAY, store_id=store_id, since=since, now=now, **_BY_DEFAULT))


@dataclass(frozen=True, slots=True)
class Sums:
    """Figures that were summed up, and whether there was more than they were made of."""

    figures: Any
    cut: bool


async def listing(tx: Tx, statement: Statement, *, store_id: int, **params: object) -> list[dict[str, Any]]:
    """Return one part of the board as plain rows."""
    return [row._asdict() for row in await tx.rows(statement, store_id=store_id, **params)]


async def zones(tx: Tx, *, store_id: int, now: datetime) -> Sums:
    """Return the load of each backroom zone, summed up over the MAX_ZONE_PULLS most urgent open pulls."""
    limit = MAX_ZONE_PULLS + 1
    rows = await listing(tx, ZONES, store_id=store_id, now=now, limit=limit, **_BY_DEFAULT)
    in_bins = sum(row["open"] for row in rows if row["zone"] != NO_ZONE)
    in_none = sum(row["open"] for row in rows if row["zone"] == NO_ZONE)
    return Sums(rows, max(in_bins, in_none) > MAX_ZONE_PULLS)


async def today(tx: Tx, *, store_id: int, since: datetime, business_date: object) -> Sums:
    """Return the figures of the business day."""
    figures = (await tx.one(TODAY, store_id=store_id, since=since, business_date=business_date))._asdict()
    return Sums(figures, figures.pop("cut"))
