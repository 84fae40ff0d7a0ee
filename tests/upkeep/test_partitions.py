"""Partitions ahead, old days gone, and the books still proven by what is left."""

import asyncio
from datetime import date, timedelta

import httpx
import pytest

from pullsvc.access.edge import MAX_LATE_DAYS
from pullsvc.audit import audit
from pullsvc.config import Settings
from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp, append
from pullsvc.sales.actions import receive_receipts
from pullsvc.sales.rules import Key, Lines, Result, Status, make_receipt
from pullsvc.stock import actions as stock
from pullsvc.upkeep import maintain
from pullsvc.upkeep import partitions as parts
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, floor, item, location, placement, stamp, stocked, store

RETENTION_DAYS = 30


async def partitions(db: Database, table: str) -> set[date]:
    async with db.read() as tx:
        return {row.day for row in await tx.rows(parts.PARTITIONS, parent=table)}


async def roll(db: Database, *, days_later: int = 0) -> parts.Rolled:
    return await parts.roll(db, now=NOON + timedelta(days=days_later), retention_days=RETENTION_DAYS)


async def clean(db: Database) -> None:
    """Drop all partitions of days: other tests have left some."""
    for table in parts.PARTITIONED:
        async with db.begin() as tx:
            for row in await tx.rows(parts.PARTITIONS, parent=table):
                await tx.run(sql(f"DROP TABLE {row.name}"))


async def receive(db: Database, sku: str, qty: int, signed: Stamp) -> None:
    async with db.begin() as tx:
        await stock.receive(tx, signed, sku=sku, qty=qty, location="B1", reference="truck")
        await stock.move_units(tx, signed, sku=sku, qty=1, src="B1", dst="A1", reason=None)


async def world(db: Database) -> str:
    await clean(db)
    await store(db)
    sku = await item(db)
    await placement(db, sku=sku, shelf="A1")
    await location(db, code="B1")
    return sku


class TestRoll:
    async def test_makes_today_and_a_week_ahead_of_every_table(self, db: Database) -> None:
        await world(db)
        await roll(db)

        wanted = {NOON.date() + timedelta(days=n) for n in range(parts.DAYS_AHEAD + 1)}
        assert [await partitions(db, table) for table in parts.PARTITIONED] == [wanted] * len(parts.PARTITIONED)

    async def test_finds_nothing_left_to_do_the_second_time(self, db: Database) -> None:
        await world(db)
        await roll(db)
        again = await roll(db)

        assert (again.made, again.dropped, again.rows_dropped) == ([], [], 0)

    async def test_moves_rows_that_came_before_their_partition(self, db: Database) -> None:
        """Also of a day long past, as an import of old receipts leaves them; each row keeps its number and its txid."""
        sku = await world(db)
        await receive(db, sku, 5, stamp())
        await receive(db, sku, 5, stamp(now=NOON - timedelta(days=9)))
        before = await all_rows(db, "events")
        report = await roll(db)

        assert "events_20260305" in report.made
        assert await all_rows(db, "events_default") == []
        assert sorted(await all_rows(db, "events"), key=repr) == sorted(before, key=repr)
        assert (await audit(db)).holds

    async def test_new_rows_go_to_the_partition_and_are_numbered_on(self, db: Database) -> None:
        sku = await world(db)
        await receive(db, sku, 5, stamp())
        await roll(db)
        await receive(db, sku, 5, stamp())
        rows = await all_rows(db, "movements")

        assert await all_rows(db, "movements_default") == []
        assert len({row["movement_id"] for row in rows}) == len(rows) == 4

    async def test_the_books_hold_after_days_were_dropped(self, db: Database) -> None:
        """Days with a partition and days that never had one, and a movement between places that both survive."""
        sku = await world(db)
        for days_ago in (40, 20, 0):
            await receive(db, sku, 10, stamp(now=NOON - timedelta(days=days_ago)))
        first = await roll(db)
        assert first.rows_dropped > 0
        assert (await audit(db)).holds
        later = await roll(db, days_later=25)

        assert "movements_20260222" in later.dropped
        kept = [m["day"] for m in await all_rows(db, "movements")]
        assert set(kept) == {NOON.date()}
        assert {o["qty"] for o in await all_rows(db, "ledger_openings", location="@supplier")} == {-20}
        finding = await audit(db)
        assert finding.holds, finding.breaches

    async def test_the_audit_would_notice_a_day_dropped_without_folding(self, db: Database) -> None:
        sku = await world(db)
        await receive(db, sku, 10, stamp())
        async with db.begin() as tx:
            await tx.run(sql("DELETE FROM movements"))

        assert {breach.law for breach in (await audit(db)).breaches} == {"law-1-books", "law-1-conservation"}

    async def test_waits_for_an_act_in_flight_and_takes_its_row(self, db: Database) -> None:
        """An act has written an event of today and not committed; its row must not stay behind in the default."""
        await world(db)
        async with db.begin() as tx:
            append(tx, stamp(), "thing.done", "in flight")
            await tx.write_trailing()
            upkeep_running = asyncio.create_task(roll(db))
            await waiting_for_a_lock(db)
        await upkeep_running

        assert [e["subject"] for e in await all_rows(db, "events_20260314")] == ["in flight"]

    async def test_lets_an_act_through_that_came_while_it_waited(self, db: Database) -> None:
        """It queues behind the upkeep, and must not end up bound for the default partition."""

        async def act() -> None:
            async with db.begin() as tx:
                append(tx, stamp(), "thing.done", "queued")

        await world(db)
        await act()  # The statement is prepared on a connection, as it is in a service that has run for a while.
        async with db.begin() as tx:
            append(tx, stamp(), "thing.done", "in flight")
            await tx.write_trailing()
            upkeep_running = asyncio.create_task(roll(db))
            await waiting_for_a_lock(db)
            queued = asyncio.create_task(act())
            await waiting_for_a_lock(db, sessions=2)
        await upkeep_running
        await queued

        assert len(await all_rows(db, "events_20260314")) == 3


