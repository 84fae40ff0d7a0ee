"""What the tables say, read past the service that is on trial."""

from pullsvc.db import Database, sql

SUMS = sql("""
    SELECT sku, sum(CASE WHEN to_location = :account THEN qty ELSE -qty END) AS qty FROM movements
    WHERE :account IN (from_location, to_location) GROUP BY sku
""")
OPEN_TUBS = sql("SELECT tub FROM tasks WHERE ended_at IS NULL AND tub IS NOT NULL")
LIVE_PULLS = sql("SELECT sku, shelf FROM pulls WHERE ended_at IS NULL")


async def sums_of(db: Database, account: str) -> dict[str, int]:
    """What the ledger moved into an account less what it moved out, by sku; none that is zero."""
    async with db.read() as tx:
        return {row.sku: int(row.qty) for row in await tx.rows(SUMS, account=account) if row.qty}


async def open_work(db: Database) -> tuple[list[str], list[tuple[str, str]]]:
    """The tubs of all open tasks, and sku and shelf of all live pulls."""
    async with db.read() as tx:
        tubs = [row.tub for row in await tx.rows(OPEN_TUBS)]
        return tubs, [(row.sku, row.shelf) for row in await tx.rows(LIVE_PULLS)]
