"""The watch on a real store: from a sale to a pull, from a count to its end, and many watchers at once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from pullsvc.db import Database, sql
from pullsvc.pulls import asking
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.rules import Reason
from pullsvc.restock import actions
from pullsvc.restock.settings import Settings
from pullsvc.restock.watcher import due_stores
from pullsvc.stock import actions as stock
from pullsvc.stock.queries import set_triggers
from tests.factories import NOON, all_rows, item, placement, sale, stamp, store
from tests.restock.world import ask, balance, count, sell, shelf, the_pull, watch

BLOCKED = sql(
    "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
SOON = NOON + timedelta(minutes=1)
LATER = NOON + timedelta(minutes=2)


async def somebody_waits(db: Database) -> None:
    """Returns once a transaction waits for a lock that another one holds."""
    async with asyncio.timeout(5):
        while True:
            async with db.read() as tx:
                if (await tx.one(BLOCKED)).n:
                    return
            await asyncio.sleep(0)


class TestWatchStore:
    async def test_follows_a_shelf_from_a_sale_to_a_pull_and_to_its_end(self, db: Database) -> None:
        """Sales meet the trigger, the watch pulls and says why; a count finds the shelf full, so the pull expires."""
        sku = await shelf(db)
        first = await watch(db)
        assert (first.taken, first.learnt_days, first.evaluated, first.opened) == (True, 7, 1, 0)
        # Six an hour, 30 to 69 minutes to the shelf: at 16 there is hardly a chance that it gets empty, but where a tub
        # goes anyway eight more are worth a place in it; see test_rules.
        assert (await balance(db, sku))["trigger_qty"] == 16

        await sell(db, sku, 3, at=SOON)
        assert (await balance(db, sku))["flagged_at"] is None
        await sell(db, sku, 14, at=SOON)
        assert (await balance(db, sku))["flagged_at"] == SOON

        assert (await watch(db, now=SOON)).opened == 1
        pull: Any = await the_pull(db)
        assert (pull["reason"], pull["state"], pull["qty_wanted"]) == ("watch", "open", 18)
        assert 60 < pull["urgency"] < 90
        assert pull["explanation"]["on_hand"] == 3
        assert pull["explanation"]["sentence"].startswith(
            "Sells 6.1 an hour (5.0 to 7.3), 3 on the shelf, lasts 29 min; 78 % "
        )
        assert pull["explanation"]["sentence"].endswith("Last sold 1 at 11:40, 1 at 11:50, 17 at 12:01.")
        assert (await balance(db, sku))["flagged_at"] is None
        assert [(a["requester"], a["reason"]) for a in await all_rows(db, "asks")] == [("watch", "watch")]

        await count(db, sku, 24, at=LATER)
        due = LATER + timedelta(minutes=10)
        assert (await watch(db, now=due)).expired == 1
        ended = await the_pull(db)
        assert (ended["state"], ended["end_reason"]) == ("expired", "need_vanished")
        kinds = [e["kind"] for e in await all_rows(db, "events") if e["kind"].startswith("pull.")]
        assert sorted(kinds) == ["pull.expired", "pull.opened"]

    async def test_prices_its_pull_anew_as_sales_come_in(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=10)
        await watch(db)
        before: Any = await the_pull(db)

        await sell(db, sku, 4, at=SOON)
        assert (await watch(db, now=SOON)).repriced == 1

        after: Any = await the_pull(db)
        assert after["urgency"] > before["urgency"]
        assert after["due_at"] < before["due_at"]
        assert after["explanation"]["on_hand"] == 6

    async def test_asks_for_more_when_more_is_needed(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=8, capacity=20, presentation_min=14)
        await watch(db)
        assert (await the_pull(db))["qty_wanted"] == 12

        await sell(db, sku, 14, at=SOON)
        run = await watch(db, now=SOON)

        assert (run.opened, run.joined) == (0, 1)
        # Nothing on hand, twelve on the way, fourteen present well: one more case fits.
        assert (await the_pull(db))["qty_wanted"] == 18

    async def test_joins_what_a_person_has_asked_for(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=3)
        await ask(db, sku)
        run = await watch(db)

        assert (run.opened, run.joined) == (0, 0)
        pull = await the_pull(db)
        assert (pull["reason"], pull["qty_wanted"]) == ("other", 21)

    async def test_neither_expires_nor_lowers_what_a_person_has_joined(self, db: Database) -> None:
        """Ana asked for two, the watch for the rest; the books may say what they want, she waits for an answer."""
        sku = await shelf(db, on_shelf=1)
        await ask(db, sku, qty=2)
        await watch(db)
        before: Any = await the_pull(db)
        assert (before["reason"], before["ask_count"]) == ("other", 2)

        await count(db, sku, 24, at=SOON)
        run = await watch(db, now=NOON + timedelta(minutes=10))

        after: Any = await the_pull(db)
        assert run.expired == 0
        assert (after["state"], after["urgency"]) == ("open", before["urgency"])

    async def test_pulls_nothing_that_is_not_in_the_backroom(self, db: Database) -> None:
        await shelf(db, on_shelf=1, backroom=0)
        run = await watch(db)

        assert (run.evaluated, run.opened) == (1, 0)
        assert await all_rows(db, "pulls") == []

    async def test_shares_the_backroom_among_the_shelves_of_an_item(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=0, backroom=30)
        await placement(db, sku=sku, shelf="END1", capacity=24, is_home=False)
        assert (await watch(db)).opened == 2

        wanted = {p["shelf"]: p["qty_wanted"] for p in await all_rows(db, "pulls")}
        assert wanted == {"A1": 24, "END1": 6}

    async def test_makes_the_balance_of_a_shelf_that_never_held_the_item(self, db: Database) -> None:
        await shelf(db, on_shelf=0)
        await watch(db)

        assert (await balance(db, "milk"))["qty"] == 0
        assert (await balance(db, "milk"))["trigger_qty"] == 16

    async def test_opens_nothing_while_the_store_is_closed(self, db: Database) -> None:
        await shelf(db, on_shelf=1)
        night = NOON.replace(hour=2)
        assert (await watch(db, now=night)).evaluated == 0
        (schedule,) = await all_rows(db, "watch_schedule")

        assert schedule["next_run_at"] == night + timedelta(hours=1)
        assert (await watch(db, now=NOON)).opened == 1

    async def test_opens_nothing_where_it_is_switched_off(self, db: Database) -> None:
        await shelf(db, on_shelf=1)
        async with db.begin() as tx:
            service = stamp()
            await actions.lock_settings(tx, service)
            await actions.change_settings(tx, service, Settings(enabled=False))

        assert (await watch(db)).evaluated == 0
        assert await all_rows(db, "pulls") == []

    async def test_looks_at_all_shelves_batch_by_batch(self, db: Database) -> None:
        for n in range(8):
            await shelf(db, sku=f"milk{n}", on_shelf=1, sells=False, presentation_min=2)

        run = await watch(db, batch_size=3)

        assert (run.evaluated, run.opened, run.more) == (8, 8, False)

    async def test_leaves_a_store_alone_until_its_next_run(self, db: Database) -> None:
        await shelf(db)
        await watch(db)

        assert not (await watch(db, now=NOON + timedelta(seconds=14))).taken
        assert (await watch(db, now=NOON + timedelta(seconds=15))).taken

    async def test_finds_new_placements_after_a_while(self, db: Database) -> None:
        await shelf(db)
        await watch(db)
        await shelf(db, sku="new", on_shelf=1, sells=False)
        runs = [await watch(db, now=NOON + timedelta(seconds=15 * n)) for n in range(1, 21)]

        assert [n for n, run in enumerate(runs, 1) if run.opened] == [20]

    async def test_forgets_a_shelf_that_the_item_has_left(self, db: Database) -> None:
        sku = await shelf(db)
        await watch(db)
        async with db.begin() as tx:
            await tx.run(sql("DELETE FROM placements"))
        await sell(db, sku, 18, at=SOON)
        await watch(db, now=SOON)

        left = await balance(db, sku)
        assert (left["trigger_qty"], left["flagged_at"]) == (None, None)
        assert await all_rows(db, "watched") == []

    async def test_learns_each_finished_day_once(self, db: Database) -> None:
        sku = await shelf(db)
        await watch(db)
        await sale(db, sku=sku, qty=96, at=NOON)

        tomorrow = NOON + timedelta(days=1)
        learnt = [(await watch(db, now=tomorrow + timedelta(minutes=n))).learnt_days for n in range(3)]

        assert learnt == [1, 0, 0]

    async def test_reckons_with_the_measured_time_to_shelf(self, db: Database) -> None:
        """Fifty pulls took two hours each: the trigger covers two hours of sales."""
        sku = await shelf(db)
        async with db.begin() as tx:
            await tx.run(
                sql("""
                    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted,
                                       qty_put, opened_at, due_at, planned_at, filled_at, ended_at)
                    SELECT 1, :sku, 'A1', 'dairy', 'closed', 'gap', 60, 1, 6, 6, :opened, :opened, :opened, :opened,
                           :now
                    FROM generate_series(1, 50)
                """),
                sku=sku, opened=NOON - timedelta(hours=2), now=NOON,
            )  # fmt: skip
        await watch(db)

        (watched,) = await all_rows(db, "watched")
        assert watched["lead_s"] == 7200
        assert watched["trigger_qty"] > 18


class TestManyWatchers:
    async def test_open_each_pull_once(self, db: Database) -> None:
        for n in range(12):
            await shelf(db, sku=f"milk{n}", on_shelf=1, sells=False)

        runs = await asyncio.gather(*(watch(db) for _ in range(12)))

        opened = await all_rows(db, "pulls")
        assert sum(run.opened for run in runs) == len(opened) == 12
        assert all(p["ask_count"] == 1 for p in opened)

    async def test_do_not_wait_for_each_other(self, db: Database) -> None:
        """One watcher holds the store; another one must leave it at once."""
        await shelf(db, on_shelf=1)
        service = stamp()
        async with db.begin() as tx:
            await actions.take_store(tx, service)
        async with db.begin() as tx:
            assert await actions.take_store(tx, service)
            async with asyncio.timeout(2):
                other = await watch(db)

        assert not other.taken
        assert await all_rows(db, "pulls") == []

    async def test_give_the_store_back_when_they_die(self, db: Database) -> None:
        await shelf(db, on_shelf=1)

        async def die() -> None:
            async with db.begin() as tx:
                held = await actions.take_store(tx, stamp())
                assert held
                assert (await actions.watch_batch(tx, stamp(), held)).opened == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await die()

        assert (await watch(db)).opened == 1

    async def test_keep_stores_apart(self, db: Database) -> None:
        await shelf(db, on_shelf=1)
        await shelf(db, on_shelf=1, store_id=2)
        await asyncio.gather(watch(db), watch(db, store_id=2))

        assert sorted(p["store_id"] for p in await all_rows(db, "pulls")) == [1, 2]


class TestDay:
    async def test_is_learnt_the_same_whoever_watched_it(self, db: Database) -> None:
        """One store is watched after every sale, by watchers some of which die; the other one only the day after."""
        for store_id in (1, 2):
            for n in range(3):
                await shelf(db, sku=f"milk{n}", on_shelf=12, store_id=store_id)
        day = [(minute, f"milk{minute % 3}", 1 + minute % 4) for minute in (50, 10, 30, 20, 41, 36, 5)]
        for number, (minute, sku, qty) in enumerate(day):
            for store_id in (1, 2):
                await sell(db, sku, qty, at=NOON + timedelta(minutes=minute), store_id=store_id)
            now = NOON + timedelta(minutes=60 + number)
            with pytest.raises(ZeroDivisionError):
                await self.die(db, at=now)
            await watch(db, now=now)

        tomorrow = NOON + timedelta(days=1)
        learnt = [(await watch(db, now=tomorrow, store_id=store_id)).learnt_days for store_id in (1, 2)]

        assert learnt == [1, 8]
        states = {(r["store_id"], r["sku"]): r["state"] for r in await all_rows(db, "sell_through")}
        assert [states[1, f"milk{n}"] for n in range(3)] == [states[2, f"milk{n}"] for n in range(3)]
        first, second = sorted(await all_rows(db, "store_rhythms"), key=lambda row: row["store_id"])
        assert (first["profile"], first["lines_a_day"]) == (second["profile"], second["lines_a_day"])

    async def die(self, db: Database, *, at: datetime) -> None:
        async with db.begin() as tx:
            held = await actions.take_store(tx, stamp(now=at))
            assert held
            await actions.learn(tx, stamp(now=at), held)
            await actions.watch_batch(tx, stamp(now=at), held)
            raise ZeroDivisionError


class TestOthersAtWork:
    async def test_waits_for_a_gap_scan_of_the_same_shelf_instead_of_dying_of_it(self, db: Database) -> None:
        """A gap scan sets the book right and then asks; the watch must not hold the pull and wait for the book."""
        sku = await shelf(db, on_shelf=1)
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku=sku, location="A1", counted_qty=0)
            watching = asyncio.create_task(watch(db))
            await somebody_waits(db)
            wish = Ask(sku=sku, shelf="A1", reason=Reason.GAP, requester="Ana")
            await asking.ask(tx, stamp(), wish)

        assert (await watching).evaluated == 1
        pull = await the_pull(db)
        assert (pull["ask_count"], pull["qty_wanted"]) == (2, 24)

    async def test_opens_one_pull_where_people_ask_at_the_same_moment(self, db: Database) -> None:
        skus = [await shelf(db, sku=f"milk{n}", on_shelf=1, sells=False) for n in range(6)]

        await asyncio.gather(watch(db), *(ask(db, sku) for sku in skus), *(sell(db, sku, 1) for sku in skus))

        opened = await all_rows(db, "pulls")
        assert sorted(p["sku"] for p in opened) == skus
        assert all(p["qty_wanted"] in (18, 23, 24) for p in opened)


class TestFlag:
    async def test_survives_a_sale_between_the_look_and_its_write(self, db: Database) -> None:
        """The watch saw nine and a trigger of eight; meanwhile two were sold, so it must look again."""
        sku = await shelf(db, on_shelf=9)
        service = stamp()
        async with db.begin() as tx:
            held = await actions.take_store(tx, service)
            assert held
            await set_triggers(tx, store_id=1, rows=[(sku, "A1", 1, 9)], now=NOON)
        await sell(db, sku, 2)
        async with db.begin() as tx:
            await set_triggers(tx, store_id=1, rows=[(sku, "A1", 8, 9)], now=NOON)

        assert (await balance(db, sku))["flagged_at"] == NOON


class TestDueStores:
    async def test_are_those_never_seen_and_those_whose_time_has_come(self, db: Database) -> None:
        await store(db, store_id=2)
        await shelf(db)
        await watch(db)

        assert await due_stores(db, now=NOON) == [2]
        assert await due_stores(db, now=NOON + timedelta(seconds=15)) == [2, 1]


class TestCost:
    @pytest.mark.parametrize("shelves", [2, 12])
    async def test_does_not_grow_in_statements_with_the_shelves(
        self, db: Database, statements: list[str], shelves: int
    ) -> None:
        """Some are opened, some re-priced, some expire: all in one transaction of few statements."""
        for n in range(3 * shelves):
            await shelf(db, sku=f"milk{n}", on_shelf=7 if n % 3 else 20, sells=False, presentation_min=8)
        await watch(db)
        for n in range(shelves):
            await sell(db, f"milk{3 * n}", 14, at=SOON)
            await sell(db, f"milk{3 * n + 1}", 7, at=SOON)
            await count(db, f"milk{3 * n + 2}", 24, at=SOON)
        at = NOON + timedelta(minutes=10)
        service = stamp(now=at)
        statements.clear()

        async with db.begin() as tx:
            held = await actions.take_store(tx, service)
            assert held
            found = await actions.watch_batch(tx, service, held)

        assert (found.opened, found.repriced, found.expired) == (shelves, shelves, shelves)
        assert len(statements) == 17

    async def test_is_three_statements_where_nothing_happens(self, db: Database, statements: list[str]) -> None:
        await shelf(db)
        await watch(db)
        statements.clear()
        await watch(db, now=NOON + timedelta(seconds=15))

        assert len(statements) == 3


async def test_an_item_nobody_knows_is_watched_too(db: Database) -> None:
    """No sales yet, an empty shelf: what presents badly is filled."""
    await store(db)
    sku = await item(db)
    await placement(db, sku=sku)
    assert (await watch(db)).evaluated == 1
