"""What a receipt does to the books: how many eaches each line is, and which units that moves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from pullsvc.sales.rules import MILLI, LineKind, Receipt, Status, Uom
from pullsvc.stock.rules import MAX_MOVE_QTY, Cause, Flow

# Every store has these two: the shelf of items without one, and the cart that customers' returns go into.
UNPLACED = "UNPLACED"
RETURNS = "RETURNS"

# Tills sell by ones and twos: a quantity is nearly always one that was worked out before.
QUANTITIES_REMEMBERED = 10_000
MICRO = 1_000_000

MICROGRAMS = {Uom.KG: 1_000_000_000, Uom.LB: 453_592_370, Uom.G: 1_000_000}


Ware = tuple[str, int, int, str | None]
"""What the catalog tells of a code: the item, eaches of one scan, weight of one each in grams (0: not known), home."""


class Booked(NamedTuple):
    """Lines and what the books make of them, in columns.

    Attributes:
        codes: As the till sent them.
        skus: The items; None: the code is unknown.
        locations: Where their units are booked from or to; the till's own word on it while the code is unknown.
        sold_qtys: Eaches sold, negative when they came back; 0 where the line moves nothing.
    """

    codes: Sequence[str] = ()
    skus: Sequence[str | None] = ()
    locations: Sequence[str | None] = ()
    sold_qtys: Sequence[int] = ()

    @property
    def unknown(self) -> list[int]:
        """The places of the lines whose code is unknown."""
        return [place for place, sku in enumerate(self.skus) if sku is None] if None in self.skus else []

    def waiting(self) -> list[str]:
        """Return the unknown codes, each once, sorted."""
        return sorted({self.codes[place] for place in self.unknown})

    def filled(self, looked_up: "Booked") -> "Booked":
        """Return the lines with those of unknown codes replaced by what another look made of them, in their order."""
        skus, locations, sold_qtys = list(self.skus), list(self.locations), list(self.sold_qtys)
        for place, sku, location, sold_qty in zip(self.unknown, *looked_up[1:], strict=True):
            skus[place], locations[place], sold_qtys[place] = sku, location, sold_qty
        return Booked(self.codes, skus, locations, sold_qtys)


NOTHING_BOOKED = Booked()

Effect = Mapping[Flow, int]
"""Eaches that go the way of each flow; two versions of a receipt are compared by it."""


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def eaches(milli_qty: int, uom: Uom, pack_qty: int, weight_g: int) -> int:
    """Return how many eaches a quantity is: 1..MAX_MOVE_QTY.

    Packs count what is in them, weights are divided by the weight of one each; both are rounded half up, and never
    to nothing, as something left the shelf. Where no weight of the item is known, a weighed line is one
    each. What is beyond the largest move is a slip of the till (a barcode typed as a quantity), left to a count.
    """
    if uom is Uom.EACH:
        exact, one = milli_qty * pack_qty, MILLI
    else:
        exact, one = milli_qty * MICROGRAMS[uom], MILLI * MICRO * weight_g
    return min(max((2 * exact + one) // (2 * one), 1), MAX_MOVE_QTY) if one else 1


def moves_units(status: Status, kind: LineKind) -> bool:
    """Tell whether a line says that units changed hands."""
    return status is Status.COMPLETED and kind is not LineKind.VOID


def book(receipt: Receipt, *, wares: Mapping[str, Ware | None], shelves: Mapping[str, bool]) -> Booked:
    """Return the lines of a receipt as the books see them.

    Args:
        receipt: As the till sent it.
        wares: By code, what the catalog knows of it; None: nothing.
        shelves: By the tills' names of locations, whether it is a shelf of this store; any other word is passed over,
            as a wrong label must not keep a sale out of the books.
    """
    completed = receipt.status is Status.COMPLETED
    _, kinds, codes, milli_qtys, uoms, named = receipt.lines
    skus: list[str | None] = []
    locations: list[str | None] = []
    sold_qtys = []
    for kind, ware, milli_qty, uom, name in zip(kinds, map(wares.get, codes), milli_qtys, uoms, named, strict=True):
        sku, location, qty = None, name, 0
        if ware:
            sku, pack_qty, weight_g, home = ware
            if completed and kind is not LineKind.VOID:
                qty = eaches(milli_qty, uom, pack_qty, weight_g)
            if kind is LineKind.RETURN:
                location, qty = RETURNS, -qty
            elif name is None or not shelves.get(name):
                location = home or UNPLACED
        skus.append(sku)
        locations.append(location)
        sold_qtys.append(qty)
    return Booked(codes, skus, locations, sold_qtys)


def keep(receipt: Receipt, booked: Booked, was: Receipt, as_booked: Booked) -> Booked:
    """Return the lines of a corrected receipt with those booked as they were that the till did not touch.

    What became of an item's home, codes or packs since then moved nothing of what was sold before.

    Args:
        receipt: The version that counts now.
        booked: Its lines, as the catalog of today has them.
        was: The version that counted until now.
        as_booked: The lines of that.
    """
    if {receipt.status, was.status} != {Status.COMPLETED}:
        return booked
    before = dict(zip(zip(*was.lines[:-1], strict=True), zip(*as_booked[1:], strict=True), strict=True))
    rows = []
    for *line, name, (sku, location, qty) in zip(*receipt.lines, zip(*booked[1:], strict=True), strict=True):
        old_sku, old_location, old_qty = before.get(tuple(line), (None, None, 0))
        names_another = sku is not None and name is not None and location == name != old_location
        rows.append((sku, location, qty) if old_sku is None or names_another else (old_sku, old_location, old_qty))
    return Booked(receipt.lines.codes, *map(list, zip(*rows, strict=True))) if rows else booked


def effect_of(booked: Booked, *, occurred_at: datetime) -> Effect:
    """Return how many eaches the lines move, by flow; all > 0."""
    effect: dict[Flow, int] = {}
    for sku, location, sold_qty in zip(booked.skus, booked.locations, booked.sold_qtys, strict=True):
        if sold_qty and sku is not None and location is not None:
            flow = sku, Cause.SALE if sold_qty > 0 else Cause.CUSTOMER_RETURN, location, occurred_at
            effect[flow] = effect.get(flow, 0) + abs(sold_qty)
    return effect


def difference(old: Effect, new: Effect) -> Effect:
    """Return what must still move so that the books hold `new` in place of `old`; signed, none of them 0."""
    change = {flow: new.get(flow, 0) - old.get(flow, 0) for flow in {**old, **new}}
    return {flow: qty for flow, qty in change.items() if qty}


def book_changes(moved: Effect) -> dict[tuple[str, str], int]:
    """Return by how many eaches a signed effect changes the book of each (sku, location)."""
    changes: dict[tuple[str, str], int] = {}
    for (sku, cause, location, _), qty in moved.items():
        place = sku, location
        changes[place] = changes.get(place, 0) + (-qty if cause is Cause.SALE else qty)
    return changes
