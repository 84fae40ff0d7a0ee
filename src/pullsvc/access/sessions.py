"""Prove a PIN, begin, lock, unlock and end the session of a person on a device.

An attempt is counted as a wrong one before its PIN is looked at, in a transaction of its own; the right PIN takes that
back. So no two attempts at once count as one, and a process that dies in between forgets nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pullsvc.access import people_queries, pins, session_queries
from pullsvc.access.devices import Device
from pullsvc.access.pins import BY_ONE_LEAD, OF_BADGE, OF_DEVICE, OF_ONE_WAIT, Lifts, Standing
from pullsvc.access.rules import Role, UnknownCaller
from pullsvc.access.tokens import Token, new_secret, token_of
from pullsvc.db import Row, Tx
from pullsvc.errors import Busy, Kind, Rejection
from pullsvc.outbox.actions import Stamp, append

# Within this time a second session of the same person on the same device is taken for a repeat of a sign-in whose
# answer was lost or is late; the first one stays good, whichever answer arrives last.
REPEAT_WITHIN = timedelta(minutes=1)


# Waits are told of also when nobody has the badge: the answer must not take longer for badges that there are.
UNKNOWN = "unknown"

# A screen on a wall shows what anybody in the store may see, and nobody stands before it to type a PIN.
LOOKING_LASTS = timedelta(days=30)


class WrongPin(Rejection):
    """No such badge in this store, no PIN yet, or another one: the three look the same."""

    kind = Kind.UNKNOWN_CALLER
    code = "wrong-badge-or-pin"
    title = "Badge and PIN do not fit."


class SessionLocked(Rejection):
    """The session waits for the PIN of its person, who was away for too long or locked it."""

    kind = Kind.UNKNOWN_CALLER
    code = "session-locked"
    title = "This session is locked."


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to prove a PIN, counted already.

    Attributes:
        device: Where it is made.
        badge: Whose PIN it claims to be, as `badge_of` returns it.
        principal_id: Who has the badge, None when nobody has.
        pin_hash: The PIN to compare with, None when there is none.
        only_looks: Whether the person may do nothing but look.
        standings: What the guards remember, this attempt counted.
    """

    device: Device
    badge: str
    principal_id: int | None
    pin_hash: str | None
    only_looks: bool
    standings: dict[str, Standing]

    def wrong(self) -> WrongPin:
        """Return the refusal of a PIN that does not fit."""
        left = max(OF_BADGE.free - self.standings[_of_badge(self.badge)].failures, 0)
        text = "Scan the badge and type the PIN again." if left else "Wait a minute, then try again; or ask a lead."
        return WrongPin(text, tries_left=left)


async def begin_attempt(tx: Tx, device: Device, *, badge: str, now: datetime) -> Attempt:
    """Count an attempt, to be committed before its PIN is compared.

    Raises:
        LockedOut: the badge or the device has to wait.
    """
    guards = {_of_badge(badge): (OF_BADGE, "badge"), _of_device(device.device_id): (OF_DEVICE, "device")}
    at = {"store_id": device.store_id}
    before = await _locked(tx, device.store_id, *guards, wall_now=now)
    standings = {}
    for guarded, (guard, where) in guards.items():
        row = before[guarded]
        known = Standing(row.failures, row.failed_at, row.locked_until)
        standings[guarded] = pins.count_attempt(guard, before=known, now=now, where=where)
    for guarded, standing in standings.items():
        await _set(tx, device.store_id, guarded, standing)
    person = await tx.row(session_queries.PERSON_BY_BADGE, **at, badge=badge)
    return Attempt(
        device=device,
        badge=badge,
        principal_id=person.principal_id if person else None,
        pin_hash=person.pin_hash if person else None,
        only_looks=person.only_looks if person else False,
        standings=standings,
    )


def tell_of_waits(tx: Tx, attempt: Attempt, *, now: datetime) -> None:
    """Record that an attempt, whose PIN was wrong, made the badge or the device wait."""
    stamp = Stamp(attempt.device.store_id, None, now, now, attempt.device.device_id)
    waits = {
        _of_badge(attempt.badge): ("badge", attempt.principal_id or UNKNOWN),
        _of_device(attempt.device.device_id): ("device", attempt.device.device_id),
    }
    for guarded, (what, whom) in waits.items():
        if attempt.standings[guarded].locked_until:
            append(tx, stamp, "lock_out.began", whom, {"of": what})


