"""Pulls in the database: how far they have come, and how they are listed with their asks."""

from collections.abc import Iterable, Mapping, Sequence

from pullsvc.db import Row, Statement, Trailing, Tx, json_text, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls.rules import ENDED, MIN_LEAD_SAMPLES, LeadTimes, Pull, State

LEAD_SAMPLES = 200
MAX_ENDED_LOOKED_AT = 1_000
MAX_WALKED = 5_000  # Rows that one page looks through for those that fit its filters.
NEAR = 2_000  # Where live pulls are many, the newest of them are found among so many of the newest of all.

# What rode along did not wait to be claimed, so it tells nothing of how long an ask does.
LEAD_TIMES = sql(f"""
SELECT count(*) AS samples,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - opened_at)) AS whole_s,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - planned_at)) AS planned_s,
       percentile_cont(0.8) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - filled_at)) AS filled_s
FROM (SELECT opened_at, planned_at, filled_at, ended_at
      FROM (SELECT * FROM pulls WHERE store_id = :store_id AND ended_at IS NOT NULL
            ORDER BY ended_at DESC LIMIT {MAX_ENDED_LOOKED_AT}) ended
      WHERE state = 'closed' AND filled_at IS NOT NULL AND NOT rode_along
      ORDER BY ended_at DESC LIMIT {LEAD_SAMPLES}) recent
""")
# All stores lie in the range; it makes the planner think of few rows, and look each up by its key (`tubs.queries`).
_SAVE = """
UPDATE pulls p
SET state = g.state, qty_wanted = g.wanted, qty_planned = g.planned, qty_filled = g.filled, qty_put = g.put,
    planned_at = coalesce(p.planned_at, g.planned_at), filled_at = coalesce(p.filled_at, g.filled_at),
    ended_at = g.ended_at, end_reason = g.end_reason
FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(store_id integer, pull_id bigint, state text, wanted integer,
    planned integer, filled integer, put integer, planned_at timestamptz, filled_at timestamptz,
    ended_at timestamptz, end_reason text)
WHERE g.store_id BETWEEN 1 AND 2147483647 AND p.store_id = g.store_id AND p.pull_id = g.pull_id
"""
SAVE = sql(_SAVE)
SAVE_LAST = Trailing("pulls", _SAVE)
LOCK = sql("""
SELECT store_id, pull_id, state, qty_wanted, qty_planned, qty_filled, qty_put, end_reason
FROM unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS wanted(store_id, pull_id)
JOIN pulls p USING (store_id, pull_id)
ORDER BY store_id, pull_id FOR NO KEY UPDATE OF p
""")
LIVE_AT = sql("""
SELECT pull_id FROM pulls WHERE store_id = :store_id AND sku = :sku AND shelf = :shelf AND ended_at IS NULL
""")
REPRICE = sql("""
UPDATE pulls p
SET urgency = g.urgency, due_at = g.due_at, explanation = g.explanation, fill_to = coalesce(g.fill_to, p.fill_to)
FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(pull_id bigint, urgency integer, due_at timestamptz,
                                                    explanation jsonb, fill_to integer)
WHERE p.store_id = :store_id AND p.pull_id = g.pull_id AND p.state = 'open' AND p.reason = 'watch'
""")
# Untouched for a day, or nothing left in the backroom to bring: neither will ever be claimed. The live pulls are gone
# through page by page, by their unique index; one row at least comes back, to say whether there is a next page.
HOPELESS = sql("""
WITH page AS MATERIALIZED (
    SELECT pull_id, sku, shelf FROM pulls
    WHERE store_id = :store_id AND ended_at IS NULL AND (sku, shelf) > (:after_sku, :after_shelf)
    ORDER BY sku, shelf LIMIT :limit
),
hopeless AS MATERIALIZED (
    SELECT p.* FROM page JOIN LATERAL (
        SELECT * FROM pulls WHERE store_id = :store_id AND pull_id = page.pull_id LIMIT 1) p ON true
    WHERE p.state = 'open' AND (p.opened_at < :opened_before OR (p.due_at < :now AND NOT EXISTS (
        SELECT 1 FROM balances b
        WHERE b.store_id = p.store_id AND b.sku = p.sku AND b.kind = 'backroom' AND b.qty > 0)))
),
held AS MATERIALIZED (
    SELECT pull_id, state, qty_wanted, qty_planned, qty_filled, qty_put, end_reason,
           opened_at < :opened_before AS too_old
    FROM pulls p WHERE store_id = :store_id AND state = 'open' AND pull_id IN (SELECT pull_id FROM hopeless)
    ORDER BY pull_id FOR NO KEY UPDATE SKIP LOCKED
)
SELECT held.*, last.sku AS last_sku, last.shelf AS last_shelf, (SELECT count(*) FROM page) AS looked_at
FROM (SELECT sku, shelf FROM page ORDER BY sku DESC, shelf DESC LIMIT 1) last LEFT JOIN held ON true
""")
_FITS = """(CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:zone AS text) IS NULL OR zone = :zone) AND (CAST(:sku AS text) IS NULL OR sku = :sku)"""
_NEWEST = "SELECT * FROM pulls WHERE store_id = :store_id AND pull_id < :before_id ORDER BY pull_id DESC LIMIT"
PULLS = sql(f"""
SELECT p.*, i.description
FROM (SELECT * FROM ({_NEWEST} {MAX_WALKED}) newest
      WHERE (CAST(:ended AS boolean) IS NULL OR (ended_at IS NOT NULL) = :ended) AND {_FITS}
      ORDER BY pull_id DESC LIMIT :limit) p
JOIN LATERAL (SELECT description FROM items WHERE store_id = p.store_id AND sku = p.sku LIMIT 1) i ON true
ORDER BY p.pull_id DESC
""")
# Live pulls are either many, and then among the newest, or few, and then quickly found by their unique index.
LIVE_PULLS = sql(f"""
WITH near AS MATERIALIZED (
    SELECT * FROM ({_NEWEST} {NEAR}) newest WHERE ended_at IS NULL AND {_FITS} ORDER BY pull_id DESC LIMIT :limit
),
live AS MATERIALIZED (
    SELECT * FROM pulls
    WHERE store_id = :store_id AND ended_at IS NULL AND {_FITS}
      AND (SELECT count(*) FROM near) < CAST(:limit AS integer)
)
SELECT p.*, i.description
FROM (SELECT * FROM (SELECT * FROM live WHERE pull_id < :before_id
                     UNION ALL
                     SELECT * FROM near WHERE (SELECT count(*) FROM near) >= CAST(:limit AS integer)) found
      ORDER BY pull_id DESC LIMIT :limit) p
JOIN LATERAL (SELECT description FROM items WHERE store_id = p.store_id AND sku = p.sku LIMIT 1) i ON true
ORDER BY p.pull_id DESC
""")
# The id at which a page stopped that looked through as many rows as it may; no row: it saw them all.
PULLS_WALKED_TO = sql(f"""
SELECT pull_id AS id FROM pulls WHERE store_id = :store_id AND pull_id < :before_id
ORDER BY pull_id DESC OFFSET {MAX_WALKED - 1} LIMIT 1
""")
PULL = sql("""
SELECT p.*, i.description FROM pulls p JOIN items i USING (store_id, sku)
WHERE p.store_id = :store_id AND p.pull_id = :pull_id
""")
ASKS_OF = sql("""
SELECT ask_id, pull_id, requester, reason, note, qty, due_at, asked_at, principal_id FROM asks
WHERE store_id = :store_id AND pull_id = :pull_id ORDER BY ask_id LIMIT :limit
""")
_ASKS = """
SELECT a.ask_id, a.requester, a.reason, a.note, a.qty, a.asked_at, a.principal_id, a.due_at, p.pull_id, p.sku, p.shelf,
       p.state, p.ask_count, p.qty_wanted, p.qty_put, p.opened_at, p.planned_at, p.filled_at, p.ended_at, p.end_reason
FROM ({asks}) a
JOIN LATERAL (SELECT * FROM pulls WHERE store_id = a.store_id AND pull_id = a.pull_id LIMIT 1) p ON true
ORDER BY a.ask_id DESC
"""
ASK = sql(_ASKS.format(asks="SELECT * FROM asks WHERE store_id = :store_id AND ask_id = :ask_id"))
_NEWEST_ASKS = f"""
    SELECT * FROM (SELECT * FROM asks WHERE store_id = :store_id AND ask_id < :before_id
                   ORDER BY ask_id DESC LIMIT {MAX_WALKED}) newest
    WHERE CAST(:principal_id AS bigint) IS NULL OR principal_id = :principal_id
    ORDER BY ask_id DESC LIMIT :limit
"""
ASKS = sql(_ASKS.format(asks=_NEWEST_ASKS))
ASKS_WALKED_TO = sql(f"""
SELECT ask_id AS id FROM asks WHERE store_id = :store_id AND ask_id < :before_id
ORDER BY ask_id DESC OFFSET {MAX_WALKED - 1} LIMIT 1
""")


