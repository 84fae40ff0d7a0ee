"""Acts of many callers that meet: batches of scans, and requests that are answered from one transaction."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from pullsvc.audit import audit
from pullsvc.db import Database, Tx, sql
from pullsvc.tubs import routes
from pullsvc.tubs.actions import REASSIGN, Reassignment
from pullsvc.tubs.holding import Done, do_all
from tests.conftest import Ticking
from tests.factories import NOON, Floor, all_rows, floor, fresh_key, stocked
from tests.test_interleavings import after, signed
from tests.tubs.test_routes import balance
from tests.waiting import until

HOLD_TASK = sql("SELECT 1 FROM tasks WHERE task_id = :task_id FOR UPDATE")


async def milk_and_eggs(db: Database, shop: Floor) -> Any:
    """A task of two lines, twelve milk and six eggs, with its tub."""
    await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
    await stocked(db, sku="eggs", bins={"B2": 30}, capacity=6)
    for sku in ("milk", "eggs"):
        await shop.ask(sku)
    return await shop.claim(tub="TUB-1")


async def lines(db: Database) -> dict[str, tuple[str, int]]:
    return {x["sku"]: (x["state"], x["qty_picked"]) for x in await all_rows(db, "task_lines")}


class TestPickBatch:
    async def test_counts_every_scan_and_answers_with_the_lines(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        scans = [{"code": "milk", "qty": 5}, {"code": "eggs", "qty": 6}, {"code": "milk", "qty": 7}]
        answer = await shop.do(task, "pick-batches", picks=scans)

        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert told["task_id"] == task["task_id"]
        assert [(x["sku"], x["qty"], x["line_state"], x["line_picked"]) for x in told["picks"]] == [
            ("milk", 5, "planned", 5), ("eggs", 6, "picked", 6), ("milk", 7, "picked", 12),
        ]  # fmt: skip
        assert await lines(db) == {"milk": ("picked", 12), "eggs": ("picked", 6)}
        assert (await balance(db, "TUB-1", "milk"), await balance(db, "B1", "milk")) == (12, 18)
        assert (await audit(db)).holds

    async def test_is_all_or_nothing(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        scans = [{"code": "milk", "qty": 5}, {"code": "eggs", "qty": 7}]
        refused = await shop.do(task, "pick-batches", picks=scans)

        assert (refused.status_code, refused.json()["code"]) == (409, "over-pick")
        assert await lines(db) == {"milk": ("planned", 0), "eggs": ("planned", 0)}
        assert [m for m in await all_rows(db, "movements") if m["cause"] == "pick"] == []

    async def test_sent_again_is_not_counted_again(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        headers = {**fresh_key(), "Authorization": f"Bearer {shop.keys['ben']}"}
        body = {"fence": task["fence"], "picks": [{"code": "milk", "qty": 5}]}
        url = f"{shop.url}/tasks/{task['task_id']}/pick-batches"

        first = await client.post(url, json=body, headers=headers)
        again = await client.post(url, json=body, headers=headers)

        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers["Idempotent-Replay"] == "true"
        assert await lines(db) == {"milk": ("planned", 5), "eggs": ("planned", 0)}

    async def test_keeps_when_each_scan_was_made(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        times = [(NOON - timedelta(minutes=n)).isoformat() for n in (9, 4)]

        scans = [{"code": "milk", "qty": 1, "occurred_at": at} for at in times]
        assert (await shop.do(task, "pick-batches", picks=scans)).status_code == 201

        picked = [m for m in await all_rows(db, "movements") if m["cause"] == "pick"]
        told = [e for e in await all_rows(db, "events") if e["kind"] == "line.picked"]
        assert sorted(m["occurred_at"].isoformat() for m in picked) == times
        assert sorted(e["occurred_at"].isoformat() for e in told) == times

    async def test_renews_the_lease(self, db: Database, client: httpx.AsyncClient, clock: Ticking) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        now = clock.pass_(minutes=5)
        answer = await shop.do(task, "pick-batches", picks=[{"line_no": 1, "qty": 1}])

        assert datetime.fromisoformat(answer.json()["lease_until"]) == now + timedelta(minutes=15)
        assert [t["lease_until"] for t in await all_rows(db, "tasks")] == [now + timedelta(minutes=15)]

    @pytest.mark.parametrize("count", [0, 61])
    async def test_has_its_bounds(self, db: Database, client: httpx.AsyncClient, count: int) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        refused = await shop.do(task, "pick-batches", picks=[{"line_no": 1, "qty": 1}] * count)

        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/picks")


class TestAnswer:
    async def test_is_the_task_as_it_is_shown_afterwards(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Acts answer from what they know, without looking again; a look finds the same, to the letter."""
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        cid = (await signed(db, "cid")).principal_id
        at = f"tasks/{task['task_id']}"
        acts: list[tuple[str, str, dict[str, Any]]] = [
            ("ben", "tub", {"fence": 1, "tub": "TUB-1"}),
            ("ben", "skips", {"fence": 1, "line_no": 1}),
            ("ben", "renewals", {"fence": 1}),
            ("ben", "pick-batches", {"fence": 1, "picks": [{"line_no": 1}, {"line_no": 2}, {"line_no": 2}]}),
            ("ben", "unpicks", {"fence": 1, "line_no": 2, "qty": 1}),
            ("lea", "reassignment", {"principal_id": cid}),
            ("cid", "resumption", {}),
            ("cid", "staging", {"fence": 3, "lane": "LANE-1"}),
            ("ana", "delivery", {}),
            ("ana", "puts", {"fence": 4, "lines": [{"line_no": 2, "put": 1}]}),
            ("ana", "puts", {"fence": 4, "all_put": True}),
        ]
        for by, act, body in acts:
            clock.pass_(minutes=1)
            answer = await shop.post(f"{at}/{act}", body or None, by=by)
            assert answer.status_code == 201, (act, answer.text)
            if act != "pick-batches":
                assert answer.json() == await shop.get(at), act


