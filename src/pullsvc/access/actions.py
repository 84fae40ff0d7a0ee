"""Make, list and revoke principals and their keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pullsvc.access import queries, rules
from pullsvc.db import Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append

MAX_KEYS_LISTED = 1_000
# What a manager may make keys for: all that ends at the store.
KEYS_OF_MANAGERS = frozenset(rules.Role) - {rules.Role.ADMIN}


class NoSuchKey(Rejection):
    """The key does not exist or is revoked already."""

    kind = Kind.NOT_FOUND
    code = "no-such-key"
    title = "There is no such live key."


class KeyOfTheOperator(Rejection):
    """The key is good for more than this store, so no manager of one store can revoke it."""

    kind = Kind.FORBIDDEN
    code = "key-of-the-operator"
    title = "This key is not the store's alone."


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


async def revoke_key_of_store(tx: Tx, stamp: Stamp, *, key_id: str, now: datetime) -> None:
    """Make a key that reaches no other store worthless.

    Raises:
        NoSuchKey: the store has no such live key.
        KeyOfTheOperator: it reaches further than this store.
    """
    row = await tx.row(queries.KEY_OF_STORE, store_id=stamp.store_id, key_id=key_id)
    if row is None:
        raise NoSuchKey(f"No live key of this store has the id {key_id!r}; /keys lists them.", key_id=key_id)
    if not row.is_ours:
        raise KeyOfTheOperator("Ask whoever runs the service: it reaches further than this store.", key_id=key_id)
    await revoke_key(tx, key_id=key_id, now=now)
    tell_of_key(tx, stamp, "key.revoked", key_id)


def tell_of_key(tx: Tx, stamp: Stamp, kind: str, key_id: str) -> None:
    """Record what happened to a key of the store."""
    append(tx, stamp, kind, key_id)


async def list_keys(tx: Tx) -> list[dict[str, Any]]:
    """Return all keys without their secrets, oldest first, at most MAX_KEYS_LISTED."""
    return [row._asdict() for row in await tx.rows(queries.LIST_KEYS, limit=MAX_KEYS_LISTED)]
