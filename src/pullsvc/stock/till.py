"""What passes the tills: the ledger's leaner statement for units that leave the store, or come back into it.

It does what `ledger.MOVE` does for such movements, and half as much work for each: a shelf or the cart of returns is
never short of units, so nothing is found; and what all legs of a book come to is added up before they are sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from pullsvc.db import Tx, array_of_numbers, array_of_texts, sql
from pullsvc.errors import Busy
from pullsvc.outbox.actions import Stamp
from pullsvc.stock.rules import NoSuchLocation, TillLeg

# `book` has one row for each book that changes, in the order (store, sku, location) in which every transaction locks;
# `leg` has the movements, each with the number of its book. LATERAL with LIMIT holds the planner to the primary key and
# to that order, however many rows it expects.
PASS = sql("""
WITH book AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(CAST(:book_stores AS text) AS integer[]), CAST(CAST(:book_skus AS text) AS text[]),
        CAST(CAST(:book_locations AS text) AS text[]), CAST(CAST(:book_changes AS text) AS integer[]),
        CAST(CAST(:earliest AS text) AS timestamptz[]), CAST(CAST(:book_cause_ids AS text) AS text[])
    ) WITH ORDINALITY AS b(store_id, sku, location, change, earliest, cause_id, n)
),
leg AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(CAST(:books AS text) AS integer[]), CAST(CAST(:stores AS text) AS integer[]),
        CAST(CAST(:principals AS text) AS bigint[]), CAST(CAST(:skus AS text) AS text[]),
        CAST(CAST(:locations AS text) AS text[]), CAST(CAST(:changes AS text) AS integer[]),
        CAST(CAST(:causes AS text) AS text[]), CAST(CAST(:cause_ids AS text) AS text[]),
        CAST(CAST(:occurred AS text) AS timestamptz[])
    ) AS l(book, store_id, principal_id, sku, location, change, cause, cause_id, occurred_at)
),
held AS MATERIALIZED (
    SELECT book.*, h.counted_at
    FROM (SELECT * FROM book ORDER BY store_id, sku, location) book
    CROSS JOIN LATERAL (
        SELECT counted_at FROM balances b
        WHERE b.store_id = book.store_id AND b.sku = book.sku AND b.location = book.location
        LIMIT 1 FOR NO KEY UPDATE) h
),
-- A fact from before the last count is in that count already: it is written down, and taken back at once. Not a join:
-- a plan made for few legs would walk through all books for each leg, where nearly always none has a late one.
absorbed AS MATERIALIZED (
    SELECT * FROM leg
    WHERE book = ANY (ARRAY(SELECT n FROM held WHERE earliest <= counted_at))
      AND occurred_at <= (SELECT counted_at FROM held WHERE n = leg.book)
),
taken_back AS (SELECT book, CAST(sum(change) AS integer) AS change FROM absorbed GROUP BY book),
written AS (
    INSERT INTO movements (store_id, day, sku, qty, from_location, to_location, cause, cause_id, principal_id,
                           occurred_at, recorded_at)
    SELECT store_id, CAST(:day AS date), sku, abs(change), CASE WHEN change < 0 THEN location ELSE outside END,
           CASE WHEN change < 0 THEN outside ELSE location END, cause, cause_id, principal_id, occurred_at,
           CAST(:now AS timestamptz)
    FROM (SELECT *, CASE cause WHEN 'sale' THEN '@sold' ELSE '@returned' END AS outside FROM leg
          UNION ALL
          SELECT book, store_id, principal_id, sku, location, -change, 'absorbed', cause_id, occurred_at, '@adjusted'
          FROM absorbed) moved
),
updated AS (
    UPDATE balances b
    SET qty = b.qty + h.change - coalesce(t.change, 0), updated_at = CAST(:now AS timestamptz),
        flagged_at = CASE WHEN b.qty + h.change - coalesce(t.change, 0) <= b.trigger_qty
                          THEN coalesce(b.flagged_at, CAST(:now AS timestamptz)) ELSE b.flagged_at END
    FROM held h LEFT JOIN taken_back t ON t.book = h.n
    WHERE b.store_id = h.store_id AND b.sku = h.sku AND b.location = h.location
    RETURNING b.store_id, b.sku, b.location, b.kind, b.qty, h.change, h.cause_id
),
made AS (
    INSERT INTO balances AS b (store_id, sku, location, kind, qty, updated_at)
    SELECT store_id, book.sku, location, l.kind, book.change, CAST(:now AS timestamptz)
    FROM book JOIN locations l USING (store_id, location)
    WHERE book.n NOT IN (SELECT n FROM held) AND l.kind IN ('shelf', 'receiving')
    ORDER BY store_id, book.sku, location
    ON CONFLICT (store_id, sku, location) DO UPDATE
    SET qty = b.qty + excluded.qty, updated_at = excluded.updated_at,
        flagged_at = CASE WHEN b.qty + excluded.qty <= b.trigger_qty THEN coalesce(b.flagged_at, excluded.updated_at)
                          ELSE b.flagged_at END
    RETURNING b.store_id, b.sku, b.location, b.kind, b.qty, b.counted_at
),
after_it AS (
    SELECT store_id, sku, location, kind, qty, change, cause_id FROM updated
    UNION ALL SELECT store_id, sku, location, kind, qty, qty, '' FROM made
),
oversold AS (
    INSERT INTO discrepancies AS d (store_id, kind, sku, location, qty, state, cause, cause_id, opened_at)
    SELECT store_id, 'oversold', sku, location, -qty, 'open', 'move', cause_id, CAST(:now AS timestamptz)
    FROM after_it WHERE kind = 'shelf' AND qty < 0
    ON CONFLICT (store_id, sku, location, kind) WHERE state = 'open'
    DO UPDATE SET qty = excluded.qty, times = d.times + 1
),
relieved AS MATERIALIZED (
    SELECT a.store_id, open.discrepancy_id
    FROM after_it a CROSS JOIN LATERAL (
        SELECT d.discrepancy_id FROM discrepancies d
        WHERE d.store_id = a.store_id AND d.sku = a.sku AND d.location = a.location AND d.kind = 'oversold'
          AND d.state = 'open' LIMIT 1) open
    WHERE a.qty >= 0 AND a.change > 0
),
covered AS (
    UPDATE discrepancies d SET state = 'closed', closed_at = CAST(:now AS timestamptz), resolution = 'covered'
    FROM relieved r WHERE d.store_id = r.store_id AND d.discrepancy_id = r.discrepancy_id AND d.state = 'open'
)
SELECT (SELECT count(*) FROM after_it) AS books,
       -- A count made the row at this very moment, so what it absorbs was not seen.
       EXISTS (SELECT 1 FROM made WHERE counted_at IS NOT NULL) AS overtaken
