"""Who a request comes from: verified keys and sessions, believed for a while so that a scan pays for no look-up."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pullsvc.access import queries, rules, session_queries, sessions
from pullsvc.access.rules import Principal, Role
from pullsvc.access.tokens import token_of
from pullsvc.clock import Clock, wall_clock
from pullsvc.db import Database, Row

MAX_BELIEVED = 10_000
MAX_TOKEN_CHARS = 200
USE_NOTED_EVERY = timedelta(minutes=10)  # Coarse, so that a busy key is not written at each reading.
SESSION_NOTED_EVERY = timedelta(seconds=20)  # Finer, as the idle lock reckons from it.

Proof = TypeVar("Proof", bound=Hashable)


class _Believed(Generic[Proof]):
    """Principals by what they proved, the oldest forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Proof, Principal] = OrderedDict()

    def get(self, proof: Proof, now: datetime) -> Principal | None:
        known = self._known.get(proof)
        return known if known and now < known.believed_until else None

    def keep(self, proof: Proof, principal: Principal) -> Principal:
        self._known[proof] = principal
        self._known.move_to_end(proof)
        while len(self._known) > MAX_BELIEVED:
            self._known.popitem(last=False)
        return principal

    def forget(self, proof: Proof) -> None:
        self._known.pop(proof, None)


class KeyRing:
    """Tells who holds a key or a session.

    Args:
        believe_s: How long what was read is believed.
        idle_s: After how long without a request a session locks.
        wall: Keys and sessions run by the wall, also while a past day is being replayed on a scaled clock.
    """

    def __init__(self, *, believe_s: float, idle_s: float = 600, wall: Clock | None = None) -> None:
        self._believe = timedelta(seconds=believe_s)
        self._idle = timedelta(seconds=idle_s)
        self._wall = wall or wall_clock()
        self._keys = _Believed[tuple[str, str]]()
        self._sessions = _Believed[str]()
        self._stores: set[int] = set()

    async def principal(self, db: Database, token: str) -> Principal:
        """Return who holds the key.

        Raises:
            UnknownCaller: nobody, or the key is revoked or expired.
        """
        parts = rules.split_token(token) if len(token) <= MAX_TOKEN_CHARS else None
        if parts is None:
            raise rules.UnknownCaller("Send Authorization: Bearer with a key made by `pullsvc keys create`.")
        now = self._wall.now()
        if believed := self._keys.get(parts, now):
            return believed
        async with db.begin() as tx:
            row = await queries.key_with_grants(tx, key_id=parts[0], now=now)
            if row is None or not rules.secret_fits(parts[1], row.secret_hash):
                self._keys.forget(parts)
                raise rules.UnknownCaller("The key is unknown, expired or revoked.")
            if row.last_used_at is None or now - row.last_used_at > USE_NOTED_EVERY:
                await tx.run(queries.TOUCH_KEY, key_id=parts[0], now=now)
        principal = Principal(
            principal_id=row.principal_id,
            name=row.name,
            chain_role=Role(row.chain_role) if row.chain_role else None,
            roles={int(store): frozenset(map(Role, roles)) for store, roles in row.roles.items()},
            believed_until=now + self._believe,
        )
        return self._keys.keep(parts, principal)

    async def person(self, db: Database, cookie: str, *, in_use: bool = True) -> Principal:
        """Return whose session it is; unless `in_use` is False, that counts as use, which keeps the session awake.

        Raises:
            UnknownCaller: nobody's, or it ended, or its device was revoked.
            SessionLocked: it waits for a PIN.
        """
        now = self._wall.now()
        if believed := self._sessions.get(cookie, now):
            return believed
        self._sessions.forget(cookie)
        if len(cookie) > MAX_TOKEN_CHARS or token_of(cookie) is None:
            raise rules.UnknownCaller("Scan your badge and type your PIN.")
        async with db.begin() as tx:
            row = await sessions.session_of(tx, cookie, wall_now=now)
            sessions.check_awake(row, idle=self._idle, wall_now=now)
            if in_use and now - row.seen_at > SESSION_NOTED_EVERY:
                await tx.run(session_queries.NOTE_USE, store_id=row.store_id, session_id=row.session_id, now=now)
        principal = _principal_of(row, believed_until=now + self._believe)
        # Not believed on when it was only looked at: the next request that is a use has to be noted.
        return self._sessions.keep(cookie, principal) if in_use else principal

    def forget_person(self, cookie: str) -> None:
        """Read the session anew before it is believed again: it was locked or ended."""
        self._sessions.forget(cookie)

    async def store_exists(self, db: Database, store_id: int) -> bool:
        """Tell whether the store exists; a store is never deleted, so a yes is kept."""
        if store_id not in self._stores:
            async with db.read() as tx:
                if not await queries.store_exists(tx, store_id=store_id):
                    return False
            self._stores.add(store_id)
        return True


def _principal_of(session: Row, *, believed_until: datetime) -> Principal:
    """Return the person of a session: in the store of its device, whatever else the person may be."""
    return Principal(
        principal_id=session.principal_id,
        name=session.name,
        chain_role=None,
        roles={session.store_id: frozenset(map(Role, session.roles))},
        believed_until=min(believed_until, session.expires_at),
        device_id=session.device_id,
    )
