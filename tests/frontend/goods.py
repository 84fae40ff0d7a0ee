"""Goods of store 1, and where they lie, for the screens that count, receive and put away."""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from playwright.async_api import Page

from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from tests import factories
from tests.waiting import until

PATIENCE_S = 8
KEPT_JS = """
async ([place, text]) => {
  const { database } = await import(`/app/${document.body.dataset.build}/core/store.js`);
  return JSON.stringify(await (await database).getAll(place)).includes(text);
}
"""
MILK, BREAD, RICE = "04006381333931", "09521234543213", "05012345678900"
MILK_CASE = "14006381333938"
NAMES = {
    "milk": ("Oat milk, unsweetened, 1 l", "Dairy"),
    "bread": ("Rye bread, sliced", "Bakery"),
    "rice": ("Basmati rice, 5 kg bag", "Dry goods"),
}


async def goods(db: Database) -> None:
    """Milk on shelf A1 and in bin BR-A-03-2, bread on shelf A2, rice nowhere yet; and two empty bins."""
    for sku, codes in {"milk": {MILK: 1, MILK_CASE: 12}, "bread": {BREAD: 1}, "rice": {RICE: 1}}.items():
        await factories.item(db, sku=sku, case_pack=12 if sku == "milk" else 6, codes=codes)
    for place, walk in (("BR-A-03-2", 3), ("BR-B-01-1", 11), ("BR-B-07-1", 17)):
        await factories.location(db, code=place, zone=place[3], walk_seq=walk)
    await factories.placement(db, sku="milk", shelf="A1")
    await factories.placement(db, sku="bread", shelf="A2")
    async with db.begin() as tx:
        for sku, (description, department) in NAMES.items():
            await tx.run(
                sql("UPDATE items SET description = :d, department = :dep WHERE store_id = 1 AND sku = :sku"),
                d=description, dep=department, sku=sku,
            )  # fmt: skip
    await stands(db, "milk", "BR-A-03-2", 9)


async def stands(db: Database, sku: str, location: str, qty: int) -> None:
    """Put units into the books."""
    async with db.begin() as tx:
        stamp = factories.stamp()
        await stock.receive(tx, stamp, sku=sku, qty=qty, location=location, reference="start")


async def to_count(db: Database, *places: tuple[str, str]) -> None:
    """Have the (item, place) pairs counted."""
    async with db.begin() as tx:
        for sku, location in places:
            await stock.request_count(tx, factories.stamp(), sku=sku, location=location, reason="short")


async def expected(db: Database, reference: str, due_at: datetime) -> None:
    """A delivery that is on its way."""
    async with db.begin() as tx:
        await tx.run(
            sql("INSERT INTO expected_deliveries (store_id, reference, due_at) VALUES (1, :reference, :due_at)"),
            reference=reference, due_at=due_at,
        )  # fmt: skip


async def until_kept(page: Page, place: str, text: str) -> None:
    """Wait until the device has written the text down (place: outbox or notes), so that a crash would not take it."""

    async def is_kept() -> bool:
        return bool(await page.evaluate(KEPT_JS, [place, text]))

    async with asyncio.timeout(PATIENCE_S):
        await until(is_kept)


async def knows_the_range(page: Page) -> None:
    """Wait until the device has all items of the store, so that it knows a scan without a network."""
    await until_kept(page, "notes", '"cursor":null,"pages":0')


async def books_become(db: Database, expected: Mapping[tuple[str, str], int]) -> None:
    """Wait until the books say so; what is on its way in the browser comes when it comes."""

    async def agree() -> bool:
        return await books(db) == expected

    try:
        async with asyncio.timeout(PATIENCE_S):
            await until(agree)
    except TimeoutError:
        assert await books(db) == expected


async def books(db: Database) -> dict[tuple[str, str], int]:
    """What the books hold, by (item, place); nothing is left out."""
    return {(row["sku"], row["location"]): row["qty"] for row in await factories.all_rows(db, "balances") if row["qty"]}
