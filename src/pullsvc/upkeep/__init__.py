"""Upkeep of what grows: partitions made ahead and dropped, ended work pruned, and the audit holds all the same."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from pullsvc.db import Database
from pullsvc.upkeep.partitions import STORES, Rolled, roll
from pullsvc.upkeep.pruning import prune_store

__all__ = ["Report", "Rolled", "maintain", "prune_store", "roll"]


@dataclass(frozen=True, slots=True)
class Report:
    """What one upkeep did.

    Attributes:
        rolled: Partitions made and dropped.
        pruned: How many of each kind of row went, all stores together.
    """

    rolled: Rolled
    pruned: Counter[str] = field(default_factory=Counter)


async def maintain(db: Database, *, now: datetime, retention_days: int, work_days: int) -> Report:
    """Do all that is due at `now`, in many short transactions; a repeat finds nothing left to do.

    Raises:
        Busy: something was in use for too long; what was done stays, the rest is due again.
    """
    report = Report(await roll(db, now=now, retention_days=retention_days))
    async with db.read() as tx:
        stores = [row.store_id for row in await tx.rows(STORES)]
    for store_id in stores:
        report.pruned.update(
            await prune_store(db, store_id=store_id, now=now, retention_days=retention_days, work_days=work_days)
        )
    return report
