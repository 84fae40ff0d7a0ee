"""Who works in a simulated store, each with a key of its own as the operator makes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from pullsvc.access.actions import create_key
from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.demo.client import Calls, Person

MANAGER, LEAD, TILLS = "Simulated manager", "Simulated lead", "Simulated tills"
OPERATOR = "Simulated operator"


@dataclass(frozen=True, slots=True)
class Job:
    """Somebody to be hired: a name that says that nobody is behind it, a role, and what holds the key."""

    name: str
    role: Role
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Badge:
    """Somebody hired.

    Attributes:
        job: What for.
        store_id: Where.
        token: The key.
    """

    job: Job
    store_id: int
    token: str = field(repr=False)

    def sign_in(self, http: httpx.AsyncClient, calls: Calls) -> Person:
        """Return the holder, ready to call."""
        return Person(self.job.name, self.job.role, self.token, self.store_id, http, calls)


@dataclass(frozen=True, slots=True)
class Staff:
    """The simulated people of one store."""

    manager: Person
    lead: Person
    till: Person
    associates: tuple[Person, ...]
    workers: tuple[Person, ...]


def jobs(*, associates: int, workers: int) -> Iterator[Job]:
    """Yield the jobs of one store."""
    yield Job(MANAGER, Role.MANAGER)
    yield Job(LEAD, Role.LEAD)
    yield Job(TILLS, Role.POS, kind="pos")
    yield from (Job(f"Simulated associate {number}", Role.ASSOCIATE) for number in range(1, associates + 1))
    yield from (Job(f"Simulated worker {number}", Role.BACKROOM) for number in range(1, workers + 1))


async def hire(db: Database, *, store_id: int, associates: int, workers: int, now: datetime) -> list[Badge]:
    """Make a key for everybody in a store that exists."""
    badges = []
    async with db.begin() as tx:
        for job in jobs(associates=associates, workers=workers):
            made = await create_key(
                tx,
                name=job.name,
                kind=job.kind,
                grants={store_id: job.role},
                chain_role=None,
                expires_at=None,
                now=now,
            )
            badges.append(Badge(job, store_id, made.token))
    return badges


async def hire_operator(db: Database, *, now: datetime) -> Badge:
    """Make the key that may create stores."""
    job = Job(OPERATOR, Role.ADMIN)
    async with db.begin() as tx:
        made = await create_key(
            tx, name=job.name, kind=job.kind, grants={}, chain_role=job.role, expires_at=None, now=now
        )
    return Badge(job, 0, made.token)


async def hire_visitor(db: Database, *, roles: Mapping[int, Role], now: datetime) -> str:
    """Make a key for whoever wants to look at the stores after the day; return its token."""
    async with db.begin() as tx:
        made = await create_key(
            tx, name="Visitor of the demo", kind="person", grants=roles, chain_role=None, expires_at=None, now=now
        )
    return made.token


def staff_of(badges: list[Badge], http: httpx.AsyncClient, calls: Calls) -> Staff:
    """Return everybody of one store, signed in."""
    people = [badge.sign_in(http, calls) for badge in badges]
    by_name = {person.name: person for person in people}
    return Staff(
        manager=by_name[MANAGER],
        lead=by_name[LEAD],
        till=by_name[TILLS],
        associates=tuple(person for person in people if person.role is Role.ASSOCIATE),
        workers=tuple(person for person in people if person.role is Role.BACKROOM),
    )
