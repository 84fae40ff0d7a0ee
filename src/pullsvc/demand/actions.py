"""Learn the level of every item from finished business days, and tell the present rates."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pullsvc.db import Tx
from pullsvc.demand import queries, rules
from pullsvc.demand.hours import Calendar
from pullsvc.demand.rules import Rate
from pullsvc.outbox.actions import Stamp, append

# Tills that were offline send their last receipts within the hour. What comes later still, or is corrected later,
# moves the books, but is no longer learnt: the level forgets a day within weeks, and a day is folded in once.
SETTLE_S = 3600
MAX_LEARN_DAYS = 120  # Older days would weigh less than two in ten thousand.


async def learn(tx: Tx, stamp: Stamp, *, until: date) -> int:
    """Learn every finished business day up to `until` that is not learnt yet; return how many days that were.

    Repeating it changes nothing, and it may stop and start anywhere: what is learnt is told by the rows themselves.
    Learning begins with the first day that the store has sale lines of. Every item that is placed or was sold is
    learnt, also from days on which it did not sell. Three statements, four with something to learn.

    Args:
        tx: The transaction.
        stamp: Store and time.
        until: Last business day to learn; days that are not over and settled (SETTLE_S) by now are left for later.
    """
    hours = queries.calendar_of(await tx.one(queries.LOCK_CALENDAR, store_id=stamp.store_id))
    until = min(until, hours.last_finished_day(stamp.now, settle_s=SETTLE_S))
    learnt: date | None = (await tx.one(queries.LEARNT, store_id=stamp.store_id)).until
    if learnt is None or learnt >= until:
        return 0
    since = max(learnt, until - timedelta(days=MAX_LEARN_DAYS))
    items = await queries.fold_days(tx, store_id=stamp.store_id, hours=hours, since=since, until=until)
    days = (until - since).days
    append(tx, stamp, "demand.learnt", until.isoformat(), {"days": days, "items": items})
    return days


async def rates(
    tx: Tx, *, store_id: int, hours: Calendar, skus: Sequence[str] | None, now: datetime
) -> dict[str, Rate]:
    """Return the present rate of these items; of every item ever learnt or sold today when `skus` is None.

    One statement. An item that nothing is known of has the rate of a new one.
    """
    known = await queries.paces(tx, store_id=store_id, hours=hours, skus=skus, now=now)
    wanted = known if skus is None else skus
    return {sku: rules.rate_now(known.get(sku, rules.Pace())) for sku in wanted}
