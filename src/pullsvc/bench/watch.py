"""Scenario `watch`: how many shelves a watcher looks at in a second, and what a sale line costs it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.access.rules import Role
from pullsvc.bench.cluster import run
from pullsvc.bench.keys import make_keys
from pullsvc.bench.load import Load, Round, generators
from pullsvc.bench.meter import metering
from pullsvc.bench.model import Case, Result, Span, span_of
from pullsvc.bench.stand import Stand
from pullsvc.bench.stats import Tally
from pullsvc.bench.till import SEND
from pullsvc.bench.till import Seat as TillSeat
from pullsvc.bench.till import make_client as make_till
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock
from pullsvc.db import Database
from pullsvc.restock.watcher import watch_store

LOOK = "look"  # Marked once for each shelf looked at.
RUN = "run"
SHELF_QTY = 100
BIN_QTY = 500
CAPACITY = 100
TILLS = 8
LINES = 1_000
BATCHES = 3
STATEMENT_LIMIT_S = 60.0
FLAG_ALL = "UPDATE balances SET flagged_at = now() WHERE kind = 'shelf'"
DUE = "UPDATE watch_schedule SET next_run_at = now()"  # Else the watch would let the store rest for a while.


@dataclass(frozen=True, slots=True)
class Seat:
    """What the watcher knows: the database and its stores."""

    url: str
    stores: Sequence[int]


def make_client(seat: Seat, tally: Tally) -> "Watcher":
    """Make the client of a seat."""
    return Watcher(seat, tally)


class Watcher:
    """Runs the watch as a worker does, as fast as it can, in a process of its own."""

    def __init__(self, seat: Seat, tally: Tally) -> None:
        self._seat = seat
        self._tally = tally

    async def connect(self, address: str) -> None:
        """Need no service: the watch works on the database."""

    async def act(self, step: str) -> None:
        """Look at all shelves that are flagged or due, in every store."""
        assert step == RUN
        db = Database(
            self._seat.url, pool_size=2, statement_timeout_s=STATEMENT_LIMIT_S, application_name="pullsvc worker"
        )
        try:
            for store_id in self._seat.stores:
                more = True
                while more:
                    began = time.monotonic()
                    found = await watch_store(db, store_id=store_id, now=wall_clock().now())
                    more = found.more
                    self._tally.note(RUN, began=began, ended=time.monotonic())
                    for _ in range(found.evaluated):
                        self._tally.mark(LOOK, at=time.monotonic(), value=0)
        finally:
            await asyncio.shield(db.close())


async def watch(stand: Stand, *, stores: int, items: int) -> Result:
    """Measure a look at every shelf, and the looks that sales cause."""
    result = await stand.result("watch")
    world = World(stores=stores, items=items, zones=1, shelf_qty=SHELF_QTY, bin_qty=BIN_QTY, capacity=CAPACITY, flags=1)
    await stand.make_world(world)
    url = await stand.fresh()
    with generators(make_client, [Seat(url, range(1, stores + 1))], processes=1) as load:
        await load.round(Round("", RUN, quota=1))  # The first look at a shelf makes its row.
        case = Case(f"look, {stores} stores of {items} items", "shelf look", 1, [])
        for _ in range(stand.options.repeat):
            await run(url, FLAG_ALL, "VACUUM balances, watched, pulls")
            case.spans.append(await _look(stand, load, url))
        case.facts["audited_stores"] = await stand.prove(url)
        result.cases += [case, await _after_sales(stand, load, url, world)]
    return result


async def _look(stand: Stand, load: Load, url: str) -> Span:
    await run(url, DUE)
    pid = load.pids[0]
    async with metering(url, app_pid=pid, postgres_pid=stand.cluster.pid, load_pids=[]) as meter:
        first = await meter.read()
        done = await load.round(Round("", RUN, quota=1))
        return span_of([(first, await meter.read())], done.tally, act=LOOK)


async def _after_sales(stand: Stand, load: Load, url: str, world: World) -> Case:
    """Sell over HTTP, then look at what the sales flagged; the unit is the sale line."""
    tokens = await make_keys(url, [(1 + n % world.stores, Role.POS) for n in range(TILLS)], now=wall_clock().now())
    now = wall_clock().now()
    seats = [
        TillSeat(n, 1 + n % world.stores, tokens[n], "rows", "new", LINES, world.items, now, stand.options.seed)
        for n in range(TILLS)
    ]
    lines = TILLS * BATCHES * LINES
    case = Case(f"after {lines} sale lines", "sale line", 1, [])
    looks = 0
    with generators(make_till, seats, processes=1) as tills:
        async with stand.serving(url) as service:
            for _ in range(stand.options.repeat):
                await tills.round(Round(service.address, SEND, quota=BATCHES))
                span = await _look(stand, load, url)
                looks += span.acts
                case.spans.append(span)
    # The spans count looks; a look is worth so many lines.
    case.units_per_act = lines * len(case.spans) / max(looks, 1)
    case.facts["looks_per_line"] = round(looks / (lines * len(case.spans)), 4)
    case.facts["audited_stores"] = await stand.prove(url)
    return case
