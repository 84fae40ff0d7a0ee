"""Codes that nobody knew: their lines count once the catalog knows them, at the time they were sold, and once."""

import asyncio
from datetime import timedelta

import pytest

from pullsvc.db import Database, sql
from pullsvc.sales import actions, replay
from pullsvc.sales.replay import NoSuchUnknownCode, Replayed
from pullsvc.sales.rules import LineKind, Status
from pullsvc.stock import actions as stock
from tests.factories import NOON, all_rows, item, placement, stamp
from tests.sales.worlds import books, line, receipt, send, shop, sold

CODE = "04006381333931"


async def run(db: Database, *, limit: int = 500) -> Replayed:
    async with db.begin() as tx:
        return await replay.replay_known_codes(tx, stamp(), limit=limit)


async def learn(db: Database, *, code: str = CODE, pack_qty: int = 1) -> None:
    sku = await item(db, sku=f"of-{code}", codes={code: pack_qty})
    await placement(db, sku=sku, shelf="D1")


async def code_row(db: Database, code: str = CODE) -> tuple[str, int]:
    (row,) = await all_rows(db, "unknown_codes", code=code)
    return row["state"], row["lines"]


WAITING = sql("""
    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1
""")


async def somebody_waits(db: Database) -> None:
    """Return once a transaction waits for a lock that another one holds."""
    async with asyncio.timeout(5):
        while True:
            async with db.begin() as tx:
                if await tx.row(WAITING):
                    return


class TestReplayKnownCodes:
    async def test_moves_what_waited_once_the_code_is_known(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line(CODE, 2), line("milk"), line(CODE, 1, kind=LineKind.RETURN)))
        await send(db, receipt(line(CODE, 1, place="A9"), line(CODE, 4, kind=LineKind.VOID), sequence=2))
        await learn(db, pack_qty=6)

        assert await run(db) == Replayed(lines=4, resolved=(CODE,), more=False)
        sku = f"of-{CODE}"
        assert await books(db) == {("milk", "A1"): -1, (sku, "D1"): -12, (sku, "RETURNS"): 6, (sku, "A9"): -6}
        assert await code_row(db) == ("resolved", 3)
        assert [one[-1] for one in await sold(db)] == [12, 1, -6, 6, 0]
        (event,) = await all_rows(db, "events", kind="code.resolved")
        assert (event["subject"], event["data"]) == (CODE, {"sku": sku, "lines": 3})

    async def test_does_it_once(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line(CODE, 2)))
        await learn(db)
        done = await asyncio.gather(*(run(db) for _ in range(8)))

        assert sorted(one.lines for one in done) == [0] * 7 + [1]
        assert await books(db) == {(f"of-{CODE}", "D1"): -2}

    async def test_leaves_codes_alone_that_are_still_unknown(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line(CODE, 2)))

        assert await run(db) == Replayed(lines=0, resolved=(), more=False)
        assert await code_row(db) == ("open", 1)

    async def test_moves_units_at_the_time_they_were_sold(self, db: Database) -> None:
        """A count since then has them already."""
        await shop(db)
        await send(db, receipt(line(CODE, 2), at=NOON - timedelta(hours=1)))
        await learn(db)
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku=f"of-{CODE}", location="D1", counted_qty=5)
        await run(db)

        assert await books(db) == {(f"of-{CODE}", "D1"): 5}

    async def test_goes_on_where_its_limit_stopped_it(self, db: Database) -> None:
        await shop(db)
        await send(db, *(receipt(line(CODE), sequence=n) for n in range(5)))
        await learn(db)

        runs = [await run(db, limit=2) for _ in range(3)]

        assert [(one.lines, one.resolved, one.more) for one in runs] == [
            (2, (), True), (2, (), True), (1, (CODE,), False)
        ]  # fmt: skip
        assert await books(db) == {(f"of-{CODE}", "D1"): -5}

    async def test_says_that_more_is_left_also_when_a_receipt_waits_for_two_codes(self, db: Database) -> None:
        other = "bag"
        await shop(db)
        await send(db, receipt(line(CODE), line(other)), *(receipt(line(other), sequence=n) for n in (2, 3)))
        await learn(db)
        await learn(db, code=other)

        runs = [await run(db, limit=2) for _ in range(2)]

        assert [one.more for one in runs] == [True, False]
        assert await all_rows(db, "waiting_receipts") == []

    async def test_moves_nothing_for_receipts_that_do_not_count(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line(CODE, 2)), receipt(line(CODE, 9), sequence=2, status=Status.VOIDED))
        await learn(db)
        await run(db)

        assert await books(db) == {(f"of-{CODE}", "D1"): -2}
        assert [one[4] for one in await sold(db)] == [f"of-{CODE}"] * 2

    async def test_gives_a_correction_the_right_difference_afterwards(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line(CODE, 5)))
        await learn(db)
        await run(db)
        (taken,) = await send(db, receipt(line(CODE, 2)))

        assert taken.effect == {(f"of-{CODE}", "D1"): 3}

    async def test_stays_open_when_a_line_comes_in_meanwhile(self, db: Database) -> None:
        """A batch looked the code up before it was known, and commits only after the replay has looked for lines."""
        await shop(db)
        await send(db, receipt(line(CODE, 1)))
        async with db.begin() as slow:
            await actions.receive_receipts(slow, stamp(), [receipt(line(CODE, 2), sequence=2)])
            await learn(db)
            replaying = asyncio.create_task(run(db))
            await somebody_waits(db)

        assert await replaying == Replayed(lines=1, resolved=(), more=False)
        assert await code_row(db) == ("open", 2)
        assert (await run(db)).resolved == (CODE,)
        assert await books(db) == {(f"of-{CODE}", "D1"): -3}


class TestSetCodeState:
    async def test_takes_a_code_off_the_list_and_puts_it_back(self, db: Database) -> None:
        await shop(db)
        await send(db, receipt(line("bag", 1)))
        states = []
        for dismissed in (True, True, False, False):
            async with db.begin() as tx:
                row = await replay.set_code_state(tx, stamp(), code="bag", dismissed=dismissed)
            states.append((row.state, row.resolved_at))

        assert states == [("dismissed", NOON)] * 2 + [("open", None)] * 2
        happened = [event["kind"] for event in await all_rows(db, "events") if event["subject"] == "bag"]
        assert sorted(happened) == ["code.dismissed", "code.reopened", "code.unknown"]

    async def test_keeps_a_dismissed_code_quiet(self, db: Database) -> None:
        """More of it comes in, and even an item gets the code: it stays off the list, its old lines wait."""
        await shop(db)
        await send(db, receipt(line(CODE)))
        async with db.begin() as tx:
            await replay.set_code_state(tx, stamp(), code=CODE, dismissed=True)
        await send(db, receipt(line(CODE), sequence=2))
        await learn(db)

        assert (await run(db)).lines == 0
        assert await code_row(db) == ("dismissed", 2)

    async def test_knows_only_codes_that_came_in(self, db: Database) -> None:
        await shop(db)
        with pytest.raises(NoSuchUnknownCode):
            async with db.begin() as tx:
                await replay.set_code_state(tx, stamp(), code="never", dismissed=True)
