"""Scenario `watch`: learning a day, looks at shelves in ever larger worlds, what a sale line costs, what is kept."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from pullsvc.access.rules import Role
from pullsvc.bench.cluster import column, run
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.history import add_history
from pullsvc.bench.keys import make_keys
from pullsvc.bench.load import Load, Round, generators
from pullsvc.bench.meter import metering
from pullsvc.bench.model import Case, Result, Span, span_of
from pullsvc.bench.stand import Stand
from pullsvc.bench.till import SEND
from pullsvc.bench.till import Seat as TillSeat
from pullsvc.bench.till import make_client as make_till
from pullsvc.bench.watching import LEARN, LEARNT, LOOK, RUN, Seat, make_client
from pullsvc.bench.world import World
from pullsvc.clock import wall_clock

SHELF_QTY = 60  # Of CAPACITY: there is room for more, and for most items no need of it.
BIN_QTY = 500
CAPACITY = 100
HISTORY_DAYS = 14
LINES_A_DAY = 0.5  # An item; the median of a grocery store sells less, its fast movers a hundred times as much.
TILLS = 8
LINES = 1_000
BATCHES = 3
CHAIN_STORES, CHAIN_ITEMS = 2_000, 10_000
FLAG_ALL = ("UPDATE balances SET flagged_at = now() WHERE kind = 'shelf'", "VACUUM balances, watched, offers, pulls")
DUE = "UPDATE watch_schedule SET next_run_at = now()"  # Else the watch would let the store rest for a while.
# Before each burst of sales: no shelf is watched, or the next sale of each flags it.
INTAKE = {
    "no shelf is watched": "UPDATE balances SET trigger_qty = NULL, flagged_at = NULL WHERE kind = 'shelf'",
    "each line flags its shelf": "UPDATE balances SET trigger_qty = 1000000, flagged_at = NULL WHERE kind = 'shelf'",
}
# Bytes that the watch keeps for each shelf, with indexes and free room.
KEPT = """
    SELECT sum(pg_total_relation_size(CAST(name AS regclass))) / (SELECT count(*) FROM watched)
    FROM unnest(ARRAY['watched', 'sell_through', 'store_rhythms', 'watch_schedule', 'watch_settings', 'offers']) name
"""


async def watch(stand: Stand, *, sizes: Sequence[tuple[int, int]]) -> Result:
    """Measure learning and looks in each size, (stores, items), smallest first; the till in the smallest."""
    result = await stand.result("watch")
    looks: list[Case] = []
    for stores, items in sizes:
        world = World(stores=stores, items=items, zones=1, shelf_qty=SHELF_QTY, bin_qty=BIN_QTY, capacity=CAPACITY)
        looks.append(await _size(stand, result, world, tills=not looks))
    for case in looks:
        case.facts["of_smallest"] = round(case.per_s / looks[0].per_s, 3)
    return result


async def _size(stand: Stand, result: Result, world: World, *, tills: bool) -> Case:
    """Add the cases of one world to the result, and return that of its looks."""
    stand = replace(stand, copies=False)
    name = f"{world.stores} stores of {world.items} items"
    url = await stand.make_world(world)
    lines = int(world.stores * world.items * HISTORY_DAYS * LINES_A_DAY)
    await add_history(url, world, lines=lines, days=HISTORY_DAYS, before=1, now=wall_clock().now())
    with generators(make_client, [Seat(url, range(1, world.stores + 1), world.items)], processes=1) as load:
        learning = Case(f"learn a day, {name}", "item", 1, [await _measured(stand, load, url, LEARN, act=LEARNT)])
        await load.round(Round("", RUN, quota=1))  # The first look at a shelf makes its row.
        case = Case(f"look at each shelf, {name}", "look", 1, [])
        for _ in range(stand.options.repeat):
            await run(url, *FLAG_ALL)
            case.spans.append(await _measured(stand, load, url, RUN, act=LOOK))
            if case.spans[-1].acts < world.stores * world.items:
                raise BenchFailed(f"{name}: only {case.spans[-1].acts} shelves were looked at")
        case.facts["processor_us_a_look"] = round(median(_processor_us(span) for span in case.spans))
        learning.facts["processor_us_an_item"] = round(_processor_us(learning.spans[0]))
        (kept,) = await column(url, KEPT)
        case.facts["kept_bytes_a_shelf"] = int(kept)
        chain_gb = round(int(kept) * CHAIN_STORES * CHAIN_ITEMS / 1e9, 1)
        case.facts[f"extrapolated_to_{CHAIN_STORES}_stores_of_{CHAIN_ITEMS}_gb"] = chain_gb
        result.cases += [learning, case]
        if tills:
            result.cases += await _tills(stand, load, url, world)
    case.facts["audited_stores"] = await stand.prove(url)
    return case


async def _measured(stand: Stand, load: Load, url: str, step: str, *, act: str) -> Span:
    await run(url, DUE)
    pid = load.pids[0]
    async with metering(url, app_pid=pid, postgres_pid=stand.cluster.pid, load_pids=[]) as meter:
        first = await meter.read()
        done = await load.round(Round("", step, quota=1))
        return span_of([(first, await meter.read())], done.tally, act=act)


async def _tills(stand: Stand, load: Load, url: str, world: World) -> list[Case]:
    """Sell over HTTP without and with a watch to compare for, then have the watch look at what the sales flagged."""
    tokens = await make_keys(url, [(1 + n % world.stores, Role.POS) for n in range(TILLS)], now=wall_clock().now())
    now = wall_clock().now()
    seats = [
        TillSeat(n, 1 + n % world.stores, tokens[n], "rows", "new", LINES, world.items, now, stand.options.seed)
        for n in range(TILLS)
    ]
    cases = []
    with generators(make_till, seats, processes=1) as tills:
        async with stand.serving(url) as service:
            burst = Round(service.address, SEND, quota=BATCHES)
            await tills.round(burst)
            for name, before in INTAKE.items():
                spans = await stand.measure_bursts(
                    tills, url, service, burst=burst, act=SEND, between=partial(run, url, before)
                )
                case = Case(f"sell, {name}", "line", TILLS, spans, units_per_act=LINES)
                case.facts["processor_us_a_line"] = round(median(map(_processor_us, spans)) / LINES, 1)
                cases.append(case)
            cases.append(await _after_sales(stand, load, tills, url, burst))
    return cases


def _processor_us(span: Span) -> float:
    """Return what an act took of the processors, the load generators left out."""
    return sum(span.cores.get(who, 0.0) for who in ("app", "postgres")) * span.seconds / max(span.acts, 1) * 1e6


async def _after_sales(stand: Stand, load: Load, tills: Load, url: str, burst: Round) -> Case:
    """Have the watch set its triggers, sell, and look at what the sales flagged; the unit is the sale line."""
    lines = TILLS * BATCHES * LINES
    case = Case(f"look after {lines} sale lines", "line", 1, [])
    looks = 0
    for _ in range(stand.options.repeat):
        await run(url, *FLAG_ALL)
        await _measured(stand, load, url, RUN, act=LOOK)
        await tills.round(burst)
        span = await _measured(stand, load, url, RUN, act=LOOK)
        looks += span.acts
        case.spans.append(span)
    # The spans count looks; a look is worth so many lines.
    case.units_per_act = lines * len(case.spans) / max(looks, 1)
    case.facts["looks_per_line"] = round(looks / (lines * len(case.spans)), 4)
    case.facts["processor_us_a_line"] = round(median(_processor_us(span) * span.acts / lines for span in case.spans), 2)
    return case
