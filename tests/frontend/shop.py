"""A small store to work in: shelves, bins, tubs and lanes with names as on real labels, and asks that make work."""

from collections.abc import Mapping
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from tests import factories
from tests.factories import fresh_key

# Sku: description, department, barcode, bin, shelf.
WARES: Mapping[str, tuple[str, str, str, str, str]] = {
    "1001": ("Whole milk 1 l", "Dairy", "4006381333931", "BR-C-01-1", "A07-1"),
    "1002": ("Butter, salted 250 g", "Dairy", "4006381333948", "BR-C-01-2", "A07-2"),
    "1003": ("Ground coffee, dark roast, vacuum pack 500 g", "Grocery", "4006381333955", "BR-D-02-1", "A03-4"),
    "1004": ("Dishwasher tabs 40", "Household", "4006381333962", "BR-D-03-3", "A11-2"),
    "1005": ("Orange juice 1.5 l", "Drinks", "4006381333979", "BR-D-04-1", "A05-3"),
}
CASE_OF = {"1003": ("14006381333952", 12)}
SEEN_EMPTY = {"reason": "gap", "seen_qty": 0}

DESCRIBE = sql("UPDATE items SET description = :description, department = :department WHERE sku = :sku")


async def stock_shop(db: Database, *, each: int = 40, capacity: int = 8) -> None:
    """Fill the store's bins; all shelves are empty."""
    for n, (sku, (description, department, code, bin_, shelf)) in enumerate(WARES.items(), start=1):
        codes = {code.zfill(14): 1}
        if case := CASE_OF.get(sku):
            codes[case[0].zfill(14)] = case[1]
        await factories.item(db, sku=sku, codes=codes, case_pack=12 if case else 6)
        await factories.placement(db, sku=sku, shelf=shelf, capacity=capacity)
        await factories.location(db, code=bin_, zone=bin_[3], walk_seq=n)
        async with db.begin() as tx:
            await tx.run(DESCRIBE, sku=sku, description=description, department=department)
            await stock.receive(tx, factories.stamp(), sku=sku, qty=each, location=bin_, reference="opening")
    await tubs_and_lanes(db)


async def stock_many(db: Database, *, lines: int, capacity: int = 4) -> list[str]:
    """As many small items, each with a bin of its own along the walk; their skus in that order."""
    skus = [f"9{n:03}" for n in range(lines)]
    for n, sku in enumerate(skus):
        await factories.item(db, sku=sku, codes={f"CODE-{sku}": 1}, case_pack=1)
        await factories.placement(db, sku=sku, shelf=f"A{n:02}-1", capacity=capacity)
        await factories.location(db, code=f"BR-A-{n:02}", zone="A", walk_seq=n)
        async with db.begin() as tx:
            await stock.receive(tx, factories.stamp(), sku=sku, qty=40, location=f"BR-A-{n:02}", reference="opening")
    await tubs_and_lanes(db)
    return skus


async def tubs_and_lanes(db: Database) -> None:
    for plate in ("TUB-0042", "TUB-0043"):
        await factories.tub(db, plate=plate)
    for lane in ("LANE-1", "LANE-2"):
        await factories.location(db, code=lane, kind="lane", zone="floor")


async def asked(service: str, db: Database, *skus: str, **wish: Any) -> None:
    """Somebody on the floor asked for these, at once."""
    bearer = {"Authorization": f"Bearer {await factories.key(db, role=Role.ASSOCIATE)}"}
    async with httpx.AsyncClient(base_url=service, headers=bearer) as client:
        for sku in skus:
            body = {"code": sku, **SEEN_EMPTY, **wish}
            answer = await client.post("/v1/stores/1/asks", json=body, headers=fresh_key())
            assert answer.status_code == 201, answer.text
