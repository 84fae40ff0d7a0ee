"""Asking over HTTP: what a person on the floor gets told."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.stock import actions as stock
from tests.conftest import Ticking
from tests.factories import (
    NOON,
    all_rows,
    floor,
    fresh_key,
    item,
    key,
    location,
    placement,
    signed_in,
    stamp,
    stocked,
    store,
)


async def world(db: Database, *, backroom: int = 30, capacity: int = 12, sku: str = "milk") -> str:
    """A store with one item, its shelf, and units in the backroom."""
    await store(db)
    await item(db, sku=sku)
    await placement(db, sku=sku, shelf="A1", capacity=capacity)
    await location(db, code="B1", zone="dairy")
    if backroom:
        async with db.begin() as tx:
            await stock.receive(tx, stamp(), sku=sku, qty=backroom, location="B1", reference="t")
    return sku


def ago(**lapse: float) -> str:
    return (NOON - timedelta(**lapse)).isoformat()


async def ask(client: httpx.AsyncClient, **body: object) -> httpx.Response:
    return await client.post("/v1/stores/1/asks", json={"code": "milk", **body}, headers=fresh_key())


class TestAskForItem:
    async def test_opens_a_pull_for_as_many_as_fit(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await ask(client)).json()

        assert (answer["outcome"], answer["qty"], answer["answer"]) == ("opened", 12, "waiting")
        assert answer["eta"] is not None

    async def test_joins_the_live_pull_and_asks_for_nothing_twice(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        first = (await ask(client)).json()

        again = (await ask(client, reason="customer_waiting")).json()

        assert again["pull_id"] == first["pull_id"]
        assert (again["outcome"], again["qty"], again["ask_count"]) == ("joined", 0, 2)
        assert again["urgency"] > first["urgency"]

    async def test_says_at_once_that_the_backroom_has_none(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db, backroom=0)
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await ask(client)).json()

        assert (answer["outcome"], answer["answer"], answer["uncovered"]) == ("unfillable", "cannot", 12)
        assert [p["state"] for p in await all_rows(db, "pulls")] == ["unfillable"]

    async def test_is_not_needed_when_the_asker_sees_a_full_shelf(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await ask(client, reason="other", seen_qty=12)).json()

        assert (answer["outcome"], answer["answer"]) == ("not_needed", "not_needed")

    async def test_believes_the_eyes_before_the_book(self, db: Database, client: httpx.AsyncClient) -> None:
        """The book says that the shelf is full; a gap scan says that it is empty."""
        sku = await world(db)
        async with db.begin() as tx:
            await stock.receive(tx, stamp(), sku=sku, qty=12, location="A1", reference="t")
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await ask(client, reason="gap")).json()

        assert (answer["outcome"], answer["qty"]) == ("opened", 12)
        assert [b["qty"] for b in await all_rows(db, "balances", location="A1")] == [0]

    async def test_brings_one_for_a_waiting_customer_even_if_the_book_says_full(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            await stock.receive(tx, stamp(), sku=sku, qty=12, location="A1", reference="t")
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await ask(client, reason="customer_waiting")).json()

        assert (answer["outcome"], answer["qty"]) == ("opened", 1)

    async def test_takes_five_statements(self, db: Database, client: httpx.AsyncClient, statements: list[str]) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        await client.get("/v1/stores/1/pulls")
        statements.clear()

        assert (await ask(client)).status_code == 201

        ours = [s for s in statements if "api_keys" not in s]
        assert len(ours) == 5, ours

    async def test_twenty_askers_at_once_share_one_pull(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)

        answers = await asyncio.gather(*(ask(client) for _ in range(20)))

        assert {a.status_code for a in answers} <= {201, 503}
        done = [a.json() for a in answers if a.status_code == 201]
        assert len({a["pull_id"] for a in done}) == 1
        (pull,) = await all_rows(db, "pulls")
        assert (pull["qty_wanted"], pull["ask_count"]) == (12, len(done))

    async def test_repeating_a_request_changes_nothing(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        header = fresh_key()

        async def send() -> httpx.Response:
            return await client.post("/v1/stores/1/asks", json={"code": "milk"}, headers=header)

        answers = await asyncio.gather(*(send() for _ in range(10)))

        assert len({a.text for a in answers}) == 1
        assert len(await all_rows(db, "asks")) == 1
        assert sum("idempotent-replay" in a.headers for a in answers) == 9

    async def test_a_key_used_for_another_request_is_refused(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        header = fresh_key()
        await client.post("/v1/stores/1/asks", json={"code": "milk"}, headers=header)

        other = await client.post("/v1/stores/1/asks", json={"code": "milk", "qty": 3}, headers=header)

        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


class TestScanGaps:
    async def test_gives_every_line_its_own_result(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await item(db, sku="nowhere")
        await signed_in(db, client, role=Role.ASSOCIATE)
        body = {"asks": [{"code": c} for c in ("milk", "unknown-thing", "milk", "nowhere")]}

        scan = (await client.post("/v1/stores/1/gap-scans", json=body, headers=fresh_key())).json()

        assert (scan["opened"], scan["refused"]) == (2, 2)
        assert [line["refusal"] and line["refusal"]["code"] for line in scan["lines"]] == [
            None, "no-such-item", None, "no-home-shelf",
        ]  # fmt: skip
        assert scan["lines"][0]["answer"]["pull_id"] == scan["lines"][2]["answer"]["pull_id"]

    async def test_takes_five_hundred_lines_in_few_statements(
        self, db: Database, client: httpx.AsyncClient, statements: list[str]
    ) -> None:
        await world(db)
        for n in range(20):
            await item(db, sku=f"s{n}")
            await placement(db, sku=f"s{n}", shelf=f"C{n}")
        await signed_in(db, client, role=Role.ASSOCIATE)
        await client.get("/v1/stores/1/pulls")
        body = {"asks": [{"code": f"s{n % 20}"} for n in range(500)]}
        statements.clear()

        answer = await client.post("/v1/stores/1/gap-scans", json=body, headers=fresh_key())

        assert answer.status_code == 201
        assert len(answer.json()["lines"]) == 500
        assert len([s for s in statements if "api_keys" not in s]) == 5

    async def test_each_gap_holds_as_of_when_it_was_seen(self, db: Database, client: httpx.AsyncClient) -> None:
        """Milk was seen missing an hour ago and twelve were put there since; eggs were seen missing just now."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=24)
        await stocked(db, sku="eggs", bins={"B2": 40}, capacity=24)
        move = {"code": "milk", "qty": 12, "from_location": "B1", "to_location": "SH-milk", "reason": "by hand"}
        assert (await shop.post("moves", {**move, "occurred_at": ago(minutes=30)})).status_code == 201
        asks = [{"code": "milk", "occurred_at": ago(minutes=60)}, {"code": "eggs", "occurred_at": ago()}]

        scan = (await shop.post("gap-scans", {"asks": asks}, by="ana")).json()

        assert [b["qty"] for b in await all_rows(db, "balances", location="SH-milk")] == [12]
        milk, eggs = (line["answer"] for line in scan["lines"])
        assert (milk["qty"], eggs["qty"]) == (12, 24)
        assert (milk["due_at"], eggs["due_at"]) == ("2026-03-14T11:30:00Z", "2026-03-14T12:30:00Z")

    async def test_who_looked_last_is_believed_in_whatever_order_the_gaps_are_sent(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=24, on_shelf=9)
        asks = [
            {"code": "milk", "seen_qty": 4, "occurred_at": ago(minutes=-1)},
            {"code": "milk", "seen_qty": 6, "occurred_at": ago(minutes=-2)},
            {"code": "milk", "occurred_at": ago()},
        ]
        clock.pass_(minutes=3)

        assert (await shop.post("gap-scans", {"asks": asks}, by="ana")).status_code == 201

        assert [b["qty"] for b in await all_rows(db, "balances", location="SH-milk")] == [6]

    async def test_a_gap_seen_too_long_ago_is_refused_by_itself(self, db: Database, client: httpx.AsyncClient) -> None:
        """And one of a device whose clock runs ahead is taken to be of now, as when it is asked for alone."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=24, on_shelf=3)
        await stocked(db, sku="eggs", bins={"B2": 40}, capacity=24, on_shelf=3)
        asks = [{"code": "milk", "occurred_at": ago(days=32)}, {"code": "eggs", "occurred_at": ago(days=-2)}]

        scan = (await shop.post("gap-scans", {"asks": asks}, by="ana")).json()

        assert [line["refusal"] and line["refusal"]["code"] for line in scan["lines"]] == ["too-late", None]
        books = {b["sku"]: (b["qty"], b["counted_at"]) for b in await all_rows(db, "balances", kind="shelf")}
        assert books == {"milk": (3, None), "eggs": (0, NOON)}


class TestCancelPull:
    async def test_a_lone_asker_may_cancel(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        pull_id = (await ask(client)).json()["pull_id"]

        url = f"/v1/stores/1/pulls/{pull_id}/cancellation"
        cancelled = await client.post(url, json={"reason": "customer left"}, headers=fresh_key())

        assert (cancelled.status_code, cancelled.json()["state"]) == (201, "cancelled")
        assert (await client.get("/v1/stores/1/asks?mine=true")).json()["items"][0]["answer"] == "cannot"

    async def test_not_when_others_asked_too(self, db: Database, client: httpx.AsyncClient) -> None:
        await world(db)
        await signed_in(db, client, role=Role.ASSOCIATE)
        pull_id = (await ask(client)).json()["pull_id"]
        client.headers["Authorization"] = f"Bearer {await key(db, role=Role.ASSOCIATE)}"
        await ask(client)

        url = f"/v1/stores/1/pulls/{pull_id}/cancellation"
        refused = await client.post(url, json={"reason": "x"}, headers=fresh_key())

        assert (refused.status_code, refused.json()["code"]) == (403, "others-asked-too")

    async def test_what_was_given_up_stays_given_up_when_the_task_brings_less(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        pull_id = (await shop.ask("milk"))["pull_id"]
        task = await shop.claim(tub="TUB-1")
        going_on = await shop.post(f"pulls/{pull_id}/cancellation", {"reason": "enough"}, by="lea")

        await shop.do(task, "release")

        (pull,) = await all_rows(db, "pulls")
        assert going_on.json()["state"] == "planned"
        assert (pull["state"], pull["end_reason"]) == ("cancelled", "enough")

    async def test_a_new_ask_brings_it_back(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        pull_id = (await shop.ask("milk"))["pull_id"]
        task = await shop.claim(tub="TUB-1")
        await shop.post(f"pulls/{pull_id}/cancellation", {"reason": "enough"}, by="lea")
        await shop.ask("milk")

        await shop.do(task, "release")

        assert [(p["state"], p["end_reason"]) for p in await all_rows(db, "pulls")] == [("open", None)]


class TestTogether:
    async def test_a_refused_ask_costs_the_others_nothing(self, db: Database, client: httpx.AsyncClient) -> None:
        """Asks and a scan, two stores, one unknown code, and a repeat, which has the batch done one by one."""
        await world(db)
        await store(db, store_id=2)
        await stocked(db, store_id=2, sku="milk", bins={"B1": 30})
        by = {n: {"Authorization": f"Bearer {await key(db, store_id=n)}"} for n in (1, 2)}
        repeated = fresh_key()

        async def send(path: str, body: object, *, store_id: int = 1, header: dict[str, str] | None = None) -> Any:
            headers = {**(header or fresh_key()), **by[store_id]}
            return await client.post(f"/v1/stores/{store_id}/{path}", json=body, headers=headers)

        first, unknown, scan, foreign, once, again = await asyncio.gather(
            send("asks", {"code": "milk"}),
            send("asks", {"code": "what-is-this"}),
            send("gap-scans", {"asks": [{"code": "milk"}, {"code": "what-is-this"}]}),
            send("asks", {"code": "milk", "shelf": "SH-milk"}, store_id=2),
            send("asks", {"code": "milk"}, header=repeated),
            send("asks", {"code": "milk"}, header=repeated),
        )

        assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-item")
        assert [a.status_code for a in (first, scan, foreign, once, again)] == [201] * 5
        assert (scan.json()["opened"] + scan.json()["joined"], scan.json()["refused"]) == (1, 1)
        assert once.text == again.text
        pulls = {row["store_id"]: row["ask_count"] for row in await all_rows(db, "pulls")}
        assert pulls == {1: 3, 2: 1}
