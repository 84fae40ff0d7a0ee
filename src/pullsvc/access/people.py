"""Add, edit and list the people of a store, and give them PINs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pullsvc.access import people_queries, queries, session_queries
from pullsvc.access.rules import Role
from pullsvc.db import Row, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append

# What a manager may make of people: nobody reaches beyond the store, and a till is no person.
ROLES_OF_PEOPLE = (Role.ASSOCIATE, Role.BACKROOM, Role.LEAD, Role.MANAGER, Role.READONLY)
MAX_QUALIFICATIONS = 20


class NoSuchPerson(Rejection):
    """The store has no such person."""

    kind = Kind.NOT_FOUND
    code = "no-such-person"
    title = "There is no such person in this store."


class BadgeTaken(Rejection):
    """Somebody else in the store has this badge."""

    kind = Kind.CONFLICT
    code = "badge-taken"
    title = "This badge is somebody else's."


@dataclass(frozen=True, slots=True)
class PersonData:
    """What is known of a person.

    Attributes:
        name: As the others call them.
        badge: Code on the badge, as `badge_of` returns it.
        roles: What they are in the store.
        qualifications: What they may be trusted with: lift, freezer, hazmat ...
        locale: Language of their screens, None: that of the device.
        active: Whether they may sign in.
    """

    name: str
    badge: str
    roles: Sequence[Role]
    qualifications: Sequence[str] = ()
    locale: str | None = None
    active: bool = True


async def add_person(tx: Tx, stamp: Stamp, data: PersonData) -> int:
    """Make a person of the store, without a PIN yet; return the principal's id.

    Raises:
        BadgeTaken: somebody has the badge already.
    """
    await _refuse_taken(tx, stamp, data.badge, but_of=None)
    row = await tx.one(queries.INSERT_PRINCIPAL, name=data.name, kind="person", chain_role=None, now=stamp.now)
    at = {"store_id": stamp.store_id, "principal_id": row.principal_id}
    await tx.run(people_queries.INSERT_PERSON, **at, **_details(data), now=stamp.now)
    await _set_principal(tx, stamp, row.principal_id, data)
    append(tx, stamp, "person.added", row.principal_id, {"roles": sorted(data.roles)})
    return int(row.principal_id)


async def lock_person(tx: Tx, *, store_id: int, principal_id: int) -> Row:
    """Return version and badge of a person, locked.

    Raises:
        NoSuchPerson: there is none.
    """
    row = await tx.row(people_queries.LOCK_PERSON, store_id=store_id, principal_id=principal_id)
    if row is None:
        raise NoSuchPerson(f"Nobody in this store has the id {principal_id}; /people lists them.")
    return row


async def edit_person(tx: Tx, stamp: Stamp, *, principal_id: int, data: PersonData, wall_now: datetime) -> None:
    """Change a person that was locked; whoever is not active any more, or could only look so far, is signed out.

    Raises:
        BadgeTaken: somebody else has the badge.
    """
    await _refuse_taken(tx, stamp, data.badge, but_of=principal_id)
    at: dict[str, Any] = {"store_id": stamp.store_id, "principal_id": principal_id}
    before = await get_person(tx, **at, wall_now=wall_now)
    # The session of who can only look goes on for weeks and never locks; with more to do on it that would not do.
    could_only_look = set(before.roles) == {Role.READONLY} != set(data.roles)
    await tx.run(people_queries.UPDATE_PERSON, **at, **_details(data), now=stamp.now)
    await _set_principal(tx, stamp, principal_id, data)
    if not data.active or could_only_look:
        await tx.run(session_queries.END_SESSIONS_OF_PERSON, **at, but=0, now=wall_now)
    append(tx, stamp, "person.changed", principal_id, {"roles": sorted(data.roles), "active": data.active})


async def get_person(tx: Tx, *, store_id: int, principal_id: int, wall_now: datetime) -> Row:
    """Return a person.

    Raises:
        NoSuchPerson: there is none.
    """
    row = await tx.row(people_queries.GET_PERSON, store_id=store_id, principal_id=principal_id, wall_now=wall_now)
    if row is None:
        raise NoSuchPerson(f"Nobody in this store has the id {principal_id}; /people lists them.")
    return row


async def set_pin(
    tx: Tx, stamp: Stamp, *, principal_id: int, badge: str, pin_hash: str, wall_now: datetime, but_session: int = 0
) -> None:
    """Give a person a new PIN: sessions begun with the old one end, but for `but_session`, and old failures with it."""
    at = {"store_id": stamp.store_id, "principal_id": principal_id}
    await tx.run(people_queries.SET_PIN, **at, pin_hash=pin_hash, now=wall_now)
    await tx.run(session_queries.END_SESSIONS_OF_PERSON, **at, but=but_session, now=wall_now)
    await tx.run(session_queries.LIFT_GUARD, store_id=stamp.store_id, guarded=f"badge:{badge}")
    append(tx, stamp, "person.pin_set", principal_id)


async def _refuse_taken(tx: Tx, stamp: Stamp, badge: str, *, but_of: int | None) -> None:
    taken = await tx.rows(people_queries.BY_BADGES, store_id=stamp.store_id, badges=[badge])
    if any(row.principal_id != but_of for row in taken):
        raise BadgeTaken(f"Somebody in this store has the badge {badge}; give another.", badge=badge)


async def _set_principal(tx: Tx, stamp: Stamp, principal_id: int, data: PersonData) -> None:
    at = {"store_id": stamp.store_id, "principal_id": principal_id}
    await tx.run(people_queries.UPDATE_PRINCIPAL, principal_id=principal_id, name=data.name, active=data.active)
    await tx.run(people_queries.REMOVE_GRANTS, **at, roles=sorted(data.roles))
    for role in sorted(data.roles):
        await tx.run(queries.INSERT_GRANT, **at, role=role, now=stamp.now)


def _details(data: PersonData) -> dict[str, Any]:
    return {"badge": data.badge, "locale": data.locale, "qualifications": sorted(set(data.qualifications))}
