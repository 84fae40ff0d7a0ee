"""Tasks, lines and tubs in the database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pullsvc.catalog.rules import sku_forms
from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.tubs.rules import Line, LineState, ShortReason, Task, TaskState

LOCK_PLACES = sql("""
SELECT location FROM balances WHERE store_id = :store_id AND sku = :sku AND kind = 'backroom'
ORDER BY location FOR NO KEY UPDATE
""")
# A task as it is shown, with its lines in walk order; from the tables, or from rows just being written.
TASK_SHOWN = """
SELECT t.*, p.name AS worker, (
    SELECT jsonb_agg(jsonb_build_object(
        'line_no', l.line_no, 'pull_id', l.pull_id, 'sku', l.sku, 'description', i.description,
        'department', i.department, 'attributes', i.attributes, 'case_pack', i.case_pack,
        'from_location', l.from_location, 'shelf', l.shelf, 'state', l.state, 'short_reason', l.short_reason,
        'urgency', q.urgency, 'qty_planned', l.qty_planned, 'qty_picked', l.qty_picked, 'qty_put', l.qty_put,
        'qty_returned', l.qty_returned, 'qty_damaged', l.qty_damaged, 'qty_missing', l.qty_missing)
        ORDER BY l.pick_seq, l.line_no)
    FROM {lines} l
    JOIN items i ON i.store_id = l.store_id AND i.sku = l.sku
    JOIN pulls q ON q.store_id = l.store_id AND q.pull_id = l.pull_id
    WHERE l.store_id = t.store_id AND l.task_id = t.task_id) AS lines
FROM {tasks} t JOIN principals p ON p.principal_id = t.claimed_by
"""
# The task and its lines are locked together, so that the lines are those of now, not of before a wait for the lock.
# Only a line that was added during the wait is not among them: the task's own `line_count` tells.
TASK_FOR_ACT = sql("""
SELECT t.task_id, t.state AS task_state, t.fence, t.tub, t.claimed_by, t.lease_until, t.qty_picked AS task_picked,
       t.line_count,
       l.line_no, l.pull_id, l.sku, l.from_location, l.shelf, l.pick_seq, l.state, l.short_reason, l.qty_planned,
       l.qty_picked, l.qty_put, l.qty_returned, l.qty_damaged, l.qty_missing,
       coalesce(b.sku, i.sku) AS scanned_sku, coalesce(b.pack_qty, 1) AS scanned_pack
FROM tasks t
JOIN task_lines l USING (store_id, task_id)
LEFT JOIN barcodes b ON b.store_id = t.store_id AND b.code = :code
LEFT JOIN LATERAL (
    SELECT sku FROM items WHERE store_id = t.store_id AND sku = ANY(CAST(:forms AS text[]))
    ORDER BY length(sku) DESC LIMIT 1) i ON true
WHERE t.store_id = :store_id AND t.task_id = :task_id
ORDER BY l.line_no FOR NO KEY UPDATE OF t, l
""")
# The fence is compared where the work is written: a stale holder changes nothing, whatever it read before.
PICK = sql("""
WITH line AS (
    UPDATE task_lines
    SET qty_picked = qty_picked + :qty, picked_at = :now,
        state = CASE WHEN qty_picked + :qty = qty_planned THEN 'picked'
                     WHEN state = 'picked' THEN 'planned' ELSE state END
    WHERE store_id = :store_id AND task_id = :task_id AND line_no = :line_no
    RETURNING state, qty_picked
)
UPDATE tasks t
SET state = 'filling', qty_picked = t.qty_picked + :qty, lease_until = :lease_until
FROM line
WHERE t.store_id = :store_id AND t.task_id = :task_id AND t.fence = :fence
RETURNING t.lease_until, line.state, line.qty_picked
""")
WRITE_LINES = sql("""
UPDATE task_lines t
SET state = l.state, short_reason = l.short_reason, qty_put = l.put, qty_returned = l.returned, qty_picked = l.picked,
    qty_damaged = l.damaged, qty_missing = l.missing, pick_seq = l.pick_seq,
    short_at = CASE WHEN l.state = 'short' THEN coalesce(t.short_at, :now) END,
    settled_at = CASE WHEN l.state = 'settled' THEN coalesce(t.settled_at, :now) END
FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(line_no integer, state text, short_reason text, picked integer,
    put integer, returned integer, damaged integer, missing integer, pick_seq integer)
