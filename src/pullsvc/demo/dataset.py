"""One store and one of its days, made from a year of real grocery receipts.

How a panel of households becomes a store:

1. *Pool.* All 457 stores count as one. Only shelf goods stay (see `panel.DEPARTMENTS`), 1 to 60 eaches a line.
2. *Fold.* As many calendar weeks are laid over one another as `lines_per_day` needs (two by default), weekday
   and time of day kept: see `panel.fold`.
3. *Range.* The store lists the `range_size` products that sold best in the folded history; lines of others
   are left out, as no single store carries what 457 do. Products that did not sell at all after step 4 go too.
4. *Thin.* Whole receipts are left out by a seeded draw until the history has `lines_per_day` lines a day.
5. *Learn.* Means, case packs, capacities, prices and backroom supply come from the history only.
6. *New.* Three products that never sold before the played day are listed too; see `DemoStore.late_skus`.

The business day runs 05:00-05:00 local, and the store is open around the clock, as some of the pooled ones are;
under 2 % of the lines fall between midnight and 05:00. Unless given, `day` is the ordinary one of the Saturdays:
the one with the median number of lines, no clock change in its history.
"""

from collections import Counter
from datetime import date, datetime, timedelta

import numpy as np

from pullsvc.demo.items import make_item, sku_of
from pullsvc.demo.layout import fill_backroom, plan_floor
from pullsvc.demo.model import TIME_ZONE, ZONE, DemoStore, Item, Receipt, business_day_start, units
from pullsvc.demo.panel import (
    Floats,
    Ints,
    Lines,
    Panel,
    fold,
    read_panel,
    source_days_needed,
    to_date,
    to_day_number,
)
from pullsvc.demo.receipts import write_receipts
from pullsvc.demo.seeds import uniforms

STORE_NAME = "Complete Journey, all stores pooled"
LINES_PER_DAY_MIN, LINES_PER_DAY_MAX = 100, 20_000
HISTORY_DAYS_MIN, HISTORY_DAYS_MAX = 7, 56
RANGE_SIZE = 6_000
RANGE_LINE_SHARE = 0.7  # The range keeps at least about this share of the panel's lines.
NEW_ITEMS = 3
PRICE_MIN_CENTS = 1
FAST_QTY_PER_DAY = 2.0
SATURDAY = 5


def load_store(
    *,
    seed: int,
    lines_per_day: int = 5_000,
    history_days: int = 14,
    day: date | None = None,
    range_size: int = RANGE_SIZE,
    panel: Panel | None = None,
) -> DemoStore:
    """Return the store and the receipts of `day` and of the `history_days` before it; same arguments, same store.

    The rule is at the head of this file.

    Args:
        seed: Decides every draw; each depends on the sku, bin or receipt it is for, not on the order.
        lines_per_day: Mean receipt lines of a history day; a Saturday has some 12 % more.
        history_days: Days before `day`, 7 to 56.
        day: The day to play.
        range_size: Products the store lists, at most.
        panel: The year as `read_panel` gives it, to save reading it again.

    Raises:
        PanelMissing: the receipts are not installed.
        ValueError: an argument is out of range, or the year holds no such day with so much history.
    """
    _check("lines_per_day", lines_per_day, LINES_PER_DAY_MIN, LINES_PER_DAY_MAX)
    _check("history_days", history_days, HISTORY_DAYS_MIN, HISTORY_DAYS_MAX)
    _check("range_size", range_size, 1, 100_000)
    year = panel or read_panel()
    weeks = weeks_to_fold(year.lines, lines_per_day=lines_per_day)
    played_on = _playable(year.lines, day, history_days=history_days, weeks=weeks)
    folded = fold(year.lines, day=played_on, history_days=history_days, weeks=weeks)
    today = to_day_number(played_on)
    kept, new = _ranged(
        folded, today=today, history_days=history_days, lines_per_day=lines_per_day, range_size=range_size, seed=seed
    )
    items = _items(year, folded, kept, today=today, history_days=history_days, seed=seed)
    floor = plan_floor(items.values())
    backroom = fill_backroom(items.values(), seed=seed)
    receipts = write_receipts(kept, item_of=items, seed=seed)
    return DemoStore(
        name=STORE_NAME,
        time_zone=TIME_ZONE,
        seed=seed,
        played_on=played_on,
        history_days=history_days,
        folded_weeks=weeks,
        items=tuple(items.values()),
        shelf_locations=floor.locations,
        placements=floor.placements,
        bins=backroom.bins,
        bin_stocks=backroom.stocks,
        history=tuple(receipt for receipt in receipts if receipt.business_date < played_on),
        receipts=tuple(receipt for receipt in receipts if receipt.business_date == played_on),
        late_skus=tuple(sku_of(number) for number in new.tolist()),
    )


def describe(store: DemoStore) -> dict[str, object]:
    """Return the figures of the store, fit for JSON: what it holds, what it sold, and what is made up."""
    hours = Counter(receipt.occurred_at.astimezone(ZONE).hour for receipt in store.receipts)
    return {
        "name": store.name,
        "played_on": store.played_on.isoformat(),
        "history_days": store.history_days,
        "folded_weeks": store.folded_weeks,
        "items": len(store.items),
        "fast_movers": sum(item.mean_qty_per_day >= FAST_QTY_PER_DAY for item in store.items),
        "shelf_locations": len(store.shelf_locations),
        "shelf_capacity_qty": sum(item.capacity for item in store.items),
        "bins": len(store.bins),
        "bin_stocks": len(store.bin_stocks),
        "backroom_qty": sum(stock.book_qty for stock in store.bin_stocks),
        "wrong_bin_stocks": sum(stock.true_qty < stock.book_qty for stock in store.bin_stocks),
        "items_without_backroom": sum(not stocks for stocks in store.stocks_by_sku.values()),
        "receipts": len(store.receipts),
        "lines": _line_count(store.receipts),
        "units": units(store.receipts),
        "returned_lines": sum(line.qty < 0 for receipt in store.receipts for line in receipt.lines),
        "late_lines": sum(line.sku in store.late_skus for receipt in store.receipts for line in receipt.lines),
        "busiest_hour": hours.most_common(1)[0][0] if hours else None,
        "history_receipts": len(store.history),
        "history_lines_per_day": round(_line_count(store.history) / store.history_days),
        "history_units_per_day": round(units(store.history) / store.history_days),
    }


