"""The background loops: a table of what runs how often, and one small engine that runs it.

Everything a loop does is found in the database again after a crash, and any number of workers may run the same loops:
they share the work by row locks, without a leader.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from pullsvc import upkeep
from pullsvc.clock import Clock, wall_clock
from pullsvc.config import Settings
from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import homing
from pullsvc.restock import watcher
from pullsvc.sales import replay
from pullsvc.tubs import holding
from pullsvc.web import metrics

log = structlog.get_logger("pullsvc.worker")

BEAT_INTERVAL_S = 10.0
REPLAY_INTERVAL_S = 60.0
UPKEEP_INTERVAL_S = 3_600.0
MAX_REPLAYS_A_RUN = 20
MAX_SWEEPS_A_RUN = 400  # Of live pulls: of 200,000 in a store.
MAX_BACKOFF_S = 60.0
STOP_GRACE_S = 5.0
WORKER_POOL_SIZE = 8  # A connection for each loop, as they all begin at once, and some to spare.

STORES = sql("SELECT store_id FROM stores ORDER BY store_id")
BEAT = sql("""
    INSERT INTO worker_heartbeats (worker, beat_at, started_at) VALUES (:worker, :now, :started_at)
    ON CONFLICT (worker) DO UPDATE SET beat_at = excluded.beat_at
""")
FORGET = sql(
    "DELETE FROM worker_heartbeats WHERE worker = :worker OR beat_at < CAST(:now AS timestamptz) - INTERVAL '1 day'"
)


@dataclass(slots=True)
class Context:
    """What a loop works with.

    Attributes:
        db: A pool of the worker's own, patient enough for batches.
        clock: The service's clock.
        settings: The settings.
        started_at: Wall time at which the worker started, aware.
        stopping: Set when the worker is to stop; a long run looks at it between two transactions.
    """

    db: Database
    clock: Clock
    settings: Settings
    started_at: datetime = field(default_factory=lambda: wall_clock().now())
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """The worker's name among all workers of the database."""
        return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Loop:
    """Something done again and again.

    Attributes:
        name: For logs and metrics.
        interval_s: Real seconds from the end of one run to the begin of the next.
        run: One run: several short transactions; may raise, which is logged, counted and tried again later.
    """

    name: str
    interval_s: float
    run: Callable[[Context], Awaitable[object]]


class StoreAct(Protocol):
    """What a loop does in one store, in transactions of its own."""

    def __call__(self, db: Database, /, *, store_id: int, now: datetime) -> Awaitable[object]:
        """Do it as of `now`."""
        ...


async def all_stores(context: Context) -> list[int]:
    """Return every store."""
    async with context.db.read() as tx:
        return [row.store_id for row in await tx.rows(STORES)]


def each_store(
    act: StoreAct, *, of: Callable[[Context], Awaitable[list[int]]] = all_stores
) -> Callable[[Context], Awaitable[None]]:
    """Return a run that acts in every store; one store's failure leaves the others alone.

    Store by store, because no row lock spans stores: so the schema can be spread over machines by store.
    """

    async def run(context: Context) -> None:
        stores = await of(context)
        failures: list[Exception] = []
        for store_id in stores:
            if context.stopping.is_set():
                return
            try:
                await act(context.db, store_id=store_id, now=context.clock.now())
            except Exception as failure:  # noqa: BLE001 - raised below, when the other stores had their turn
                failure.add_note(f"store {store_id}")
                failures.append(failure)
        if failures:
            raise ExceptionGroup(f"{len(failures)} of {len(stores)} stores failed", failures)

    return run


async def expire_pulls(db: Database, *, store_id: int, now: datetime) -> None:
    """Send open pulls whose units have arrived to where they are; end those that nobody can or will fill."""
    after: tuple[str, str] | None = pulls.FIRST_PLACE
    for _ in range(MAX_SWEEPS_A_RUN):
        if after is None:
            return
        async with db.begin() as tx:
            if after == pulls.FIRST_PLACE:
                await homing.home_arrived(tx, store_id=store_id)
            after = await pulls.expire_hopeless(tx, Stamp.of_service(store_id, now), after=after)