async def forgive(tx: Tx, attempt: Attempt) -> None:
    """Take back that the attempt counted as a wrong one: its PIN was right."""
    store_id = attempt.device.store_id
    of_device = _of_device(attempt.device.device_id)
    await tx.run(session_queries.LIFT_GUARD, store_id=store_id, guarded=_of_badge(attempt.badge))
    # What others got wrong on the device meanwhile is counted, too.
    (row,) = await tx.rows(session_queries.LOCK_GUARDS, store_id=store_id, guarded=[of_device]) or (None,)
    if row is not None and row.failures:
        counted = Standing(row.failures, row.failed_at, row.locked_until)
        await _set(tx, store_id, of_device, pins.take_back(OF_DEVICE, counted))


async def begin_session(tx: Tx, attempt: Attempt, *, lasts: timedelta, now: datetime, wall_now: datetime) -> Token:
    """Begin the session of a person whose PIN was proved; who was signed in on the device before is signed out.

    Raises:
        WrongPin: the PIN was replaced since it was compared.
    """
    await forgive(tx, attempt)
    at = {"store_id": attempt.device.store_id, "device_id": attempt.device.device_id}
    await tx.run(
        session_queries.END_SESSIONS_OF_DEVICE,
        **at,
        but_of=attempt.principal_id,
        but_since=wall_now - REPEAT_WITHIN,
        now=wall_now,
    )
    secret = new_secret()
    row = await tx.row(
        session_queries.INSERT_SESSION,
        **at,
        principal_id=attempt.principal_id,
        pin_hash=attempt.pin_hash,
        secret_hash=secret.hash,
        now=wall_now,
        expires_at=wall_now + lasts,
    )
    if row is None:
        raise attempt.wrong()
    stamp = Stamp(attempt.device.store_id, attempt.principal_id, now, now, attempt.device.device_id)
    append(tx, stamp, "session.began", row.session_id)
    return Token(store_id=attempt.device.store_id, number=row.session_id, secret=secret.text)


async def session_of(tx: Tx, text: str | None, *, wall_now: datetime) -> Row:
    """Return the live session whose cookie this is, locked or not, with its person, device and store.

    Raises:
        UnknownCaller: it is none's.
    """
    token = token_of(text) if text else None
    row = token and await tx.row(
        session_queries.SESSION, store_id=token.store_id, session_id=token.number, now=wall_now
    )
    if not token or not row or not token.fits(row.secret_hash):
        raise UnknownCaller("Scan your badge and type your PIN.")
    return row


def check_awake(session: Row, *, idle: timedelta, wall_now: datetime) -> None:
    """Let a session pass that is neither locked nor was left alone for too long, if there is anything to lock.

    Raises:
        SessionLocked: it is or was.
    """
    left_alone = set(session.roles) != {Role.READONLY} and wall_now - session.seen_at >= idle
    if session.locked_at is not None or left_alone:
        raise SessionLocked(
            f"Type the PIN of {session.name}, or sign out.",
            person={"principal_id": session.principal_id, "name": session.name},
        )


async def lock_session(tx: Tx, session: Row, *, wall_now: datetime) -> None:
    """Lock it until its person's PIN is proved; locking it twice is locking it once."""
    await tx.run(session_queries.LOCK_SESSION, store_id=session.store_id, session_id=session.session_id, now=wall_now)


async def unlock_session(tx: Tx, session: Row, attempt: Attempt, *, wall_now: datetime) -> None:
    """Go on with a session whose person's PIN was proved.

    Raises:
        UnknownCaller: it ended meanwhile.
    """
    await forgive(tx, attempt)
    if not await tx.run(
        session_queries.UNLOCK_SESSION, store_id=session.store_id, session_id=session.session_id, now=wall_now
    ):
        raise UnknownCaller("Scan your badge and type your PIN.")


