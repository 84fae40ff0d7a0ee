"""`migrate` and `maintain`: the schema and what grows in it."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from pullsvc import upkeep
from pullsvc.cli import runtime
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, people, say_json
from pullsvc.db import Database
from pullsvc.migrate import applied_revision, head_revision
from pullsvc.migrate import migrate as migrate_database


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; status 1 when there is something to do.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring the database to the schema of this version; processes that start together wait for each other."""
    config = runtime.settings()
    with runtime.place(config) as where:
        before = asyncio.run(applied_revision(where.url))
        if not check:
            asyncio.run(migrate_database(where.url))
        after = asyncio.run(applied_revision(where.url))
    head = head_revision()
    if as_json:
        say_json({"before": before, "after": after, "head": head, "at_head": after == head})
    else:
        people.print(f"schema: {before or 'none'} -> {after or 'none'}, this version needs {head}")
    if after != head:
        raise typer.Exit(EXIT_FOUND)


def maintain(as_json: JsonFlag = False) -> None:
    """Make partitions ahead, drop days older than PULLSVC_RETENTION_DAYS, prune old keys; the worker does it hourly."""
    config = runtime.settings()

    async def act(db: Database) -> upkeep.Report:
        return await upkeep.maintain(db, now=config.clock().now(), retention_days=config.retention_days)

    report = runtime.with_database(act, config=config)
    if as_json:
        say_json(asdict(report))
        return
    people.print(
        f"{len(report.made)} partitions made, {len(report.dropped)} dropped, "
        f"{report.rows_dropped} older rows and {report.keys_pruned} idempotency keys removed"
    )


COMMANDS = (migrate, maintain)
