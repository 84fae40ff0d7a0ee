"""Everything that moves or counts units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pullsvc.catalog.actions import WrongKindOfPlace
from pullsvc.db import Row, Tx
from pullsvc.errors import Busy, Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.stock import ledger, queries
from pullsvc.stock.rules import ADJUSTED, DAMAGED, SUPPLIER, Cause, Leg, NoSuchLocation, variance_leg

REOPEN_WITHIN = timedelta(minutes=10)


class NothingToReopen(Rejection):
    """The discrepancy is open, was closed a while ago, or never was; or a newer one of the same took its place."""

    kind = Kind.NOT_FOUND
    code = "nothing-to-reopen"
    title = "There is no closing to take back."


class NothingToClose(Rejection):
    """The discrepancy does not exist, or somebody closed it already."""

    kind = Kind.NOT_FOUND
    code = "no-open-discrepancy"
    title = "There is no such open discrepancy."


class NothingToAdjust(Rejection):
    """A correction by nothing."""

    kind = Kind.INVALID
    code = "nothing-to-adjust"
    title = "The change is 0."


@dataclass(frozen=True, slots=True)
class CountResult:
    """What a count said and did.

    Attributes:
        count: The row of the count.
        qty: The location's book after it; eaches, may be negative on a shelf when more was sold since.
    """

    count: Row
    qty: int


async def move(tx: Tx, stamp: Stamp, legs: Sequence[Leg]) -> list[Row]:
    """Move units of one store by one act; as `move_all`."""
    return await move_all(tx, [(stamp, leg) for leg in legs])


async def move_all(tx: Tx, moves: Sequence[tuple[Stamp, Leg]]) -> list[Row]:
    """Move units: the only writer of the ledger and the balances. Physical facts, so nothing is refused for its qty.

    A bin or tub that did not have the units in its book is corrected upwards and a discrepancy is opened; a shelf
    goes below zero and is shown as oversold. A fact older than the location's last count leaves its book as it is.

    Args:
        tx: The transaction.
        moves: Each leg with the signature of its act; acts and stores may differ.
    Returns:
        The balances touched, rows of (store_id, sku, location, kind, qty), in that order.
    Raises:
        NoSuchLocation: a leg names a place that does not exist or cannot hold units.
        Busy: a count made the first book of a place at the same moment.
    """
    if not moves:
        return []
    touched = await ledger.write_movements(tx, moves)
    problems = {row.problem for row in touched if row.problem}
    if "unknown" in problems:
        unknown = sorted({row.location for row in touched if row.problem == "unknown"})
        raise NoSuchLocation(f"Unknown here: {', '.join(unknown)}.", locations=unknown)
    if problems:
        raise Busy("The place was counted for the first time at the same moment; send the request again.")
    return touched


def refuse_tubs(books: Iterable[Row]) -> None:
    """Leave tubs to their own room: what one holds its task says, and nothing else.

    Args:
        books: Rows of (location, kind, ...), as touched or locked by a transaction that a refusal takes back.
    Raises:
        WrongKindOfPlace: one of them is a tub's.
    """
    for book in books:
        if book.kind == "tub":
            detail = f"{book.location} is a tub: pick into it, or put away from it, by its task."
            raise WrongKindOfPlace(detail, location=book.location, kind=book.kind)


async def receive(tx: Tx, stamp: Stamp, *, sku: str, qty: int, location: str, reference: str) -> list[Row]:
    """Book units from a supplier into a location; refused where that is a tub (`refuse_tubs`)."""
    leg = Leg(sku=sku, qty=qty, src=SUPPLIER, dst=location, cause=Cause.RECEIVE, cause_id=reference)
    touched = await move(tx, stamp, [leg])
    refuse_tubs(touched)
    append(tx, stamp, "stock.received", sku, {"qty": qty, "location": location})
    return touched


async def move_units(tx: Tx, stamp: Stamp, *, sku: str, qty: int, src: str, dst: str, reason: str | None) -> list[Row]:
    """Book units from one location to another: put-away of backstock, tidying, shelf to backroom; no tub."""
    leg = Leg(sku=sku, qty=qty, src=src, dst=dst, cause=Cause.MOVE, cause_id="move", reason=reason)
    touched = await move(tx, stamp, [leg])
    refuse_tubs(touched)
    append(tx, stamp, "stock.moved", sku, {"qty": qty, "from": src, "to": dst})
    return touched


async def adjust(
    tx: Tx, stamp: Stamp, *, sku: str, change: int, location: str, reason: str, damaged: bool
) -> list[Row]:
    """Correct a location's book by `change` eaches, with the reason; units thrown away are booked as damaged.

    Raises:
        NothingToAdjust: the change is 0.
        WrongKindOfPlace: it is a tub.
    """
    if change == 0:
        raise NothingToAdjust("Send how many eaches to add or take away.")
    outside = DAMAGED if damaged else ADJUSTED
    src, dst = (outside, location) if change > 0 else (location, outside)
    cause = Cause.DAMAGE if damaged else Cause.ADJUST
    leg = Leg(sku=sku, qty=abs(change), src=src, dst=dst, cause=cause, cause_id="adjust", reason=reason)
    touched = await move(tx, stamp, [leg])
    refuse_tubs(touched)
    append(tx, stamp, "stock.adjusted", sku, {"change": change, "location": location, "damaged": damaged})
    return touched


async def request_count(tx: Tx, stamp: Stamp, *, sku: str, location: str, reason: str) -> int | None:
    """Ask for somebody to count an item at a location; None when that is asked for already."""
    made = await queries.request_counts(
        tx,
        store_id=stamp.store_id,
        places=[(location, sku)],
        reason=reason,
        now=stamp.now,
        principal_id=stamp.principal_id,
    )
    if not made:
        return None
    append(tx, stamp, "count.requested", made[0], {"sku": sku, "location": location, "reason": reason})
    return made[0]


async def count(tx: Tx, stamp: Stamp, *, sku: str, location: str, counted_qty: int) -> CountResult:
    """Record that `counted_qty` eaches stood at the location when the stamp occurred.

    The count holds as of that moment: what moved since stays moved, and an older fact that arrives later does not
    move the book again. A count older than the newest one is kept, but changes nothing.

    Raises:
        NoSuchLocation: the store has no such place for goods.
        WrongKindOfPlace: it is a tub.
    """
    at = stamp.occurred_at
    book = await queries.book_at(tx, store_id=stamp.store_id, sku=sku, location=location, at=at, now=stamp.now)
    if book is None:
        raise NoSuchLocation(f"Unknown here: {location}.", locations=[location])
    refuse_tubs([book])
    wanted = await tx.row(queries.TAKE_REQUEST, store_id=stamp.store_id, location=location, sku=sku)
    count_id = (wanted or await tx.one(queries.NEW_COUNT)).count_id
    superseded = book.counted_at is not None and at < book.counted_at
    qty = book.qty
    if not superseded:
        leg = variance_leg(
            sku=sku, location=location, counted_qty=counted_qty, book_qty=book.book_qty, count_id=count_id
        )
        if leg:
            qty = (await move(tx, stamp, [leg]))[0].qty
        held = {"store_id": stamp.store_id, "sku": sku, "location": location, "now": stamp.now}
        await tx.run(queries.HOLD_COUNTED, counted_at=at, **held)
        await tx.run(queries.COUNTED_CLOSES, **held)
    row = await tx.one(
        queries.WRITE_COUNT,
        store_id=stamp.store_id,
        count_id=count_id,
        location=location,
        sku=sku,
        state="superseded" if superseded else "done",
        reason="blind",
        now=stamp.now,
        principal_id=stamp.principal_id,
        counted_at=at,
        counted_qty=counted_qty,
        book_qty=book.book_qty,
        variance=counted_qty - book.book_qty,
    )
    await _note_variance(tx, stamp, row)
    return CountResult(count=row, qty=qty)


async def _note_variance(tx: Tx, stamp: Stamp, count: Row) -> None:
    """Tell of the count, and keep a variance where a lead will see it."""
    facts = {"sku": count.sku, "location": count.location, "variance": count.variance, "state": count.state}
    append(tx, stamp, "stock.counted", count.count_id, facts)
    if count.state == "done" and count.variance:
        await open_discrepancy(
            tx,
            stamp,
            kind="variance",
            sku=count.sku,
            location=count.location,
            qty=count.variance,
            cause="count",
            cause_id=str(count.count_id),
        )


async def open_discrepancy(
    tx: Tx, stamp: Stamp, *, kind: str, sku: str, location: str, qty: int, cause: str, cause_id: str
) -> None:
    """Keep a contradiction between the books and the world until a lead closes it or a count explains it."""
    await tx.run(
        queries.OPEN_DISCREPANCY,
        store_id=stamp.store_id,
        kind=kind,
        sku=sku,
        location=location,
        qty=qty,
        cause=cause,
        cause_id=cause_id,
        now=stamp.now,
    )


async def reopen_discrepancy(tx: Tx, stamp: Stamp, *, discrepancy_id: int) -> Row:
    """Take back that a discrepancy was closed, while whoever closed it may still have slipped.

    Raises:
        NothingToReopen: it was not closed within REOPEN_WITHIN, or the same was found again since.
    """
    row = await tx.row(
        queries.REOPEN_DISCREPANCY,
        store_id=stamp.store_id,
        discrepancy_id=discrepancy_id,
        since=stamp.now - REOPEN_WITHIN,
    )
    if row is None:
        raise NothingToReopen("Have the place counted; what is wrong is found again.")
    append(tx, stamp, "discrepancy.reopened", discrepancy_id, {"sku": row.sku, "location": row.location})
    return row


async def close_discrepancy(tx: Tx, stamp: Stamp, *, discrepancy_id: int, resolution: str) -> Row:
    """Close a discrepancy with the lead's word on it.

    Raises:
        NothingToClose: there is no such open discrepancy.
    """
    row = await tx.row(
        queries.CLOSE_DISCREPANCY,
        store_id=stamp.store_id,
        discrepancy_id=discrepancy_id,
        resolution=resolution,
        now=stamp.now,
    )
    if row is None:
        raise NothingToClose("It was closed already, or never was; read the list again.")
    append(tx, stamp, "discrepancy.closed", discrepancy_id, {"sku": row.sku, "location": row.location})
    return row
