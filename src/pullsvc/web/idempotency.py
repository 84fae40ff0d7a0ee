"""Idempotency keys: an act and the answer it gave are one transaction, so a repeated request is answered, not done.

The key's row is written last, together with the events. A repeat runs into the unique key (or into a refusal,
because the work is already done), is rolled back as a whole, and gets the stored answer. Nothing is ever left
"in progress": a handler that dies leaves no row.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from pydantic_core import to_json

from pullsvc.db import Database, Trailing, Tx, UniqueViolation, sql
from pullsvc.errors import Busy, Kind, Rejection

CONSTRAINT = "idempotency_keys_pkey"
# A handheld found after weeks still gets its answers. Longer than an act may be late (`access.edge`): an act whose key
# is gone must be refused as too late, or its repeat would be done once more.
KEEP_DAYS = 32

KEYS = Trailing(
    "idempotency_keys",
    """
    INSERT INTO idempotency_keys (store_id, principal_id, key, fingerprint, status, body, created_at)
    SELECT store_id, principal_id, key, fingerprint, status, body, created_at
    FROM jsonb_to_recordset(CAST(:idempotency_keys AS jsonb)) AS k(store_id integer, principal_id bigint, key text,
        fingerprint text, status smallint, body text, created_at timestamptz)
    """,
)
STORED = sql("""
    SELECT fingerprint, status, body FROM idempotency_keys
    WHERE store_id = :store_id AND principal_id = :principal_id AND key = :key
""")

KeyHeader = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=100,
        pattern=r"^[A-Za-z0-9._:-]+$",
        description="A value of your own, new for each act, the same for each repeat of it; a UUID will do.",
        examples=["0192f0c1-7e57-7000-8000-5ca1ab1e0001"],
    ),
]


class KeyReused(Rejection):
    """The key already stands for another request."""

    kind = Kind.INVALID
    code = "idempotency-key-reused"
    title = "This Idempotency-Key belongs to another request."


class Replayed(Exception):
    """The act was done before: carries the answer that it gave then."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """One writing request and the key under which its answer is kept."""

    store_id: int
    principal_id: int
    key: str
    fingerprint: str

    @asynccontextmanager
    async def begin(self, db: Database) -> AsyncIterator[Tx]:
        """Open the transaction of the act.

        Raises:
            Replayed: the act was done before under this key.
            KeyReused: the key was used for another request.
        """
        async with self.repeats(db), db.begin() as tx:
            yield tx

    @asynccontextmanager
    async def repeats(self, db: Database) -> AsyncIterator[None]:
        """Tell a repeat by what happens when the act is done once more; raises as `begin` does."""
        try:
            yield
        except UniqueViolation as violation:
            await self.replay(db)
            if violation.constraint == CONSTRAINT:
                raise
            # Two acts made the same thing at the same moment; the one that lost finds it there when it tries again.
            raise Busy("Somebody did this at the same moment; send the request again.") from violation
        except Rejection as refusal:
            if refusal.kind is not Kind.BUSY:
                await self.replay(db)
            raise

    def answer(self, tx: Tx, body: object, *, now: datetime, status: int = 200, kept: object = None) -> Response:
        """Return the response, and keep it under the key in the same transaction; `body`: a model or plain values.

        `kept` is what a repeat is answered instead, if that must not be the same: a secret is shown once.
        """
        content = to_json(body).decode()
        row = {
            "store_id": self.store_id,
            "principal_id": self.principal_id,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "status": status,
            "body": content if kept is None else to_json(kept).decode(),
            "created_at": now,
        }
        tx.write_last(KEYS, row)
        return Response(content, status_code=status, media_type="application/json")

    async def replay(self, db: Database) -> None:
        """Raise the answer that is kept under the key, if there is one."""
        async with db.read() as tx:
            stored = await tx.row(STORED, store_id=self.store_id, principal_id=self.principal_id, key=self.key)
        if stored is None:
            return
        if stored.fingerprint != self.fingerprint:
            raise KeyReused("Make a new key for a new request; repeat a request unchanged.")
        raise Replayed(stored.status, stored.body)


async def fingerprint_of(request: Request) -> str:
    """Return what tells one request from another: method, address and body."""
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode())
    digest.update(await request.body())
    return digest.hexdigest()


def install(app: FastAPI) -> None:
    """Have the app answer repeats with what was answered before."""

    async def on_replay(_request: Request, exc: Exception) -> Response:
        assert isinstance(exc, Replayed)
        headers = {"Idempotent-Replay": "true"}
        return Response(exc.body, status_code=exc.status, media_type="application/json", headers=headers)

    app.add_exception_handler(Replayed, on_replay)
