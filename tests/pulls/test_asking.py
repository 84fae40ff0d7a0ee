"""Asking in batches: what comes of many asks at once is what came of them one after the other."""

import asyncio
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import asking
from pullsvc.pulls.asking import Asked, NoHome
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.rules import Outcome, Reason
from tests.conftest import EMPTY, Statements
from tests.factories import NOON, all_rows, location, placement, stamp, stocked, store
from tests.waiting import until

Scan = tuple[Stamp, list[Ask]]
STORES = (1, 2)
WAITERS = sql("""
    SELECT count(*) > 0 AS waiting FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
""")
SHELVES = {"milk": ("SH-milk", "END-milk"), "eggs": ("SH-eggs", "END-eggs"), "soap": ("SH-soap",)}


def wish(sku: str = "milk", shelf: str | None = None, **facts: Any) -> Ask:
    return replace(Ask(sku=sku, shelf=shelf or f"SH-{sku}", reason=Reason.OTHER, requester="ana"), **facts)


async def shop(db: Database, *, store_id: int = 1) -> None:
    """Milk and eggs on two shelves each, seven of each in the backroom; soap on one shelf, none in the backroom."""
    await store(db, store_id=store_id)
    for sku, qty in (("milk", 7), ("eggs", 7), ("soap", 0)):
        await stocked(db, store_id=store_id, sku=sku, bins={"B1": qty}, capacity=6, on_shelf=2)
    for sku in ("milk", "eggs"):
        await placement(db, store_id=store_id, sku=sku, shelf=f"END-{sku}", capacity=6, is_home=False)


def random_scans(seed: int) -> list[Scan]:
    """Some acts of asking, close together in time, in two stores; a few of them for places that do not exist."""
    random = Random(seed)

    def one() -> Ask:
        sku = random.choice(list(SHELVES))
        return wish(
            sku,
            random.choice([*SHELVES[sku], "NOWHERE"]) if random.random() < 0.2 else random.choice(SHELVES[sku]),
            reason=random.choice([Reason.OTHER, Reason.GAP, Reason.CUSTOMER_WAITING, Reason.WATCH]),
            qty=random.choice([None, None, 1, 3, 8]),
            seen_qty=random.choice([None, None, 0, 2, 6]),
            note=random.choice([None, "quick"]),
        )

    return [
        (
            stamp(store_id=random.choice(STORES), now=NOON + timedelta(minutes=n)),
            [one() for _ in range(random.choice([1, 1, 2, 4]))],
        )
        for n in range(random.randrange(2, 9))
    ]


async def forget(db: Database) -> None:
    """Empty the database again."""
    async with db.begin() as tx:
        await tx.run(EMPTY)


async def ask_together(db: Database, scans: Sequence[Scan]) -> list[list[Asked | NoHome]]:
    async with db.begin() as tx:
        return await asking.ask_all(tx, scans)


def told(results: Sequence[Sequence[Asked | NoHome]]) -> list[list[Any]]:
    """What the askers were told, without the ids."""
    return [
        [(astuple(one.netted), astuple(one.pull)) if isinstance(one, Asked) else type(one) for one in asked]
        for asked in results
    ]


async def written(db: Database) -> dict[str, list[Any]]:
    """What stands in the database, without the ids, in the order of the ids."""
    pulls = await all_rows(db, "pulls")
    place = {row["pull_id"]: (row["store_id"], row["sku"], row["shelf"], row["opened_at"]) for row in pulls}
    asks = sorted(await all_rows(db, "asks"), key=lambda row: int(row["ask_id"]))
    books = await all_rows(db, "balances")
    events = [row for row in await all_rows(db, "events") if row["kind"].startswith("pull.")]
    return {
        "pulls": sorted(str({k: v for k, v in row.items() if k != "pull_id"}) for row in pulls),
        "asks": [(place[row["pull_id"]], row["reason"], row["qty"], row["note"], row["asked_at"]) for row in asks],
        "books": sorted((b["store_id"], b["sku"], b["location"], b["qty"]) for b in books),
        "events": sorted((e["store_id"], e["kind"], str(e["data"]), e["occurred_at"]) for e in events),
    }


