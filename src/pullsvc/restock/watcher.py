"""The watch as a worker runs it: any number of watchers share the stores, none of them leads."""

from dataclasses import dataclass
from datetime import datetime

from pullsvc.db import Database
from pullsvc.outbox.actions import Stamp
from pullsvc.restock import actions, gap_checks, queries
from pullsvc.restock.actions import Found
from pullsvc.restock.hours import watching

MAX_BATCHES_A_RUN = 20
MAX_STORES_A_ROUND = 500


@dataclass(frozen=True, slots=True)
class WatchRun:
    """What one run did in a store.

    Attributes:
        store_id: The store.
        taken: False: another watcher has it, or it was not due.
        learnt_days: Business days learnt.
        checks: Looks at silent shelves asked for.
        evaluated: Shelves looked at.
        opened: Pulls opened.
        joined: Live pulls that were asked for more.
        repriced: Open pulls of the watch that got another urgency.
        expired: Open pulls of the watch that are not needed any more.
        more: The run stopped at MAX_BATCHES_A_RUN; the store is due again at once.
    """

    store_id: int
    taken: bool = False
    learnt_days: int = 0
    checks: int = 0
    evaluated: int = 0
    opened: int = 0
    joined: int = 0
    repriced: int = 0
    expired: int = 0
    more: bool = False


async def due_stores(db: Database, *, now: datetime) -> list[int]:
    """Return the stores to run the watch for, at most MAX_STORES_A_ROUND."""
    async with db.read() as tx:
        return await queries.due_stores(tx, now=now, limit=MAX_STORES_A_ROUND)


async def watch_store(db: Database, *, store_id: int, now: datetime, batch_size: int = actions.MAX_BATCH) -> WatchRun:
    """Run the watch in one store: learn finished business days, then look at what is flagged or due.

    Each batch is a transaction of its own that holds the store's row, so a watcher that dies gives the store back at
    once, and two watchers never act on the same store at the same time. A store that is not ours is left at once.

    Args:
        db: The pool; each batch takes one connection.
        store_id: The store.
        now: The time that decides everything in this run.
        batch_size: Shelves in one transaction.
    Raises:
        Busy: another act held what a batch needs for too long; what earlier batches did stays, run it again.
    """
    stamp = Stamp.of_service(store_id, now)
    taken, learnt_days, learning, checks = False, 0, True, 0
    batches: list[Found] = []
    for _ in range(MAX_BATCHES_A_RUN):
        async with db.begin() as tx:
            held = await actions.take_store(tx, stamp)
            if held is None:
                break
            taken = True
            if learning:
                learnt = await actions.learn(tx, stamp, held)
                learnt_days, learning = learnt_days + learnt, learnt > 0
                if learnt:
                    continue
                await actions.age_asks(tx, stamp, held)
                if gap_checks.is_due(held, stamp) and watching(held.calendar, now=now):
                    checks = await gap_checks.listen(tx, stamp, held)
                    continue
            batches.append(await actions.watch_batch(tx, stamp, held, limit=batch_size))
        if not batches[-1].more:
            break
    return WatchRun(
        store_id=store_id,
        taken=taken,
        learnt_days=learnt_days,
        checks=checks,
        evaluated=sum(b.evaluated for b in batches),
        opened=sum(b.opened for b in batches),
        joined=sum(b.joined for b in batches),
        repriced=sum(b.repriced for b in batches),
        expired=sum(b.expired for b in batches),
        more=taken and (learning or not batches or batches[-1].more),
    )
