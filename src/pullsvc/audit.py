"""Proof of the laws from what is written down: the books against the ledger, the tubs and pulls against their lines.

Each check is one statement over one store that returns what breaks the law: an empty answer is the proof. All checks
of a store see one snapshot, so the audit may run beside any amount of work.
"""

from dataclasses import asdict, dataclass
from typing import Any

from pullsvc.db import Database, Tx, sql

MAX_SHOWN = 100

STORES = sql("SELECT store_id FROM stores WHERE CAST(:store_id AS integer) IS NULL OR store_id = :store_id ORDER BY 1")

# What the ledger adds up to at each place and outside account: the days kept, and the days dropped.
LEDGER = """
    ledger AS MATERIALIZED (
        SELECT sku, location, sum(delta) AS qty FROM (
            SELECT sku, from_location AS location, -CAST(qty AS bigint) AS delta FROM movements
            WHERE store_id = :store_id
            UNION ALL SELECT sku, to_location, qty FROM movements WHERE store_id = :store_id
            UNION ALL SELECT sku, location, qty FROM ledger_openings WHERE store_id = :store_id) sides
        GROUP BY sku, location)
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One law, or a part of one.

    Attributes:
        law: Short name for programs.
        claim: What holds, as a sentence.
        breaches: Statement that returns one row (`subject`, `expected`, `found`) for each breach in the store.
    """

    law: str
    claim: str
    breaches: Any


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that breaks a law."""

    store_id: int
    law: str
    subject: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit found: nothing broken means that every claim holds."""

    stores: int
    checks: int
    breaches: list[Breach]

    @property
    def holds(self) -> bool:
        """Whether all laws hold."""
        return not self.breaches

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "holds": self.holds, "claims": {check.law: check.claim for check in CHECKS}}