WHERE t.store_id = :store_id AND t.task_id = :task_id AND t.line_no = l.line_no
""")
ADD_LINES = sql("""
WITH added AS (
    INSERT INTO task_lines (store_id, task_id, line_no, pull_id, sku, from_location, shelf, pick_seq, state,
                            qty_planned)
    SELECT :store_id, :task_id, l.line_no, l.pull_id, l.sku, l.location, l.shelf, l.pick_seq, 'planned', l.qty
    FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l(
        line_no integer, pull_id bigint, sku text, location text, shelf text, pick_seq integer, qty integer)
    RETURNING line_no
)
UPDATE tasks SET line_count = (SELECT max(line_no) FROM added) WHERE store_id = :store_id AND task_id = :task_id
""")
WRITE_TASK = sql("""
UPDATE tasks
SET state = :state, tub = :tub, lane = coalesce(:lane, lane), fence = :new_fence, claimed_by = :claimed_by,
    lease_until = :lease_until, qty_picked = :qty_picked, qty_settled = :qty_settled,
    staged_at = CASE WHEN :state = 'staged' THEN coalesce(staged_at, :now) ELSE staged_at END,
    delivered_at = CASE WHEN :state = 'on_floor' THEN coalesce(delivered_at, :now) ELSE delivered_at END,
    ended_at = CASE WHEN :ended THEN CAST(:now AS timestamptz) END
WHERE store_id = :store_id AND task_id = :task_id AND fence = :fence
""")
TAKE_TUB = sql("""
UPDATE tubs SET state = 'filling', task_id = :task_id, updated_at = :now
WHERE store_id = :store_id AND tub = :tub AND state = 'idle' AND active RETURNING tub
""")
MOVE_TUB = sql("""
UPDATE tubs SET state = :state, lane = :lane, task_id = :task_id, updated_at = :now
WHERE store_id = :store_id AND tub = :tub
""")
TUB = sql("""
SELECT tub, state, task_id, lane, volume_ml, weight_g, active, version, updated_at FROM tubs
WHERE store_id = :store_id AND tub = :tub
""")
TUB_FOR_EDIT = sql("SELECT tub, version, state FROM tubs WHERE store_id = :store_id AND tub = :tub FOR NO KEY UPDATE")
TUBS = sql("""
SELECT tub, state, task_id, lane, volume_ml, weight_g, active, version, updated_at FROM tubs
WHERE store_id = :store_id AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:after AS text) IS NULL OR tub > :after)
ORDER BY tub LIMIT :limit
""")
SAVE_TUB = sql("""
INSERT INTO tubs AS t (store_id, tub, state, volume_ml, weight_g, active, updated_at)
VALUES (:store_id, :tub, 'idle', :volume_ml, :weight_g, :active, :now)
ON CONFLICT (store_id, tub) DO UPDATE SET volume_ml = excluded.volume_ml, weight_g = excluded.weight_g,
    active = excluded.active, version = t.version + 1, updated_at = excluded.updated_at
RETURNING tub, state, task_id, lane, volume_ml, weight_g, active, version, updated_at
""")
_SHOWN = TASK_SHOWN.format(tasks="tasks", lines="task_lines")
TASK = sql(f"{_SHOWN} WHERE t.store_id = :store_id AND t.task_id = :task_id")
TASKS = sql(f"""
{_SHOWN}
WHERE t.store_id = :store_id
  AND (CAST(:live AS boolean) IS NULL OR (t.ended_at IS NULL) = :live)
  AND (CAST(:state AS text) IS NULL OR t.state = :state)
  AND (CAST(:claimed_by AS bigint) IS NULL OR t.claimed_by = :claimed_by)
  AND (CAST(:before_id AS bigint) IS NULL OR t.task_id < :before_id)
ORDER BY t.task_id DESC LIMIT :limit
""")
BOOK = sql("SELECT qty FROM balances WHERE store_id = :store_id AND sku = :sku AND location = :location")
# Who last wrote units into the place: a wrong record is booked to the record, not to the one who found it wrong.
LAST_WRITE = sql("""
SELECT movement_id, cause, principal_id FROM movements
WHERE store_id = :store_id AND sku = :sku AND to_location = :location
ORDER BY occurred_at DESC, movement_id DESC LIMIT 1
""")
# What the short of a line moved out of its place and has not been taken back.
SHORT_MOVES = sql("""
SELECT CASE WHEN from_location = :location THEN to_location ELSE from_location END AS outside,
       CAST(sum(CASE WHEN from_location = :location THEN qty ELSE -qty END) AS integer) AS qty
