"""The door of every route: who calls, what they may, and in which store.

caller: Annotated[Caller, may(Perm.READ)]       # a look
act: Annotated[Act, keyed(Perm.ASK)]            # an act, with its Idempotency-Key
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.requests import HTTPConnection

from pullsvc.access import rules
from pullsvc.access.cookies import Cookies, check_same_origin
from pullsvc.access.ring import KeyRing
from pullsvc.access.rules import Perm, Principal
from pullsvc.combining import Combiner
from pullsvc.db import Database, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.web.deps import MAX_STORE_ID, Db, Now
from pullsvc.web.idempotency import KEEP_DAYS, KeyedRequest, KeyHeader, fingerprint_of

EVENT_STREAM = "text/event-stream"
ACTS_FOR = "x-acts-for"
MAX_LATE_DAYS = KEEP_DAYS - 1  # While its key is kept, so that a repeat is never taken for a new act.


class TooLate(Rejection):
    """An act that happened too long ago to be booked now."""

    kind = Kind.INVALID
    code = "too-late"
    title = "This happened too long ago to be booked now."


class SomebodyElse(Rejection):
    """The page acts for another person than the one who is signed in now: in another tab, somebody else signed in.

    Said in `X-Acts-For`, the id of the person. What waited on a device would else be booked in the name of whoever is
    there next, and done twice if it had been done already.
    """

    kind = Kind.UNKNOWN_CALLER
    code = "somebody-else"
    title = "Somebody else is signed in on this device."


class _Bearer(HTTPBearer):
    """The framework's, but what it finds stays the text that it is."""

    async def __call__(self, request: Request) -> str | None:  # type: ignore[override]  # not a model with this text
        """Return the token of the request, if it has one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


class _Cookie(APIKeyCookie):
    """The framework's, but the name depends on a setting."""

    def __init__(self, which: Callable[[Cookies], str], *, scheme_name: str, description: str) -> None:
        super().__init__(name=which(Cookies()), scheme_name=scheme_name, description=description)
        self._which = which

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Return what the cookie of the request holds, if it has one; a key in the header goes before it."""
        if "cookie" not in request.headers or "authorization" in request.headers:
            return None
        return request.cookies.get(self._which(request.app.state.cookies))


bearer = _Bearer(scheme_name="apiKey", description="An API key: `Authorization: Bearer pls_...`")
session_cookie = _Cookie(
    lambda cookies: cookies.session, scheme_name="session", description="The session of a person on an enrolled device."
)
device_cookie = _Cookie(
    lambda cookies: cookies.device, scheme_name="device", description="An enrolled device of a store."
)
StoreId = Annotated[int, Path(ge=1, le=MAX_STORE_ID, description="The store.", examples=[1])]


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal in the store of this request, with what it may do there."""

    principal_id: int
    name: str
    store_id: int
    permissions: frozenset[Perm]
    now: datetime
    device_id: int | None = None

    def stamp(self, occurred_at: datetime | None = None) -> Stamp:
        """Return the signature of an act; `occurred_at` when a device tells that it happened earlier.

        A device whose clock runs ahead is taken to mean now.

        Raises:
            TooLate: it happened longer ago than MAX_LATE_DAYS.
        """
        happened = min(occurred_at, self.now) if occurred_at else self.now
        if self.now - happened > timedelta(days=MAX_LATE_DAYS):
            raise TooLate(f"Send acts within {MAX_LATE_DAYS} days, or leave occurred_at out.", occurred_at=happened)
        return Stamp(self.store_id, self.principal_id, now=self.now, occurred_at=happened, device_id=self.device_id)


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Act:
    """A writing request: its caller and its idempotency key."""

    caller: Caller
    keyed: KeyedRequest

    async def stamp(self, db: Database, occurred_at: datetime | None) -> Stamp:
        """Return the act's signature, as `Caller.stamp` does; a repeat is answered however long ago it happened.

        Raises:
            TooLate: it happened too long ago, and was not done in time either.
            Replayed, KeyReused: as in `begin`.
        """
        try:
            return self.caller.stamp(occurred_at)
        except TooLate:
            await self.keyed.replay(db)
            raise

    def begin(self, db: Database) -> Any:
        """Open the act's transaction; a repeat is answered with what was answered before."""
        return self.keyed.begin(db)

    async def together(self, db: Database, combiner: "Combiner[tuple[Act, Item], Response]", item: Item) -> Response:
        """Do the act in one transaction with others of its kind; a repeat is answered as in `begin`."""
        async with self.keyed.repeats(db):
            return await combiner.do(db, (self, item))

    def answer(self, tx: Tx, body: object, *, status: int = 200, kept: object = None) -> Response:
        """Return the response and keep it for repeats, in the same transaction; the body is a model or plain values.

        What holds a secret says in `kept` what is kept in its place: the same without it.
        """
        return self.keyed.answer(tx, body, now=self.caller.now, status=status, kept=kept)

    async def nothing(self, db: Database) -> Response:
        """Return 204 for an act that found nothing to do, unless this is a repeat of one that did something."""
        await self.keyed.replay(db)
        return Response(status_code=204)


