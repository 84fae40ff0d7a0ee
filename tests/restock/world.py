"""A store whose shelves the watch looks at."""

import itertools
from datetime import datetime

from pullsvc.db import Database, sql
from pullsvc.pulls import asking
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.rules import Reason
from pullsvc.restock.actions import MAX_BATCH
from pullsvc.restock.watcher import WatchRun, watch_store
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import SOLD, Cause, Leg
from tests.factories import NOON, all_rows, item, location, placement, sale, stamp, store

RATE = 6  # Units an hour that `shelf` has sold in the past, where it says so.
TODAY = NOON.date()
_sequence = itertools.count(1)
HISTORY = sql("""
    WITH sales AS (
        SELECT at AT TIME ZONE 'UTC' AS at, CAST(at AS date) AS day, CAST(:n AS bigint) + row_number() OVER () AS n
        FROM generate_series(CAST(:today AS date) - INTERVAL '7 days', CAST(:now AS timestamptz) AT TIME ZONE 'UTC',
                             INTERVAL '1 hour' / CAST(:rate AS integer)) AS at
        WHERE extract(hour FROM at) BETWEEN 6 AND 21 AND at < CAST(:now AS timestamptz) AT TIME ZONE 'UTC'
    ),
    written AS (
        INSERT INTO receipts (store_id, business_date, register, sequence, revision, status, fingerprint, line_count,
                              occurred_at, received_at, sold_qty, line_nos, codes, skus, locations, milli_qtys,
                              sold_qtys)
        SELECT CAST(:s AS integer), day, '1', n, 1, 'completed', CAST(n AS text), 1, at, at, 1, '{1}',
               ARRAY[CAST(:sku AS text)], ARRAY[CAST(:sku AS text)], '{A1}', '{1000}', '{1}'
        FROM sales
    )
    INSERT INTO movements (store_id, day, sku, qty, from_location, to_location, cause, cause_id, occurred_at,
                           recorded_at)
    SELECT CAST(:s AS integer), day, CAST(:sku AS text), 1, 'A1', '@sold', 'sale', concat(day, '/1/', n), at, at
    FROM sales
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


async def sell(db: Database, sku: str, qty: int, *, at: datetime = NOON, store_id: int = 1) -> None:
    """Sell from the shelf: the receipt, and the movement with its comparison with the trigger."""
    await sale(db, sku=sku, qty=qty, at=at, store_id=store_id, moved=False)
    async with db.begin() as tx:
        leg = Leg(sku=sku, qty=qty, src="A1", dst=SOLD, cause=Cause.SALE, cause_id="r1")
        await stock.move(tx, stamp(now=at, store_id=store_id), [leg])


async def count(db: Database, sku: str, qty: int, *, at: datetime = NOON) -> None:
    async with db.begin() as tx:
        await stock.count(tx, stamp(now=at), sku=sku, location="A1", counted_qty=qty)


async def ask(db: Database, sku: str, *, qty: int | None = None, at: datetime = NOON) -> None:
    async with db.begin() as tx:
        wish = Ask(sku=sku, shelf="A1", reason=Reason.OTHER, requester="Ana", qty=qty)
        await asking.ask(tx, stamp(now=at), wish)


async def watch(db: Database, *, now: datetime = NOON, store_id: int = 1, batch_size: int = MAX_BATCH) -> WatchRun:
    return await watch_store(db, store_id=store_id, now=now, batch_size=batch_size)


async def balance(db: Database, sku: str) -> dict[str, object]:
    (row,) = await all_rows(db, "balances", sku=sku, location="A1")
    return row


async def the_pull(db: Database) -> dict[str, object]:
    (row,) = await all_rows(db, "pulls")
    return row
