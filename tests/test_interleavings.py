"""Two acts at once, in an order forced by open transactions: what the second one sees once the first has committed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from pullsvc.audit import audit
from pullsvc.db import Database, Tx, sql
from pullsvc.errors import Busy
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import asking
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.rules import Reason
from pullsvc.stock import actions as stock
from pullsvc.tubs import actions, holding, picks, shorts
from pullsvc.tubs.rules import Settlement, ShortReason
from tests.claims import claim_in
from tests.factories import (
    NOON,
    Floor,
    all_rows,
    floor,
    fresh_key,
    item,
    location,
    placement,
    stamp,
    stocked,
    store,
    tub,
)
from tests.waiting import until

LEASE = timedelta(minutes=15)
WAITERS = sql("""
    SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
""")
HOLD_BALANCE = sql("SELECT 1 FROM balances WHERE sku = :sku AND location = :location FOR UPDATE")


async def parked(db: Database, act: Coroutine[Any, Any, Any], *, behind: int = 0) -> asyncio.Task[Any]:
    """Start the act; return it as soon as it waits for a lock, or has ended without waiting."""
    task = asyncio.create_task(act)

    async def waits() -> bool:
        async with db.read() as tx:
            return task.done() or (await tx.one(WAITERS)).n > behind

    await until(waits)
    return task


async def after(db: Database, first: Callable[[Tx], Awaitable[object]], second: Coroutine[Any, Any, Any]) -> Any:
    """Return what the second act led to, which began before the first one committed."""
    async with db.begin() as tx:
        await first(tx)
        task = await parked(db, second)
    return await task


async def signed(db: Database, name: str) -> Stamp:
    (who,) = await all_rows(db, "principals", name=name)
    return Stamp(store_id=1, principal_id=who["principal_id"], now=NOON, occurred_at=NOON)


@asynccontextmanager
async def held(db: Database, *, sku: str, location: str) -> AsyncIterator[None]:
    """Somebody else's act that holds a balance."""
    async with db.begin() as tx:
        await tx.one(HOLD_BALANCE, sku=sku, location=location)
        yield


