"""Receipts as the columns that the database takes: a value for each receipt, and arrays for their lines.

PostgreSQL has no arrays of arrays of different lengths, so the lines of a receipt travel as the text of an array. That
costs a fraction of sending a row for each line. The columns themselves are texts of arrays too, as the driver takes
longer for a list; but for those whose texts would have to be quoted twice.
"""

from collections.abc import Iterable, Sequence

from pullsvc.db import Row, array_of_numbers, array_of_texts
from pullsvc.sales.booking import Booked
from pullsvc.sales.rules import Key, LineKind, Lines, Receipt, Standing, Status, Uom

StoreKey = tuple[int, Key]
"""A store, and the key of a receipt in it."""

# What the statements take the columns below from.
KEYS = """CAST(CAST(:stores AS text) AS integer[]), CAST(CAST(:dates AS text) AS date[]),
            CAST(CAST(:registers AS text) AS text[]), CAST(CAST(:sequences AS text) AS bigint[])"""
BOOKED = """CAST(:skus AS text[]), CAST(:locations AS text[]),
            CAST(CAST(:sold_qtys AS text) AS text[]), CAST(CAST(:sold AS text) AS integer[])"""
RECEIPTS = f"""{KEYS},
            CAST(CAST(:revisions AS text) AS integer[]), CAST(CAST(:pos_revisions AS text) AS integer[]),
            CAST(CAST(:statuses AS text) AS text[]), CAST(CAST(:fingerprints AS text) AS text[]),
            CAST(CAST(:line_counts AS text) AS integer[]), CAST(CAST(:occurred AS text) AS timestamptz[]),
            CAST(CAST(:line_nos AS text) AS text[]), CAST(CAST(:kinds AS text) AS text[]),
            CAST(:codes AS text[]), CAST(CAST(:milli_qtys AS text) AS text[]),
            CAST(CAST(:uoms AS text) AS text[]), {BOOKED}"""


def key_columns(keys: Iterable[StoreKey]) -> dict[str, str]:
    """Return the keys as the parameters of KEYS."""
    rows = [(store_id, *key) for store_id, key in keys]
    stores, dates, registers, sequences = zip(*rows, strict=True) if rows else ((), (), (), ())
    return {
        "stores": array_of_numbers(stores),
        "dates": array_of_texts(list(map(str, dates))),
        "registers": array_of_texts(registers),
        "sequences": array_of_numbers(sequences),
    }


def receipt_columns(standings: Sequence[Standing], booked: Sequence[Booked]) -> dict[str, object]:
    """Return what receipts say and what the books make of their lines, as the parameters of RECEIPTS but its KEYS."""
    receipts = [standing.receipt for standing in standings]
    return {
        "revisions": array_of_numbers([standing.revision for standing in standings]),
        "pos_revisions": array_of_texts([_text_or_none(receipt.pos_revision) for receipt in receipts]),
        "statuses": array_of_texts([receipt.status for receipt in receipts]),
        "fingerprints": array_of_texts([receipt.fingerprint for receipt in receipts]),
        "line_counts": array_of_numbers([receipt.line_count for receipt in receipts]),
        "occurred": array_of_texts([str(receipt.occurred_at) for receipt in receipts]),
        **_said_columns([receipt.lines for receipt in receipts]),
        **booked_columns(booked),
    }


def _said_columns(receipts: Sequence[Lines]) -> dict[str, object]:
    """Return what the lines of each receipt say; null where all say the usual."""
    return {
        "line_nos": array_of_texts([array_of_numbers(lines.numbers) for lines in receipts]),
        "kinds": array_of_texts([_unless_all(lines.kinds, LineKind.SALE) for lines in receipts]),
        "codes": [array_of_texts(lines.codes) for lines in receipts],
        "milli_qtys": array_of_texts([array_of_numbers(lines.milli_qtys) for lines in receipts]),
        "uoms": array_of_texts([_unless_all(lines.uoms, Uom.EACH) for lines in receipts]),
    }


def booked_columns(receipts: Sequence[Booked]) -> dict[str, object]:
    """Return what the books make of the lines of each receipt, and the eaches sold in all, as parameters of BOOKED."""
    return {
        "skus": [array_of_texts(booked.skus) for booked in receipts],
        "locations": [array_of_texts(booked.locations) for booked in receipts],
        "sold_qtys": array_of_texts([array_of_numbers(booked.sold_qtys) for booked in receipts]),
        "sold": array_of_numbers([sum([qty for qty in booked.sold_qtys if qty > 0]) for booked in receipts]),
    }


def receipt_of(row: Row) -> tuple[Receipt, Booked]:
    """Return the receipt that a row of `receipts` holds, and its lines as booked."""
    lines = Lines(
        numbers=row.line_nos,
        kinds=list(map(LineKind, row.kinds or [LineKind.SALE] * row.line_count)),
        codes=row.codes,
        milli_qtys=row.milli_qtys,
        uoms=list(map(Uom, row.uoms or [Uom.EACH] * row.line_count)),
        locations=row.locations,
    )
    receipt = Receipt(
        key=Key(row.business_date, row.register, row.sequence),
        occurred_at=row.occurred_at,
        pos_revision=row.pos_revision,
        status=Status(row.status),
        lines=lines,
        fingerprint=row.fingerprint,
    )
    return receipt, Booked(row.codes, row.skus, row.locations, row.sold_qtys)


def _text_or_none(value: int | None) -> str | None:
    return None if value is None else str(value)


def _unless_all(values: Sequence[str], usual: str) -> str | None:
    return None if values.count(usual) == len(values) else array_of_texts(values)