async def waiting_for_a_lock(db: Database, *, sessions: int = 1) -> None:
    """Return once so many sessions of this database wait for a lock."""
    blocked = sql("""
        SELECT count(*) AS sessions FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """)
    async with asyncio.timeout(10):
        while True:
            async with db.read() as tx:
                if (await tx.one(blocked)).sessions >= sessions:
                    return
            await asyncio.sleep(0.01)


async def test_a_receipt_that_may_still_come_again_is_kept(db: Database) -> None:
    """However short the retention: once its row is gone, the same receipt would count a second time."""
    await world(db)
    now = NOON + timedelta(days=RETENTION_DAYS + 10)
    receipt = make_receipt(
        Key(NOON.date(), "4", 1), occurred_at=NOON, pos_revision=None, status=Status.COMPLETED, lines=Lines()
    )
    async with db.begin() as tx:
        await receive_receipts(tx, stamp(), [receipt])
    await roll(db, days_later=RETENTION_DAYS + 10)
    async with db.begin() as tx:
        (again,) = await receive_receipts(tx, stamp(now=now), [receipt])

    assert again.result is Result.REPEATED


class TestSetting:
    def test_keeps_the_ledger_for_as_long_as_a_count_may_be_late(self) -> None:
        """And two days more: a movement may be filed under the day before it happened, and days end by UTC."""
        with pytest.raises(ValueError, match="retention_days"):
            Settings(retention_days=MAX_LATE_DAYS + 1)

        assert Settings(retention_days=MAX_LATE_DAYS + 2).retention_days == MAX_LATE_DAYS + 2

    async def test_at_its_least_loses_nothing_that_a_late_count_needs(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Thirty were counted, ten were carried away an hour later; the count arrives a month after."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=24)
        counted_at = clock.pass_(minutes=1)
        clock.pass_(hours=1)
        move = {"code": "milk", "qty": 10, "from_location": "B1", "to_location": "RETURNS", "reason": "away"}
        assert (await shop.post("moves", move)).status_code == 201
        now = clock.pass_(days=MAX_LATE_DAYS, hours=-1)
        await maintain(db, now=now, retention_days=MAX_LATE_DAYS + 2, work_days=7)

        count = {"code": "milk", "location": "B1", "counted_qty": 30, "occurred_at": counted_at.isoformat()}
        assert (await shop.post("counts", count)).status_code == 201

        assert [b["qty"] for b in await all_rows(db, "balances", location="B1")] == [20]
