"""What the routes of people, devices and sessions take and show."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints

from pullsvc.access import pins
from pullsvc.access.people import MAX_QUALIFICATIONS, ROLES_OF_PEOPLE, PersonData
from pullsvc.access.rules import Perm, Principal, Role
from pullsvc.db import Row
from pullsvc.errors import Rejection
from pullsvc.web.bodies import Body
from pullsvc.web.deps import Name, printable

MAX_SCANNED_CHARS = 100
COMMON_QUALIFICATIONS = ["lift", "freezer", "hazmat"]


def _badge(scanned: str) -> str:
    try:
        return pins.badge_of(scanned)
    except Rejection as refusal:
        raise ValueError(refusal.detail) from None


def _role_of_people(role: Role) -> Role:
    if role not in ROLES_OF_PEOPLE:
        raise ValueError(f"must be one of {', '.join(ROLES_OF_PEOPLE)}")
    return role


Badge = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_SCANNED_CHARS),
    AfterValidator(_badge),
    Field(description="As scanned or typed; B-... as printed by us, or any other code.", examples=["B-40170223"]),
]
Pin = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(description="Six digits.", examples=["480213"])]
PersonRole = Annotated[Role, Field(strict=False), AfterValidator(_role_of_people)]
Roles = Annotated[
    list[PersonRole],
    Field(min_length=1, max_length=len(ROLES_OF_PEOPLE), description="What they are here.", examples=[["backroom"]]),
]
Qualification = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,29}$")]
Qualifications = Annotated[
    list[Qualification],
    Field(
        max_length=MAX_QUALIFICATIONS,
        description="What they may be trusted with; words of your own, such as lift, freezer, hazmat.",
        examples=[COMMON_QUALIFICATIONS],
    ),
]
Locale = Annotated[
    str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$"), Field(description="Language.", examples=["es"])
]
EnrolmentCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(printable),
    Field(
        description="What the QR code of the enrolment holds behind `/enrol/`.", examples=["1.7.0uJ5fYd1x2ZQhL0n2eV3kA"]
    ),
]


class EnrolmentBody(Body):
    """A device to be enrolled."""

    name: Name = Field(description="What it is called among the others.", examples=["Handheld 3"])


class EnrolmentView(BaseModel):
    """A permission to enrol one device, once, within ten minutes."""

    enrolment_id: int
    name: str
    code: str = Field(description="Shown this once.")
    path: str = Field(
        description="Where the device opens the app.", examples=["/app/#/enrol/1.7.0uJ5fYd1x2ZQhL0n2eV3kA"]
    )
    url: str = Field(description="The same with the address of this service, as in the QR code.")
    qr_svg: str = Field(description="The QR code to be scanned with the device.")
    expires_at: AwareDatetime


class DeviceBody(Body):
    """The code of an enrolment."""

    code: EnrolmentCode


class DeviceView(BaseModel):
    """Which device this is."""

    device_id: int
    name: str
    store_id: int
    store_name: str


class DeviceInStore(BaseModel):
    """A device of the store."""

    device_id: int
    name: str
    enrolled_at: AwareDatetime
    enrolled_by: int | None = Field(description="Which manager made its code; null: whoever runs the service.")
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="When a session on it was last used.")
    person: str | None = Field(description="Who is signed in on it.")
    locked_until: AwareDatetime | None = Field(description="Until when nobody can sign in: too many wrong PINs.")


class SignInBody(Body):
    """A badge and its PIN."""

    badge: Badge
    pin: Pin = Field(repr=False)


class PinBody(Body):
    """A PIN."""

    pin: Pin = Field(repr=False)


class NewPinBody(Body):
    """The PIN so far, and the next one."""

    old: Pin = Field(repr=False)
    new: Pin = Field(repr=False)


class SessionPerson(BaseModel):
    """Who is signed in."""

    principal_id: int
    name: str
    badge: str
    roles: list[Role]
    locale: str | None


class SessionStore(BaseModel):
    """Where."""

    store_id: int
    name: str
    time_zone: str


class SessionDevice(BaseModel):
    """On which device."""

    device_id: int
    name: str


class SessionView(BaseModel):
    """Who is signed in, and what they may do."""

    person: SessionPerson
    permissions: list[Perm] = Field(description="What they may do in this store; decides what is shown.")
    qualifications: list[str]
    store: SessionStore
    device: SessionDevice
    idle_lock_s: int = Field(description="After how many seconds without a request the session locks.")
    expires_at: AwareDatetime = Field(description="When it ends at the latest, by the wall clock.")
    server_time: AwareDatetime = Field(description="The present moment of the store, to tell a wrong clock by.")


def session_view(session: Row, *, idle_s: int, now: datetime) -> SessionView:
    """Return what is shown of a live session."""
    roles = [Role(role) for role in session.roles]
    principal = Principal(session.principal_id, session.name, None, {session.store_id: frozenset(roles)}, now)
    return SessionView(
        person=SessionPerson(
            principal_id=session.principal_id,
            name=session.name,
            badge=session.badge,
            roles=roles,
            locale=session.locale,
        ),
        permissions=sorted(principal.permissions_in(session.store_id)),
        qualifications=session.qualifications,
        store=SessionStore(store_id=session.store_id, name=session.store_name, time_zone=session.time_zone),
        device=SessionDevice(device_id=session.device_id, name=session.device_name),
        idle_lock_s=idle_s,
        expires_at=session.expires_at,
        server_time=now,
    )


class PersonBody(Body):
    """A person to be added."""

    name: Name = Field(examples=["Ana"])
    badge: Badge | None = Field(default=None, description="Left out: a new one is made, to be printed.")
    roles: Roles
    qualifications: Qualifications = Field(default=[])
    locale: Locale | None = None

    def data(self) -> PersonData:
        """Return what the body says."""
        return PersonData(
            name=self.name,
            badge=self.badge or pins.new_badge(),
            roles=self.roles,
            qualifications=self.qualifications,
            locale=self.locale,
        )


class PersonEdit(Body):
    """What to change of a person; what is left out stays."""

    name: Name | None = Field(default=None, examples=["Ana"])
    badge: Badge | None = None
    roles: Roles | None = None
    qualifications: Qualifications | None = None
    locale: Locale | None = None
    active: bool | None = Field(default=None, description="False: may not sign in any more, and is signed out.")

    def applied_to(self, person: Mapping[str, Any]) -> PersonData:
        """Return the person with the changes made; a locale can be taken away with null."""
        given = {name: value for name, value in self if name in self.model_fields_set}
        kept = {name: value for name, value in given.items() if value is not None or name == "locale"}
        known = {name: person[name] for name in ("name", "badge", "roles", "qualifications", "locale", "active")}
        return PersonData(**{**known, **kept})


class PersonView(BaseModel):
    """A person of the store."""

    principal_id: int
    name: str
    badge: str
    roles: list[Role]
    qualifications: list[str]
    locale: str | None
    active: bool
    has_pin: bool = Field(description="Whether they can sign in: without a PIN nobody can.")
    pin_set_at: AwareDatetime | None
    locked_until: AwareDatetime | None = Field(description="Until when the badge waits after too many wrong PINs.")
    version: int
    updated_at: AwareDatetime


class PinChoice(Body):
    """The PIN to set; left out: a random one."""

    pin: Pin | None = Field(default=None, repr=False)


class PinView(BaseModel):
    """A PIN that was set."""

    principal_id: int
    pin: str | None = Field(
        description="The random one, shown this once; null when it was chosen.", examples=["480213"]
    )
