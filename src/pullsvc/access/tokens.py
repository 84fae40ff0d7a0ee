"""Secrets of devices, sessions and enrolments: which row, and a random part of which only a hash is kept. Pure."""

import re
import secrets
from dataclasses import dataclass

from pullsvc.access.rules import hash_secret, secret_fits

COOKIE_SECRET_BYTES = 32
CODE_SECRET_BYTES = (
    16  # A code lives ten minutes and has to fit a small QR code; 128 bits are not guessed in that time.
)
MAX_STORE_ID = 2**31 - 1
MAX_NUMBER = 2**63 - 1
_TOKEN = re.compile(r"([1-9][0-9]{0,9})\.([1-9][0-9]{0,18})\.([A-Za-z0-9_-]{22,43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A row of a store, and the secret that proves the right to it."""

    store_id: int
    number: int
    secret: str

    def text(self) -> str:
        """Return what goes into the cookie or the code."""
        return f"{self.store_id}.{self.number}.{self.secret}"

    def fits(self, secret_hash: bytes) -> bool:
        """Tell whether the secret is the one whose hash is kept, in constant time."""
        return secret_fits(self.secret, secret_hash)


@dataclass(frozen=True, slots=True)
class Secret:
    """A new random secret with what is stored of it."""

    text: str
    hash: bytes


def new_secret(length_bytes: int = COOKIE_SECRET_BYTES) -> Secret:
    """Return a new random secret of so many bytes."""
    text = secrets.token_urlsafe(length_bytes)
    return Secret(text=text, hash=hash_secret(text))


def token_of(text: str) -> Token | None:
    """Return the token that the text is, None when it is none."""
    match = _TOKEN.fullmatch(text)
    if match is None or int(match[1]) > MAX_STORE_ID or int(match[2]) > MAX_NUMBER:
        return None
    return Token(store_id=int(match[1]), number=int(match[2]), secret=match[3])
