"""What claims look at and write: open pulls with their bins, and the task that is made of them."""

import json
from datetime import timedelta

from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.tubs.picking import Bin, Candidate, Plan
from pullsvc.tubs.queries import TASK_SHOWN
from pullsvc.tubs.rules import MAX_LIVE_TASKS_A_WORKER

# Free units of an item in the backroom, bin by bin: what the book says less what other tasks are on their way to pick.
_BINS = """
    SELECT jsonb_agg(jsonb_build_array(b.location, l.zone, l.walk_seq, b.qty - coalesce(r.qty, 0)) ORDER BY b.location)
    FROM balances b
    JOIN locations l USING (store_id, location)
    LEFT JOIN LATERAL (
        SELECT sum(t.qty_planned - t.qty_picked) AS qty FROM task_lines t
        WHERE t.store_id = b.store_id AND t.sku = b.sku AND t.from_location = b.location
          AND t.state IN ('planned', 'skipped')) r ON true
    WHERE b.store_id = :store_id AND b.sku = {sku} AND b.kind = 'backroom' AND b.qty > coalesce(r.qty, 0)
      AND (CAST(:zones AS text[]) IS NULL OR l.zone = ANY(CAST(:zones AS text[])))
"""
_CANDIDATES = f"""
SELECT p.pull_id, p.sku, p.shelf, p.urgency, p.state, p.qty_wanted, p.qty_planned, p.qty_filled, p.qty_put,
       p.end_reason, i.volume_ml, i.weight_g, free.bins
FROM pulls p
JOIN items i USING (store_id, sku)
CROSS JOIN LATERAL (SELECT ({_BINS.format(sku="p.sku")}) AS bins) free
WHERE p.store_id = :store_id AND p.state = 'open' AND free.bins IS NOT NULL
"""
MAX_CANDIDATES = 60
_IN_CLAIM_ORDER = "ORDER BY p.urgency DESC, p.due_at, p.pull_id"
_CHOSEN = "AND p.pull_id = ANY(CAST(:pull_ids AS bigint[]))"
CANDIDATES = sql(f"{_CANDIDATES} {_IN_CLAIM_ORDER} LIMIT :limit")
# A worker's claims come one after the other: nobody gets more tasks than one may hold, and a repeat finds its answer.
# The wait is in the first look, as what it saw is only a guess: every later statement sees what is true after it.
CANDIDATES_FOR_ONE = sql(f"""
WITH alone AS MATERIALIZED (
    SELECT 1 AS claim FROM pg_advisory_xact_lock(
        hashtextextended('claim ' || CAST(:store_id AS integer) || ' ' || CAST(:principal_id AS bigint), 0))
)
SELECT candidate.* FROM alone, ({_CANDIDATES} {_IN_CLAIM_ORDER} LIMIT :limit) AS candidate
""")
# Takes hold of pulls that nobody else is taking, and of the places of their items: two pulls may want the same units.
# What is free there has to be read anew after this, as others may have planned it while this one waited for a place.
_HOLD = f"""
WITH held AS MATERIALIZED ({_CANDIDATES} {{which}} FOR NO KEY UPDATE OF p SKIP LOCKED),
places AS MATERIALIZED (
    SELECT 1 FROM balances
    WHERE store_id = :store_id AND sku IN (SELECT sku FROM held) AND kind = 'backroom' AND qty > 0
    ORDER BY sku, location FOR NO KEY UPDATE
)
SELECT pull_id FROM held, (SELECT count(*) FROM places) AS all_places
"""
HOLD_CHOSEN = sql(_HOLD.format(which=f"{_CHOSEN} {_IN_CLAIM_ORDER}"))
# Under contention: a few that nobody else is taking, so that fifty handhelds never queue for one row.
HOLD_FREE = sql(_HOLD.format(which=f"{_IN_CLAIM_ORDER} LIMIT :limit"))
HELD_CANDIDATES = sql(f"{_CANDIDATES} {_CHOSEN} {_IN_CLAIM_ORDER}")
INSERT_TASK = sql(f"""
WITH tub AS MATERIALIZED (
    SELECT tub FROM tubs WHERE store_id = :store_id AND tub = :tub AND state = 'idle' AND active
    FOR NO KEY UPDATE SKIP LOCKED
),
task AS (
    INSERT INTO tasks (store_id, state, tub, fence, claimed_by, claimed_at, lease_until, estimated_s, line_count)
    SELECT :store_id, CASE WHEN tub.tub IS NULL THEN 'claimed' ELSE 'filling' END, tub.tub, 1, :principal_id, :now,
           :lease_until, :estimated_s, :line_count
    FROM (SELECT 1) one LEFT JOIN tub ON true
    WHERE (CAST(:tub AS text) IS NULL OR tub.tub IS NOT NULL)
      AND :allowed > (SELECT count(*) FROM tasks WHERE store_id = :store_id AND ended_at IS NULL
                      AND claimed_by = :principal_id AND state IN ('claimed', 'filling'))
    RETURNING *
),
lines AS (
    INSERT INTO task_lines (store_id, task_id, line_no, pull_id, sku, from_location, shelf, pick_seq, state,
                            qty_planned)
    SELECT :store_id, task.task_id, l.line_no, l.pull_id, l.sku, l.location, l.shelf, l.line_no, 'planned', l.qty
    FROM task, jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(
        line_no integer, pull_id bigint, sku text, location text, shelf text, qty integer)
    RETURNING *
),
bound AS (
    UPDATE tubs SET state = 'filling', task_id = task.task_id, updated_at = :now
    FROM task WHERE tubs.store_id = :store_id AND tubs.tub = task.tub
)
{TASK_SHOWN.format(tasks="task", lines="lines")}
""")
HELD_TASKS = sql("""
SELECT count(*) AS tasks FROM tasks
WHERE store_id = :store_id AND ended_at IS NULL AND claimed_by = :principal_id AND state IN ('claimed', 'filling')
""")
BINS_OF_ITEM = sql(f"SELECT ({_BINS.format(sku=':sku')}) AS bins")


def candidate_of(row: Row) -> Candidate:
    """Make the planner's value from a row of an open pull."""
    return Candidate(
        pull_id=row.pull_id,
        sku=row.sku,
        shelf=row.shelf,
        urgency=row.urgency,
        qty=row.qty_wanted - row.qty_planned - row.qty_filled - row.qty_put,
        volume_ml=row.volume_ml,
        weight_g=row.weight_g,
        bins=tuple(Bin(*b) for b in row.bins or ()),
    )


async def insert_task(tx: Tx, stamp: Stamp, *, plan: Plan, tub: str | None, lease: timedelta) -> Row | None:
    """Write the claimed task with its lines, bind its tub, and return it as it is shown.

    None: the tub is taken, or the worker holds too many.
    """
    lines = [
        {"line_no": n, "pull_id": x.pull_id, "sku": x.sku, "location": x.location, "shelf": x.shelf, "qty": x.qty}
        for n, x in enumerate(plan.lines, start=1)
    ]
    return await tx.row(
        INSERT_TASK,
        store_id=stamp.store_id,
        principal_id=stamp.principal_id,
        now=stamp.now,
        lease_until=stamp.now + lease,
        tub=tub,
        estimated_s=plan.estimated_s,
        line_count=len(lines),
        allowed=MAX_LIVE_TASKS_A_WORKER,
        lines=json.dumps(lines),
    )
