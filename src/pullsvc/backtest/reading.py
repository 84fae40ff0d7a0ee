"""Read a retailer's own log and item master: CSV or parquet, checked row by row, nothing silently dropped.

`lines`: `occurred_at` (ISO 8601; local time, or with an offset), `sku`, `quantity` (eaches; > 0 sold, < 0 brought
back), and optionally `receipt`. `items`: `sku`, `department`, `category`, `price` (in currency units), optionally
`case_pack` and `capacity`; where a figure is missing it is derived as `master` says.

A row that cannot be read at all is an error with its number. Rows that are left out by rule are counted and told:
returns (they do not go back to the shelf by themselves), lines outside the days of the split, unknown skus, quantities
that no customer carries. What is weighed counts as whole eaches, rounded up, and is told too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from pullsvc.backtest import master
from pullsvc.backtest.model import (
    DAY_S,
    OPENS_S,
    Dataset,
    Ints,
    Items,
    Log,
    Mask,
    Split,
    to_date,
    to_day_number,
)
from pullsvc.backtest.store import STAFFED_FROM_S, STAFFED_UNTIL_S
from pullsvc.backtest.tables import BadInput, Complaints, Table, table

LINE_COLUMNS, RECEIPT = ("occurred_at", "sku", "quantity"), "receipt"
ITEM_COLUMNS, FIGURES = ("sku", "department", "category", "price"), ("case_pack", "capacity")
QTY_MAX = 10_000  # Eaches of a line; more is a wholesale order, a slip of the keyboard, or grams.
TIMELESS_SHARE = 0.5  # Of lines at midnight sharp: more, and the log knows days but no times.
NO_OFFSET = timedelta(0)
UNSTAFFED_SHARE = 0.1  # Of units at hours without hands: more is worth a word, as the time zone may be wrong.


def read(lines: Path, items: Path, *, split: Split, time_zone: str | None, seed: int) -> Dataset:
    """Return the retailer's store.

    Args:
        lines: The POS log.
        items: The item master.
        split: Training, validation and test days.
        time_zone: In which times with an offset are shown; None: by their own offset's wall clock.
        seed: Of the figures that are derived.

    Raises:
        BadInput: a column is missing, a row cannot be read, or nothing is sold in one of the split's spans.
    """
    zone = _zone(time_zone)
    goods = _read_items(table(items, needed=ITEM_COLUMNS, optional=FIGURES))
    notes: list[str] = []
    sold = _read_lines(table(lines, needed=LINE_COLUMNS, optional=(RECEIPT,)), goods, zone=zone, notes=notes)
    log = _kept(sold, split=split, notes=notes)
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


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError) as wrong:
        raise BadInput(f"{name!r} is not a time zone such as Europe/Paris") from wrong


@dataclass(slots=True)
class _Goods:
    """The item master as read; 0 where a pack or shelf is not given."""

    skus: list[str]
    departments: list[str]
    categories: list[str]
    prices: list[float]
    packs: Ints
    shelves: Ints


def _read_items(file: Table) -> _Goods:
    wrong = Complaints(file.path)
    skus = file.text("sku")
    seen: dict[str, int] = {}
    for row, sku in enumerate(skus, start=2):
        if not sku:
            wrong.add(row, "no sku")
        elif sku in seen:
            wrong.add(row, f"sku {sku} stands in row {seen[sku]} already")
        seen.setdefault(sku, row)
    prices = [_number(file, value, row, "price", wrong) for row, value in enumerate(file.columns["price"], start=2)]
    for row, price in enumerate(prices, start=2):
        if price < 0:
            wrong.add(row, f"price {price} is negative")
    packs, shelves = (_optional(file, name, wrong) for name in FIGURES)
    wrong.settle()
    if not skus:
        raise BadInput(f"{file.path.name}: there are no items in it")
    words = [[word or "unknown" for word in file.text(name)] for name in ("department", "category")]
    return _Goods(skus, words[0], words[1], prices, packs, shelves)


def _optional(file: Table, name: str, wrong: Complaints) -> Ints:
    """Return a column of positive whole numbers, 0 where nothing is given."""
    values = np.zeros(file.rows, dtype=np.int64)
    for row, value in enumerate(file.text(name) if name in file.columns else (), start=2):
        if not value:
            continue
        number = _number(file, value, row, name, wrong)
        if number < 1 or number != int(number):
            wrong.add(row, f"{name} must be a whole number from 1, not {value}")
        else:
            values[row - 2] = int(number)
    return values


@dataclass(frozen=True, slots=True)
class _Lines:
    """The POS log as read, row by row.

    Attributes:
        file: Where it is from.
        moment: Wall-clock seconds since 1970-01-01 00:00.
        item: -1 where the item master does not have it.
        qty: Whole eaches.
    """

    file: Table
    moment: Ints
    item: Ints
    qty: Ints


def _read_lines(file: Table, goods: _Goods, *, zone: ZoneInfo | None, notes: list[str]) -> _Lines:
    wrong = Complaints(file.path)
    row_of = {sku: row for row, sku in enumerate(goods.skus)}
    item = np.array([row_of.get(sku, -1) for sku in file.text("sku")], dtype=np.int64)
    clock = _Clock(zone, wrong)
    moment, units = np.zeros(file.rows, dtype=np.int64), np.zeros(file.rows)
    for at, (when, qty) in enumerate(zip(file.columns["occurred_at"], file.columns["quantity"], strict=True)):
        moment[at] = clock.wall_s(when, at + 2)
        units[at] = _number(file, qty, at + 2, "quantity", wrong)
    wrong.settle()
    whole = np.where(units > 0, np.ceil(units), np.floor(units))
    weighed = int((whole != units).sum())
    if weighed:
        notes.append(f"{weighed} lines of fractions, as of weighed goods, count as whole eaches, rounded up")
    if file.rows and np.mean(moment % DAY_S == 0) > TIMELESS_SHARE:
        raise BadInput(f"{file.path.name}: most lines are at midnight sharp; times of day are needed, not only dates")
    notes += clock.notes()
    return _Lines(file, moment, item, whole.astype(np.int64))


class _Clock:
    """Reads times as the store's wall clock shows them, and what kinds there were."""

    def __init__(self, zone: ZoneInfo | None, wrong: Complaints) -> None:
        self._zone, self._wrong = zone, wrong
        self._local = self._utc = self._offset = 0

    def wall_s(self, value: object, row: int) -> int:
        """Return wall-clock seconds since 1970-01-01 00:00."""
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        except ValueError:
            self._wrong.add(row, f"occurred_at {value!r} is not an ISO 8601 time such as 2025-03-01T17:05:00")
            return 0
        offset = moment.utcoffset()
        self._local += offset is None
        self._utc += offset == NO_OFFSET
        self._offset += offset is not None
        if self._zone is not None and offset is not None:
            moment = moment.astimezone(self._zone)
        return to_day_number(moment.date()) * DAY_S + moment.hour * 3_600 + moment.minute * 60 + moment.second

    def notes(self) -> list[str]:
        """Return what the reader should know of the times."""
        if self._local and self._offset:
            return [f"{self._local} times without an offset are taken as the store's wall clock; others have one"]
        if self._zone is not None and self._local:
            return ["no time carries an offset: all are taken as the store's wall clock, whatever --time-zone says"]
        if self._zone is None and 0 < self._utc == self._offset:
            return ["the times are in UTC and taken as the store's wall clock; --time-zone shows them in local time"]
        return []


