"""Receipts: the panel's baskets as POS transactions of our store, and a few returns that we add."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from pullsvc.demo.model import ZONE, Item, Origin, Receipt, ReceiptLine, Zone
from pullsvc.demo.panel import HOUR_S, Lines, to_date
from pullsvc.demo.seeds import chance, uniforms

SALES_REGISTERS = 7
SERVICE_DESK_REGISTER = 8  # Takes the returns, and nothing else.
RETURN_SHARE = 0.003  # Of the lines of the day.
RETURNS_FROM_S = 10 * HOUR_S
RETURNS_UNTIL_S = 20 * HOUR_S
_LINE_MULTIPLIER = 1_000_003  # A prime: one number for each pair of basket and product.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A receipt that has no sequence number yet."""

    business_date: date
    occurred_at: datetime
    register: int
    basket: int
    origin: Origin
    lines: tuple[ReceiptLine, ...]


def write_receipts(lines: Lines, *, item_of: Mapping[int, Item], seed: int) -> list[Receipt]:
    """Return all receipts of `lines` in order of time, with returns from the second day on.

    A basket goes to one of registers 1 to 7, drawn by its number; returns go to register 8, the service desk.
    Sequences count from 1 per business date and register, in order of time.

    Args:
        lines: Folded lines; every product of theirs is in `item_of`.
        item_of: The item of each product id.
        seed: Of the whole store.
    """
    drafts = [*_sales(lines, item_of=item_of, seed=seed), *_returns(lines, item_of=item_of, seed=seed)]
    drafts.sort(key=lambda draft: (draft.business_date, draft.occurred_at, draft.register, draft.basket))
    last_sequence: Counter[tuple[date, int]] = Counter()
    receipts = []
    for draft in drafts:
        last_sequence[draft.business_date, draft.register] += 1
        receipts.append(
            Receipt(
                business_date=draft.business_date,
                register=draft.register,
                sequence=last_sequence[draft.business_date, draft.register],
                occurred_at=draft.occurred_at,
                origin=draft.origin,
                lines=draft.lines,
            )
        )
    return receipts


def _sales(lines: Lines, *, item_of: Mapping[int, Item], seed: int) -> Iterator[_Draft]:
    order = np.lexsort((lines.basket, lines.day))  # Stable: a basket's lines stay in their order.
    basket, day = lines.basket[order], lines.day[order]
    starts = np.flatnonzero(np.r_[True, (basket[1:] != basket[:-1]) | (day[1:] != day[:-1])])
    lanes = (uniforms(basket[starts], seed=seed, purpose="register") * SALES_REGISTERS).astype(np.int64) + 1
    product, qty = lines.product[order].tolist(), lines.qty[order].tolist()
    second = lines.second[order]
    for start, end, lane in zip(starts, [*starts[1:], len(order)], lanes, strict=True):
        business_date = to_date(day[start])
        yield _Draft(
            business_date=business_date,
            occurred_at=_utc(business_date, second=int(second[start])),
            register=int(lane),
            basket=int(basket[start]),
            origin=Origin.PANEL,
            lines=tuple(
                _line(item_of[product[row]], line_no=row - int(start) + 1, qty=qty[row])
                for row in range(int(start), int(end))
            ),
        )


def _returns(lines: Lines, *, item_of: Mapping[int, Item], seed: int) -> Iterator[_Draft]:
    """Bring back, each day, a few of the lines of the day before; only goods that keep at room temperature."""
    ambient = np.array([number for number, item in item_of.items() if item.zone is Zone.AMBIENT], dtype=np.int64)
    for day in np.unique(lines.day)[1:]:
        wanted = int(RETURN_SHARE * np.count_nonzero(lines.day == day))
        bought = lines.where((lines.day == day - 1) & np.isin(lines.product, ambient))
        draws = uniforms(bought.basket * _LINE_MULTIPLIER + bought.product, seed=seed, purpose="returned line")
        business_date = to_date(day)
        for row in np.argsort(draws, kind="stable")[:wanted].tolist():
            item, basket = item_of[int(bought.product[row])], int(bought.basket[row])
            rng = chance(seed=seed, purpose="return time", key=f"{item.sku}/{basket}")
            yield _Draft(
                business_date=business_date,
                occurred_at=_utc(business_date, second=rng.randrange(RETURNS_FROM_S, RETURNS_UNTIL_S)),
                register=SERVICE_DESK_REGISTER,
                basket=basket,
                origin=Origin.SYNTHETIC_RETURN,
                lines=(_line(item, line_no=1, qty=-int(bought.qty[row])),),
            )


def _line(item: Item, *, line_no: int, qty: int) -> ReceiptLine:
    return ReceiptLine(line_no=line_no, sku=item.sku, gtin=item.gtin, qty=qty)


def _utc(business_date: date, *, second: int) -> datetime:
    """Return the UTC time of a wall-clock second of the business date, which may exceed one day."""
    wall = datetime.combine(business_date, time(0), tzinfo=ZONE) + timedelta(seconds=second)
    return wall.astimezone(UTC)
