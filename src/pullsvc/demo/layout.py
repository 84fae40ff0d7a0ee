"""The places of the store: the planogram of the sales floor, the bins of the backroom, and what lies in them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pullsvc.demo.model import Bin, BinStock, Item, Placement, Section, ShelfLocation, Zone
from pullsvc.demo.seeds import chance

ITEMS_PER_BOARD = 8
BOARDS_PER_BAY = 5
BAYS_PER_AISLE = 12
UNITS_PER_FACING = 8

ITEMS_PER_BIN = 6
LEVELS_PER_RACK = 4
BINS_PER_ITEM_MAX = 3
SLOT_VOLUME_ML = 24_000  # An item's part of a bin; what exceeds it goes to another bin.
ZONE_LETTER = {
    Zone.AMBIENT: "A",
    Zone.HEAVY: "H",
    Zone.SECURE: "S",
    Zone.PRODUCE_COOLER: "P",
    Zone.MEAT_COOLER: "M",
    Zone.DAIRY_COOLER: "D",
    Zone.FREEZER: "F",
}

SUPPLY_DAYS = 2.5
SUPPLY_PACKS_MIN = 3
SUPPLY_CAPACITIES = 3
EMPTY_BACKROOM_SHARE = 0.01
WRONG_BIN_SHARE = 0.05
EMPTY_AMONG_WRONG = 0.5  # Half of them are ghosts: the books know of units, and there are none.

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The sales floor: its boards in the order of the walk, and the home of each item."""

    locations: tuple[ShelfLocation, ...]
    placements: tuple[Placement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backroom:
    """The backroom: its bins in the order of the walk, and their contents."""

    bins: tuple[Bin, ...]
    stocks: tuple[BinStock, ...]


def plan_floor(items: Iterable[Item]) -> Floor:
    """Give every item its home: sections in order, each on aisles of its own, like goods side by side.

    The walk is a serpentine: up the odd aisles, down the even ones. Codes count from 1: `A07-03-2` is the second
    board of the third bay of aisle 7.
    """
    by_section: dict[Section, list[Item]] = defaultdict(list)
    for item in sorted(items, key=_side_by_side):
        by_section[item.section].append(item)
    locations: list[ShelfLocation] = []
    placements: list[Placement] = []
    aisles = 0
    for section in Section:
        boards = _chunks(by_section[section], ITEMS_PER_BOARD)
        for aisle_boards in _chunks(boards, BAYS_PER_AISLE * BOARDS_PER_BAY):
            aisles += 1
            bays = _chunks(aisle_boards, BOARDS_PER_BAY)
            walk = list(enumerate(bays, start=1))
            for bay, bay_boards in walk if aisles % 2 else reversed(walk):
                for level, on_board in enumerate(bay_boards, start=1):
                    code = f"A{aisles:02d}-{bay:02d}-{level}"
                    locations.append(ShelfLocation(code=code, section=section, walk_seq=len(locations) + 1))
                    placements.extend(_place(item, code=code) for item in on_board)
    return Floor(locations=tuple(locations), placements=tuple(placements))


def fill_backroom(items: Iterable[Item], *, seed: int) -> Backroom:
    """Supply every item with whole cases and lay them into bins of its zone.

    The first bin lies among those of its neighbours on the floor; what does not fit goes to an overflow bin
    anywhere in the zone. `EMPTY_BACKROOM_SHARE` of the items have nothing, as the books know; in
    `WRONG_BIN_SHARE` of the contents less lies in the bin than the books say, in half of them nothing.
    """
    by_zone: dict[Zone, list[tuple[Item, list[int]]]] = defaultdict(list)
    for item in sorted(items, key=_side_by_side):
        by_zone[item.zone].append((item, _bin_qtys(item, seed=seed)))
    bins: list[Bin] = []
    stocks: list[BinStock] = []
    for zone in Zone:
        for number, contents in enumerate(_bin_contents(by_zone[zone], seed=seed)):
            rack, level = divmod(number, LEVELS_PER_RACK)
            code = f"BR-{ZONE_LETTER[zone]}-{rack + 1:02d}-{level + 1}"
            bins.append(Bin(code=code, zone=zone, walk_seq=len(bins) + 1))
            stocks.extend(
                BinStock(bin_code=code, sku=sku, book_qty=qty, true_qty=_true_qty(sku, code, qty=qty, seed=seed))
                for sku, qty in contents
            )
    return Backroom(bins=tuple(bins), stocks=tuple(stocks))


def supply_qty(item: Item) -> int:
    """Return the eaches a supplied backroom holds: max(3 cases, 2.5 days) + 3 shelves, in whole cases."""
    wanted = max(SUPPLY_PACKS_MIN * item.case_pack, SUPPLY_DAYS * item.mean_qty_per_day)
    wanted += SUPPLY_CAPACITIES * item.capacity
    return math.ceil(wanted / item.case_pack) * item.case_pack


def _side_by_side(item: Item) -> tuple[str, str, str, str]:
    return item.department, item.category, item.description, item.sku


def _place(item: Item, *, code: str) -> Placement:
    facings = math.ceil(item.capacity / UNITS_PER_FACING)
    return Placement(
        sku=item.sku, location_code=code, facings=facings, capacity=item.capacity, presentation_min=facings
    )


def _bin_qtys(item: Item, *, seed: int) -> list[int]:
    """Return the eaches in each of the item's bins, one to three, the fullest first; none if it has no stock."""
    if chance(seed=seed, purpose="empty backroom", key=item.sku).random() < EMPTY_BACKROOM_SHARE:
        return []
    packs = supply_qty(item) // item.case_pack
    slots = math.ceil(packs * item.case_pack * item.volume_ml / SLOT_VOLUME_ML)
    bins = min(max(slots, 1), packs, BINS_PER_ITEM_MAX)
    share, rest = divmod(packs, bins)
    return [(share + (1 if number < rest else 0)) * item.case_pack for number in range(bins)]


def _bin_contents(supplies: Sequence[tuple[Item, list[int]]], *, seed: int) -> list[Sequence[tuple[str, int]]]:
    """Return what lies in each bin of one zone, as (sku, eaches): first bins in floor order, then overflow."""
    first = [(item.sku, qtys[0]) for item, qtys in supplies if qtys]
    overflow = [(item.sku, number, qty) for item, qtys in supplies for number, qty in enumerate(qtys) if number]
    # By number first: the second and third bin of one item never fall into the same one.
    overflow.sort(key=lambda part: (part[1], chance(seed=seed, purpose="overflow", key=part[0]).random(), part[0]))
    contents = _chunks(first, ITEMS_PER_BIN)
    for number in sorted({part[1] for part in overflow}):
        contents += _chunks([(sku, qty) for sku, of_item, qty in overflow if of_item == number], ITEMS_PER_BIN)
    return contents


def _true_qty(sku: str, bin_code: str, *, qty: int, seed: int) -> int:
    rng = chance(seed=seed, purpose="true quantity", key=f"{sku}/{bin_code}")
    if rng.random() >= WRONG_BIN_SHARE:
        return qty
    return 0 if rng.random() < EMPTY_AMONG_WRONG else rng.randrange(qty)


def _chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
