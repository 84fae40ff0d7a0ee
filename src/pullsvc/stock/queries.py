"""Balances, counts and discrepancies: looking, and the rows that `actions` keep beside the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pullsvc.db import Row, Tx, sql

MAX_BINS = 3  # As many as a person looks at.

BALANCES = sql("""
    SELECT b.sku, b.location, b.kind, b.qty, greatest(b.qty, 0) AS on_hand, greatest(-b.qty, 0) AS oversold,
           b.counted_at, b.updated_at, l.zone
    FROM balances b JOIN locations l USING (store_id, location)
    WHERE b.store_id = :store_id
      AND (CAST(:sku AS text) IS NULL OR b.sku = :sku)
      AND (CAST(:location AS text) IS NULL OR b.location = :location)
      AND (CAST(:kind AS text) IS NULL OR b.kind = :kind)
      AND (CAST(:after_sku AS text) IS NULL OR (b.sku, b.location) > (:after_sku, :after_location))
    ORDER BY b.sku, b.location
    LIMIT :limit
""")
MOVEMENTS = sql("""
    SELECT movement_id, sku, qty, from_location, to_location, cause, cause_id, reason, principal_id, occurred_at,
           recorded_at, day
    FROM movements
    WHERE store_id = :store_id
      AND (CAST(:sku AS text) IS NULL OR sku = :sku)
      AND (CAST(:before_day AS date) IS NULL OR (day, movement_id) < (:before_day, CAST(:before_id AS bigint)))
    ORDER BY day DESC, movement_id DESC
    LIMIT :limit
""")
# Makes the row if it is missing, and locks it: what follows in this transaction sees every movement before it.
LOCK_BALANCE = sql("""
    INSERT INTO balances AS b (store_id, sku, location, kind, qty, updated_at)
    SELECT :store_id, :sku, location, kind, 0, :now FROM locations
    WHERE store_id = :store_id AND location = :location AND kind <> 'lane'
    ON CONFLICT (store_id, sku, location) DO UPDATE SET updated_at = :now
    RETURNING qty, counted_at
""")
# Units that the books found to be there were there all along, so they do not count as moved since. Nothing happens
# after it was recorded: what a till whose clock runs ahead says of later was there to be counted.
_BOOK_AT = """
    SELECT b.sku, b.location, b.qty, b.counted_at, b.kind, b.qty - CAST(coalesce((
        SELECT sum(CASE WHEN m.to_location = b.location THEN m.qty ELSE -m.qty END)
        FROM movements m
        WHERE m.store_id = b.store_id AND m.sku = b.sku AND m.occurred_at > :since AND m.recorded_at > :since
          AND m.cause <> 'found' AND m.day >= CAST(:since_day AS date)
          AND b.location IN (m.from_location, m.to_location)), 0) AS integer) AS book_qty
    FROM balances b
"""
BOOK_AT = sql(_BOOK_AT + "WHERE b.store_id = :store_id AND b.sku = :sku AND b.location = :location")
BOOKS_AT = sql(
    _BOOK_AT
    + """
    JOIN unnest(CAST(:skus AS text[]), CAST(:locations AS text[])) AS c(sku, location) USING (sku, location)
    WHERE b.store_id = :store_id
"""
)
HOLD_COUNTED = sql("""
    UPDATE balances
    SET counted_at = :counted_at, flagged_at = CASE WHEN qty <= trigger_qty THEN :now ELSE flagged_at END
    WHERE store_id = :store_id AND sku = :sku AND location = :location
""")
REQUEST_COUNT = sql("""
    INSERT INTO counts (store_id, location, sku, state, reason, requested_at, requested_by)
    VALUES (:store_id, :location, :sku, 'requested', :reason, :now, :principal_id)
    ON CONFLICT (store_id, location, sku) WHERE state = 'requested' DO NOTHING
    RETURNING count_id
""")
TAKE_REQUEST = sql("""
    SELECT count_id FROM counts
    WHERE store_id = :store_id AND location = :location AND sku = :sku AND state = 'requested' FOR UPDATE
