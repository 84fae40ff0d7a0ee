"""What has ended goes some days after its end; what is still needed stays, and the audit holds all along."""

import asyncio
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pytest

from pullsvc import upkeep
from pullsvc.access import devices, sessions
from pullsvc.audit import audit
from pullsvc.db import Database, sql
from pullsvc.pulls.offers import GOOD_FOR
from pullsvc.sales.actions import receive_receipts
from pullsvc.sales.rules import Key, Lines, Status, make_receipt
from pullsvc.stock import actions as stock
from pullsvc.upkeep import pruning
from pullsvc.upkeep.partitions import MIN_SALES_DAYS
from pullsvc.web.idempotency import KEEP_DAYS
from tests.access.people import person
from tests.claims import offer
from tests.conftest import Ticking
from tests.factories import NOON, Floor, all_rows, floor, item, location, stamp, stocked, store

WORK_DAYS = 30
RETENTION_DAYS = 400
LATER = NOON + timedelta(days=WORK_DAYS, seconds=1)


async def prune(db: Database, *, now: datetime = LATER, store_id: int = 1) -> Counter[str]:
    return await upkeep.prune_store(db, store_id=store_id, now=now, retention_days=RETENTION_DAYS, work_days=WORK_DAYS)


async def bring(shop: Floor, task: Any, *, picked: int = 99, **settled: int) -> Any:
    """Pick the lines of a claimed task, stage it, take it to the floor; put away of its first line, or all."""
    for line in task["lines"]:
        await shop.do(task, "picks", line_no=line["line_no"], qty=min(picked, line["qty_planned"]))
    await shop.do(task, "staging", lane="LANE-1")
    on_floor = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()
    lines = [{"line_no": 1, **settled}] if settled else []
    answer = await shop.do(on_floor, "puts", lines=lines, all_put=not settled, by="ana")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def kept(db: Database, *tables: str) -> list[int]:
    return [len(await all_rows(db, table)) for table in tables]


WORK = ("asks", "pulls", "tasks", "task_lines", "pull_openings")


