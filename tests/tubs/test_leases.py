"""Leases that run out: the fence decides, never the clock."""

import httpx
import pytest

from pullsvc.db import Database, sql
from pullsvc.tubs import holding
from tests.conftest import Ticking
from tests.factories import all_rows, floor, stocked
from tests.tubs.test_routes import picked_tub


class TestLease:
    async def test_an_empty_task_goes_back_and_a_filled_tub_stays_visible(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        bens = await picked_tub(db, shop)
        await stocked(db, sku="eggs", bins={"B2": 30}, capacity=6)
        await shop.ask("eggs")
        cids = await shop.claim(by="cid")

        now = clock.pass_(minutes=16)
        assert await holding.sweep_store(db, store_id=1, now=now) == 2

        states = {t["task_id"]: t["state"] for t in await all_rows(db, "tasks")}
        assert states == {bens["task_id"]: "abandoned", cids["task_id"]: "released"}
        assert [p["state"] for p in await all_rows(db, "pulls", sku="eggs")] == ["open"]

    async def test_work_done_after_the_lease_ran_out_still_counts(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Nobody took the task over, so the fence is still good, whatever the clock says."""
        shop = await floor(db, client)
        task = await picked_tub(db, shop)
        await holding.sweep_store(db, store_id=1, now=clock.pass_(hours=2))

        assert (await shop.do(task, "staging", lane="LANE-1")).status_code == 201

    async def test_a_scan_after_the_lease_ran_out_takes_the_work_up_again(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=1)
        await holding.sweep_store(db, store_id=1, now=clock.pass_(hours=2))
        assert [t["state"] for t in await all_rows(db, "tasks")] == ["abandoned"]

        assert (await shop.do(task, "picks", code="milk", qty=1)).status_code == 201

        assert [t["state"] for t in await all_rows(db, "tasks")] == ["filling"]

    async def test_anybody_may_resume_an_abandoned_tub_and_the_first_holder_is_out(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        bens = await picked_tub(db, shop)
        await holding.sweep_store(db, store_id=1, now=clock.pass_(hours=2))

        cids = (await shop.post(f"tasks/{bens['task_id']}/resumption", by="cid")).json()
        late = await shop.do(bens, "staging", lane="LANE-1")
        staged = await shop.do(cids, "staging", lane="LANE-1", by="cid")

        assert (late.json()["code"], staged.status_code) == ("stale-fence", 201)

    async def test_a_tub_that_is_being_filled_is_for_who_may_fill_it(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Ana works on the floor: there she takes over a tub, but in the backroom it would wait for her in vain."""
        shop = await floor(db, client)
        bens = await picked_tub(db, shop)
        await holding.sweep_store(db, store_id=1, now=clock.pass_(hours=2))
        url = f"tasks/{bens['task_id']}/resumption"

        refused = await shop.post(url, by="ana")

        assert (refused.status_code, refused.json()["code"], refused.json()["needs"]) == (403, "forbidden", "work")
        await shop.do(bens, "staging", lane="LANE-1")
        await shop.post(f"tasks/{bens['task_id']}/delivery", by="ben")
        clock.pass_(hours=2)
        assert (await shop.post(url, by="ana")).status_code == 201

    async def test_nobody_takes_a_task_from_someone_at_work(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        bens = await picked_tub(db, shop)

        refused = await shop.post(f"tasks/{bens['task_id']}/resumption", by="cid")

        assert (refused.status_code, refused.json()["code"]) == (409, "illegal-move")

    async def test_a_task_that_cannot_be_swept_keeps_no_other_from_it(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """The first task's pull is broken by hand; the second task is released all the same."""
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=6)
            await shop.ask(sku)
            await shop.claim()
        async with db.begin() as tx:
            await tx.run(sql("UPDATE pulls SET qty_planned = 0 WHERE sku = 'milk'"))

        with pytest.raises(ExceptionGroup, match=r"1 task\(s\) of store 1"):
            await holding.sweep_store(db, store_id=1, now=clock.pass_(hours=2))

        states = {p["sku"]: p["state"] for p in await all_rows(db, "pulls")}
        assert states == {"milk": "planned", "eggs": "open"}
