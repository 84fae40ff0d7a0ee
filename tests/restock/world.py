"""A store whose shelves the watch looks at."""

from datetime import datetime, timedelta

from pullsvc.db import Database
from pullsvc.pulls import asking
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.rules import Reason
from pullsvc.restock.actions import MAX_BATCH
from pullsvc.restock.watcher import WatchRun, watch_store
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import SOLD, Cause, Leg
from tests.factories import NOON, all_rows, item, location, placement, sale, stamp, store

RATE = 6  # Units an hour that `shelf` has sold in the past, where it says so.
OPEN_H = 16  # The factory's store is open from 06:00 to 22:00.


async def shelf(
    db: Database, *, sku: str = "milk", on_shelf: int = 20, backroom: int = 60, capacity: int = 24, sells: bool = True,
    store_id: int = 1, presentation_min: int = 2,
) -> str:  # fmt: skip
    """An item on its shelf A1 and in bin B1; it sold RATE an hour for a week, and this morning."""
    await store(db, store_id=store_id)
    await item(db, sku=sku, store_id=store_id)
    await placement(db, sku=sku, capacity=capacity, store_id=store_id, presentation_min=presentation_min)
    await location(db, code="B1", zone="dairy", store_id=store_id)
    async with db.begin() as tx:
        for place, qty in (("A1", on_shelf), ("B1", backroom)):
            if qty:
                await stock.receive(tx, stamp(store_id=store_id), sku=sku, qty=qty, location=place, reference="t")
    if sells:
        for ago in range(1, 8):
            await sale(db, sku=sku, qty=RATE * OPEN_H, at=NOON - timedelta(days=ago), store_id=store_id)
        for hours in (2, 5):
            await sale(db, sku=sku, qty=RATE * 3, at=NOON - timedelta(hours=hours), store_id=store_id)
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
