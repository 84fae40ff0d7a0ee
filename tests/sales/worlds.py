"""Receipts and small stores for the tests of this room."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

from pullsvc.db import Database
from pullsvc.sales import actions, booking
from pullsvc.sales.actions import Taken
from pullsvc.sales.booking import Booked, Effect
from pullsvc.sales.rules import Key, LineKind, Lines, Receipt, Status, Uom, make_receipt
from tests.factories import NOON, all_rows, item, location, placement, stamp, store

DAY = date(2026, 3, 14)


class Line(NamedTuple):
    """A line as a till sends it."""

    kind: LineKind
    code: str
    milli_qty: int
    uom: Uom
    location: str | None


def line(
    code: str = "milk", quantity: object = 1, *, kind: LineKind = LineKind.SALE, uom: Uom = Uom.EACH,
    place: str | None = None,
) -> Line:  # fmt: skip
    return Line(kind, code, int(Decimal(str(quantity)) * 1_000), uom, place)


def columns(*lines: Line, numbers: Sequence[int] | None = None) -> Lines:
    """The lines as columns, numbered from 1 if they were given no numbers of their own."""
    kinds, codes, milli_qtys, uoms, places = zip(*lines, strict=True) if lines else ((), (), (), (), ())
    return Lines(numbers or range(1, len(lines) + 1), kinds, codes, milli_qtys, uoms, places)


def receipt(
    *lines: Line, sequence: int = 1, register: str = "4", at: datetime = NOON, revision: int | None = None,
    status: Status = Status.COMPLETED, day: date = DAY,
) -> Receipt:  # fmt: skip
    key = Key(day, register, sequence)
    return make_receipt(key, occurred_at=at, pos_revision=revision, status=status, lines=columns(*lines))


async def shop(db: Database) -> None:
    """Milk on A1, bread on B1 (a case of 6 has its own code), apples by weight on C1, soap without a shelf."""
    await store(db)
    await item(db, sku="milk")
    await placement(db, sku="milk", shelf="A1")
    await item(db, sku="bread", codes={"10000000000017": 6})
    await placement(db, sku="bread", shelf="B1")
    await item(db, sku="apples", sold_by="weight", weight_g=150)
    await placement(db, sku="apples", shelf="C1")
    await item(db, sku="soap")
    await location(db, code="A9", kind="shelf")


async def send(db: Database, *receipts: Receipt, now: datetime = NOON) -> list[Taken]:
    async with db.begin() as tx:
        return await actions.receive_receipts(tx, stamp(now=now), receipts)


async def books(db: Database) -> dict[tuple[str, str], int]:
    """By (sku, location), the book; those at 0 left out."""
    rows = await all_rows(db, "balances")
    return {(row["sku"], row["location"]): row["qty"] for row in rows if row["qty"]}


async def sold(db: Database) -> list[tuple[Any, ...]]:
    """What the lines say, in order."""
    rows = await all_rows(db, "sale_lines")
    columns = ("business_date", "register", "sequence", "line_no", "sku", "location", "quantity", "sold_qty")
    return sorted(tuple(row[name] for name in columns) for row in rows)


def results(taken: Sequence[Taken]) -> list[str]:
    return [one.result.value for one in taken]


class Known(NamedTuple):
    """What the catalog knows of a code."""

    sku: str = "milk"
    pack_qty: int = 1
    weight_g: int = 150
    home: str | None = "A1"


WARES = {"milk": Known(), "case": Known(pack_qty=6), "apples": Known(sku="apples", home=None)}


def booked(version: Receipt) -> Booked:
    return booking.book(version, wares=WARES, shelves={"A9": True, "typo": False})


def effect(version: Receipt) -> Effect:
    return booking.effect_of(booked(version), occurred_at=version.occurred_at)


codes = st.sampled_from(["milk", "case", "apples", "what"])
lines = st.builds(
    line,
    codes,
    st.decimals(min_value="0.001", max_value=50, places=3),
    kind=st.sampled_from(LineKind),
    uom=st.sampled_from(Uom),
    place=st.sampled_from([None, "A9", "typo"]),
)
versions = st.builds(
    lambda given, status, minute, sequence, revision: receipt(
        *given, status=status, at=NOON + timedelta(minutes=minute), sequence=sequence, revision=revision
    ),
    st.lists(lines, max_size=4),
    st.sampled_from(Status),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(1, 4),
)
