"""What a movement is, and what a count means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pullsvc.errors import Kind, Rejection

MAX_MOVE_QTY = 100_000

# Accounts outside the store; they have movements but no balance.
SUPPLIER = "@supplier"
SOLD = "@sold"
RETURNED = "@returned"
DAMAGED = "@damaged"
ADJUSTED = "@adjusted"
OUTSIDE = frozenset({SUPPLIER, SOLD, RETURNED, DAMAGED, ADJUSTED})


class Cause(StrEnum):
    """Why units moved; the same words as the CHECK on `movements.cause`."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and there is one for each line sold.

    RECEIVE = "receive"
    COUNT = "count"
    ADJUST = "adjust"
    MOVE = "move"
    PICK = "pick"
    UNPICK = "unpick"
    PUT = "put"
    RETURN = "return"
    DAMAGE = "damage"
    MISSING = "missing"
    SALE = "sale"
    CUSTOMER_RETURN = "customer_return"
    # Written by `move` itself: units that the books did not know, and facts that a later count already holds. The books
    # knew units after all where a short is taken back that had written them off: then they are no longer found.
    FOUND = "found"
    ABSORBED = "absorbed"


class CountedTwice(Rejection):
    """A batch names an item twice at one location, perhaps by two of its codes: send what stands there in all."""

    kind = Kind.INVALID
    code = "counted-twice"
    title = "An item is counted twice at one place."


class NoSuchLocation(Rejection):
    """A location that the store does not have, or that cannot hold units."""

    kind = Kind.NOT_FOUND
    code = "no-such-location"
    title = "The store has no such location for goods."


class SamePlace(Rejection):
    """A move from a place to itself."""

    kind = Kind.INVALID
    code = "same-place"
    title = "From and to are the same place."


@dataclass(frozen=True, slots=True)
class Leg:
    """Units of one item going from one place to another.

    Attributes:
        sku: The item.
        qty: Eaches; > 0.
        src: Location, or an outside account (`@...`).
        dst: Location, or an outside account; differs from `src`.
        cause: Why.
        cause_id: Which one: the receipt, task line, count ... that moved them.
        reason: In the words of the one who did it, if any.
        occurred_at: When it happened, aware, where that differs from the stamp; else None.
    """

    sku: str
    qty: int
    src: str
    dst: str
    cause: Cause
    cause_id: str
    reason: str | None = None
    occurred_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.qty <= 0:
            raise ValueError("qty must be > 0")
        if self.src == self.dst:
            raise SamePlace(f"{self.src} is where the units are already.")


Flow = tuple[str, Cause, str, datetime]
"""A way that units of an item went over the tills, and when: (sku, SALE or CUSTOMER_RETURN, location, occurred_at)."""


class Passage(NamedTuple):
    """What one receipt, or its correction, moves over the tills.

    Attributes:
        cause_id: The receipt.
        flows: Eaches that went each way: out of its location for a SALE, into it for a CUSTOMER_RETURN; not 0, below 0
            where that is taken back.
    """

    cause_id: str
    flows: Mapping[Flow, int]


def variance_leg(*, sku: str, location: str, counted_qty: int, book_qty: int, count_id: int) -> Leg | None:
    """Return the movement that makes the book say what was counted; None when it does already."""
    variance = counted_qty - book_qty
    if variance == 0:
        return None
    src, dst = (ADJUSTED, location) if variance > 0 else (location, ADJUSTED)
    return Leg(sku=sku, qty=abs(variance), src=src, dst=dst, cause=Cause.COUNT, cause_id=str(count_id))
