"""What the catalog takes and gives over HTTP; the import reads its rows with the same bodies."""

import re
from datetime import datetime, time
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator

from pullsvc.catalog import model, rules
from pullsvc.catalog.model import Attribute, PlaceKind, SoldBy
from pullsvc.errors import Rejection
from pullsvc.web.bodies import Body
from pullsvc.web.deps import MAX_STORE_ID, Name, printable

_HHMM = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _a_real_zone(name: str) -> str:
    if name == model.NO_ZONE:
        raise ValueError(f"must not be {name!r}, which stands for items that are in no bin")
    return name


def _known_time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError("must be an IANA time zone such as America/New_York")
    return name


def _hour(text: str) -> str:
    if not _HHMM.fullmatch(text):
        raise ValueError("must be a local time as HH:MM, up to 24:00")
    return text


def _in_order(spans: list[list[str]]) -> list[list[str]]:
    ends = [end for span in spans for end in span]
    if any(earlier >= later for earlier, later in pairwise(ends)):
        raise ValueError("spans must follow each other, each from earlier to later; after midnight is the next day")
    return spans


def _stored_code(raw: str) -> str:
    try:
        return rules.normal_code(raw)
    except Rejection as refusal:
        raise ValueError(refusal.detail) from None


def _stored_place(raw: str) -> str:
    try:
        return rules.place_code(raw)
    except Rejection as refusal:
        raise ValueError(refusal.detail) from None


OWN_CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
Sku = Annotated[str, StringConstraints(pattern=OWN_CODE), Field(description="SKU.", examples=["1082185"])]
PlaceCode = Annotated[
    str, StringConstraints(pattern=OWN_CODE), Field(description="Location, as on its label.", examples=["BR-A-03-2"])
]
# As a scanner sends it: element strings and Digital Links are longer than what is stored, and hold other characters.
ScannedCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=rules.MAX_SCAN_CHARS),
    Field(
        description="Barcode as scanned (GTIN, UPC-E, GS1 element string or Digital Link, with or without AIM "
        "identifier), or the code below it as typed.",
        examples=["]C10109521234543213"],
    ),
]
StoredCode = Annotated[ScannedCode, AfterValidator(_stored_code)]
ScannedPlace = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=rules.MAX_SCAN_CHARS),
    AfterValidator(_stored_place),
    Field(description="Location or tub, as scanned from its label (SSCC, GRAI) or typed.", examples=["TUB-0042"]),
]
Zone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40),
    AfterValidator(printable),
    Field(description="Part of the store.", examples=["dairy"]),
]
Amount = Annotated[int, Field(ge=0, le=model.MAX_INT)]
Trait = Annotated[Attribute, Field(strict=False)]
Kind = Annotated[PlaceKind, Field(strict=False)]
PackQty = Annotated[int, Field(ge=1, le=model.MAX_PACK_QTY)]
Hour = Annotated[str, AfterValidator(_hour)]
# Two strings in a list, not a pair by position: many generators of clients do not know `prefixItems`.
Span = Annotated[list[Hour], Field(min_length=2, max_length=2)]
Spans = Annotated[list[Span], Field(max_length=model.MAX_SPANS_PER_DAY), AfterValidator(_in_order)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
OpeningHours = Annotated[
    dict[Weekday, Spans],
    Field(
        description="Spans of local time by weekday; a day left out is closed. What lasts past midnight goes on the "
        "next day from 00:00.",
        examples=[{"mon": [["06:00", "22:00"]], "sun": [["08:00", "12:00"], ["13:00", "18:00"]]}],
    ),
]


class StoreBody(Body):
    """A store."""

    name: Name = Field(examples=["Main Street"])
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_time_zone)] = Field(
        description="IANA name.", examples=["America/New_York"]
    )
    opening_hours: OpeningHours
    day_starts_at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        default="05:00", description="Local time at which a business day begins.", examples=["05:00"]
    )

    def data(self) -> model.StoreData:
        """Return the store with every weekday named."""
        return model.StoreData(
            name=self.name,
            time_zone=self.time_zone,
            opening_hours=model.whole_week(self.opening_hours),
            day_starts_at=time.fromisoformat(self.day_starts_at),
        )


class ItemBody(Body):
    """An item without its barcodes; measures are of one each."""

    description: Name = Field(examples=["Oat drink 1 l"])
    department: Zone = Field(description="Of the store.", examples=["grocery"])
    case_pack: PackQty = Field(default=1, description="Eaches in a case.", examples=[12])
    volume_ml: Amount = Field(default=0, description="0: not known.", examples=[1100])
    weight_g: Amount = Field(default=0, description="0: not known.", examples=[1050])
    price_cents: Amount | None = Field(default=None, examples=[249])
    sold_by: SoldBy = Field(
        strict=False, default=SoldBy.EACH, description="How the till measures it.", examples=["each"]
    )
    attributes: list[Trait] = Field(
        default=[], max_length=len(Attribute), description="What one must know to handle it.", examples=[["fragile"]]
    )
    active: bool = Field(default=True, description="False: out of the range, kept for its history.", examples=[True])

    def item(self, sku: str) -> model.ItemData:
        """Return the item under this sku."""
        return model.ItemData(
            sku=sku,
            description=self.description,
            department=self.department,
            case_pack=self.case_pack,
            volume_ml=self.volume_ml,
            weight_g=self.weight_g,
            price_cents=self.price_cents,
            sold_by=self.sold_by,
            attributes=tuple(sorted(set(self.attributes))),
            active=self.active,
        )


class BarcodeBody(Body):
    """A code of an item."""

    code: StoredCode
    pack_qty: PackQty = Field(default=1, description="Eaches that one scan stands for: those of a case on a case.")


