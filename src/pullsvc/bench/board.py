"""Scenario `board`: hundreds of live boards while things happen: how long from the commit to the screen?"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import asyncpg

from pullsvc.access.rules import Role
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.keys import make_keys
from pullsvc.bench.load import Done, Round, generators
from pullsvc.bench.model import Case, Result, Span
from pullsvc.bench.stand import Stand
from pullsvc.bench.stats import latency
from pullsvc.bench.viewer import ARRIVAL, ASK, ENDED, WATCH, AskerSeat, ScreenSeat, make_asker, make_screen
from pullsvc.bench.world import World, sku_of
from pullsvc.clock import wall_clock

EVENT = "event to screen"
ASKERS = 5
ITEMS = 200
DRAIN_S = 2.0
MAX_STREAMS = 2_000
COMMITTED = """
    SELECT event_id, store_id, extract(epoch FROM pg_xact_commit_timestamp(CAST(txid AS xid))) AS at
    FROM events WHERE pg_xact_commit_timestamp(CAST(txid AS xid)) IS NOT NULL
"""


async def board(stand: Stand, *, screens: Sequence[int], stores: Sequence[int], events_per_s: float) -> Result:
    """Measure each number of screens, spread over each number of stores."""
    result = await stand.result("board")
    for number in stores:
        await stand.make_world(World(stores=number, items=ITEMS, zones=1))
        for count in screens:
            result.cases.append(await board_case(stand, screens=count, stores=number, events_per_s=events_per_s))
    return result


async def board_case(stand: Stand, *, screens: int, stores: int, events_per_s: float) -> Case:
    """Measure one number of screens; every event must come to every screen of its store, once."""
    name = f"{screens} boards, {stores} stores, {events_per_s:g} events/s"
    stand.told(name)
    url = await stand.fresh()
    now = wall_clock().now()
    leads = await make_keys(url, [(1 + n % stores, Role.LEAD) for n in range(screens)], now=now)
    askers = await make_keys(url, [(1 + n, Role.ASSOCIATE) for n in range(stores)], now=now)
    shops = list(enumerate(askers, start=1))
    skus = [sku_of(item) for item in range(ITEMS)]
    asker_seats = [
        AskerSeat(n, shops[n % stores :] + shops[: n % stores], skus[n * 7 :] + skus[: n * 7], ASKERS / events_per_s)
        for n in range(ASKERS)
    ]
    screen_seats = [ScreenSeat(1 + n % stores, token) for n, token in enumerate(leads)]
    lasts_s = stand.options.warm_s + stand.options.repeat * stand.options.seconds + DRAIN_S
    with (
        generators(make_asker, asker_seats, processes=1) as asking,
        generators(make_screen, screen_seats, processes=stand.options.processes) as watching,
    ):
        async with stand.serving(url, max_streams=str(MAX_STREAMS)) as service:
            began = await watching.begin(Round(service.address, WATCH, lasts_s=lasts_s))
            spans = await stand.measure(asking, url, service, step=ASK)
            seen = await watching.end(began)
    case = Case(name=name, unit="event", clients=screens, spans=await _with_latency(url, spans, seen, screen_seats))
    case.facts["deliveries"] = len(seen.tally.ended.get(ARRIVAL, ()))
    case.facts["audited_stores"] = await stand.prove(url)
    return case


async def _with_latency(url: str, spans: Sequence[Span], seen: Done, screens: Sequence[ScreenSeat]) -> list[Span]:
    """Add to each span how long its events took from their commit to the screens.

    The commit time is taken just before PostgreSQL flushes the commit: the flush counts as a part of the way.
    """
    if seen.tally.ended.get(ENDED):
        raise BenchFailed(f"{len(seen.tally.ended[ENDED])} of {len(screens)} streams ended.")
    connection = await asyncpg.connect(url)
    try:
        committed = {row["event_id"]: row for row in await connection.fetch(COMMITTED)}
    finally:
        await connection.close()
    arrivals = sorted(zip(seen.tally.ended[ARRIVAL], map(int, seen.tally.took[ARRIVAL]), strict=True))
    _check(Counter(event_id for _, event_id in arrivals), committed, Counter(seat.store_id for seat in screens))
    wall_s = wall_clock().now().timestamp() - time.monotonic()
    took = [at + wall_s - float(committed[event_id]["at"]) for at, event_id in arrivals]
    # The streams were open before the first span and after the last: each span gets its share, in order of time.
    ends = [len(took) * n // len(spans) for n in range(len(spans) + 1)]
    parts = [latency(took[start:end]) for start, end in pairwise(ends)]
    return [replace(span, calls={**span.calls, EVENT: part}) for span, part in zip(spans, parts, strict=True)]


def _check(seen: Mapping[int, int], committed: Mapping[int, Any], screens: Mapping[int, int]) -> None:
    """Every event must have come to each screen of its store, and once."""
    wrong = [event_id for event_id, row in committed.items() if seen.get(event_id, 0) != screens[row["store_id"]]]
    if wrong or not seen:
        raise BenchFailed(f"{len(wrong)} of {len(committed)} events did not come to every screen once.")
