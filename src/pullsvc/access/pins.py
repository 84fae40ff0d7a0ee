"""Badges, PINs, and how long to wait after wrong ones. Pure."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from pullsvc.errors import Kind, Rejection

PIN_DIGITS = 6
BADGE_DIGITS = 8
MAX_BADGE_CHARS = 40
MIN_LOCK = timedelta(minutes=1)
MAX_LOCK = timedelta(hours=1)

_PIN = re.compile(r"[0-9]{6}", re.ASCII)
_AIM_PREFIX = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_NOT_PRINTED = re.compile(r"[\s()\x1d]")
# What people choose first, beside runs and repeats.
_FAVOURITES = frozenset({"112233", "102030", "147258", "159357", "159753", "246810", "258000", "789456", "696969"})


class WeakPin(Rejection):
    """The PIN is one that others would try first."""

    kind = Kind.INVALID
    code = "weak-pin"
    title = "This PIN is too easy to guess."


class NotABadge(Rejection):
    """Nothing of the code is left that could stand on a badge."""

    kind = Kind.INVALID
    code = "not-a-badge"
    title = "This cannot be the code of a badge."


class LockedOut(Rejection):
    """Too many wrong PINs for this badge, or on this device; `try_again_at` and Retry-After say how long it waits.

    Right or wrong, no PIN is looked at before that time. A lead can lift the wait, a few times a day.
    """

    kind = Kind.THROTTLED
    code = "locked-out"
    title = "Too many wrong PINs."


class LiftedTooOften(Rejection):
    """Leads lifted waits as often as they may; who forgot the PIN needs a new one, and a manager gives it."""

    kind = Kind.FORBIDDEN
    code = "lifted-too-often"
    title = "Waits were lifted too often."


class OwnWait(Rejection):
    """Nobody lifts the wait of the own badge: whoever sits at an open session would try its PIN for ever."""

    kind = Kind.FORBIDDEN
    code = "own-wait"
    title = "Nobody lifts the own wait."


@dataclass(frozen=True, slots=True)
class Guard:
    """How patient we are with wrong PINs.

    Attributes:
        free: How many may follow one another before there is a wait; each further one doubles it.
        forget: After how long without a wrong one the count begins anew.
    """

    free: int
    forget: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """What a guard remembers: wrong PINs so far, when the last was, and until when nobody is let in."""

    failures: int
    failed_at: datetime
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Bound:
    """How often leads may lift waits; a manager may without end, as managers set PINs anyway.

    Attributes:
        most: So many.
        within: In this time, which begins with the first of them.
    """

    most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Lifts:
    """How often waits were lifted by leads since a moment."""

    count: int
    since: datetime | None


# Each lift gives five more tries. With these bounds there are 50 a day on a badge, and nobody helps at more.
OF_ONE_WAIT = Bound(most=3, within=timedelta(hours=24))
BY_ONE_LEAD = Bound(most=6, within=timedelta(hours=1))

# A badge begins anew when its PIN was right. A device does not: else whoever has a badge of his own could try all
# others on it, with his own in between.
OF_BADGE = Guard(free=5, forget=timedelta(hours=24))
OF_DEVICE = Guard(free=10, forget=timedelta(hours=1))


def badge_of(scanned: str) -> str:
    """Return the code of a badge as it is kept, however it was scanned, typed or printed.

    Scanners put the symbology in front (`]C1`), GS1 separates with FNC1, people type small letters and brackets.

    Raises:
        NotABadge: nothing, or too much, is left.
    """
    badge = _NOT_PRINTED.sub("", _AIM_PREFIX.sub("", scanned.strip(), count=1) if scanned else "").upper()
    if not 1 <= len(badge) <= MAX_BADGE_CHARS or not badge.isprintable():
        raise NotABadge(f"A badge has 1 to {MAX_BADGE_CHARS} printable characters.")
    return badge


def new_badge() -> str:
    """Return a random code for a badge to be printed."""
    return f"B-{secrets.randbelow(10**BADGE_DIGITS):0{BADGE_DIGITS}}"


def check_pin(pin: str, *, badge: str) -> None:
    """Let a PIN pass that is not among the first that somebody would try.

    Raises:
        WeakPin: it is.
    """
    if not _PIN.fullmatch(pin):
        raise WeakPin(f"A PIN has {PIN_DIGITS} digits.")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    repeats = any(pin == pin[:n] * (PIN_DIGITS // n) for n in (1, 2, 3))
    if len(steps) == 1 or repeats or pin in _FAVOURITES:
        raise WeakPin("Choose another: no runs, no repeats, nothing that others choose as well.")
    if pin in re.sub(r"[^0-9]", "", badge):
        raise WeakPin("Choose another: this one stands on the badge.")


def new_pin(*, badge: str) -> str:
    """Return a random PIN that `check_pin` lets pass."""
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        try:
            check_pin(pin, badge=badge)
        except WeakPin:
            continue
        return pin


def count_attempt(guard: Guard, *, before: Standing | None, now: datetime, where: str) -> Standing:
    """Count an attempt as a wrong one, before its PIN is looked at: so that no two at once count as one.

    Args:
        guard: How patient to be.
        before: What is remembered, None when nothing is.
        now: The present moment, aware.
        where: "badge" or "device", for the refusal.
    Returns:
        What to remember; its wait, if any, is for the attempts after this one.
    Raises:
        LockedOut: it has to wait; nothing is counted.
    """
    if before and before.locked_until and now < before.locked_until:
        raise locked_out(before.locked_until, now=now, where=where)
    fresh = before is None or now - before.failed_at > guard.forget
    failures = 1 if fresh or before is None else before.failures + 1
    over = failures - guard.free
    wait = min(MIN_LOCK * 2 ** min(over, 16), MAX_LOCK) if over >= 0 else None
    return Standing(failures=failures, failed_at=now, locked_until=now + wait if wait else None)


def take_back(guard: Guard, counted: Standing) -> Standing:
    """Return what to remember when the attempt that was counted proved to be right."""
    failures = counted.failures - 1
    return Standing(
        failures=failures,
        failed_at=counted.failed_at,
        locked_until=counted.locked_until if failures >= guard.free else None,
    )


def count_lift(bound: Bound, *, before: Lifts, now: datetime) -> Lifts:
    """Count that a lead lifts a wait; return what to remember.

    Raises:
        LiftedTooOften: it was done as often as it may be.
    """
    if before.since is None or now - before.since >= bound.within:
        return Lifts(count=1, since=now)
    if before.count >= bound.most:
        raise LiftedTooOften("Ask a manager to lift it, or to give a new PIN.", needs="manage")
    return Lifts(count=before.count + 1, since=before.since)


def locked_out(until: datetime, *, now: datetime, where: str) -> LockedOut:
    """Return the refusal that says when to try again."""
    wait_s = max(1, -int((now - until).total_seconds() // 1))
    text = f"Try again in {wait_s} s, or ask a lead to lift the wait."
    return LockedOut(text, locked=where, try_again_at=until, retry_after_s=wait_s)
