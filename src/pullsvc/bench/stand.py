"""Where a scenario runs: the server, the options, and what all scenarios do alike."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import pullsvc
from pullsvc.audit import audit
from pullsvc.bench.cluster import Cluster, column
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.load import Load, Round
from pullsvc.bench.meter import MIB, metering
from pullsvc.bench.model import Options, Result, Span, span_of
from pullsvc.bench.stats import Tally
from pullsvc.bench.world import World, build
from pullsvc.clock import wall_clock
from pullsvc.db import Database
from pullsvc.running import Service, serving

WORLD = "bench_world"
LIVE = "bench"
MAX_AUDITED_STORES = 20
LOCK_TIMEOUT_S = "5"  # A wait for a lock is to be seen in the figures; it is not to end the bench.


def serve(url: str, log: Path, *, workers: int = 1, **settings: str) -> AbstractAsyncContextManager[Service]:
    """Serve the database without the background loops; settings by their names in small letters."""
    ours = {"log_level": "WARNING", "lock_timeout_s": LOCK_TIMEOUT_S, **settings}
    given = {f"PULLSVC_{name.upper()}": value for name, value in ours.items()}
    return serving(url, log, settings=given, words=["--workers", str(workers), "--no-worker"])


MAX_ERRORS_SHOWN = 3
FLUSHES = 50
COMPUTED_TIMES = 20
COMPUTED_BYTES = 4 * MIB
PAGE_BYTES = 8_192
AUDIT_STATEMENT_LIMIT_S = 900.0


@dataclass(slots=True)
class Stand:
    """One bench.

    Attributes:
        cluster: Its server.
        options: How to measure.
        folder: For logs and scripts.
        told: Called with what is going on.
        copies: Whether each case gets a world of its own; a large one is rather used up by all cases in turn.
    """

    cluster: Cluster
    options: Options
    folder: Path
    told: Callable[[str], None]
    copies: bool = True

    @property
    def log(self) -> Path:
        """The service's output."""
        return self.folder / "service.log"

    def service_errors(self) -> list[str]:
        """Return the last errors that the service logged, for who wants to know why it refused."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return [line for line in lines if '"error"' in line or '"critical"' in line][-MAX_ERRORS_SHOWN:]

    async def result(self, scenario: str) -> Result:
        """Return an empty result with the facts of the machine."""
        pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        flush = flush_ms(self.folder)
        self.told(f"a commit waits {flush:.1f} ms for the disk")
        machine = {
            "cores": os.cpu_count(),
            "memory_mib": pages * page_bytes // MIB,
            "system": platform.system(),
            "python": platform.python_version(),
            "pullsvc": pullsvc.__version__,
            "measured_at": wall_clock().now().isoformat(timespec="seconds"),
            "postgres": await self.cluster.facts(),
            "flush_ms": flush,
            "compute_ms": compute_ms(),
        }
        return Result(scenario, machine, asdict(self.options))

    async def make_world(self, world: World) -> str:
        """Build the world as a database that others are copied from; return its URL."""
        self.told(f"building {world.stores} stores of {world.items} items, {world.stores * world.pulls} open pulls")
        url = await self.cluster.create(WORLD)
        await build(url, world, now=wall_clock().now())
        return url

    async def fresh(self) -> str:
        """Return the URL of a new copy of the world, or of the world as the last case left it."""
        if self.copies:
            return await self.cluster.create(LIVE, template=WORLD)
        return self.cluster.url_of(WORLD)

    @asynccontextmanager
    async def serving(self, url: str, **settings: str) -> AsyncIterator[Service]:
        """Serve the database with the workers of the options."""
        async with serve(url, self.log, workers=self.options.workers, **settings) as service:
            yield service

    async def measure(self, load: Load, url: str, service: Service, *, step: str, act: str | None = None) -> list[Span]:
        """Have the clients act, and return the measured spans.

        Args:
            load: The clients.
            url: The database.
            service: What they call.
            step: What they do.
            act: What counts; by default the calls of the same name as the step.
        """
        options = self.options
        lasts_s = options.warm_s + options.repeat * options.seconds
        async with metering(url, app_pid=service.pid, postgres_pid=self.cluster.pid, load_pids=load.pids) as meter:
            began = await load.begin(Round(service.address, step, lasts_s=lasts_s))
            ending = asyncio.create_task(load.end(began))
            readings = []
            for mark in range(options.repeat + 1):
                await _wait_until(began + options.warm_s + mark * options.seconds, ending)
                readings.append(await meter.read())
            done = await ending
        return [span_of([pair], done.tally, act=act or step) for pair in pairwise(readings)]

    async def measure_bursts(
        self, load: Load, url: str, service: Service, *, burst: Round, act: str, between: Callable[[], Awaitable[None]]
    ) -> list[Span]:
        """As `measure`, for acts that cannot go on for ever: many short rounds make a span.

        Args:
            load: The clients.
            url: The database.
            service: What they call.
            burst: One round, with a quota.
            act: What counts.
            between: Makes the world as it was before; not measured.
        """
        spans = []
        async with metering(url, app_pid=service.pid, postgres_pid=self.cluster.pid, load_pids=load.pids) as meter:
            for _ in range(self.options.repeat):
                pieces, tally, lasted_s = [], Tally(), 0.0
                while lasted_s < self.options.seconds:
                    await between()
                    first = await meter.read()
                    done = await load.round(burst)
                    pieces.append((first, await meter.read()))
                    tally.add(done.tally)
                    lasted_s += done.ended - done.began
                spans.append(span_of(pieces, tally, act=act))
        return spans

    async def prove(self, url: str) -> int:
        """Audit the laws in at most MAX_AUDITED_STORES stores, spread over all; return in how many.

        Raises:
            BenchFailed: a law is broken, so that no figure counts.
        """
        stores = await column(url, "SELECT store_id FROM stores ORDER BY 1")
        chosen = stores[:: -(-len(stores) // MAX_AUDITED_STORES)]
        self.told(f"auditing the laws in {len(chosen)} of {len(stores)} stores")
        db = Database(url, pool_size=2, statement_timeout_s=AUDIT_STATEMENT_LIMIT_S)
        try:
            for store_id in chosen:
                finding = await audit(db, store_id=store_id)
                if not finding.holds:
                    raise BenchFailed(f"The laws are broken: {finding.breaches[:5]}")
        finally:
            await db.close()
        return len(chosen)


def compute_ms() -> float:
    """Return how long a piece of plain computing takes, the best of some: how fast the processor is just now."""
    took = []
    for _ in range(COMPUTED_TIMES):
        began = monotonic()
        blake2b(bytes(COMPUTED_BYTES)).digest()
        took.append((monotonic() - began) * 1000)
    return round(min(took), 3)


def flush_ms(folder: Path) -> float:
    """Return how long the disk takes to make a page safe, median: what every commit waits for."""
    took = []
    with (folder / "flush").open("wb") as file:
        for _ in range(FLUSHES):
            file.write(bytes(PAGE_BYTES))
            file.flush()
            began = monotonic()
            os.fdatasync(file.fileno())
            took.append((monotonic() - began) * 1000)
    return round(median(took), 3)


async def _wait_until(moment: float, ending: "asyncio.Task[Any]") -> None:
    """Wait, but not beyond the failure of a client."""
    await asyncio.wait([ending], timeout=max(0.0, moment - monotonic()))
    if ending.done() and (failure := ending.exception()):
        raise failure