async def on_floor(shop: Floor, task: Any) -> Any:
    """The task with what is picked of it on the floor, in Ana's hands."""
    assert (await shop.do(task, "staging", lane="LANE-1")).status_code == 201
    return (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()


class TestTask:
    async def test_a_stop_added_meanwhile_is_not_left_behind(self, db: Database, client: httpx.AsyncClient) -> None:
        """A short adds a stop; the staging that waited for it must give that one back to its pull as well."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12, "B2": 40}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=5)

        async def short(tx: Tx) -> None:
            ben = await signed(db, "ben")
            held_task = await holding.held_task(tx, ben, task_id=task["task_id"])
            await shorts.report_short(
                tx, ben, task=held_task, fence=1, line_no=1, reason=ShortReason.NOT_THERE, lease=LEASE
            )

        staged = await after(db, short, shop.do(task, "staging", lane="LANE-1"))

        assert staged.status_code == 201, staged.text
        assert [x["state"] for x in staged.json()["lines"]] == ["short", "dropped"]
        assert [(p["state"], p["qty_planned"], p["qty_filled"]) for p in await all_rows(db, "pulls")] == [
            ("open", 0, 5),
        ]  # fmt: skip
        assert (await audit(db)).holds

    async def test_a_scan_adds_to_the_one_it_waited_for(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        async def scan(tx: Tx) -> None:
            scans = [picks.Scan(code=None, line_no=1, qty=5, location=None, tub=None, occurred_at=NOON)]
            deed = picks.Picking(
                stamp=await signed(db, "ben"), task_id=task["task_id"], fence=1, lease=LEASE, scans=scans
            )
            (done,) = await holding.do_all(tx, [(picks.PICK, deed)])
            assert isinstance(done, holding.Done)

        scanned = await after(db, scan, shop.do(task, "picks", line_no=1, qty=4))

        assert (scanned.status_code, scanned.json()["line_picked"]) == (201, 9)
        assert [(x["qty_picked"], x["state"]) for x in await all_rows(db, "task_lines")] == [(9, "planned")]
        assert (await audit(db)).holds


class TestAsk:
    @pytest.mark.parametrize(("first", "second", "added"), [(1, None, 12), (None, 1, 0)])
    async def test_that_opens_the_pull_with_another_process_is_not_lost(
        self, db: Database, client: httpx.AsyncClient, first: int | None, second: int | None, added: int
    ) -> None:
        """One asks for one, and at the same moment the other for as many as fit, which are twelve."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=12)

        async def ask(tx: Tx) -> None:
            wish = Ask(sku="milk", shelf="SH-milk", reason=Reason.OTHER, requester="x", qty=first)
            await asking.ask(tx, stamp(), wish)

        body = {"code": "milk", "reason": "customer_waiting", "qty": second}
        answer = (await after(db, ask, shop.post("asks", body, by="ana"))).json()

        (pull,) = await all_rows(db, "pulls")
        assert (pull["qty_wanted"], pull["ask_count"], pull["reason"]) == (12, 2, "customer_waiting")
        assert (answer["outcome"], answer["qty"], answer["ask_count"]) == ("joined", added, 2)
        assert [(e["kind"], e["data"]["qty"]) for e in await all_rows(db, "events") if e["kind"] == "pull.joined"] == [
            ("pull.joined", added)
        ]

    @pytest.mark.parametrize(("put", "wanted"), [(12, "not_needed"), (6, "joined")])
    async def test_sees_what_was_put_away_while_it_waited(
        self, db: Database, client: httpx.AsyncClient, put: int, wanted: str
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=12)
        await shop.ask("milk", reason="other")  # A look would be of the very moment of the put.
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=12)
        mine = await on_floor(shop, task)

        async def put_away(tx: Tx) -> None:
            ana = await signed(db, "ana")
            deed = actions.PutAway(
                stamp=ana,
                task_id=mine["task_id"],
                fence=mine["fence"],
                lease=LEASE,
                settlements={1: Settlement(put=put)},
            )
            (done,) = await holding.do_all(tx, [(actions.PUT_AWAY, deed)])
            assert isinstance(done, holding.Done)

        asked = await after(db, put_away, shop.post("asks", {"code": "milk", "reason": "other"}))

        assert (asked.json()["outcome"], asked.json()["qty"]) == (wanted, 0)

    async def test_gives_nobody_what_another_shelf_got_while_it_waited(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """Ten in the backroom, six asked for; two who ask for all at once share the four that are left."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 10}, capacity=24)
        await shop.ask("milk", qty=6)

        async def ask(tx: Tx) -> None:
            wish = Ask(sku="milk", shelf="SH-milk", reason=Reason.OTHER, requester="x")
            assert (await asking.ask(tx, await signed(db, "lea"), wish)).netted.qty == 4

        asked = await after(db, ask, shop.post("asks", {"code": "milk", "reason": "other"}))

        assert (asked.json()["qty"], asked.json()["uncovered"]) == (0, 14)
        assert [p["qty_wanted"] for p in await all_rows(db, "pulls")] == [10]


class TestClaim:
    async def test_two_at_once_do_not_plan_the_same_units(self, db: Database, client: httpx.AsyncClient) -> None:
        """Two shelves want six each of an item that lies in two places with six each."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 6, "B2": 6}, capacity=6)
        await placement(db, sku="milk", shelf="END-1", capacity=6, is_home=False)
        for shelf in ("SH-milk", "END-1"):
            assert (await shop.ask("milk", shelf=shelf))["qty"] == 6

        async def claim(tx: Tx) -> None:
            assert await claim_in(tx, await signed(db, "ben"))

        cids = await after(db, claim, shop.claim(by="cid", max_lines=1))

        assert cids is not None
        lines = await all_rows(db, "task_lines")
        assert sorted((x["from_location"], x["qty_planned"]) for x in lines) == [("B1", 6), ("B2", 6)]

    async def test_a_short_takes_no_units_that_a_claim_is_planning(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 6, "B2": 6}, capacity=6)
        await placement(db, sku="milk", shelf="END-1", capacity=6, is_home=False)
        await shop.ask("milk", shelf="SH-milk")
        bens = await shop.claim(max_lines=1)
        await shop.ask("milk", shelf="END-1")

        async def claim(tx: Tx) -> None:
            assert await claim_in(tx, await signed(db, "cid"))

        short = await after(db, claim, shop.do(bens, "shorts", line_no=1, reason="not_there"))

        assert short.status_code == 201, short.text
        planned = [x for x in await all_rows(db, "task_lines") if x["state"] == "planned"]
        assert [(x["from_location"], x["qty_planned"]) for x in planned] == [("B2", 6)]

    async def test_nobody_hoards_by_asking_twice_at_once(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for n in range(4):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=6)
            await shop.ask(f"s{n}")
        for _ in range(2):
            assert await shop.claim(max_lines=1)

        async def claim(tx: Tx) -> None:
            assert await claim_in(tx, await signed(db, "ben"))

        refused = await after(db, claim, shop.post("claims", {"max_lines": 1}))

        assert (refused.status_code, refused.json()["code"]) == (409, "too-many-tasks")

    async def test_a_repeat_sent_before_the_answer_gets_the_same_task(
        self, db: Database, client: httpx.AsyncClient, neighbour: httpx.AsyncClient
    ) -> None:
        """The one pull there is is taken by the first request: to the repeat that must not look like nothing to do."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=6)
        await shop.ask("milk")
        headers = {**fresh_key(), "Authorization": f"Bearer {shop.keys['ben']}"}

        def send(to: httpx.AsyncClient) -> Coroutine[Any, Any, httpx.Response]:
            return to.post(f"{shop.url}/claims", json={}, headers=headers)

        async with db.begin() as tx:
            # The first request stands still while it writes: its events have to wait for this lock.
            await tx.run(sql("LOCK TABLE events IN SHARE MODE"))
            first = await parked(db, send(client))
            second = await parked(db, send(neighbour), behind=1)
        answers = [await first, await second]

        assert [a.status_code for a in answers] == [201, 201]
        assert answers[0].text == answers[1].text

    async def test_a_tub_that_is_being_taken_is_not_called_too_many_tasks(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=6)
            await shop.ask(sku)

        async with db.begin() as tx:
            assert await claim_in(tx, await signed(db, "ben"), tub="TUB-1")
            refused = await shop.post("claims", {"tub": "TUB-1", "max_lines": 1}, by="cid")

        assert refused.json()["code"] == "wrong-tub"


class TestShort:
    async def test_and_putting_away_do_not_die_of_each_other(self, db: Database, client: httpx.AsyncClient) -> None:
        """Both need the pull and the place: the units of one tub go back to where the other worker finds nothing."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=12)
        await tub(db, plate="TUB-2")
        await shop.ask("milk", qty=6)
        bens = await shop.claim(tub="TUB-1")
        await shop.do(bens, "picks", code="milk", qty=6)
        anas = await on_floor(shop, bens)
        await shop.ask("milk", qty=12)
        cids = await shop.claim(tub="TUB-2", by="cid")

        async with held(db, sku="milk", location="B1"):
            short = await parked(db, shop.do(cids, "shorts", by="cid", line_no=1, reason="not_there"))
            lines = [{"line_no": 1, "put": 4, "returned": 2}]
            put = await parked(db, shop.do(anas, "puts", by="ana", lines=lines), behind=1)

        assert [(await short).status_code, (await put).status_code] == [201, 201]
        assert (await audit(db)).holds


