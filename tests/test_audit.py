"""Each law broken on purpose behind the service's back: the audit names it."""

import pytest

from pullsvc.audit import CHECKS, audit
from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from tests.factories import NOON, item, location, placement, stamp, store

TASK = """
    INSERT INTO principals (principal_id, name, kind, created_at) VALUES (77, 'Ana', 'person', :now);
    INSERT INTO tubs (store_id, tub, state, volume_ml, weight_g, updated_at) VALUES (1, 'T1', 'idle', 1, 1, :now);
    INSERT INTO pulls (store_id, pull_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at,
                       due_at) VALUES (1, 5, 'milk', 'A1', 'main', 'open', 'gap', 1, 1, 9, :now, :now);
    INSERT INTO tasks (store_id, task_id, state, tub, fence, claimed_by, claimed_at, lease_until, estimated_s,
                       line_count) VALUES (1, 6, 'filling', 'T1', 1, 77, :now, :now, 1, 1);
    INSERT INTO task_lines (store_id, task_id, line_no, pull_id, sku, from_location, shelf, pick_seq, state,
                            qty_planned) VALUES (1, 6, 1, 5, 'milk', 'B1', 'A1', 1, 'planned', 4);
    UPDATE pulls SET qty_planned = 4
"""
END_TASK = "UPDATE tasks SET state = 'closed', ended_at = :now"
DROP_LINE = "UPDATE task_lines SET state = 'dropped'; UPDATE pulls SET qty_planned = 0"
FILL_TUB = """
    INSERT INTO balances (store_id, sku, location, kind, qty, updated_at) VALUES (1, 'milk', 'T1', 'tub', 2, :now)
"""
# What breaks a law, and what the audit says.
BREACHES = {
    "a balance that nobody moved": ("UPDATE balances SET qty = 8 WHERE location = 'B1'", "law-1-books", "milk at B1"),
    "a balance lost": ("DELETE FROM balances WHERE location = 'B1'", "law-1-books", "milk at B1"),
    "units out of nowhere": ("UPDATE balances SET qty = 8 WHERE location = 'B1'", "law-1-conservation", "milk"),
    "a movement gone": ("DELETE FROM movements", "law-1-conservation", "milk"),
    "units left in a closed tub": (
        f"{TASK}; UPDATE task_lines SET state = 'picked', qty_picked = 4; {END_TASK}", "law-2-lines", "task 6 line 1",
    ),
    "a task that forgot a pick": (
        f"{TASK}; UPDATE task_lines SET state = 'picked', qty_picked = 4", "law-2-tasks", "task 6 picked",
    ),
    "a full tub that nobody works on": (
        f"{TASK}; {DROP_LINE}; {END_TASK}; {FILL_TUB}", "law-2-tubs", "tub T1: milk",
    ),
    "a tub that holds what no line picked": (f"{TASK}; {FILL_TUB}", "law-2-tubs", "tub T1: milk"),
    "a tub that lacks what a line picked": (
        f"{TASK}; UPDATE task_lines SET state = 'picked', qty_picked = 4", "law-2-tubs", "tub T1: milk",
    ),
    "a pull that plans what no line plans": (
        f"{TASK}; UPDATE pulls SET qty_planned = 5", "law-3-pulls", "pull 5 planned",
    ),
    "a pull that has in tubs what no tub has": (
        f"{TASK}; UPDATE pulls SET qty_filled = 1", "law-3-pulls", "pull 5 filled",
    ),
    "a pull that put what no line put": (
        f"{TASK}; UPDATE pulls SET qty_put = 1", "law-3-pulls", "pull 5 put",
    ),
}  # fmt: skip


@pytest.fixture
async def books(db: Database) -> Database:
    """A store whose books are in order: ten came in, three went to the shelf."""
    await store(db)
    await item(db, sku="milk")
    await placement(db, sku="milk", shelf="A1")
    await location(db, code="B1")
    await location(db, code="T1", kind="tub")
    async with db.begin() as tx:
        await stock.receive(tx, stamp(), sku="milk", qty=10, location="B1", reference="truck")
        await stock.move_units(tx, stamp(), sku="milk", qty=3, src="B1", dst="A1", reason=None)
    return db


async def run(db: Database, script: str) -> None:
    async with db.begin() as tx:
        for statement in script.split(";"):
            await tx.run(sql(statement), **({"now": NOON} if ":now" in statement else {}))


class TestAudit:
    async def test_finds_nothing_where_everything_went_through_the_service(self, books: Database) -> None:
        finding = await audit(books)

        assert (finding.holds, finding.stores, finding.checks) == (True, 1, len(CHECKS))

    async def test_finds_nothing_wrong_with_a_task_on_its_way(self, books: Database) -> None:
        await run(books, TASK)

        assert (await audit(books)).breaches == []

    @pytest.mark.parametrize("name", BREACHES)
    async def test_names_the_law_and_what_breaks_it(self, books: Database, name: str) -> None:
        script, law, subject = BREACHES[name]
        await run(books, script)
        finding = await audit(books)

        assert not finding.holds
        assert (law, subject) in {(breach.law, breach.subject) for breach in finding.breaches}

    async def test_looks_only_at_the_store_wanted(self, books: Database) -> None:
        await store(books, store_id=2)
        await run(books, "UPDATE balances SET qty = 8 WHERE location = 'B1'")

        assert (await audit(books, store_id=2)).holds

    def test_every_law_but_one_that_is_a_constraint_is_broken_here(self) -> None:
        """`law-3-wanted` is a CHECK as well: the database lets nobody break it, so no test can."""
        assert {check.law for check in CHECKS} - {law for _, law, _ in BREACHES.values()} == {"law-3-wanted"}
