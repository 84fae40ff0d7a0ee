"""The one statement that moves units: ledger, balances, trigger flags and discrepancies, in one round trip."""

from collections.abc import Sequence

from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.stock.rules import Leg

# Rows are locked in the order (sku, location), the same in every transaction, so that crossing moves wait for each
# other instead of dying of each other.
MOVE = sql("""
WITH act AS (
    SELECT CAST(:store_id AS integer) AS store_id, CAST(:day AS date) AS day, CAST(:now AS timestamptz) AS now,
           CAST(:principal_id AS bigint) AS principal_id
),
legs AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:skus AS text[]), CAST(:qtys AS integer[]), CAST(:srcs AS text[]), CAST(:dsts AS text[]),
        CAST(:causes AS text[]), CAST(:cause_ids AS text[]), CAST(:reasons AS text[]),
        CAST(:occurred AS timestamptz[])
    ) WITH ORDINALITY AS leg(sku, qty, src, dst, cause, cause_id, reason, occurred_at, n)
),
sides AS (
    SELECT n, sku, src AS location, -qty AS delta, cause, cause_id, occurred_at FROM legs WHERE src NOT LIKE '@%'
    UNION ALL
    SELECT n, sku, dst, qty, cause, cause_id, occurred_at FROM legs WHERE dst NOT LIKE '@%'
),
placed AS MATERIALIZED (
    SELECT s.*, l.kind
    FROM sides s JOIN locations l ON l.store_id = :store_id AND l.location = s.location AND l.kind <> 'lane'
),
held AS MATERIALIZED (
    SELECT sku, location, qty, counted_at FROM balances
    WHERE store_id = :store_id AND (sku, location) IN (SELECT sku, location FROM placed)
    ORDER BY sku, location FOR NO KEY UPDATE
),
-- A fact from before the last count is in that count already: it is written down, and taken back at once. Not so what a
-- count itself corrects, as the book that it was compared with had all counts before it.
-- The join is FULL although all that is held is placed: only so can no plan walk through all of the one for each of the
-- other, which a plan made for few legs would do, and a batch of a thousand then takes four times as long.
judged AS (
    SELECT p.*, h.qty AS held_qty, coalesce(p.cause <> 'count' AND p.occurred_at <= h.counted_at, false) AS absorbed
    FROM placed p FULL JOIN held h USING (sku, location)
),
net AS (
    SELECT sku, location, kind, held_qty,
           CAST(coalesce(sum(delta) FILTER (WHERE NOT absorbed), 0) AS integer) AS delta,
           min(cause_id) AS cause_id, max(occurred_at) AS occurred_at
    FROM judged GROUP BY sku, location, kind, held_qty
),
-- Somebody took from a bin or tub what its book did not have: the units were there, so the book was wrong.
settled AS MATERIALIZED (
    SELECT net.*, CASE WHEN kind IN ('backroom', 'tub')
                       THEN greatest(0, -(coalesce(held_qty, 0) + delta)) ELSE 0 END AS found
    FROM net
),
written AS (
    INSERT INTO movements (store_id, day, sku, qty, from_location, to_location, cause, cause_id, reason,
                           principal_id, occurred_at, recorded_at)
    SELECT act.store_id, act.day, sku, qty, src, dst, cause, cause_id, reason, act.principal_id, occurred_at, act.now
    FROM legs, act
    UNION ALL
    SELECT act.store_id, act.day, sku, abs(delta), CASE WHEN delta < 0 THEN '@adjusted' ELSE location END,
           CASE WHEN delta < 0 THEN location ELSE '@adjusted' END, 'absorbed', cause_id, NULL, act.principal_id,
           occurred_at, act.now
    FROM judged, act WHERE absorbed
    UNION ALL
    SELECT act.store_id, act.day, sku, found, '@adjusted', location, 'found', cause_id, NULL, act.principal_id,
           occurred_at, act.now
    FROM settled, act WHERE found > 0
),
updated AS (
    UPDATE balances b
    SET qty = b.qty + s.delta + s.found, updated_at = :now,
        flagged_at = CASE WHEN b.qty + s.delta <= b.trigger_qty THEN coalesce(b.flagged_at, :now)
                          ELSE b.flagged_at END
    FROM settled s
    WHERE b.store_id = :store_id AND b.sku = s.sku AND b.location = s.location AND s.held_qty IS NOT NULL
    RETURNING b.sku, b.location, b.kind, b.qty, s.delta, s.cause_id
),
inserted AS (
    INSERT INTO balances AS b (store_id, sku, location, kind, qty, updated_at)
    SELECT :store_id, sku, location, kind, delta + found, :now
    FROM settled WHERE held_qty IS NULL ORDER BY sku, location
    ON CONFLICT (store_id, sku, location) DO UPDATE
    SET qty = b.qty + excluded.qty, updated_at = excluded.updated_at,
        flagged_at = CASE WHEN b.qty + excluded.qty <= b.trigger_qty THEN coalesce(b.flagged_at, :now)
                          ELSE b.flagged_at END
    RETURNING b.sku, b.location, b.kind, b.qty, b.qty AS delta, NULL AS cause_id, b.counted_at
),
after_it AS (
    SELECT * FROM updated UNION ALL SELECT sku, location, kind, qty, delta, cause_id FROM inserted
),
opened AS (
    INSERT INTO discrepancies AS d (store_id, kind, sku, location, qty, state, cause, cause_id, opened_at)
    SELECT act.store_id, 'found', sku, location, found, 'open', 'move', cause_id, act.now
    FROM settled, act WHERE found > 0
    UNION ALL
    SELECT act.store_id, 'oversold', sku, location, -qty, 'open', 'move', coalesce(cause_id, ''), act.now
    FROM after_it, act WHERE kind = 'shelf' AND qty < 0
    ON CONFLICT (store_id, sku, location, kind) WHERE state = 'open'
    DO UPDATE SET qty = CASE WHEN d.kind = 'found' THEN d.qty + excluded.qty ELSE excluded.qty END,
                  times = d.times + 1
),
-- LATERAL, so that each balance looks its discrepancy up: a plan made while there were none would scan all of them.
relieved AS MATERIALIZED (
    SELECT open.discrepancy_id
    FROM after_it a CROSS JOIN LATERAL (
        SELECT d.discrepancy_id FROM discrepancies d
        WHERE d.store_id = :store_id AND d.sku = a.sku AND d.location = a.location AND d.kind = 'oversold'
          AND d.state = 'open' LIMIT 1) open
    WHERE a.qty >= 0 AND a.delta > 0
),
covered AS (
    UPDATE discrepancies d SET state = 'closed', closed_at = :now, resolution = 'covered'
    FROM relieved WHERE d.store_id = :store_id AND d.discrepancy_id = relieved.discrepancy_id AND d.state = 'open'
)
SELECT (SELECT array_agg(DISTINCT location) FROM sides
        WHERE location NOT IN (SELECT location FROM placed)) AS unknown,
       -- A count made the row at this very moment, so what it absorbs was not seen.
       EXISTS (SELECT 1 FROM inserted WHERE counted_at IS NOT NULL) AS overtaken,
       coalesce((SELECT jsonb_agg(jsonb_build_object('sku', sku, 'location', location, 'qty', qty)
                                  ORDER BY sku, location) FROM after_it), '[]') AS balances
""")


async def write_movements(tx: Tx, stamp: Stamp, legs: Sequence[Leg]) -> Row:
    """Write the legs and their effect on the balances; return unknown locations and the balances touched."""
    occurred_at = stamp.occurred_at
    return await tx.one(
        MOVE,
        store_id=stamp.store_id,
        day=stamp.now.date(),
        now=stamp.now,
        principal_id=stamp.principal_id,
        skus=[leg.sku for leg in legs],
        qtys=[leg.qty for leg in legs],
        srcs=[leg.src for leg in legs],
        dsts=[leg.dst for leg in legs],
        causes=[leg.cause.value for leg in legs],
        cause_ids=[leg.cause_id for leg in legs],
        reasons=[leg.reason for leg in legs],
        occurred=[leg.occurred_at or occurred_at for leg in legs],
    )
