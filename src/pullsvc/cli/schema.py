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
    """Make partitions ahead, drop and prune what is older than it has to be kept; the worker does it hourly."""
    config = runtime.settings()

    async def act(db: Database) -> upkeep.Report:
        now, days = config.clock().now(), config.retention_days
        return await upkeep.maintain(db, now=now, retention_days=days, work_days=config.work_days)

    report = runtime.with_database(act, config=config)
    rolled = report.rolled
    if as_json:
        say_json({**asdict(rolled), "pruned": report.pruned})
        return
    people.print(
        f"{len(rolled.made)} partitions made, {len(rolled.dropped)} dropped, {rolled.rows_dropped} older rows removed"
    )
    for name, rows in report.pruned.items():
        people.print(f"{rows} {name.replace('_', ' ')} pruned")


COMMANDS = (migrate, maintain)
