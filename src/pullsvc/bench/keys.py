"""Keys for everybody who takes part: principals with grants and real API keys, made by the rules of `access`."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from pullsvc.access.rules import Role, make_key


async def make_keys(url: str, wanted: Sequence[tuple[int, Role]], *, now: datetime) -> list[str]:
    """Make a principal with a key for each (store, role) wanted; return the tokens in that order."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            first = 1 + await connection.fetchval("SELECT coalesce(max(principal_id), 0) FROM principals")
            ids = range(first, first + len(wanted))
            keys = [make_key() for _ in wanted]
            people = [
                (number, f"{role} {number}", "person", now) for number, (_, role) in zip(ids, wanted, strict=True)
            ]
            grants = [(store_id, number, role, now) for number, (store_id, role) in zip(ids, wanted, strict=True)]
            # Noted as used just now: the service would write that down at the first use of each.
            made = [(key.key_id, number, key.secret_hash, now, now) for number, key in zip(ids, keys, strict=True)]
            for table, columns, rows in (
                ("principals", ("principal_id", "name", "kind", "created_at"), people),
                ("grants", ("store_id", "principal_id", "role", "granted_at"), grants),
                ("api_keys", ("key_id", "principal_id", "secret_hash", "created_at", "last_used_at"), made),
            ):
                await connection.copy_records_to_table(table, records=rows, columns=columns)
            await connection.execute(
                "SELECT setval(pg_get_serial_sequence('principals', 'principal_id'), $1)", first + len(wanted)
            )
        await connection.execute("ANALYZE principals, grants, api_keys")
    finally:
        await connection.close()
    return [key.token for key in keys]
