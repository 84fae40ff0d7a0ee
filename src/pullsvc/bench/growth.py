"""Scenario `growth`: the same work in ever larger worlds; each rate beside that of the smallest world."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pullsvc.access.rules import Role
from pullsvc.bench.claims import MAX_ITEMS_IN_CHAIN, measure_claims
from pullsvc.bench.history import add_history
from pullsvc.bench.keys import make_keys
from pullsvc.bench.model import Case, Result
from pullsvc.bench.pulls import make_desks, pulls_case
from pullsvc.bench.sales import Load, sales_case
from pullsvc.bench.stand import Stand
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock

ITEMS = 2_000
ZONES = 50
SHELF_QTY = 9_000
BATCH_LINES = 1_000
BATCH_TILLS = 4
PULL_CLIENTS = 8
CLAIM_CLIENTS = 32
MAX_WORKED_STORES = 16


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is: its stores, the lines that were sold in it in the past, and what a store carries."""

    stores: int
    history: int
    items: int = ITEMS

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.stores} stores, {self.history} lines of history"

    def world(self) -> World:
        """Return the world; the stores of a large chain are smaller, so that it fits."""
        items = min(self.items, MAX_ITEMS_IN_CHAIN // self.stores)
        return World(stores=self.stores, items=items, zones=min(ZONES, items // 5), shelf_qty=SHELF_QTY)


async def growth(stand: Stand, *, sizes: Sequence[Size], claimed: Sequence[tuple[int, int]]) -> Result:
    """Measure cycles and sales in each size, and claims in each pair of stores and open pulls; smallest first."""
    result = await stand.result("growth")
    plain = replace(stand, options=replace(stand.options, limit=False))
    by_kind: dict[str, list[Case]] = {}
    for stores, backlog in claimed:
        case, _ = await measure_claims(plain, stores=stores, backlog=backlog, clients=CLAIM_CLIENTS)
        by_kind.setdefault("claims", []).append(case)
    used_up = replace(plain, copies=False)
    for size in sizes:
        for kind, case in (await _cases(used_up, size)).items():
            case.name = f"{case.name}: {size.name}"
            by_kind.setdefault(kind, []).append(case)
    for cases in by_kind.values():
        for case in cases:
            case.facts["of_smallest"] = round(case.per_s / cases[0].per_s, 3)
        result.cases += cases
    return result


async def _cases(stand: Stand, size: Size) -> dict[str, Case]:
    """Measure in one world, one after the other, without a copy: it may be larger than the disk takes twice."""
    world = size.world()
    url = await stand.make_world(world)
    now = wall_clock().now()
    if size.history:
        stand.told(f"writing {size.history} lines of history")
        await add_history(url, world, lines=size.history, now=now)
    stores = range(1, world.stores + 1, -(-world.stores // MAX_WORKED_STORES))
    desks = await make_desks(url, world, stores)
    tills = await make_keys(url, [(1 + n % world.stores, Role.POS) for n in range(BATCH_TILLS)], now=now)
    what = Load("rows", "new", BATCH_LINES, BATCH_TILLS)
    return {
        "pulls": await pulls_case(stand, desks, clients=PULL_CLIENTS),
        "sales": await sales_case(stand, world, what, tills),
    }
