"""Make, list and revoke principals and their keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pullsvc.access import queries, rules
from pullsvc.db import Tx
from pullsvc.errors import Kind, Rejection

MAX_KEYS_LISTED = 1_000


class NoSuchKey(Rejection):
    """The key does not exist or is revoked already."""

    kind = Kind.NOT_FOUND
    code = "no-such-key"
    title = "There is no such live key."


async def create_key(
    tx: Tx,
    *,
    name: str,
    kind: str,
    grants: Mapping[int, rules.Role],
    chain_role: rules.Role | None,
    expires_at: datetime | None,
    now: datetime,
) -> rules.NewKey:
    """Make a principal with its grants and a first key; the token in the answer is never shown again.

    Raises:
        NoSuchStore: a grant names a store that does not exist.
    """
    for store_id in grants:
        if not await queries.store_exists(tx, store_id=store_id):
            raise rules.NoSuchStore(f"Store {store_id} does not exist; create it first.", store_id=store_id)
    row = await tx.one(queries.INSERT_PRINCIPAL, name=name, kind=kind, chain_role=chain_role, now=now)
    for store_id, role in grants.items():
        await tx.run(queries.INSERT_GRANT, store_id=store_id, principal_id=row.principal_id, role=role, now=now)
    key = rules.make_key()
    await tx.run(
        queries.INSERT_KEY,
        key_id=key.key_id,
        principal_id=row.principal_id,
        secret_hash=key.secret_hash,
        expires_at=expires_at,
        now=now,
    )
    return key


async def revoke_key(tx: Tx, *, key_id: str, now: datetime) -> None:
    """Make the key worthless; processes that believe it forget it within `key_cache_s`."""
    if not await tx.run(queries.REVOKE_KEY, key_id=key_id, now=now):
        raise NoSuchKey(f"No live key has the id {key_id!r}; `pullsvc keys list` shows them.", key_id=key_id)


async def list_keys(tx: Tx) -> list[dict[str, Any]]:
    """Return all keys without their secrets, oldest first, at most MAX_KEYS_LISTED."""
    return [row._asdict() for row in await tx.rows(queries.LIST_KEYS, limit=MAX_KEYS_LISTED)]