""")


async def pass_tills(tx: Tx, passed: Sequence[tuple[Stamp, TillLeg]]) -> None:
    """Book units that left over the tills or came back, of many acts and stores; one statement, none for no legs.

    Facts, so nothing is refused for its quantity: a shelf goes below zero and is shown as oversold. A fact older than
    the location's last count leaves its book as it is. All are recorded at the latest moment among the stamps.

    Raises:
        NoSuchLocation: a leg names a place that is no shelf and no place for returns.
        Busy: a count made the first book of a place at the same moment.
    """
    if not passed:
        return
    rows = [(stamp.store_id, leg.sku, leg.location, stamp.principal_id, leg) for stamp, leg in passed]
    rows.sort(key=itemgetter(0, 1, 2))  # In the order of the locks; it also keeps writes to one page together.
    books = _Books()
    numbers = [books.add((store_id, sku, place), leg) for store_id, sku, place, _, leg in rows]
    now = max(stamp.now for stamp, _ in passed)
    result = await tx.one(PASS, now=now, day=now.date(), **_leg_columns(rows, numbers), **books.columns())
    if result.books < len(books.places):
        places = sorted({place for _, _, place in books.places})
        raise NoSuchLocation("A location is no shelf of its store, or is gone.", locations=places)
    if result.overtaken:
        raise Busy("The place was counted for the first time at the same moment; send the request again.")


def _leg_columns(rows: Sequence[tuple[int, str, str, int | None, TillLeg]], numbers: Sequence[int]) -> dict[str, str]:
    """Return the legs as parameters of PASS, each with the number of its book."""
    stores, skus, locations, principals, legs = zip(*rows, strict=True)
    return {
        "books": array_of_numbers(numbers),
        "stores": array_of_numbers(stores),
        "principals": array_of_texts([None if one is None else str(one) for one in principals]),
        "skus": array_of_texts(skus),
        "locations": array_of_texts(locations),
        "changes": array_of_numbers([leg.change for leg in legs]),
        "causes": array_of_texts([leg.cause for leg in legs]),
        "cause_ids": array_of_texts([leg.cause_id for leg in legs]),
        "occurred": _moments([leg.occurred_at for leg in legs]),
    }


def _moments(moments: Sequence[datetime]) -> str:
    """Return the text of an array of times; those of one receipt are the same, and writing a time out is slow."""
    written = {at: str(at) for at in set(moments)}
    return array_of_texts([written[at] for at in moments])


@dataclass(slots=True)
class _Books:
    """The books that change, in the order in which they were added: how much all legs together change each.

    Attributes:
        places: (store, sku, location) of each.
        changes: In eaches.
        earliest: When the earliest of its legs happened.
        cause_ids: The cause of its first leg.
    """

    places: list[tuple[int, str, str]] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    earliest: list[datetime] = field(default_factory=list)
    cause_ids: list[str] = field(default_factory=list)

    def add(self, place: tuple[int, str, str], leg: TillLeg) -> int:
        """Add a leg, those of one place one after the other; return the number of its book, counted from 1."""
        if not self.places or self.places[-1] != place:
            self.places.append(place)
            self.changes.append(leg.change)
            self.earliest.append(leg.occurred_at)
            self.cause_ids.append(leg.cause_id)
        else:
            self.changes[-1] += leg.change
            self.earliest[-1] = min(self.earliest[-1], leg.occurred_at)
        return len(self.places)

    def columns(self) -> dict[str, str]:
        """Return them as parameters of PASS."""
        return {
            "book_stores": array_of_numbers([place[0] for place in self.places]),
            "book_skus": array_of_texts([place[1] for place in self.places]),
            "book_locations": array_of_texts([place[2] for place in self.places]),
            "book_changes": array_of_numbers(self.changes),
            "earliest": _moments(self.earliest),
            "book_cause_ids": array_of_texts(self.cause_ids),
        }
