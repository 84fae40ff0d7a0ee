"""What passes the tills: the same books as `move` makes of the same movements, in less time."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import RETURNED, SOLD, Cause, Leg, NoSuchLocation, Passage
from pullsvc.stock.till import pass_tills
from tests.conftest import Statements
from tests.factories import NOON, all_rows, item, placement, stamp, store
from tests.sales.test_replay import somebody_waits


def sold(qty: int, *, sku: str = "milk", minutes: int = 0, place: str = "A1") -> Passage:
    """Eaches sold over the till; below 0: taken back by a correction."""
    return Passage(f"r{minutes}", {(sku, Cause.SALE, place, NOON + timedelta(minutes=minutes)): qty})


async def passed(db: Database, *passages: Passage, store_id: int = 1, late_s: int = 0) -> None:
    signed = stamp(store_id=store_id, now=NOON + timedelta(hours=1, seconds=late_s))
    async with db.begin() as tx:
        await pass_tills(tx, [(signed, passage) for passage in passages])


async def shop(db: Database, *, store_id: int = 1) -> None:
    await store(db, store_id=store_id)
    for sku in ("milk", "bread"):
        await item(db, sku=sku, store_id=store_id)
        await placement(db, sku=sku, store_id=store_id)


async def wipe(db: Database) -> None:
    async with db.begin() as tx:
        for table in ("movements", "balances", "discrepancies", "counts"):
            await tx.run(sql(f"DELETE FROM {table}"))


def as_legs(passage: Passage) -> Iterator[Leg]:
    for (sku, cause, location, occurred_at), qty in passage.flows.items():
        outside = SOLD if cause is Cause.SALE else RETURNED
        leaves = (qty > 0) is (cause is Cause.SALE)
        src, dst = (location, outside) if leaves else (outside, location)
        yield Leg(
            sku=sku, qty=abs(qty), src=src, dst=dst, cause=cause, cause_id=passage.cause_id, occurred_at=occurred_at
        )


ways = st.sampled_from([(Cause.SALE, "A1"), (Cause.CUSTOMER_RETURN, "RETURNS")])
flows = st.builds(
    lambda sku, way, minutes: (sku, *way, NOON + timedelta(minutes=minutes)),
    st.sampled_from(["milk", "bread"]),
    ways,
    st.integers(-3, 3),
)
passed_by = st.builds(
    Passage,
    st.sampled_from(["r1", "r2"]),
    st.dictionaries(flows, st.integers(-9, 9).filter(bool), min_size=1, max_size=4),
)


async def pictured(db: Database) -> dict[str, Any]:
    """All that a movement leaves behind, but for numbers given out and the order of writing."""
    columns = {
        "movements": ("sku", "qty", "from_location", "to_location", "cause", "cause_id", "occurred_at", "principal_id"),
        "balances": ("sku", "location", "kind", "qty", "counted_at", "flagged_at", "updated_at"),
        "discrepancies": ("kind", "sku", "location", "qty", "times", "state", "cause", "resolution"),
    }
    return {
        table: sorted(
            tuple(str(row[name]) for name in names)
            for row in await all_rows(db, table)
            if row.get("cause") != "count"  # Names its count by a number given out.
        )
        for table, names in columns.items()
    }


class TestPassTills:
    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(batches=st.lists(st.lists(passed_by, min_size=1, max_size=4), min_size=1, max_size=3), counted=st.booleans())
    async def test_leaves_the_same_behind_as_a_move(
        self, db: Database, batches: Sequence[Sequence[Passage]], counted: bool
    ) -> None:
        await shop_once(db)
        pictures = []
        for lean in (True, False):
            await wipe(db)
            if counted:  # At noon, so that some of the legs are in the count already; and with a trigger.
                async with db.begin() as tx:
                    await stock.count(tx, stamp(), sku="milk", location="A1", counted_qty=4)
                    await tx.run(sql("UPDATE balances SET trigger_qty = 2"))
            for batch in batches:
                if lean:
                    await passed(db, *batch)
                else:
                    async with db.begin() as tx:
                        signed = stamp(now=NOON + timedelta(hours=1))
                        await stock.move(tx, signed, [leg for passage in batch for leg in as_legs(passage)])
            pictures.append(await pictured(db))

        assert pictures[0] == pictures[1]

    async def test_takes_back_at_once_what_a_count_has_seen(self, db: Database) -> None:
        await shop(db)
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku="milk", location="A1", counted_qty=7)
        await passed(db, sold(2, minutes=-5), sold(1, minutes=5), sold(4, minutes=-1))

        assert [row["qty"] for row in await all_rows(db, "balances")] == [6]
        back = [row["qty"] for row in await all_rows(db, "movements", cause="absorbed")]
        assert sorted(back) == [2, 4]

    async def test_keeps_the_stores_apart(self, db: Database) -> None:
        await shop(db)
        await shop(db, store_id=2)
        async with db.begin() as tx:
            await pass_tills(tx, [(stamp(store_id=2), sold(5)), (stamp(store_id=1), sold(3))])

        assert {row["store_id"]: row["qty"] for row in await all_rows(db, "balances")} == {1: -3, 2: -5}

    async def test_sees_what_was_written_while_it_waited_for_the_lock(self, db: Database) -> None:
        """The row lies elsewhere after the other's update: what is written goes to where it lies then."""
        await shop(db)
        await passed(db, sold(1))
        async with db.begin() as tx:
            await pass_tills(tx, [(stamp(), sold(10))])
            waiting = [asyncio.create_task(passed(db, sold(100))) for _ in range(3)]
            await somebody_waits(db)
        await asyncio.gather(*waiting)

        assert [row["qty"] for row in await all_rows(db, "balances")] == [-311]

    async def test_does_not_miss_a_count_that_it_waited_for(self, db: Database) -> None:
        await shop(db)
        await passed(db, sold(1))
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku="milk", location="A1", counted_qty=7)
            late = asyncio.create_task(passed(db, sold(2, minutes=-5)))
            await somebody_waits(db)
        await late

        assert [row["qty"] for row in await all_rows(db, "balances")] == [7]

    async def test_makes_a_first_book_once_when_two_sell_at_once(self, db: Database) -> None:
        await shop(db)
        await asyncio.gather(*(passed(db, sold(1), sold(2, sku="bread")) for _ in range(12)))

        assert {row["sku"]: row["qty"] for row in await all_rows(db, "balances")} == {"milk": -12, "bread": -24}

    async def test_refuses_a_place_that_is_no_shelf_and_changes_nothing(self, db: Database) -> None:
        await shop(db)
        with pytest.raises(NoSuchLocation):
            await passed(db, sold(1), sold(1, place="NOWHERE"))

        assert await all_rows(db, "movements") == []

    async def test_is_one_statement_and_none_for_nothing(self, db: Database, statements: Statements) -> None:
        await shop(db)
        statements.clear()
        await passed(db, *(sold(1, minutes=n) for n in range(50)))
        await passed(db)

        assert len(statements) == 1


async def shop_once(db: Database) -> None:
    if not await all_rows(db, "stores"):
        await shop(db)
