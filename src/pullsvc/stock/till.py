"""What passes the tills: the ledger's leaner statement for units that leave the store, or come back into it.

It does what `ledger.MOVE` does for such movements, and half as much work for each: a shelf or the cart of returns is
never short of units, so nothing is found; and what all legs of a book come to is added up before they are sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from pullsvc.db import Tx, array_of_numbers, array_of_texts, sql
from pullsvc.errors import Busy
from pullsvc.outbox.actions import Stamp
from pullsvc.stock.rules import Cause, NoSuchLocation, Passage

# `book` has one row for each book that changes, in the order (store, sku, location) in which every transaction locks;
# `leg` has the movements, each with the number of its book and of the moment that it shares store, signature, cause and
# time with. LATERAL with LIMIT holds the planner to the primary key and to that order, however many rows it expects.
PASS = sql("""
WITH book AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(CAST(:book_stores AS text) AS integer[]), CAST(CAST(:book_skus AS text) AS text[]),
        CAST(CAST(:book_locations AS text) AS text[]), CAST(CAST(:book_changes AS text) AS integer[]),
        CAST(CAST(:earliest AS text) AS timestamptz[]), CAST(CAST(:book_cause_ids AS text) AS text[])
    ) WITH ORDINALITY AS b(store_id, sku, location, change, earliest, cause_id, n)
),
leg AS MATERIALIZED (
    SELECT book, sku, location, change, cause,
           (SELECT CAST(CAST(:stores AS text) AS integer[]))[moment] AS store_id,
           (SELECT CAST(CAST(:principals AS text) AS bigint[]))[moment] AS principal_id,
           (SELECT CAST(CAST(:cause_ids AS text) AS text[]))[moment] AS cause_id,
           (SELECT CAST(CAST(:occurred AS text) AS timestamptz[]))[moment] AS occurred_at
    FROM unnest(
        CAST(CAST(:books AS text) AS integer[]), CAST(CAST(:moments AS text) AS integer[]),
        CAST(CAST(:skus AS text) AS text[]), CAST(CAST(:locations AS text) AS text[]),
        CAST(CAST(:changes AS text) AS integer[]), CAST(CAST(:causes AS text) AS text[])
    ) AS l(book, moment, sku, location, change, cause)
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
          SELECT book, sku, location, -change, 'absorbed', store_id, principal_id, cause_id, occurred_at, '@adjusted'
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


async def pass_tills(tx: Tx, passed: Sequence[tuple[Stamp, Passage]]) -> None:
    """Book units that left over the tills or came back, of many acts and stores; one statement, none for no units.

    Facts, so nothing is refused for its quantity: a shelf goes below zero and is shown as oversold. A fact older than
    the location's last count leaves its book as it is. All are recorded at the latest moment among the stamps.

    Raises:
        NoSuchLocation: units went by a place that is no shelf and no place for returns.
        Busy: a count made the first book of a place at the same moment.
    """
    moments, books = _books(passed)
    if not books:
        return
    now = max([stamp.now for stamp, _ in passed])
    keys = sorted(books)  # In the order of the locks; it also keeps writes to one page together.
    ordered = [books[key] for key in keys]
    result = await tx.one(
        PASS,
        now=now,
        day=now.date(),
        **_moment_columns(moments),
        **_leg_columns(ordered),
        **_book_columns(keys, ordered),
    )
    if result.books < len(books):
        raise NoSuchLocation(
            "A location is no shelf of its store, or is gone.", locations=sorted({location for *_, location in keys})
        )
    if result.overtaken:
        raise Busy("The place was counted for the first time at the same moment; send the request again.")


_Moment = tuple[int, int | None, str, datetime]
"""What all legs of a passage at one moment have in common: store, principal, cause_id, occurred_at."""

_Leg = tuple[int, str, str, int, Cause]
"""Number of its moment from 1, sku, location, change of the book, cause."""

_BookKey = tuple[int, str, str]
"""Store, sku, location."""


@dataclass(slots=True)
class _Book:
    """A book that changes.

    Attributes:
        change: Of all legs together, in eaches.
        earliest: When the earliest of them happened.
        cause_id: The cause of the first.
        legs: The movements.
    """

    change: int
    earliest: datetime
    cause_id: str
    legs: list[_Leg]


def _books(passed: Sequence[tuple[Stamp, Passage]]) -> tuple[list[_Moment], dict[_BookKey, _Book]]:
    """Return the moments of the passages, and the books that they change, each with its legs."""
    moments: list[_Moment] = []
    books: dict[_BookKey, _Book] = {}
    for stamp, (cause_id, flows) in passed:
        store_id, moment = stamp.store_id, None
        for (sku, cause, location, occurred_at), qty in flows.items():
            if occurred_at != moment:
                moment = occurred_at
                moments.append((store_id, stamp.principal_id, cause_id, occurred_at))
            change = -qty if cause is Cause.SALE else qty
            leg = len(moments), sku, location, change, cause
            book = books.get(key := (store_id, sku, location))
            if book is None:
                books[key] = _Book(change, occurred_at, cause_id, [leg])
            else:
                book.change += change
                book.earliest = min(book.earliest, occurred_at)
                book.legs.append(leg)
    return moments, books


def _moment_columns(moments: Sequence[_Moment]) -> dict[str, str]:
    """Return the moments as parameters of PASS."""
    stores, principals, cause_ids, occurred = zip(*moments, strict=True)
    return {
        "stores": array_of_numbers(stores),
        "principals": array_of_texts(
            [None if principal_id is None else str(principal_id) for principal_id in principals]
        ),
        "cause_ids": array_of_texts(cause_ids),
        "occurred": _written_out(occurred),
    }


def _leg_columns(books: Sequence[_Book]) -> dict[str, str]:
    """Return the legs as parameters of PASS, each with the number of its book."""
    of_books = [book.legs for book in books]
    moments, skus, locations, changes, causes = zip(*chain.from_iterable(of_books), strict=True)
    return {
        "books": array_of_numbers([number for number, legs in enumerate(of_books, start=1) for _ in legs]),
        "moments": array_of_numbers(moments),
        "skus": array_of_texts(skus),
        "locations": array_of_texts(locations),
        "changes": array_of_numbers(changes),
        "causes": array_of_texts(causes),
    }


def _book_columns(keys: Sequence[_BookKey], books: Sequence[_Book]) -> dict[str, str]:
    """Return the books as parameters of PASS."""
    stores, skus, locations = zip(*keys, strict=True)
    return {
        "book_stores": array_of_numbers(stores),
        "book_skus": array_of_texts(skus),
        "book_locations": array_of_texts(locations),
        "book_changes": array_of_numbers([book.change for book in books]),
        "earliest": _written_out([book.earliest for book in books]),
        "book_cause_ids": array_of_texts([book.cause_id for book in books]),
    }


def _written_out(moments: Sequence[datetime]) -> str:
    """Return the text of an array of moments of which many are the same: each is written out but once."""
    written = {moment: str(moment) for moment in set(moments)}
    return array_of_texts(list(map(written.__getitem__, moments)))
