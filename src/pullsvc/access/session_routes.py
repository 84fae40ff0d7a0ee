"""Devices and sessions over HTTP, for the app in a browser: cookies in, cookies out.

Everything here is by nature safe to repeat: over bad Wi-Fi an answer is lost now and then.
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response, Security

from pullsvc.access import devices, people, pins, sessions, views
from pullsvc.access.cookies import DEVICE_LASTS, Cookies, check_same_origin
from pullsvc.access.devices import Device
from pullsvc.access.edge import device_cookie, session_cookie, the_cookies
from pullsvc.access.hashing import PinHasher
from pullsvc.access.ring import KeyRing
from pullsvc.access.rules import UnknownCaller
from pullsvc.access.sessions import LOOKING_LASTS, Attempt
from pullsvc.config import Settings
from pullsvc.db import Database, Row
from pullsvc.outbox.actions import Stamp
from pullsvc.web.deps import Db, Now, TheWall
from pullsvc.web.throttle import Throttle

THROTTLED: dict[str, Any] = {"x-refuses": [429]}
OPEN: dict[str, Any] = {"x-refuses": [403, 429]}  # To anybody, but not to other sites, and not too often.

router = APIRouter(prefix="/v1", tags=["access"], dependencies=[Depends(check_same_origin)])

TheCookies = Annotated[Cookies, Depends(the_cookies)]
RepeatKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=100,
        description="A repeat under the same key gets the same device, should the first answer have been lost.",
    ),
]


async def _device(cookie: Annotated[str | None, Security(device_cookie)], db: Db) -> Device:
    async with db.read() as tx:
        return await devices.device_of(tx, cookie)


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _ring(request: Request) -> KeyRing:
    ring: KeyRing = request.app.state.keys
    return ring


async def _hasher(request: Request) -> PinHasher:
    hasher: PinHasher = request.app.state.pins
    return hasher


TheDevice = Annotated[Device, Depends(_device)]
TheSettings = Annotated[Settings, Depends(_settings)]
TheRing = Annotated[KeyRing, Depends(_ring)]
TheHasher = Annotated[PinHasher, Depends(_hasher)]
SessionCookie = Annotated[str | None, Security(session_cookie)]


@router.post("/devices", status_code=201, response_model=views.DeviceView, openapi_extra=OPEN)
async def enrol_device(
    request: Request,
    body: views.DeviceBody,
    db: Db,
    now: Now,
    wall: TheWall,
    cookies: TheCookies,
    response: Response,
    repeat_key: RepeatKey = None,
) -> Any:
    """Make this browser a device of the store that the code is from; from then on its cookie says which it is."""
    enrolling: Throttle = request.app.state.enrolling
    enrolling.count(request.client.host if request.client else "", now=wall.now())
    async with db.begin() as tx:
        device = await devices.enrol(tx, code=body.code, repeat_key=repeat_key, now=now, wall_now=wall.now())
    assert device.token
    cookies.set(response, cookies.device, device.token, lasts=DEVICE_LASTS)
    return device


@router.get("/device", response_model=views.DeviceView)
async def get_device(device: TheDevice) -> Any:
    """Tell which device this is."""
    return device


@router.post("/sessions", status_code=201, openapi_extra=THROTTLED)
async def sign_in(
    request: Request,
    body: views.SignInBody,
    device: TheDevice,
    db: Db,
    now: Now,
    wall: TheWall,
    cookies: TheCookies,
    settings: TheSettings,
    hasher: TheHasher,
    response: Response,
) -> views.SessionView:
    """Sign a person in on this device; who was signed in before is signed out."""
    attempt = await _prove(db, hasher, device, badge=body.badge, pin=body.pin, now=now, wall=wall)
    lasts = LOOKING_LASTS if attempt.only_looks else timedelta(seconds=settings.session_max_s)
    async with db.begin() as tx:
        token = await sessions.begin_session(tx, attempt, lasts=lasts, now=now, wall_now=wall.now())
        session = await sessions.session_of(tx, token.text(), wall_now=wall.now())
    cookies.set(response, cookies.session, token.text(), lasts=lasts)
    cookies.set(response, cookies.device, request.cookies[cookies.device], lasts=DEVICE_LASTS)
    return views.session_view(session, idle_s=settings.session_idle_s, now=now)


@router.get("/session")
async def get_session(
    cookie: SessionCookie, db: Db, now: Now, wall: TheWall, settings: TheSettings
) -> views.SessionView:
    """Tell who is signed in, and what they may do; asking does not keep the session awake."""
    async with db.read() as tx:
        session = await sessions.session_of(tx, cookie, wall_now=wall.now())
    sessions.check_awake(session, idle=timedelta(seconds=settings.session_idle_s), wall_now=wall.now())
    return views.session_view(session, idle_s=settings.session_idle_s, now=now)


@router.post("/session/unlock", openapi_extra=THROTTLED)
async def unlock_session(
    body: views.PinBody,
    cookie: SessionCookie,
    db: Db,
    now: Now,
    wall: TheWall,
    settings: TheSettings,
    hasher: TheHasher,
) -> views.SessionView:
    """Go on with a locked session by its person's PIN."""
    async with db.read() as tx:
        session = await sessions.session_of(tx, cookie, wall_now=wall.now())
    attempt = await _prove(db, hasher, _device_of(session), badge=session.badge, pin=body.pin, now=now, wall=wall)
    async with db.begin() as tx:
        await sessions.unlock_session(tx, session, attempt, wall_now=wall.now())
    return views.session_view(session, idle_s=settings.session_idle_s, now=now)