""")
NEW_COUNT = sql("SELECT nextval(pg_get_serial_sequence('counts', 'count_id')) AS count_id")
WRITE_COUNT = sql("""
    INSERT INTO counts AS c (store_id, count_id, location, sku, state, reason, requested_at, requested_by,
                             counted_at, counted_by, counted_qty, book_qty, variance)
    VALUES (:store_id, :count_id, :location, :sku, :state, :reason, :now, :principal_id,
            :counted_at, :principal_id, :counted_qty, :book_qty, :variance)
    ON CONFLICT (store_id, count_id) DO UPDATE
    SET state = excluded.state, counted_at = excluded.counted_at, counted_by = excluded.counted_by,
        counted_qty = excluded.counted_qty, book_qty = excluded.book_qty, variance = excluded.variance
    RETURNING c.count_id, c.location, c.sku, c.state, c.reason, c.requested_at, c.counted_at, c.counted_qty,
              c.book_qty, c.variance
""")
# What a handheld needs to know an item by its scan when there is no network.
_CODES = """
    (SELECT coalesce(jsonb_agg(jsonb_build_object('code', c.code, 'pack_qty', c.pack_qty) ORDER BY c.code), '[]')
     FROM barcodes c WHERE c.store_id = i.store_id AND c.sku = i.sku) AS barcodes
"""
COUNTS = sql(f"""
    SELECT c.count_id, c.location, c.sku, c.state, c.reason, c.requested_at, c.counted_at, c.counted_qty, c.book_qty,
           c.variance, i.description, i.department, i.case_pack, l.zone, l.walk_seq, {_CODES}
    FROM counts c JOIN items i USING (store_id, sku) JOIN locations l USING (store_id, location)
    WHERE c.store_id = :store_id AND (CAST(:state AS text) IS NULL OR c.state = :state)
      AND (CAST(:after_id AS bigint) IS NULL OR c.count_id > :after_id)
    ORDER BY c.count_id LIMIT :limit
""")
_BINS = """
    SELECT b.location, l.zone, l.walk_seq, b.qty FROM balances b JOIN locations l USING (store_id, location)
    WHERE b.store_id = {item}.store_id AND b.sku = {item}.sku AND b.kind = 'backroom' AND l.active
    ORDER BY b.qty DESC, l.walk_seq, b.location LIMIT CAST(:max_bins AS integer)
"""
BACKSTOCK = sql(f"""
    SELECT waits.location, waits.sku, waits.qty, i.description, i.department, i.case_pack, {_CODES},
           (SELECT coalesce(jsonb_agg(to_jsonb(own) ORDER BY own.qty DESC, own.walk_seq, own.location), '[]')
            FROM ({_BINS.format(item="waits")}) own) AS bins
    FROM locations r JOIN balances waits USING (store_id, location) JOIN items i USING (store_id, sku)
    WHERE r.store_id = :store_id AND r.kind = 'receiving' AND waits.qty > 0
      AND (CAST(:after_location AS text) IS NULL OR (waits.location, waits.sku) > (:after_location, :after_sku))
    ORDER BY waits.location, waits.sku LIMIT :limit
""")
BINS_OF_ITEM = sql(
    f"WITH w AS (SELECT CAST(:store_id AS integer) AS store_id, CAST(:sku AS text) AS sku) SELECT own.* "
    f"FROM w CROSS JOIN LATERAL ({_BINS.format(item='w')}) own"
)
STANDING = sql("""
    SELECT b.location, b.qty FROM balances b
    WHERE b.store_id = :store_id AND b.sku = :sku AND b.kind = 'receiving' AND b.qty > 0
    ORDER BY b.qty DESC, b.location
