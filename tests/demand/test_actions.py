"""Learning from finished business days: each once, whatever stops in between."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from pullsvc.db import Database, sql
from pullsvc.demand import actions
from pullsvc.demand.queries import calendar
from pullsvc.demand.rules import KEEP_A_DAY, Rate
from tests.factories import NOON, all_rows, item, placement, sale, stamp, store

TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)
HOURS = 16  # The factory's store is open from 06:00 to 22:00.


def days_ago(n: int) -> date:
    return TODAY - timedelta(days=n)


async def sell(
    db: Database, sku: str, qty: int, *, day: date = TODAY, at: datetime | None = None, store_id: int = 1
) -> None:
    """A sale as the intake would write it; by default sold at noon of the business day."""
    await sale(db, sku=sku, qty=qty, day=day, at=at or datetime.combine(day, NOON.time(), UTC), store_id=store_id)


async def learn(db: Database, *, until: date = YESTERDAY, now: datetime = NOON) -> int:
    async with db.begin() as tx:
        return await actions.learn(tx, stamp(now=now), until=until)


async def learnt(db: Database, sku: str) -> tuple[float, float] | None:
    rows = await all_rows(db, "sell_through", sku=sku)
    return (rows[0]["units"], rows[0]["hours"]) if rows else None


async def rate(db: Database, sku: str, *, now: datetime = NOON) -> Rate:
    async with db.read() as tx:
        hours = await calendar(tx, store_id=1)
        return (await actions.rates(tx, store_id=1, hours=hours, skus=[sku], now=now))[sku]


class TestLearn:
    async def test_forgets_older_days_step_by_step(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(3))
        await sell(db, sku, 6, day=days_ago(1))

        assert await learn(db) == 3

        # The day in between has no lines at all: the feed was down, so it is no evidence.
        assert await learnt(db, sku) == pytest.approx((10 * KEEP_A_DAY**2 + 6, HOURS * (KEEP_A_DAY**2 + 1)))

    async def test_says_the_same_day_by_day_as_at_once(self, db: Database) -> None:
        await store(db)
        await store(db, store_id=2)
        for n in (1, 2):
            await item(db, sku="a", store_id=n)
            await item(db, sku="b", store_id=n)
            for ago in range(6, 0, -1):
                await sell(db, "a", ago, day=days_ago(ago), store_id=n)
                await sell(db, "b", 2 * ago, day=days_ago(ago), store_id=n)
        async with db.begin() as tx:
            await actions.learn(tx, stamp(store_id=2), until=days_ago(1))
        for ago in range(6, 0, -1):
            assert await learn(db, until=days_ago(ago)) == 1

        at_once = {r["sku"]: (r["units"], r["hours"]) for r in await all_rows(db, "sell_through", store_id=2)}
        for sku in ("a", "b"):
            assert await learnt(db, sku) == pytest.approx(at_once[sku])

    async def test_changes_nothing_when_repeated(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(1))
        await learn(db)
        once = await learnt(db, sku)

        assert await learn(db) == 0
        assert await learnt(db, sku) == once

    async def test_counts_a_day_once_when_many_learn_at_once(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(2))

        days = await asyncio.gather(*(learn(db, until=days_ago(1 + n % 2)) for n in range(8)))

        assert sum(days) == 2
        assert await learnt(db, sku) == pytest.approx((10 * KEEP_A_DAY, HOURS * KEEP_A_DAY))

    async def test_leaves_a_day_that_has_not_settled(self, db: Database) -> None:
        """The business day turns at 05:00; at 05:30 tills may still be sending."""
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(1))

        early = NOON.replace(hour=5, minute=30)
        assert await learn(db, until=TODAY, now=early) == 0
        assert await learn(db, until=TODAY, now=early + timedelta(hours=1)) == 1

    async def test_passes_over_lines_that_come_after_their_day_was_learnt(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(1))
        await learn(db)
        await sell(db, sku, 99, day=days_ago(1))

        assert await learn(db) == 0
        assert (await learnt(db, sku) or (0, 0))[0] == 10

    async def test_learns_from_days_on_which_a_placed_item_did_not_sell(self, db: Database) -> None:
        await store(db)
        sold, silent = await item(db), await item(db)
        await placement(db, sku=silent)
        await sell(db, sold, 1, day=days_ago(1))
        await learn(db)

        assert await learnt(db, silent) == (0, HOURS)

    async def test_does_not_take_returns_for_less_demand(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 5, day=days_ago(1))
        await sell(db, sku, -4, day=days_ago(1))
        await learn(db)

        assert await learnt(db, sku) == (5, HOURS)

    async def test_takes_the_hours_of_a_closed_day_from_its_sales(self, db: Database) -> None:
        await store(db)
        async with db.begin() as tx:
            await tx.run(sql("UPDATE stores SET opening_hours = '{}'"))
        sku = await item(db)
        noon = NOON - timedelta(days=1)
        await sell(db, sku, 5, day=days_ago(1), at=noon)
        await sell(db, sku, 5, day=days_ago(1), at=noon + timedelta(hours=4))
        await learn(db)

        assert await learnt(db, sku) == (10, 4)

    async def test_knows_nothing_of_a_store_that_never_sold(self, db: Database) -> None:
        await store(db)
        await placement(db, sku=await item(db))

        assert await learn(db) == 0
        assert await all_rows(db, "sell_through") == []

    async def test_takes_four_statements_however_many_days_and_items(self, db: Database, statements: list[str]) -> None:
        await store(db)
        for _ in range(5):
            await sell(db, await item(db), 3, day=days_ago(9))
        statements.clear()

        await learn(db)

        assert len(statements) == 4  # The last one is the event.


class TestRates:
    async def test_takes_one_statement(self, db: Database, statements: list[str]) -> None:
        await store(db)
        skus = [await item(db) for _ in range(5)]
        for sku in skus:
            await sell(db, sku, 3)
        async with db.read() as tx:
            hours = await calendar(tx, store_id=1)
            statements.clear()
            rates = await actions.rates(tx, store_id=1, hours=hours, skus=None, now=NOON)

        assert len(statements) == 1
        assert set(rates) == set(skus)

    async def test_rises_with_sales_of_today(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        before = await rate(db, sku)
        await sell(db, sku, 12, at=NOON - timedelta(minutes=30))

        assert (await rate(db, sku)).per_h > before.per_h + 0.5

    async def test_does_not_know_of_sales_after_now(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 12, at=NOON + timedelta(minutes=30))

        assert await rate(db, sku) == await rate(db, "none-of-ours")

    async def test_does_not_take_an_empty_shelf_for_a_slow_item(self, db: Database) -> None:
        """Both sold six by half past nine; one shelf is empty since then, the other one is not."""
        await store(db)
        empty, full = await item(db), await item(db)
        last_sale = NOON - timedelta(hours=2, minutes=30)
        for sku, qty in ((empty, 0), (full, 5)):
            await placement(db, sku=sku)
            await sell(db, sku, 6, at=last_sale)
            async with db.begin() as tx:
                await tx.run(
                    sql("INSERT INTO balances (store_id, sku, location, kind, qty, updated_at)"
                        " VALUES (1, :sku, 'A1', 'shelf', :qty, :at)"),
                    sku=sku, qty=qty, at=last_sale,
                )  # fmt: skip

        assert (await rate(db, empty)).per_h > (await rate(db, full)).per_h * 1.1
