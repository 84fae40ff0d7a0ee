"""Files of rows: CSV or NDJSON in, every error with its row; taken as a whole or not at all.

faults = Faults()
rows = list(checked(ItemRow, csv_records(ItemRow, lines, faults), faults, strict=False))
faults.refuse_if_any()
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from pullsvc.errors import Kind, Rejection

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)

MAX_IMPORT_ROWS = 200_000
MAX_FAULTS_SHOWN = 100
BYTE_ORDER_MARK = "\ufeff"  # Without it spreadsheets take UTF-8 for something else, and save accents as rubbish.
SEPARATORS = ",;\t"  # Spreadsheets write the semicolon where the comma is the decimal sign.
_FORMULA = re.compile(r"'*[=+\-@]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@]")

# Where a row stands, and its members by column.
Record = tuple[int, dict[str, Any]]


class ImportRefused(Rejection):
    """The file was not taken; each error names its row."""

    kind = Kind.INVALID
    code = "import-refused"
    title = "Nothing was imported: the file has errors."


@dataclass(frozen=True, slots=True)
class Numbered(Generic[T]):
    """A row of a file: its number, as a spreadsheet or editor shows it, and what it says."""

    row: int
    data: T


@dataclass(slots=True)
class Faults:
    """What is wrong with a file: all counted, the first ones kept."""

    total: int = 0
    shown: list[dict[str, object]] = field(default_factory=list)

    LIMIT: ClassVar[int] = MAX_FAULTS_SHOWN

    def add(self, row: int, column: str | None, detail: str) -> None:
        """Note an error in a row, in a column when it is one column's."""
        self.total += 1
        if len(self.shown) < self.LIMIT:
            self.shown.append({"row": row, "column": column, "detail": detail})

    def refuse_if_any(self) -> None:
        """Refuse the whole file when anything is wrong with it.

        Raises:
            ImportRefused: carries the first errors in the order of their rows.
        """
        if self.total:
            shown = sorted(self.shown, key=lambda fault: int(str(fault["row"])))
            first = shown[0]
            raise ImportRefused(
                f"{self.total} error(s), the first in row {first['row']}: {first['detail']}",
                errors=shown,
                error_count=self.total,
            )


def checked(
    shape: type[Model], records: Iterable[Record], faults: Faults, *, strict: bool | None
) -> Iterator[Numbered[Model]]:
    """Yield the records as models, those left out that do not fit; at most MAX_IMPORT_ROWS.

    Args:
        shape: What a row has to be.
        records: As `csv_records` and `ndjson_records` yield them.
        faults: Takes what does not fit.
        strict: False: cells are text, whatever they stand for; None: as the model says.
    """
    for n, (row, record) in enumerate(records):
        if n == MAX_IMPORT_ROWS:
            faults.add(row, None, f"A file has at most {MAX_IMPORT_ROWS} rows; split it.")
            break
        try:
            yield Numbered(row, shape.model_validate(record, strict=strict))
        except ValidationError as invalid:
            for error in invalid.errors(include_url=False, include_context=False, include_input=False):
                faults.add(row, str(error["loc"][0]) if error["loc"] else None, error["msg"])


def as_cell(text: str) -> str:
    """Return the text as a spreadsheet shows it: with an apostrophe in front, if it would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _of_cell(cell: str) -> str:
    """Return what `as_cell` was given."""
    text = cell.strip()
    return text[1:] if _ESCAPED_FORMULA.match(text) else text


def _text_lines(lines: Iterable[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - spreadsheets begin with a byte order mark
        yield line.decode()


def csv_records(shape: type[BaseModel], lines: Iterable[bytes], faults: Faults) -> Iterator[Record]:
    """Yield the records below the header, which tells the separator; empty cells are left out, so defaults apply."""
    texts = _text_lines(lines)
    row = 0
    columns: list[str] = []
    try:
        header = next(texts, "")
        reader = csv.reader(
            chain(filter(None, [header]), texts), strict=True, delimiter=max(SEPARATORS, key=header.count)
        )
        for row, cells in enumerate(reader, start=1):
            if row == 1:
                columns = [cell.strip() for cell in cells]
                if not _header_fits(columns, shape, faults):
                    return
            elif cells and len(cells) != len(columns):
                faults.add(row, None, f"The row has {len(cells)} cells, the header {len(columns)}.")
            elif any(cell.strip() for cell in cells):
                yield row, {name: _of_cell(cell) for name, cell in zip(columns, cells, strict=True) if cell.strip()}
    except UnicodeDecodeError:
        faults.add(row + 1, None, "The row is not UTF-8; save the file as UTF-8.")
    except csv.Error as error:
        faults.add(row + 1, None, f"The row cannot be read as CSV: {error}.")
    if not columns:
        faults.add(1, None, "A CSV file begins with a header.")


def _header_fits(columns: Sequence[str], shape: type[BaseModel], faults: Faults) -> bool:
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


def ndjson_records(_shape: type[BaseModel], lines: Iterable[bytes], faults: Faults) -> Iterator[Record]:
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
