"""Tasks, lines and tubs in the database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from pullsvc.catalog.rules import sku_forms
from pullsvc.db import Row, Trailing, Tx, json_text, sql
from pullsvc.tubs.rules import ENDED, TUB_STATE, Line, LineState, ShortReason, Task, TaskState, TubState

Key = tuple[int, int]  # (store_id, task_id)

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
# A planner that does not know how many rows it is given counts on ten of an array and a hundred of a JSON document, and
# would rather read a table of some pages through than look that many up. All ids lie in this range, but the planner
# thinks that few do, and looks each up by its key, as is right for one act and for a batch of them.
_FEW = "{of}.store_id BETWEEN 1 AND 2147483647"

# Who holds a task alone writes its lines, so they need no locks. But they are read as of the statement's begin: where
# it waited for a task that was changed, what was locked is not the version that was seen, and the lines are too old.
# What a task shows besides is looked up only where it will be: whoever answers with the task need not look again.
LOCK = sql(f"""
WITH held AS MATERIALIZED (
    SELECT t.store_id, t.task_id, t.state AS task_state, t.fence, t.tub, t.lane, t.claimed_by, t.claimed_at,
           t.lease_until, t.estimated_s, t.staged_at, t.delivered_at, t.ended_at, wanted.shown,
           t.xmin <> seen.xmin AS overtaken
    FROM unnest(CAST(:stores AS integer[]), CAST(:task_ids AS bigint[]), CAST(:shown AS boolean[]))
        AS wanted(store_id, task_id, shown)
    JOIN tasks t USING (store_id, task_id)
    JOIN tasks seen USING (store_id, task_id)
    WHERE {_FEW.format(of="wanted")}
    ORDER BY t.store_id, t.task_id FOR NO KEY UPDATE OF t
)
SELECT held.*, l.line_no, l.pull_id, l.sku, l.from_location, l.shelf, l.pick_seq, l.state, l.short_reason,
       l.qty_planned, l.qty_picked, l.qty_put, l.qty_returned, l.qty_damaged, l.qty_missing,
       CASE WHEN held.shown THEN (SELECT name FROM principals WHERE principal_id = held.claimed_by) END AS worker,
       i.description, i.department, i.attributes, i.case_pack,
       CASE WHEN held.shown THEN (
           SELECT urgency FROM pulls q WHERE q.store_id = l.store_id AND q.pull_id = l.pull_id) END AS urgency
FROM held JOIN task_lines l USING (store_id, task_id)
LEFT JOIN LATERAL (
    SELECT description, department, attributes, case_pack FROM items
    WHERE held.shown AND store_id = l.store_id AND sku = l.sku LIMIT 1) i ON true
ORDER BY held.store_id, held.task_id, l.line_no
""")
# Which item each scanned code is, and how many eaches one scan of it stands for.
SCANNED = sql(f"""
SELECT s.store_id, s.code, coalesce(b.sku, i.sku) AS sku, coalesce(b.pack_qty, 1) AS pack
FROM jsonb_to_recordset(CAST(:scans AS jsonb)) AS s(store_id integer, code text, forms text[])
LEFT JOIN LATERAL (
    SELECT sku, pack_qty FROM barcodes WHERE store_id = s.store_id AND code = s.code LIMIT 1
) b ON true
LEFT JOIN LATERAL (
    SELECT sku FROM items WHERE store_id = s.store_id AND sku = ANY(s.forms) ORDER BY length(sku) DESC LIMIT 1
) i ON true
WHERE {_FEW.format(of="s")} AND coalesce(b.sku, i.sku) IS NOT NULL
""")
LOCK_TUBS = sql(f"""
SELECT store_id, tub, state, task_id, active
FROM unnest(CAST(:stores AS integer[]), CAST(:tubs AS text[])) AS wanted(store_id, tub)
JOIN tubs USING (store_id, tub)
WHERE {_FEW.format(of="wanted")}
ORDER BY store_id, tub FOR NO KEY UPDATE OF tubs
""")
# What follows is written row by row as the rules left it.
_TASKS = f"""
    UPDATE tasks t
    SET state = g.state, tub = g.tub, lane = g.lane, fence = g.fence, claimed_by = g.claimed_by,
        lease_until = g.lease_until, qty_picked = g.picked, qty_settled = g.settled, staged_at = g.staged_at,
        delivered_at = g.delivered_at, ended_at = g.ended_at
    FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS g(
        store_id integer, task_id bigint, held_fence bigint, state text, tub text, lane text, fence bigint,
        claimed_by bigint, lease_until timestamptz, picked integer, settled integer, staged_at timestamptz,
        delivered_at timestamptz, ended_at timestamptz)
    WHERE {_FEW.format(of="g")} AND t.store_id = g.store_id AND t.task_id = g.task_id AND t.fence = g.held_fence
