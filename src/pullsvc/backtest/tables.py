"""Files as columns: CSV as programs and spreadsheets write it, and parquet. What a file is, its first bytes say."""

import csv
import gzip
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

ROWS_MAX = 200_000_000
DELIMITERS = ",;\t|"
COMPLAINTS_MAX = 10
PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"


class BadInput(ValueError):
    """A file cannot be used; the message names the rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file as columns; text from CSV, values of any kind from parquet; `None` or empty where nothing is given.

    Attributes:
        path: Where it lies.
        header: All its columns as they are written.
        columns: Those asked for, by name in lower case.
        rows: How many; the first one is row 2, as the header counts as 1.
        decimal_comma: Numbers may be written as `2,50`.
    """

    path: Path
    header: Sequence[str]
    columns: Mapping[str, Sequence[object]]
    rows: int
    decimal_comma: bool = False

    def text(self, name: str) -> list[str]:
        """Return a column as words, empty where nothing is given; a whole number is one, also as a float."""
        return [_word(value) for value in self.columns[name]]


class Complaints:
    """What is wrong in a file, by row; raised together."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []
        self._count = 0

    def add(self, row: int, what: str) -> None:
        """Note that a row cannot be used."""
        self._count += 1
        if len(self._found) < COMPLAINTS_MAX:
            self._found.append(f"row {row}: {what}")

    def settle(self) -> None:
        """Raise if there are any."""
        if self._count:
            more = self._count - len(self._found)
            rest = f"; and {more} more rows" if more else ""
            raise BadInput(f"{self._path.name}: {'; '.join(self._found)}{rest}")


def table(path: Path, *, needed: Collection[str], optional: Collection[str] = ()) -> Table:
    """Return the named columns of a CSV (also packed with gzip) or parquet file; others are passed over.

    Raises:
        BadInput: there is no such file, it is of another kind, or a needed column is missing.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic == ZIP:
        raise BadInput(f"{path.name} is a zip archive or a spreadsheet; unpack it, or save it as CSV")
    wanted = (*needed, *optional)
    found = _parquet(path, wanted) if magic == PARQUET else _csv(path, wanted, packed=magic[:2] == GZIP)
    if missing := [name for name in needed if name not in found.columns]:
        raise BadInput(f"{path.name}: missing columns {', '.join(missing)}; it has {', '.join(found.header) or 'none'}")
    if found.rows > ROWS_MAX:
        raise BadInput(f"{path.name}: {found.rows} rows are more than {ROWS_MAX}")
    return found


def _chosen(path: Path, header: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Return where the wanted columns stand; a name may be written in capitals, and optional ones may be missing."""
    names = [name.strip().lower() for name in header]
    if twice := [name for name in wanted if names.count(name) > 1]:
        raise BadInput(f"{path.name}: the column {twice[0]} is there twice")
    return {name: names.index(name) for name in wanted if name in names}


def _csv(path: Path, wanted: Sequence[str], *, packed: bool) -> Table:
    try:
        with _opened(path, packed=packed) as file:
            first = file.readline()
            delimiter = max(DELIMITERS, key=first.count)
            header = next(csv.reader([first], delimiter=delimiter), [])
            chosen = _chosen(path, header, wanted)
            columns: dict[str, list[object]] = {name: [] for name in chosen}
            places = [(columns[name].append, place) for name, place in chosen.items()]
            rows = 0
            for row in _rows(path, csv.reader(file, delimiter=delimiter), width=len(header)):
                rows += 1
                for append, place in places:
                    append(row[place])
    except UnicodeDecodeError as wrong:
        raise BadInput(f"{path.name} is not in UTF-8 (byte {wrong.start}); save it as UTF-8") from wrong
    except (csv.Error, OSError, EOFError) as wrong:
        raise BadInput(f"{path.name} cannot be read as CSV: {wrong}") from wrong
    return Table(path, header, columns, rows, decimal_comma=delimiter != ",")


def _opened(path: Path, *, packed: bool) -> TextIO:
    if packed:
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, reader: Iterator[list[str]], *, width: int) -> Iterator[list[str]]:
    """Yield the rows; all must be as wide as the header, but a file may end in blank lines."""
    blank = 0
    for number, row in enumerate(reader, start=2):
        if not row:
            blank = blank or number
            continue
        if blank:
            raise BadInput(f"{path.name}: row {blank} is blank")
        if len(row) != width:
            raise BadInput(f"{path.name}: row {number} has {len(row)} fields, the header {width}")
        yield row


def _parquet(path: Path, wanted: Sequence[str]) -> Table:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, needed for this format alone
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above
    except ImportError as missing:
        raise BadInput(f"{path.name}: parquet needs pyarrow; install it, or give CSV") from missing
    try:
        file = pq.ParquetFile(path)
        header = file.schema_arrow.names
        chosen = _chosen(path, header, wanted)
        read = file.read(columns=[header[place] for place in chosen.values()])
        columns: dict[str, Sequence[object]] = {}
        for name, place in chosen.items():
            column = read.column(header[place])
            if pa.types.is_timestamp(column.type):  # Python's times end at microseconds.
                column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
            columns[name] = column.to_pylist()
    except (pa.ArrowException, OSError) as wrong:
        raise BadInput(f"{path.name} cannot be read as parquet: {wrong}") from wrong
    return Table(path, header, columns, read.num_rows)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):  # A column of whole numbers with gaps comes as floats.
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    return str(value).strip()
