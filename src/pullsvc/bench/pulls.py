"""Scenario `pulls`: whole pull cycles by 1, 8 and 64 clients."""

from collections.abc import Sequence

from pullsvc.access.rules import Role
from pullsvc.bench.keys import make_keys
from pullsvc.bench.limits import Phase, limit_of
from pullsvc.bench.load import generators
from pullsvc.bench.model import Case, Limit, Result
from pullsvc.bench.puller import BATCHED_STEPS, CYCLE, STEPS, Desk, desks_of, make_client, seats_of, wanted_keys
from pullsvc.bench.stand import Stand
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock

# As many as are at the same step at the same time when 64 clients go through their cycles: what the service does at
# once for several callers, it is to do for as many here.
CAPTURE_CLIENTS = 8


async def pulls(stand: Stand, *, world: World, clients: Sequence[int], batched: bool = False) -> Result:
    """Measure the cycle with each number of clients, and the limit once."""
    result = await stand.result("pulls")
    desks = await make_desks(await stand.make_world(world), world, range(1, world.stores + 1))
    result.cases += [await pulls_case(stand, desks, clients=number, batched=batched) for number in clients]
    limit = await _limit(stand, desks, batched=batched) if stand.options.limit else None
    for case in result.cases:
        if case.clients >= stand.options.limit_clients:  # With fewer there is less to do at the same time.
            case.limit = limit
    return result


async def make_desks(url: str, world: World, stores: Sequence[int]) -> list[Desk]:
    """Make the keys of everybody who works in these stores; return their desks."""
    now = wall_clock().now()
    workers = await make_keys(url, wanted_keys(world, stores, Role.BACKROOM), now=now)
    floor = await make_keys(url, wanted_keys(world, stores, Role.ASSOCIATE), now=now)
    return desks_of(world, stores, workers, floor)


async def pulls_case(stand: Stand, desks: Sequence[Desk], *, clients: int, batched: bool = False) -> Case:
    """Measure the cycle with one number of clients."""
    name = f"cycle{' batched' if batched else ''}, {clients} clients"
    stand.told(name)
    url = await stand.fresh()
    seats = seats_of(desks, clients, batched=batched)
    with generators(make_client, seats, processes=stand.options.processes) as load:
        async with stand.serving(url) as service:
            spans = await stand.measure(load, url, service, step=CYCLE)
    case = Case(name=name, unit="cycle", clients=clients, spans=spans)
    case.facts["requests_per_cycle"] = sum((BATCHED_STEPS if batched else STEPS).values())
    case.facts["audited_stores"] = await stand.prove(url)
    return case


async def _limit(stand: Stand, desks: Sequence[Desk], *, batched: bool) -> Limit | None:
    """Have every desk do one cycle, all of them the same step at a time."""
    steps = BATCHED_STEPS if batched else STEPS
    clients = min(CAPTURE_CLIENTS, len(desks))
    seats = seats_of(desks, clients, batched=batched)
    quota = min(len(seat.desks) for seat in seats)
    phases = [Phase(step, quota * times, times, sign_ins=quota) for step, times in steps.items()]
    await stand.fresh()
    with generators(make_client, seats, processes=stand.options.processes) as load:
        return await limit_of(stand, load, phases)
