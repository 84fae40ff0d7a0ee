"""Scenario `claims`: claims alone, over backlogs and numbers of stores, and the scramble of 500 for 50 pulls."""

from collections.abc import Sequence
from time import monotonic

from pullsvc.access.rules import Role
from pullsvc.bench.claimer import CLAIM, CLAIMED, NOTHING, Seat, make_client
from pullsvc.bench.cluster import column, run
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.keys import make_keys
from pullsvc.bench.limits import Phase, limit_of
from pullsvc.bench.load import Round, generators
from pullsvc.bench.meter import metering
from pullsvc.bench.model import Case, Result, span_of
from pullsvc.bench.stand import Stand
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock
from pullsvc.tubs.rules import MAX_LIVE_TASKS_A_WORKER

WORKERS = 4_096
SIGN_IN_EVERY_S = 25.0  # A key is believed for a minute here.
MAX_ITEMS = 10_000
MAX_ITEMS_IN_CHAIN = 200_000
MIN_ITEMS = 60
SCRAMBLERS = 500
SCRAMBLED_PULLS = 50
# What releases would leave, without the hours that they would take: the claims of a burst are given back.
GIVE_BACK = (
    "BEGIN",
    "UPDATE tasks SET state = 'released', ended_at = now() WHERE ended_at IS NULL",
    "UPDATE task_lines SET state = 'dropped' WHERE state = 'planned'",
    "UPDATE pulls SET state = 'open', qty_planned = 0, planned_at = NULL WHERE state = 'planned'",
    "COMMIT",
    "VACUUM tasks, task_lines, pulls, idempotency_keys",
)


def world_of(*, stores: int, pulls: int) -> World:
    """Return a world with so many open pulls over all its stores."""
    in_store = -(-pulls // stores)
    items = max(MIN_ITEMS, min(in_store, MAX_ITEMS, MAX_ITEMS_IN_CHAIN // stores))
    return World(stores=stores, items=items, zones=min(8, items), pulls=in_store)


async def claims(
    stand: Stand, *, stores: Sequence[int], backlogs: Sequence[int], clients: int, scramble: bool = True
) -> Result:
    """Measure each backlog in each number of stores, where there is a pull for each store at least."""
    result = await stand.result("claims")
    for number in stores:
        for backlog in backlogs:
            if backlog >= 2 * number:
                result.cases.append(await claims_case(stand, stores=number, backlog=backlog, clients=clients))
    if scramble:
        result.cases.append(await scramble_case(stand))
    return result


async def claims_case(stand: Stand, *, stores: int, backlog: int, clients: int) -> Case:
    """Measure one backlog, and its limit."""
    case, seats = await measure_claims(stand, stores=stores, backlog=backlog, clients=clients)
    if stand.options.limit:
        await stand.fresh()
        phase = Phase("claim", case.facts["claims_a_burst"] // clients, sign_ins=len(seats[0].workers))
        with generators(make_client, seats, processes=stand.options.processes) as load:
            case.limit = await limit_of(stand, load, [phase])
    return case


async def measure_claims(stand: Stand, *, stores: int, backlog: int, clients: int) -> tuple[Case, list[Seat]]:
    """Measure one backlog in bursts: after each the claims are given back, as nobody may hold many."""
    name = f"claim, {stores} stores, {backlog} open, {clients} clients"
    stand.told(name)
    url = await stand.make_world(world_of(stores=stores, pulls=backlog))
    seats = await _seats(url, stores=stores, clients=clients, workers=min(WORKERS, backlog // 2))
    workers = len(seats[0].workers)
    quota = max(1, min(MAX_LIVE_TASKS_A_WORKER * workers, backlog // 2 // clients))
    url = await stand.fresh()
    with generators(make_client, seats, processes=stand.options.processes) as load:
        async with stand.serving(url, key_cache_s="60") as service:
            sign_in = Round(service.address, "sign_in", quota=workers)
            burst = Round(service.address, "claim", quota=quota)

            signed_in_at = -SIGN_IN_EVERY_S

            async def give_back() -> None:
                nonlocal signed_in_at
                await run(url, *GIVE_BACK)
                if monotonic() - signed_in_at > SIGN_IN_EVERY_S:
                    await load.round(sign_in)
                    signed_in_at = monotonic()

            await give_back()
            await load.round(burst)
            spans = await stand.measure_bursts(load, url, service, burst=burst, act=CLAIMED, between=give_back)
    case = Case(name=name, unit="claim", clients=clients, spans=spans)
    case.facts["claims_a_burst"] = quota * clients
    case.facts["got_nothing"] = sum(span.calls[NOTHING].count for span in spans if NOTHING in span.calls)
    case.facts["audited_stores"] = await stand.prove(url)
    return case, seats


async def scramble_case(stand: Stand, *, claimers: int = SCRAMBLERS, pulls: int = SCRAMBLED_PULLS) -> Case:
    """Have many workers claim a few pulls at the same moment: each pull goes to one, nobody gets what another has."""
    name = f"{claimers} claimers on {pulls} pulls"
    stand.told(name)
    url = await stand.make_world(world_of(stores=1, pulls=pulls))
    seats = await _seats(url, stores=1, clients=claimers, workers=claimers)
    spans = []
    url = await stand.fresh()
    with generators(make_client, seats, processes=stand.options.processes) as load:
        async with (
            stand.serving(url, key_cache_s="60") as service,
            metering(url, app_pid=service.pid, postgres_pid=stand.cluster.pid, load_pids=load.pids) as meter,
        ):
            for _ in range(stand.options.repeat):
                await run(url, *GIVE_BACK)
                await load.round(Round(service.address, "sign_in", quota=1))
                first = await meter.read()
                done = await load.round(Round(service.address, "scramble", quota=1))
                spans.append(span_of([(first, await meter.read())], done.tally, act=CLAIMED))
                await _check_scramble(url, told=spans[-1].acts, pulls=pulls)
    case = Case(name=name, unit="claim", clients=claimers, spans=spans)
    case.facts["asked_again"] = sum(span.calls[CLAIM].count - claimers for span in spans)
    case.facts["audited_stores"] = await stand.prove(url)
    return case


async def _check_scramble(url: str, *, told: int, pulls: int) -> None:
    planned = await column(url, "SELECT pull_id FROM task_lines WHERE state = 'planned'")
    if not told == len(planned) == len(set(planned)) == pulls:
        raise BenchFailed(f"{told} workers were told that they got one of {pulls} pulls; planned are {planned}")


async def _seats(url: str, *, stores: int, clients: int, workers: int) -> list[Seat]:
    """Spread the workers over the stores and the clients, each client with the same number of them."""
    per_client = -(-workers // clients)
    wanted = [(1 + number % stores, Role.BACKROOM) for number in range(per_client * clients)]
    tokens = await make_keys(url, wanted, now=wall_clock().now())
    keys = [(store_id, token) for (store_id, _), token in zip(wanted, tokens, strict=True)]
    return [Seat(number, keys[number::clients]) for number in range(clients)]
