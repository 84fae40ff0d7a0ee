"""The plain values of the catalog: what a store sells, where it stands, and in which limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any

MAX_INT = 2**31 - 1
MAX_PACK_QTY = 10_000
MAX_CAPACITY_QTY = 100_000
MAX_BARCODES_PER_ITEM = 50
MAX_SPANS_PER_DAY = 4
NO_ZONE = "unknown"  # Where an item is that lies in no bin; so no location may be there.

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def whole_week(hours: Mapping[Any, list[list[str]]]) -> dict[str, list[list[str]]]:
    """Return opening hours with every weekday named; a day left out is closed."""
    return {day: hours.get(day, []) for day in WEEKDAYS}


class Attribute(StrEnum):
    """What one must know of an item to handle it; the same words as the CHECK on `items.attributes`."""

    RESTRICTED = "restricted"
    FROZEN = "frozen"
    CHILLED = "chilled"
    FRAGILE = "fragile"
    HAZARDOUS = "hazardous"
    HEAVY = "heavy"


class SoldBy(StrEnum):
    """How the till measures the item; the same words as the CHECK on `items.sold_by`."""

    EACH = "each"
    WEIGHT = "weight"


class PlaceKind(StrEnum):
    """What a location is for; the same words as the CHECK on `locations.kind`."""

    BACKROOM = "backroom"
    SHELF = "shelf"
    RECEIVING = "receiving"
    LANE = "lane"
    TUB = "tub"


# Every store has these from its first day: where deliveries and returned goods arrive, and the shelf that stands for
# "somewhere on the floor" until an item has a placement.
BUILT_IN_PLACES = {
    "RECEIVING": PlaceKind.RECEIVING,
    "RETURNS": PlaceKind.RECEIVING,
    "UNPLACED": PlaceKind.SHELF,
}


@dataclass(frozen=True, slots=True)
class StoreData:
    """A store as a person describes it.

    Attributes:
        name: For people to read.
        time_zone: IANA name.
        opening_hours: By weekday (`mon` ...), spans of local time as ["HH:MM", "HH:MM"]; a missing day is closed.
        day_starts_at: Local time at which a business day begins.
    """

    name: str
    time_zone: str
    opening_hours: dict[str, list[list[str]]]
    day_starts_at: time


@dataclass(frozen=True, slots=True)
class ItemData:
    """An item as a person or the item master describes it.

    Attributes:
        sku: Its key.
        description: For people to read.
        department: Of the store.
        case_pack: Eaches in a case.
        volume_ml: Of one each.
        weight_g: Of one each.
        price_cents: In the smallest coin; None: not known.
        sold_by: How the till measures it.
        attributes: Sorted, each once.
        active: False: out of the range, kept for its history.
    """

    sku: str
    description: str
    department: str
    case_pack: int
    volume_ml: int
    weight_g: int
    price_cents: int | None
    sold_by: SoldBy
    attributes: tuple[Attribute, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class BarcodeData:
    """A code and what one scan of it stands for.

    Attributes:
        code: As `rules.normal_code` gives it.
        sku: The item.
        pack_qty: Eaches; more than 1 on a case or multipack.
    """

    code: str
    sku: str
    pack_qty: int


@dataclass(frozen=True, slots=True)
class LocationData:
    """A place, and where it comes on the walk; lower `walk_seq` first."""

    location: str
    kind: PlaceKind
    zone: str
    walk_seq: int


@dataclass(frozen=True, slots=True)
class PlacementData:
    """A line of the planogram: an item on a shelf.

    Attributes:
        location: The shelf.
        sku: The item.
        capacity: Eaches that fit.
        presentation_min: Eaches below which the shelf looks empty; <= capacity.
        facings: Side by side at the front.
        is_home: The one place where a sale of the item is booked; others are secondary.
    """

    location: str
    sku: str
    capacity: int
    presentation_min: int
    facings: int
    is_home: bool
