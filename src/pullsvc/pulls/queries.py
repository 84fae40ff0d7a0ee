"""Pulls and asks in the database; whole lists at once, so that one ask and a gap scan of 500 are the same code."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pullsvc.db import Row, Trailing, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls.rules import ENDED, MIN_LEAD_SAMPLES, LeadTimes, Pull, State

LOCK_LIVE = sql("""
SELECT pull_id FROM pulls
WHERE store_id = :store_id AND ended_at IS NULL AND (sku, shelf) IN (
    SELECT sku, shelf FROM unnest(CAST(:skus AS text[]), CAST(:shelves AS text[])) AS a(sku, shelf))
ORDER BY pull_id FOR NO KEY UPDATE
""")
# A statement of its own: only after the locks are held does a look see what was put away while they were waited for.
SHELVES = sql("""
WITH asked AS (
    SELECT DISTINCT sku, shelf FROM unnest(CAST(:skus AS text[]), CAST(:shelves AS text[])) AS a(sku, shelf)
)
SELECT a.sku, a.shelf, p.capacity, p.presentation_min, coalesce(b.qty, 0) AS book, l.zone AS shelf_zone,
       live.pull_id, live.state, live.reason, live.urgency, live.qty_wanted, live.qty_planned,
       live.qty_filled, live.qty_put,
       CAST(coalesce((
           SELECT sum(s.qty) FROM balances s
           WHERE s.store_id = :store_id AND s.sku = a.sku AND s.kind = 'backroom'), 0)
       - coalesce((
           SELECT sum(t.qty_planned - t.qty_picked) FROM task_lines t
           WHERE t.store_id = :store_id AND t.sku = a.sku AND t.state IN ('planned', 'skipped')), 0)
       - coalesce((
           SELECT sum(o.qty_wanted - o.qty_planned - o.qty_filled - o.qty_put) FROM pulls o
           WHERE o.store_id = :store_id AND o.sku = a.sku AND o.ended_at IS NULL), 0) AS integer) AS backroom,
       (SELECT z.zone FROM balances s JOIN locations z USING (store_id, location)
        WHERE s.store_id = :store_id AND s.sku = a.sku AND s.kind = 'backroom' AND s.qty > 0
        ORDER BY s.qty DESC, s.location LIMIT 1) AS zone
FROM asked a
JOIN locations l ON l.store_id = :store_id AND l.location = a.shelf AND l.kind = 'shelf'
LEFT JOIN placements p ON p.store_id = :store_id AND p.location = a.shelf AND p.sku = a.sku
LEFT JOIN balances b ON b.store_id = :store_id AND b.location = a.shelf AND b.sku = a.sku
LEFT JOIN pulls live ON live.store_id = :store_id AND live.sku = a.sku AND live.shelf = a.shelf
                     AND live.ended_at IS NULL
""")

# One row a (item, shelf): joins the live pull, or opens one, or keeps one that ended at once; then writes its asks.
# Two that open at the same moment meet in the unique index: the second one joins.
WRITE = sql("""
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(
        pull_id bigint, sku text, shelf text, zone text, state text, reason text, urgency integer, asks integer,
        qty integer, due_at timestamptz, end_reason text, explanation jsonb)
),
joined AS (
    UPDATE pulls p
    SET ask_count = p.ask_count + g.asks,
        reason = g.reason,
        urgency = greatest(p.urgency, g.urgency), due_at = least(p.due_at, g.due_at),
        qty_wanted = p.qty_wanted + g.qty,
        state = CASE WHEN g.qty > 0 THEN 'open' ELSE p.state END, end_reason = NULL,
        explanation = coalesce(g.explanation, p.explanation)
    FROM given g WHERE p.store_id = :store_id AND p.pull_id = g.pull_id
    RETURNING p.*
),
opened AS (
    INSERT INTO pulls AS p (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at,
                            due_at, ended_at, end_reason, explanation)
    SELECT :store_id, sku, shelf, zone, state, reason, urgency, asks, qty, :now, due_at,
           CASE WHEN end_reason IS NOT NULL THEN CAST(:now AS timestamptz) END, end_reason, explanation
    FROM given WHERE pull_id IS NULL ORDER BY sku, shelf
    ON CONFLICT (store_id, sku, shelf) WHERE ended_at IS NULL
    DO UPDATE SET ask_count = p.ask_count + excluded.ask_count, urgency = greatest(p.urgency, excluded.urgency),
                  due_at = least(p.due_at, excluded.due_at)
    RETURNING p.*
),
written AS (SELECT * FROM joined UNION ALL SELECT * FROM opened),
asked AS (
    INSERT INTO asks (store_id, pull_id, principal_id, requester, reason, note, qty, due_at, asked_at)
    SELECT :store_id, w.pull_id, :principal_id, a.requester, a.reason, a.note, a.qty, a.due_at, :now
    FROM jsonb_to_recordset(CAST(:asks AS jsonb)) AS a(
        n integer, sku text, shelf text, requester text, reason text, note text, qty integer, due_at timestamptz)
    JOIN written w ON w.sku = a.sku AND w.shelf = a.shelf
    ORDER BY a.n
    RETURNING ask_id, pull_id
)
SELECT w.pull_id, w.sku, w.shelf, w.zone, w.state, w.urgency, w.ask_count, w.qty_wanted, w.qty_put, w.opened_at,
       w.planned_at, w.filled_at, w.due_at, w.end_reason,
       (SELECT array_agg(ask_id ORDER BY ask_id) FROM asked a WHERE a.pull_id = w.pull_id) AS ask_ids
