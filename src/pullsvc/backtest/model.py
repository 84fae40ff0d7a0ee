"""What a backtest is made of: a POS log, the items it names, and the days to replay. Plain arrays, no behaviour.

Items are numbered 0..n-1; every array over items is in that order. Quantities are eaches. Times within a business day
are wall-clock seconds since midnight of its date, so 05:00 is 18,000 and 04:59 of the next morning is just under
104,400; where the clocks change, the wall clock is what the store lives by.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
OPENS_S = 5 * HOUR_S  # The business day turns at 05:00.
CLOSES_S = OPENS_S + DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The item master, one entry per item.

    Attributes:
        sku: The retailer's number.
        department: Such as `GROCERY`.
        category: Within the department.
        price_cents: Of one each.
        case_pack: Eaches in a case; >= 1.
        capacity: Eaches on the full shelf; >= 1.
        mean_qty: Mean eaches a day over the last training weeks; 0.0 for an item that did not sell in them.
    """

    sku: tuple[str, ...]
    department: tuple[str, ...]
    category: tuple[str, ...]
    price_cents: Floats
    case_pack: Ints
    capacity: Ints
    mean_qty: Floats

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.sku)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Sold lines as columns of one length, in order of time.

    Attributes:
        day: Business day in days since 1970-01-01.
        second: Within the business day, `OPENS_S` <= second < `CLOSES_S`.
        item: Which item.
        qty: Eaches; >= 1.
    """

    day: Ints
    second: Ints
    item: Ints
    qty: Ints

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.day)

    def where(self, keep: Mask) -> "Log":
        """Return the rows marked in `keep`, in their order."""
        return Log(day=self.day[keep], second=self.second[keep], item=self.item[keep], qty=self.qty[keep])

    def of_day(self, day: int) -> "Log":
        """Return the lines of one business day."""
        first, last = np.searchsorted(self.day, [day, day + 1])
        return Log(
            day=self.day[first:last],
            second=self.second[first:last],
            item=self.item[first:last],
            qty=self.qty[first:last],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which business days are for what; each span is (first, last), both included, in days since 1970-01-01."""

    train: tuple[int, int]
    validate: tuple[int, int]
    test: tuple[int, int]

    def __post_init__(self) -> None:
        spans = (self.train, self.validate, self.test)
        if any(first > last for first, last in spans):
            raise ValueError("a span of days must not end before it begins")
        if not (self.train[1] < self.validate[0] and self.validate[1] < self.test[0]):
            raise ValueError("training, validation and test days must follow one another without overlap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A store's log, ready to replay.

    Attributes:
        name: What to call it.
        items: The item master.
        log: All lines of the split's days.
        split: The days.
        notes: What was left out or derived, with counts, for the report.
    """

    name: str
    items: Items
    log: Log
    split: Split
    notes: tuple[str, ...] = ()


def days_of(span: tuple[int, int]) -> range:
    """Return the days of a span, the last one included."""
    return range(span[0], span[1] + 1)


def to_day_number(day: date) -> int:
    """Return `day` in days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def to_date(day_number: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(day_number))


def is_weekend(day_number: int) -> bool:
    """Tell whether the day is a Saturday or Sunday."""
    return to_date(day_number).weekday() >= 5
