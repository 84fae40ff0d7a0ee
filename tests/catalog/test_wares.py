"""What is remembered of a catalog: believed while its mark stays, forgotten with the first change."""

from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.catalog import wares as catalog
from pullsvc.catalog.wares import Known, Wanted, Ware
from pullsvc.db import Database
from tests.conftest import Statements
from tests.factories import all_rows, item, placement, signed_in, stamp, store

BASE = "/v1/stores/1"
MILK = {
    "description": "Milk", "department": "dairy", "case_pack": 6, "volume_ml": 1000, "weight_g": 1030,
    "sold_by": "each", "barcodes": [{"code": "4006381333931", "pack_qty": 1}],
}  # fmt: skip


async def mark(db: Database, store_id: int = 1) -> str | None:
    rows = await all_rows(db, "catalog_marks", store_id=store_id)
    return str(rows[0]["mark"]) if rows else None


async def look(db: Database, *codes: str, places: tuple[str, ...] = (), store_id: int = 1) -> Known:
    wanted = Wanted(await mark(db, store_id), set(codes), set(places))
    async with db.begin() as tx:
        return (await catalog.wares(tx, {store_id: wanted}))[store_id]


async def marked(db: Database, *, store_id: int = 1) -> None:
    async with db.begin() as tx:
        catalog.catalog_changed(tx, stamp(store_id=store_id))


class TestWares:
    async def test_says_what_codes_stand_for_and_which_places_are_shelves(self, db: Database) -> None:
        await store(db)
        await item(db, sku="milk", codes={"04006381333931": 6}, weight_g=1030)
        await placement(db, sku="milk", shelf="A1")
        known = await look(db, "milk", "04006381333931", "what", places=("A1", "RETURNS", "NOWHERE"))

        ware = Ware("milk", 1, 1030, "A1")
        assert known.wares == {"milk": ware, "04006381333931": ware._replace(pack_qty=6), "what": None}
        assert known.shelves == {"A1": True, "RETURNS": False, "NOWHERE": False}

    async def test_is_not_asked_for_twice(self, db: Database, statements: Statements) -> None:
        await store(db)
        await item(db, sku="milk")
        await marked(db)
        first = await look(db, "milk", "what", places=("A1",))
        statements.clear()
        again = await look(db, "milk", "what", places=("A1",))

        assert again == first
        assert [text for text in statements if "barcodes" in text] == []

    async def test_is_asked_for_each_time_where_there_is_no_mark(self, db: Database) -> None:
        await store(db)
        assert (await look(db, "milk")).wares == {"milk": None}
        await item(db, sku="milk")

        assert (await look(db, "milk")).wares["milk"] is not None

    async def test_keeps_the_stores_apart(self, db: Database) -> None:
        for n in (1, 2):
            await store(db, store_id=n)
            await marked(db, store_id=n)
        await item(db, sku="milk", store_id=2)

        assert (await look(db, "milk", store_id=1)).wares == {"milk": None}
        assert (await look(db, "milk", store_id=2)).wares["milk"] is not None

    async def test_holds_no_more_than_its_limit(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(catalog, "MAX_REMEMBERED", 10)
        for n in range(1, 6):
            await store(db, store_id=n)
            await marked(db, store_id=n)
            await look(db, *(f"c{k}" for k in range(4)), store_id=n)

        assert catalog._memory.size == sum(one.size for one in catalog._memory.catalogs.values()) <= 10
        assert await mark(db, 5) in catalog._memory.catalogs


class TestCatalogChanged:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "items/milk", {**MILK, "case_pack": 12}),
            ("PUT", "locations/A9", {"kind": "shelf", "zone": "floor", "walk_seq": 1}),
            ("PUT", "placements/A1/milk", {"capacity": 9, "presentation_min": 1, "facings": 1, "is_home": True}),
            ("DELETE", "placements/A1/milk", None),
            ("DELETE", "items/milk", None),
        ],
    )
    async def test_each_act_of_the_catalog_replaces_the_mark(
        self, db: Database, client: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
    ) -> None:
        await store(db)
        await item(db, sku="milk")
        await placement(db, sku="milk", shelf="A1")
        await marked(db)
        await signed_in(db, client, role=Role.MANAGER)
        before = await mark(db)
        seen = await client.get(f"{BASE}/{path}")
        based_on = {"If-Match": seen.headers["etag"]} if seen.status_code == 200 else {"If-None-Match": "*"}
        answer = await client.request(method, f"{BASE}/{path}", json=body, headers=based_on)

        assert answer.is_success, answer.text
        assert await mark(db) not in (None, before)

    async def test_an_import_replaces_the_mark_unless_it_changes_nothing(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await store(db)
        await item(db, sku="milk")
        await signed_in(db, client, role=Role.MANAGER)
        marks = []
        for _ in range(2):
            answer = await client.post(
                f"{BASE}/imports/barcodes", content="code,sku,pack_qty\n4006381333931,milk,6\n",
                headers={"content-type": "text/csv"},
            )  # fmt: skip
            assert answer.is_success, answer.text
            marks.append(await mark(db))

        assert marks[0] is not None
        assert marks[0] == marks[1]