@router.post("/session/lock", status_code=204)
async def lock_session(cookie: SessionCookie, db: Db, wall: TheWall, ring: TheRing) -> None:
    """Lock the session until its person's PIN is typed again."""
    async with db.begin() as tx:
        session = await sessions.session_of(tx, cookie, wall_now=wall.now())
        await sessions.lock_session(tx, session, wall_now=wall.now())
    ring.forget_person(cookie or "")


@router.delete("/session", status_code=204)
async def sign_out(
    cookie: SessionCookie, db: Db, now: Now, wall: TheWall, ring: TheRing, cookies: TheCookies, response: Response
) -> None:
    """Sign out; also good for a session that ended already."""
    try:
        async with db.begin() as tx:
            session = await sessions.session_of(tx, cookie, wall_now=wall.now())
            await sessions.end_session(tx, session, now=now, wall_now=wall.now())
    except UnknownCaller:
        pass  # Nobody is signed in, which is what was wanted.
    ring.forget_person(cookie or "")
    cookies.clear(response, cookies.session)


@router.post("/session/pin", status_code=204, openapi_extra=THROTTLED)
async def change_own_pin(
    body: views.NewPinBody,
    cookie: SessionCookie,
    db: Db,
    now: Now,
    wall: TheWall,
    settings: TheSettings,
    hasher: TheHasher,
) -> None:
    """Choose another PIN; sessions of the same person elsewhere end."""
    async with db.read() as tx:
        session = await sessions.session_of(tx, cookie, wall_now=wall.now())
    sessions.check_awake(session, idle=timedelta(seconds=settings.session_idle_s), wall_now=wall.now())
    pins.check_pin(body.new, badge=session.badge)
    attempt = await _prove(db, hasher, _device_of(session), badge=session.badge, pin=body.old, now=now, wall=wall)
    pin_hash = await hasher.hash(body.new)
    async with db.begin() as tx:
        await sessions.hold_proof(tx, session, attempt)
        await people.set_pin(
            tx,
            Stamp(session.store_id, session.principal_id, now, now, session.device_id),
            principal_id=session.principal_id,
            badge=session.badge,
            pin_hash=pin_hash,
            wall_now=wall.now(),
            but_session=session.session_id,
        )


async def _prove(
    db: Database, hasher: PinHasher, device: Device, *, badge: str, pin: str, now: Now, wall: TheWall
) -> Attempt:
    """Return the attempt whose PIN was right.

    Raises:
        LockedOut: badge or device have to wait.
        WrongPin: it was not right.
        Busy: too many are signing in.
    """
    async with hasher.turn():  # First: whoever gets none has not had a try.
        async with db.begin() as tx:
            attempt = await sessions.begin_attempt(tx, device, badge=badge, now=wall.now())
        right = await hasher.fits(pin, attempt.pin_hash)
    if not right:
        async with db.begin() as tx:
            sessions.tell_of_waits(tx, attempt, now=now)
        raise attempt.wrong()
    return attempt


def _device_of(session: Row) -> Device:
    return Device(session.device_id, session.device_name, session.store_id, session.store_name)
