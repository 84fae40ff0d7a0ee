"""Enrol, list and revoke the devices of a store.

A manager makes an enrolment; its code, shown as a QR code, makes one device within ten minutes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pullsvc.access import session_queries
from pullsvc.access.rules import hash_secret, secret_fits
from pullsvc.access.tokens import CODE_SECRET_BYTES, Token, new_secret, token_of
from pullsvc.db import Tx
from pullsvc.errors import Kind, NotFound, Rejection
from pullsvc.outbox.actions import Stamp, append

ENROLMENT_LASTS = timedelta(minutes=10)


class NoSuchEnrolment(Rejection):
    """The code was used, is older than ten minutes or never was one: the three look the same."""

    kind = Kind.NOT_FOUND
    code = "no-such-enrolment"
    title = "This code enrols no device."


class DeviceUnknown(Rejection):
    """The browser is not an enrolled device, or its enrolment was revoked."""

    kind = Kind.UNKNOWN_CALLER
    code = "device-unknown"
    title = "This device is not enrolled."


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A permission to enrol one device; the code is shown once."""

    enrolment_id: int
    name: str
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled device that proved which it is.

    Attributes:
        token: The new content of its cookie, when it was just enrolled.
    """

    device_id: int
    name: str
    store_id: int
    store_name: str
    token: str | None = None


def path_of(code: str) -> str:
    """Return where in the service a device is to open the app, to be enrolled by the code."""
    return f"/app/#/enrol/{code}"


async def make_enrolment(tx: Tx, stamp: Stamp, *, name: str, wall_now: datetime) -> Enrolment:
    """Let one device be enrolled within ENROLMENT_LASTS."""
    secret = new_secret(CODE_SECRET_BYTES)
    expires_at = wall_now + ENROLMENT_LASTS
    row = await tx.one(
        session_queries.INSERT_ENROLMENT,
        store_id=stamp.store_id,
        name=name,
        secret_hash=secret.hash,
        made_by=stamp.principal_id,
        now=wall_now,
        expires_at=expires_at,
    )
    code = Token(store_id=stamp.store_id, number=row.enrolment_id, secret=secret.text).text()
    return Enrolment(enrolment_id=row.enrolment_id, name=name, code=code, expires_at=expires_at)


async def enrol(tx: Tx, *, code: str, repeat_key: str | None, now: datetime, wall_now: datetime) -> Device:
    """Make the device that a code stands for.

    Args:
        tx: The transaction.
        code: The code of the enrolment.
        repeat_key: The Idempotency-Key of the request, if it has one: while the code lives, a repeat under it gets the
            same device with a new secret, as the answer with the first one may have been lost.
        now: The present moment of the service's clock.
        wall_now: The present moment, aware.

    Raises:
        NoSuchEnrolment: the code is no good any more.
    """
    given = token_of(code)
    row = given and await tx.row(session_queries.LOCK_ENROLMENT, store_id=given.store_id, enrolment_id=given.number)
    if not given or not row or not given.fits(row.secret_hash) or wall_now >= row.expires_at:
        raise _no_such_enrolment()
    secret = new_secret()
    at = {"store_id": given.store_id}
    if row.device_id is not None:
        is_repeat = repeat_key is not None and row.used_by is not None and secret_fits(repeat_key, row.used_by)
        device_id = row.device_id
        if not is_repeat or not await tx.run(
            session_queries.RENEW_DEVICE, **at, device_id=device_id, secret_hash=secret.hash
        ):
            raise _no_such_enrolment()
    else:
        made = await tx.one(
            session_queries.INSERT_DEVICE,
            **at,
            name=row.name,
            secret_hash=secret.hash,
            enrolled_by=row.made_by,
            now=wall_now,
        )
        device_id = made.device_id
        await tx.run(
            session_queries.USE_ENROLMENT,
            **at,
            enrolment_id=row.enrolment_id,
            device_id=device_id,
            used_by=hash_secret(repeat_key) if repeat_key else None,
        )
        stamp = Stamp(given.store_id, row.made_by, now, now, device_id)
        append(tx, stamp, "device.enrolled", device_id)
    token = Token(store_id=given.store_id, number=device_id, secret=secret.text).text()
    return Device(device_id, row.name, given.store_id, row.store_name, token)


async def device_of(tx: Tx, text: str | None) -> Device:
    """Return the device whose cookie this is.

    Raises:
        DeviceUnknown: it is none's.
    """
    token = token_of(text) if text else None
    row = token and await tx.row(session_queries.DEVICE, store_id=token.store_id, device_id=token.number)
    if not token or not row or not token.fits(row.secret_hash):
        raise DeviceUnknown("Ask a manager for an enrolment code and scan it with this device.")
    return Device(row.device_id, row.name, row.store_id, row.store_name)


async def check_enrolled(tx: Tx, *, store_id: int, device_id: int) -> None:
    """Let the id of a device of the store pass.

    Raises:
        NotFound: there is no such device, or it is revoked.
    """
    if not await tx.row(session_queries.DEVICE, store_id=store_id, device_id=device_id):
        raise NotFound(f"No enrolled device has the id {device_id}.")


async def revoke_device(tx: Tx, stamp: Stamp, *, device_id: int, wall_now: datetime) -> None:
    """Make the device unknown; sessions on it are worthless at once, or where they are believed, `key_cache_s` later.

    Raises:
        NotFound: there is no such device, or it is revoked already.
    """
    if not await tx.row(session_queries.REVOKE_DEVICE, store_id=stamp.store_id, device_id=device_id, now=wall_now):
        raise NotFound(f"No enrolled device has the id {device_id}.")
    append(tx, stamp, "device.revoked", device_id)


def _no_such_enrolment() -> NoSuchEnrolment:
    return NoSuchEnrolment("Ask the manager for a new code: each is good for one device and for ten minutes.")