class TestFence:
    async def test_is_looked_at_after_the_wait_for_the_task(self, db: Database, client: httpx.AsyncClient) -> None:
        """A lead gives the task to Cid while Ben's scan waits for it: the scan must not count."""
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        cid = (await signed(db, "cid")).principal_id
        assert cid is not None

        async def reassign(tx: Tx) -> None:
            lea = await signed(db, "lea")
            (done,) = await do_all(tx, [(REASSIGN, Reassignment(stamp=lea, task_id=task["task_id"], worker=cid))])
            assert isinstance(done, Done)
            await tx.write_trailing()

        late = await after(db, reassign, shop.do(task, "picks", line_no=1, qty=1))

        assert (late.status_code, late.json()["code"]) == (409, "stale-fence")
        assert await lines(db) == {"milk": ("planned", 0), "eggs": ("planned", 0)}
        assert await balance(db, "TUB-1", "milk") == 0


class TestStatements:
    async def test_are_few(self, db: Database, client: httpx.AsyncClient, statements: list[str]) -> None:
        """From the claim to the shelf; the last one of each act writes all that nobody reads back."""
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        async def taken(act: Awaitable[httpx.Response]) -> int:
            statements.clear()
            assert (await act).status_code == 201
            return len([s for s in statements if "api_keys" not in s])

        both = [{"line_no": 1}, {"line_no": 2}]
        assert await taken(shop.do(task, "pick-batches", picks=both)) == 3  # Task, movements.
        assert await taken(shop.do(task, "renewals")) == 2  # Task.
        assert await taken(shop.do(task, "staging", lane="LANE-1")) == 4  # Lane, task, pulls.
        assert await taken(shop.post(f"tasks/{task['task_id']}/delivery", by="ana")) == 2  # Task.
        on_floor = {**task, "fence": task["fence"] + 1}
        assert await taken(shop.do(on_floor, "puts", all_put=True, by="ana")) == 4  # Task, pulls, movements.


