"""`keys`: who may call the API, and as what."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from pullsvc.access import actions
from pullsvc.access.rules import NewKey, Role
from pullsvc.cli import runtime
from pullsvc.cli.runtime import JsonFlag, page, people, say_json
from pullsvc.clock import wall_clock
from pullsvc.db import Database

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

MAX_NAME_CHARS = 120


class Kind(StrEnum):
    """What holds a key."""

    PERSON = "person"
    DEVICE = "device"
    POS = "pos"
    SERVICE = "service"


class ChainRole(StrEnum):
    """Roles that reach over all stores."""

    ADMIN = "admin"
    READONLY = "readonly"


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who or what will hold it.")],
    store: Annotated[list[str] | None, typer.Option(help="STORE=ROLE, as 1=lead; repeat it for more.")] = None,
    chain_role: Annotated[ChainRole | None, typer.Option(help="Role in every store.")] = None,
    kind: Annotated[Kind, typer.Option(help="What will hold it.")] = Kind.SERVICE,
    expires_days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days that it lasts.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key; its token is shown this once, and only a hash of it is kept."""
    grants = dict(_grant(text) for text in store or ())
    if not grants and not chain_role:
        raise typer.BadParameter("give --store STORE=ROLE or --chain-role")
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        raise typer.BadParameter(f"--name has 1 to {MAX_NAME_CHARS} printable characters")
    now = wall_clock().now()

    async def act(db: Database) -> NewKey:
        async with db.begin() as tx:
            return await actions.create_key(
                tx,
                name=name.strip(),
                kind=kind,
                grants=grants,
                chain_role=Role(chain_role) if chain_role else None,
                expires_at=now + timedelta(days=expires_days) if expires_days else None,
                now=now,
            )

    made = runtime.with_database(act)
    if as_json:
        say_json({"key_id": made.key_id, "token": made.token})
        return
    people.print(f"Key {made.key_id} of {name!r}. Keep the token, it is not shown again:", markup=False)
    page.print(made.token, soft_wrap=True)


@app.command(name="list")
def list_(as_json: JsonFlag = False) -> None:
    """List all keys, without their secrets."""

    async def act(db: Database) -> list[dict[str, Any]]:
        async with db.read() as tx:
            return await actions.list_keys(tx)

    rows = runtime.with_database(act)
    if as_json:
        say_json(rows)
        return
    table = Table("key", "name", "kind", "roles", "state", "last used")
    now = wall_clock().now()
    for row in rows:
        roles = [f"{grant['store_id']}={grant['role']}" for grant in row["grants"]]
        everywhere = [f"all={row['chain_role']}"] if row["chain_role"] else []
        expired = row["expires_at"] and row["expires_at"] <= now
        state = "revoked" if row["revoked_at"] else "expired" if expired else "live"
        used = row["last_used_at"].isoformat(timespec="minutes") if row["last_used_at"] else "-"
        table.add_row(row["key_id"], row["name"], row["kind"], " ".join(everywhere + roles), state, used)
    page.print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The key, as `keys list` shows it.")]) -> None:
    """Make a key worthless, within PULLSVC_KEY_CACHE_S seconds everywhere."""

    async def act(db: Database) -> None:
        async with db.begin() as tx:
            await actions.revoke_key(tx, key_id=key_id, now=wall_clock().now())

    runtime.with_database(act)
    people.print(f"revoked {key_id}", markup=False)


def _grant(text: str) -> tuple[int, Role]:
    """Return the store and role that `1=lead` names."""
    store, _, role = text.partition("=")
    if not store.isdecimal() or role not in set(Role):
        raise typer.BadParameter(f"{text!r} is not STORE=ROLE; roles: {', '.join(Role)}")
    return int(store), Role(role)