FROM movements
WHERE store_id = :store_id AND sku = :sku AND cause IN ('adjust', 'damage') AND cause_id = :cause_id
GROUP BY 1 HAVING sum(CASE WHEN from_location = :location THEN qty ELSE -qty END) > 0
""")
EXPIRED = sql("""
SELECT task_id FROM tasks
WHERE store_id = :store_id AND ended_at IS NULL AND lease_until < :now AND state IN ('claimed', 'filling')
ORDER BY lease_until LIMIT :limit
""")
PRINCIPAL_IN_STORE = sql("""
SELECT 1 FROM principals p WHERE principal_id = :principal_id AND active AND (chain_role = 'admin' OR EXISTS (
    SELECT 1 FROM grants g WHERE g.principal_id = p.principal_id AND g.store_id = :store_id
    AND g.role IN ('backroom', 'lead', 'manager', 'admin')))
""")


async def task_for_act(
    tx: Tx, *, store_id: int, task_id: int, code: str | None = None
) -> tuple[Task, str | None, int] | None:
    """Lock a task with its lines; also tell which item `code` is and how many eaches one scan of it stands for."""
    forms = sku_forms(code) if code else []
    rows = await tx.rows(TASK_FOR_ACT, store_id=store_id, task_id=task_id, code=code, forms=forms)
    if rows and len(rows) < rows[0].line_count:
        rows = await tx.rows(TASK_FOR_ACT, store_id=store_id, task_id=task_id, code=code, forms=forms)
    if not rows:
        return None
    head = rows[0]
    task = Task(
        task_id=head.task_id,
        state=TaskState(head.task_state),
        fence=head.fence,
        tub=head.tub,
        claimed_by=head.claimed_by,
        lease_until=head.lease_until,
        qty_picked=head.task_picked,
        lines=tuple(_line_of(row) for row in rows),
    )
    return task, head.scanned_sku, head.scanned_pack


def _line_of(row: Row) -> Line:
    return Line(
        line_no=row.line_no,
        pull_id=row.pull_id,
        sku=row.sku,
        location=row.from_location,
        shelf=row.shelf,
        pick_seq=row.pick_seq,
        state=LineState(row.state),
        short_reason=ShortReason(row.short_reason) if row.short_reason else None,
        planned=row.qty_planned,
        picked=row.qty_picked,
        put=row.qty_put,
        returned=row.qty_returned,
        damaged=row.qty_damaged,
        missing=row.qty_missing,
    )


async def write_lines(tx: Tx, stamp: Stamp, *, task_id: int, lines: Iterable[Line]) -> None:
    """Write these lines as they now stand; the caller holds their locks."""
    rows = [
        {
            "line_no": x.line_no,
            "state": x.state,
            "short_reason": x.short_reason,
            "picked": x.picked,
            "put": x.put,
            "returned": x.returned,
            "damaged": x.damaged,
            "missing": x.missing,
            "pick_seq": x.pick_seq,
        }
        for x in lines
    ]
    if rows:
        await tx.run(WRITE_LINES, store_id=stamp.store_id, task_id=task_id, now=stamp.now, lines=json.dumps(rows))


async def add_lines(tx: Tx, *, store_id: int, task_id: int, lines: Sequence[Mapping[str, object]]) -> None:
    """Add stops to a task."""
    if lines:
        await tx.run(ADD_LINES, store_id=store_id, task_id=task_id, lines=json.dumps(list(lines)))


async def write_task(
    tx: Tx,
    stamp: Stamp,
    *,
    task: Task,
    fence: int,
    lease_until: datetime,
    lane: str | None = None,
) -> bool:
    """Write the task as it now stands, if `fence` still is its fence; False: it is not."""
    return bool(
        await tx.run(
            WRITE_TASK,
            store_id=stamp.store_id,
            task_id=task.task_id,
            state=task.state,
            tub=task.tub,
            lane=lane,
            fence=fence,
            new_fence=task.fence,
            claimed_by=task.claimed_by,
            lease_until=lease_until,
            qty_picked=task.qty_picked,
            qty_settled=sum(x.picked - x.unsettled for x in task.lines),
            ended=task.state in ("closed", "released", "cancelled"),
            now=stamp.now,
        )
    )


async def move_tub(tx: Tx, stamp: Stamp, *, tub: str, state: str, task_id: int | None, lane: str | None = None) -> None:
    """Write where a tub is; the caller holds the lock of its task."""
    await tx.run(MOVE_TUB, store_id=stamp.store_id, tub=tub, state=state, task_id=task_id, lane=lane, now=stamp.now)
