"""All commands, under one roof."""

import sys
from typing import Annotated

import typer

from pullsvc import __version__
from pullsvc.cli import (
    backtest,
    bench,
    bulk,
    contract,
    demo,
    devices,
    distribution,
    doctor,
    keys,
    labels,
    laws,
    people,
    schema,
    serve,
)
from pullsvc.cli.runtime import EXIT_FOUND, NotMigrated, fail
from pullsvc.embedded import EmbeddedError
from pullsvc.errors import Rejection
from pullsvc.server import AddressInUse, CertificateUnusable

app = typer.Typer(
    name="pullsvc",
    help="Backroom stock pulls and shelf replenishment for stores.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # They show local variables, among them passwords.
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (serve, schema, demo, backtest, doctor, laws, labels, contract):
    for command in module.COMMANDS:
        app.command()(command)
app.command(name="import")(bulk.import_file)
app.add_typer(keys.app, name="keys")
app.add_typer(people.app, name="people")
app.add_typer(devices.app, name="devices")
app.add_typer(bench.app, name="bench")
app.add_typer(distribution.app, name="db")


def _say_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"pullsvc {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Version.")] = False,
) -> None:
    """Take what stands before the command."""


def main() -> None:
    """Run the command line; a refusal is a sentence on stderr and status 1, never a traceback."""
    try:
        app()
    except Rejection as refusal:
        fail(f"{refusal.title} {refusal.detail}", status=EXIT_FOUND)
    except (AddressInUse, CertificateUnusable, EmbeddedError, NotMigrated) as trouble:
        fail(str(trouble), status=EXIT_FOUND)