class WholeItemBody(ItemBody):
    """An item with exactly these barcodes."""

    barcodes: list[BarcodeBody] = Field(
        max_length=model.MAX_BARCODES_PER_ITEM,
        description="All codes of the item; those left out are taken away.",
        examples=[[{"code": "9521234543213"}, {"code": "19521234543210", "pack_qty": 12}]],
    )

    def codes(self, sku: str) -> list[model.BarcodeData]:
        """Return the barcodes, as stored, of the item under this sku."""
        return [model.BarcodeData(code=each.code, sku=sku, pack_qty=each.pack_qty) for each in self.barcodes]


class LocationBody(Body):
    """A place; its kind cannot change later."""

    kind: Kind = Field(description="What it is for.", examples=["backroom"])
    zone: Annotated[Zone, AfterValidator(_a_real_zone)]
    walk_seq: Amount = Field(default=0, description="Where it comes on the walk; lower first.", examples=[310])

    def place(self, location: str) -> model.LocationData:
        """Return the place under this code."""
        return model.LocationData(location=location, kind=self.kind, zone=self.zone, walk_seq=self.walk_seq)


class PlacementBody(Body):
    """How much of an item a shelf holds; quantities in eaches."""

    capacity: Annotated[int, Field(ge=1, le=model.MAX_CAPACITY_QTY)] = Field(description="How many fit.", examples=[24])
    presentation_min: Annotated[int, Field(ge=0, le=model.MAX_CAPACITY_QTY)] = Field(
        default=0, description="Below this the shelf looks empty; at most the capacity.", examples=[4]
    )
    facings: Annotated[int, Field(ge=1, le=model.MAX_CAPACITY_QTY)] = Field(
        default=1, description="Side by side at the front.", examples=[3]
    )
    is_home: bool = Field(
        default=True,
        description="The one place where sales of the item are booked; an item's former home becomes secondary.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _minimum_fits(self) -> Self:
        if self.presentation_min > self.capacity:
            raise ValueError("presentation_min must not be above capacity")
        return self

    def line(self, location: str, sku: str) -> model.PlacementData:
        """Return the placement of this item on this shelf."""
        return model.PlacementData(
            location=location,
            sku=sku,
            capacity=self.capacity,
            presentation_min=self.presentation_min,
            facings=self.facings,
            is_home=self.is_home,
        )


class View(BaseModel):
    """A stored thing: made from a row, with the version that an edit names in If-Match."""

    model_config = ConfigDict(from_attributes=True)

    version: int = Field(examples=[3])
    updated_at: datetime


def _hhmm(value: time) -> str:
    return value.strftime("%H:%M")


class Store(View):
    """A store."""

    store_id: int = Field(le=MAX_STORE_ID, examples=[1])
    name: str
    time_zone: str
    opening_hours: dict[Weekday, list[Span]]
    day_starts_at: Annotated[time, PlainSerializer(_hhmm, return_type=str)] = Field(
        description="Local time at which a business day begins.", examples=["05:00"]
    )


class Barcode(BaseModel):
    """A code of an item, as stored."""

    code: str = Field(examples=["09521234543213"])
    pack_qty: int


class Item(View):
    """An item."""

    sku: str = Field(examples=["1082185"])
    description: str
    department: str
    case_pack: int
    volume_ml: int
    weight_g: int
    price_cents: int | None
    sold_by: SoldBy
    attributes: list[Attribute]
    active: bool
    barcodes: list[Barcode]


class Location(View):
    """A place."""

    location: str = Field(examples=["BR-A-03-2"])
    kind: PlaceKind
    zone: str
    walk_seq: int
    active: bool


class Placement(View):
    """A line of the planogram."""

    location: str = Field(examples=["A07-3"])
    zone: str
    sku: str = Field(examples=["1082185"])
    capacity: int
    presentation_min: int
    facings: int
    is_home: bool


class FoundItem(BaseModel):
    """The item that a code stands for."""

    model_config = ConfigDict(from_attributes=True)

    sku: str = Field(examples=["1082185"])
    pack_qty: int = Field(description="Eaches that one scan of the code stands for.", examples=[12])
    description: str
    department: str
    case_pack: int
    volume_ml: int
    weight_g: int
    sold_by: SoldBy
    attributes: list[Attribute]
    active: bool
    home: str | None = Field(description="Its home shelf; null while it has none.", examples=["A07-3"])
    home_capacity: int | None


class Scan(BaseModel):
    """A scan, read."""

    model_config = ConfigDict(from_attributes=True)

    kind: rules.ScanKind = Field(description="What the code itself says that it is.")
    code: str = Field(description="As stored.", examples=["09521234543213"])
    gtin: str | None
    sscc: str | None
    grai: str | None
    serial: str | None
    lot: str | None
    count: int | None
    weight_g: int | None
    price_cents: int | None
    warning: str | None = Field(description="What is wrong with scanner or label although it could be read.")


class Lookup(BaseModel):
    """What a scan is in this store."""

    model_config = ConfigDict(from_attributes=True)

    scan: Scan
    item: FoundItem | None = Field(description="The item that has the code as barcode or sku.")
    location: Location | None = Field(description="The location or tub that has the code on its label.")


class ImportResult(BaseModel):
    """What an import did; the file sent again changes nothing."""

    model_config = ConfigDict(from_attributes=True)

    rows: int = Field(examples=[1200])
    created: int = Field(examples=[1100])
    changed: int = Field(examples=[60])
    unchanged: int = Field(examples=[40])
    dry_run: bool = Field(default=False, description="Whether it was only tried, and nothing changed.")
