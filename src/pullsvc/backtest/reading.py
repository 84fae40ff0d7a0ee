"""Read a retailer's own log and item master: CSV or parquet, checked row by row, nothing silently dropped.

`lines`: `occurred_at` (ISO 8601; local time, or with an offset), `sku`, `quantity` (eaches; > 0 sold, < 0 brought
back), and optionally `receipt`. `items`: `sku`, `department`, `category`, `price` (in currency units), optionally
`case_pack`
and `capacity`; where a figure is missing it is derived as `master` says.

A row that cannot be read at all is an error with its number. Rows that are left out by rule are counted and told:
returns (they do not go back to the shelf by themselves), lines outside the days of the split, unknown skus.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from pullsvc.backtest import master
from pullsvc.backtest.model import DAY_S, HOUR_S, OPENS_S, Dataset, Ints, Items, Log, Mask, Split, to_day_number

LINE_COLUMNS = ("occurred_at", "sku", "quantity")
ITEM_COLUMNS = ("sku", "department", "category", "price")
ROWS_MAX = 200_000_000
QTY_MAX = 10_000  # Eaches of a line; more is another unit of measure, such as grams.
COMPLAINTS_MAX = 10


class BadInput(ValueError):
    """A file cannot be used; the message names the rows."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A file as columns of text; `None` where empty."""

    path: Path
    columns: Mapping[str, Sequence[object]]
    rows: int


class _Complaints:
    """What is wrong in a file, by row; raised together."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[str] = []
        self._count = 0

    def add(self, row: int, what: str) -> None:
        self._count += 1
        if len(self._found) < COMPLAINTS_MAX:
            self._found.append(f"row {row}: {what}")

    def settle(self) -> None:
        """Raise if there are any."""
        if self._count:
            more = self._count - len(self._found)
            rest = f"; and {more} more rows" if more else ""
            raise BadInput(f"{self._path.name}: {'; '.join(self._found)}{rest}")


def read(lines: Path, items: Path, *, split: Split, time_zone: str | None, seed: int) -> Dataset:
    """Return the retailer's store.

    Args:
        lines: The POS log.
        items: The item master.
        split: Training, validation and test days.
        time_zone: In which times with an offset are shown; None: by their own offset's wall clock.
        seed: Of the figures that are derived.

    Raises:
        BadInput: a column is missing, or a row cannot be read.
    """
    goods = _read_items(_table(items, ITEM_COLUMNS))
    notes: list[str] = []
    log = _read_lines(_table(lines, LINE_COLUMNS), goods, split=split, time_zone=time_zone, notes=notes)
    mean = master.mean_qty(log, train=split.train, items=len(goods.skus))
    packs = _given_or(goods.packs, master.case_packs(mean, goods.skus, seed=seed), "case packs", notes)
    shelves = _given_or(goods.shelves, master.capacities(mean, packs, goods.skus, seed=seed), "capacities", notes)
    master_data = Items(
        sku=tuple(goods.skus),
        department=tuple(goods.departments),
        category=tuple(goods.categories),
        price_cents=np.array(goods.prices) * 100.0,
        case_pack=packs,
        capacity=shelves,
        mean_qty=mean,
    )
    return Dataset(name=lines.stem, items=master_data, log=log, split=split, notes=tuple(notes))


@dataclass(slots=True)
class _Goods:
    """The item master as read; 0 where a pack or shelf is not given."""

    skus: list[str]
    departments: list[str]
    categories: list[str]
    prices: list[float]
    packs: Ints
    shelves: Ints


def _read_items(table: _Table) -> _Goods:
    wrong = _Complaints(table.path)
    skus = [str(sku or "").strip() for sku in table.columns["sku"]]
    seen: dict[str, int] = {}
    for row, sku in enumerate(skus, start=2):
        if not sku:
            wrong.add(row, "no sku")
        elif sku in seen:
            wrong.add(row, f"sku {sku} stands in row {seen[sku]} already")
        seen.setdefault(sku, row)
    prices = [_number(text, row, "price", wrong) for row, text in enumerate(table.columns["price"], start=2)]
    for row, price in enumerate(prices, start=2):
        if price < 0:
            wrong.add(row, f"price {price} is negative")
    packs, shelves = (_optional(table, name, wrong) for name in ("case_pack", "capacity"))
    wrong.settle()
    if not skus:
        raise BadInput(f"{table.path.name}: there are no items in it")
    words = [[str(word or "unknown") for word in table.columns[name]] for name in ("department", "category")]
    return _Goods(skus, words[0], words[1], prices, packs, shelves)


def _optional(table: _Table, name: str, wrong: _Complaints) -> Ints:
    """Return a column of positive whole numbers, 0 where nothing is given."""
    values = np.zeros(table.rows, dtype=np.int64)
    for row, text in enumerate(table.columns.get(name, ()), start=2):
        if text in (None, ""):
            continue
        number = _number(text, row, name, wrong)
        if number < 1 or number != int(number):
            wrong.add(row, f"{name} must be a whole number from 1, not {text}")
        else:
            values[row - 2] = int(number)
    return values


def _read_lines(table: _Table, goods: _Goods, *, split: Split, time_zone: str | None, notes: list[str]) -> Log:
    wrong = _Complaints(table.path)
    zone = ZoneInfo(time_zone) if time_zone else None
    row_of = {sku: row for row, sku in enumerate(goods.skus)}
    moments, qty = np.zeros(table.rows, dtype=np.int64), np.zeros(table.rows, dtype=np.int64)
    item = np.array([row_of.get(str(sku or "").strip(), -1) for sku in table.columns["sku"]], dtype=np.int64)
    for at, (when, units) in enumerate(zip(table.columns["occurred_at"], table.columns["quantity"], strict=True)):
        moments[at] = _wall_s(when, at + 2, zone, wrong)
        number = _number(units, at + 2, "quantity", wrong)
        if number != int(number) or abs(number) > QTY_MAX:
            wrong.add(at + 2, f"quantity must be whole eaches, at most {QTY_MAX}, not {units}")
        else:
            qty[at] = int(number)
    wrong.settle()
    return _kept(table, moments, item, qty, split=split, notes=notes)


def _kept(table: _Table, moments: Ints, item: Ints, qty: Ints, *, split: Split, notes: list[str]) -> Log:
    """Return what is demand, in order of time, and note what is not."""
    day = (moments - OPENS_S) // DAY_S
    inside = (day >= split.train[0]) & (day <= split.test[1])
    left_out = {
        "returns": qty < 0,
        "lines of no eaches": qty == 0,
        "lines of unknown skus": (item < 0) & (qty > 0),
        "lines outside the days of the split": (item >= 0) & (qty > 0) & ~inside,
    }
    for what, rows in left_out.items():
        if rows.any():
            first = ", ".join(str(row + 2) for row in np.flatnonzero(rows)[:3])
            notes.append(f"{int(rows.sum())} {what} left out (rows {first}, ...)")
    keep = (qty > 0) & (item >= 0) & inside
    if np.any(np.diff(moments[keep]) < 0):
        notes.append("the lines were not in order of time, and have been sorted")
    repeats = _repeats(table, keep)
    if repeats:
        notes.append(f"{repeats} lines repeat another one in every column; kept, as a receipt may name an item twice")
    order = np.argsort(moments[keep], kind="stable")
    log = Log(
        day=day[keep][order],
        second=(moments - day * DAY_S)[keep][order],
        item=item[keep][order],
        qty=qty[keep][order],
    )
    quiet = sorted(set(range(split.train[0], split.test[1] + 1)) - set(np.unique(log.day).tolist()))
    if quiet:
        notes.append(f"{len(quiet)} days without a sale")
    if not len(log):
        raise BadInput(f"{table.path.name}: no line is a sale of a known item on a day of the split")
    return log


def _repeats(table: _Table, keep: Mask) -> int:
    names = [name for name in ("occurred_at", "sku", "quantity", "receipt") if name in table.columns]
    rows = zip(*(table.columns[name] for name in names), strict=True)
    kept = [row for row, good in zip(rows, keep.tolist(), strict=True) if good]
    return len(kept) - len(set(kept))


def _given_or(given: Ints, derived: Ints, what: str, notes: list[str]) -> Ints:
    missing = int((given == 0).sum())
    if missing:
        notes.append(f"{missing} of {len(given)} {what} were not given and have been derived")
    return np.where(given > 0, given, derived)


def _wall_s(value: object, row: int, zone: ZoneInfo | None, wrong: _Complaints) -> int:
    """Return wall-clock seconds since 1970-01-01 00:00."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        wrong.add(row, f"occurred_at {value!r} is not an ISO 8601 time")
        return 0
    if zone is not None and moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    return to_day_number(moment.date()) * DAY_S + moment.hour * HOUR_S + moment.minute * 60 + moment.second


