"""A second of every scenario in a tiny world: the figures mean nothing, but they add up, and the laws hold after it."""

from dataclasses import replace

import pytest

from pullsvc.bench.board import board
from pullsvc.bench.claims import claims, scramble_case
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.growth import Size, growth
from pullsvc.bench.model import Case, Result
from pullsvc.bench.pulls import pulls
from pullsvc.bench.sales import Load, sales, world_of
from pullsvc.bench.stand import Stand
from pullsvc.bench.watch import watch
from pullsvc.bench.world import World

WORLD = World(stores=2, items=40, zones=8)


def check(result: Result, *, audited: int) -> list[Case]:
    """What every case must say."""
    for case in result.cases:
        assert case.facts["audited_stores"] == audited
        assert all(span.acts > 0 for span in case.spans), case.name
        assert all(span.cores["app"] >= 0 and span.app_mib > 0 for span in case.spans)
    assert Result.of_json(result.as_json()) == result
    return result.cases


class TestPulls:
    async def test_measures_cycles_and_their_limit(self, stand: Stand) -> None:
        stand.options = replace(stand.options, limit=True)
        (case,) = check(await pulls(stand, world=WORLD, clients=[2]), audited=2)

        assert case.facts["requests_per_cycle"] == 10
        for span in case.spans:
            calls = {kind: one.count for kind, one in span.calls.items()}
            assert set(calls) == {"ask", "claim", "pick", "stage", "deliver", "put"}
            # Two clients: at each end of the span a cycle of each may be cut in two.
            assert abs(calls["pick"] - 5 * span.acts) <= 10
            assert abs(calls["put"] - span.acts) <= 2
            assert span.statements_per_act
            assert span.statements_per_act >= 10
        assert case.limit
        assert case.limit.counts["pick"] == 5
        assert case.limit.per_s < min(case.limit.kinds.values())
        assert all(share > 0.9 for share in case.limit.covered.values())

    async def test_refuses_more_clients_than_there_is_room_for(self, stand: Stand) -> None:
        with pytest.raises(BenchFailed, match="need more zones"):
            await pulls(stand, world=WORLD, clients=[100])


class TestClaims:
    async def test_measures_bursts_and_gives_back(self, stand: Stand) -> None:
        result = await claims(stand, stores=[1, 10], backlogs=[16], clients=2, scramble=False)
        (case,) = check(result, audited=1)

        assert case.facts["claims_a_burst"] == 8
        assert all(span.acts > 8 and span.acts % 8 == 0 for span in case.spans)

    async def test_a_scramble_gives_each_pull_to_one(self, stand: Stand) -> None:
        case = await scramble_case(stand, claimers=20, pulls=5)

        assert [span.acts for span in case.spans] == [5, 5]
        assert [span.calls["nothing"].count for span in case.spans] == [15, 15]


class TestSales:
    async def test_measures_singles_and_batches(self, stand: Stand) -> None:
        loads = [Load("", "new", 5, 2), Load("rows", "duplicates", 20, 2), Load("rows", "late", 20, 2)]
        singles, again, late = check(await sales(stand, world=world_of(stores=2, items=40), loads=loads), audited=2)

        assert (singles.unit, late.unit, late.units_per_act) == ("receipt", "line", 20)
        assert set(again.spans[0].calls) == {"resend"}
        rates = [20 * span.per_s for span in late.spans]
        assert min(rates) <= late.per_s <= max(rates)


class TestBoard:
    async def test_brings_every_event_to_every_screen_once(self, stand: Stand) -> None:
        result = await board(stand, screens=[4], stores=[2], events_per_s=20)
        (case,) = check(result, audited=2)

        arrived = sum(span.calls["event to screen"].count for span in case.spans)
        assert arrived == case.facts["deliveries"] > 0
        assert arrived % 2 == 0


class TestGrowth:
    async def test_sets_each_size_beside_the_smallest(self, stand: Stand) -> None:
        found = await growth(stand, sizes=[Size(1, 0, 80), Size(2, 900, 80)], claimed=[(1, 64)])

        assert [found.cases[n].facts["of_smallest"] for n in (0, 1, 3)] == [1, 1, 1]
        assert len({case.name for case in found.cases}) == 5
        assert all(case.limit is None for case in found.cases)


class TestWatch:
    async def test_counts_looks_and_what_sales_cause(self, stand: Stand) -> None:
        found = await watch(stand, sizes=[(1, 30), (2, 40)])

        learning, looks, unwatched, flagging, after_sales, _, more_looks = found.cases
        assert [span.acts for span in looks.spans] == [30, 30]
        assert all(span.acts == 80 for span in more_looks.spans)
        assert learning.spans[0].acts >= 13 * 30
        assert looks.facts["of_smallest"] == 1
        assert [case.facts["audited_stores"] for case in (looks, more_looks)] == [1, 2]
        assert 100 < looks.facts["kept_bytes_a_shelf"] < 1_000_000
        assert unwatched.unit == flagging.unit == after_sales.unit == "line"
        assert 0 < after_sales.facts["looks_per_line"] < 1
