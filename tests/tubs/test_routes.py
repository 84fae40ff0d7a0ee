"""The whole loop over HTTP: ask, claim, pick, short, stage, deliver, put away, close."""

import asyncio
from typing import Any

import httpx

from pullsvc.db import Database
from tests.factories import Floor, all_rows, floor, fresh_key, location, stocked, tub


async def balance(db: Database, location: str, sku: str) -> int:
    rows = await all_rows(db, "balances", location=location, sku=sku)
    return rows[0]["qty"] if rows else 0


async def picked_tub(db: Database, shop: Floor, *, sku: str = "milk", by: str = "ben") -> Any:
    """A task for one item, all picked, not staged."""
    await stocked(db, sku=sku, bins={"B1": 30}, capacity=12)
    await shop.ask(sku)
    task = await shop.claim(tub="TUB-1", by=by)
    await shop.do(task, "picks", code=sku, qty=12, by=by)
    return task


class TestTheLoop:
    async def test_brings_what_was_asked_onto_the_shelf(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await stocked(db, sku="eggs", bins={"B2": 4, "B3": 3}, capacity=6)
        for sku in ("milk", "eggs"):
            await shop.ask(sku)

        task = await shop.claim(tub="TUB-1")
        plan = {(x["sku"], x["from_location"]): x["qty_planned"] for x in task["lines"]}
        assert plan == {("milk", "B1"): 12, ("eggs", "B2"): 4, ("eggs", "B3"): 2}

        for line in task["lines"]:
            answer = await shop.do(task, "picks", line_no=line["line_no"], qty=line["qty_planned"])
            assert answer.status_code == 201, answer.text
        assert (await shop.do(task, "staging", lane="LANE-1")).status_code == 201
        assert (await shop.get("asks?mine=true", by="ana"))["items"][0]["answer"] == "on_its_way"

        on_floor = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()
        lines = [{"line_no": 1, "put": 10, "returned": 2}]
        closed = (await shop.do(on_floor, "puts", lines=lines, all_put=True, by="ana")).json()

        assert closed["state"] == "closed"
        assert (await balance(db, "SH-milk", "milk"), await balance(db, "B1", "milk")) == (10, 20)
        assert await balance(db, "SH-eggs", "eggs") == 6
        assert [p["state"] for p in await all_rows(db, "pulls")] == ["closed", "closed"]
        assert [t["state"] for t in await all_rows(db, "tubs")] == ["idle"]
        assert {a["answer"] for a in (await shop.get("asks"))["items"]} == {"on_the_shelf"}

    async def test_preview_and_claim_agree(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for n in range(15):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=6, walk={f"B{n}": (n * 7) % 15})
            await shop.ask(f"s{n}", reason="customer_waiting" if n == 9 else "gap")

        shown = (await shop.get("available-tasks"))["tasks"]
        first = await shop.claim()
        second = await shop.claim(by="cid")

        def stops(task: dict[str, object], place: str) -> list[tuple[str, str]]:
            lines = task["lines"]
            assert isinstance(lines, list)
            return [(x["sku"], x[place]) for x in lines]

        assert stops(shown[0], "location") == stops(first, "from_location")
        assert stops(shown[1], "location") == stops(second, "from_location")
        assert "s9" in [sku for sku, _ in stops(first, "from_location")]


class TestPick:
    async def test_takes_four_statements(self, db: Database, client: httpx.AsyncClient, statements: list[str]) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        statements.clear()

        assert (await shop.do(task, "picks", code="milk")).status_code == 201

        assert len([s for s in statements if "api_keys" not in s]) == 4, statements

    async def test_refuses_too_many_the_wrong_item_and_the_wrong_tub(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await stocked(db, sku="soap", bins={"B7": 30}, capacity=12)
        await tub(db, plate="TUB-2")
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        codes = [
            (await shop.do(task, "picks", **scan)).json()["code"]
            for scan in (
                {"code": "milk", "qty": 13},
                {"code": "soap"},
                {"code": "milk", "tub": "TUB-2"},
                {"line_no": 9},
                {"code": "nothing-known"},
            )
        ]

        assert codes == ["over-pick", "wrong-item", "wrong-tub", "no-such-line", "wrong-item"]
        assert await balance(db, "TUB-1", "milk") == 0

    async def test_knows_an_item_whose_sku_is_the_number_on_its_package(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="4006381333931", bins={"B1": 30}, capacity=12)
        await shop.ask("4006381333931")
        task = await shop.claim(tub="TUB-1")

        picked = await shop.do(task, "picks", code="]E04006381333931", qty=2)

        assert (picked.status_code, picked.json()["sku"]) == (201, "4006381333931")

    async def test_needs_a_tub(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim()

        refused = await shop.do(task, "picks", code="milk")
        with_tub = await shop.do(task, "picks", code="milk", tub="TUB-1")

        assert (refused.json()["code"], with_tub.status_code) == ("needs-tub", 201)

    async def test_takes_a_tub_by_the_sscc_on_its_label(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        plate = "376104250021234569"
        await tub(db, plate=plate)

        task = await shop.claim(tub=f"]C100{plate}")

        assert task["tub"] == plate

    async def test_a_repeat_of_the_same_scan_counts_once(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        headers = {**fresh_key(), "Authorization": f"Bearer {shop.keys['ben']}"}
        body = {"fence": task["fence"], "code": "milk", "qty": 12}

        url = f"/v1/stores/1/tasks/{task['task_id']}/picks"
        answers = await asyncio.gather(*(client.post(url, json=body, headers=headers) for _ in range(8)))

        assert {a.status_code for a in answers} == {201}
        assert await balance(db, "TUB-1", "milk") == 12

    async def test_two_scanners_on_one_line_never_pick_more_than_planned(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        answers = await asyncio.gather(*(shop.do(task, "picks", code="milk", qty=1) for _ in range(20)))

        assert sorted(a.status_code for a in answers) == [201] * 12 + [409] * 8
        assert await balance(db, "TUB-1", "milk") == 12

    async def test_refuses_the_old_fence_and_takes_the_new_one(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        bens = await shop.claim(tub="TUB-1")
        cid = (await all_rows(db, "principals", name="cid"))[0]["principal_id"]
        moved = await shop.post(f"tasks/{bens['task_id']}/reassignment", {"principal_id": cid}, by="lea")

        late = await shop.do(bens, "picks", code="milk")
        cids = await shop.do(moved.json(), "picks", code="milk", by="cid")

        assert (late.status_code, late.json()["code"], cids.status_code) == (409, "stale-fence", 201)


class TestPutAway:
    async def test_does_not_close_with_units_unaccounted_for(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await picked_tub(db, shop)
        await shop.do(task, "staging", lane="LANE-1")
        mine = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()
        await shop.do(mine, "puts", lines=[{"line_no": 1, "put": 7, "damaged": 1}], by="ana")

        refused = await shop.do(mine, "closing", by="ana")
        too_many = await shop.do(mine, "puts", lines=[{"line_no": 1, "put": 5}], by="ana")
        lost = await shop.do(mine, "puts", lines=[{"line_no": 1, "missing": 4}], by="ana")

        assert (refused.json()["code"], too_many.json()["code"]) == ("not-balanced", "over-settled")
        assert lost.json()["state"] == "closed"
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["qty_put"]) == ("open", 7)  # What was lost is still wanted.
        assert [d["kind"] for d in await all_rows(db, "discrepancies")] == ["missing"]

    async def test_a_line_named_twice_is_refused(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await picked_tub(db, shop)
        await shop.do(task, "staging", lane="LANE-1")
        mine = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()

        twice = [{"line_no": 1, "put": 1}, {"line_no": 1, "put": 2}]
        refused = await shop.do(mine, "puts", lines=twice, by="ana")

        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/lines")

    async def test_what_does_not_fit_is_no_longer_wanted(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await picked_tub(db, shop)
        await shop.do(task, "staging", lane="LANE-1")
        mine = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()

        await shop.do(mine, "puts", lines=[{"line_no": 1, "returned": 12}], by="ana")

        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["end_reason"]) == ("closed", "did_not_fit")
        assert await balance(db, "B1", "milk") == 30

    async def test_says_nothing_of_a_line_by_zeros(self, db: Database, client: httpx.AsyncClient) -> None:
        """Nothing was picked of the second line, so it was dropped when the tub was staged, and stays so."""
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=12)
            await shop.ask(sku)
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", line_no=1, qty=1)
        await shop.do(task, "staging", lane="LANE-1")
        on_floor = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()

        put = await shop.do(on_floor, "puts", lines=[{"line_no": 2}], by="ana")
        unknown = await shop.do(on_floor, "puts", lines=[{"line_no": 3}], by="ana")

        assert put.status_code == 201, put.text
        assert [(x["state"], x["qty_picked"]) for x in put.json()["lines"]] == [("picked", 1), ("dropped", 0)]
        assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-line")


class TestRelease:
    async def test_gives_everything_back(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        released = await shop.do(task, "release")

        assert released.json()["state"] == "released"
        assert [(p["state"], p["qty_planned"]) for p in await all_rows(db, "pulls")] == [("open", 0)]
        assert [t["state"] for t in await all_rows(db, "tubs")] == ["idle"]

    async def test_not_with_units_in_the_tub(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await picked_tub(db, shop)

        refused = await shop.do(task, "release")
        await shop.do(task, "unpicks", line_no=1, qty=12)
        released = await shop.do(task, "release")

        assert (refused.json()["code"], released.status_code) == ("illegal-move", 201)
        assert await balance(db, "B1", "milk") == 30


class TestPickFromATub:
    async def test_is_refused_as_what_is_in_it_is_on_its_way(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await tub(db, plate="TUB-2")
        await picked_tub(db, shop)
        await stocked(db, sku="eggs", bins={"B2": 30}, capacity=12)
        await shop.ask("eggs")
        task = await shop.claim(tub="TUB-2", by="cid")

        refused = await shop.do(task, "picks", line_no=1, qty=2, location="TUB-1", by="cid")

        assert (refused.status_code, refused.json()["code"]) == (404, "no-such-location")
        assert await balance(db, "TUB-2", "eggs") == 0


class TestStage:
    async def test_early_gives_the_rest_back_to_the_pulls(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=12)
            await shop.ask(sku)
        task = await shop.claim(tub="TUB-1")
        first = task["lines"][0]
        await shop.do(task, "picks", line_no=first["line_no"], qty=5)

        await shop.do(task, "staging", lane="LANE-1")

        pulls = {p["sku"]: p for p in await all_rows(db, "pulls")}
        assert (pulls[first["sku"]]["qty_filled"], pulls[first["sku"]]["qty_planned"]) == (5, 0)
        assert {p["state"] for p in pulls.values()} == {"open"}

    async def test_in_another_lane_moves_nothing_but_the_tub(self, db: Database, client: httpx.AsyncClient) -> None:
        """The wrong lane was scanned, or the tub pushed on."""
        shop = await floor(db, client)
        await location(db, code="LANE-2", kind="lane")
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", line_no=1, qty=5)
        first = (await shop.do(task, "staging", lane="LANE-1")).json()
        before = [await all_rows(db, table) for table in ("pulls", "task_lines", "movements")]

        for lane in ("LANE-2", "LANE-2"):
            answer = await shop.do(task, "staging", lane=lane)

        assert answer.json() == {**first, "lane": "LANE-2", "lease_until": answer.json()["lease_until"]}
        assert [await all_rows(db, table) for table in ("pulls", "task_lines", "movements")] == before
        (stands,) = await all_rows(db, "tubs", tub="TUB-1")
        assert (stands["state"], stands["lane"]) == ("staged", "LANE-2")
        staged = await all_rows(db, "events", kind="tub.staged")
        assert [event["data"]["lane"] for event in staged] == ["LANE-1", "LANE-2"]
        await shop.do(task, "delivery")
        assert (await shop.do(task, "staging", lane="LANE-1")).json()["code"] == "stale-fence"
