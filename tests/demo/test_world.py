"""The truth of a store keeps all its units and never holds fewer than none."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demo.model import DemoStore
from pullsvc.demo.world import Hours, World, open_world
from tests.factories import NOON

MINUTE = timedelta(minutes=1)
HOURS = Hours(NOON, NOON + timedelta(hours=2))
SKUS, BINS = ("oats", "milk"), ("B1", "B2")


def world(*, shelf: int = 6, capacity: int = 6, in_bin: int = 12) -> World:
    return World(
        hours=HOURS,
        capacity=dict.fromkeys(SKUS, capacity),
        shelf=dict.fromkeys(SKUS, shelf),
        bins={(place, sku): in_bin for place in BINS for sku in SKUS},
    )


def units(there: World) -> Counter[str]:
    """All units of each item, wherever they are."""
    held = Counter(there.shelf) + there.in_tubs + there.sold
    for (_, sku), qty in there.bins.items():
        held[sku] += qty
    return held


@st.composite
def days(draw: st.DrawFn) -> list[tuple[str, str, str, int]]:
    act = st.sampled_from(["sell", "pick", "put", "give back"])
    return draw(st.lists(st.tuples(act, st.sampled_from(SKUS), st.sampled_from(BINS), st.integers(0, 9)), max_size=60))


def play(there: World, day: list[tuple[str, str, str, int]]) -> dict[str, list[bool]]:
    """Do one act a minute; return for each item, minute by minute, whether its shelf stood empty after it."""
    empty: dict[str, list[bool]] = {sku: [] for sku in SKUS}
    for minute, (act, sku, place, qty) in enumerate(day):
        at = NOON + minute * MINUTE
        if act == "sell":
            there.sell(sku, qty, at=at)
        elif act == "pick":
            there.pick(place, sku, qty)
        elif act == "put":
            there.put(sku, min(qty, there.in_tubs[sku]), at=at)
        else:
            there.give_back(place, sku, min(qty, there.in_tubs[sku]))
        for each in SKUS:
            empty[each].append(there.shelf[each] == 0)
    return empty


class TestWorld:
    @given(day=days())
    def test_keeps_every_unit(self, day: list[tuple[str, str, str, int]]) -> None:
        there = world()
        before = units(there)
        play(there, day)

        assert units(there) == before
        assert all(0 <= there.shelf[sku] <= there.capacity[sku] for sku in SKUS)
        assert all(qty >= 0 for qty in (*there.bins.values(), *there.in_tubs.values()))

    @given(day=days())
    def test_counts_what_customers_wanted_as_sold_or_lost(self, day: list[tuple[str, str, str, int]]) -> None:
        there = world()
        play(there, day)
        wanted: Counter[str] = Counter()
        for act, sku, _, qty in day:
            wanted[sku] += qty if act == "sell" else 0

        assert +(there.sold + there.lost) == +wanted

    @given(day=days())
    def test_counts_the_minutes_of_each_empty_shelf(self, day: list[tuple[str, str, str, int]]) -> None:
        there = world()
        empty = play(there, day)

        after = NOON + len(day) * MINUTE
        assert there.out_of_shelf_until(after) == sum(map(sum, empty.values())) * MINUTE

    def test_counts_no_minute_outside_the_hours(self) -> None:
        there = world(shelf=1)
        there.sell("oats", 1, at=NOON - timedelta(hours=1))
        there.sell("milk", 1, at=HOURS.until - MINUTE)
        there.pick("B1", "oats", 1)
        there.put("oats", 1, at=NOON + 30 * MINUTE)

        assert there.out_of_shelf_until(HOURS.until + timedelta(hours=3)) == 31 * MINUTE

    def test_a_bin_gives_what_it_has(self) -> None:
        there = world(in_bin=5)

        assert there.pick("B1", "oats", 8) == 5
        assert there.pick("B1", "oats", 8) == 0
        assert there.pick("elsewhere", "oats", 8) == 0

    def test_a_shelf_takes_what_fits(self) -> None:
        there = world(shelf=4, capacity=6)
        there.pick("B1", "oats", 5)

        assert there.put("oats", 5, at=NOON) == 2
        there.give_back("B2", "oats", 3)
        assert there.bins["B2", "oats"] == 15

    def test_nothing_comes_out_of_an_empty_tub(self) -> None:
        with pytest.raises(ValueError, match="cannot leave tubs"):
            world().give_back("B1", "oats", 1)

    def test_sees_gaps_in_the_order_of_the_walk(self) -> None:
        there = world(shelf=1)
        there.sell("milk", 1, at=NOON)

        assert there.gaps(["milk", "oats"]) == ["milk"]
        there.sell("oats", 3, at=NOON)
        assert there.gaps(["oats", "milk"]) == ["oats", "milk"]


class TestOpenWorld:
    def test_has_full_shelves_and_what_is_really_in_the_bins(self, store: DemoStore) -> None:
        opened = open_world(store, Hours(store.day_starts_at, store.day_ends_at))

        assert opened.shelf == {placement.sku: placement.capacity for placement in store.placements}
        assert sum(opened.bins.values()) == sum(stock.true_qty for stock in store.bin_stocks)
        assert opened.out_of_shelf_until(store.day_ends_at) == timedelta(0)

    def test_is_opened_anew_each_time(self, store: DemoStore) -> None:
        hours = Hours(store.day_starts_at, store.day_ends_at)
        sku = store.items[0].sku
        one, other = open_world(store, hours), open_world(store, hours)
        one.sell(sku, 1, at=NOON)

        assert other.shelf[sku] == one.shelf[sku] + 1
