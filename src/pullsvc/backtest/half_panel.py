"""The development store, and others made of the same panel: other halves, other weeks, folded more or less.

Every second store of the panel by a hash of its number; the weeks are folded so that the store sells some 7,000 lines
a day: 63 training days, 14 validation days, 14 test days. The other half is a second store to validate on; fewer weeks
make smaller stores, and leave room for earlier ones.
"""

import numpy as np
import pyarrow.parquet as pq

from pullsvc.backtest import master
from pullsvc.backtest.model import Dataset, Floats, Ints, Items, Log, Mask, Split
from pullsvc.demo import panel_folder
from pullsvc.demo.panel import Lines, fold, read_panel, to_date
from pullsvc.demo.seeds import uniforms

TRAIN_DAYS, VALIDATE_DAYS, TEST_DAYS = 63, 14, 14
WEEKS = 4
HALVES = ("development", "twin", "whole")


def load(*, half: str = "development", weeks: int = WEEKS, ends_before_days: int = 0, seed: int = 1) -> Dataset:
    """Return one half of the panel as a store.

    Args:
        half: One of `HALVES`.
        weeks: Calendar weeks of the panel laid over one another, 1 to 4: fewer make a smaller store.
        ends_before_days: How many days before the panel's end the test days end.
        seed: Of the draws of the item master.

    Raises:
        PanelMissing: the receipts are not installed.
        ValueError: an argument is out of range.
    """
    if half not in HALVES:
        raise ValueError(f"half must be one of {HALVES}, not {half!r}")
    panel = read_panel()
    lines = panel.lines if half == "whole" else panel.lines.where(_of_half(panel.lines, half=half))
    last = int(panel.lines.day.max()) - ends_before_days
    days = TRAIN_DAYS + VALIDATE_DAYS + TEST_DAYS
    missing = int(panel.lines.day.min()) - (last - days * weeks + 1)
    if missing > 0:
        raise ValueError(f"{days} days of {weeks} weeks each begin {missing} days before the panel does")
    folded = fold(lines, day=to_date(last), history_days=days - 1, weeks=weeks)
    split = split_of_last(last)
    products, item = np.unique(folded.product, return_inverse=True)
    order = np.lexsort((folded.basket, folded.second, folded.day))
    log = Log(day=folded.day[order], second=folded.second[order], item=item[order], qty=folded.qty[order])
    known = [panel.products[number] for number in products.tolist()]
    skus = tuple(f"P{product.product_id}" for product in known)
    mean = master.mean_qty(log, train=split.train, items=len(known))
    packs = master.case_packs(mean, skus, seed=seed)
    items = Items(
        sku=skus,
        department=tuple(product.department for product in known),
        category=tuple(product.category for product in known),
        price_cents=_median_by(item, folded.shelf_cents),
        case_pack=packs,
        capacity=master.capacities(mean, packs, skus, seed=seed),
        mean_qty=mean,
    )
    which = half if half == "whole" else f"{half} half"
    name = f"Complete Journey, {which}, {weeks} weeks folded, until {to_date(last)}"
    return Dataset(name=name, items=items, log=log, split=split)


def split_of_last(last: int) -> Split:
    """Return the split of the days that end on `last`."""
    test = last - TEST_DAYS + 1
    validate = test - VALIDATE_DAYS
    train = validate - TRAIN_DAYS
    return Split(train=(train, validate - 1), validate=(validate, test - 1), test=(test, last))


def _of_half(lines: Lines, *, half: str) -> Mask:
    """Mark the lines of the half's stores; a receipt belongs to one store."""
    table = pq.ParquetFile(panel_folder() / "transactions.parquet").read(columns=["basket_id", "store_id"])
    basket, store = (np.from_dlpack(table[name].combine_chunks()) for name in ("basket_id", "store_id"))
    baskets, first = np.unique(basket, return_index=True)
    store_of_line = store[first][np.searchsorted(baskets, lines.basket)]
    odd = uniforms(store_of_line.astype(np.int64), seed=0, purpose="backtest half") < 0.5
    marked = odd if half == "development" else ~odd
    return np.asarray(marked)


def _median_by(item: Ints, values: Floats) -> Floats:
    """Return the lower median of the values of each item; every item has one."""
    order = np.lexsort((values, item))
    _, starts, counts = np.unique(item[order], return_index=True, return_counts=True)
    middle: Floats = values[order][starts + (counts - 1) // 2]
    return middle