class TestCount:
    async def test_holds_against_a_sale_that_finds_its_shelf_for_the_first_time(self, db: Database) -> None:
        """The sale is older than the count, so the count has it; the book row of both is only being made."""
        await store(db)
        sku = await item(db)
        await location(db, code="A1", kind="shelf")

        async def sell() -> None:
            async with db.begin() as tx:
                earlier = stamp(occurred_at=NOON - timedelta(minutes=1))
                await stock.move_units(tx, earlier, sku=sku, qty=1, src="A1", dst="RECEIVING", reason=None)

        async def count(tx: Tx) -> None:
            await stock.count(tx, stamp(), sku=sku, location="A1", counted_qty=5)

        try:
            await after(db, count, sell())
        except Busy:
            await sell()  # As a caller does who is told to send it again.

        assert [b["qty"] for b in await all_rows(db, "balances", location="A1")] == [5]
        assert (await audit(db)).holds

    async def test_of_many_places_leaves_what_came_after_its_moment(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """Twelve are put on the shelf a second after the batch came in, by an act that is quicker."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 40}, capacity=24, on_shelf=5)

        async def put(tx: Tx) -> None:
            later = stamp(now=NOON + timedelta(seconds=1))
            await stock.move_units(tx, later, sku="milk", qty=12, src="B1", dst="SH-milk", reason=None)

        counts = {"counts": [{"code": "milk", "location": "SH-milk", "counted_qty": 5}], "reason": "opening"}
        answer = await after(db, put, shop.post("count-batches", counts, by="ben"))

        assert answer.json() == {"counted": 1, "differed": 0}
        assert [b["qty"] for b in await all_rows(db, "balances", location="SH-milk")] == [17]