class TestWork:
    async def test_goes_with_everything_that_belongs_to_it(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await shop.ask("milk", reason="customer_waiting")
        await bring(shop, await shop.claim(tub="TUB-1"))

        pruned = await prune(db)

        assert (pruned["tasks"], pruned["pulls"]) == (1, 1)
        assert await kept(db, *WORK) == [0, 0, 0, 0, 0]
        assert (await audit(db)).holds

    async def test_stays_while_it_is_young(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await bring(shop, await shop.claim(tub="TUB-1"))

        pruned = await prune(db, now=NOON + timedelta(days=WORK_DAYS))

        assert pruned.total() == 0
        assert await kept(db, *WORK) == [1, 1, 1, 1, 0]

    async def test_stays_while_it_has_not_ended(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=12)
            await shop.ask(sku)
        await shop.claim(tub="TUB-1", max_lines=1)

        assert (await prune(db)).total() == 0

    async def test_leaves_what_it_brought_to_a_pull_that_stays(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Three tubs bring parts of one pull, weeks apart; each comes when the one before is forgotten."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await bring(shop, await shop.claim(tub="TUB-1"), picked=4)
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["qty_put"]) == ("open", 4)

        assert (await prune(db))["tasks"] == 1
        assert [(o["pull_id"], o["qty_put"]) for o in await all_rows(db, "pull_openings")] == [(pull["pull_id"], 4)]
        finding = await audit(db)
        assert finding.holds, finding.breaches

        clock.pass_(days=WORK_DAYS + 1)
        await bring(shop, await shop.claim(tub="TUB-1"), picked=3)
        await prune(db, now=LATER + timedelta(days=WORK_DAYS + 1))
        assert [o["qty_put"] for o in await all_rows(db, "pull_openings")] == [7]
        assert (await audit(db)).holds

        await bring(shop, await shop.claim(tub="TUB-1"))
        assert (await audit(db)).holds
        pruned = await prune(db, now=LATER + timedelta(days=WORK_DAYS + 1))
        assert (pruned["tasks"], pruned["pulls"]) == (1, 1)
        assert await kept(db, *WORK) == [0, 0, 0, 0, 0]
        assert (await audit(db)).holds

    async def test_a_pull_waits_for_the_task_that_still_names_it(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """All of the milk is on its shelf, but its tub is not empty: there are eggs in it still."""
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=12)
            await shop.ask(sku)
        task = await shop.claim(tub="TUB-1")
        qty = task["lines"][0]["qty_planned"]
        on_floor = await bring(shop, task, put=qty)
        assert sorted(p["state"] for p in await all_rows(db, "pulls")) == ["closed", "filled"]

        assert (await prune(db)).total() == 0
        clock.pass_(days=WORK_DAYS)
        await shop.do(on_floor, "puts", lines=[], all_put=True, by="ana")
        assert (await prune(db)).total() == 0
        finding = await audit(db)
        assert finding.holds, finding.breaches

        pruned = await prune(db, now=LATER + timedelta(days=WORK_DAYS))
        assert (pruned["tasks"], pruned["pulls"]) == (1, 2)
        assert (await audit(db)).holds

    async def test_the_audit_would_notice_lines_that_left_nothing(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await bring(shop, await shop.claim(tub="TUB-1"), picked=4)
        await prune(db)
        async with db.begin() as tx:
            await tx.run(sql("DELETE FROM pull_openings"))

        assert {breach.law for breach in (await audit(db)).breaches} == {"law-3-pulls"}

    async def test_goes_in_batches_also_when_two_prune_at_once(
        self, db: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is counted twice, nothing stays behind, and neither dies of the other."""
        shop = await floor(db, client)
        for n in range(9):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=12)
            await shop.ask(f"s{n}")
            await bring(shop, await shop.claim(tub="TUB-1"))
        monkeypatch.setattr(pruning, "PRUNED_AT_ONCE", 2)

        one, other = await asyncio.gather(prune(db), prune(db))
        rest = await prune(db)

        assert +(one + other + rest) == Counter(tasks=9, pulls=9)
        assert await kept(db, *WORK) == [0, 0, 0, 0, 0]

    async def test_that_somebody_holds_is_passed_over(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=12)
            await shop.ask(sku)
            await bring(shop, await shop.claim(tub="TUB-1"))
        async with db.begin() as tx:
            await tx.run(sql("SELECT 1 FROM tasks ORDER BY task_id LIMIT 1 FOR UPDATE"))
            async with asyncio.timeout(5):
                pruned = await prune(db)

        assert (pruned["tasks"], pruned["pulls"]) == (1, 1)

    async def test_of_other_stores_stays(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await store(db, store_id=2)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await bring(shop, await shop.claim(tub="TUB-1"))

        assert (await prune(db, store_id=2)).total() == 0


class TestRest:
    async def test_counts_and_discrepancies_go_when_they_are_done(self, db: Database) -> None:
        """A count that is asked for, and a discrepancy that is open, are for somebody to do, however old they are."""
        await store(db)
        await location(db, code="B1")
        for sku in ("milk", "eggs"):
            await item(db, sku=sku)
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku="milk", location="B1", counted_qty=5)
            await stock.request_count(tx, stamp(), sku="eggs", location="B1", reason="short")
            await stock.open_discrepancy(
                tx, stamp(), kind="short", sku="eggs", location="B1", qty=2, cause="task", cause_id="1"
            )
        (variance,) = await all_rows(db, "discrepancies", kind="variance")
        async with db.begin() as tx:
            await stock.close_discrepancy(
                tx, stamp(), discrepancy_id=variance["discrepancy_id"], resolution="we found the box"
            )

        pruned = await prune(db)

        assert +pruned == Counter(counts=1, discrepancies=1)
        assert [c["state"] for c in await all_rows(db, "counts")] == ["requested"]
        assert [d["state"] for d in await all_rows(db, "discrepancies")] == ["open"]
        assert (await audit(db)).holds

    async def test_what_was_corrected_goes_with_its_receipt(self, db: Database) -> None:
        """Not before: the first version may come again, and must be known as the old one that it is."""
        await store(db)
        key = Key(NOON.date(), "4", 1)
        first = make_receipt(key, occurred_at=NOON, pos_revision=1, status=Status.COMPLETED, lines=Lines())
        second = make_receipt(key, occurred_at=NOON, pos_revision=2, status=Status.VOIDED, lines=Lines())
        async with db.begin() as tx:
            await receive_receipts(tx, stamp(), [first])
            await receive_receipts(tx, stamp(), [second])

        now = NOON + timedelta(days=MIN_SALES_DAYS)
        none = await upkeep.prune_store(db, store_id=1, now=now, retention_days=7, work_days=7)
        one = await upkeep.prune_store(db, store_id=1, now=now + timedelta(days=1), retention_days=7, work_days=7)

        assert (none["receipt_revisions"], one["receipt_revisions"]) == (0, 1)
        assert await all_rows(db, "receipt_revisions") == []

    async def test_what_is_left_of_signing_in_goes_with_the_work(self, db: Database) -> None:
        """Devices and people stay; so does a lock-out that still holds, and how often a lead lifted some of late."""
        await store(db)
        await person(db, badge="B-1")
        lifter = "INSERT INTO sign_in_guards VALUES (1, 'lifter:7', 0, :before, NULL, 6, :of_late)"
        async with db.begin() as tx:
            await tx.run(sql(lifter), before=NOON, of_late=LATER)
        for at in (NOON, LATER):
            async with db.begin() as tx:
                made = await devices.make_enrolment(tx, stamp(), name="Handheld", wall_now=at)
                one = await devices.enrol(tx, code=made.code, repeat_key=None, now=at, wall_now=at)
                attempt = await sessions.begin_attempt(tx, one, badge="B-1", now=at)
                await sessions.begin_session(tx, attempt, lasts=timedelta(hours=12), now=at, wall_now=at)

        pruned = await prune(db, now=LATER + timedelta(hours=12))

        assert (pruned["sessions"], pruned["device_enrolments"], pruned["sign_in_guards"]) == (1, 1, 1)
        assert await kept(db, "sessions", "device_enrolments", "sign_in_guards", "devices", "people") == [1, 1, 3, 2, 1]

    async def test_idempotency_keys_go_when_their_acts_would_be_too_late(self, db: Database) -> None:
        await store(db)
        insert = sql("""
            INSERT INTO idempotency_keys (store_id, principal_id, key, fingerprint, status, body, created_at)
            VALUES (1, 1, :key, '', 200, '{}', :at)
        """)
        async with db.begin() as tx:
            await tx.run(insert, key="old", at=NOON - timedelta(days=KEEP_DAYS, seconds=1))
            await tx.run(insert, key="young", at=NOON - timedelta(days=KEEP_DAYS))

        assert (await prune(db, now=NOON))["idempotency_keys"] == 1
        assert [row["key"] for row in await all_rows(db, "idempotency_keys")] == ["young"]


async def test_maintain_does_it_in_every_store(db: Database) -> None:
    for store_id in (1, 2):
        await store(db, store_id=store_id)
        await item(db, store_id=store_id, sku="milk")
        await location(db, store_id=store_id, code="B1")
        async with db.begin() as tx:
            await stock.count(tx, stamp(store_id=store_id), sku="milk", location="B1", counted_qty=0)

    report = await upkeep.maintain(db, now=LATER, retention_days=RETENTION_DAYS, work_days=WORK_DAYS)

    assert report.pruned["counts"] == 2
    assert f"events_{date(2026, 4, 13):%Y%m%d}" in report.rolled.made


class TestOffers:
    async def test_go_once_nobody_may_take_them(self, db: Database) -> None:
        await store(db)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={"B1": 30})
        await offer(db, "milk")
        await offer(db, "eggs", now=NOON + timedelta(minutes=1))

        pruned = await prune(db, now=NOON + GOOD_FOR + timedelta(seconds=1))

        assert pruned["offers"] == 1
        assert [o["sku"] for o in await all_rows(db, "offers")] == ["eggs"]
