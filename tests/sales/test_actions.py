"""Taking receipts in: each once, corrections by difference, in any order, and by many at the same time."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from pullsvc.db import Database, sql
from pullsvc.sales.rules import ClockAhead, LineKind, Receipt, Status, Uom
from pullsvc.stock import actions as stock
from tests.conftest import Statements
from tests.factories import NOON, all_rows, item, placement, stamp, store
from tests.sales.worlds import books, line, receipt, results, send, shop, sold


async def kinds(db: Database) -> list[str]:
    return [event["kind"] for event in sorted(await all_rows(db, "events"), key=lambda event: event["event_id"])]


class TestReceiveReceipts:
    async def test_takes_what_was_sold_from_the_shelf(self, db: Database) -> None:
        await shop(db)
        (taken,) = await send(db, receipt(line("milk", 2), line("10000000000017", 1), line("milk", 1)))

        assert taken.effect == {("milk", "A1"): -3, ("bread", "B1"): -6}
        assert await books(db) == taken.effect
        moved = {(m["sku"], m["qty"], m["cause"], m["cause_id"]) for m in await all_rows(db, "movements")}
        assert moved == {("milk", 3, "sale", "2026-03-14/4/1"), ("bread", 6, "sale", "2026-03-14/4/1")}
        assert await kinds(db) == ["sales.received"]

    async def test_counts_a_receipt_once_however_often_it_is_sent(self, db: Database) -> None:
        await shop(db)
        same = receipt(line("milk", 2))
        first, again = await send(db, same), await send(db, same, now=NOON + timedelta(days=3))

        assert results([*first, *again]) == ["new", "repeated"]
        assert again[0].effect == {}
        assert await books(db) == {("milk", "A1"): -2}
        assert await kinds(db) == ["sales.received"]

    async def test_counts_equal_sales_as_often_as_they_happened(self, db: Database) -> None:
        """Two receipts of the same goods at the same time are two sales."""
        await shop(db)
        await send(db, receipt(line("milk", 1), sequence=1), receipt(line("milk", 1), sequence=2))

        assert await books(db) == {("milk", "A1"): -2}

    async def test_moves_the_difference_of_a_correction_and_keeps_what_it_replaced(self, db: Database) -> None:
        await shop(db)
        old = receipt(line("milk", 5), line("bread", 1), line("soap", 1))
        await send(db, old)
        (taken,) = await send(db, receipt(line("milk", 2), line("apples", 1)))

        assert taken.result == "corrected"
        assert taken.effect == {("milk", "A1"): 3, ("bread", "B1"): 1, ("soap", "UNPLACED"): 1, ("apples", "C1"): -1}
        assert await books(db) == {("milk", "A1"): -2, ("apples", "C1"): -1}
        assert [one[3:5] for one in await sold(db)] == [(1, "milk"), (2, "apples")]
        (kept,) = await all_rows(db, "receipt_revisions")
        assert (kept["revision"], kept["lines"]["fingerprint"]) == (1, old.fingerprint)
        assert [one["code"] for one in kept["lines"]["lines"]] == ["milk", "bread", "soap"]
        (row,) = await all_rows(db, "receipts")
        assert (row["revision"], row["line_count"]) == (2, 2)
        assert await kinds(db) == ["sales.received", "sales.received", "receipt.corrected"]

    async def test_moves_nothing_of_a_line_that_the_till_did_not_touch(self, db: Database) -> None:
        """Milk was sold from A1 and lives on A9 since; then the till adds the bread that it forgot, and voids all."""
        await shop(db)
        await send(db, receipt(line("milk", 2)))
        async with db.begin() as tx:
            await tx.run(sql("UPDATE placements SET is_home = false WHERE sku = 'milk'"))
        await placement(db, sku="milk", shelf="A9")
        (taken,) = await send(db, receipt(line("milk", 2), line("bread", 1)))

        assert taken.effect == {("bread", "B1"): -1}
        assert await books(db) == {("milk", "A1"): -2, ("bread", "B1"): -1}
        await send(db, receipt(line("milk", 2), line("bread", 1), status=Status.VOIDED))
        assert await books(db) == {}

    async def test_takes_all_of_it_back_when_a_receipt_is_voided(self, db: Database) -> None:
        await shop(db)
        sale = [line("milk", 5), line("apples", 2, kind=LineKind.RETURN)]
        await send(db, receipt(*sale))
        await send(db, receipt(*sale, status=Status.VOIDED))

        assert await books(db) == {}
        assert [one[-1] for one in await sold(db)] == [0, 0]

    async def test_brings_returns_to_the_cart_and_not_to_the_shelf(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line("milk", 2, kind=LineKind.RETURN)))

        assert await books(db) == {("milk", "RETURNS"): 2}
        (moved,) = await all_rows(db, "movements")
        assert (moved["from_location"], moved["cause"]) == ("@returned", "customer_return")

    async def test_turns_weight_into_eaches(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line("apples", "0.42", uom=Uom.KG)))

        assert await books(db) == {("apples", "C1"): -3}

    async def test_takes_from_the_shelf_that_the_till_names(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line("milk", 1, place="A9"), line("milk", 1, place="no such shelf")))

        assert await books(db) == {("milk", "A9"): -1, ("milk", "A1"): -1}

    async def test_keeps_the_lines_of_codes_that_nobody_knows(self, db: Database) -> None:
        await shop(db)
        batch = receipt(line("what", 2), line("milk"), sequence=1), receipt(line("what", 1), sequence=2)
        first, second = await send(db, *batch)

        assert (first.unknown_codes, second.unknown_codes) == (("what",), ("what",))
        assert await books(db) == {("milk", "A1"): -1}
        (code,) = await all_rows(db, "unknown_codes")
        assert (code["code"], code["state"], code["lines"]) == ("what", "open", 2)
        assert await kinds(db) == ["code.unknown", "sales.received"]

    async def test_does_not_ask_about_codes_that_move_nothing(self, db: Database) -> None:
        """Training receipts are full of made-up codes."""
        await shop(db)
        await send(db, receipt(line("what", 2), status=Status.TRAINING))
        await send(db, receipt(line("that", 2, kind=LineKind.VOID), sequence=2))

        assert await all_rows(db, "unknown_codes") == []
        assert len(await all_rows(db, "sale_lines")) == 2

    async def test_leaves_a_later_count_as_it_is(self, db: Database) -> None:
        await shop(db)
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku="milk", location="A1", counted_qty=7)
        an_hour_before, a_minute_after = NOON - timedelta(hours=1), NOON + timedelta(minutes=1)
        await send(db, receipt(line("milk", 2), at=an_hour_before), now=a_minute_after)
        await send(db, receipt(line("milk", 1), at=an_hour_before), now=a_minute_after)
        await send(db, receipt(line("milk", 1), at=a_minute_after, sequence=2), now=a_minute_after)

        assert await books(db) == {("milk", "A1"): 6}

    async def test_takes_nothing_of_a_batch_with_a_receipt_from_the_future(self, db: Database) -> None:
        await shop(db)
        with pytest.raises(ClockAhead):
            await send(db, receipt(line("milk")), receipt(line("milk"), sequence=2, at=NOON + timedelta(hours=1)))

        assert await all_rows(db, "receipts") == []

    async def test_takes_a_receipt_without_lines(self, db: Database) -> None:
        await shop(db)

        assert results(await send(db, receipt(status=Status.VOIDED))) == ["new"]


class TestBatch:
    async def test_takes_several_versions_of_a_receipt_in_one_batch(self, db: Database) -> None:
        await shop(db)
        old, new = receipt(line("milk", 5)), receipt(line("milk", 2))
        taken = await send(db, old, new, new, old)

        assert results(taken) == ["new", "corrected", "repeated", "repeated"]
        assert [one.effect for one in taken] == [{}, {("milk", "A1"): -2}, {}, {}]
        assert await books(db) == {("milk", "A1"): -2}
        assert [row["lines"]["fingerprint"] for row in await all_rows(db, "receipt_revisions")] == [old.fingerprint]

    async def test_corrects_what_was_there_before_by_several_versions(self, db: Database) -> None:
        await shop(db)
        one, two, three = (receipt(line("milk", qty)) for qty in (1, 2, 3))
        await send(db, one)
        taken = await send(db, two, three, receipt(line("bread"), sequence=9))

        assert results(taken) == ["corrected", "corrected", "new"]
        assert await books(db) == {("milk", "A1"): -3, ("bread", "B1"): -1}
        kept = {row["revision"]: row["lines"]["fingerprint"] for row in await all_rows(db, "receipt_revisions")}
        assert kept == {1: one.fingerprint, 2: two.fingerprint}

    async def test_corrects_a_receipt_that_is_repeated_in_the_same_batch(self, db: Database) -> None:
        await shop(db)
        old, new = receipt(line("milk", 5)), receipt(line("milk", 2))
        await send(db, old)

        assert results(await send(db, old, new)) == ["repeated", "corrected"]
        assert await books(db) == {("milk", "A1"): -2}

    async def test_keeps_a_superseded_version_aside_once(self, db: Database) -> None:
        await shop(db)
        first, second = receipt(line("milk", 5), revision=1), receipt(line("milk", 2), revision=2)
        await send(db, second)
        (row_before,) = await all_rows(db, "receipts")
        late = await send(db, first, now=NOON + timedelta(hours=1))
        again = await send(db, first)

        assert results([*late, *again]) == ["superseded", "repeated"]
        assert await books(db) == {("milk", "A1"): -2}
        assert [row["lines"]["fingerprint"] for row in await all_rows(db, "receipt_revisions")] == [first.fingerprint]
        (row,) = await all_rows(db, "receipts")
        assert row == row_before | {"revision": 2}

    async def test_ends_the_same_whatever_the_order(self, db: Database) -> None:
        """Three versions of one receipt, one of another, one repeat: every order, in one batch or one by one."""
        facts = [
            receipt(line("milk", 5), line("bread", 1), revision=1),
            receipt(line("milk", 5), status=Status.VOIDED, revision=2),
            receipt(line("milk", 2), line("apples", 1, kind=LineKind.RETURN), revision=3, at=NOON - timedelta(hours=1)),
            receipt(line("milk", 1), sequence=2),
        ]
        ends = []
        for n, order in enumerate(itertools.permutations([*facts, facts[0]])):
            if n % 3:  # Forty of the 120 orders are enough for a database.
                continue
            together = n % 2 == 0
            await wipe(db, "events", "movements", "balances", "discrepancies", "receipt_revisions", "receipts")
            if n == 0:
                await shop(db)
            for batch in [order] if together else [(one,) for one in order]:
                await send(db, *batch)
            ends.append((await books(db), await sold(db), len(await all_rows(db, "receipt_revisions"))))

        assert ends[0][0] == {("milk", "A1"): -3, ("apples", "RETURNS"): 1}
        assert all(end == ends[0] for end in ends)


class TestStatements:
    async def test_are_few_for_a_thousand_new_lines(self, db: Database, statements: Statements) -> None:
        """Whether they are five hundred receipts or one: the number is that of the work, not of the rows."""
        await shop(db)
        taken = {}
        for count in (500, 1):
            of_each = 1_000 // count
            batch = [
                receipt(
                    *(line(("milk", "bread", "soap")[n % 3]) for n in range(of_each)), sequence=s, register=f"r{count}"
                )
                for s in range(count)
            ]
            statements.clear()
            await send(db, *batch)
            taken[count] = len(statements)

        assert taken == {500: 5, 1: 5}

    async def test_are_at_most_eight_when_everything_comes_at_once(self, db: Database, statements: Statements) -> None:
        """New, repeated, corrected, superseded, unknown, with shelves named: a thousand lines of it."""
        await shop(db)
        old = [receipt(line("milk", 2), line("bread", 3), sequence=s, revision=2) for s in range(250)]
        await send(db, *old)
        batch = [
            *old[:100],
            *(receipt(line("milk", 1), line("what", 3), sequence=s, revision=3) for s in range(100, 200)),
            *(receipt(line("milk", 1), line("bread", 9), sequence=s, revision=1) for s in range(200, 250)),
            *(receipt(line("milk", 1, place="A9"), line("that", 1), sequence=s) for s in range(250, 500)),
        ]
        statements.clear()
        taken = await send(db, *batch)

        assert len(statements) == 8
        assert {one: results(taken).count(one) for one in set(results(taken))} == {
            "repeated": 100, "corrected": 100, "superseded": 50, "new": 250
        }  # fmt: skip

    async def test_is_one_for_repeats(self, db: Database, statements: Statements) -> None:
        await shop(db)
        batch = [receipt(line("milk"), sequence=s) for s in range(100)]
        await send(db, *batch)
        statements.clear()
        await send(db, *batch)

        assert len(statements) == 1


class TestRaces:
    async def test_twenty_posts_of_one_receipt_have_one_effect(self, db: Database) -> None:
        await shop(db)
        same = receipt(line("milk", 2), line("bread", 1))
        taken = await asyncio.gather(*(send(db, same) for _ in range(20)))

        assert sorted(results([one for (one,) in taken])) == ["new"] + ["repeated"] * 19
        assert await books(db) == {("milk", "A1"): -2, ("bread", "B1"): -1}
        assert len(await all_rows(db, "movements")) == 2

    async def test_twenty_versions_of_one_receipt_leave_the_effect_of_the_highest(self, db: Database) -> None:
        """Each moves the difference to what it finds; a look from before the lock would find something older."""
        await shop(db)
        versions = [receipt(line("milk", n), line("bread", 21 - n), revision=n) for n in range(1, 21)]
        await asyncio.gather(*(send(db, one) for one in versions))

        assert await books(db) == {("milk", "A1"): -20, ("bread", "B1"): -1}
        assert len(await all_rows(db, "receipt_revisions")) == 19
        assert [row["revision"] for row in await all_rows(db, "receipts")] == [20]

    async def test_crossing_batches_wait_for_each_other(self, db: Database) -> None:
        """The same receipts and items in opposite orders, new ones and corrections: nobody dies, nothing is lost."""
        await store(db)
        skus = [await item(db, sku=f"s{n}") for n in range(6)]
        for sku in skus:
            await placement(db, sku=sku, shelf="A1")
        there = [receipt(line(sku, 9), sequence=n) for n, sku in enumerate(skus)]
        await send(db, *there)

        def batch(n: int) -> list[Receipt]:
            shared = [receipt(line(sku, 1), line("what"), sequence=s) for s, sku in enumerate(skus)]
            own = [receipt(line(sku, 1), sequence=s, register=f"own{n}") for s, sku in enumerate(skus)]
            both = [*shared, *own]
            return both if n % 2 else both[::-1]

        taken = await asyncio.gather(*(send(db, *batch(n)) for n in range(20)))

        every = results([one for batch in taken for one in batch])
        assert (every.count("corrected"), every.count("repeated"), every.count("new")) == (6, 114, 120)
        assert await books(db) == {(sku, "A1"): -21 for sku in skus}


async def wipe(db: Database, *tables: str) -> None:
    async with db.begin() as tx:
        for table in tables:
            await tx.run(sql(f"DELETE FROM {table}"))