FROM written w
""")
LEAD_TIMES = sql("""
SELECT count(*) AS samples,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - opened_at)) AS whole_s,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - planned_at)) AS planned_s,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - filled_at)) AS filled_s
FROM (SELECT opened_at, planned_at, filled_at, ended_at FROM pulls
      WHERE store_id = :store_id AND ended_at IS NOT NULL AND state = 'closed' AND filled_at IS NOT NULL
      ORDER BY ended_at DESC LIMIT 200) recent
""")
_SAVE = """
UPDATE pulls p
SET state = g.state, qty_wanted = g.wanted, qty_planned = g.planned, qty_filled = g.filled, qty_put = g.put,
    planned_at = CASE WHEN g.planned > 0 THEN coalesce(p.planned_at, g.at) ELSE p.planned_at END,
    filled_at = CASE WHEN g.filled > 0 THEN coalesce(p.filled_at, g.at) ELSE p.filled_at END,
    ended_at = CASE WHEN g.ended THEN g.at END, end_reason = g.end_reason
FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(store_id integer, pull_id bigint, state text, wanted integer,
    planned integer, filled integer, put integer, ended boolean, end_reason text, at timestamptz)
WHERE p.store_id = g.store_id AND p.pull_id = g.pull_id
"""
SAVE = sql(_SAVE)
SAVE_LAST = Trailing("pulls", _SAVE)
LOCK = sql("""
SELECT pull_id, state, qty_wanted, qty_planned, qty_filled, qty_put, end_reason FROM pulls
WHERE store_id = :store_id AND pull_id = ANY(CAST(:pull_ids AS bigint[])) ORDER BY pull_id FOR NO KEY UPDATE
""")
LIVE_AT = sql("""
SELECT pull_id FROM pulls WHERE store_id = :store_id AND sku = :sku AND shelf = :shelf AND ended_at IS NULL
""")
REPRICE = sql("""
UPDATE pulls p SET urgency = g.urgency, due_at = g.due_at, explanation = g.explanation
FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(pull_id bigint, urgency integer, due_at timestamptz,
                                                    explanation jsonb)
WHERE p.store_id = :store_id AND p.pull_id = g.pull_id AND p.state = 'open' AND p.reason = 'watch'
""")
# Untouched for a day, or nothing left in the backroom to bring: neither will ever be claimed.
HOPELESS = sql("""
SELECT pull_id, state, qty_wanted, qty_planned, qty_filled, qty_put, end_reason,
       (opened_at < :opened_before) AS too_old
FROM pulls p
WHERE store_id = :store_id AND state = 'open' AND (
    opened_at < :opened_before
    OR (due_at < :now AND NOT EXISTS (
        SELECT 1 FROM balances b
        WHERE b.store_id = p.store_id AND b.sku = p.sku AND b.kind = 'backroom' AND b.qty > 0)))
ORDER BY pull_id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
""")
PULLS = sql("""
SELECT p.*, i.description FROM pulls p JOIN items i USING (store_id, sku)
WHERE p.store_id = :store_id
  AND (CAST(:live AS boolean) IS NULL OR (p.ended_at IS NULL) = :live)
  AND (CAST(:state AS text) IS NULL OR p.state = :state)
  AND (CAST(:zone AS text) IS NULL OR p.zone = :zone)
  AND (CAST(:sku AS text) IS NULL OR p.sku = :sku)
  AND (CAST(:before_id AS bigint) IS NULL OR p.pull_id < :before_id)