"""
_LINES = f"""
    UPDATE task_lines t
    SET state = g.state, short_reason = g.short_reason, pick_seq = g.pick_seq, qty_picked = g.picked, qty_put = g.put,
        qty_returned = g.returned, qty_damaged = g.damaged, qty_missing = g.missing,
        picked_at = CASE WHEN g.picked > t.qty_picked THEN g.at ELSE t.picked_at END,
        short_at = CASE WHEN g.state = 'short' THEN coalesce(t.short_at, g.at) END,
        settled_at = CASE WHEN g.state = 'settled' THEN coalesce(t.settled_at, g.at) END
    FROM jsonb_to_recordset(CAST(:task_lines AS jsonb)) AS g(
        store_id integer, task_id bigint, line_no integer, state text, short_reason text, pick_seq integer,
        picked integer, put integer, returned integer, damaged integer, missing integer, at timestamptz)
    WHERE {_FEW.format(of="g")} AND t.store_id = g.store_id AND t.task_id = g.task_id AND t.line_no = g.line_no
"""
_TUBS = f"""
    UPDATE tubs t SET state = g.state, lane = g.lane, task_id = g.task_id, updated_at = g.at
    FROM jsonb_to_recordset(CAST(:tubs AS jsonb)) AS g(
        store_id integer, tub text, state text, lane text, task_id bigint, at timestamptz)
    WHERE {_FEW.format(of="g")} AND t.store_id = g.store_id AND t.tub = g.tub
"""
# Who holds a task alone writes its lines and its tub, so all of it may be written last.
TASKS_LAST, LINES_LAST, TUBS_LAST = Trailing("tasks", _TASKS), Trailing("task_lines", _LINES), Trailing("tubs", _TUBS)
SAVE = sql(f"WITH written_lines AS ({_LINES}), written_tubs AS ({_TUBS}) {_TASKS}")
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
TUB = sql("""
SELECT tub, state, task_id, lane, volume_ml, weight_g, active, version, updated_at FROM tubs
WHERE store_id = :store_id AND tub = :tub
""")
TUB_FOR_EDIT = sql("SELECT tub, version, state FROM tubs WHERE store_id = :store_id AND tub = :tub FOR NO KEY UPDATE")
# What sizes there are, the most usual first.
TUB_KINDS = sql("""
SELECT volume_ml, weight_g, count(*) AS tubs FROM tubs WHERE store_id = :store_id AND active
GROUP BY volume_ml, weight_g ORDER BY tubs DESC, volume_ml, weight_g LIMIT :limit
""")
LAST_PLATE = sql("""
SELECT coalesce(max(CAST(substring(tub FROM '^TUB-([0-9]{1,9})$') AS integer)), 0) AS number FROM tubs
WHERE store_id = :store_id
""")
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
# Who had last written units into the place: a wrong record is booked to the record, not to the one who found it wrong.
LAST_WRITE = sql("""
SELECT movement_id, cause, principal_id FROM movements
WHERE store_id = :store_id AND sku = :sku AND to_location = :location AND occurred_at <= :at
ORDER BY occurred_at DESC, movement_id DESC LIMIT 1
""")
# What the short of a line moved out of its place and has not been taken back; as of when; and which units turned out to
# be there since all the same, unless a count knows better by now. Read under the lock of the place.
SHORT_MOVED = sql("""
WITH booked AS (
    SELECT movement_id, occurred_at,
           CASE WHEN from_location = :location THEN to_location ELSE from_location END AS outside,
           CASE WHEN from_location = :location THEN qty ELSE -qty END AS qty
    FROM movements
    WHERE store_id = :store_id AND sku = :sku AND cause IN ('adjust', 'damage') AND cause_id = :cause_id
),
short AS (
    SELECT outside, sum(qty) AS qty, max(movement_id) FILTER (WHERE qty > 0) AS movement_id,
           (array_agg(occurred_at ORDER BY movement_id DESC) FILTER (WHERE qty > 0))[1] AS at
    FROM booked GROUP BY outside HAVING sum(qty) > 0
)
SELECT short.outside, CAST(short.qty AS integer) AS qty, short.at, CAST(coalesce((
    SELECT sum(CASE WHEN m.to_location = b.location THEN m.qty ELSE -m.qty END)
    FROM movements m
    WHERE m.store_id = b.store_id AND m.sku = b.sku AND m.cause = 'found' AND m.movement_id > short.movement_id
      AND b.location IN (m.from_location, m.to_location) AND (b.counted_at >= short.at) IS NOT TRUE
), 0) AS integer) AS found
FROM short JOIN balances b ON b.store_id = :store_id AND b.sku = :sku AND b.location = :location
""")
# From which places the units of lines came that were not put back there since; what was picked last comes last.
SOURCES = sql("""
SELECT m.store_id, m.cause_id, place, CAST(sum(CASE WHEN m.cause = 'pick' THEN m.qty ELSE -m.qty END) AS integer) AS qty
FROM unnest(CAST(:stores AS integer[]), CAST(:skus AS text[]), CAST(:cause_ids AS text[]))
    AS line(store_id, sku, cause_id)
