"""A file of people: who works in a store, read and written as a whole or not at all.

The badge says who is meant: a row with a new one adds a person, a row with a known one changes that person.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from pullsvc.access import people, people_queries
from pullsvc.access.people import PersonData
from pullsvc.access.views import Badge, PersonBody, Qualifications, Roles
from pullsvc.db import Tx
from pullsvc.outbox.actions import Stamp
from pullsvc.tabular import Faults, Numbered, checked, csv_records

_SEPARATOR = re.compile(r"[;|,\s]+")


def _split(value: object) -> object:
    return [part for part in _SEPARATOR.split(value) if part] if isinstance(value, str) else value


class PersonRow(PersonBody):
    """A person; a cell of several roles or qualifications separates them by `;`."""

    badge: Badge
    roles: Annotated[Roles, BeforeValidator(_split)]
    qualifications: Annotated[Qualifications, BeforeValidator(_split)] = Field(default=[])
    active: bool = True

    def data(self) -> PersonData:
        """Return what the row says."""
        return PersonData(self.name, self.badge, self.roles, self.qualifications, self.locale, self.active)


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did, in people."""

    rows: int
    added: int
    changed: int
    unchanged: int


def read_roster(lines: Iterable[bytes]) -> list[Numbered[PersonData]]:
    """Return the people that a CSV file lists.

    Raises:
        ImportRefused: carries row, column and reason of the first errors, and how many there are.
    """
    faults = Faults()
    rows = checked(PersonRow, csv_records(PersonRow, lines, faults), faults, strict=False)
    listed = [Numbered(line.row, line.data.data()) for line in rows]
    seen: dict[str, int] = {}
    for line in listed:
        first = seen.setdefault(line.data.badge, line.row)
        if first != line.row:
            faults.add(line.row, "badge", f"Row {first} has this badge already.")
    faults.refuse_if_any()
    return listed


async def import_roster(tx: Tx, stamp: Stamp, rows: Sequence[Numbered[PersonData]], *, wall_now: datetime) -> Counts:
    """Add or change the people listed; who is not listed stays as they are, and nobody gets or loses a PIN."""
    badges = [line.data.badge for line in rows]
    known = {
        row.badge: row.principal_id
        for row in await tx.rows(people_queries.BY_BADGES, store_id=stamp.store_id, badges=badges)
    }
    added = changed = 0
    for line in sorted(rows, key=lambda one: one.data.badge):
        who = known.get(line.data.badge)
        if who is None:
            await people.add_person(tx, stamp, line.data)
            added += 1
        elif not _says_the_same(await _present(tx, stamp, who, wall_now), line.data):
            await people.edit_person(tx, stamp, principal_id=who, data=line.data, wall_now=wall_now)
            changed += 1
    return Counts(rows=len(rows), added=added, changed=changed, unchanged=len(rows) - added - changed)


async def _present(tx: Tx, stamp: Stamp, principal_id: int, wall_now: datetime) -> PersonData:
    row = await people.get_person(tx, store_id=stamp.store_id, principal_id=principal_id, wall_now=wall_now)
    return PersonData(row.name, row.badge, row.roles, row.qualifications, row.locale, row.active)


def _says_the_same(one: PersonData, other: PersonData) -> bool:
    def sets(data: PersonData) -> tuple[object, ...]:
        return (data.name, frozenset(data.roles), frozenset(data.qualifications), data.locale, data.active)

    return sets(one) == sets(other)
