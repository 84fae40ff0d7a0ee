"""Roles and what they may do; the shape of an API key."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pullsvc.errors import Kind, Rejection

KEY_PREFIX = "pls"
KEY_ID_BYTES = 6
SECRET_BYTES = 32
_KEY = re.compile(r"pls_([0-9a-f]{12})_([0-9a-f]{64})")


class Perm(StrEnum):
    """What a route asks of its caller."""

    READ = "read"
    ASK = "ask"
    WORK = "work"
    PUT = "put"
    STOCK = "stock"
    LEAD = "lead"
    MANAGE = "manage"
    SELL = "sell"
    CHAIN = "chain"


class Role(StrEnum):
    """What a principal is in a store."""

    ASSOCIATE = "associate"
    BACKROOM = "backroom"
    LEAD = "lead"
    MANAGER = "manager"
    ADMIN = "admin"
    POS = "pos"
    READONLY = "readonly"


_FLOOR = frozenset({Perm.READ, Perm.ASK, Perm.PUT, Perm.STOCK})
_BACKROOM = _FLOOR | {Perm.WORK}
_LEAD = _BACKROOM | {Perm.LEAD}
_MANAGER = _LEAD | {Perm.MANAGE}

PERMISSIONS: dict[Role, frozenset[Perm]] = {
    Role.ASSOCIATE: _FLOOR,
    Role.BACKROOM: _BACKROOM,
    Role.LEAD: _LEAD,
    Role.MANAGER: _MANAGER,
    Role.ADMIN: frozenset(Perm),
    Role.POS: frozenset({Perm.SELL}),
    Role.READONLY: frozenset({Perm.READ}),
}
assert set(PERMISSIONS) == set(Role)


class UnknownCaller(Rejection):
    """No valid key and no live session came with the request."""

    kind = Kind.UNKNOWN_CALLER
    code = "unknown-caller"
    title = "Sign in first."


class Forbidden(Rejection):
    """The caller may see the store, but not do this in it."""

    kind = Kind.FORBIDDEN
    code = "forbidden"
    title = "Your role does not allow this."


def forbidden(needs: Perm) -> Forbidden:
    """Return the refusal of what needs this permission."""
    return Forbidden(f"This needs the permission '{needs}'; ask your manager.", needs=needs)


class NoSuchStore(Rejection):
    """The store does not exist, or the caller has nothing to do with it: the two look the same."""

    kind = Kind.NOT_FOUND
    code = "no-such-store"
    title = "There is no such store for you."


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that proved who it is, with all its grants.

    Attributes:
        principal_id: Its id.
        name: For people to read.
        chain_role: Role in every store, if any.
        roles: Roles by store id.
        believed_until: When the key or session must be read again, aware.
        device_id: The enrolled device that the person is signed in on; None for keys.
    """

    principal_id: int
    name: str
    chain_role: Role | None
    roles: dict[int, frozenset[Role]]
    believed_until: datetime
    device_id: int | None = None

    def permissions_in(self, store_id: int) -> frozenset[Perm]:
        """Return what the principal may do in the store; empty: the store does not exist for it."""
        roles = set(self.roles.get(store_id, frozenset()))
        if self.chain_role:
            roles.add(self.chain_role)
        return permissions_of(roles)


def permissions_of(roles: Iterable[Role]) -> frozenset[Perm]:
    """Return what whoever has these roles in a store may do there."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the token is shown once, only the hash is stored."""

    key_id: str
    secret_hash: bytes
    token: str


def make_key() -> NewKey:
    """Return a new random key, `pls_<id>_<256-bit secret>`."""
    key_id = secrets.token_hex(KEY_ID_BYTES)
    secret = secrets.token_hex(SECRET_BYTES)
    return NewKey(key_id=key_id, secret_hash=hash_secret(secret), token=f"{KEY_PREFIX}_{key_id}_{secret}")


def hash_secret(secret: str) -> bytes:
    """Return the stored form; the secret has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode()).digest()


def split_token(token: str) -> tuple[str, str] | None:
    """Return (key id, secret), None when the text is not a key."""
    match = _KEY.fullmatch(token)
    return (match[1], match[2]) if match else None


def secret_fits(secret: str, secret_hash: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