""")
# Bins without anything in them, those first in whose zone most of the department lies.
FREE_BINS = sql("""
    WITH near AS (
        SELECT l.zone, count(*) AS items
        FROM items i JOIN balances b USING (store_id, sku) JOIN locations l USING (store_id, location)
        WHERE i.store_id = :store_id AND i.department = :department AND b.kind = 'backroom' AND b.qty > 0
        GROUP BY l.zone
    )
    SELECT l.location, l.zone, l.walk_seq, 0 AS qty FROM locations l LEFT JOIN near USING (zone)
    WHERE l.store_id = :store_id AND l.kind = 'backroom' AND l.active AND NOT EXISTS (
        SELECT 1 FROM balances b WHERE b.store_id = l.store_id AND b.location = l.location AND b.qty <> 0)
    ORDER BY near.items DESC NULLS LAST, l.walk_seq, l.location LIMIT CAST(:max_bins AS integer)
""")
DISCREPANCIES = sql("""
    SELECT discrepancy_id, kind, sku, location, qty, times, state, cause, cause_id, opened_at, closed_at, resolution
    FROM discrepancies
    WHERE store_id = :store_id AND (CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:after_id AS bigint) IS NULL OR discrepancy_id > :after_id)
    ORDER BY discrepancy_id LIMIT :limit
""")
OPEN_DISCREPANCY = sql("""
    INSERT INTO discrepancies AS d (store_id, kind, sku, location, qty, state, cause, cause_id, opened_at)
    VALUES (:store_id, :kind, :sku, :location, :qty, 'open', :cause, :cause_id, :now)
    ON CONFLICT (store_id, sku, location, kind) WHERE state = 'open'
    DO UPDATE SET qty = d.qty + excluded.qty, times = d.times + 1
""")
CLOSE_DISCREPANCY = sql("""
    UPDATE discrepancies SET state = 'closed', closed_at = :now, resolution = :resolution
    WHERE store_id = :store_id AND discrepancy_id = :discrepancy_id AND state = 'open'
    RETURNING discrepancy_id, kind, sku, location, qty, times, state, cause, cause_id, opened_at, closed_at, resolution
""")
# Not beside a newer one of the same: there it has gone on.
REOPEN_DISCREPANCY = sql("""
    UPDATE discrepancies d SET state = 'open', closed_at = NULL, resolution = NULL
    WHERE store_id = :store_id AND discrepancy_id = :discrepancy_id AND state = 'closed' AND closed_at >= :since
      AND NOT EXISTS (SELECT 1 FROM discrepancies o WHERE o.store_id = d.store_id AND o.sku = d.sku
                      AND o.location = d.location AND o.kind = d.kind AND o.state = 'open')
    RETURNING discrepancy_id, kind, sku, location, qty, times, state, cause, cause_id, opened_at, closed_at, resolution
""")
COUNTED_CLOSES = sql("""
    UPDATE discrepancies SET state = 'closed', closed_at = :now, resolution = 'counted'
    WHERE store_id = :store_id AND sku = :sku AND location = :location AND state = 'open' AND kind <> 'variance'
""")
# The flag goes only if the book is still the one that was looked at: a sale in between is looked at again. Rows that
# stay as they are, which are most, are neither locked nor written.
SET_TRIGGERS = sql("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:locations AS text[]), CAST(:trigger_qtys AS integer[]),
                             CAST(:seen_qtys AS integer[])) AS g(sku, location, trigger_qty, seen_qty)
    ),
    held AS MATERIALIZED (
        SELECT b.sku, b.location, g.trigger_qty, g.seen_qty
        FROM balances b JOIN given g USING (sku, location)
        WHERE b.store_id = :store_id AND (b.trigger_qty IS DISTINCT FROM g.trigger_qty OR b.flagged_at IS NOT NULL)
        ORDER BY b.sku, b.location FOR NO KEY UPDATE OF b
    ),
    missing AS (
        INSERT INTO balances AS b (store_id, sku, location, kind, qty, trigger_qty, updated_at)
        SELECT :store_id, g.sku, g.location, l.kind, 0, g.trigger_qty, :now
        FROM given g JOIN locations l ON l.store_id = :store_id AND l.location = g.location AND l.kind = 'shelf'
        WHERE g.trigger_qty IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM balances o WHERE o.store_id = :store_id AND o.sku = g.sku AND o.location = g.location)
        ORDER BY g.sku, g.location
        ON CONFLICT (store_id, sku, location) DO UPDATE SET trigger_qty = excluded.trigger_qty, flagged_at = :now
    )
    UPDATE balances b
    SET trigger_qty = h.trigger_qty,
        flagged_at = CASE WHEN b.qty <> h.seen_qty AND b.qty <= h.trigger_qty
                          THEN coalesce(b.flagged_at, :now) END
    FROM held h WHERE b.store_id = :store_id AND b.sku = h.sku AND b.location = h.location
""")


