"""The engine of the background loops: it goes on, whatever a loop does, and stops when told."""

import asyncio
from datetime import datetime, timedelta

import pytest

from pullsvc.clock import wall_clock
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.worker import MAX_BACKOFF_S, Context, Loop, Worker, beat, each_store, loops, pause_s
from tests.factories import all_rows, store

PATIENCE_S = 10


@pytest.fixture
def context(db: Database) -> Context:
    return Context(db=db, clock=wall_clock(), settings=Settings())


async def run_until(context: Context, todo: list[Loop], enough: asyncio.Event) -> None:
    worker = Worker(context, todo)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(PATIENCE_S):
        await enough.wait()
        worker.stop()
        await running


class TestWorker:
    async def test_runs_each_loop_again_and_again_side_by_side(self, context: Context) -> None:
        runs = {"a": 0, "b": 0}
        enough = asyncio.Event()

        def counting(name: str) -> Loop:
            async def run(_context: Context) -> None:
                runs[name] += 1
                if min(runs.values()) >= 3:
                    enough.set()

            return Loop(name, 0.001, run)

        await run_until(context, [counting("a"), counting("b")], enough)

        assert min(runs.values()) >= 3

    async def test_a_failing_loop_is_tried_again_and_disturbs_no_other(self, context: Context) -> None:
        failed = 0
        enough = asyncio.Event()

        async def fail(_context: Context) -> None:
            nonlocal failed
            failed += 1
            raise RuntimeError("no luck")

        async def go_on(_context: Context) -> None:
            if failed >= 2:
                enough.set()

        await run_until(context, [Loop("bad", 0.001, fail), Loop("good", 0.001, go_on)], enough)

        assert failed >= 2

    async def test_stops_while_a_loop_waits_for_its_next_run(self, context: Context) -> None:
        enough = asyncio.Event()
        runs = []

        async def once(_context: Context) -> None:
            runs.append(1)
            enough.set()

        await run_until(context, [Loop("rare", 3_600, once)], enough)

        assert len(runs) == 1

    async def test_tells_that_it_lives_and_leaves_no_trace_when_it_stops(self, context: Context, db: Database) -> None:
        enough = asyncio.Event()

        async def look(_context: Context) -> None:
            await beat(_context)
            assert len(await all_rows(db, "worker_heartbeats")) == 1
            enough.set()

        await run_until(context, [Loop("look", 3_600, look)], enough)

        assert await all_rows(db, "worker_heartbeats") == []


class TestEachStore:
    async def test_one_store_s_failure_leaves_the_others_alone(self, context: Context, db: Database) -> None:
        for store_id in (1, 2, 3):
            await store(db, store_id=store_id)
        done = []

        async def act(_db: Database, *, store_id: int, now: datetime) -> None:
            if store_id == 2:
                raise RuntimeError("no luck")
            done.append(store_id)

        with pytest.raises(ExceptionGroup) as failure:
            await each_store(act)(context)

        assert done == [1, 3]
        assert failure.value.exceptions[0].__notes__ == ["store 2"]

    async def test_stops_between_two_stores(self, context: Context, db: Database) -> None:
        for store_id in (1, 2):
            await store(db, store_id=store_id)
        done = []

        async def act(_db: Database, *, store_id: int, now: datetime) -> None:
            done.append(store_id)
            context.stopping.set()

        await each_store(act)(context)

        assert done == [1]


class TestPause:
    def test_grows_with_each_failure_up_to_a_limit(self) -> None:
        assert [pause_s(2, n) for n in range(5)] == [2, 2, 4, 8, 16]
        assert pause_s(2, 99) == MAX_BACKOFF_S

    def test_a_rare_loop_that_failed_does_not_wait_for_its_full_interval(self) -> None:
        assert pause_s(timedelta(hours=1).total_seconds(), 1) == MAX_BACKOFF_S


class TestLoops:
    async def test_every_one_runs_on_an_empty_database_and_on_a_store(self, context: Context, db: Database) -> None:
        for loop in loops(context.settings):
            await loop.run(context)
        made = await store(db)
        for loop in loops(context.settings):
            await loop.run(context)

        assert [row["store_id"] for row in await all_rows(db, "stores")] == [made]

    def test_have_names_of_their_own(self) -> None:
        names = [loop.name for loop in loops(Settings())]

        assert len(set(names)) == len(names)
