"""`serve` and `worker`: run until told to stop."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pullsvc import server, supervisor
from pullsvc.access import actions as access
from pullsvc.cli import runtime
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.server import Plan

MAX_WORKERS = 64


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: PULLSVC_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=MAX_WORKERS, help="Processes that take requests.")] = 1,
    loops: Annotated[bool, typer.Option("--worker/--no-worker", help="Run the background loops, too.")] = True,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM); default: PULLSVC_TLS_CERT.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM); default: PULLSVC_TLS_KEY.")] = None,
) -> None:
    """Serve the API, and run the background loops beside it.

    Without PULLSVC_DATABASE_URL an embedded PostgreSQL is started and kept up to date; with it, run `migrate` first.
    """
    config = runtime.settings()
    if bool(tls_cert) != bool(tls_key):
        raise typer.BadParameter("give --tls-cert and --tls-key, both or neither")
    if tls_cert:
        config = config.model_copy(update={"tls_cert": tls_cert, "tls_key": tls_key})
    server.check_certificate(config)
    listener = server.bind(host or config.host, config.port if port is None else port)
    with runtime.place(config) as where:
        runtime.ensure_migrated(where)
        address = server.address_of(listener, secure=bool(config.tls_cert))
        plan = Plan(settings=config, database_url=where.url, loops=loops)
        _say_how_to_begin(where.url, config)

        def say_address() -> None:
            runtime.people.print(f"[bold]pullsvc[/] serves {address} - the API to read and try: {address}/docs")

        if workers == 1:
            server.run(plan, listener, on_started=say_address)
        else:
            say_address()
            supervisor.run(plan, listener, workers=workers)


def worker() -> None:
    """Run the background loops alone; any number of these may run."""
    config = runtime.settings()
    with runtime.place(config) as where:
        runtime.ensure_migrated(where)
        server.run(Plan(settings=config, database_url=where.url, web=False))


def _say_how_to_begin(url: str, config: Settings) -> None:
    """Nobody gets in without a key, and none is made unasked: say how to make the first."""

    async def any_keys() -> bool:
        async with runtime.opened(url, config) as db:
            return await has_keys(db)

    if not asyncio.run(any_keys()):
        runtime.people.print("No API key exists yet. Make one: pullsvc keys create --name admin --chain-role admin")


async def has_keys(db: Database) -> bool:
    """Tell whether anybody can sign in."""
    async with db.read() as tx:
        return bool(await access.list_keys(tx))


COMMANDS = (serve, worker)