ORDER BY p.pull_id DESC LIMIT :limit
""")
PULL = sql("""
SELECT p.*, i.description FROM pulls p JOIN items i USING (store_id, sku)
WHERE p.store_id = :store_id AND p.pull_id = :pull_id
""")
ASKS_OF = sql("""
SELECT ask_id, pull_id, requester, reason, note, qty, due_at, asked_at, principal_id FROM asks
WHERE store_id = :store_id AND pull_id = :pull_id ORDER BY ask_id LIMIT :limit
""")
ASKS = sql("""
SELECT a.ask_id, a.requester, a.reason, a.note, a.qty, a.asked_at, a.principal_id, a.due_at, p.pull_id, p.sku, p.shelf,
       p.state, p.ask_count, p.qty_wanted, p.qty_put, p.opened_at, p.planned_at, p.filled_at, p.ended_at, p.end_reason
FROM asks a JOIN pulls p USING (store_id, pull_id)
WHERE a.store_id = :store_id
  AND (CAST(:ask_id AS bigint) IS NULL OR a.ask_id = :ask_id)
  AND (CAST(:principal_id AS bigint) IS NULL OR a.principal_id = :principal_id)
  AND (CAST(:before_id AS bigint) IS NULL OR a.ask_id < :before_id)
ORDER BY a.ask_id DESC LIMIT :limit
""")


async def shelves(tx: Tx, *, store_id: int, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Lock the live pulls of these (sku, shelf) and return what is known of each; unknown shelves are left out."""
    asked = {"store_id": store_id, "skus": [sku for sku, _ in places], "shelves": [shelf for _, shelf in places]}
    await tx.run(LOCK_LIVE, **asked)
    rows = await tx.rows(SHELVES, **asked)
    return {(row.sku, row.shelf): row for row in rows}


async def write_asks(
    tx: Tx, stamp: Stamp, *, pulls: Sequence[Mapping[str, object]], asks: Sequence[Mapping[str, object]]
) -> dict[tuple[str, str], Row]:
    """Join or open the pulls, write their asks, and return each pull by (sku, shelf) with the ids of its new asks."""
    rows = await tx.rows(
        WRITE,
        store_id=stamp.store_id,
        principal_id=stamp.principal_id,
        now=stamp.now,
        pulls=json.dumps(pulls, default=str),
        asks=json.dumps(asks, default=str),
    )
    return {(row.sku, row.shelf): row for row in rows}


async def lead_times(tx: Tx, *, store_id: int) -> LeadTimes:
    """Return this store's measured times to shelf, or the defaults while it has too few of them."""
    row = await tx.one(LEAD_TIMES, store_id=store_id)
    if row.samples < MIN_LEAD_SAMPLES:
        return LeadTimes(samples=row.samples)
    return LeadTimes(int(row.whole_s), int(row.planned_s), int(row.filled_s), row.samples)


def pull_of(row: Row) -> Pull:
    """Make the value the rules work on from a row of `pulls`."""
    return Pull(
        pull_id=row.pull_id,
        state=State(row.state),
        wanted=row.qty_wanted,
        planned=row.qty_planned,
        filled=row.qty_filled,
        put=row.qty_put,
        end_reason=row.end_reason,
    )


async def lock_pulls(tx: Tx, *, store_id: int, pull_ids: Sequence[int]) -> dict[int, Pull]:
    """Lock these pulls, in the order of their ids, and return them."""
    rows = await tx.rows(LOCK, store_id=store_id, pull_ids=sorted(set(pull_ids)))
    return {row.pull_id: pull_of(row) for row in rows}


async def save_pulls(tx: Tx, *, store_id: int, pulls: Sequence[Pull], now: datetime, last: bool) -> None:
    """Write how far these pulls have come; the caller holds their locks.

    Args:
        tx: The transaction that locked them.
        store_id: The store.
        pulls: As they now stand, each once.
        now: When they came so far.
        last: Nothing reads them again in this transaction, so they can be written just before its commit.
    """
    rows = [
        {
            "store_id": store_id,
            "pull_id": p.pull_id,
            "state": p.state,
            "wanted": p.wanted,
            "planned": p.planned,
            "filled": p.filled,
            "put": p.put,
            "ended": p.state in ENDED,
            "end_reason": p.end_reason,
            "at": now.isoformat(),
        }
        for p in pulls
    ]
    if not last:
        await tx.run(SAVE, pulls=json.dumps(rows))
        return
    for row in rows:
        tx.write_last(SAVE_LAST, row)


async def reprice(tx: Tx, *, store_id: int, prices: Sequence[Mapping[str, object]]) -> int:
    """Write urgency, due time and explanation of these open pulls of the watch, whose locks the caller holds.

    Returns:
        How many were changed; one that ended, or that a person's ask took over, is left alone.
    """
    return await tx.run(REPRICE, store_id=store_id, pulls=json.dumps(prices))
