"""Sale lines summed up into evidence, and what is learnt of them, in the database."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from pullsvc.db import Row, Tx, sql
from pullsvc.demand.hours import Calendar
from pullsvc.demand.rules import KEEP_A_DAY, RECENT, Evidence, Pace

CALENDAR = sql("SELECT time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id")
# One learner at a time in a store: the second one waits here, and then finds nothing left to learn.
LOCK_CALENDAR = sql("""
    SELECT time_zone, opening_hours, day_starts_at FROM stores WHERE store_id = :store_id FOR NO KEY UPDATE
""")
LEARNT = sql("""
    SELECT coalesce(
        (SELECT max(learnt_until) FROM sell_through WHERE store_id = :store_id),
        (SELECT min(business_date) - 1 FROM sale_lines WHERE store_id = :store_id)) AS until
""")
# A day without one line is passed over: the feed was down, which says nothing of the items. Of a day on which the
# store sold although its hours say closed, the hours are those between its first and its last line.
LEARN = sql("""
    WITH days AS (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:open_hours AS double precision[])) AS d(day, open_h)
    ),
    lines AS MATERIALIZED (
        SELECT business_date AS day, sku, sum(greatest(sold_qty, 0)) AS units,
               min(occurred_at) AS first_at, max(occurred_at) AS last_at
        FROM sale_lines
        WHERE store_id = :store_id AND business_date > :since AND business_date <= :until AND sku IS NOT NULL
        GROUP BY business_date, sku
    ),
    heard AS (
        SELECT day, power(CAST(:keep AS double precision), CAST(:until AS date) - day) AS weight,
               CASE WHEN open_h > 0 THEN open_h
                    ELSE greatest(1, extract(epoch FROM max(last_at) - min(first_at)) / 3600) END AS hours
        FROM lines JOIN days USING (day) GROUP BY day, open_h
    ),
    sold AS (SELECT sku, sum(units * weight) AS units FROM lines JOIN heard USING (day) GROUP BY sku),
    known AS (
        SELECT sku FROM sold
        UNION SELECT sku FROM placements WHERE store_id = :store_id
        UNION SELECT sku FROM sell_through WHERE store_id = :store_id
    )
    INSERT INTO sell_through AS s (store_id, sku, units, hours, learnt_until)
    SELECT CAST(:store_id AS integer), sku, coalesce(units, 0),
           (SELECT coalesce(sum(hours * weight), 0) FROM heard), CAST(:until AS date)
    FROM known LEFT JOIN sold USING (sku)
    ORDER BY sku
    ON CONFLICT (store_id, sku) DO UPDATE
    SET units = s.units * power(CAST(:keep AS double precision), excluded.learnt_until - s.learnt_until)
                + excluded.units,
        hours = s.hours * power(CAST(:keep AS double precision), excluded.learnt_until - s.learnt_until)
                + excluded.hours,
        learnt_until = excluded.learnt_until
""")
# Since when the shelf is known to be empty: a sale after that would have moved its book on.
PACES = sql("""
    WITH sold AS (
        SELECT sku, sum(sold_qty) FILTER (WHERE occurred_at < :recent_from) AS earlier,
               sum(sold_qty) FILTER (WHERE occurred_at >= :recent_from) AS recent
        FROM sale_lines
        WHERE store_id = :store_id AND business_date BETWEEN CAST(:day AS date) - 1 AND CAST(:day AS date) + 1
          AND sold_qty > 0 AND occurred_at >= :day_from AND occurred_at <= :now
          AND (CAST(:skus AS text[]) IS NULL OR sku = ANY (CAST(:skus AS text[])))
        GROUP BY sku
    ),
    empty AS (
        SELECT sku, max(updated_at) AS since FROM balances
        WHERE store_id = :store_id AND kind = 'shelf'
          AND (CAST(:skus AS text[]) IS NULL OR sku = ANY (CAST(:skus AS text[])))
        GROUP BY sku HAVING bool_and(qty <= 0)
    ),
    learnt AS (
        SELECT sku, units, hours FROM sell_through
        WHERE store_id = :store_id AND (CAST(:skus AS text[]) IS NULL OR sku = ANY (CAST(:skus AS text[])))
    )
    SELECT sku, coalesce(learnt.units, 0) AS units, coalesce(learnt.hours, 0) AS hours,
           coalesce(sold.earlier, 0) AS earlier, coalesce(sold.recent, 0) AS recent, empty.since AS empty_since
    FROM learnt FULL JOIN sold USING (sku) LEFT JOIN empty USING (sku)
""")


def calendar_of(row: Row) -> Calendar:
    """Make a store's calendar from a row that has its three columns."""
    return Calendar(time_zone=row.time_zone, opening_hours=row.opening_hours, day_starts_at=row.day_starts_at)


async def calendar(tx: Tx, *, store_id: int) -> Calendar:
    """Return the hours of a store that exists."""
    return calendar_of(await tx.one(CALENDAR, store_id=store_id))


async def fold_days(tx: Tx, *, store_id: int, hours: Calendar, since: date, until: date) -> int:
    """Fold the business days after `since`, up to and with `until`, into the level of every item; return how many."""
    days = [since + timedelta(days=n + 1) for n in range((until - since).days)]
    spans = [hours.business_day(day) for day in days]
    return await tx.run(
        LEARN,
        store_id=store_id,
        since=since,
        until=until,
        keep=KEEP_A_DAY,
        days=days,
        open_hours=[hours.open_h(span.start, span.end) for span in spans],
    )


async def paces(
    tx: Tx, *, store_id: int, hours: Calendar, skus: Sequence[str] | None, now: datetime
) -> Mapping[str, Pace]:
    """Return what is known of the sales of these items, or of all; items that nothing is known of are left out."""
    day = hours.business_date(now)
    day_from = hours.business_day(day).start
    recent_from = max(day_from, now - RECENT)
    rows = await tx.rows(
        PACES,
        store_id=store_id,
        day=day,
        day_from=day_from,
        recent_from=recent_from,
        now=now,
        skus=None if skus is None else list(skus),
    )
    earlier_h, recent_h = hours.open_h(day_from, recent_from), hours.open_h(recent_from, now)
    return {
        row.sku: Pace(
            learnt=Evidence(row.units, row.hours),
            earlier=Evidence(row.earlier, earlier_h),
            recent=Evidence(row.recent, hours.open_h(recent_from, row.empty_since) if row.empty_since else recent_h),
        )
        for row in rows
    }
