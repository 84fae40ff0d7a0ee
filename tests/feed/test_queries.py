"""The feed's promise: whoever reads on from the last cursor gets every event, once, in one order."""

import asyncio
import random
from datetime import timedelta

from pullsvc.db import Database, sql
from pullsvc.feed import queries
from pullsvc.feed.positions import BEGINNING, Position
from pullsvc.outbox.actions import append
from tests.factories import NOON, stamp, store
from tests.waiting import PATIENCE_S, until

WRITERS = 16
ACTS_A_WRITER = 25


async def write(db: Database, *kinds: str, subject: str = "1") -> None:
    async with db.begin() as tx:
        for kind in kinds:
            append(tx, stamp(), kind, subject, {"n": 1})


async def read_on(db: Database, position: Position, *, limit: int = 200) -> tuple[list[str], Position]:
    async with db.read() as tx:
        events = await queries.events(tx, store_id=1, after=position, limit=limit)
    return [e.subject for e in events], queries.position_after(events[-1]) if events else position


class TestEvents:
    async def test_none_is_lost_or_doubled_beside_concurrent_writers(self, db: Database) -> None:
        """Sixteen writers commit out of order, one holds its transaction open all the while, and the reader goes on."""
        await store(db)
        dice = random.Random(16)
        held_open = asyncio.Event()

        async def writer(n: int) -> None:
            for act in range(ACTS_A_WRITER):
                async with db.begin() as tx:
                    append(tx, stamp(), "thing.done", f"{n}:{act}")
                    await tx.write_trailing()  # The row has its number now; others get later ones and commit first.
                    await asyncio.sleep(dice.random() / 200)

        async def holder() -> None:
            async with db.begin() as tx:
                append(tx, stamp(), "thing.done", "held")
                await tx.write_trailing()
                await held_open.wait()

        expected = {f"{n}:{act}" for n in range(WRITERS) for act in range(ACTS_A_WRITER)} | {"held"}
        holding = asyncio.create_task(holder())
        writing = [asyncio.create_task(writer(n)) for n in range(WRITERS)]
        seen: list[str] = []
        position = BEGINNING
        async with asyncio.timeout(PATIENCE_S):
            while len(seen) < len(expected):
                subjects, position = await read_on(db, position, limit=50)
                seen += subjects
                if all(task.done() for task in writing):
                    held_open.set()
        await asyncio.gather(holding, *writing)

        assert len(seen) == len(set(seen))
        assert set(seen) == expected

    async def test_nothing_is_read_past_an_older_transaction_that_is_open(self, db: Database) -> None:
        await store(db)
        async with db.begin() as tx:
            append(tx, stamp(), "thing.done", "older")
            await tx.write_trailing()
            await write(db, "thing.done", subject="newer")
            while_open, _ = await read_on(db, BEGINNING)
        after, _ = await settled(db, 2)

        assert while_open == []
        assert after == ["older", "newer"]

    async def test_reads_only_the_kinds_wanted(self, db: Database) -> None:
        await store(db)
        await write(db, "pull.opened", "tub.staged", "pullover.sold")
        await settled(db, 3)
        async with db.read() as tx:
            events = await queries.events(tx, store_id=1, after=BEGINNING, kinds=["pull."], limit=9)

        assert [e.kind for e in events] == ["pull.opened"]

    async def test_stops_at_until(self, db: Database) -> None:
        await store(db)
        await write(db, "a.b", "a.c")
        await settled(db, 2)
        async with db.read() as tx:
            first, _ = await queries.events(tx, store_id=1, after=BEGINNING, limit=2)
            until = queries.position_after(first)
            events = await queries.events(tx, store_id=1, after=BEGINNING, until=until, limit=9)

        assert [e.kind for e in events] == ["a.b"]

    async def test_come_out_of_the_index_in_order(self, db: Database) -> None:
        """A reader far behind must not have the whole backlog sorted for each page."""
        explain = queries.EVENTS_OF_STORE.explained()
        params = queries._span(after=BEGINNING, until=None, kinds=None)
        async with db.begin() as tx:
            await tx.run(sql("SET LOCAL enable_sort = off"))
            plan = "\n".join(row[0] for row in await tx.rows(explain, store_id=1, limit=50, **params))

        assert "Index Scan" in plan
        assert "Sort  (" not in plan

    async def test_finds_an_act_that_began_the_day_before(self, db: Database) -> None:
        """Filed under yesterday, committed after an event of today: still behind that one's cursor."""
        await store(db)
        async with db.begin() as tx:
            append(tx, stamp(now=NOON + timedelta(days=1)), "a.b", "today")
        async with db.begin() as tx:
            append(tx, stamp(), "a.b", "yesterday")
        await settled(db, 2)
        first, position = await read_on(db, BEGINNING, limit=1)
        second, _ = await read_on(db, position)

        assert (first, second) == (["today"], ["yesterday"])


async def settled(db: Database, count: int) -> tuple[list[str], Position]:
    """Wait until `count` events may be read: other databases of the same server may hold the horizon back."""

    async def enough() -> tuple[list[str], Position] | None:
        subjects, position = await read_on(db, BEGINNING)
        return (subjects, position) if len(subjects) >= count else None

    found = await until(enough)
    assert found
    return found
