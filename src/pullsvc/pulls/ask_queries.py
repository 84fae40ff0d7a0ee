"""What asks look at and write: shelves with their live pulls, and the pulls and asks that come of them.

Every statement takes a whole batch, and the store with each row: a chain has thousands of stores, each with few asks.
"""

from collections.abc import Iterable, Mapping, Sequence

from pullsvc.db import Row, Tx, json_text, sql
from pullsvc.pulls.judging import Place

_ASKED = """unnest(CAST(:stores AS integer[]), CAST(:skus AS text[]), CAST(:shelves AS text[]))
    AS asked(store_id, sku, shelf)"""
LOCK_LIVE = sql(f"""
SELECT 1 FROM {_ASKED}
JOIN pulls p USING (store_id, sku, shelf)
WHERE p.ended_at IS NULL
ORDER BY store_id, p.pull_id FOR NO KEY UPDATE OF p
""")
# A statement of its own: only after the locks are held does a look see what was put away while they were waited for.
# LIMIT changes no result, as each is found by a unique key; it holds the planner to those keys. Free in the backroom
# is what the books say less what tasks will pick and what live pulls still want.
SHELVES = sql(f"""
SELECT asked.*, p.capacity, coalesce(book.qty, 0) AS book, live.pull_id, live.state, live.reason,
       live.urgency, live.ask_count, live.qty_wanted, live.qty_put, live.opened_at, live.due_at, live.planned_at,
       live.filled_at,
       CAST(coalesce(stored.qty, 0) - coalesce((
           SELECT sum(t.qty_planned - t.qty_picked) FROM task_lines t
           WHERE t.store_id = asked.store_id AND t.sku = asked.sku AND t.is_reserving), 0)
       - coalesce((
           SELECT sum(o.qty_wanted - o.qty_planned - o.qty_filled - o.qty_put) FROM pulls o
           WHERE o.store_id = asked.store_id AND o.sku = asked.sku AND o.ended_at IS NULL), 0) AS integer) AS backroom,
       (SELECT zone FROM locations WHERE store_id = asked.store_id AND location = stored.fullest LIMIT 1) AS zone
FROM {_ASKED}
JOIN LATERAL (
    SELECT capacity FROM placements p
    WHERE p.store_id = asked.store_id AND p.location = asked.shelf AND p.sku = asked.sku LIMIT 1) p ON true
LEFT JOIN LATERAL (
    SELECT qty FROM balances b
    WHERE b.store_id = asked.store_id AND b.sku = asked.sku AND b.location = asked.shelf LIMIT 1) book ON true
LEFT JOIN LATERAL (
    SELECT * FROM pulls
    WHERE store_id = asked.store_id AND sku = asked.sku AND shelf = asked.shelf AND ended_at IS NULL LIMIT 1
) live ON true
CROSS JOIN LATERAL (
    SELECT sum(qty) AS qty, (array_agg(location ORDER BY qty DESC, location) FILTER (WHERE qty > 0))[1] AS fullest
    FROM balances s WHERE s.store_id = asked.store_id AND s.sku = asked.sku AND s.kind = 'backroom') stored
""")

