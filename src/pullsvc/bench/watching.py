"""A watcher for the bench: runs the watch as a worker does, as fast as it can, in a process of its own."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.bench.stats import Tally
from pullsvc.clock import wall_clock
from pullsvc.db import Database
from pullsvc.outbox.actions import Stamp
from pullsvc.restock import actions
from pullsvc.restock.watcher import watch_store

LEARN, RUN = "learn", "run"
LEARNT = "learnt"  # Marked once for each item and day learnt.
LOOK = "look"  # Marked once for each shelf looked at.
STATEMENT_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Seat:
    """What the watcher knows: the database, its stores, and how many items each has."""

    url: str
    stores: Sequence[int]
    items: int


def make_client(seat: Seat, tally: Tally) -> "Watcher":
    """Make the client of a seat."""
    return Watcher(seat, tally)


class Watcher:
    """Learns all days that are over, or looks at all shelves that are flagged or due, in every store."""

    def __init__(self, seat: Seat, tally: Tally) -> None:
        self._seat = seat
        self._tally = tally

    async def connect(self, address: str) -> None:
        """Need no service: the watch works on the database."""

    async def act(self, step: str) -> None:
        """Do a step for each store."""
        db = Database(
            self._seat.url, pool_size=2, statement_timeout_s=STATEMENT_LIMIT_S, application_name="pullsvc worker"
        )
        try:
            for store_id in self._seat.stores:
                while await (self._learn if step == LEARN else self._run)(db, store_id):
                    pass
        finally:
            await asyncio.shield(db.close())

    async def _learn(self, db: Database, store_id: int) -> bool:
        stamp = Stamp.of_service(store_id, wall_clock().now())
        async with db.begin() as tx:
            held = await actions.take_store(tx, stamp)
            assert held is not None, "nobody else watches here"
            days = await actions.learn(tx, stamp, held)
        self._mark(LEARNT, days * self._seat.items)
        return days > 0

    async def _run(self, db: Database, store_id: int) -> bool:
        began = time.monotonic()
        found = await watch_store(db, store_id=store_id, now=wall_clock().now())
        self._tally.note(RUN, began=began, ended=time.monotonic())
        self._mark(LOOK, found.evaluated)
        return found.more

    def _mark(self, what: str, times: int) -> None:
        for _ in range(times):
            self._tally.mark(what, at=time.monotonic(), value=0)
