"""The ledger's laws: what a move, a late fact and a count do to the books."""

import asyncio
import itertools
from datetime import datetime, timedelta

import pytest

from pullsvc.audit import audit
from pullsvc.db import Database
from pullsvc.stock import actions, batches
from pullsvc.stock.rules import SOLD, SUPPLIER, Cause, Leg, NoSuchLocation, SamePlace
from tests.factories import NOON, all_rows, item, location, placement, stamp, store


async def qty_at(db: Database, place: str, sku: str) -> int | None:
    rows = await all_rows(db, "balances", location=place, sku=sku)
    return rows[0]["qty"] if rows else None


async def world(db: Database) -> str:
    await store(db)
    sku = await item(db)
    await placement(db, sku=sku, shelf="A1")
    await location(db, code="B1")
    await location(db, code="B2")
    return sku


def sale(sku: str, qty: int) -> Leg:
    return Leg(sku=sku, qty=qty, src="A1", dst=SOLD, cause=Cause.SALE, cause_id="r1")


def leg(sku: str, qty: int, src: str, dst: str) -> Leg:
    cause = Cause.RECEIVE if src == SUPPLIER else Cause.MOVE
    return Leg(sku=sku, qty=qty, src=src, dst=dst, cause=cause, cause_id="t")


class TestMove:
    async def test_moves_units_and_writes_the_movement(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            await actions.receive(tx, stamp(), sku=sku, qty=10, location="B1", reference="truck 1")
            await actions.move_units(tx, stamp(), sku=sku, qty=4, src="B1", dst="A1", reason=None)

        assert (await qty_at(db, "B1", sku), await qty_at(db, "A1", sku)) == (6, 4)
        assert [m["cause"] for m in await all_rows(db, "movements")] == ["receive", "move"]

    async def test_lets_a_shelf_go_below_zero_and_opens_one_discrepancy(self, db: Database) -> None:
        sku = await world(db)
        for _ in range(2):
            async with db.begin() as tx:
                await actions.move(tx, stamp(), [sale(sku, 3)])

        assert await qty_at(db, "A1", sku) == -6
        found = await all_rows(db, "discrepancies")
        assert [(d["kind"], d["qty"], d["times"], d["state"]) for d in found] == [("oversold", 6, 2, "open")]

    async def test_closes_the_oversold_discrepancy_once_it_is_covered(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            await actions.move(tx, stamp(), [sale(sku, 3)])
        async with db.begin() as tx:
            await actions.receive(tx, stamp(), sku=sku, qty=5, location="A1", reference="t")

        assert [(d["kind"], d["state"]) for d in await all_rows(db, "discrepancies")] == [("oversold", "closed")]

    async def test_takes_from_a_bin_more_than_its_book_and_says_that_they_were_found(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            await actions.receive(tx, stamp(), sku=sku, qty=2, location="B1", reference="t")
            await actions.move_units(tx, stamp(), sku=sku, qty=5, src="B1", dst="B2", reason=None)

        assert (await qty_at(db, "B1", sku), await qty_at(db, "B2", sku)) == (0, 5)
        found = [m for m in await all_rows(db, "movements") if m["cause"] == "found"]
        assert [(m["qty"], m["to_location"]) for m in found] == [(3, "B1")]

    async def test_refuses_an_unknown_place_and_changes_nothing(self, db: Database) -> None:
        sku = await world(db)
        with pytest.raises(NoSuchLocation):
            async with db.begin() as tx:
                await actions.receive(tx, stamp(), sku=sku, qty=2, location="NOWHERE", reference="t")

        assert await all_rows(db, "movements") == []

    async def test_refuses_a_move_to_the_same_place(self, db: Database) -> None:
        with pytest.raises(SamePlace):
            Leg(sku="x", qty=1, src="B1", dst="B1", cause=Cause.MOVE, cause_id="m")

    async def test_crossing_moves_wait_for_each_other(self, db: Database) -> None:
        """Forty transactions over two items, half of them in the other order: all succeed, none is lost."""
        one = await world(db)
        two = await item(db)
        legs = [Leg(sku=s, qty=1, src="@supplier", dst="B1", cause=Cause.RECEIVE, cause_id="t") for s in (one, two)]

        async def bring(order: list[Leg]) -> None:
            async with db.begin() as tx:
                await actions.move(tx, stamp(), order)

        await asyncio.gather(*(bring(legs if n % 2 else legs[::-1]) for n in range(40)))

        assert (await qty_at(db, "B1", one), await qty_at(db, "B1", two)) == (40, 40)

    async def test_is_one_statement(self, db: Database, statements: list[str]) -> None:
        sku = await world(db)
        statements.clear()
        async with db.begin() as tx:
            await actions.move(tx, stamp(), [sale(sku, 1), sale(sku, 2)])

        assert len(statements) == 1


class TestMoveAll:
    async def test_keeps_the_legs_of_each_act_and_store_apart(self, db: Database) -> None:
        """One item label in two stores, moved by three acts at different times: each book gets its own."""
        for store_id in (1, 2):
            await store(db, store_id=store_id)
            await item(db, store_id=store_id, sku="milk")
            await placement(db, store_id=store_id, sku="milk", shelf="A1")
            await location(db, store_id=store_id, code="B1")
        later = NOON + timedelta(days=1)
        first, second = stamp(store_id=1), stamp(store_id=1, now=later)
        other = stamp(store_id=2, now=later, occurred_at=NOON)

        async with db.begin() as tx:
            bring = [(signed, leg("milk", 5, SUPPLIER, "B1")) for signed in (first, other)]
            touched = await actions.move_all(
                tx, [*bring, (second, leg("milk", 2, "B1", "A1")), (other, sale("milk", 3))]
            )

        assert [(row.store_id, row.location, row.qty) for row in touched] == [
            (1, "A1", 2), (1, "B1", 3), (2, "A1", -3), (2, "B1", 5),
        ]  # fmt: skip
        written = [
            (m["store_id"], m["day"].day, m["cause"], m["occurred_at"] == NOON) for m in await all_rows(db, "movements")
        ]
        assert written == [
            (1, 14, "receive", True), (1, 15, "move", False), (2, 15, "receive", True), (2, 15, "sale", True),
        ]  # fmt: skip
        assert [(d["store_id"], d["kind"]) for d in await all_rows(db, "discrepancies")] == [(2, "oversold")]
        assert (await audit(db)).holds

    async def test_knows_the_places_of_each_store_by_themselves(self, db: Database) -> None:
        """B1 is a place in the first store, so it must not be taken for one in the second."""
        for store_id in (1, 2):
            await store(db, store_id=store_id)
            await item(db, store_id=store_id, sku="milk")
        await location(db, store_id=1, code="B1")

        with pytest.raises(NoSuchLocation) as refused:
            async with db.begin() as tx:
                await actions.move_all(tx, [(stamp(store_id=n), leg("milk", 5, SUPPLIER, "B1")) for n in (1, 2)])

        assert refused.value.facts == {"locations": ["B1"]}
        assert await all_rows(db, "balances") == []


class TestCount:
    async def test_makes_the_book_say_what_was_counted(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            counted = await actions.count(tx, stamp(), sku=sku, location="A1", counted_qty=7)

        assert (counted.qty, counted.count.variance) == (7, 7)

    async def test_sees_what_a_till_sold_whose_clock_runs_ahead(self, db: Database) -> None:
        """It told of two pieces sold in five minutes' time; they were gone when eight were counted a minute later."""
        sku = await world(db)
        said = stamp(occurred_at=NOON + timedelta(minutes=5))
        async with db.begin() as tx:
            await actions.receive(
                tx, stamp(now=NOON - timedelta(hours=1)), sku=sku, qty=10, location="A1", reference="t"
            )
            await actions.move(tx, said, [sale(sku, 2)])
        async with db.begin() as tx:
            now = stamp(now=NOON + timedelta(minutes=1))
            counted = await actions.count(tx, now, sku=sku, location="A1", counted_qty=8)

        assert (counted.qty, counted.count.variance) == (8, 0)

    async def test_holds_whatever_the_order_in_which_the_facts_arrive(self, db: Database) -> None:
        """Two sales and a fill before the last count, two after, an older count: every order, one end."""
        sku = await world(db)
        at = {n: NOON + timedelta(minutes=n) for n in range(10)}
        facts: dict[str, tuple[datetime, int | list[Leg]]] = {
            "sale 1": (at[1], [sale(sku, 3)]),
            "count 2": (at[2], 5),
            "fill 3": (at[3], [Leg(sku=sku, qty=9, src="@supplier", dst="A1", cause=Cause.RECEIVE, cause_id="t")]),
            "count 4": (at[4], 11),
            "sale 5": (at[5], [sale(sku, 4)]),
        }
        ends = set()
        for order in itertools.permutations(facts):
            fresh = await item(db)
            await placement(db, sku=fresh, shelf="A1")
            for name in order:
                when, fact = facts[name]
                signed = stamp(now=at[9], occurred_at=when)
                async with db.begin() as tx:
                    if isinstance(fact, int):
                        await actions.count(tx, signed, sku=fresh, location="A1", counted_qty=fact)
                    else:
                        legs = [
                            Leg(sku=fresh, qty=f.qty, src=f.src, dst=f.dst, cause=f.cause, cause_id="x") for f in fact
                        ]
                        await actions.move(tx, signed, legs)
            ends.add(await qty_at(db, "A1", fresh))

        assert ends == {7}

    async def test_answers_the_request_for_it(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            wanted = await actions.request_count(tx, stamp(), sku=sku, location="B1", reason="short")
            again = await actions.request_count(tx, stamp(), sku=sku, location="B1", reason="short")
            counted = await actions.count(tx, stamp(), sku=sku, location="B1", counted_qty=2)

        assert again is None
        assert counted.count.count_id == wanted
        assert [c["state"] for c in await all_rows(db, "counts")] == ["done"]


class TestCountsOfOneMoment:
    async def test_the_later_word_of_one_moment_counts(self, db: Database) -> None:
        """A device with whole seconds: the second count of a second corrects the first."""
        sku = await world(db)
        for counted in (5, 7):
            async with db.begin() as tx:
                result = await actions.count(tx, stamp(), sku=sku, location="A1", counted_qty=counted)
            assert result.qty == counted
            assert await qty_at(db, "A1", sku) == counted

    async def test_a_batch_older_than_a_count_changes_nothing(self, db: Database) -> None:
        sku = await world(db)
        async with db.begin() as tx:
            await actions.count(tx, stamp(), sku=sku, location="A1", counted_qty=5)
        earlier = stamp(now=NOON - timedelta(seconds=1))
        async with db.begin() as tx:
            await batches.count_all(tx, earlier, [batches.Counted(sku, "A1", 9)], reason="opening")

        assert await qty_at(db, "A1", sku) == 5
        (book,) = await all_rows(db, "balances", location="A1")
        assert book["counted_at"] == NOON
        assert sorted(c["state"] for c in await all_rows(db, "counts")) == ["done", "superseded"]
