"""`people`: who works in a store, with badge and PIN."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
from rich.table import Table

from pullsvc.access import hashing, people, people_queries, pins, roster
from pullsvc.access.people import PersonData
from pullsvc.access.queries import store_exists
from pullsvc.access.rules import NoSuchStore, Role
from pullsvc.access.views import PersonBody
from pullsvc.cli import runtime
from pullsvc.cli.bulk import show_refusal
from pullsvc.cli.runtime import EXIT_FOUND, JsonFlag, fail, page, say_json
from pullsvc.cli.runtime import people as to_people
from pullsvc.clock import wall_clock
from pullsvc.db import Database, Row, Tx
from pullsvc.outbox.actions import Stamp
from pullsvc.tabular import ImportRefused

app = typer.Typer(help="Who works in a store: list, import, add, disable, PINs and badges.", no_args_is_help=True)

T = TypeVar("T")
MAX_LISTED = 10_000

Store = Annotated[int, typer.Option(min=1, help="The store.")]
BadgeArgument = Annotated[str, typer.Argument(help="Code on the badge, scanned or typed.")]


@app.command(name="list")
def list_(store: Store, as_json: JsonFlag = False) -> None:
    """List the people of a store."""

    async def act(tx: Tx, stamp: Stamp, wall_now: datetime) -> list[dict[str, Any]]:
        rows = await tx.rows(
            people_queries.LIST_PEOPLE,
            store_id=stamp.store_id,
            active=None,
            after=None,
            wall_now=wall_now,
            limit=MAX_LISTED,
        )
        return [row._asdict() for row in rows]

    rows = _in_store(store, act)
    if as_json:
        say_json(rows)
        return
    table = Table("badge", "name", "roles", "qualifications", "state")
    for row in rows:
        state = "disabled" if not row["active"] else "locked out" if row["locked_until"] else "can sign in"
        if row["active"] and not row["has_pin"]:
            state = "has no PIN"
        table.add_row(row["badge"], row["name"], " ".join(row["roles"]), " ".join(row["qualifications"]), state)
    page.print(table)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header.", exists=True, dir_okay=False)],
    store: Store,
    as_json: JsonFlag = False,
) -> None:
    """Add or change the people that a CSV file lists, by badge: all of them or, when a row is wrong, none.

    Columns: name, badge, roles, and if you like qualifications, locale, active. Several roles are separated by `;`.
    Nobody gets a PIN by this; see `people pin`.
    """
    try:
        with file.open("rb") as lines:
            rows = roster.read_roster(lines)
        counts = _in_store(store, lambda tx, stamp, now: roster.import_roster(tx, stamp, rows, wall_now=now))
    except ImportRefused as refused:
        show_refusal(refused, as_json=as_json)
        raise typer.Exit(EXIT_FOUND) from None
    if as_json:
        say_json(asdict(counts))
    else:
        to_people.print(", ".join(f"{n} {word}" for word, n in asdict(counts).items()))


@app.command()
def add(
    store: Store,
    name: Annotated[str, typer.Option(help="As the others call them.")],
    role: Annotated[list[str], typer.Option(help="One of associate, backroom, lead, manager, readonly; repeatable.")],
    badge: Annotated[str | None, typer.Option(help="Code on the badge; left out: a new one.")] = None,
    qualification: Annotated[list[str] | None, typer.Option(help="As lift, freezer, hazmat; repeatable.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language, as es.")] = None,
    with_pin: Annotated[
        bool, typer.Option("--with-pin", help="Make a random PIN, too, and show it this once.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Add a person, and show the badge that they got."""
    given = {"name": name, "badge": badge, "roles": role, "qualifications": qualification or [], "locale": locale}
    try:
        data = PersonBody.model_validate(given, strict=False).data()
    except ValidationError as invalid:
        fail(*(f"--{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in invalid.errors()))
    pin = pins.new_pin(badge=data.badge) if with_pin else None

    async def act(tx: Tx, stamp: Stamp, wall_now: datetime) -> dict[str, Any]:
        who = await people.add_person(tx, stamp, data)
        if pin:
            await _set_pin(tx, stamp, who, data.badge, pin, wall_now)
        return {"principal_id": who, "badge": data.badge, "pin": pin}

    _show(_in_store(store, act), f"{data.name} has the badge {data.badge}", as_json=as_json)


@app.command()
def disable(
    badge: BadgeArgument, store: Store, undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False
) -> None:
    """Let a person sign in no more; whoever is signed in is out within PULLSVC_KEY_CACHE_S seconds."""
    _edit(badge, store, {"active": undo})
    to_people.print("may sign in again" if undo else "disabled")


@app.command(name="badge")
def change_badge(
    badge: BadgeArgument,
    store: Store,
    new: Annotated[str | None, typer.Argument(help="Code of the new badge; left out: a random one.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a person another badge in place of a lost one; the lost one is worth nothing any more."""
    code = pins.badge_of(new) if new else pins.new_badge()
    _edit(badge, store, {"badge": code})
    _show({"badge": code}, f"The new badge is {code}", as_json=as_json)


@app.command(name="pin")
def set_pin(
    badge: BadgeArgument,
    store: Store,
    from_stdin: Annotated[bool, typer.Option("--stdin", help="Read the PIN from the first line of stdin.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Give a person a new PIN, random unless read from stdin, and show a random one this once.

    Also ends their sessions and lifts a lock-out.
    """
    chosen = sys.stdin.readline().strip() if from_stdin else None

    async def act(tx: Tx, stamp: Stamp, wall_now: datetime) -> dict[str, Any]:
        person = await _by_badge(tx, stamp, badge)
        pin = chosen or pins.new_pin(badge=person.badge)
        pins.check_pin(pin, badge=person.badge)
        await _set_pin(tx, stamp, person.principal_id, person.badge, pin, wall_now)
        return {"principal_id": person.principal_id, "badge": person.badge, "pin": None if chosen else pin}

    _show(_in_store(store, act), "The PIN is set", as_json=as_json)


async def _set_pin(tx: Tx, stamp: Stamp, principal_id: int, badge: str, pin: str, wall_now: datetime) -> None:
    pin_hash = hashing.hash_pin(pin)
    await people.set_pin(tx, stamp, principal_id=principal_id, badge=badge, pin_hash=pin_hash, wall_now=wall_now)


def _edit(badge: str, store: int, changes: dict[str, Any]) -> None:
    async def act(tx: Tx, stamp: Stamp, wall_now: datetime) -> None:
        who = (await _by_badge(tx, stamp, badge)).principal_id
        row = await people.get_person(tx, store_id=stamp.store_id, principal_id=who, wall_now=wall_now)
        known = {name: row[name] for name in ("name", "badge", "roles", "qualifications", "locale", "active")}
        data = PersonData(**{**known, "roles": [Role(role) for role in row.roles], **changes})
        await people.edit_person(tx, stamp, principal_id=who, data=data, wall_now=wall_now)

    _in_store(store, act)


async def _by_badge(tx: Tx, stamp: Stamp, badge: str) -> Row:
    code = pins.badge_of(badge)
    found = await tx.rows(people_queries.BY_BADGES, store_id=stamp.store_id, badges=[code])
    if not found:
        raise people.NoSuchPerson(f"Nobody in store {stamp.store_id} has the badge {code}; see `pullsvc people list`.")
    return found[0]


def _in_store(store: int, act: Callable[[Tx, Stamp, datetime], Awaitable[T]]) -> T:
    """Run `act` in one transaction, signed by the service, on a store that exists."""
    config = runtime.settings()

    async def run(db: Database) -> T:
        async with db.begin() as tx:
            if not await store_exists(tx, store_id=store):
                raise NoSuchStore(f"Store {store} does not exist; create it over the API first.")
            return await act(tx, Stamp.of_service(store, config.clock().now()), wall_clock().now())

    return runtime.with_database(run, config=config)


def _show(made: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        say_json(made)
        return
    to_people.print(text, markup=False)
    if made.get("pin"):
        to_people.print("Keep the PIN, it is not shown again:")
        page.print(made["pin"])
