"""A store whose shelves the watch looks at."""

import itertools
from datetime import UTC, date, datetime

from pullsvc.db import Database, sql
from pullsvc.pulls import actions as pulls
from pullsvc.pulls.rules import Reason
from pullsvc.restock.actions import MAX_BATCH
from pullsvc.restock.watcher import WatchRun, watch_store
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import SOLD, Cause, Leg
from tests.factories import NOON, all_rows, item, location, placement, stamp, store

RATE = 6  # Units an hour that `shelf` has sold in the past, where it says so.
TODAY = NOON.date()
_sequence = itertools.count(1)
HISTORY = sql("""
    INSERT INTO sale_lines (store_id, business_date, register, sequence, line_no, kind, code, sku, location, quantity,
                            uom, sold_qty, occurred_at)
    SELECT CAST(:s AS integer), CAST(at AS date), '1', CAST(:n AS bigint) + row_number() OVER (), 1, 'sale',
           CAST(:sku AS text), :sku, 'A1', 1, 'each', 1, at AT TIME ZONE 'UTC'
    FROM generate_series(CAST(:today AS date) - INTERVAL '7 days', CAST(:now AS timestamptz) AT TIME ZONE 'UTC',
                         INTERVAL '1 hour' / CAST(:rate AS integer)) AS at
    WHERE extract(hour FROM at) BETWEEN 6 AND 21 AND at < CAST(:now AS timestamptz) AT TIME ZONE 'UTC'
""")


async def shelf(
    db: Database, *, sku: str = "milk", on_shelf: int = 20, backroom: int = 60, capacity: int = 24, sells: bool = True,
    store_id: int = 1, presentation_min: int = 2,
) -> str:  # fmt: skip
    """An item on its shelf A1 and in bin B1; it sold RATE an hour for a week, and this morning, a unit a line."""
    await store(db, store_id=store_id)
    await item(db, sku=sku, store_id=store_id)
    await placement(db, sku=sku, capacity=capacity, store_id=store_id, presentation_min=presentation_min)
    await location(db, code="B1", zone="dairy", store_id=store_id)
    async with db.begin() as tx:
        for place, qty in (("A1", on_shelf), ("B1", backroom)):
            if qty:
                await stock.receive(tx, stamp(store_id=store_id), sku=sku, qty=qty, location=place, reference="t")
    if sells:
        async with db.begin() as tx:
            await tx.run(HISTORY, s=store_id, sku=sku, n=next(_sequence) * 100_000, now=NOON, today=TODAY, rate=RATE)
    return sku


async def write_line(
    db: Database, sku: str, qty: int, *, day: date = TODAY, at: datetime | None = None, store_id: int = 1
) -> None:
    """A sale line as the intake would write it."""
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO sale_lines (store_id, business_date, register, sequence, line_no, kind, code, sku, location,
                                        quantity, uom, sold_qty, occurred_at)
                VALUES (:s, :day, '1', :n, 1, 'sale', :sku, :sku, 'A1', CAST(:q AS integer), 'each',
                        CAST(:q AS integer), :at)
            """),
            s=store_id, day=day, n=next(_sequence), sku=sku, q=qty, at=at or datetime.combine(day, NOON.time(), UTC),
        )  # fmt: skip


async def sell(db: Database, sku: str, qty: int, *, at: datetime = NOON, store_id: int = 1) -> None:
    """Sell from the shelf: the line, and the movement with its comparison with the trigger."""
    await write_line(db, sku, qty, at=at, store_id=store_id)
    async with db.begin() as tx:
        leg = Leg(sku=sku, qty=qty, src="A1", dst=SOLD, cause=Cause.SALE, cause_id="r1")
        await stock.move(tx, stamp(now=at, store_id=store_id), [leg])


async def count(db: Database, sku: str, qty: int, *, at: datetime = NOON) -> None:
    async with db.begin() as tx:
        await stock.count(tx, stamp(now=at), sku=sku, location="A1", counted_qty=qty)


async def ask(db: Database, sku: str, *, qty: int | None = None, at: datetime = NOON) -> None:
    async with db.begin() as tx:
        wish = pulls.Ask(sku=sku, shelf="A1", reason=Reason.OTHER, requester="Ana", qty=qty)
        await pulls.ask(tx, stamp(now=at), wish)


async def watch(db: Database, *, now: datetime = NOON, store_id: int = 1, batch_size: int = MAX_BATCH) -> WatchRun:
    return await watch_store(db, store_id=store_id, now=now, batch_size=batch_size)


async def balance(db: Database, sku: str) -> dict[str, object]:
    (row,) = await all_rows(db, "balances", sku=sku, location="A1")
    return row


async def the_pull(db: Database) -> dict[str, object]:
    (row,) = await all_rows(db, "pulls")
    return row
