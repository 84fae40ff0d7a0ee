"""Receipts as the columns that the database takes: a value for each receipt, and arrays for their lines.

PostgreSQL has no arrays of arrays of different lengths, so the lines of a receipt travel as the text of an array. That
costs a fraction of sending a row for each line.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pullsvc.db import array_of_numbers, array_of_texts
from pullsvc.sales.rules import QUANTITIES_REMEMBERED, BookedLine, Key, Line, LineKind, Standing, Uom

StoreKey = tuple[int, Key]
"""A store, and the key of a receipt in it."""


def key_columns(keys: Iterable[StoreKey]) -> dict[str, list[Any]]:
    """Return the keys as the parameters `stores`, `dates`, `registers`, `sequences`."""
    stores: list[int] = []
    dates: list[date] = []
    registers: list[str] = []
    sequences: list[int] = []
    for store_id, (business_date, register, sequence) in keys:
        stores.append(store_id)
        dates.append(business_date)
        registers.append(register)
        sequences.append(sequence)
    return {"stores": stores, "dates": dates, "registers": registers, "sequences": sequences}


def standing_columns(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    """Return what receipts say as a whole, one value for each."""
    receipts = [standing.receipt for standing in standings]
    occurred: list[datetime] = [receipt.occurred_at for receipt in receipts]
    return {
        "revisions": [standing.revision for standing in standings],
        "pos_revisions": [receipt.pos_revision for receipt in receipts],
        "statuses": [receipt.status for receipt in receipts],
        "fingerprints": [receipt.fingerprint for receipt in receipts],
        "line_counts": [len(receipt.lines) for receipt in receipts],
        "occurred": occurred,
    }


def said_columns(receipts: Sequence[Sequence[BookedLine]]) -> dict[str, list[Any]]:
    """Return what the lines of each receipt say, as texts of arrays; None where all say the usual."""
    said = [[booked.line for booked in lines] for lines in receipts]
    return {
        "line_nos": [array_of_numbers([line.line_no for line in lines]) for lines in said],
        "kinds": [_unless_all([line.kind for line in lines], LineKind.SALE) for lines in said],
        "codes": [array_of_texts([line.code for line in lines]) for lines in said],
        "milli_qtys": [array_of_numbers([milli(line.quantity) for line in lines]) for lines in said],
        "uoms": [_unless_all([line.uom for line in lines], Uom.EACH) for lines in said],
    }


def booked_columns(receipts: Sequence[Sequence[BookedLine]]) -> dict[str, list[Any]]:
    """Return what the books make of the lines of each receipt, as texts of arrays, and the eaches sold in all."""
    return {
        "skus": [array_of_texts([booked.sku for booked in lines]) for lines in receipts],
        "locations": [array_of_texts([booked.location for booked in lines]) for lines in receipts],
        "sold_qtys": [array_of_numbers([booked.sold_qty for booked in lines]) for lines in receipts],
        "sold": [sum(booked.sold_qty for booked in lines if booked.sold_qty > 0) for lines in receipts],
    }


def booked_lines(row: Any) -> tuple[BookedLine, ...]:
    """Return the lines that a row of `receipts` holds."""
    kinds = row.kinds or [LineKind.SALE] * row.line_count
    uoms = row.uoms or [Uom.EACH] * row.line_count
    columns = zip(
        row.line_nos, kinds, row.codes, row.milli_qtys, uoms, row.locations, row.skus, row.sold_qtys, strict=True
    )
    return tuple(
        BookedLine(
            Line(number, LineKind(kind), code, Decimal(qty).scaleb(-3), Uom(uom), location), sku, location, sold_qty
        )
        for number, kind, code, qty, uom, location, sku, sold_qty in columns
    )


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def milli(quantity: Decimal) -> int:
    """Return a quantity, which has at most three decimals, in thousandths."""
    return int(quantity.scaleb(3))


def _unless_all(values: Sequence[str], usual: str) -> str | None:
    return array_of_texts(values) if any(value is not usual for value in values) else None
