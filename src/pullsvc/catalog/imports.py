"""Read a file of items, barcodes, locations or placements: CSV or NDJSON, every error with its row.

rows = read_rows(What.ITEMS, Media.CSV, lines)        # pure, raises ImportRefused
async with db.begin() as tx:
    counts = await import_rows(tx, stamp, What.ITEMS, rows)
"""

import csv
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from pullsvc.catalog import bulk, rules
from pullsvc.catalog.bulk import Counts, Faults, Numbered
from pullsvc.catalog.model import Attribute, BarcodeData, ItemData, LocationData, PlaceKind, PlacementData
from pullsvc.catalog.views import BarcodeBody, ItemBody, Kind, LocationBody, PlaceCode, PlacementBody, Sku, Trait
from pullsvc.db import Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp

MAX_IMPORT_ROWS = 200_000
_LIST_SEPARATOR = re.compile(r"[;|,\s]+")

Data = ItemData | BarcodeData | LocationData | PlacementData
# Where a row stands, and its members by column.
Record = tuple[int, dict[str, Any]]


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
    rows: list[Numbered[Data]] = []
    strict = False if media is Media.CSV else None  # A cell is text, whatever it stands for.
    records = (_csv_records if media is Media.CSV else _ndjson_records)(ROWS[what], lines, faults)
    for row, record in records:
        if len(rows) == MAX_IMPORT_ROWS:
            faults.add(row, None, f"A file has at most {MAX_IMPORT_ROWS} rows; split it.")
            break
        try:
            rows.append(Numbered(row, ROWS[what].model_validate(record, strict=strict).data()))
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False, include_context=False, include_input=False):
                faults.add(row, str(error["loc"][0]) if error["loc"] else None, error["msg"])
    _refuse_repeats(rows, faults)
    faults.refuse_if_any()
    return rows


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


def _text_lines(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - spreadsheets begin with a byte order mark
        yield line.decode()


def _csv_records(shape: type[Any], lines: Iterable[bytes], faults: Faults) -> Iterator[Record]:
    """Yield the records below the header; empty cells are left out, so that defaults apply."""
    reader = csv.reader(_text_lines(lines), strict=True)
    row = 0
    columns: list[str] = []
    try:
        for row, cells in enumerate(reader, start=1):
            if row == 1:
                columns = [cell.strip() for cell in cells]
                if not _header_fits(columns, shape, faults):
                    return
            elif cells and len(cells) != len(columns):
                faults.add(row, None, f"The row has {len(cells)} cells, the header {len(columns)}.")
            elif any(cell.strip() for cell in cells):
                yield row, {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if cell.strip()}
    except UnicodeDecodeError:
        faults.add(row + 1, None, "The row is not UTF-8; save the file as UTF-8.")
    except csv.Error as error:
        faults.add(row + 1, None, f"The row cannot be read as CSV: {error}.")
    if not columns:
        faults.add(1, None, "A CSV file begins with a header.")


def _header_fits(columns: Sequence[str], shape: type[Any], faults: Faults) -> bool:
    fields = shape.model_fields
    known = ", ".join(fields)
    for name in columns:
        if name not in fields:
            faults.add(1, name[:40], f"There is no such column; the columns are: {known}.")
        elif columns.count(name) > 1:
            faults.add(1, name, "The column stands twice in the header.")
    for name, described in fields.items():
        if described.is_required() and name not in columns:
            faults.add(1, name, "The column is missing.")
    return not faults.total


def _ndjson_records(_shape: type[Any], lines: Iterable[bytes], faults: Faults) -> Iterator[Record]:
    """Yield the object of each line that is not blank."""
    row = 0
    texts = _text_lines(lines)
    while True:
        row += 1
        try:
            text = next(texts, None)
        except UnicodeDecodeError:
            faults.add(row, None, "The row is not UTF-8; save the file as UTF-8.")
            return
        if text is None:
            return
        if not text.strip():
            continue
        try:
            record = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            yield row, record
        else:
            faults.add(row, None, "The line is not one JSON object.")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
