"""Where each table lives when the database is a Citus cluster, and `db distribute`, which puts it there.

A store's rows are together on one node, so every act of the service is a transaction of that node. What the chain
shares is small and on every node. A test compares the table below with the schema.
"""

from collections.abc import Iterator
from typing import Annotated

import typer

from pullsvc.cli import runtime
from pullsvc.cli.runtime import EXIT_FOUND, fail, people
from pullsvc.db import Database, sql

# Copies on every node: read with every request, seldom written. Those that others refer to come first, here and below.
REFERENCE = ("stores", "principals", "grants", "api_keys")
# Spread by store_id; the second half of each key is unique within its store only.
DISTRIBUTED = (
    "items",
    "barcodes",
    "catalog_marks",
    "locations",
    "placements",
    "balances",
    "movements",
    "ledger_openings",
    "counts",
    "discrepancies",
    "receipts",
    "receipt_revisions",
    "waiting_receipts",
    "unknown_codes",
    "pulls",
    "pull_openings",
    "pull_wrongs",
    "offers",
    "asks",
    "tubs",
    "tasks",
    "task_lines",
    "sell_through",
    "store_rhythms",
    "watch_settings",
    "watch_schedule",
    "watched",
    "gap_checks",
    "expected_deliveries",
    "idempotency_keys",
    "people",
    "devices",
    "device_enrolments",
    "sessions",
    "sign_in_guards",
)
# On the coordinator. Events must be: their readers compare transaction ids with the horizon of a snapshot, and each
# node counts transactions of its own.
LOCAL = ("events", "worker_heartbeats", "alembic_version")

DISTRIBUTION_COLUMN = "store_id"
# Tables with rows are copied to their nodes, which takes as long as it takes.
MAX_STATEMENT_S = 86_400.0

FUNCTIONS = sql("""
    SELECT count(DISTINCT proname) = 2 AS there FROM pg_proc
    WHERE proname IN ('create_reference_table', 'create_distributed_table')
""")
_UNLESS_DONE = "WHERE NOT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = CAST('{table}' AS regclass))"


def statements() -> Iterator[str]:
    """Yield what makes a migrated database a distributed one; each statement does nothing when it is done already."""
    for table in REFERENCE:
        yield f"SELECT create_reference_table('{table}') {_UNLESS_DONE.format(table=table)}"
    # A group of their own, so that nothing else in the cluster ties down the shards of the stores.
    together = "none"
    for table in DISTRIBUTED:
        how = f"'{table}', '{DISTRIBUTION_COLUMN}', colocate_with => '{together}'"
        yield f"SELECT create_distributed_table({how}) {_UNLESS_DONE.format(table=table)}"
        together = DISTRIBUTED[0]


def distribute(
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the statements, and run none.")] = False,
) -> None:
    """Spread the tables of a migrated Citus database over its nodes, by store; run on the coordinator, once."""
    if as_sql:
        typer.echo("\n".join(f"{statement};" for statement in statements()))
        return
    config = runtime.settings()
    done = runtime.with_database(_run, config=config.model_copy(update={"job_statement_timeout_s": MAX_STATEMENT_S}))
    if not done:
        fail(
            "This database has no Citus. On a server that loads it (shared_preload_libraries), run as its superuser:",
            "CREATE EXTENSION citus; then pullsvc db distribute again. With --sql it prints the statements.",
            status=EXIT_FOUND,
        )
    people.print(f"{len(REFERENCE)} reference tables, {len(DISTRIBUTED)} distributed by {DISTRIBUTION_COLUMN}")


async def _run(db: Database) -> bool:
    """Run all statements, each in a transaction of its own; False, and nothing was done: there is no Citus."""
    async with db.read() as tx:
        if not (await tx.one(FUNCTIONS)).there:
            return False
    for statement in statements():
        async with db.begin() as tx:
            await tx.rows(sql(statement))
    return True


app = typer.Typer(name="db", help="The database as a cluster.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Make it a group, although it has one command."""


app.command()(distribute)
