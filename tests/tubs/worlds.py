"""Stores with tasks ready to be worked on, made by hand, so that a test can have the same one twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pullsvc.db import Database, sql
from pullsvc.outbox.actions import Stamp
from tests.factories import NOON, key, location, stocked, store, tub

PLANNED = 6

PULL = sql("""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, qty_planned,
                       opened_at, due_at, planned_at)
    VALUES (:s, :sku, :shelf, 'main', 'planned', 'gap', 60, 1, :qty, :qty, :now, :now, :now) RETURNING pull_id
""")
TASK = sql("""
    INSERT INTO tasks (store_id, state, fence, claimed_by, claimed_at, lease_until, estimated_s, line_count)
    VALUES (:s, 'claimed', 1, :who, :now, :now, 60, :lines) RETURNING task_id
""")
LINE = sql("""
    INSERT INTO task_lines (store_id, task_id, line_no, pull_id, sku, from_location, shelf, pick_seq, state,
                            qty_planned)
    VALUES (:s, :task, :n, :pull, :sku, :bin, :shelf, :n, 'planned', :qty)
""")
WHO = sql("SELECT principal_id FROM principals WHERE name = :name")


@dataclass(frozen=True)
class World:
    """A store with tasks of two lines each, six eaches a line; all take their units from one bin."""

    store_id: int
    principal_id: int
    tasks: Sequence[int]

    def stamp(self) -> Stamp:
        return Stamp(store_id=self.store_id, principal_id=self.principal_id, now=NOON, occurred_at=NOON)


async def world(db: Database, *, store_id: int = 1, tasks: int = 2, in_bin: int = 100) -> World:
    """A store with tubs TUB-1, TUB-2 ..., a lane LANE-1, and tasks for skus s0, s1 ..., two lines each."""
    await store(db, store_id=store_id)
    await location(db, store_id=store_id, code="LANE-1", kind="lane")
    await key(db, role="lead", store_id=store_id, name=f"ben of {store_id}")
    for n in range(2 * tasks):
        await stocked(db, store_id=store_id, sku=f"s{n}", bins={"B1": in_bin})
    for n in range(tasks):
        await tub(db, store_id=store_id, plate=f"TUB-{n + 1}")
    async with db.begin() as tx:
        who = (await tx.one(WHO, name=f"ben of {store_id}")).principal_id
        made = []
        for n in range(tasks):
            task_id = (await tx.one(TASK, s=store_id, who=who, lines=2, now=NOON)).task_id
            for line_no in (1, 2):
                sku = f"s{2 * n + line_no - 1}"
                place: dict[str, Any] = {"s": store_id, "sku": sku, "shelf": f"SH-{sku}", "qty": PLANNED}
                pull = (await tx.one(PULL, now=NOON, **place)).pull_id
                await tx.run(LINE, task=task_id, n=line_no, pull=pull, bin="B1", **place)
            made.append(task_id)
    return World(store_id=store_id, principal_id=who, tasks=made)
