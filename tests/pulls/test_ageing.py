"""An ask that is overdue rises above the watch, and stays below a waiting customer."""

from datetime import timedelta
from typing import Any

from pullsvc.db import Database
from pullsvc.pulls.ageing import AGE_EVERY, CEILING, age
from pullsvc.pulls.rules import URGENCY, Reason
from pullsvc.restock.compose import MAX_URGENCY
from tests.factories import NOON, stamp
from tests.restock.world import ask, shelf, the_pull, watch


class TestAge:
    async def test_lifts_an_overdue_ask_above_every_pull_of_the_watch(self, db: Database) -> None:
        """A routine ask is due after an hour; two hours later it comes before all that the watch can want."""
        await ask(db, await shelf(db, on_shelf=3))
        times = [NOON + timedelta(minutes=50) + n * AGE_EVERY for n in range(20)]
        urgencies = []
        for at in times:
            async with db.begin() as tx:
                await age(tx, stamp(now=at))
            pull: Any = await the_pull(db)
            urgencies.append(pull["urgency"])

        assert urgencies[:2] == [URGENCY[Reason.OTHER]] * 2
        assert urgencies == sorted(urgencies)
        assert urgencies[13] > MAX_URGENCY
        assert urgencies[-1] == CEILING < URGENCY[Reason.CUSTOMER_WAITING]

    async def test_leaves_the_pulls_of_the_watch_to_the_watch(self, db: Database) -> None:
        await shelf(db, on_shelf=3)
        await watch(db)
        async with db.begin() as tx:
            assert await age(tx, stamp(now=NOON + timedelta(hours=5))) == 0

    async def test_is_done_by_the_watcher_now_and_then(self, db: Database) -> None:
        await ask(db, await shelf(db, on_shelf=3))
        await watch(db, now=NOON + timedelta(hours=2))
        await watch(db, now=NOON + timedelta(hours=2, minutes=5))
        await watch(db, now=NOON + timedelta(hours=2, minutes=10))
        pull: Any = await the_pull(db)

        asked_by_both = URGENCY[Reason.OTHER] + 2 * 5
        assert pull["urgency"] >= asked_by_both
