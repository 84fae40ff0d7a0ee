"""The door of every route: who calls, what they may, and in which store.

caller: Annotated[Caller, may(Perm.READ)]       # a look
act: Annotated[Act, keyed(Perm.ASK)]            # an act, with its Idempotency-Key
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from pullsvc.access import queries, rules
from pullsvc.access.rules import Perm, Principal, Role
from pullsvc.clock import wall_clock
from pullsvc.combining import Combiner
from pullsvc.db import Database, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.web.deps import MAX_STORE_ID, Db, Now
from pullsvc.web.idempotency import KEEP_DAYS, KeyedRequest, KeyHeader, fingerprint_of

MAX_CACHED_KEYS = 10_000
MAX_TOKEN_CHARS = 200
MAX_LATE_DAYS = KEEP_DAYS - 1  # While its key is kept, so that a repeat is never taken for a new act.
USE_NOTED_EVERY = timedelta(minutes=10)  # Coarse, so that a busy key is not written at each reading.


class TooLate(Rejection):
    """An act that happened too long ago to be booked now."""

    kind = Kind.INVALID
    code = "too-late"
    title = "This happened too long ago to be booked now."


bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", description="An API key: `Authorization: Bearer pls_...`")
StoreId = Annotated[int, Path(ge=1, le=MAX_STORE_ID, description="The store.", examples=[1])]


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal in the store of this request, with what it may do there."""

    principal_id: int
    name: str
    store_id: int
    permissions: frozenset[Perm]
    now: datetime

    def stamp(self, occurred_at: datetime | None = None) -> Stamp:
        """Return the signature of an act; `occurred_at` when a device tells that it happened earlier.

        A device whose clock runs ahead is taken to mean now.

        Raises:
            TooLate: it happened longer ago than MAX_LATE_DAYS.
        """
        happened = min(occurred_at, self.now) if occurred_at else self.now
        if self.now - happened > timedelta(days=MAX_LATE_DAYS):
            raise TooLate(f"Send acts within {MAX_LATE_DAYS} days, or leave occurred_at out.", occurred_at=happened)
        return Stamp(store_id=self.store_id, principal_id=self.principal_id, now=self.now, occurred_at=happened)


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Act:
    """A writing request: its caller and its idempotency key."""

    caller: Caller
    keyed: KeyedRequest

    def begin(self, db: Database) -> Any:
        """Open the act's transaction; a repeat is answered with what was answered before."""
        return self.keyed.begin(db)

    async def together(self, db: Database, combiner: "Combiner[tuple[Act, Item], Response]", item: Item) -> Response:
        """Do the act in one transaction with others of its kind; a repeat is answered as in `begin`."""
        async with self.keyed.repeats(db):
            return await combiner.do(db, (self, item))

    def answer(self, tx: Tx, body: BaseModel, *, status: int = 200) -> Response:
        """Return the response and keep it for repeats, in the same transaction."""
        return self.keyed.answer(tx, body, now=self.caller.now, status=status)

    async def nothing(self, db: Database) -> Response:
        """Return 204 for an act that found nothing to do, unless this is a repeat of one that did something."""
        await self.keyed.replay(db)
        return Response(status_code=204)


