"""Learn what every item sells from finished business days, and tell what is believed of items now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from pullsvc.db import Tx
from pullsvc.demand import queries
from pullsvc.demand.evidence import Lines
from pullsvc.demand.horizon import Ints
from pullsvc.demand.hours import Calendar
from pullsvc.demand.levels import Level, Levels, nanodays
from pullsvc.demand.profile import BINS, DayCurve, Profile, day_curve, traffic_factor, wall_bins
from pullsvc.demand.queries import Counting, Rhythm
from pullsvc.outbox.actions import Stamp, append

# Tills that were offline send their last receipts within the hour. What comes later still, or is corrected later,
# moves the books, but is no longer learnt: the level forgets a day within weeks, and a day is folded in once.
SETTLE_S = 3600
MAX_LEARN_DAYS = 120  # Older days would weigh less than two in ten thousand.
MAX_DAYS_AT_ONCE = 7  # In one transaction, which holds the store.
# Further back the ledger is not read: days that old come with a first import, and its books were not kept then.
BOOKS_DAYS = 14
COUNT_EVERY = timedelta(minutes=5)  # All lines of a store; how busy a day is changes slowly.


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is believed of some items at a moment; one entry per item, in the order asked for.

    Attributes:
        levels: Their state, with all of the day up to now.
        level: What they sell.
        lines: Their sale lines of today; `second` counts from the start of the business day.
        curve: Of the day.
        traffic: How busy it is.
        now_s: Seconds since the business day began.
        starts_at: When that was.
    """

    levels: Levels
    level: Level
    lines: Lines
    curve: DayCurve
    traffic: float
    now_s: float
    starts_at: datetime

    @property
    def at(self) -> int:
        """What of the day has passed, in nanodays."""
        return int(nanodays(self.curve.at(self.now_s)))


async def learn(tx: Tx, stamp: Stamp, *, until: date) -> int:
    """Learn finished business days up to `until` that are not learnt yet, oldest first; return how many.

    Returns 0 when nothing is left; at most MAX_DAYS_AT_ONCE are learnt by one call. Repeating it changes nothing, and
    it may stop and start anywhere. Learning begins with the first day that the store has sale lines of. Every item
    that is placed or was sold is learnt, also from days on which it did not sell. A day without one line of the store
    is passed over: the feed was down, which says nothing of the items.

    Args:
        tx: The transaction.
        stamp: Store and time.
        until: Last business day to learn; days that are not over and settled (SETTLE_S) by now are left for later.
    """
    hours = queries.calendar_of(await tx.one(queries.LOCK_CALENDAR, store_id=stamp.store_id))
    until = min(until, hours.last_finished_day(stamp.now, settle_s=SETTLE_S))
    known = await queries.rhythm(tx, store_id=stamp.store_id)
    learnt = known.learnt_until if known else await _day_before_first(tx, stamp)
    if learnt is None or learnt >= until:
        return 0
    since = max(learnt, until - timedelta(days=MAX_LEARN_DAYS))
    days = [since + timedelta(days=n + 1) for n in range(min((until - since).days, MAX_DAYS_AT_ONCE))]
    departments = await queries.items(tx, store_id=stamp.store_id, since=since, until=days[-1] + timedelta(days=1))
    skus = list(departments)
    groups = np.unique(list(departments.values()), return_inverse=True)[1].astype(np.int64)
    levels, rhythm = None, known
    for day in days:
        levels, rhythm = await _live_through(
            tx, stamp, hours=hours, day=day, skus=skus, groups=groups, levels=levels, rhythm=rhythm
        )
    assert levels is not None
    assert rhythm is not None
    await queries.write_levels(tx, store_id=stamp.store_id, skus=skus, levels=levels, rhythm=rhythm)
    append(tx, stamp, "demand.learnt", days[-1].isoformat(), {"days": len(days), "items": len(skus)})
    return len(days)


async def _day_before_first(tx: Tx, stamp: Stamp) -> date | None:
    first: date | None = (await tx.one(queries.FIRST_DAY, store_id=stamp.store_id)).day
    return None if first is None else first - timedelta(days=1)


