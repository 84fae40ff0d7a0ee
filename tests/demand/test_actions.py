"""Learning from finished business days: each once, whatever stops in between, and the same as the engine by itself."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from pullsvc.db import Database, sql
from pullsvc.demand import actions, queries
from pullsvc.demand.actions import MAX_DAYS_AT_ONCE, Outlook
from pullsvc.demand.levels import COLUMNS, Events, Kind, Levels, nanodays
from pullsvc.demand.profile import BINS, Profile, day_curve, traffic_factor
from pullsvc.demand.queries import calendar
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import SOLD, Cause, Leg
from tests.factories import NOON, all_rows, item, placement, sale, stamp, store

TODAY = NOON.date()
YESTERDAY = TODAY - timedelta(days=1)


def days_ago(n: int) -> date:
    return TODAY - timedelta(days=n)


async def sell(
    db: Database, sku: str, qty: int, *, day: date = TODAY, at: datetime | None = None, store_id: int = 1
) -> None:
    """A sale as the intake would write it; by default sold at noon of the business day."""
    await sale(db, sku=sku, qty=qty, day=day, at=at or datetime.combine(day, NOON.time(), UTC), store_id=store_id)


async def take(db: Database, sku: str, qty: int, *, at: datetime) -> None:
    """A sale as the intake books it: the line, and the units from the shelf."""
    await sale(db, sku=sku, qty=qty, at=at, moved=False)
    await move(db, sku, qty, "A1", SOLD, Cause.SALE, at=at)


async def move(db: Database, sku: str, qty: int, src: str, dst: str, cause: Cause, *, at: datetime) -> None:
    async with db.begin() as tx:
        await stock.move(tx, stamp(now=at), [Leg(sku=sku, qty=qty, src=src, dst=dst, cause=cause, cause_id="t")])


async def learn(db: Database, *, until: date = YESTERDAY, now: datetime = NOON) -> int:
    async with db.begin() as tx:
        return await actions.learn(tx, stamp(now=now), until=until)


async def learnt(db: Database, *, store_id: int = 1) -> dict[str, dict[str, float]]:
    """The state of every item, by name."""
    rows = await all_rows(db, "sell_through", store_id=store_id)
    return {
        row["sku"]: dict(zip(COLUMNS, np.frombuffer(row["state"], queries.STORED).tolist(), strict=True))
        for row in rows
    }


async def look(db: Database, skus: Sequence[str], *, now: datetime = NOON) -> Outlook:
    async with db.read() as tx:
        hours = await calendar(tx, store_id=1)
        rhythm = await queries.rhythm(tx, store_id=1)
        return await actions.outlook(tx, store_id=1, hours=hours, skus=skus, now=now, rhythm=rhythm)


class TestLearn:
    async def test_says_what_the_engine_says_of_the_same_days(self, db: Database) -> None:
        """A week of two items, one of which is empty for some hours: the rows are those of the engine by itself."""
        await store(db)
        start = datetime.combine(days_ago(7), NOON.time(), UTC).replace(hour=5)
        for sku in ("a", "b"):
            await item(db, sku=sku)
            await placement(db, sku=sku)
            await move(db, sku, 20, "RECEIVING", "A1", Cause.MOVE, at=start)
        sold: dict[date, list[tuple[int, float, int]]] = {}
        for ago in range(7, 0, -1):
            opens = datetime.combine(days_ago(ago), NOON.time(), UTC).replace(hour=5)
            for row, hour, qty in ((0, 4, 2), (0, 6, 1), (1, 7, 3), (0, 12, 1)):
                await take(db, "ab"[row], qty, at=opens + timedelta(hours=hour))
                sold.setdefault(days_ago(ago), []).append((row, hour * 3600.0, qty))
            await move(db, "a", 4, "RECEIVING", "A1", Cause.PUT, at=opens + timedelta(hours=14))
            await move(db, "b", 3, "RECEIVING", "A1", Cause.PUT, at=opens + timedelta(hours=14))
        emptied = datetime.combine(days_ago(2), NOON.time(), UTC).replace(hour=18)
        await move(db, "b", 17, "A1", "RETURNS", Cause.MOVE, at=emptied)

        assert await learn(db) == 7

        expected = Levels.new(2)
        profile, known = Profile.empty(), False
        async with db.read() as tx:
            hours = await calendar(tx, store_id=1)
        for day, lines in sold.items():
            curve = day_curve(profile, hours, day)
            ordered = sorted(lines)
            events = [(row, int(Kind.SOLD), second, qty) for row, second, qty in ordered]
            if day == days_ago(2):
                events = [*events, (1, int(Kind.EMPTIED), 13 * 3600.0, 1), (1, int(Kind.STOCKED), 14 * 3600.0, 1)]
            if day == days_ago(1):  # It stands at three, which it sells at noon; then it is filled again.
                events = [*events, (1, int(Kind.EMPTIED), 7 * 3600.0, 1), (1, int(Kind.STOCKED), 14 * 3600.0, 1)]
            rows, kinds, seconds, qtys = zip(*events, strict=True)
            lines_a_day = float(expected.morning().lines_a_day.sum())
            at = nanodays(curve.at(np.array(seconds)))
            expected.apply(Events(np.array(rows), np.array(kinds), at, np.array(qtys)))
            traffic = traffic_factor(lines_seen=len(lines), lines_expected=lines_a_day * curve.total)
            expected.roll_over(int(nanodays(curve.total)), traffic=traffic, groups=np.zeros(2, dtype=np.int64))
            bins = np.bincount([int(5 * 2 + s // 1800) % BINS for _, s, _ in lines], minlength=BINS)
            profile = profile.after(day.weekday(), bins, expected=lines_a_day if known else None)
            known = True
        states = await learnt(db)
        assert [list(states[sku].values()) for sku in ("a", "b")] == expected.rows().tolist()
        (rhythm,) = await all_rows(db, "store_rhythms")
        assert rhythm["lines_a_day"] == float(expected.morning().lines_a_day.sum())
        kept = np.frombuffer(rhythm["profile"], queries.STORED)
        assert kept[: 2 * BINS].tolist() == profile.lines.ravel().tolist()
        assert kept[2 * BINS :].tolist() == [*profile.weekday_lines, *profile.weekday_expected]

    async def test_says_the_same_day_by_day_as_at_once(self, db: Database) -> None:
        await store(db)
        await store(db, store_id=2)
        for n in (1, 2):
            await item(db, sku="a", store_id=n)
            await item(db, sku="b", store_id=n)
            for ago in range(6, 0, -1):
                await sell(db, "a", ago, day=days_ago(ago), store_id=n)
                await sell(db, "b", 2 * ago, day=days_ago(ago), store_id=n)
        async with db.begin() as tx:
            await actions.learn(tx, stamp(store_id=2), until=days_ago(1))
        for ago in range(6, 0, -1):
            assert await learn(db, until=days_ago(ago)) == 1

        assert await learnt(db) == await learnt(db, store_id=2)

    async def test_passes_over_a_day_without_a_line_of_the_store(self, db: Database) -> None:
        """The feed was down; a day on which only this item was not sold counts against it."""
        await store(db)
        for sku in ("a", "b"):
            await item(db, sku=sku)
        await sell(db, "a", 1, day=days_ago(4))
        await sell(db, "b", 1, day=days_ago(2))
        await learn(db, until=days_ago(3))
        before = await learnt(db)
        await learn(db)
        after = await learnt(db)

        assert before["a"]["exposure"] == pytest.approx(1, rel=0.01)
        assert after["a"]["exposure"] > 1.8
        assert after["a"]["lines"] < 1
        assert after["b"]["lines"] == 1

    async def test_learns_a_long_past_in_parts(self, db: Database) -> None:
        await store(db)
        await sell(db, await item(db), 1, day=days_ago(MAX_DAYS_AT_ONCE + 2))

        assert [await learn(db) for _ in range(3)] == [MAX_DAYS_AT_ONCE, 2, 0]

    async def test_changes_nothing_when_repeated(self, db: Database) -> None:
        await store(db)
        await sell(db, await item(db), 10, day=days_ago(1))
        await learn(db)
        once = await learnt(db)

        assert await learn(db) == 0
        assert await learnt(db) == once

    async def test_counts_a_day_once_when_many_learn_at_once(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(2))

        days = await asyncio.gather(*(learn(db, until=days_ago(1 + n % 2)) for n in range(8)))

        assert sum(days) == 2
        assert (await learnt(db))[sku]["lines"] == 1

    async def test_leaves_a_day_that_has_not_settled(self, db: Database) -> None:
        """The business day turns at 05:00; at 05:30 tills may still be sending."""
        await store(db)
        await sell(db, await item(db), 10, day=days_ago(1))

        early = NOON.replace(hour=5, minute=30)
        assert await learn(db, until=TODAY, now=early) == 0
        assert await learn(db, until=TODAY, now=early + timedelta(hours=1)) == 1

    async def test_passes_over_lines_that_come_after_their_day_was_learnt(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(1))
        await learn(db)
        before = await learnt(db)
        await sell(db, sku, 50, day=days_ago(1))

        assert await learn(db) == 0
        assert await learnt(db) == before

    async def test_learns_again_what_another_layout_holds(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 10, day=days_ago(1))
        await learn(db)
        before = await learnt(db)
        async with db.begin() as tx:
            await tx.run(sql("UPDATE store_rhythms SET layout = 99"))
            await tx.run(sql("UPDATE sell_through SET layout = 99, state = '\\x00'"))

        assert (await look(db, [sku])).level.lines_a_day[0] < 0.2
        assert await learn(db) == 1
        assert await learnt(db) == before

    async def test_learns_of_placed_items_what_they_do_not_sell(self, db: Database) -> None:
        await store(db)
        await placement(db, sku=await item(db, sku="still"))
        await sell(db, await item(db), 1, day=days_ago(1))
        await learn(db)

        assert (await learnt(db))["still"]["exposure"] > 0.9

    async def test_counts_neither_returns_nor_lines_of_other_stores(self, db: Database) -> None:
        await store(db)
        await store(db, store_id=2)
        sku = await item(db, sku="a")
        await item(db, sku="a", store_id=2)
        await sell(db, sku, 3, day=days_ago(1))
        await sell(db, sku, -2, day=days_ago(1))
        await sell(db, sku, 50, day=days_ago(1), store_id=2)
        await learn(db)

        assert (await learnt(db))[sku]["units"] == 3

    async def test_tells_what_it_learnt(self, db: Database) -> None:
        await store(db)
        await sell(db, await item(db), 10, day=days_ago(1))
        await learn(db)

        (told,) = await all_rows(db, "events", kind="demand.learnt")
        assert (told["subject"], told["data"]) == (YESTERDAY.isoformat(), {"days": 1, "items": 1})


class TestOutlook:
    async def test_takes_in_every_line_that_is_written_down_by_now(self, db: Database) -> None:
        await store(db)
        sku = await item(db)
        await sell(db, sku, 2, day=days_ago(1))
        await learn(db)
        before = await look(db, [sku])
        for hours in (1, 2):
            await sell(db, sku, 4, at=NOON - timedelta(hours=hours))
        await sell(db, sku, 4, at=NOON + timedelta(seconds=1))
        after = await look(db, [sku])

        assert after.level.lines_a_day[0] > 1.3 * before.level.lines_a_day[0]
        assert sorted(after.lines.second) == [5 * 3600.0, 6 * 3600.0]
        assert after.levels.today_units.tolist() == [8]

    async def test_is_the_same_however_the_day_came_in(self, db: Database) -> None:
        """Lines out of order, a look after each: the last look tells what one look at all of it tells."""
        await store(db)
        for sku in ("a", "b"):
            await item(db, sku=sku)
            await placement(db, sku=sku)
            await move(db, sku, 5, "RECEIVING", "A1", Cause.MOVE, at=NOON.replace(hour=6))
        for minute in (40, 10, 30, 20):
            await take(db, "a", 2, at=NOON - timedelta(minutes=minute))
            await look(db, ["a", "b"])
        seen = await look(db, ["b", "a"])

        expected = Levels.new(2)
        async with db.read() as tx:
            curve = day_curve(Profile.empty(), await calendar(tx, store_id=1), TODAY)
        seconds = [7 * 3600.0 - 60 * minute for minute in (40, 30, 20, 10)]
        kinds = [int(Kind.SOLD)] * 4 + [int(Kind.EMPTIED)]
        at = nanodays(curve.at(np.array([*seconds, seconds[-1]])))
        expected.apply(Events(np.ones(5, dtype=np.int64), np.array(kinds), at, np.array([2, 2, 2, 2, 1])))
        assert seen.levels.rows()[1].tolist() == expected.rows()[1].tolist()

    async def test_takes_the_nothing_of_a_shelf_that_nobody_fills_for_no_knowledge(self, db: Database) -> None:
        """One shelf was filled yesterday and sold out; of the other one nobody ever booked a thing."""
        await store(db)
        for sku, filled in (("kept", 2), ("unkept", 0)):
            await item(db, sku=sku)
            await placement(db, sku=sku)
            yesterday = NOON - timedelta(days=1)
            async with db.begin() as tx:
                await tx.run(
                    sql("INSERT INTO balances (store_id, sku, location, kind, qty, updated_at)"
                        " VALUES (1, :sku, 'A1', 'shelf', 0, :at)"),
                    sku=sku, at=yesterday,
                )  # fmt: skip
            if filled:
                await move(db, sku, filled, "RECEIVING", "A1", Cause.MOVE, at=yesterday)
                await move(db, sku, filled, "A1", SOLD, Cause.SALE, at=yesterday + timedelta(hours=1))

        assert (await look(db, ["kept", "unkept"])).levels.is_empty.tolist() == [1, 0]

    async def test_believes_in_a_new_items_level_where_nothing_is_known(self, db: Database) -> None:
        await store(db)
        found = await look(db, [await item(db)])

        assert found.traffic == 1
        assert 0 < found.level.units_a_day[0] < 0.2

    async def test_counts_the_lines_of_the_store_now_and_then(self, db: Database, statements: list[str]) -> None:
        """How busy the day is: as counted last, until that is five minutes old."""
        await store(db)
        sku = await item(db)
        for _ in range(3):
            await sell(db, sku, 1, day=days_ago(1))
        await learn(db)
        for _ in range(30):
            await sell(db, sku, 1, at=NOON - timedelta(hours=1))

        async def traffic(now: datetime) -> float:
            async with db.begin() as tx:
                hours, rhythm = await calendar(tx, store_id=1), await queries.rhythm(tx, store_id=1)
                statements.clear()
                found = await actions.outlook(
                    tx, store_id=1, hours=hours, skus=[sku], now=now, rhythm=rhythm, keep=True
                )
                return found.traffic

        first, counted = await traffic(NOON), len(statements)
        await sell(db, sku, 1, at=NOON)
        second, kept = await traffic(NOON + timedelta(minutes=4)), len(statements)
        third = await traffic(NOON + timedelta(minutes=6))
        assert first > 1.005
        assert counted == kept == 2
        assert second == first
        assert third != second