async def balances(
    tx: Tx,
    *,
    store_id: int,
    sku: str | None,
    location: str | None,
    kind: str | None,
    after: tuple[str | None, str | None],
    limit: int,
) -> list[Row]:
    """Return balances by item and location, after the given key."""
    return await tx.rows(
        BALANCES,
        store_id=store_id,
        sku=sku,
        location=location,
        kind=kind,
        after_sku=after[0],
        after_location=after[1],
        limit=limit,
    )


async def book_at(tx: Tx, *, store_id: int, sku: str, location: str, at: datetime, now: datetime) -> Row | None:
    """Lock the balance and return its present qty, its book as of `at` and its last count; None: no such place."""
    held = await tx.row(LOCK_BALANCE, store_id=store_id, sku=sku, location=location, now=now)
    if held is None:
        return None
    return await held_book_at(tx, store_id=store_id, sku=sku, location=location, at=at)


async def held_book_at(tx: Tx, *, store_id: int, sku: str, location: str, at: datetime) -> Row | None:
    """Return the same of a balance that the caller has locked; None: there is none."""
    return await tx.row(BOOK_AT, store_id=store_id, sku=sku, location=location, **_since(at))


def _since(at: datetime) -> dict[str, object]:
    # What happened later is filed no earlier, even by a till whose clock runs ahead: so few partitions are planned for.
    return {"since": at, "since_day": at.astimezone(UTC).date() - timedelta(days=1)}


async def books_at(
    tx: Tx, *, store_id: int, skus: Sequence[str], locations: Sequence[str], at: datetime
) -> dict[tuple[str, str], Row]:
    """Return the same of many locked balances, by sku and location."""
    rows = await tx.rows(BOOKS_AT, store_id=store_id, skus=skus, locations=locations, **_since(at))
    return {(row.sku, row.location): row for row in rows}


async def bins_for(tx: Tx, *, store_id: int, sku: str, department: str) -> list[Row]:
    """Return where units of the item go in the backroom, best first: where it lies or lay; else where nothing lies."""
    own = await tx.rows(BINS_OF_ITEM, store_id=store_id, sku=sku, max_bins=MAX_BINS)
    return own or await tx.rows(FREE_BINS, store_id=store_id, department=department, max_bins=MAX_BINS)


async def request_counts(
    tx: Tx, *, store_id: int, places: Sequence[tuple[str, str]], reason: str, now: datetime, principal_id: int | None
) -> list[int]:
    """Ask for a count at each (location, sku) that has none requested yet; return the new ones' ids."""
    made = []
    for location, sku in places:
        row = await tx.row(
            REQUEST_COUNT,
            store_id=store_id,
            location=location,
            sku=sku,
            reason=reason,
            now=now,
            principal_id=principal_id,
        )
        if row:
            made.append(row.count_id)
    return made


async def set_triggers(
    tx: Tx, *, store_id: int, rows: Sequence[tuple[str, str, int | None, int]], now: datetime
) -> None:
    """Set from which book on these shelves are to be looked at, and take down the flags of what has been.

    Args:
        tx: The transaction.
        store_id: The store.
        rows: (sku, shelf, trigger_qty, the book that was looked at); trigger None: nobody watches it any more. A
            shelf that never held the item gets a balance of 0.
        now: The time that a shelf whose book has met its trigger meanwhile is flagged with.
    """
    skus, locations, trigger_qtys, seen_qtys = zip(*rows, strict=True) if rows else ((), (), (), ())
    await tx.run(
        SET_TRIGGERS,
        store_id=store_id,
        skus=list(skus),
        locations=list(locations),
        trigger_qtys=list(trigger_qtys),
        seen_qtys=list(seen_qtys),
        now=now,
    )