async def list_pulls(
    tx: Tx, *, store_id: int, before_id: int, limit: int, live: bool | None, **filters: str | None
) -> tuple[list[Row], int | None]:
    """Return `limit + 1` of the newest pulls with ids below `before_id` that fit the filters; as `_newest`."""
    params = {"store_id": store_id, "before_id": before_id, **filters}
    if live:
        return await tx.rows(LIVE_PULLS, limit=limit + 1, **params), None
    ended = None if live is None else True
    return await _newest(tx, PULLS, PULLS_WALKED_TO, limit=limit, ended=ended, **params)


async def list_asks(
    tx: Tx, *, store_id: int, before_id: int, limit: int, principal_id: int | None
) -> tuple[list[Row], int | None]:
    """Return `limit + 1` of the newest asks with ids below `before_id`, all or one's own; as `_newest`."""
    params = {"store_id": store_id, "before_id": before_id, "principal_id": principal_id}
    return await _newest(tx, ASKS, ASKS_WALKED_TO, limit=limit, **params)


async def _newest(
    tx: Tx, statement: Statement, walked_to: Statement, *, limit: int, **params: object
) -> tuple[list[Row], int | None]:
    """Return up to `limit + 1` rows; where fewer were found among MAX_WALKED, the id from which to look on as well."""
    rows = await tx.rows(statement, limit=limit + 1, **params)
    if len(rows) > limit:
        return rows, None
    end = await tx.row(walked_to, **params)
    return rows, end.id if end else None