# One row a pull: joins the live one, or opens one, or keeps one that ended at once; then writes its asks. Two
# transactions that open the same one at the same moment meet in the unique index: the second one joins, and has more
# brought if it wants more than the first; how the pull stands by then is told back. So a live one is found again by
# its place. FULL, although each row finds its other: no plan can then go through all of the one for
# each of the other.
WRITE = sql("""
WITH given AS MATERIALIZED (
    SELECT g.*, coalesce(joins, nextval(pg_get_serial_sequence('pulls', 'pull_id'))) AS pull_id
    FROM jsonb_to_recordset(CAST(:pulls AS jsonb)) AS g(
        n integer, store_id integer, joins bigint, sku text, shelf text, zone text, state text, reason text,
        urgency integer, asks integer, qty integer, opened_at timestamptz, due_at timestamptz,
        end_reason text, explanation jsonb, fill_to integer)
),
joined AS (
    UPDATE pulls p
    SET ask_count = p.ask_count + g.asks, reason = g.reason, urgency = g.urgency, due_at = least(p.due_at, g.due_at),
        qty_wanted = p.qty_wanted + g.qty, state = CASE WHEN g.qty > 0 THEN 'open' ELSE p.state END,
        end_reason = NULL, explanation = coalesce(g.explanation, p.explanation),
        fill_to = coalesce(g.fill_to, p.fill_to)
    FROM given g WHERE p.store_id = g.store_id AND p.pull_id = g.joins
),
opened AS (
    INSERT INTO pulls AS p (store_id, pull_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted,
                            opened_at, due_at, ended_at, end_reason, explanation, fill_to)
    SELECT store_id, pull_id, sku, shelf, zone, state, reason, urgency, asks, qty, opened_at, due_at,
           CASE WHEN end_reason IS NOT NULL THEN opened_at END, end_reason, explanation, fill_to
    FROM given WHERE joins IS NULL ORDER BY store_id, sku, shelf, n
    ON CONFLICT (store_id, sku, shelf) WHERE ended_at IS NULL
    DO UPDATE SET ask_count = p.ask_count + excluded.ask_count, urgency = greatest(p.urgency, excluded.urgency),
                  reason = CASE WHEN excluded.urgency > p.urgency THEN excluded.reason ELSE p.reason END,
                  due_at = least(p.due_at, excluded.due_at),
                  qty_wanted = greatest(p.qty_wanted, p.qty_put + excluded.qty_wanted),
                  state = CASE WHEN p.qty_put + excluded.qty_wanted > p.qty_wanted THEN 'open' ELSE p.state END,
                  end_reason = NULL
    RETURNING p.*, CASE WHEN ended_at IS NULL THEN 0 ELSE pull_id END AS ended_id
),
written AS MATERIALIZED (
    SELECT n, store_id, joins AS pull_id, false AS is_met, NULL AS state, NULL AS urgency, NULL AS ask_count,
           NULL AS qty_wanted, NULL AS qty_put, NULL AS opened_at, NULL AS due_at, NULL AS planned_at, NULL AS filled_at
    FROM given WHERE joins IS NOT NULL
    UNION ALL
    SELECT n, store_id, opened.pull_id, opened.pull_id <> g.pull_id, opened.state, opened.urgency, opened.ask_count,
           opened.qty_wanted, opened.qty_put, opened.opened_at, opened.due_at, opened.planned_at, opened.filled_at
    FROM (SELECT *, CASE WHEN end_reason IS NULL THEN 0 ELSE pull_id END AS ended_id FROM given
          WHERE joins IS NULL) g
    FULL JOIN opened USING (store_id, sku, shelf, ended_id)
),
asked AS (
    INSERT INTO asks (store_id, pull_id, principal_id, requester, reason, note, qty, due_at, asked_at)
    SELECT w.store_id, w.pull_id, a.principal_id, a.requester, a.reason, a.note, a.qty, a.due_at, a.now
    FROM jsonb_to_recordset(CAST(:asks AS jsonb)) AS a(
        n integer, pull integer, principal_id bigint, requester text, reason text, note text, qty integer,
        due_at timestamptz, now timestamptz)
    JOIN written w ON w.n = a.pull
    ORDER BY a.n
    RETURNING store_id, pull_id, ask_id
)
SELECT w.*, a.ask_ids
FROM written w
JOIN (SELECT store_id, pull_id, array_agg(ask_id ORDER BY ask_id) AS ask_ids FROM asked GROUP BY store_id, pull_id) a
    USING (store_id, pull_id)
""")


async def shelves(tx: Tx, places: Iterable[Place]) -> dict[Place, Row]:
    """Lock the live pulls of these places and return what is known of each; where the item has no place is left out."""
    stores, skus, names = zip(*sorted(set(places)), strict=True)
    asked = {"stores": stores, "skus": skus, "shelves": names}
    await tx.run(LOCK_LIVE, **asked)
    rows = await tx.rows(SHELVES, **asked)
    return {(row.store_id, row.sku, row.shelf): row for row in rows}


async def write(
    tx: Tx, *, pulls: Sequence[Mapping[str, object]], asks: Sequence[Mapping[str, object]]
) -> dict[int, Row]:
    """Join or open the pulls and write their asks.

    Args:
        tx: The transaction.
        pulls: Each with its number `n`; of one place at most one that stays alive.
        asks: Each with its number `n`, in whose order they get their ids; `pull` is the number of its pull.
    Returns:
        By number of the pull its `pull_id` and the `ask_ids` of its new asks in the order of their numbers; where
        `is_met`, somebody else has just opened it, and the row says how it stands now.
    """
    rows = await tx.rows(WRITE, pulls=json_text(pulls), asks=json_text(asks))
    return {row.n: row for row in rows}