class TestAskAll:
    @pytest.mark.parametrize("seed", range(12))
    async def test_leads_to_what_the_acts_would_have_led_to_one_by_one(self, db: Database, seed: int) -> None:
        scans = random_scans(seed)
        for store_id in STORES:
            await shop(db, store_id=store_id)
        one_by_one = [(await ask_together(db, [scan]))[0] for scan in scans]
        expected = told(one_by_one), await written(db)
        await forget(db)
        for store_id in STORES:
            await shop(db, store_id=store_id)

        together = await ask_together(db, scans)

        assert (told(together), await written(db)) == expected

    async def test_lets_the_second_join_what_the_first_has_just_opened(self, db: Database) -> None:
        await shop(db)

        (first,), (second,) = await ask_together(db, [(stamp(), [wish()]), (stamp(), [wish(reason=Reason.GAP)])])

        assert isinstance(first, Asked)
        assert isinstance(second, Asked)
        assert (first.netted.outcome, first.netted.qty, first.pull.ask_count) == (Outcome.OPENED, 4, 1)
        assert (second.netted.outcome, second.netted.qty, second.pull.ask_count) == (Outcome.JOINED, 0, 2)
        assert first.pull_id == second.pull_id
        assert first.ask_id < second.ask_id
        (pull,) = await all_rows(db, "pulls")
        assert (pull["qty_wanted"], pull["ask_count"], pull["reason"]) == (4, 2, "gap")

    async def test_keeps_a_pull_that_ended_at_once_apart_from_the_one_that_is_opened_then(self, db: Database) -> None:
        await shop(db)
        scans = [(stamp(), [wish(seen_qty=6)]), (stamp(now=NOON + timedelta(minutes=1)), [wish(seen_qty=0)])]

        (first,), (second,) = await ask_together(db, scans)

        assert isinstance(first, Asked)
        assert isinstance(second, Asked)
        assert (first.netted.outcome, second.netted.outcome) == (Outcome.NOT_NEEDED, Outcome.OPENED)
        states = {row["pull_id"]: (row["state"], row["ask_count"]) for row in await all_rows(db, "pulls")}
        assert states == {first.pull_id: ("expired", 1), second.pull_id: ("open", 1)}
        assert [b["qty"] for b in await all_rows(db, "balances", location="SH-milk")] == [0]

    async def test_gives_no_unit_twice_to_two_shelves(self, db: Database) -> None:
        await shop(db)
        waiting = [(stamp(), [wish(seen_qty=0)]), (stamp(), [wish(shelf="END-milk")]), (stamp(), [wish("soap")])]

        results = await ask_together(db, waiting)

        assert [asked.netted.qty for (asked,) in results if isinstance(asked, Asked)] == [6, 1, 0]

    async def test_writes_nothing_of_what_it_refuses(self, db: Database) -> None:
        await shop(db)
        await location(db, code="EMPTY", kind="shelf")

        (refused,), (good,) = await ask_together(
            db, [(stamp(), [wish(shelf="EMPTY", seen_qty=3)]), (stamp(), [wish("eggs")])]
        )

        assert isinstance(refused, NoHome)
        assert isinstance(good, Asked)
        assert [row["sku"] for row in await all_rows(db, "pulls")] == ["eggs"]
        assert await all_rows(db, "counts") == []

    async def test_takes_as_many_statements_for_many_stores_as_for_one_ask(
        self, db: Database, statements: Statements
    ) -> None:
        for store_id in range(1, 8):
            await shop(db, store_id=store_id)
        scans = [(stamp(store_id=n), [wish(), wish("eggs"), wish("soap")]) for n in range(1, 8)]
        statements.clear()

        await ask_together(db, scans)

        assert len(statements) == 4  # Locks, looks, writes, and the events.
        assert {row["store_id"] for row in await all_rows(db, "pulls")} == set(range(1, 8))

    async def test_joins_what_another_batch_opens_at_the_same_moment(self, db: Database) -> None:
        """Neither sees the other's pull when it looks; the one that writes later finds it in its way."""
        await shop(db)

        async def ask() -> Any:
            async with db.begin() as tx:
                return await asking.ask_all(tx, [(stamp(), [wish(), wish("eggs")])])

        async with db.begin() as tx:
            ((first, _),) = await asking.ask_all(tx, [(stamp(), [wish(), wish("soap")])])
            task = asyncio.create_task(ask())

            async def waits() -> bool:
                async with db.read() as look:
                    return bool((await look.one(WAITERS)).waiting)

            await until(waits)
        ((second, eggs),) = await task

        assert isinstance(first, Asked)
        assert second.pull_id == first.pull_id
        pulls = {row["sku"]: row for row in await all_rows(db, "pulls")}
        assert (pulls["milk"]["ask_count"], pulls["milk"]["qty_wanted"]) == (2, 4)
        assert pulls["eggs"]["pull_id"] == eggs.pull_id
        asks = {row["ask_id"]: row["pull_id"] for row in await all_rows(db, "asks")}
        assert asks[second.ask_id] == first.pull_id