def _number(value: object, row: int, name: str, wrong: _Complaints) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        wrong.add(row, f"{name} {value!r} is not a number")
        return 0.0
    return number


def _table(path: Path, needed: Iterable[str]) -> _Table:
    """Read CSV or parquet by the file's name; row numbers count the header as 1."""
    if not path.exists():
        raise BadInput(f"{path}: there is no such file")
    columns = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise BadInput(f"{path.name}: missing columns {', '.join(missing)}; it has {', '.join(columns) or 'none'}")
    rows = len(next(iter(columns.values())))
    if rows > ROWS_MAX:
        raise BadInput(f"{path.name}: {rows} rows are more than {ROWS_MAX}")
    return _Table(path=path, columns=columns, rows=rows)


def _csv(path: Path) -> dict[str, Sequence[object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        columns: list[list[object]] = [[] for _ in header]
        for number, row in enumerate(reader, start=2):
            if len(row) != len(header):
                raise BadInput(f"{path.name}: row {number} has {len(row)} fields, the header {len(header)}")
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    return dict(zip(header, columns, strict=True))


def _parquet(path: Path) -> dict[str, Sequence[object]]:
    try:
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra, needed for this format alone
    except ImportError as missing:
        raise BadInput(f"{path.name}: parquet needs pyarrow; install it, or give CSV") from missing
    return {str(name): column for name, column in pq.ParquetFile(path).read().to_pydict().items()}
