"""Count many places at once: the opening stock of a store, or everything that stands in a location."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.db import Tx, sql
from pullsvc.outbox.actions import Stamp, append
from pullsvc.stock import actions, queries
from pullsvc.stock.rules import CountedTwice, NoSuchLocation, variance_leg

MAX_COUNTS_A_CALL = 2_000

# Makes the rows that are missing and locks them all in the ledger's order.
LOCK_BALANCES = sql("""
INSERT INTO balances AS b (store_id, sku, location, kind, qty, updated_at)
SELECT :store_id, c.sku, l.location, l.kind, 0, :now
FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[])) AS c(sku, location)
JOIN locations l ON l.store_id = :store_id AND l.location = c.location AND l.kind <> 'lane'
ORDER BY c.sku, l.location
ON CONFLICT (store_id, sku, location) DO UPDATE SET updated_at = excluded.updated_at
RETURNING b.sku, b.location
""")
WRITE_COUNTS = sql("""
WITH counted AS (
    SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:qtys AS integer[]),
                         CAST(:books AS integer[]), CAST(:states AS text[])) AS c(sku, location, qty, book, state)
),
answered AS (
    UPDATE counts t SET state = c.state, counted_at = :now, counted_by = CAST(:principal_id AS bigint),
        counted_qty = c.qty, book_qty = c.book, variance = c.qty - c.book
    FROM counted c
    WHERE t.store_id = :store_id AND t.sku = c.sku AND t.location = c.location AND t.state = 'requested'
    RETURNING t.sku, t.location
),
added AS (
    INSERT INTO counts (store_id, location, sku, state, reason, requested_at, requested_by, counted_at, counted_by,
                        counted_qty, book_qty, variance)
    SELECT :store_id, location, sku, state, :reason, :now, :principal_id, :now, :principal_id, qty, book, qty - book
    FROM counted WHERE (sku, location) NOT IN (SELECT sku, location FROM answered)
),
held AS (
    UPDATE balances b SET counted_at = :now
    FROM counted c WHERE b.store_id = :store_id AND b.sku = c.sku AND b.location = c.location AND c.state = 'done'
)
UPDATE discrepancies d SET state = 'closed', closed_at = :now, resolution = 'counted'
FROM counted c
WHERE d.store_id = :store_id AND d.sku = c.sku AND d.location = c.location AND d.state = 'open'
  AND d.kind <> 'variance' AND c.state = 'done'
""")


@dataclass(frozen=True, slots=True)
class Counted:
    """Eaches of an item that stand at a location now."""

    sku: str
    location: str
    qty: int


async def count_all(tx: Tx, stamp: Stamp, counted: Sequence[Counted], *, reason: str) -> int:
    """Make the books say what was counted just now, in a fixed number of statements; returns how many differed.

    Unlike a single count these are taken as of the moment they arrive, so the device must be online. Where another
    count was quicker, and is newer by now, a place keeps that one.

    Args:
        counted: At most MAX_COUNTS_A_CALL.
        reason: Kept with each count, e.g. `opening`.
    Raises:
        CountedTwice: an item is named twice at one location.
        NoSuchLocation, WrongKindOfPlace: a location does not exist, cannot hold units or is a tub; nothing is changed.
    """
    if len(counted) > MAX_COUNTS_A_CALL:
        raise ValueError("too many counts")
    if twice := [place for place, times in Counter((c.sku, c.location) for c in counted).items() if times > 1]:
        named = ", ".join(f"{sku} at {location}" for sku, location in twice[:20])
        raise CountedTwice(f"Counted twice: {named}. Send what stands there in all.", items=[sku for sku, _ in twice])
    skus, places = [c.sku for c in counted], [c.location for c in counted]
    await tx.run(LOCK_BALANCES, store_id=stamp.store_id, skus=skus, locations=places, now=stamp.now)
    books = await queries.books_at(tx, store_id=stamp.store_id, skus=skus, locations=places, at=stamp.now)
    newer = {place for place, book in books.items() if book.counted_at and book.counted_at > stamp.now}
    if unknown := sorted({c.location for c in counted if (c.sku, c.location) not in books}):
        raise NoSuchLocation(f"Unknown here: {', '.join(unknown[:20])}.", locations=unknown)
    actions.refuse_tubs(books.values())
    legs = [
        leg
        for c in counted
        if (c.sku, c.location) not in newer
        and (leg := variance_leg(sku=c.sku, location=c.location, counted_qty=c.qty,
                                book_qty=books[c.sku, c.location].book_qty, count_id=0))
    ]  # fmt: skip
    await actions.move(tx, stamp, legs)
    await tx.run(
        WRITE_COUNTS,
        store_id=stamp.store_id,
        skus=skus,
        locations=places,
        qtys=[c.qty for c in counted],
        books=[books[c.sku, c.location].book_qty for c in counted],
        states=["superseded" if (c.sku, c.location) in newer else "done" for c in counted],
        principal_id=stamp.principal_id,
        reason=reason,
        now=stamp.now,
    )
    append(tx, stamp, "stock.batch_counted", reason, {"counts": len(counted), "differed": len(legs)})
    return len(legs)