async def _live_through(
    tx: Tx,
    stamp: Stamp,
    *,
    hours: Calendar,
    day: date,
    skus: Sequence[str],
    groups: Ints,
    levels: Levels | None,
    rhythm: Rhythm | None,
) -> tuple[Levels, Rhythm]:
    """Return the levels, and what is known of the store, after one more day; `levels` None: those written down."""
    span = hours.business_day(day)
    shown = await queries.shown(
        tx,
        store_id=stamp.store_id,
        skus=skus,
        day=day,
        span=span,
        by_ledger=span.start >= stamp.now - timedelta(days=BOOKS_DAYS),
    )
    evidence = shown.evidence
    levels = shown.levels if levels is None else levels
    profile = rhythm.profile if rhythm else Profile.empty()
    expected = float(levels.morning().lines_a_day.sum())
    if not len(evidence.lines):
        return levels, Rhythm(day, profile, expected)
    curve = day_curve(profile, hours, day)
    levels.apply(evidence.events(is_empty=levels.is_empty, passed=curve.at))
    levels.roll_over(
        int(nanodays(curve.total)),
        traffic=traffic_factor(lines_seen=len(evidence.lines), lines_expected=expected * curve.total),
        groups=groups,
    )
    bins = np.bincount(wall_bins(hours, day, evidence.lines.second), minlength=BINS)
    profile = profile.after(day.weekday(), bins, expected=expected if rhythm else None)
    return levels, Rhythm(day, profile, float(levels.morning().lines_a_day.sum()))


async def free_silence(tx: Tx, *, store_id: int, skus: Sequence[str]) -> None:
    """Take back what items did not sell since they were last seen: they were found to be gone."""
    levels = await queries.stored(tx, store_id=store_id, skus=skus)
    levels.exposure = np.maximum(levels.exposure - levels.silent_recent, 0.0)
    levels.long_exposure = np.maximum(levels.long_exposure - levels.silent, 0.0)
    levels.silent[:] = levels.silent_recent[:] = 0.0
    await queries.write_states(tx, store_id=store_id, skus=skus, levels=levels)


async def outlook(
    tx: Tx,
    *,
    store_id: int,
    hours: Calendar,
    skus: Sequence[str],
    now: datetime,
    rhythm: Rhythm | None,
    keep: bool = False,
) -> Outlook:
    """Return what is believed of these items now: the past, and all of today that is written down by now.

    Today is read anew each time, so nothing that is committed late is missed, and what is corrected counts as it now
    stands. Two statements.

    Args:
        tx: The transaction.
        store_id: The store.
        hours: Its calendar.
        skus: The items; each once. Of one that nothing is known of, a new one's level is believed.
        now: Aware.
        rhythm: What is learnt of the store; None: nothing.
        keep: Write down how many lines the store has sold when they are counted.
    """
    day, span = queries.day_and_span(hours, now)
    counting = Counting.NO
    if rhythm and (rhythm.counted_at is None or not max(span.start, now - COUNT_EVERY) <= rhythm.counted_at <= now):
        counting = Counting.KEEP if keep else Counting.YES
    shown = await queries.shown(tx, store_id=store_id, skus=skus, day=day, span=span, counting=counting, now=now)
    levels, evidence = shown.levels, shown.evidence
    curve = day_curve(rhythm.profile if rhythm else Profile.empty(), hours, day)
    now_s = (now - span.start).total_seconds()
    traffic = 1.0
    if rhythm:
        lines = rhythm.lines_today if shown.lines_sold is None else shown.lines_sold
        counted_at = rhythm.counted_at if shown.lines_sold is None and rhythm.counted_at else now
        passed = float(curve.at((counted_at - span.start).total_seconds()))
        traffic = traffic_factor(lines_seen=lines, lines_expected=rhythm.lines_a_day * passed)
    levels.apply(evidence.events(is_empty=levels.is_empty, passed=curve.at))
    level = levels.now(int(nanodays(curve.at(now_s))), traffic=traffic)
    return Outlook(levels, level, evidence.lines, curve, traffic, now_s, span.start)
