"""The schema: distributable by store, the laws as constraints, the same words as the rules."""

import asyncio
import re
from enum import StrEnum

import pytest
from sqlalchemy import make_url

from pullsvc import migrate
from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.pulls.rules import LIVE, Reason, State
from pullsvc.sales.rules import LineKind, Status, Uom
from pullsvc.stock.rules import Cause
from pullsvc.tubs.rules import LineState, ShortReason, TaskState, TubState

# Kept once for the whole chain; everything else belongs to a store.
CHAIN_WIDE = {"principals", "api_keys", "worker_heartbeats", "alembic_version"}

KEYS = sql("""
SELECT c.conrelid::regclass::text AS of_table, c.conname AS name, c.contype::text AS kind,
       c.confrelid::regclass::text AS to_table,
       (SELECT array_agg(a.attname ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE t.relnamespace = 'public'::regnamespace AND c.contype IN ('p', 'u', 'f') AND NOT t.relispartition
""")
UNIQUE_INDEXES = sql("""
SELECT i.indrelid::regclass::text AS of_table, i.indexrelid::regclass::text AS name,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0]) AS first
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT t.relispartition
""")
INDEXES = sql("SELECT tablename AS of_table, indexdef AS definition FROM pg_indexes WHERE schemaname = 'public'")
TRIGGERS = sql("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
CHECKS = sql("""
SELECT c.conrelid::regclass::text AS of_table, pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint c WHERE c.contype = 'c' AND c.connamespace = 'public'::regnamespace
""")
PARTITIONED = sql("SELECT partrelid::regclass::text AS name FROM pg_partitioned_table ORDER BY 1")
COLUMNS = sql("""
SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1
""")


class TestSchema:
    async def test_every_key_of_a_store_begins_with_the_store(self, db: Database) -> None:
        async with db.read() as tx:
            keys = await tx.rows(KEYS)
            indexes = await tx.rows(UNIQUE_INDEXES)

        wrong = [
            key.name
            for key in keys
            if key.of_table not in CHAIN_WIDE and key.to_table not in CHAIN_WIDE and key.columns[0] != "store_id"
        ]
        wrong += [x.name for x in indexes if x.of_table not in CHAIN_WIDE and x.first != "store_id"]
        assert wrong == []
        assert len(keys) > 50

    async def test_a_key_between_stores_cannot_be_written(self, db: Database) -> None:
        """A foreign key that names another store's row would need two store columns; none has them."""
        async with db.read() as tx:
            keys = [key for key in await tx.rows(KEYS) if key.kind == "f"]

        assert all(key.columns.count("store_id") <= 1 for key in keys)

    async def test_there_is_no_trigger(self, db: Database) -> None:
        async with db.read() as tx:
            assert await tx.rows(TRIGGERS) == []

    async def test_what_grows_for_ever_is_partitioned_by_day(self, db: Database) -> None:
        async with db.read() as tx:
            names = [row.name for row in await tx.rows(PARTITIONED)]

        assert names == ["events", "movements", "receipts"]

    @pytest.mark.parametrize(
        ("table", "columns"),
        [
            ("balances", {"qty", "updated_at"}),
            ("tasks", {"lease_until", "qty_picked"}),
            ("task_lines", {"qty_picked", "picked_at"}),
            ("tubs", {"state", "task_id", "lane", "updated_at"}),
            ("pulls", {"qty_planned", "qty_filled", "qty_put", "planned_at", "filled_at"}),
        ],
    )
    async def test_what_a_scan_changes_is_in_no_index(self, db: Database, table: str, columns: set[str]) -> None:
        """So that the new version of a row can stay in its page, and no index entry is written for it."""
        async with db.read() as tx:
            indexes = [row.definition for row in await tx.rows(INDEXES) if row.of_table == table]

        words = {word for index in indexes for word in re.findall(r"\w+", index)}
        assert indexes
        assert words & columns == set()

    @pytest.mark.parametrize(
        ("table", "column", "words"),
        [
            ("pulls", "state", State),
            ("pulls", "reason", Reason),
            ("asks", "reason", Reason),
            ("tasks", "state", TaskState),
            ("task_lines", "state", LineState),
            ("task_lines", "short_reason", ShortReason),
            ("tubs", "state", TubState),
            ("movements", "cause", Cause),
            ("grants", "role", Role),
            ("receipts", "status", Status),
            ("receipts", "kinds", LineKind),
            ("receipts", "uoms", Uom),
        ],
    )
    async def test_the_checks_use_the_words_of_the_rules(
        self, db: Database, table: str, column: str, words: type[StrEnum]
    ) -> None:
        async with db.read() as tx:
            checks = [row.definition for row in await tx.rows(CHECKS) if row.of_table == table]

        ways = (f"CHECK (({column} = ANY (ARRAY[", f"CHECK (({column} <@ ARRAY[")
        listed = [check for check in checks if check.startswith(ways)]
        assert len(listed) == 1
        assert set(re.findall(r"'([a-z_]+)'::text", listed[0])) == set(words)

    async def test_a_pull_lives_exactly_while_it_has_not_ended(self, db: Database) -> None:
        async with db.read() as tx:
            checks = [row.definition for row in await tx.rows(CHECKS) if row.of_table == "pulls"]

        (ended,) = [check for check in checks if "ended_at IS NOT NULL" in check and "closed" in check]
        assert set(re.findall(r"'([a-z_]+)'::text", ended)) == set(State) - LIVE


class TestMigrations:
    def test_each_sets_a_lock_timeout_and_has_a_way_back(self) -> None:
        versions = sorted((migrate.migrations_folder() / "versions").glob("*.py"))
        assert versions
        for version in versions:
            upgrade, downgrade = version.read_text().split("def downgrade")
            assert "SET LOCAL lock_timeout" in upgrade, version.name
            assert "SET LOCAL lock_timeout" in downgrade, version.name

    async def test_down_and_up_again_gives_the_same_schema(self, shared_db: Database, database_url: str) -> None:
        name = f"{make_url(database_url).database}_round_trip"
        pool = await shared_db.pool()
        await pool.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await pool.execute(f"CREATE DATABASE {name}")
        url = make_url(database_url).set(database=name).render_as_string(hide_password=False)

        async def columns() -> list[str]:
            fresh = Database(url, pool_size=2)
            try:
                async with fresh.read() as tx:
                    return [row.line for row in await tx.rows(COLUMNS)]
            finally:
                await fresh.close()

        await migrate.migrate(url)
        first = await columns()
        await migrate.migrate(url, revision="base")
        assert [line for line in await columns() if "alembic" not in line] == []
        await migrate.migrate(url)

        assert await columns() == first
        assert await migrate.applied_revision(url) == migrate.head_revision()

    async def test_processes_that_start_together_wait_for_each_other(self, database_url: str) -> None:
        await asyncio.gather(*(migrate.migrate(database_url) for _ in range(4)))

        assert await migrate.applied_revision(database_url) == migrate.head_revision()
