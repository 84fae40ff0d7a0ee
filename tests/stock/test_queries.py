"""What other rooms set beside the balances."""

from datetime import timedelta

from pullsvc.db import Database
from pullsvc.stock import actions
from pullsvc.stock.queries import set_triggers
from pullsvc.stock.rules import SOLD, Cause, Leg
from tests.factories import NOON, all_rows, item, location, placement, stamp, store

LATER = NOON + timedelta(minutes=1)


async def world(db: Database, *, on_shelf: int = 10) -> str:
    await store(db)
    sku = await item(db)
    await placement(db, sku=sku, shelf="A1")
    if on_shelf:
        async with db.begin() as tx:
            await actions.receive(tx, stamp(), sku=sku, qty=on_shelf, location="A1", reference="t")
    return sku


async def trigger(db: Database, *rows: tuple[str, str, int | None, int]) -> None:
    async with db.begin() as tx:
        await set_triggers(tx, store_id=1, rows=rows, now=LATER)


async def sell(db: Database, sku: str, qty: int) -> None:
    async with db.begin() as tx:
        leg = Leg(sku=sku, qty=qty, src="A1", dst=SOLD, cause=Cause.SALE, cause_id="r1")
        await actions.move(tx, stamp(), [leg])


async def flag(db: Database, sku: str) -> tuple[int, int | None, object]:
    (row,) = await all_rows(db, "balances", sku=sku)
    return row["qty"], row["trigger_qty"], row["flagged_at"]


class TestSetTriggers:
    async def test_has_a_sale_that_meets_the_trigger_raise_a_flag(self, db: Database) -> None:
        sku = await world(db)
        await trigger(db, (sku, "A1", 4, 10))

        await sell(db, sku, 5)
        assert await flag(db, sku) == (5, 4, None)
        await sell(db, sku, 1)
        assert await flag(db, sku) == (4, 4, NOON)

    async def test_takes_the_flag_down_when_the_book_is_what_was_looked_at(self, db: Database) -> None:
        sku = await world(db)
        await trigger(db, (sku, "A1", 4, 10))
        await sell(db, sku, 7)
        await trigger(db, (sku, "A1", 4, 3))

        assert await flag(db, sku) == (3, 4, None)

    async def test_keeps_the_flag_when_more_was_sold_meanwhile(self, db: Database) -> None:
        sku = await world(db)
        await trigger(db, (sku, "A1", 4, 10))
        await sell(db, sku, 7)
        await sell(db, sku, 1)
        await trigger(db, (sku, "A1", 4, 3))

        assert await flag(db, sku) == (2, 4, NOON)

    async def test_flags_what_has_met_a_new_trigger_meanwhile(self, db: Database) -> None:
        sku = await world(db)
        await sell(db, sku, 7)
        await trigger(db, (sku, "A1", 4, 10))

        assert await flag(db, sku) == (3, 4, LATER)

    async def test_makes_a_balance_for_a_shelf_that_never_held_the_item(self, db: Database) -> None:
        sku = await world(db, on_shelf=0)
        await trigger(db, (sku, "A1", 4, 0))

        assert await flag(db, sku) == (0, 4, None)

    async def test_makes_none_where_nothing_is_watched_or_the_place_is_no_shelf(self, db: Database) -> None:
        sku = await world(db, on_shelf=0)
        await location(db, code="B1")
        await trigger(db, (sku, "A1", None, 0), (sku, "B1", 4, 0))

        assert await all_rows(db, "balances") == []

    async def test_ends_the_watch_over_a_shelf(self, db: Database) -> None:
        sku = await world(db)
        await trigger(db, (sku, "A1", 4, 10))
        await sell(db, sku, 7)
        await trigger(db, (sku, "A1", None, 3))

        assert await flag(db, sku) == (3, None, None)

    async def test_does_not_say_that_units_moved(self, db: Database) -> None:
        sku = await world(db)
        await trigger(db, (sku, "A1", 4, 10))

        assert [row["updated_at"] for row in await all_rows(db, "balances", sku=sku)] == [NOON]
