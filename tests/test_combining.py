"""Acts that come together are done together; what one of them spoils costs no other."""

import asyncio
from collections.abc import Sequence

import pytest

from pullsvc.combining import Combiner
from pullsvc.db import Database, Tx, UniqueViolation, sql
from pullsvc.errors import BeyondBooks, Rejection
from tests.factories import NOON, all_rows
from tests.waiting import PATIENCE_S

WRITE = sql("""
    INSERT INTO stores (store_id, name, time_zone, opening_hours, day_starts_at, updated_at)
    SELECT n, 'store ' || n, 'UTC', '[]', '05:00', :now FROM unnest(CAST(:numbers AS integer[])) n
""")


class Stores:
    """Opens stores, all of a batch in one statement; refuses odd ones; the first batch waits to be let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def open_all(self, tx: Tx, numbers: Sequence[int]) -> list[str | Rejection]:
        self.batches.append(list(numbers))
        self.begun.set()
        await self.go.wait()
        await tx.run(WRITE, numbers=[n for n in numbers if n % 2 == 0], now=NOON)
        return [f"opened {n}" if n % 2 == 0 else BeyondBooks(f"{n} is odd") for n in numbers]

    async def open(self, combiner: "Combiner[int, str]", db: Database, *numbers: int) -> list[str | BaseException]:
        """Open them at once; the first one is under way before the others come."""
        tasks = [asyncio.create_task(combiner.do(db, numbers[0]))]
        await self.begun.wait()
        tasks += [asyncio.create_task(combiner.do(db, n)) for n in numbers[1:]]
        await asyncio.sleep(0)
        self.go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


async def opened(db: Database) -> list[int]:
    return sorted(row["store_id"] for row in await all_rows(db, "stores"))


class TestCombiner:
    async def test_does_the_first_at_once_and_those_that_come_meanwhile_together(self, db: Database) -> None:
        stores = Stores()

        answers = await stores.open(Combiner(stores.open_all), db, 2, 4, 6, 8)

        assert stores.batches == [[2], [4, 6, 8]]
        assert answers == ["opened 2", "opened 4", "opened 6", "opened 8"]
        assert await opened(db) == [2, 4, 6, 8]

    async def test_makes_no_batch_larger_than_it_may_be(self, db: Database) -> None:
        stores = Stores()

        await stores.open(Combiner(stores.open_all, max_acts=2), db, 2, 4, 6, 8, 10)

        assert stores.batches == [[2], [4, 6], [8, 10]]

    async def test_tells_each_caller_the_refusal_that_is_its_own(self, db: Database) -> None:
        stores = Stores()

        answers = await stores.open(Combiner(stores.open_all), db, 2, 3, 4)

        assert (answers[0], answers[2]) == ("opened 2", "opened 4")
        assert isinstance(answers[1], BeyondBooks)
        assert await opened(db) == [2, 4]

    async def test_does_each_alone_when_the_batch_cannot_be_done(self, db: Database) -> None:
        """The second 4 runs into the unique key; the batch is rolled back, and only it is refused."""
        stores = Stores()

        answers = await stores.open(Combiner(stores.open_all), db, 2, 4, 6, 4)

        assert stores.batches[:2] == [[2], [4, 6, 4]]
        assert sorted(stores.batches[2:]) == [[4], [4], [6]]
        assert [type(one) for one in answers].count(UniqueViolation) == 1
        assert answers[2] == "opened 6"
        assert await opened(db) == [2, 4, 6]

    async def test_finishes_an_act_whose_caller_went_away(self, db: Database) -> None:
        stores = Stores()
        combiner = Combiner(stores.open_all)
        gone = asyncio.create_task(combiner.do(db, 2))
        await stores.begun.wait()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        stores.go.set()

        assert await combiner.do(db, 4) == "opened 4"
        assert await opened(db) == [2, 4]

    async def test_takes_up_an_act_that_comes_at_the_moment_a_run_ends(self, db: Database) -> None:
        """A caller comes back the moment it is answered, before anything else has had its turn."""
        stores = Stores()
        stores.go.set()
        combiner = Combiner(stores.open_all)

        async with asyncio.timeout(PATIENCE_S):
            for n in range(2, 42, 2):
                await combiner.do(db, n)

        assert await opened(db) == list(range(2, 42, 2))
