"""`audit`: prove the laws from what is written down."""

from typing import Annotated

import typer
from rich.table import Table

from pullsvc import audit as laws
from pullsvc.cli import runtime
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, page, say_json
from pullsvc.db import Database


def audit(
    store: Annotated[int | None, typer.Option(min=1, help="Only this store.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove from the movements that no unit was lost or made up; status 1 and a list if one was."""

    async def act(db: Database) -> laws.Finding:
        return await laws.audit(db, store_id=store)

    finding = runtime.with_database(act)
    if as_json:
        say_json(finding.as_json())
    else:
        _show(finding)
    if not finding.holds:
        raise typer.Exit(EXIT_FOUND)


def _show(finding: laws.Finding) -> None:
    broken = {breach.law for breach in finding.breaches}
    table = Table("law", "claim", "", title=f"{finding.stores} store(s)")
    for check in laws.CHECKS:
        table.add_row(check.law, check.claim, "[red]broken[/]" if check.law in broken else "[green]holds[/]")
    page.print(table)
    for breach in finding.breaches:
        where = f"store {breach.store_id}, {breach.law}: {breach.subject}"
        page.print(f"{where}: {breach.expected} expected, {breach.found} found", markup=False, soft_wrap=True)


COMMANDS = (audit,)
