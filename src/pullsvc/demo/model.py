"""What the demo's store is made of: plain frozen values, no behaviour but look-ups.

Quantities are eaches, prices US cents, volumes millilitres, weights grams, times aware UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

TIME_ZONE = "America/New_York"  # The panel's stores keep US Eastern time; its timestamps are UTC.
ZONE = ZoneInfo(TIME_ZONE)
DAY_TURNS_AT = time(5)  # A sale at 02:00 belongs to the evening before.


class Section(StrEnum):
    """A part of the sales floor, in the order of the walk: frozen late, so that it stays cold."""

    PRODUCE = "produce"
    BAKERY = "bakery"
    MEAT = "meat"
    GROCERY = "grocery"
    DRINKS = "drinks"
    HEALTH_HOME = "health-and-home"
    DAIRY = "dairy"
    FROZEN = "frozen"
    KIOSK = "kiosk"


class Zone(StrEnum):
    """A part of the backroom that one worker walks with one tub, in the order of the walk."""

    AMBIENT = "ambient"
    HEAVY = "heavy"
    SECURE = "secure"
    PRODUCE_COOLER = "produce-cooler"
    MEAT_COOLER = "meat-cooler"
    DAIRY_COOLER = "dairy-cooler"
    FREEZER = "freezer"


class Attribute(StrEnum):
    """How an item must be handled."""

    CHILLED = "chilled"
    FRAGILE = "fragile"
    FROZEN = "frozen"
    HAZARDOUS = "hazardous"
    HEAVY = "heavy"
    RESTRICTED = "restricted"


class Origin(StrEnum):
    """Where a receipt comes from: a real basket of the panel, or made by us (the panel records no returns)."""

    PANEL = "panel"
    SYNTHETIC_RETURN = "synthetic_return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One article of the store's range.

    Attributes:
        sku: The panel's product id, behind a letter.
        description: Kind, size and whether it is the chain's own brand; not unique, the panel has no names.
        department: In the panel's words.
        category: In the panel's words.
        section: Where on the floor it stands.
        zone: Where in the backroom it lies.
        attributes: How it must be handled.
        gtin: GTIN-13 of one each.
        case_gtin: GTIN-14 (indicator 1) of one case.
        case_pack: Eaches in a case.
        capacity: Eaches on its shelf when full; >= `case_pack`.
        price_cents: Regular price of one each.
        volume_ml: Of one each, packaging included.
        weight_g: Of one each, packaging included.
        mean_qty_per_day: Eaches sold a day over the history only; 0.0 for an item new on the played day.
    """

    sku: str
    description: str
    department: str
    category: str
    section: Section
    zone: Zone
    attributes: frozenset[Attribute]
    gtin: str
    case_gtin: str
    case_pack: int
    capacity: int
    price_cents: int
    volume_ml: int
    weight_g: int
    mean_qty_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfLocation:
    """One board of the sales floor; several items share it.

    Attributes:
        code: Aisle, bay, board, such as `A07-03-2`.
        section: The part of the floor it belongs to.
        walk_seq: Place in the walk, from 1.
    """

    code: str
    section: Section
    walk_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The home of an item: exactly one per item.

    Attributes:
        sku: The item.
        location_code: Its board.
        facings: Rows of it at the front of the shelf.
        capacity: Eaches that fit.
        presentation_min: Eaches that keep the shelf looking stocked: one at the front of every facing.
    """

    sku: str
    location_code: str
    facings: int
    capacity: int
    presentation_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One place of the backroom; several items share it.

    Attributes:
        code: Zone letter, rack, level, such as `BR-A-03-2`.
        zone: The part of the backroom it belongs to.
        walk_seq: Place in the walk, from 1, zone after zone.
    """

    code: str
    zone: Zone
    walk_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BinStock:
    """What lies in a bin at the start of the played day.

    Attributes:
        bin_code: The bin.
        sku: The item.
        book_qty: Eaches by the books; whole cases.
        true_qty: Eaches that are really there, 0 to `book_qty`; where less, a picker finds an honest short.
    """

    bin_code: str
    sku: str
    book_qty: int
    true_qty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """One line of a receipt.

    Attributes:
        line_no: From 1.
        sku: The item.
        gtin: As the till scanned it: the item's GTIN-13.
        qty: Eaches; > 0 sold, < 0 brought back.
    """

    line_no: int
    sku: str
    gtin: str
    qty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One POS transaction; (business_date, register, sequence) is its natural key.

    Attributes:
        business_date: The day it counts for, 05:00 to 05:00 local.
        register: 1 to 7 for sales, 8 for returns.
        sequence: From 1, rising by one per register and business date.
        occurred_at: Aware UTC.
        origin: Real, or made by us.
        lines: At least one.
    """

    business_date: date
    register: int
    sequence: int
    occurred_at: datetime
    origin: Origin
    lines: tuple[ReceiptLine, ...]


@dataclass(frozen=True, kw_only=True)
class DemoStore:
    """The store at 05:00 local of the played day: shelves full, backroom supplied, and what will be sold.

    Attributes:
        name: What to call it.
        time_zone: IANA name.
        seed: What every draw came from.
        played_on: The business date to play.
        history_days: Business days known before it.
        folded_weeks: Calendar weeks of the panel laid over one another.
        items: The range, by rising product id.
        shelf_locations: In the order of the walk.
        placements: In the order of the walk.
        bins: In the order of the walk.
        bin_stocks: In the order of the walk.
        history: Receipts of the `history_days` days before the played one, in order of time.
        receipts: Receipts of the played day, in order of time.
        late_skus: New items that sell on the played day although nobody has entered their barcodes yet. They are
            in `items`, have a home and a backroom; leave out their barcodes at first, and their sales need attention.
    """

    name: str
    time_zone: str
    seed: int
    played_on: date
    history_days: int
    folded_weeks: int
    items: tuple[Item, ...]
    shelf_locations: tuple[ShelfLocation, ...]
    placements: tuple[Placement, ...]
    bins: tuple[Bin, ...]
    bin_stocks: tuple[BinStock, ...]
    history: tuple[Receipt, ...]
    receipts: tuple[Receipt, ...]
    late_skus: tuple[str, ...]

    @property
    def day_starts_at(self) -> datetime:
        """The start of the played business day, aware UTC."""
        return business_day_start(self.played_on)

    @property
    def day_ends_at(self) -> datetime:
        """The end (exclusive) of the played business day, aware UTC."""
        return business_day_start(self.played_on + timedelta(days=1))

    @cached_property
    def item_by_sku(self) -> Mapping[str, Item]:
        """Every item under its sku."""
        return {item.sku: item for item in self.items}

    @cached_property
    def sku_by_gtin(self) -> Mapping[str, str]:
        """The sku under each of its two codes, GTIN-13 and case GTIN-14."""
        return {code: item.sku for item in self.items for code in (item.gtin, item.case_gtin)}

    @cached_property
    def placement_by_sku(self) -> Mapping[str, Placement]:
        """The home of every item."""
        return {placement.sku: placement for placement in self.placements}

    @cached_property
    def stocks_by_sku(self) -> Mapping[str, tuple[BinStock, ...]]:
        """The bins of every item, the first bin first; an empty tuple where the backroom has none."""
        stocks: dict[str, list[BinStock]] = {item.sku: [] for item in self.items}
        for stock in self.bin_stocks:
            stocks[stock.sku].append(stock)
        return {sku: tuple(of_item) for sku, of_item in stocks.items()}


def business_day_start(day: date) -> datetime:
    """Return when the business day `day` begins, aware UTC."""
    return datetime.combine(day, DAY_TURNS_AT, tzinfo=ZONE).astimezone(UTC)


def units(receipts: Iterable[Receipt]) -> int:
    """Return the eaches sold, returns not deducted."""
    return sum(max(line.qty, 0) for receipt in receipts for line in receipt.lines)