async def lead_times(tx: Tx, *, store_id: int) -> LeadTimes:
    """Return this store's measured times to shelf, or the defaults while it has too few of them."""
    row = await tx.one(LEAD_TIMES, store_id=store_id)
    if row.samples < MIN_LEAD_SAMPLES:
        return LeadTimes(samples=row.samples)
    return LeadTimes(int(row.whole_s), int(row.planned_s), int(row.filled_s), row.samples)


def pull_of(row: Row) -> Pull:
    """Make the value the rules work on from a row of `pulls`."""
    return Pull(
        pull_id=row["pull_id"],
        state=State(row["state"]),
        wanted=row["qty_wanted"],
        planned=row["qty_planned"],
        filled=row["qty_filled"],
        put=row["qty_put"],
        end_reason=row["end_reason"],
    )


async def lock_pulls(tx: Tx, *, store_id: int, pull_ids: Iterable[int]) -> dict[int, Pull]:
    """Lock these pulls of one store; as `lock_all_pulls`."""
    held = await lock_all_pulls(tx, ((store_id, pull_id) for pull_id in pull_ids))
    return {pull.pull_id: pull for pull in held.values()}


async def lock_all_pulls(tx: Tx, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Pull]:
    """Lock these pulls, named by (store_id, pull_id), in that order, and return them by it."""
    keys = sorted(set(wanted))
    rows = await tx.rows(LOCK, stores=[store for store, _ in keys], pull_ids=[pull_id for _, pull_id in keys])
    return {(row["store_id"], row["pull_id"]): pull_of(row) for row in rows}


async def save_pulls(tx: Tx, changes: Iterable[tuple[Stamp, Pull]], *, last: bool) -> None:
    """Write how far pulls have come; the caller holds their locks.

    Args:
        tx: The transaction that locked them.
        changes: Each pull as an act left it; of a pull that several acts changed, the last one is where it stands.
        last: Nothing reads them again in this transaction, so they can be written just before its commit.
    """
    rows: dict[tuple[int, int], dict[str, object]] = {}
    for stamp, pull in changes:
        key = stamp.store_id, pull.pull_id
        rows[key] = _saved(stamp, pull, rows.get(key, {}))
    if not last:
        await tx.run(SAVE, pulls=json_text(list(rows.values())))
        return
    for row in rows.values():
        tx.write_last(SAVE_LAST, row)


def _saved(stamp: Stamp, pull: Pull, earlier: Mapping[str, object]) -> dict[str, object]:
    """Return the row to write; a time at which an earlier act of the transaction brought it so far stays."""
    at = stamp.now
    return {
        "store_id": stamp.store_id,
        "pull_id": pull.pull_id,
        "state": pull.state,
        "wanted": pull.wanted,
        "planned": pull.planned,
        "filled": pull.filled,
        "put": pull.put,
        "planned_at": earlier.get("planned_at") or (at if pull.planned else None),
        "filled_at": earlier.get("filled_at") or (at if pull.filled else None),
        "ended_at": at if pull.state in ENDED else None,
        "end_reason": pull.end_reason,
    }


async def reprice(tx: Tx, *, store_id: int, prices: Sequence[Mapping[str, object]]) -> int:
    """Write urgency, due time, explanation and `fill_to` of open pulls of the watch, whose locks the caller holds.

    Returns:
        How many were changed; one that ended, or that a person's ask took over, is left alone.
    """
    return await tx.run(REPRICE, store_id=store_id, pulls=json_text(prices))
