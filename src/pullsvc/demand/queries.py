"""What the levels are learnt from, read of many items at once, and what is learnt, in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

import numpy as np

from pullsvc.db import Row, Tx, sql
from pullsvc.demand.evidence import Cause, Evidence, Lines, Steps
from pullsvc.demand.horizon import Floats, Ints
from pullsvc.demand.hours import Calendar, Span
from pullsvc.demand.levels import COLUMNS, LAYOUT, Levels
from pullsvc.demand.profile import BINS, DAYS_IN_WEEK, KINDS, Profile


class Counting(Enum):
    """Whether all lines of the store are counted as well, and the count is written down."""

    NO = "no"
    YES = "yes"
    KEEP = "keep"


STORED = np.dtype("<f8")  # Numbers are kept as they are, byte by byte, so that nothing is rounded.

CALENDAR = sql("SELECT time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id")
# One learner at a time in a store: the second one waits here, and then finds nothing left to learn.
LOCK_CALENDAR = sql("""
    SELECT time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id FOR NO KEY UPDATE
""")
# What another version of the program has learnt in another layout is as good as nothing: it is learnt again.
RHYTHM = sql("""
    SELECT learnt_until, profile, lines_a_day, lines_today, counted_at FROM store_rhythms
    WHERE store_id = :store_id AND layout = :layout
""")
FIRST_DAY = sql("SELECT min(business_date) AS day FROM receipts WHERE store_id = :store_id")
ITEMS = sql("""
    SELECT sku, department FROM items
    WHERE store_id = :store_id AND (
        sku IN (SELECT sku FROM placements WHERE store_id = :store_id)
        OR sku IN (SELECT sku FROM sell_through WHERE store_id = :store_id)
        OR sku IN (SELECT sku FROM sale_lines WHERE store_id = :store_id AND business_date > :since
                   AND business_date <= :until))
    ORDER BY sku