async def the_cookies(request: Request) -> Cookies:
    """Return how our cookies are called and set."""
    cookies: Cookies = request.app.state.cookies
    return cookies


async def _principal(
    request: Request,
    db: Db,
    token: Annotated[str | None, Security(bearer)],
    session: Annotated[str | None, Security(session_cookie)],
) -> Principal:
    ring: KeyRing = request.app.state.keys
    if token:
        return await ring.principal(db, token)
    if session:
        check_same_origin(request)
        # A live stream comes back by itself, with nobody there; that must not keep a session awake.
        who = await ring.person(db, session, in_use=EVENT_STREAM not in request.headers.get("accept", ""))
        if request.headers.get(ACTS_FOR, str(who.principal_id)) != str(who.principal_id):
            raise SomebodyElse("Look who is signed in, at /v1/session, and act for them.")
        return who
    raise rules.UnknownCaller("Sign in on an enrolled device, or send a key as Authorization: Bearer.")


ThePrincipal = Annotated[Principal, Depends(_principal)]


def may(permission: Perm) -> Any:
    """Return the dependency that lets a caller in who may do this in the store of the URL.

    Raises (per request):
        UnknownCaller, SessionLocked: no valid key and no live session.
        CrossSite: another site's page would act by the session.
        SomebodyElse: the page acts for another person than the session's.
        NoSuchStore: the store does not exist for this caller.
        Forbidden: it does, but the role does not allow this.
    """

    async def caller(request: Request, store_id: StoreId, db: Db, now: Now, who: ThePrincipal) -> Caller:
        permissions = who.permissions_in(store_id)
        ring: KeyRing = request.app.state.keys
        if not permissions or (store_id not in who.roles and not await ring.store_exists(db, store_id)):
            raise rules.NoSuchStore(f"Store {store_id} is not among your stores.")
        if permission not in permissions:
            raise rules.forbidden(permission)
        return Caller(who.principal_id, who.name, store_id, permissions, now=now, device_id=who.device_id)

    caller.permission = permission  # type: ignore[attr-defined]  # read by the test that every route has a door
    return Depends(caller)


Welcome = Callable[[], Awaitable[bool]]


async def _welcome(
    request: Request,
    db: Db,
    store_id: StoreId,
    token: Annotated[str | None, Security(bearer)],
    session: Annotated[str | None, Security(session_cookie)],
) -> Welcome:
    ring: KeyRing = request.app.state.keys

    async def still() -> bool:
        try:
            if token:
                who = await ring.principal(db, token)
            else:
                who = await ring.person(db, session or "", in_use=False)
        except Rejection as refusal:
            return refusal.kind is Kind.BUSY  # Who cannot be asked about now is not sent away for it.
        return Perm.READ in who.permissions_in(store_id)

    return still


# What a connection that stays open asks now and then: whether its key, session or role is still good.
StillWelcome = Annotated[Welcome, Depends(_welcome)]


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