CHECKS = (
    Check(
        law="law-1-books",
        claim="Every balance is the sum of the movements to and from its place.",
        breaches=sql(f"""
            WITH {LEDGER}, books AS (SELECT sku, location, qty FROM balances WHERE store_id = :store_id)
            SELECT sku || ' at ' || location AS subject, coalesce(l.qty, 0) AS expected, coalesce(b.qty, 0) AS found
            FROM (SELECT * FROM ledger WHERE location NOT LIKE '@%') l FULL JOIN books b USING (sku, location)
            WHERE coalesce(l.qty, 0) <> coalesce(b.qty, 0) ORDER BY sku, location LIMIT :limit
        """),
    ),
    Check(
        law="law-1-conservation",
        claim="Supplied + returned + adjusted = in the store + sold + damaged, for every item.",
        breaches=sql(f"""
            WITH {LEDGER}, outside AS (SELECT sku, -sum(qty) AS qty FROM ledger WHERE location LIKE '@%' GROUP BY sku),
            inside AS (SELECT sku, sum(qty) AS qty FROM balances WHERE store_id = :store_id GROUP BY sku)
            SELECT sku AS subject, coalesce(o.qty, 0) AS expected, coalesce(i.qty, 0) AS found
            FROM outside o FULL JOIN inside i USING (sku)
            WHERE coalesce(o.qty, 0) <> coalesce(i.qty, 0) ORDER BY sku LIMIT :limit
        """),
    ),
    Check(
        law="law-2-lines",
        claim="A task that ended has put, returned, damaged or missed all that it picked, line by line.",
        breaches=sql("""
            SELECT 'task ' || t.task_id || ' line ' || l.line_no AS subject, l.qty_picked AS expected,
                   l.qty_put + l.qty_returned + l.qty_damaged + l.qty_missing AS found
            FROM tasks t JOIN task_lines l USING (store_id, task_id)
            WHERE t.store_id = :store_id AND t.ended_at IS NOT NULL
              AND l.qty_picked <> l.qty_put + l.qty_returned + l.qty_damaged + l.qty_missing
            ORDER BY t.task_id, l.line_no LIMIT :limit
        """),
    ),
    Check(
        law="law-2-tasks",
        claim="A task's own figures are the sums of its lines.",
        breaches=sql("""
            WITH sums AS (
                SELECT task_id, sum(qty_picked) AS picked,
                       sum(qty_put + qty_returned + qty_damaged + qty_missing) AS settled
                FROM task_lines WHERE store_id = :store_id GROUP BY task_id)
            SELECT 'task ' || task_id || ' ' || figure AS subject, expected, found
            FROM tasks JOIN sums USING (task_id) CROSS JOIN LATERAL (VALUES
                ('picked', sums.picked, qty_picked), ('settled', sums.settled, qty_settled)) f(figure, expected, found)
            WHERE store_id = :store_id AND expected <> found ORDER BY task_id, figure LIMIT :limit
        """),
    ),
    Check(
        law="law-2-tubs",
        claim="A tub holds what the lines of its unfinished task picked into it and did not yet settle, nothing else.",
        breaches=sql("""
            WITH said AS (
                SELECT t.tub, l.sku,
                       sum(l.qty_picked - l.qty_put - l.qty_returned - l.qty_damaged - l.qty_missing) AS qty
                FROM tasks t JOIN task_lines l USING (store_id, task_id)
                WHERE t.store_id = :store_id AND t.ended_at IS NULL AND t.tub IS NOT NULL GROUP BY t.tub, l.sku),
            books AS (SELECT location AS tub, sku, qty FROM balances WHERE store_id = :store_id AND kind = 'tub')
            SELECT 'tub ' || tub || ': ' || sku AS subject, coalesce(s.qty, 0) AS expected, coalesce(b.qty, 0) AS found
            FROM said s FULL JOIN books b USING (tub, sku)
            WHERE coalesce(s.qty, 0) <> coalesce(b.qty, 0) ORDER BY tub, sku LIMIT :limit
        """),
    ),
    Check(
        law="law-3-pulls",
        claim="What a pull says is planned, in tubs and on the shelf is what the lines of its tasks say.",
        breaches=sql("""
            WITH sums AS (
                SELECT l.pull_id,
                       sum(CASE WHEN t.state NOT IN ('claimed', 'filling', 'abandoned') OR l.state = 'dropped' THEN 0
                                WHEN l.state IN ('planned', 'skipped') THEN l.qty_planned
                                ELSE l.qty_picked END) AS planned,
                       sum(CASE WHEN t.state IN ('staged', 'on_floor')
                                THEN l.qty_picked - l.qty_put - l.qty_returned - l.qty_damaged - l.qty_missing
                                ELSE 0 END) AS filled,
                       sum(l.qty_put) AS put
                FROM task_lines l JOIN tasks t USING (store_id, task_id)
                WHERE l.store_id = :store_id GROUP BY l.pull_id)
            SELECT 'pull ' || p.pull_id || ' ' || figure AS subject, expected, found
            FROM pulls p LEFT JOIN sums s USING (pull_id) LEFT JOIN pull_openings o USING (store_id, pull_id)
            CROSS JOIN LATERAL (VALUES
                ('planned', coalesce(s.planned, 0), p.qty_planned), ('filled', coalesce(s.filled, 0), p.qty_filled),
                ('put', coalesce(s.put, 0) + coalesce(o.qty_put, 0), p.qty_put)) f(figure, expected, found)
            WHERE p.store_id = :store_id AND expected <> found ORDER BY p.pull_id, figure LIMIT :limit
        """),
    ),
    Check(
        law="law-3-wanted",
        claim="No more is planned, on its way and put than a pull wants.",
        breaches=sql("""
            SELECT 'pull ' || pull_id AS subject, qty_wanted AS expected, qty_planned + qty_filled + qty_put AS found
            FROM pulls WHERE store_id = :store_id AND qty_planned + qty_filled + qty_put > qty_wanted
            ORDER BY pull_id LIMIT :limit
        """),
    ),
)


async def audit(db: Database, *, store_id: int | None = None) -> Finding:
    """Check all laws in one store, or in all.

    Args:
        db: The database; its statements may take long on a large ledger.
        store_id: The store, None: all.
    """
    async with db.read() as tx:
        stores = [row.store_id for row in await tx.rows(STORES, store_id=store_id)]
    breaches: list[Breach] = []
    for store in stores:
        async with db.read() as tx:
            breaches += await _audit_store(tx, store)
    return Finding(stores=len(stores), checks=len(CHECKS), breaches=breaches)


async def _audit_store(tx: Tx, store_id: int) -> list[Breach]:
    """Return the store's breaches, at most MAX_SHOWN of each law."""
    found = []
    for check in CHECKS:
        for row in await tx.rows(check.breaches, store_id=store_id, limit=MAX_SHOWN):
            breach = Breach(store_id, check.law, row.subject, int(row.expected), int(row.found))
            found.append(breach)
    return found
