"""The one statement that moves units: ledger, balances, trigger flags and discrepancies, in one round trip."""

from collections.abc import Sequence

from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.stock.rules import Leg

# The legs may be of many stores and many acts, so each carries its own store and signature.
# All ids lie in the range that is asked for, but the planner thinks that few do: so it looks places and balances up by
# their keys, and does not read through those of all stores, whatever it takes the number of legs for.
# Rows are locked in the order (store, sku, location), the same in every transaction, so that crossing moves wait for
# each other instead of dying of each other.
MOVE = sql("""
WITH legs AS MATERIALIZED (
    SELECT *, CAST(now AT TIME ZONE 'UTC' AS date) AS day FROM unnest(
        CAST(:stores AS integer[]), CAST(:principals AS bigint[]), CAST(:nows AS timestamptz[]), CAST(:skus AS text[]),
        CAST(:qtys AS integer[]), CAST(:srcs AS text[]), CAST(:dsts AS text[]), CAST(:causes AS text[]),
        CAST(:cause_ids AS text[]), CAST(:reasons AS text[]), CAST(:occurred AS timestamptz[])
    ) AS leg(store_id, principal_id, now, sku, qty, src, dst, cause, cause_id, reason, occurred_at)
    WHERE store_id BETWEEN 1 AND 2147483647
),
sides AS (
    SELECT *, src AS location, -qty AS delta FROM legs WHERE src NOT LIKE '@%'
    UNION ALL
    SELECT *, dst, qty FROM legs WHERE dst NOT LIKE '@%'
),
placed AS MATERIALIZED (
    SELECT s.*, l.kind FROM sides s JOIN locations l USING (store_id, location)
    -- Nobody picks out of a tub: what is in it is on its way.
    WHERE l.kind <> 'lane' AND NOT (l.kind = 'tub' AND s.cause = 'pick' AND s.delta < 0)
),
held AS MATERIALIZED (
    SELECT store_id, sku, location, qty AS held_qty, counted_at FROM balances
    WHERE (store_id, sku, location) IN (SELECT store_id, sku, location FROM placed)
    ORDER BY store_id, sku, location FOR NO KEY UPDATE
),
-- A fact from before the last count is in that count already: it is written down, and taken back at once. Not so what a
-- count itself corrects, as the book that it was compared with had all counts before it.
-- The join is FULL although all that is held is placed: only so can no plan walk through all of the one for each of the
-- other, which a plan made for few legs would do, and a batch of a thousand then takes four times as long.
judged AS (
    SELECT *, coalesce(cause <> 'count' AND occurred_at <= counted_at, false) AS absorbed
    FROM placed FULL JOIN held USING (store_id, sku, location)
),
net AS (
    SELECT store_id, sku, location, kind, held_qty,
           CAST(coalesce(sum(delta) FILTER (WHERE NOT absorbed), 0) AS integer) AS delta,
           min(cause_id) AS cause_id, min(principal_id) AS principal_id, max(occurred_at) AS occurred_at,
           max(now) AS now, max(day) AS day
    FROM judged GROUP BY store_id, sku, location, kind, held_qty
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
    SELECT store_id, day, sku, qty, src, dst, cause, cause_id, reason, principal_id, occurred_at, now FROM legs
    UNION ALL
    SELECT store_id, day, sku, qty, CASE WHEN delta < 0 THEN '@adjusted' ELSE location END,
           CASE WHEN delta < 0 THEN location ELSE '@adjusted' END, 'absorbed', cause_id, NULL, principal_id,
           occurred_at, now
    FROM judged WHERE absorbed
    UNION ALL
    SELECT store_id, day, sku, found, '@adjusted', location, 'found', cause_id, NULL, principal_id, occurred_at, now
    FROM settled WHERE found > 0
),
updated AS (
    UPDATE balances b
    SET qty = b.qty + s.delta + s.found, updated_at = s.now,
        flagged_at = CASE WHEN b.qty + s.delta <= b.trigger_qty THEN coalesce(b.flagged_at, s.now)
                          ELSE b.flagged_at END
    FROM settled s
    WHERE b.store_id = s.store_id AND b.sku = s.sku AND b.location = s.location AND s.held_qty IS NOT NULL
    RETURNING b.store_id, b.sku, b.location, b.kind, b.qty, s.delta, s.cause_id, s.now
),
inserted AS (
    INSERT INTO balances AS b (store_id, sku, location, kind, qty, updated_at)
    SELECT store_id, sku, location, kind, delta + found, now
    FROM settled WHERE held_qty IS NULL ORDER BY store_id, sku, location
    ON CONFLICT (store_id, sku, location) DO UPDATE
    SET qty = b.qty + excluded.qty, updated_at = excluded.updated_at,
        flagged_at = CASE WHEN b.qty + excluded.qty <= b.trigger_qty THEN coalesce(b.flagged_at, excluded.updated_at)
                          ELSE b.flagged_at END
    RETURNING b.store_id, b.sku, b.location, b.kind, b.qty, b.qty AS delta, '' AS cause_id, b.updated_at AS now,
              b.counted_at
),
after_it AS (
    SELECT *, NULL AS problem FROM updated
    UNION ALL
    -- A count made the row at this very moment, so what it absorbs was not seen.
    SELECT store_id, sku, location, kind, qty, delta, cause_id, now,
           CASE WHEN counted_at IS NOT NULL THEN 'overtaken' END
    FROM inserted
),
opened AS (
    INSERT INTO discrepancies AS d (store_id, kind, sku, location, qty, state, cause, cause_id, opened_at)
    SELECT store_id, 'found', sku, location, found, 'open', 'move', cause_id, now FROM settled WHERE found > 0
    UNION ALL
    SELECT store_id, 'oversold', sku, location, -qty, 'open', 'move', cause_id, now
    FROM after_it WHERE kind = 'shelf' AND qty < 0
    ON CONFLICT (store_id, sku, location, kind) WHERE state = 'open'
    DO UPDATE SET qty = CASE WHEN d.kind = 'found' THEN d.qty + excluded.qty ELSE excluded.qty END,
                  times = d.times + 1
),
-- LATERAL, so that each balance looks its discrepancy up: a plan made while there were none would scan all of them.
relieved AS MATERIALIZED (
    SELECT a.store_id, open.discrepancy_id, a.now
    FROM after_it a CROSS JOIN LATERAL (
        SELECT d.discrepancy_id FROM discrepancies d
        WHERE d.store_id = a.store_id AND d.sku = a.sku AND d.location = a.location AND d.kind = 'oversold'
          AND d.state = 'open' LIMIT 1) open
    WHERE a.qty >= 0 AND a.delta > 0
),
covered AS (
    UPDATE discrepancies d SET state = 'closed', closed_at = r.now, resolution = 'covered'
    FROM relieved r WHERE d.store_id = r.store_id AND d.discrepancy_id = r.discrepancy_id AND d.state = 'open'
)
SELECT store_id, sku, location, kind, qty, problem FROM after_it
UNION ALL
SELECT store_id, sku, location, NULL, NULL, 'unknown' FROM sides
WHERE (store_id, location) NOT IN (SELECT store_id, location FROM placed)
ORDER BY store_id, sku, location
""")


async def write_movements(tx: Tx, moves: Sequence[tuple[Stamp, Leg]]) -> list[Row]:
    """Write the legs and their effect on the balances; return the balances touched, by store, sku and location.

    A row whose `problem` is set means that none of it may stay: `unknown`, the store has no such place; `overtaken`,
    a count made the first book of the place at the same moment.
    """
    return await tx.rows(
        MOVE,
        stores=[stamp.store_id for stamp, _ in moves],
        principals=[stamp.principal_id for stamp, _ in moves],
        nows=[stamp.now for stamp, _ in moves],
        skus=[leg.sku for _, leg in moves],
        qtys=[leg.qty for _, leg in moves],
        srcs=[leg.src for _, leg in moves],
        dsts=[leg.dst for _, leg in moves],
        causes=[leg.cause.value for _, leg in moves],
        cause_ids=[leg.cause_id for _, leg in moves],
        reasons=[leg.reason for _, leg in moves],
        occurred=[leg.occurred_at or stamp.occurred_at for stamp, leg in moves],
    )
