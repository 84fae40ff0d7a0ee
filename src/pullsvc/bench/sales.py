"""Scenario `sales`: receipts one at a time and in batches; new, sent again, shuffled, late."""

from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.access.rules import Role
from pullsvc.bench.keys import make_keys
from pullsvc.bench.limits import Phase, limit_of
from pullsvc.bench.load import Round, generators
from pullsvc.bench.model import Case, Result
from pullsvc.bench.stand import Stand
from pullsvc.bench.till import LINES_A_RECEIPT, MODES, RESEND, SEND, Seat, make_client
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock

SINGLE_CLIENTS = 64
BATCH_CLIENTS = 8
SENT_BEFORE = 40  # Batches of each till that are then sent again and again.
CAPTURED_LINES = 150_000
MIN_CAPTURED = 10
MAX_CAPTURED = 150  # Single receipts share transactions: it takes many to make enough of those.
SHELF_QTY = 1_000_000
FLAGS = 10


@dataclass(frozen=True, slots=True)
class Load:
    """What the tills of a case send.

    Attributes:
        form: Format; empty: one receipt at a time.
        mode: New, duplicates, shuffled or late.
        lines: In a batch.
        clients: Tills.
    """

    form: str
    mode: str
    lines: int
    clients: int

    @property
    def name(self) -> str:
        """The name of the case."""
        what = (
            f"batches of {self.lines} lines as {self.form}" if self.form else f"single receipts of {self.lines} lines"
        )
        return f"{what}, {self.mode}, {self.clients} tills"


def loads_of(*, sizes: Sequence[int], forms: Sequence[str], modes: Sequence[str] = MODES) -> list[Load]:
    """Return the cases: each size with new receipts, the smallest and the largest in all modes; size 0: singles."""
    found = []
    for size in sizes:
        every = size in (0, max(sizes))
        for mode in modes if every else modes[:1]:
            if size:
                found += [Load(form, mode, size, BATCH_CLIENTS) for form in forms]
            elif mode in ("new", "duplicates"):
                found.append(Load("", mode, LINES_A_RECEIPT, SINGLE_CLIENTS))
    return found


def world_of(*, stores: int, items: int) -> World:
    """Return a world to sell from: shelves that no bench empties, every tenth item about to be flagged."""
    return World(stores=stores, items=items, zones=1, shelf_qty=SHELF_QTY, flags=FLAGS)


async def sales(stand: Stand, *, world: World, loads: Sequence[Load]) -> Result:
    """Measure each load in the same world."""
    result = await stand.result("sales")
    url = await stand.make_world(world)
    clients = max(load.clients for load in loads)
    tokens = await make_keys(
        url, [(1 + number % world.stores, Role.POS) for number in range(clients)], now=wall_clock().now()
    )
    result.cases += [await sales_case(stand, world, load, tokens) for load in loads]
    return result


async def sales_case(stand: Stand, world: World, what: Load, tokens: Sequence[str]) -> Case:
    """Measure one load on a fresh copy of the world."""
    stand.told(what.name)
    now = wall_clock().now()
    seats = [
        Seat(n, 1 + n % world.stores, tokens[n], what.form, what.mode, what.lines, world.items, now, stand.options.seed)
        for n in range(what.clients)
    ]
    step, before = (RESEND, (SEND, SENT_BEFORE)) if what.mode == "duplicates" else (SEND, None)
    url = await stand.fresh()
    with generators(make_client, seats, processes=stand.options.processes) as load:
        async with stand.serving(url) as service:
            if before:
                await load.round(Round(service.address, before[0], quota=before[1]))
            spans = await stand.measure(load, url, service, step=step)
    unit, units = ("line", what.lines) if what.form else ("receipt", 1)
    case = Case(name=what.name, unit=unit, units_per_act=units, clients=what.clients, spans=spans)
    case.facts["audited_stores"] = await stand.prove(url)
    if not stand.options.limit:
        return case
    await stand.fresh()
    quota = min(max(CAPTURED_LINES // what.lines // what.clients, MIN_CAPTURED), MAX_CAPTURED)
    with generators(make_client, seats, processes=stand.options.processes) as load:
        case.limit = await limit_of(stand, load, [Phase(step, quota, before=before)])
    return case
