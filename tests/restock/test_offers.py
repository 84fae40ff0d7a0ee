"""What the watch offers to tubs that go anyway: what it would ask for soon, as it is now."""

import asyncio
from datetime import timedelta
from typing import Any

from pullsvc.db import Database
from pullsvc.pulls.offers import GOOD_FOR
from pullsvc.restock import actions
from pullsvc.restock.settings import Settings
from pullsvc.tubs.claiming import Handed, claim_all
from tests.claims import open_pull, signed_by, wanted, workers
from tests.factories import NOON, all_rows, stamp, stocked
from tests.restock.test_watcher import somebody_waits
from tests.restock.world import count, sell, shelf, watch

SOON = NOON + timedelta(minutes=1)
NEAR = 13  # Of 24 on the shelf: not worth a trip of its own yet, but a place in a tub.


class TestOffer:
    async def test_is_what_would_be_asked_for_soon(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=NEAR)
        assert (await watch(db)).opened == 0

        (offer,) = await all_rows(db, "offers")
        assert (offer["sku"], offer["shelf"], offer["zone"], offer["fill_to"]) == (sku, "A1", "dairy", 24)
        assert offer["good_until"] == NOON + GOOD_FOR
        assert offer["explanation"]["verdict"] == "rides"
        assert "a place in a tub that goes" in offer["explanation"]["sentence"]
        assert await all_rows(db, "pulls") == []

    async def test_gives_way_to_a_pull(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=NEAR)
        await watch(db)
        await sell(db, sku, 10, at=SOON)
        assert (await watch(db, now=SOON)).opened == 1

        assert await all_rows(db, "offers") == []

    async def test_goes_when_the_shelf_is_full_after_all(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=NEAR)
        await watch(db)
        await count(db, sku, 24, at=SOON)
        await watch(db, now=NOON + timedelta(minutes=10))

        assert await all_rows(db, "offers") == []

    async def test_is_renewed_while_it_holds(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=NEAR + 1)
        await watch(db)
        before = await all_rows(db, "offers")
        await sell(db, sku, 1, at=SOON)
        await watch(db, now=SOON)

        (offer,) = await all_rows(db, "offers")
        assert offer["good_until"] == SOON + GOOD_FOR
        assert offer["urgency"] >= before[0]["urgency"]

    async def test_becomes_a_pull_when_hands_are_idle(self, db: Database) -> None:
        """Ten minutes without any work: labour is cheap, and a trip for it is worth its time."""
        await shelf(db, on_shelf=NEAR)
        await watch(db)

        assert (await watch(db, now=NOON + timedelta(minutes=10))).opened == 1
        assert await all_rows(db, "offers") == []

    async def test_is_not_made_where_the_watch_is_switched_off(self, db: Database) -> None:
        await shelf(db, on_shelf=NEAR)
        async with db.begin() as tx:
            await actions.lock_settings(tx, stamp())
            await actions.change_settings(tx, stamp(), Settings(enabled=False))
        await watch(db)

        assert await all_rows(db, "offers") == []


class TestClaim:
    async def test_takes_it_along_with_its_explanation(self, db: Database) -> None:
        sku = await shelf(db, on_shelf=NEAR)
        await watch(db)
        await workers(db, [1])
        await stocked(db, sku="jam", bins={"B2": 30})
        await open_pull(db, "jam")

        async with db.begin() as tx:
            (task,) = await claim_all(tx, [wanted(signed_by(1), lines=10)])

        assert isinstance(task, Handed)
        assert {x["sku"]: x["qty_planned"] for x in task.lines} == {"jam": 6, sku: 24 - NEAR}
        (pull,) = await all_rows(db, "pulls", sku=sku)
        assert pull["explanation"]["on_hand"] == NEAR
        assert (await watch(db, now=SOON)).opened == 0

    async def test_and_the_watch_that_wants_it_too_do_not_die_of_each_other(self, db: Database) -> None:
        """The claim has the offer in hand when the watch makes a pull of it: the watch waits, and finds the pull."""
        sku = await shelf(db, on_shelf=NEAR)
        await watch(db)
        await workers(db, [1])
        await stocked(db, sku="jam", bins={"B2": 30})
        await open_pull(db, "jam")
        await sell(db, sku, 10, at=SOON)

        async with db.begin() as tx:
            (task,) = await claim_all(tx, [wanted(signed_by(1), lines=10)])
            watching: Any = asyncio.create_task(watch(db, now=SOON))
            await somebody_waits(db)

        assert isinstance(task, Handed)
        assert {x["sku"]: x["qty_planned"] for x in task.lines} == {"jam": 6, sku: 24 - 3}
        run = await watching
        assert (run.taken, run.opened) == (True, 0)
        (pull,) = await all_rows(db, "pulls", sku=sku)
        assert (pull["state"], pull["qty_wanted"]) == ("planned", 24 - 3)
