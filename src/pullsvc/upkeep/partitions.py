"""Partitions: a day made ahead, old days dropped.

Dropped days of the ledger are folded into `ledger_openings` in the same transaction, so that the balances stay
derivable for ever. Any number of processes may run this; they wait for each other.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pullsvc.db import Database, Tx, sql
from pullsvc.sales.rules import MAX_DATE_BEHIND_DAYS, MAX_RECEIPT_AGE_DAYS

ADVISORY_LOCK = 7_245_019  # Any number that nothing else in this database uses.
DAYS_AHEAD = 7
MAX_DAYS_EMPTIED = 31
STRAYS_AT_ONCE = 10_000

# Each partitioned table and the column that says under which day a row is filed.
PARTITIONED = {"events": "day", "movements": "day", "receipts": "business_date"}

STORES = sql("SELECT store_id FROM stores ORDER BY store_id")
ALONE = sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
EXISTS = sql("SELECT to_regclass(:name) IS NOT NULL AS there")
# The first day of a partition is in its bounds: FOR VALUES FROM ('2026-03-14') TO ('2026-03-15').
PARTITIONS = sql("""
    SELECT c.relname AS name,
           CAST(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \\(''([0-9-]+)''\\)') AS date) AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = CAST(CAST(:parent AS text) AS regclass) AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    ORDER BY day
""")
# A receipt that may still come again must still be there, or it would count twice; however short the retention is.
SALES = frozenset({"receipts"})
MIN_SALES_DAYS = MAX_RECEIPT_AGE_DAYS + MAX_DATE_BEHIND_DAYS + 1
FOLD = """
    INSERT INTO ledger_openings AS o (store_id, sku, location, qty)
    SELECT store_id, sku, location, sum(delta) FROM (
        SELECT store_id, sku, from_location AS location, -qty AS delta FROM {gone} {which}
        UNION ALL SELECT store_id, sku, to_location, qty FROM {gone} {which}) sides
    GROUP BY store_id, sku, location ORDER BY store_id, sku, location
    ON CONFLICT (store_id, sku, location) DO UPDATE SET qty = o.qty + excluded.qty
"""


@dataclass(slots=True)
class Rolled:
    """What was done: partitions by name, and how many rows went that never had one."""

    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    rows_dropped: int = 0


async def roll(db: Database, *, now: datetime, retention_days: int) -> Rolled:
    """Make and drop the partitions that are due at `now`, in many short transactions; a repeat finds none.

    Args:
        db: The database; its role owns the tables.
        now: The present moment of the service's clock, aware.
        retention_days: Days kept, counted back from today; at least DAYS_AHEAD. Of sales MIN_SALES_DAYS at least.

    Raises:
        Busy: a table was in use for too long; what was done stays, the rest is due again.
    """
    rolled = Rolled()
    today = now.date()
    for table, column in PARTITIONED.items():
        oldest = oldest_sales_day(today, retention_days) if table in SALES else today - timedelta(days=retention_days)
        await _drop_old(db, table, column, oldest, rolled)
        for day in await _days_wanting_a_partition(db, table, column, today, oldest):
            await _make_partition(db, table, column, day, rolled)
    return rolled


def oldest_sales_day(today: date, retention_days: int) -> date:
    """Return the first business date of which receipts are kept."""
    return today - timedelta(days=max(retention_days, MIN_SALES_DAYS))


async def _days_wanting_a_partition(db: Database, table: str, column: str, today: date, oldest: date) -> list[date]:
    """Return today, the days ahead, and days of which rows came before they had a partition."""
    ahead = {today + timedelta(days=n) for n in range(DAYS_AHEAD + 1)}
    async with db.read() as tx:
        have = {row.day for row in await tx.rows(PARTITIONS, parent=table)}
        strays = sql(f"""
            SELECT DISTINCT {column} AS day FROM {table}_default WHERE {column} >= :oldest ORDER BY day LIMIT :most
        """)
        stray = {row.day for row in await tx.rows(strays, oldest=oldest, most=MAX_DAYS_EMPTIED)}
    return sorted((ahead - have) | stray)


async def _make_partition(db: Database, table: str, column: str, day: date, rolled: Rolled) -> None:
    """Make a day's partition with the rows that came before it; only the default partition is locked, and shortly."""
    name = f"{table}_{day:%Y%m%d}"
    async with db.begin() as tx:
        await tx.run(ALONE)
        if (await tx.one(EXISTS, name=name)).there:
            return
        # The same day must not get further rows in the default partition between emptying it and attaching the new one.
        # Writers are stopped at the table itself: one that has chosen the default partition already, and then waits for
        # it, would find its row refused there.
        await tx.run(sql(f"LOCK TABLE ONLY {table} IN EXCLUSIVE MODE"))
        await tx.run(sql(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"))
        await tx.run(sql(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
        await tx.run(sql(f"INSERT INTO {name} SELECT * FROM {table}_default WHERE {column} = :day"), day=day)
        await tx.run(sql(f"DELETE FROM {table}_default WHERE {column} = :day"), day=day)
        bounds = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
        await tx.run(sql(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}"))
    rolled.made.append(name)


async def _drop_old(db: Database, table: str, column: str, oldest: date, rolled: Rolled) -> None:
    """Drop each partition before `oldest`, and such rows as never had one; the ledger's are folded first."""
    async with db.read() as tx:
        old = [row.name for row in await tx.rows(PARTITIONS, parent=table) if row.day < oldest]
    for name in old:
        async with db.begin() as tx:
            await tx.run(ALONE)
            if not (await tx.one(EXISTS, name=name)).there:
                continue
            await tx.run(sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
            if table == "movements":
                await _fold(tx, name)
            await tx.run(sql(f"DROP TABLE {name}"))
        rolled.dropped.append(name)
    while True:
        async with db.begin() as tx:
            await tx.run(ALONE)
            gone = await _drop_strays(tx, table, column, oldest)
        rolled.rows_dropped += gone
        if gone < STRAYS_AT_ONCE:
            return


async def _fold(tx: Tx, partition: str) -> None:
    """Add a day of the ledger to the openings, a store at a time: the day of a whole chain is too much at once."""
    fold = sql(FOLD.format(gone=partition, which="WHERE store_id = :store_id"))
    for store in await tx.rows(STORES):
        await tx.run(fold, store_id=store.store_id)


async def _drop_strays(tx: Tx, table: str, column: str, oldest: date) -> int:
    """Delete some of the default partition's rows before `oldest`; return how many."""
    delete = f"""
        DELETE FROM {table}_default WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM {table}_default WHERE {column} < :oldest LIMIT :at_once)) RETURNING *
    """
    fold = f", folded AS ({FOLD.format(gone='gone', which='')})" if table == "movements" else ""
    counted = sql(f"WITH gone AS ({delete}){fold} SELECT count(*) AS rows FROM gone")
    return int((await tx.one(counted, oldest=oldest, at_once=STRAYS_AT_ONCE)).rows)
