"""Units that go back from a tub: to where the scan said that they came from."""

import httpx

from pullsvc.audit import audit
from pullsvc.db import Database
from tests.factories import floor, stocked
from tests.test_interleavings import on_floor
from tests.tubs.test_routes import balance


class TestWayBack:
    async def test_of_unpicked_units_is_to_where_they_came_from(self, db: Database, client: httpx.AsyncClient) -> None:
        """Four came from B2 where the line says, then three from B1: those picked last go back first."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 9, "B2": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        assert task["lines"][0]["from_location"] == "B2"
        await shop.do(task, "picks", line_no=1, qty=4)
        await shop.do(task, "picks", line_no=1, qty=3, location="B1")

        books = []
        for qty in (2, 2, 3):
            assert (await shop.do(task, "unpicks", line_no=1, qty=qty)).status_code == 201
            books.append((await balance(db, "B1", "milk"), await balance(db, "B2", "milk")))

        assert books == [(8, 8), (9, 9), (9, 12)]
        assert (await audit(db)).holds

    async def test_of_returned_units_is_to_where_they_came_from(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 9, "B2": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", line_no=1, qty=3, location="B1")
        mine = await on_floor(shop, task)

        put = await shop.do(mine, "puts", by="ana", lines=[{"line_no": 1, "put": 1, "returned": 2}])

        assert put.status_code == 201, put.text
        assert (await balance(db, "B1", "milk"), await balance(db, "B2", "milk")) == (8, 12)
        assert (await audit(db)).holds
