"""Every table has its place in a cluster, every key can go there, and the command does what it prints."""

from collections.abc import AsyncIterator

import pytest

from pullsvc.cli.distribution import DISTRIBUTED, DISTRIBUTION_COLUMN, LOCAL, REFERENCE, statements
from pullsvc.db import Database, sql
from tests.cli.running import command
from tests.factories import all_rows

TABLES = sql("""
    SELECT relname AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
""")
UNIQUE = sql("""
    SELECT t.relname AS table, i.indexrelid::regclass::text AS name,
           array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(i.indkey))
               AS columns
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT t.relispartition
""")
FOREIGN = sql("""
    SELECT c.conname AS name, c.conrelid::regclass::text AS table, c.confrelid::regclass::text AS target,
           array(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(n, i)
                 JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY i) AS columns,
           array(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(n, i)
                 JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY i) AS target_columns
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE t.relnamespace = 'public'::regnamespace AND c.contype = 'f' AND NOT t.relispartition
""")
# What a Citus coordinator offers, as far as the command uses it; each call is written down.
CITUS = """
    CREATE TABLE pg_dist_partition (n integer GENERATED ALWAYS AS IDENTITY, logicalrelid regclass, by_column text,
                                    together text);
    CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql
        AS 'INSERT INTO pg_dist_partition (logicalrelid) VALUES (table_name)';
    CREATE FUNCTION create_distributed_table(table_name regclass, by_column text, colocate_with text DEFAULT 'default')
        RETURNS void LANGUAGE sql
        AS 'INSERT INTO pg_dist_partition (logicalrelid, by_column, together)
            VALUES (table_name, by_column, colocate_with)';
"""
NO_CITUS = """
    DROP FUNCTION create_reference_table(regclass);
    DROP FUNCTION create_distributed_table(regclass, text, text);
    DROP TABLE pg_dist_partition;
"""


class TestPlaces:
    async def test_every_table_has_one(self, db: Database) -> None:
        async with db.read() as tx:
            names = sorted(row.name for row in await tx.rows(TABLES))

        assert sorted([*REFERENCE, *DISTRIBUTED, *LOCAL]) == names

    async def test_what_is_unique_is_so_within_a_store(self, db: Database) -> None:
        """A node can only vouch for its own rows."""
        async with db.read() as tx:
            keys = [row for row in await tx.rows(UNIQUE) if row.table in DISTRIBUTED]

        assert [key.name for key in keys if DISTRIBUTION_COLUMN not in key.columns] == []
        assert {key.table for key in keys} == set(DISTRIBUTED)

    async def test_what_is_referred_to_is_on_the_same_node(self, db: Database) -> None:
        def reachable(table: str, target: str, pairs: list[tuple[str, str]]) -> bool:
            if table in DISTRIBUTED:
                by_store = target in DISTRIBUTED and (DISTRIBUTION_COLUMN, DISTRIBUTION_COLUMN) in pairs
                return by_store or target in REFERENCE
            return table in REFERENCE and target in REFERENCE

        async with db.read() as tx:
            keys = await tx.rows(FOREIGN)

        wrong = [
            key.name
            for key in keys
            if not reachable(key.table, key.target, list(zip(key.columns, key.target_columns, strict=True)))
        ]
        assert wrong == []
        assert len(keys) > 20

    async def test_what_is_referred_to_is_there_first(self, db: Database) -> None:
        order = [*REFERENCE, *DISTRIBUTED]
        async with db.read() as tx:
            keys = await tx.rows(FOREIGN)

        assert [key.name for key in keys if order.index(key.target) >= order.index(key.table)] == []


@pytest.fixture
async def citus(db: Database) -> AsyncIterator[None]:
    """A database that has the functions of Citus."""
    pool = await db.pool()
    await pool.execute(CITUS)
    yield
    await pool.execute(NO_CITUS)


class TestCommand:
    async def test_prints_what_it_would_run_without_any_database(self) -> None:
        done = await command("postgresql://nobody@127.0.0.1:1/none", "db", "distribute", "--sql")

        assert done.returncode == 0
        assert done.stdout.splitlines() == [f"{statement};" for statement in statements()]

    async def test_refuses_a_database_that_is_no_cluster(self, db: Database, database_url: str) -> None:
        done = await command(database_url, "db", "distribute")

        assert done.returncode == 1
        assert "CREATE EXTENSION citus" in done.stderr

    @pytest.mark.usefixtures("citus")
    async def test_puts_each_table_in_its_place_once(self, db: Database, database_url: str) -> None:
        first = await command(database_url, "db", "distribute")
        second = await command(database_url, "db", "distribute")

        assert (first.returncode, second.returncode) == (0, 0), first.stderr
        placed = sorted(await all_rows(db, "pg_dist_partition"), key=lambda row: int(row["n"]))
        assert [row["logicalrelid"] for row in placed] == [*REFERENCE, *DISTRIBUTED]
        assert [row["by_column"] for row in placed] == [None] * len(REFERENCE) + ["store_id"] * len(DISTRIBUTED)
        assert [row["together"] for row in placed if row["by_column"]] == ["none", *["items"] * (len(DISTRIBUTED) - 1)]
