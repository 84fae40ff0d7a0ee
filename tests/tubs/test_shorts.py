"""Less there than planned: what it does to the place, the count, the other bins, and how it is undone."""

import httpx

from pullsvc.db import Database
from tests.factories import all_rows, floor, stocked
from tests.tubs.test_routes import balance


class TestShort:
    async def test_empties_the_place_counts_it_and_tries_another(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12, "B2": 40}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=5)

        after = (await shop.do(task, "shorts", line_no=1, reason="less_than_expected")).json()

        assert [(x["from_location"], x["state"], x["qty_planned"]) for x in after["lines"]] == [
            ("B1", "short", 12), ("B2", "planned", 7),
        ]  # fmt: skip
        assert (await balance(db, "B1", "milk"), await balance(db, "B2", "milk")) == (0, 40)
        assert [(c["location"], c["state"]) for c in await all_rows(db, "counts")] == [("B1", "requested")]
        assert [d["kind"] for d in await all_rows(db, "discrepancies")] == ["short"]

    async def test_can_be_undone_when_the_units_turn_up(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "shorts", line_no=1, reason="not_there")
        assert [p["state"] for p in await all_rows(db, "pulls")] == ["unfillable"]

        for _ in range(2):
            undone = await shop.do(task, "short-undos", line_no=1)
            assert undone.status_code == 201, undone.text
            assert await balance(db, "B1", "milk") == 12
            assert [p["state"] for p in await all_rows(db, "pulls")] == ["planned"]
            await shop.do(task, "shorts", line_no=1, reason="not_there")
            assert await balance(db, "B1", "milk") == 0

    async def test_does_not_zero_what_is_only_unreachable(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        await shop.do(task, "shorts", line_no=1, reason="unreachable")

        assert await balance(db, "B1", "milk") == 12
        assert await all_rows(db, "counts") == []
        assert [(p["state"], p["qty_planned"]) for p in await all_rows(db, "pulls")] == [("open", 0)]