def weeks_to_fold(lines: Lines, *, lines_per_day: int) -> int:
    """Return how many weeks must be laid over one another so that the range alone sells `lines_per_day`."""
    days = int(lines.day.max() - lines.day.min()) + 1
    return -(-lines_per_day * days // int(len(lines) * RANGE_LINE_SHARE))


def first_playable_day(lines: Lines, *, history_days: int, weeks: int) -> date:
    """Return the first day that has enough of the year before it."""
    return to_date(lines.day.min()) + timedelta(days=source_days_needed(history_days=history_days, weeks=weeks))


def _playable(lines: Lines, day: date | None, *, history_days: int, weeks: int) -> date:
    first = first_playable_day(lines, history_days=history_days, weeks=weeks)
    last = to_date(lines.day.max())
    if day is None:
        return _ordinary_saturday(lines, first=first, history_days=history_days)
    if not first <= day <= last:
        raise ValueError(f"day must be from {first} to {last} with {history_days} days of history, not {day}")
    return day


def _ordinary_saturday(lines: Lines, *, first: date, history_days: int) -> date:
    numbers, counts = np.unique(lines.day[lines.day >= to_day_number(first)], return_counts=True)
    saturdays = [
        (count, to_date(number))
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        if to_date(number).weekday() == SATURDAY and not _clock_changes(to_date(number), history_days=history_days)
    ]
    if not saturdays:
        raise ValueError(f"the year has no Saturday with {history_days} days of history and so many lines a day")
    return sorted(saturdays)[(len(saturdays) - 1) // 2][1]


def _clock_changes(day: date, *, history_days: int) -> bool:
    begin = business_day_start(day - timedelta(days=history_days))
    end = business_day_start(day + timedelta(days=1))
    return _offset(begin) != _offset(end)


def _offset(moment: datetime) -> timedelta | None:
    return moment.astimezone(ZONE).utcoffset()


def _ranged(
    folded: Lines, *, today: int, history_days: int, lines_per_day: int, range_size: int, seed: int
) -> tuple[Lines, Ints]:
    """Return the lines of listed products on kept receipts, and the new products among them."""
    past = folded.day < today
    sold, qty = _qty_by_product(folded.where(past))
    listed = sold[np.lexsort((sold, -qty))[:range_size]]
    in_range = np.isin(folded.product, listed)
    share = lines_per_day * history_days / max(int(np.count_nonzero(past & in_range)), 1)
    on_kept = uniforms(folded.basket, seed=seed, purpose="kept receipt") < share
    new = _new_products(folded.where(on_kept & ~past), sold=sold)
    return folded.where(on_kept & (in_range | np.isin(folded.product, new))), new


def _new_products(played: Lines, *, sold: Ints) -> Ints:
    """Return the `NEW_ITEMS` products with most lines on the played day among those that never sold before."""
    products, lines = np.unique(played.product, return_counts=True)
    unseen = ~np.isin(products, sold)
    order = np.lexsort((products[unseen], -lines[unseen]))
    newest: Ints = products[unseen][order][:NEW_ITEMS]
    return newest


def _items(year: Panel, folded: Lines, kept: Lines, *, today: int, history_days: int, seed: int) -> dict[int, Item]:
    """Return the item of each product in `kept`, by product id; all that is learnt comes from before `today`."""
    mean_qty = _means(kept.where(kept.day < today), history_days=history_days)
    # A new product has a price label, although it never sold; its own first sales tell what is on it.
    prices = _median_prices(folded.where(folded.day == today)) | _median_prices(folded.where(folded.day < today))
    return {
        number: make_item(
            year.products[number],
            price_cents=max(round(prices[number]), PRICE_MIN_CENTS),
            mean_qty_per_day=mean_qty.get(number, 0.0),
            seed=seed,
        )
        for number in np.unique(kept.product).tolist()
    }


def _means(past: Lines, *, history_days: int) -> dict[int, float]:
    products, qty = _qty_by_product(past)
    return dict(zip(products.tolist(), (qty / history_days).tolist(), strict=True))


def _qty_by_product(lines: Lines) -> tuple[Ints, Floats]:
    products, which = np.unique(lines.product, return_inverse=True)
    qty = np.zeros(len(products))
    np.add.at(qty, which, lines.qty)
    return products, qty


def _median_prices(lines: Lines) -> dict[int, float]:
    """Return each product's lower median price in cents, so that it is one that was really asked."""
    order = np.lexsort((lines.shelf_cents, lines.product))
    products, starts, counts = np.unique(lines.product[order], return_index=True, return_counts=True)
    middle = lines.shelf_cents[order][starts + (counts - 1) // 2]
    return dict(zip(products.tolist(), middle.tolist(), strict=True))


def _line_count(receipts: tuple[Receipt, ...]) -> int:
    return sum(len(receipt.lines) for receipt in receipts)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {value}")