async def replay_codes(db: Database, *, store_id: int, now: datetime) -> None:
    """Move what was sold under codes that have become known since."""
    for _ in range(MAX_REPLAYS_A_RUN):
        async with db.begin() as tx:
            replayed = await replay.replay_known_codes(tx, Stamp.of_service(store_id, now))
        if not replayed.more:
            return


async def stores_to_watch(context: Context) -> list[int]:
    """Return the stores in which the watch is due."""
    return await watcher.due_stores(context.db, now=context.clock.now())


async def beat(context: Context) -> None:
    """Tell that this worker lives, in wall time: `doctor` looks at it."""
    async with context.db.begin() as tx:
        await tx.run(BEAT, worker=context.name, now=wall_clock().now(), started_at=context.started_at)


async def roll_partitions(context: Context) -> None:
    """Make and drop partitions."""
    rolled = await upkeep.roll(context.db, now=context.clock.now(), retention_days=context.settings.retention_days)
    log.info("partitions rolled", made=len(rolled.made), dropped=len(rolled.dropped))


def prune(settings: Settings) -> StoreAct:
    """Return the act that deletes what is old in a store."""

    async def act(db: Database, /, *, store_id: int, now: datetime) -> None:
        pruned = await upkeep.prune_store(
            db, store_id=store_id, now=now, retention_days=settings.retention_days, work_days=settings.work_days
        )
        if pruned.total():
            log.info("store pruned", store_id=store_id, **pruned)

    return act


def loops(settings: Settings) -> list[Loop]:
    """Return everything that runs in the background."""
    return [
        Loop("beat", BEAT_INTERVAL_S, beat),
        Loop("sweep", settings.sweep_interval_s, each_store(holding.sweep_store)),
        Loop("expire", settings.sweep_interval_s, each_store(expire_pulls)),
        Loop("watch", settings.watch_interval_s, each_store(watcher.watch_store, of=stores_to_watch)),
        Loop("replay", REPLAY_INTERVAL_S, each_store(replay_codes)),
        Loop("partitions", UPKEEP_INTERVAL_S, roll_partitions),
        Loop("prune", UPKEEP_INTERVAL_S, each_store(prune(settings))),
    ]


class Worker:
    """Runs loops side by side until it is stopped."""

    def __init__(self, context: Context, todo: list[Loop]) -> None:
        self._context = context
        self._todo = todo

    async def run(self) -> None:
        """Run all loops; returns after `stop`, when each has ended its present run or was cut off."""
        log.info("worker started", loops=[loop.name for loop in self._todo])
        tasks = [asyncio.create_task(self._repeat(loop), name=loop.name) for loop in self._todo]
        await self._context.stopping.wait()
        _, late = await asyncio.wait(tasks, timeout=STOP_GRACE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with self._context.db.begin() as tx:
                await tx.run(FORGET, worker=self._context.name, now=wall_clock().now())
        except Exception as failure:  # The database may be what stopped first; the row then ages away.
            log.warning("heartbeat left behind", exc_info=failure)
        log.info("worker stopped")

    def stop(self) -> None:
        """Have `run` return soon."""
        self._context.stopping.set()

    async def _repeat(self, loop: Loop) -> None:
        """Run one loop for ever; a failing one is tried again after twice as long each time, up to a limit."""
        failures = 0
        while not self._context.stopping.is_set():
            try:
                await loop.run(self._context)
                failures = 0
                metrics.LOOPS.labels(loop.name, "ok").inc()
            except Exception:
                failures += 1
                metrics.LOOPS.labels(loop.name, "failed").inc()
                log.exception("loop failed", loop=loop.name, failures=failures)
            await self._pause(pause_s(loop.interval_s, failures))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._context.stopping.wait()
        except TimeoutError:
            return


def pause_s(interval_s: float, failures: int) -> float:
    """Return how long to wait before the next run, after so many failures in a row."""
    if not failures:
        return interval_s
    return min(MAX_BACKOFF_S, max(interval_s, 1.0) * 2.0 ** min(failures - 1, 6))