class KeyRing:
    """Verified keys, believed for a short time so that a scan does not pay for reading its key again."""

    def __init__(self, *, believe_s: float) -> None:
        self._believe_s = believe_s
        self._principals: OrderedDict[tuple[str, str], Principal] = OrderedDict()
        self._stores: set[int] = set()

    async def principal(self, db: Database, token: str) -> Principal:
        """Return who holds the token.

        Raises:
            UnknownCaller: nobody, or the key is revoked or expired.
        """
        parts = rules.split_token(token) if len(token) <= MAX_TOKEN_CHARS else None
        if parts is None:
            raise rules.UnknownCaller("Send Authorization: Bearer with a key made by `pullsvc keys create`.")
        # Keys expire by the wall, also while a past day is being replayed on a scaled clock.
        wall_now = wall_clock().now()
        believed = self._principals.get(parts)
        if believed and wall_now < believed.believed_until:
            return believed
        async with db.begin() as tx:
            row = await queries.key_with_grants(tx, key_id=parts[0], now=wall_now)
            if row is None or not rules.secret_fits(parts[1], row.secret_hash):
                self._principals.pop(parts, None)
                raise rules.UnknownCaller("The key is unknown, expired or revoked.")
            if row.last_used_at is None or wall_now - row.last_used_at > USE_NOTED_EVERY:
                await tx.run(queries.TOUCH_KEY, key_id=parts[0], now=wall_now)
        principal = Principal(
            principal_id=row.principal_id,
            name=row.name,
            chain_role=Role(row.chain_role) if row.chain_role else None,
            roles={int(store): frozenset(map(Role, roles)) for store, roles in row.roles.items()},
            believed_until=wall_now + timedelta(seconds=self._believe_s),
        )
        self._principals[parts] = principal
        self._principals.move_to_end(parts)
        while len(self._principals) > MAX_CACHED_KEYS:
            self._principals.popitem(last=False)
        return principal

    async def store_exists(self, db: Database, store_id: int) -> bool:
        """Tell whether the store exists; a store is never deleted, so a yes is kept."""
        if store_id not in self._stores:
            async with db.read() as tx:
                if not await queries.store_exists(tx, store_id=store_id):
                    return False
            self._stores.add(store_id)
        return True


async def _principal(
    request: Request,
    db: Db,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Principal:
    if credentials is None:
        raise rules.UnknownCaller("Send Authorization: Bearer with a key made by `pullsvc keys create`.")
    ring: KeyRing = request.app.state.keys
    return await ring.principal(db, credentials.credentials)


ThePrincipal = Annotated[Principal, Depends(_principal)]


def may(permission: Perm) -> Any:
    """Return the dependency that lets a caller in who may do this in the store of the URL.

    Raises (per request):
        UnknownCaller: no valid key.
        NoSuchStore: the store does not exist for this caller.
        Forbidden: it does, but the role does not allow this.
    """

    async def caller(request: Request, store_id: StoreId, db: Db, now: Now, who: ThePrincipal) -> Caller:
        permissions = who.permissions_in(store_id)
        ring: KeyRing = request.app.state.keys
        if not permissions or (store_id not in who.roles and not await ring.store_exists(db, store_id)):
            raise rules.NoSuchStore(f"Store {store_id} is not among your stores.")
        if permission not in permissions:
            raise rules.Forbidden(f"This needs the permission '{permission}'; ask your manager.", needs=permission)
        return Caller(principal_id=who.principal_id, name=who.name, store_id=store_id, permissions=permissions, now=now)

    caller.permission = permission  # type: ignore[attr-defined]  # read by the test that every route has a door
    return Depends(caller)


def keyed(permission: Perm) -> Any:
    """Return the dependency for a writing route: a caller who may, and the key of the request."""

    async def act(request: Request, caller: Annotated[Caller, may(permission)], key: KeyHeader) -> Act:
        request_key = KeyedRequest(
            store_id=caller.store_id,
            principal_id=caller.principal_id,
            key=key,
            fingerprint=await fingerprint_of(request),
        )
        return Act(caller=caller, keyed=request_key)

    act.permission = permission  # type: ignore[attr-defined]  # as above
    return Depends(act)


def may_in_chain(permission: Perm) -> Any:
    """Return the dependency for routes above the stores: only a role in the whole chain opens them."""

    async def principal(who: ThePrincipal) -> Principal:
        if who.chain_role is None or permission not in rules.PERMISSIONS[who.chain_role]:
            raise rules.Forbidden("This needs a role in the whole chain.", needs=permission)
        return who

    principal.permission = permission  # type: ignore[attr-defined]  # as above
    return Depends(principal)