async def hold_proof(tx: Tx, session: Row, attempt: Attempt) -> None:
    """Lock the person of a session, so that what was proved stays true until the end of the transaction.

    Raises:
        WrongPin: the PIN was replaced since it was compared.
        UnknownCaller: the session ended meanwhile.
    """
    at = {"store_id": session.store_id}
    person = await tx.row(people_queries.LOCK_PERSON, **at, principal_id=session.principal_id)
    await forgive(tx, attempt)
    if person is None or person.pin_hash != attempt.pin_hash:
        raise attempt.wrong()
    if not await tx.row(session_queries.SESSION_LIVES, **at, session_id=session.session_id):
        raise UnknownCaller("Scan your badge and type your PIN.")


async def end_session(tx: Tx, session: Row, *, now: datetime, wall_now: datetime) -> None:
    """Sign out: no session of the device is worth anything any more."""
    await tx.run(
        session_queries.END_SESSIONS_OF_DEVICE,
        store_id=session.store_id,
        device_id=session.device_id,
        but_of=0,
        but_since=wall_now,
        now=wall_now,
    )
    stamp = Stamp(session.store_id, session.principal_id, now, now, session.device_id)
    append(tx, stamp, "session.ended", session.session_id)


async def lift_wait_of_person(
    tx: Tx, stamp: Stamp, *, principal_id: int, badge: str, bounded: bool, wall_now: datetime
) -> None:
    """Forget the wrong PINs of a badge; lifting what is not there changes nothing.

    Raises:
        OwnWait: it is the caller's.
        LiftedTooOften: `bounded`, and this wait was lifted, or the caller lifted some, as often as may be.
    """
    if principal_id == stamp.principal_id:
        raise pins.OwnWait("Ask another lead, or a manager.")
    if await _lift(tx, stamp, _of_badge(badge), bounded=bounded, wall_now=wall_now):
        append(tx, stamp, "lock_out.lifted", principal_id, {"of": "badge"})


async def lift_wait_of_device(tx: Tx, stamp: Stamp, *, device_id: int, bounded: bool, wall_now: datetime) -> None:
    """Forget the wrong PINs that were typed on a device; as for a person."""
    if await _lift(tx, stamp, _of_device(device_id), bounded=bounded, wall_now=wall_now):
        append(tx, stamp, "lock_out.lifted", device_id, {"of": "device"})


async def _lift(tx: Tx, stamp: Stamp, guarded: str, *, bounded: bool, wall_now: datetime) -> bool:
    """Lift a wait and count that, under the locks of the wait and of who lifts; tell whether there was one."""
    bounds = {guarded: OF_ONE_WAIT, f"lifter:{stamp.principal_id}": BY_ONE_LEAD}
    before = await _locked(tx, stamp.store_id, *bounds, wall_now=wall_now)
    if not before[guarded].failures:
        return False
    for one, bound in bounds.items() if bounded else ():
        row = before[one]
        lifts = pins.count_lift(bound, before=Lifts(row.lifts, row.lifted_since), now=wall_now)
        at = {"store_id": stamp.store_id, "guarded": one}
        await tx.run(session_queries.SET_LIFTS, **at, lifts=lifts.count, lifted_since=lifts.since)
    await tx.run(session_queries.LIFT_GUARD, store_id=stamp.store_id, guarded=guarded)
    return True


async def _locked(tx: Tx, store_id: int, *guarded: str, wall_now: datetime) -> dict[str, Row]:
    """Return what the guards remember, locked; those that do not exist yet are made."""
    at = {"store_id": store_id, "guarded": list(guarded)}
    await tx.run(session_queries.MAKE_GUARDS, **at, now=wall_now)
    found = {row.guarded: row for row in await tx.rows(session_queries.LOCK_GUARDS, **at)}
    if found.keys() != set(guarded):
        raise Busy("What was old has just been tidied up; try again.")
    return found


async def _set(tx: Tx, store_id: int, guarded: str, standing: Standing) -> None:
    await tx.run(
        session_queries.SET_GUARD,
        store_id=store_id,
        guarded=guarded,
        failures=standing.failures,
        failed_at=standing.failed_at,
        locked_until=standing.locked_until,
    )


def _of_badge(badge: str) -> str:
    return f"badge:{badge}"


def _of_device(device_id: int) -> str:
    return f"device:{device_id}"
