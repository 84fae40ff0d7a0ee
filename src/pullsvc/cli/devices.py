"""`devices`: enrol, list and revoke the handhelds and screens of a store."""

from typing import Annotated, Any

import typer
from rich.table import Table

from pullsvc.access import devices, session_queries
from pullsvc.access.codes import qr_terminal
from pullsvc.access.queries import store_exists
from pullsvc.access.rules import NoSuchStore
from pullsvc.cli import runtime
from pullsvc.cli.runtime import JsonFlag, page, people, say_json
from pullsvc.clock import wall_clock
from pullsvc.db import Database, Tx
from pullsvc.outbox.actions import Stamp

app = typer.Typer(help="Enrol, list and revoke the devices of a store.", no_args_is_help=True)

MAX_LISTED = 10_000
MAX_NAME_CHARS = 120

Store = Annotated[int, typer.Option(min=1, help="The store.")]


@app.command()
def enrol(
    store: Store,
    name: Annotated[str, typer.Option(help="What it is called among the others.")],
    address: Annotated[str | None, typer.Option(help="Address of the service, as the device reaches it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a link and a QR code that enrol one device within ten minutes."""
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        raise typer.BadParameter(f"--name has 1 to {MAX_NAME_CHARS} printable characters")
    config = runtime.settings()

    async def act(db: Database) -> devices.Enrolment:
        async with db.begin() as tx:
            await _store_must_exist(tx, store)
            stamp = Stamp.of_service(store, config.clock().now())
            return await devices.make_enrolment(tx, stamp, name=name.strip(), wall_now=wall_clock().now())

    made = runtime.with_database(act, config=config)
    scheme = "https" if config.tls_cert else "http"
    url = f"{(address or f'{scheme}://{config.host}:{config.port}').rstrip('/')}{devices.path_of(made.code)}"
    if as_json:
        say_json({"enrolment_id": made.enrolment_id, "code": made.code, "url": url, "expires_at": made.expires_at})
        return
    page.print(qr_terminal(url), markup=False)
    page.print(url, soft_wrap=True, markup=False)
    people.print(f"Open it on the device within {int(devices.ENROLMENT_LASTS.total_seconds() // 60)} minutes; once.")


@app.command(name="list")
def list_(store: Store, as_json: JsonFlag = False) -> None:
    """List the enrolled devices of a store and who is signed in on them."""

    async def act(db: Database) -> list[dict[str, Any]]:
        at = {"store_id": store, "after": None, "revoked": False, "now": wall_clock().now(), "limit": MAX_LISTED}
        async with db.read() as tx:
            await _store_must_exist(tx, store)
            return [row._asdict() for row in await tx.rows(session_queries.LIST_DEVICES, **at)]

    rows = runtime.with_database(act)
    if as_json:
        say_json(rows)
        return
    table = Table("device", "name", "enrolled", "last used", "signed in")
    for row in rows:
        used = row["last_used_at"].isoformat(timespec="minutes") if row["last_used_at"] else "-"
        enrolled = row["enrolled_at"].isoformat(timespec="minutes")
        table.add_row(str(row["device_id"]), row["name"], enrolled, used, row["person"] or "-")
    page.print(table)


@app.command()
def revoke(device_id: Annotated[int, typer.Argument(min=1, help="As `devices list` shows it.")], store: Store) -> None:
    """Make a device unknown; who is signed in on it is out within PULLSVC_KEY_CACHE_S seconds."""
    config = runtime.settings()

    async def act(db: Database) -> None:
        async with db.begin() as tx:
            await _store_must_exist(tx, store)
            stamp = Stamp.of_service(store, config.clock().now())
            await devices.revoke_device(tx, stamp, device_id=device_id, wall_now=wall_clock().now())

    runtime.with_database(act, config=config)
    people.print(f"revoked {device_id}")


async def _store_must_exist(tx: Tx, store: int) -> None:
    if not await store_exists(tx, store_id=store):
        raise NoSuchStore(f"Store {store} does not exist; create it over the API first.")
