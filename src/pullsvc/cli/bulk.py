"""`import`: items, barcodes, locations and placements from files."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pullsvc.access.queries import store_exists
from pullsvc.access.rules import NoSuchStore
from pullsvc.catalog import imports
from pullsvc.catalog.bulk import Counts
from pullsvc.catalog.imports import Media, OnlyTried, What
from pullsvc.cli import runtime
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, people, say_json
from pullsvc.db import Database
from pullsvc.outbox.actions import Stamp
from pullsvc.tabular import ImportRefused

MEDIA = {".csv": Media.CSV, ".ndjson": Media.NDJSON, ".jsonl": Media.NDJSON}


def import_file(
    kind: Annotated[What, typer.Argument(help="What the rows are.")],
    file: Annotated[Path, typer.Argument(help="CSV or NDJSON, by its ending.", exists=True, dir_okay=False)],
    store: Annotated[int, typer.Option(min=1, help="The store.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Create or change what a file lists, all of it or nothing; a repeat changes nothing."""
    media = MEDIA.get(file.suffix.lower())
    if media is None:
        raise typer.BadParameter(f"the name of the file ends with one of {', '.join(MEDIA)}")
    config = runtime.settings()

    async def act(db: Database) -> Counts:
        async with db.begin() as tx:
            if not await store_exists(tx, store_id=store):
                raise NoSuchStore(f"Store {store} does not exist; create it over the API first.")
            counts = await imports.import_rows(tx, Stamp.of_service(store, config.clock().now()), kind, rows)
            if dry_run:
                raise OnlyTried(counts)
            return counts

    try:
        with file.open("rb") as lines:
            rows = imports.read_rows(kind, media, lines)
        counts = runtime.with_database(act, config=config)
    except OnlyTried as tried:
        counts = tried.counts
    except ImportRefused as refused:
        show_refusal(refused, as_json=as_json)
        raise typer.Exit(EXIT_FOUND) from None
    if as_json:
        say_json({**asdict(counts), "dry_run": dry_run})
    else:
        said = ", ".join(f"{n} {word}" for word, n in asdict(counts).items())
        people.print(f"{kind}: {said}" + (" - only tried, nothing changed" if dry_run else ""))


def show_refusal(refused: ImportRefused, *, as_json: bool) -> None:
    """Say for each row what is wrong with it."""
    if as_json:
        say_json({"code": refused.code, "detail": refused.detail, **refused.facts})
        return
    people.print(f"{refused.title} {refused.detail}", markup=False)
    errors: Any = refused.facts.get("errors", ())
    for error in errors:
        people.print(f"  row {error['row']}, {error['column'] or 'as a whole'}: {error['detail']}", markup=False)