JOIN movements m USING (store_id, sku, cause_id)
CROSS JOIN LATERAL (SELECT CASE WHEN m.cause = 'pick' THEN m.from_location ELSE m.to_location END AS place) at
WHERE m.cause IN ('pick', 'unpick', 'return') AND m.day >= CAST(:since_day AS date)
GROUP BY m.store_id, m.cause_id, place
ORDER BY max(m.movement_id) FILTER (WHERE m.cause = 'pick')
""")
EXPIRED = sql("""
SELECT task_id FROM tasks
WHERE store_id = :store_id AND ended_at IS NULL AND lease_until < :now AND state IN ('claimed', 'filling')
ORDER BY lease_until LIMIT :limit
""")
WORKERS = sql("""
SELECT w.store_id, w.principal_id, p.name
FROM unnest(CAST(:stores AS integer[]), CAST(:principals AS bigint[])) AS w(store_id, principal_id)
JOIN principals p USING (principal_id)
WHERE p.active AND (p.chain_role = 'admin' OR EXISTS (
    SELECT 1 FROM grants g WHERE g.principal_id = w.principal_id AND g.store_id = w.store_id
    AND g.role IN ('backroom', 'lead', 'manager', 'admin')))
""")


async def lock_tasks(
    tx: Tx, wanted: Iterable[Key], *, shown: Collection[Key] = ()
) -> dict[Key, tuple[Task, list[Row]]]:
    """Lock tasks, in the order of their keys, and return them with the rows that they and their lines were made from.

    Args:
        tx: The transaction.
        wanted: Tasks of any stores; those that do not exist are left out.
        shown: Those whose rows are to hold what a task shows besides its own state.
    """
    keys = sorted(set(wanted))
    stores, task_ids = [store for store, _ in keys], [task_id for _, task_id in keys]
    named = {"stores": stores, "task_ids": task_ids, "shown": [key in shown for key in keys]}
    found = _by_task(await tx.rows(LOCK, **named))
    if any(rows[0]["overtaken"] for rows in found.values()):
        found = _by_task(await tx.rows(LOCK, **named))
    return {key: (_task_of(rows), rows) for key, rows in found.items()}


def _by_task(rows: Sequence[Row]) -> dict[Key, list[Row]]:
    return {key: list(group) for key, group in groupby(rows, key=lambda row: (row["store_id"], row["task_id"]))}


def _task_of(rows: Sequence[Row]) -> Task:
    head = rows[0]
    return Task(
        store_id=head["store_id"],
        task_id=head["task_id"],
        state=TaskState(head["task_state"]),
        fence=head["fence"],
        tub=head["tub"],
        lane=head["lane"],
        claimed_by=head["claimed_by"],
        lease_until=head["lease_until"],
        staged_at=head["staged_at"],
        delivered_at=head["delivered_at"],
        ended_at=head["ended_at"],
        lines=tuple(map(_line_of, rows)),
    )


def _line_of(row: Row) -> Line:
    return Line(
        line_no=row["line_no"],
        pull_id=row["pull_id"],
        sku=row["sku"],
        location=row["from_location"],
        shelf=row["shelf"],
        pick_seq=row["pick_seq"],
        state=LineState(row["state"]),
        short_reason=ShortReason(row["short_reason"]) if row["short_reason"] else None,
        planned=row["qty_planned"],
        picked=row["qty_picked"],
        put=row["qty_put"],
        returned=row["qty_returned"],
        damaged=row["qty_damaged"],
        missing=row["qty_missing"],
    )


async def lock_tubs(tx: Tx, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Row]:
    """Lock tubs, named by (store_id, tub), in that order, and return where each is."""
    keys = sorted(set(wanted))
    rows = await tx.rows(LOCK_TUBS, stores=[store for store, _ in keys], tubs=[tub for _, tub in keys])
    return {(row.store_id, row.tub): row for row in rows}


async def scanned(tx: Tx, codes: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple[str, int]]:
    """Return the sku and pack that each (store_id, code) stands for; unknown codes are left out."""
    scans = [{"store_id": store, "code": code, "forms": sku_forms(code)} for store, code in sorted(set(codes))]
    if not scans:
        return {}
    rows = await tx.rows(SCANNED, scans=json_text(scans))
    return {(row.store_id, row.code): (row.sku, row.pack) for row in rows}


def write_tasks_last(tx: Tx, changes: Iterable[tuple[Task, Task, datetime]]) -> None:
    """Have tasks, their lines and their tubs written just before the commit; the caller holds their locks.

    Args:
        tx: The transaction that locked them.
        changes: Each task once: as it was locked, as it is to be, and when the last act on it was.
    """
    for before, after, at in changes:
        if after != before:
            tx.write_last(TASKS_LAST, _task_row(before, after))
        for row in _line_rows(before, after, at):
            tx.write_last(LINES_LAST, row)
        for row in _tub_rows(before, after, at):
            tx.write_last(TUBS_LAST, row)


async def write_task(tx: Tx, before: Task, after: Task, at: datetime) -> bool:
    """Write a task, its lines and its tub now, if its fence still is the one that was held; False: it is not."""
    return bool(
        await tx.run(
            SAVE,
            tasks=json_text([_task_row(before, after)]),
            task_lines=json_text(list(_line_rows(before, after, at))),
            tubs=json_text(list(_tub_rows(before, after, at))),
        )
    )


def _task_row(before: Task, after: Task) -> dict[str, object]:
    return {
        "store_id": after.store_id,
        "task_id": after.task_id,
        "held_fence": before.fence,
        "state": after.state,
        "tub": after.tub,
        "lane": after.lane,
        "fence": after.fence,
        "claimed_by": after.claimed_by,
        "lease_until": after.lease_until,
        "picked": after.qty_picked,
        "settled": after.qty_settled,
        "staged_at": after.staged_at,
        "delivered_at": after.delivered_at,
        "ended_at": after.ended_at,
    }


def _line_rows(before: Task, after: Task, at: datetime) -> Iterable[dict[str, object]]:
    """Return the lines that differ."""
    for was, line in zip(before.lines, after.lines, strict=True):
        if line != was:
            yield {
                "store_id": after.store_id,
                "task_id": after.task_id,
                "line_no": line.line_no,
                "state": line.state,
                "short_reason": line.short_reason,
                "pick_seq": line.pick_seq,
                "picked": line.picked,
                "put": line.put,
                "returned": line.returned,
                "damaged": line.damaged,
                "missing": line.missing,
                "at": at,
            }


def _tub_rows(before: Task, after: Task, at: datetime) -> Iterable[dict[str, object]]:
    """Return the tub of the task, if it has come elsewhere: bound, staged, restaged, on the floor, or idle again."""
    tub = after.tub or before.tub
    ended = after.state in ENDED
    state = TubState.IDLE if ended else TUB_STATE[after.state]
    if tub and (tub, state, after.lane) != (before.tub, TUB_STATE.get(before.state), before.lane):
        yield {
            "store_id": after.store_id,
            "tub": tub,
            "state": state,
            "lane": after.lane if state is TubState.STAGED else None,
            "task_id": None if ended else after.task_id,
            "at": at,
        }


async def workers(tx: Tx, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the names of those among (store_id, principal_id) who may work in the backroom of that store."""
    keys = sorted(set(wanted))
    rows = await tx.rows(WORKERS, stores=[store for store, _ in keys], principals=[who for _, who in keys])
    return {(row.store_id, row.principal_id): row.name for row in rows}


async def add_lines(tx: Tx, *, store_id: int, task_id: int, lines: Sequence[Mapping[str, object]]) -> None:
    """Add stops to a task."""
    if lines:
        await tx.run(ADD_LINES, store_id=store_id, task_id=task_id, lines=json_text(list(lines)))