def _kept(sold: _Lines, *, split: Split, notes: list[str]) -> Log:
    """Return what is demand, in order of time, and note what is not."""
    file, moment, item, qty = sold.file, sold.moment, sold.item, sold.qty
    day = (moment - OPENS_S) // DAY_S
    inside = (day >= split.train[0]) & (day <= split.test[1])
    carried = (qty > 0) & (qty <= QTY_MAX)
    left_out = {
        "returns": qty < 0,
        "lines of no eaches": qty == 0,
        f"lines of more than {QTY_MAX} eaches": qty > QTY_MAX,
        "lines of unknown skus": (item < 0) & carried,
        "lines outside the days of the split": (item >= 0) & carried & ~inside,
    }
    for what, rows in left_out.items():
        if rows.any():
            first = ", ".join(str(row + 2) for row in np.flatnonzero(rows)[:3])
            notes.append(f"{int(rows.sum())} {what} left out (rows {first}, ...)")
    keep = carried & (item >= 0) & inside
    if np.any(np.diff(moment[keep]) < 0):
        notes.append("the lines were not in order of time, and have been sorted")
    repeats = _repeats(file, keep)
    if repeats:
        notes.append(f"{repeats} lines repeat another one in every column; kept, as a receipt may name an item twice")
    order = np.argsort(moment[keep], kind="stable")
    log = Log(
        day=day[keep][order],
        second=(moment - day * DAY_S)[keep][order],
        item=item[keep][order],
        qty=qty[keep][order],
    )
    _check_spans(file, log, split, notes)
    quiet = sorted(set(range(split.train[0], split.test[1] + 1)) - set(np.unique(log.day).tolist()))
    if quiet:
        notes.append(f"{len(quiet)} days without a sale")
    staffed = (log.second >= STAFFED_FROM_S) & (log.second < STAFFED_UNTIL_S)
    unstaffed = 1 - log.qty[staffed].sum() / log.qty.sum()
    if unstaffed > UNSTAFFED_SHARE:
        notes.append(f"{100 * unstaffed:.0f} % of the eaches are sold outside 07:00 to 22:00, when nobody refills")
    return log


def _check_spans(file: Table, log: Log, split: Split, notes: Sequence[str]) -> None:
    """Refuse a log that has nothing to learn from, to measure the work on, or to play."""
    for name, (first, last) in (("training", split.train), ("validation", split.validate), ("test", split.test)):
        if not np.any((log.day >= first) & (log.day <= last)):
            days = f"{to_date(first)}..{to_date(last)}"
            told = f" ({'; '.join(notes)})" if notes else ""
            raise BadInput(f"{file.path.name}: no line is a sale of a known item on a {name} day, {days}{told}")


def _repeats(file: Table, keep: Mask) -> int:
    rows = zip(*file.columns.values(), strict=True)
    kept = [row for row, good in zip(rows, keep.tolist(), strict=True) if good]
    return len(kept) - len(set(kept))


def _given_or(given: Ints, derived: Ints, what: str, notes: list[str]) -> Ints:
    missing = int((given == 0).sum())
    if missing:
        notes.append(f"{missing} of {len(given)} {what} were not given and have been derived")
    return np.where(given > 0, given, derived)


def _number(file: Table, value: object, row: int, name: str, wrong: Complaints) -> float:
    text = "" if value is None else str(value)
    if file.decimal_comma and "." not in text:
        text = text.replace(",", ".", 1)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        wrong.add(row, f"{name} {value!r} is not a number")
        return 0.0
    return number
