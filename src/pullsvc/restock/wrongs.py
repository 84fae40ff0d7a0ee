"""What somebody at the shelf says of a pull of the watch, and what is believed from then on; expected deliveries."""

from datetime import datetime
from enum import StrEnum

from pullsvc.db import Row, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls.actions import NoSuchPull
from pullsvc.restock import wrong_queries as queries
from pullsvc.restock.queries import LOOK_AGAIN_AT_ALL
from pullsvc.stock import actions as stock

NOT_THERE = "not_there"  # Reason of the counts asked for; until then the bin is not believed.
MAX_SHOWN = 200


class Wrong(StrEnum):
    """What was wrong with the pull; the same words as the CHECK on `pull_wrongs.kind`."""

    SHELF_FULL = "shelf_full"
    NOT_THERE = "not_there"
    WRONG_CAPACITY = "wrong_capacity"


class NotOfTheWatch(Rejection):
    """People asked for the pull; there is nothing that the watch could learn of it."""

    kind = Kind.CONFLICT
    code = "not-a-pull-of-the-watch"
    title = "The watch did not ask for this pull."


class HowMany(Rejection):
    """Without a number nothing can be learnt."""

    kind = Kind.INVALID
    code = "seen-qty-missing"
    title = "Say how many eaches it is."


class NoSuchDelivery(Rejection):
    """The delivery is not expected in this store."""

    kind = Kind.NOT_FOUND
    code = "no-such-delivery"
    title = "There is no such expected delivery here."


async def tell_wrong(tx: Tx, stamp: Stamp, *, pull_id: int, kind: Wrong, seen_qty: int | None, note: str | None) -> Row:
    """Record that a pull of the watch was wrong, and believe it.

    The shelf was full: its book is set to `seen_qty`, or to what fits. Not there: every bin of the item is to be
    counted, and the watch reckons with none of it before. Wrong capacity: `seen_qty` fit; if that is less than the
    placement says, the watch goes by it until somebody sets the placement right.

    Raises:
        NoSuchPull: there is none.
        NotOfTheWatch: people asked for it.
        HowMany: the capacity is wrong, and nobody says what it is.
    """
    pull = await tx.row(queries.PULL, store_id=stamp.store_id, pull_id=pull_id)
    if pull is None:
        raise NoSuchPull(f"Pull {pull_id} does not exist.")
    if not pull.of_the_watch:
        raise NotOfTheWatch("Only pulls that the watch asked for can be wrong in this way.", pull_id=pull_id)
    if kind is Wrong.WRONG_CAPACITY and not seen_qty:
        raise HowMany("Send as seen_qty how many eaches fit on the shelf.")
    if kind is Wrong.SHELF_FULL:
        full = seen_qty if seen_qty is not None else pull.capacity
        if full is None:
            raise HowMany("The item has no place there any more; send as seen_qty what stands there.")
        await stock.count(tx, stamp, sku=pull.sku, location=pull.shelf, counted_qty=full)
    elif kind is Wrong.NOT_THERE:
        for row in await tx.rows(queries.BINS, store_id=stamp.store_id, sku=pull.sku):
            await stock.request_count(tx, stamp, sku=pull.sku, location=row.location, reason=NOT_THERE)
    told = await tx.one(
        queries.TELL,
        store_id=stamp.store_id,
        pull_id=pull_id,
        sku=pull.sku,
        shelf=pull.shelf,
        kind=kind.value,
        seen_qty=seen_qty,
        note=note,
        principal_id=stamp.principal_id,
        now=stamp.now,
    )
    await tx.run(queries.LOOK_AGAIN, store_id=stamp.store_id, sku=pull.sku, now=stamp.now)
    facts = {"pull_id": pull_id, "sku": pull.sku, "kind": kind.value, "seen_qty": seen_qty}
    append(tx, stamp, "watch.wrong", told.wrong_id, facts)
    return told


async def wrongs(tx: Tx, *, store_id: int, pull_id: int | None, sku: str | None) -> list[Row]:
    """Return what was said, of a pull or an item if named; the newest first, at most MAX_SHOWN."""
    return await tx.rows(queries.WRONGS, store_id=store_id, pull_id=pull_id, sku=sku, limit=MAX_SHOWN)


async def expect(tx: Tx, stamp: Stamp, *, reference: str, due_at: datetime) -> Row:
    """Write down when a delivery is expected, or when it is now; those of a month ago are forgotten.

    One that has arrived is expected anew by another time after its arrival; said once more as it was, it stays arrived.
    """
    row = await tx.one(queries.EXPECT, store_id=stamp.store_id, reference=reference, due_at=due_at, now=stamp.now)
    append(tx, stamp, "delivery.expected", reference, {"due_at": due_at.isoformat()})
    return row


async def arrive(tx: Tx, stamp: Stamp, *, reference: str) -> Row:
    """Write down that a delivery has arrived and been unloaded; every shelf is looked at again at the next run.

    Repeated, the first time stays.

    Raises:
        NoSuchDelivery: nobody expected it.
    """
    row = await tx.row(queries.ARRIVE, store_id=stamp.store_id, reference=reference, now=stamp.now)
    if row is None:
        raise NoSuchDelivery(f"Unknown here: {reference}.", reference=reference)
    await tx.run(LOOK_AGAIN_AT_ALL, store_id=stamp.store_id, now=stamp.now)
    append(tx, stamp, "delivery.arrived", reference)
    return row


async def deliveries(tx: Tx, *, store_id: int) -> list[Row]:
    """Return the deliveries that are expected, and those that arrived last, at most MAX_SHOWN."""
    return await tx.rows(queries.DELIVERIES, store_id=store_id, limit=MAX_SHOWN)
