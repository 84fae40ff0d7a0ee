"""What the database refuses becomes a refusal of ours, which says what to do; nothing of the act stays."""

from collections.abc import AsyncIterator

import pytest

from pullsvc.db import Database, UniqueViolation, sql
from pullsvc.errors import BeyondBooks, Busy
from tests.factories import all_rows, store
from tests.waiting import until

SLEEP = sql("SELECT pg_sleep(60)")
LOCK_STORES = sql("LOCK TABLE stores IN ACCESS EXCLUSIVE MODE")
COUNT_STORES = sql("SELECT count(*) AS n FROM stores")
MY_PROCESS = sql("SELECT pg_backend_pid() AS pid")
IS_THERE = sql("SELECT count(*) AS n FROM pg_stat_activity WHERE pid = :pid")
END = sql("SELECT pg_terminate_backend(:pid)")
IDLE_AT_MOST = sql("SET LOCAL idle_in_transaction_session_timeout = '20ms'")
RAISE = "DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = '{state}'; END $$"
RENAME = sql("UPDATE stores SET name = :name")


@pytest.fixture
async def hurried(database_url: str) -> AsyncIterator[Database]:
    """A database whose statements and locks may take a moment only."""
    own = Database(database_url, pool_size=1, statement_timeout_s=0.2, lock_timeout_s=0.1)
    yield own
    await own.close()


async def name_of_store(db: Database) -> str:
    (row,) = await all_rows(db, "stores")
    return str(row["name"])


async def test_a_statement_that_takes_too_long_is_busy(hurried: Database) -> None:
    with pytest.raises(Busy):
        async with hurried.begin() as tx:
            await tx.run(SLEEP)


async def test_a_lock_that_is_not_to_be_had_is_busy(db: Database, hurried: Database) -> None:
    async with db.begin() as tx:
        await tx.run(LOCK_STORES)
        with pytest.raises(Busy):
            async with hurried.begin() as other:
                await other.run(COUNT_STORES)


async def test_no_free_connection_is_busy(hurried: Database) -> None:
    async with hurried.begin():
        with pytest.raises(Busy):
            async with hurried.begin():
                pass


async def test_a_connection_that_breaks_is_busy_and_its_act_is_undone(db: Database, hurried: Database) -> None:
    await store(db)
    before = await name_of_store(db)

    async def rename_with_a_break() -> None:
        async with hurried.begin() as tx:
            await tx.run(RENAME, name="half")
            pid = (await tx.one(MY_PROCESS)).pid
            async with db.begin() as other:
                await other.run(END, pid=pid)
            await tx.run(RENAME, name="done")

    with pytest.raises(Busy):
        await rename_with_a_break()
    assert await name_of_store(db) == before
    async with hurried.begin() as tx:
        await tx.run(RENAME, name="again")
    assert await name_of_store(db) == "again"


async def test_a_process_so_starved_that_its_transaction_stood_idle_is_busy(db: Database, hurried: Database) -> None:
    await store(db)
    before = await name_of_store(db)

    async def is_gone(pid: int) -> bool:
        async with db.begin() as other:
            return not (await other.one(IS_THERE, pid=pid)).n

    async def rename_with_a_pause() -> None:
        async with hurried.begin() as tx:
            await tx.run(RENAME, name="half")
            pid = (await tx.one(MY_PROCESS)).pid
            await tx.run(IDLE_AT_MOST)
            await until(lambda: is_gone(pid))
            await tx.run(RENAME, name="done")

    with pytest.raises(Busy):
        await rename_with_a_pause()
    assert await name_of_store(db) == before


async def test_a_server_out_of_reach_is_busy(database_url: str) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Busy):
        async with away.begin():
            pass
    await away.close()


@pytest.mark.parametrize("state", ["40001", "40P01", "53100", "53200", "53300", "57P03", "25P04", "0A000", "08006"])
async def test_what_may_succeed_in_a_moment_is_busy(db: Database, state: str) -> None:
    with pytest.raises(Busy):
        async with db.begin() as tx:
            await tx.run(sql(RAISE.format(state=state)))


@pytest.mark.parametrize("state", ["42P01", "23514", "XX000"])
async def test_what_a_repeat_would_meet_again_is_a_fault_of_ours(db: Database, state: str) -> None:
    with pytest.raises(Exception, match="as if") as raised:
        async with db.begin() as tx:
            await tx.run(sql(RAISE.format(state=state)))
    assert not isinstance(raised.value, Busy)


async def test_a_figure_beyond_its_column_is_refused(db: Database) -> None:
    with pytest.raises(BeyondBooks):
        async with db.begin() as tx:
            await tx.run(sql("SELECT CAST(3000000000 AS integer)"))


async def test_a_second_row_of_one_key_names_the_constraint(db: Database) -> None:
    await store(db)
    with pytest.raises(UniqueViolation, match="stores_pkey"):
        async with db.begin() as tx:
            await tx.run(
                sql("INSERT INTO stores SELECT * FROM stores"),
            )


async def test_a_failure_that_somebody_swallows_commits_nothing(db: Database) -> None:
    await store(db)
    before = await name_of_store(db)

    async def rename_and_swallow() -> None:
        async with db.begin() as tx:
            await tx.run(RENAME, name="half")
            with pytest.raises(Exception, match="as if"):
                await tx.run(sql(RAISE.format(state="XX000")))

    with pytest.raises(RuntimeError, match="nothing was committed"):
        await rename_and_swallow()
    assert await name_of_store(db) == before
