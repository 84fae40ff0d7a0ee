"""Badges, PINs and enrolment links for whoever looks at the stores after the day: random, made anew each time."""

import socket
from dataclasses import dataclass
from datetime import datetime

from pullsvc.access import devices, hashing, people, pins
from pullsvc.access.people import PersonData
from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.outbox.actions import Stamp

# One of each, with what they might be called.
NAMES = {Role.ASSOCIATE: "Ana", Role.BACKROOM: "Ben", Role.LEAD: "Lea", Role.MANAGER: "Mia"}
COMPUTER, PHONE = "This computer", "A phone"
QUALIFICATIONS = {Role.BACKROOM: ("freezer", "lift")}
# Of the block for documentation: nobody is there, and a datagram socket sends nothing until it is written to.
SOMEWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a visitor signs in with."""

    name: str
    role: str
    badge: str
    pin: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """How to get in.

    Attributes:
        sign_ins: One for each role of people.
        enrolments: Where a device opens the app to be enrolled, each good once; by what the device is called.
    """

    sign_ins: tuple[SignIn, ...]
    enrolments: dict[str, str]


async def invite(db: Database, *, store_id: int, address: str, now: datetime, wall_now: datetime) -> Invitation:
    """Make people of the store with badges and PINs, and permissions to enrol devices."""
    stamp = Stamp.of_service(store_id, now)
    sign_ins, enrolments = [], {}
    async with db.begin() as tx:
        for role, name in NAMES.items():
            badge = pins.new_badge()
            pin = pins.new_pin(badge=badge)
            data = PersonData(name=name, badge=badge, roles=(role,), qualifications=QUALIFICATIONS.get(role, ()))
            who = await people.add_person(tx, stamp, data)
            pin_hash = hashing.hash_pin(pin)
            await people.set_pin(tx, stamp, principal_id=who, badge=badge, pin_hash=pin_hash, wall_now=wall_now)
            sign_ins.append(SignIn(name, role, badge, pin))
        for device in (COMPUTER, PHONE):
            made = await devices.make_enrolment(tx, stamp, name=device, wall_now=wall_now)
            enrolments[device] = f"{address}{devices.path_of(made.code)}"
    return Invitation(tuple(sign_ins), enrolments)


def lan_address() -> str:
    """Return the address of this machine in its network; the loopback address when it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