""")
# What moved the book of each shelf since `starts`, after its opening, and the book after each, worked back from the
# present one by one walk; up to `ends`. The nothing of a shelf that nobody had ever booked units to is no knowledge, so
# it is shown as below zero.
STEPS = sql("""
    WITH shelves AS MATERIALIZED (
        SELECT k.n, b.sku, b.location, b.qty, b.counted_at, row_number() OVER (ORDER BY k.n, b.location) AS shelf
        FROM unnest(CAST(:skus AS text[])) WITH ORDINALITY AS k(sku, n)
        JOIN balances b ON b.store_id = :store_id AND b.sku = k.sku AND b.kind = 'shelf'
    ),
    moved AS (
        SELECT s.n, s.shelf, s.qty, m.occurred_at AS at, m.movement_id,
               CASE m.cause WHEN 'count' THEN CAST(:count AS integer) ELSE CAST(:other AS integer) END AS cause,
               CASE WHEN m.to_location = s.location THEN m.qty ELSE -m.qty END AS delta,
               s.sku, s.location, s.counted_at
        FROM shelves s JOIN movements m ON m.store_id = :store_id AND m.sku = s.sku
        WHERE m.day >= CAST(CAST(:starts AS timestamptz) AT TIME ZONE 'UTC' AS date) - 1
          AND m.occurred_at >= CAST(:starts AS timestamptz) AND s.location IN (m.from_location, m.to_location)
        UNION ALL
        SELECT n, shelf, qty, CAST(:starts AS timestamptz), 0, 0, 0, sku, location, counted_at FROM shelves
    ),
    booked AS (
        SELECT *, qty - coalesce(sum(delta) OVER (
                      PARTITION BY shelf ORDER BY cause = 0, at DESC, movement_id DESC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS moved_book
        FROM moved
    ),
    steps AS (
        SELECT n, shelf, at, movement_id, cause, delta,
               CASE WHEN cause = 0 AND moved_book = 0 THEN CASE
                   WHEN counted_at < CAST(:starts AS timestamptz)
                        OR EXISTS (SELECT 1 FROM movements m
                                   WHERE m.store_id = :store_id AND m.sku = booked.sku
                                     AND m.to_location = booked.location
                                     AND m.occurred_at < CAST(:starts AS timestamptz))
                        OR EXISTS (SELECT 1 FROM ledger_openings o WHERE o.store_id = :store_id
                                   AND o.sku = booked.sku AND o.location = booked.location)
                   THEN 0 ELSE -1 END
               ELSE moved_book END AS book
        FROM booked
    )
    SELECT array_agg(CAST(n - 1 AS integer) ORDER BY n, cause > 0, at, movement_id) AS item_rows,
           array_agg(CAST(shelf AS integer) ORDER BY n, cause > 0, at, movement_id) AS shelves,
           array_agg(CAST(extract(epoch FROM at - CAST(:starts AS timestamptz)) AS double precision)
                     ORDER BY n, cause > 0, at, movement_id) AS seconds,
           array_agg(cause ORDER BY n, cause > 0, at, movement_id) AS causes,
           array_agg(delta ORDER BY n, cause > 0, at, movement_id) AS deltas,
           array_agg(CAST(book AS integer) ORDER BY n, cause > 0, at, movement_id) AS books
    FROM steps WHERE at < CAST(:ends AS timestamptz)
""")
# A line is what one receipt sold of an item. Of the last days the ledger tells it, where those of an item are found at
# once, and what a correction took back is taken back. It files them by the day on which they were recorded, which may
# be the day before they happened when a till's clock is ahead.
_BY_LEDGER = """
    SELECT n, m.occurred_at, CAST(sum(CASE WHEN m.to_location = '@sold' THEN m.qty ELSE -m.qty END) AS integer) AS qty
    FROM items JOIN movements m USING (sku)
    WHERE m.store_id = :store_id AND m.cause = 'sale'
      AND m.day >= CAST(CAST(:starts AS timestamptz) AT TIME ZONE 'UTC' AS date) - 1
      AND m.occurred_at >= CAST(:starts AS timestamptz) AND m.occurred_at < CAST(:ends AS timestamptz)
    GROUP BY n, m.cause_id, m.occurred_at
    HAVING sum(CASE WHEN m.to_location = '@sold' THEN m.qty ELSE -m.qty END) > 0
"""
_BY_RECEIPTS = """
    SELECT n, r.occurred_at, CAST(sum(l.sold_qty) AS integer) AS qty
    FROM receipts r CROSS JOIN LATERAL unnest(r.skus, r.sold_qtys) AS l(sku, sold_qty) JOIN items USING (sku)
    WHERE r.store_id = :store_id AND r.business_date BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1
      AND r.occurred_at >= CAST(:starts AS timestamptz) AND r.occurred_at < CAST(:ends AS timestamptz)
      AND l.sold_qty > 0
    GROUP BY n, r.business_date, r.register, r.sequence, r.occurred_at
"""
# Somebody who counts an item on a shelf and finds it there is a line of nothing: a proof that it is there.
_SHOWN = """
    WITH {counted}items AS (SELECT * FROM unnest(CAST(:skus AS text[])) WITH ORDINALITY AS k(sku, n)),
    shown AS (
        {sold}
        UNION ALL
        SELECT n, counted_at, 0
        FROM items JOIN counts c USING (sku) JOIN locations USING (store_id, location)
        WHERE c.store_id = :store_id AND c.counted_at >= CAST(:starts AS timestamptz)
          AND c.counted_at < CAST(:ends AS timestamptz)
          AND c.state = 'done' AND c.counted_qty > 0 AND kind = 'shelf'
    )
    SELECT (SELECT array_agg(state ORDER BY n)
            FROM items LEFT JOIN sell_through s ON s.store_id = :store_id AND s.sku = items.sku AND s.layout = :layout
           ) AS states,
           array_agg(CAST(n - 1 AS integer)) AS item_rows,
           array_agg(CAST(extract(epoch FROM occurred_at - CAST(:starts AS timestamptz)) AS double precision))
               AS seconds,
           array_agg(qty) AS qtys,
           {lines} AS lines_sold
    FROM shown
"""
_LINES = """(
    SELECT CAST(coalesce(sum((
        SELECT count(DISTINCT sku) FROM unnest(r.skus, r.sold_qtys) AS l(sku, sold_qty) WHERE l.sold_qty > 0
    )), 0) AS integer)
    FROM receipts r
    WHERE store_id = :store_id AND business_date BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1
      AND occurred_at >= CAST(:starts AS timestamptz) AND occurred_at < CAST(:ends AS timestamptz) AND sold_qty > 0)
"""
_KEPT = f"""counted AS (
    UPDATE store_rhythms SET lines_today = {_LINES}, counted_at = CAST(:now AS timestamptz)
    WHERE store_id = :store_id RETURNING lines_today
), """
SHOWN = {
    Counting.NO: sql(_SHOWN.format(sold=_BY_LEDGER, counted="", lines="NULL")),
    Counting.YES: sql(_SHOWN.format(sold=_BY_LEDGER, counted="", lines=_LINES)),
    Counting.KEEP: sql(_SHOWN.format(sold=_BY_LEDGER, counted=_KEPT, lines="(SELECT lines_today FROM counted)")),
}
SHOWN_BY_RECEIPTS = sql(_SHOWN.format(sold=_BY_RECEIPTS, counted="", lines="NULL"))
STATES = sql("""
    SELECT array_agg(state ORDER BY n) AS states
    FROM unnest(CAST(:skus AS text[])) WITH ORDINALITY AS k(sku, n)
    LEFT JOIN sell_through s ON s.store_id = :store_id AND s.sku = k.sku AND s.layout = :layout
""")
WRITE_STATES = sql("""
    UPDATE sell_through s SET state = l.state
    FROM unnest(CAST(:skus AS text[]), CAST(:states AS bytea[])) AS l(sku, state)
    WHERE s.store_id = :store_id AND s.sku = l.sku AND s.layout = :layout
""")
WRITE_LEVELS = sql("""
    WITH rhythm AS (
        INSERT INTO store_rhythms AS r (store_id, learnt_until, layout, profile, lines_a_day)
        VALUES (:store_id, :until, CAST(:layout AS smallint), :profile, :lines_a_day)
        ON CONFLICT (store_id) DO UPDATE
        SET learnt_until = excluded.learnt_until, layout = excluded.layout, profile = excluded.profile,
            lines_a_day = excluded.lines_a_day
    )
    INSERT INTO sell_through AS s (store_id, sku, layout, state)
    SELECT CAST(:store_id AS integer), sku, CAST(:layout AS smallint), state
    FROM unnest(CAST(:skus AS text[]), CAST(:states AS bytea[])) AS l(sku, state)
    ORDER BY sku
    ON CONFLICT (store_id, sku) DO UPDATE SET layout = excluded.layout, state = excluded.state
""")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is learnt of a store as a whole.

    Attributes:
        learnt_until: The last business day that is learnt.
        profile: When it sells.
        lines_a_day: What its items sell on an average day, together.
        lines_today: Lines sold by `counted_at`, on the business day of that.
        counted_at: None: never counted.
    """

    learnt_until: date
    profile: Profile
    lines_a_day: float
    lines_today: int = 0
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What is written down of some items.

    Attributes:
        levels: Their state in the morning; that of new items where nothing is known.
        evidence: What the stretch of time shows.
        lines_sold: Lines of the whole store in it; None: not counted.
    """

    levels: Levels
    evidence: Evidence
    lines_sold: int | None


def calendar_of(row: Row) -> Calendar:
    """Make a store's calendar from a row that has its three columns."""
    return Calendar(time_zone=row.time_zone, opening_hours=row.opening_hours, day_starts_at=row.day_starts_at)


async def calendar(tx: Tx, *, store_id: int) -> Calendar:
    """Return the hours of a store that exists."""
    return calendar_of(await tx.one(CALENDAR, store_id=store_id))


async def rhythm(tx: Tx, *, store_id: int) -> Rhythm | None:
    """Return what is learnt of the store; None: nothing yet."""
    row = await tx.row(RHYTHM, store_id=store_id, layout=LAYOUT)
    return None if row is None else rhythm_of(row)


def rhythm_of(row: Row) -> Rhythm:
    """Make it from a row that has its columns."""
    numbers = np.frombuffer(row.profile, STORED)
    profile = Profile(
        numbers[: KINDS * BINS].reshape(KINDS, BINS), numbers[KINDS * BINS : -DAYS_IN_WEEK], numbers[-DAYS_IN_WEEK:]
    )
    return Rhythm(row.learnt_until, profile, row.lines_a_day, row.lines_today, row.counted_at)


async def items(tx: Tx, *, store_id: int, since: date, until: date) -> Mapping[str, str]:
    """Return the departments of all items that are placed, known, or were sold after `since` and up to `until`."""
    rows = await tx.rows(ITEMS, store_id=store_id, since=since, until=until)
    return {row.sku: row.department for row in rows}


async def shown(
    tx: Tx,
    *,
    store_id: int,
    skus: Sequence[str],
    day: date,
    span: Span,
    by_ledger: bool = True,
    counting: Counting = Counting.NO,
    now: datetime | None = None,
) -> Shown:
    """Return what was known of the items in the morning, and what the stretch of time shows of them since.

    Args:
        tx: The transaction.
        store_id: The store.
        skus: The items; each once.
        day: The business day.
        span: From its start on, up to its end or to the present.
        by_ledger: Read the ledger, and the books of the shelves; else the receipts, and all counts as on the shelf.
        counting: Whether the lines of the store are counted as well.
        now: When they are counted, to be written down.
    """
    where: dict[str, object] = {"store_id": store_id, "skus": list(skus), "starts": span.start, "ends": span.end}
    kept = {"now": now} if counting is Counting.KEEP else {}
    statement = SHOWN[counting] if by_ledger else SHOWN_BY_RECEIPTS
    row = await tx.one(statement, day=day, layout=LAYOUT, **where, **kept)
    item, second, qty = _ints(row.item_rows), _floats(row.seconds), _ints(row.qtys)
    sold = qty > 0
    steps = _no_steps()
    if by_ledger:
        steps = _steps(await tx.one(STEPS, **where, count=int(Cause.COUNT), other=int(Cause.OTHER)))
    evidence = Evidence(
        lines=Lines(item[sold], second[sold], qty[sold]),
        steps=steps,
        seen_item=item[~sold],
        seen_second=second[~sold],
    )
    return Shown(_levels(row.states or [], count=len(skus)), evidence, row.lines_sold)


async def stored(tx: Tx, *, store_id: int, skus: Sequence[str]) -> Levels:
    """Return what was known of the items in the morning; that of new items where nothing is."""
    row = await tx.one(STATES, store_id=store_id, skus=list(skus), layout=LAYOUT)
    return _levels(row.states or [], count=len(skus))


async def write_states(tx: Tx, *, store_id: int, skus: Sequence[str], levels: Levels) -> None:
    """Write down the state of items that are known."""
    states = [row.tobytes() for row in levels.rows().astype(STORED)]
    await tx.run(WRITE_STATES, store_id=store_id, skus=list(skus), states=states, layout=LAYOUT)


async def write_levels(tx: Tx, *, store_id: int, skus: Sequence[str], levels: Levels, rhythm: Rhythm) -> None:
    """Write down what is learnt of the store and these items."""
    profile = rhythm.profile
    numbers = np.concatenate((profile.lines.ravel(), profile.weekday_lines, profile.weekday_expected))
    await tx.run(
        WRITE_LEVELS,
        store_id=store_id,
        until=rhythm.learnt_until,
        layout=LAYOUT,
        profile=numbers.astype(STORED).tobytes(),
        lines_a_day=rhythm.lines_a_day,
        skus=list(skus),
        states=[row.tobytes() for row in levels.rows().astype(STORED)],
    )


def day_and_span(hours: Calendar, now: datetime) -> tuple[date, Span]:
    """Return the business day of the moment, and what of it has passed; what happens right now is in it."""
    day = hours.business_date(now)
    whole = hours.business_day(day)
    return day, Span(whole.start, min(whole.end, now + timedelta(microseconds=1)))


def _levels(states: Sequence[bytes | None], *, count: int) -> Levels:
    levels = Levels.new(count)
    known = np.array([n for n, state in enumerate(states) if state is not None], dtype=np.int64)
    if len(known):
        width = len(COLUMNS)
        numbers = np.frombuffer(b"".join(state for state in states if state is not None), STORED)
        levels.put(known, Levels.from_rows(numbers.reshape(-1, width).astype(np.float64), layout=LAYOUT))
    return levels


def _steps(row: Row) -> Steps:
    return Steps(
        item=_ints(row.item_rows),
        shelf=_ints(row.shelves),
        second=_floats(row.seconds),
        cause=_ints(row.causes),
        delta=_ints(row.deltas),
        book=_ints(row.books),
    )


def _no_steps() -> Steps:
    none = np.zeros(0, dtype=np.int64)
    return Steps(none, none, np.zeros(0), none, none, none)


def _ints(values: Sequence[int] | None) -> Ints:
    return np.array(values or [], dtype=np.int64)


def _floats(values: Sequence[float] | None) -> Floats:
    return np.array(values or [], dtype=np.float64)