class Queue:
    """Picks of one task sent while the first of them is kept waiting, so that the others make up one batch."""

    def __init__(self, db: Database, shop: Floor, task: Mapping[str, Any]) -> None:
        self.db, self.shop, self.task = db, shop, task
        self.sent: list[asyncio.Task[httpx.Response]] = []

    async def send(self, scan: Mapping[str, Any], *, key: Mapping[str, str] | None = None) -> None:
        """Send a pick; returns when it is under way, or waits for the one that is."""
        ahead = len(self.sent)  # One of them is under way, the others wait.
        headers = {**(key or fresh_key()), "Authorization": f"Bearer {self.shop.keys['ben']}"}
        body = {"fence": self.task["fence"], **scan}
        url = f"{self.shop.url}/tasks/{self.task['task_id']}/picks"
        self.sent.append(asyncio.create_task(self.shop.client.post(url, json=body, headers=headers)))

        async def arrived() -> bool:
            queue = routes.DEEDS._queues.get(self.db)
            return queue is not None and bool(queue.running) and len(queue.waiting) == ahead

        await until(arrived)

    async def answers(self) -> list[httpx.Response]:
        return await asyncio.gather(*self.sent)


@asynccontextmanager
async def queue(db: Database, shop: Floor, task: Mapping[str, Any]) -> AsyncIterator[Queue]:
    """While this lasts somebody else holds the task."""
    async with db.begin() as tx:
        await tx.one(HOLD_TASK, task_id=task["task_id"])
        yield Queue(db, shop, task)


class TestRequestsThatMeet:
    async def test_are_done_in_one_transaction_and_answered_one_by_one(
        self, db: Database, client: httpx.AsyncClient, statements: list[str]
    ) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        statements.clear()

        async with queue(db, shop, task) as picks:
            for scan in ({"line_no": 1}, {"line_no": 1}, {"line_no": 2, "qty": 7}, {"line_no": 2}):
                await picks.send({"qty": 1, **scan})

        assert [a.status_code for a in await picks.answers()] == [201, 201, 409, 201]
        assert sum("INSERT INTO movements" in s for s in statements) == 2  # The first alone, the others together.
        assert await lines(db) == {"milk": ("planned", 2), "eggs": ("planned", 1)}

    async def test_with_one_key_count_once(self, db: Database, client: httpx.AsyncClient) -> None:
        """A handheld sends a scan again and again before it gets an answer; somebody else's scan is among them."""
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)
        key = fresh_key()

        async with queue(db, shop, task) as picks:
            await picks.send({"line_no": 2, "qty": 1})
            for _ in range(3):
                await picks.send({"line_no": 1, "qty": 5}, key=key)
            await picks.send({"line_no": 2, "qty": 2})
        answers = await picks.answers()

        assert [a.status_code for a in answers] == [201] * 5
        assert len({a.text for a in answers[1:4]}) == 1
        assert sum("Idempotent-Replay" in a.headers for a in answers) == 2
        assert await lines(db) == {"milk": ("planned", 5), "eggs": ("planned", 3)}
        assert (await audit(db)).holds

    async def test_are_not_spoilt_by_one_that_the_ledger_refuses(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        task = await milk_and_eggs(db, shop)

        async with queue(db, shop, task) as picks:
            for scan in ({}, {"location": "NOWHERE"}, {"qty": 2}):
                await picks.send({"line_no": 1, "qty": 1, **scan})
        answers = await picks.answers()

        assert [a.status_code for a in answers] == [201, 404, 201]
        assert answers[1].json()["code"] == "no-such-location"
        assert await lines(db) == {"milk": ("planned", 3), "eggs": ("planned", 0)}
        assert (await audit(db)).holds
