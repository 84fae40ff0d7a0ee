"""Read a file of items, barcodes, locations or placements: CSV or NDJSON, every error with its row.

rows = read_rows(What.ITEMS, Media.CSV, lines)        # pure, raises ImportRefused
async with db.begin() as tx:
    counts = await import_rows(tx, stamp, What.ITEMS, rows)
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from pullsvc.catalog import bulk, rules
from pullsvc.catalog.bulk import Counts
from pullsvc.catalog.model import Attribute, BarcodeData, ItemData, LocationData, PlaceKind, PlacementData
from pullsvc.catalog.views import BarcodeBody, ItemBody, Kind, LocationBody, PlaceCode, PlacementBody, Sku, Trait
from pullsvc.db import Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.tabular import Faults, Numbered, checked, csv_records, ndjson_records

_LIST_SEPARATOR = re.compile(r"[;|,\s]+")

Data = ItemData | BarcodeData | LocationData | PlacementData


class What(StrEnum):
    """What the rows of a file are."""

    ITEMS = "items"
    BARCODES = "barcodes"
    LOCATIONS = "locations"
    PLACEMENTS = "placements"


class Media(StrEnum):
    """How the file is written."""

    CSV = "text/csv"
    NDJSON = "application/x-ndjson"


class OnlyTried(Exception):
    """Rolls an import back that was only to be tried: done to the end, so whatever would be refused is known."""

    def __init__(self, counts: Counts) -> None:
        super().__init__(counts)
        self.counts = counts


def _readable_sku(sku: str) -> str:
    try:
        rules.check_sku(sku)
    except Rejection as refusal:
        raise ValueError(refusal.detail) from None
    return sku


def _readable_place(location: str) -> str:
    try:
        rules.check_place(location)
    except Rejection as refusal:
        raise ValueError(refusal.detail) from None
    return location


def _no_tub(kind: PlaceKind) -> PlaceKind:
    if kind is PlaceKind.TUB:
        raise ValueError("tubs are created under /tubs")
    return kind


def _split(value: object) -> object:
    return [part for part in _LIST_SEPARATOR.split(value) if part] if isinstance(value, str) else value


class ItemRow(ItemBody):
    """An item; a cell of several attributes separates them by `;`."""

    sku: Annotated[Sku, AfterValidator(_readable_sku)]
    attributes: Annotated[list[Trait], BeforeValidator(_split)] = Field(default=[], max_length=len(Attribute))

    def data(self) -> ItemData:
        """Return what the row says."""
        return self.item(self.sku)


class BarcodeRow(BarcodeBody):
    """A code of an item."""

    sku: Sku

    def data(self) -> BarcodeData:
        """Return what the row says."""
        return BarcodeData(code=self.code, sku=self.sku, pack_qty=self.pack_qty)


class LocationRow(LocationBody):
    """A place."""

    location: Annotated[PlaceCode, AfterValidator(_readable_place)]
    kind: Annotated[Kind, AfterValidator(_no_tub)]

    def data(self) -> LocationData:
        """Return what the row says."""
        return self.place(self.location)


class PlacementRow(PlacementBody):
    """A line of the planogram."""

    location: PlaceCode
    sku: Sku

    def data(self) -> PlacementData:
        """Return what the row says."""
        return self.line(self.location, self.sku)


ROWS: dict[What, type[ItemRow | BarcodeRow | LocationRow | PlacementRow]] = {
    What.ITEMS: ItemRow,
    What.BARCODES: BarcodeRow,
    What.LOCATIONS: LocationRow,
    What.PLACEMENTS: PlacementRow,
}
assert set(ROWS) == set(What)


def read_rows(what: What, media: Media, lines: Iterable[bytes]) -> list[Numbered[Data]]:
    """Return the rows of a file, each checked by itself and against the others.

    Args:
        what: What the rows are.
        media: How they are written. CSV has a header and counts as row 1; a line of NDJSON is a row.
        lines: The file, line by line: an open binary file will do.

    Raises:
        ImportRefused: carries row, column and reason of the first errors, and how many there are.
    """
    faults = Faults()
    in_csv = media is Media.CSV
    records = (csv_records if in_csv else ndjson_records)(ROWS[what], lines, faults)
    # A cell of CSV is text, whatever it stands for.
    rows = checked(ROWS[what], records, faults, strict=False if in_csv else None)
    data = [Numbered(line.row, line.data.data()) for line in rows]
    _refuse_repeats(data, faults)
    faults.refuse_if_any()
    return data


Writer = Callable[[Tx, Stamp, Sequence[Numbered[Any]]], Awaitable[Counts]]
_WRITERS: dict[What, Writer] = {
    What.ITEMS: bulk.import_items,
    What.BARCODES: bulk.import_barcodes,
    What.LOCATIONS: bulk.import_locations,
    What.PLACEMENTS: bulk.import_placements,
}
assert set(_WRITERS) == set(What)


async def import_rows(tx: Tx, stamp: Stamp, what: What, rows: Sequence[Numbered[Data]]) -> Counts:
    """Write the rows that `read_rows` returned.

    Raises:
        ImportRefused: rows do not fit what the store has.
    """
    return await _WRITERS[what](tx, stamp, rows)


def _refuse_repeats(rows: Sequence[Numbered[Data]], faults: Faults) -> None:
    """Note rows that speak of the same thing, naming both."""
    seen: dict[tuple[str, ...], int] = {}
    for line in rows:
        for column, claim, key in _claims(line.data):
            first = seen.setdefault((claim, *key), line.row)
            if first != line.row:
                faults.add(line.row, column, f"Row {first} {claim} already.")


def _claims(data: Data) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what only one row of a file may say: the column to blame, what the row does, and the key."""
    match data:
        case ItemData():
            yield "sku", "has this sku", (data.sku,)
        case BarcodeData():
            yield "code", "has this code", (data.code,)
        case LocationData():
            yield "location", "has this location", (data.location,)
        case PlacementData():
            yield "location", "places this item on this shelf", (data.location, data.sku)
            if data.is_home:
                yield "is_home", "is the home of this item", (data.sku,)
