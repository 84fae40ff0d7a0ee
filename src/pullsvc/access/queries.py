"""Principals, grants and keys in the database."""

from pullsvc.db import Row, Tx, sql

KEY_WITH_GRANTS = sql("""
    SELECT k.secret_hash, k.last_used_at, p.principal_id, p.name, p.chain_role,
           coalesce((SELECT jsonb_object_agg(g.store_id, g.roles) FROM (
               SELECT store_id, jsonb_agg(role) AS roles FROM grants
               WHERE principal_id = p.principal_id GROUP BY store_id) g), '{}') AS roles
    FROM api_keys k JOIN principals p USING (principal_id)
    WHERE k.key_id = :key_id AND p.active AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > :now)
""")
TOUCH_KEY = sql("UPDATE api_keys SET last_used_at = :now WHERE key_id = :key_id")
STORE_EXISTS = sql("SELECT 1 FROM stores WHERE store_id = :store_id")
INSERT_PRINCIPAL = sql("""
    INSERT INTO principals (name, kind, chain_role, created_at) VALUES (:name, :kind, :chain_role, :now)
    RETURNING principal_id
""")
INSERT_GRANT = sql("""
    INSERT INTO grants (store_id, principal_id, role, granted_at)
    VALUES (:store_id, :principal_id, :role, :now) ON CONFLICT DO NOTHING
""")
INSERT_KEY = sql("""
    INSERT INTO api_keys (key_id, principal_id, secret_hash, created_at, expires_at)
    VALUES (:key_id, :principal_id, :secret_hash, :now, :expires_at)
""")
REVOKE_KEY = sql("UPDATE api_keys SET revoked_at = :now WHERE key_id = :key_id AND revoked_at IS NULL")
LIST_KEYS = sql("""
    SELECT k.key_id, p.principal_id, p.name, p.kind, p.chain_role, k.created_at, k.expires_at, k.revoked_at,
           k.last_used_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('store_id', store_id, 'role', role)
                                      ORDER BY store_id, role), '[]')
            FROM grants g WHERE g.principal_id = p.principal_id) AS grants
    FROM api_keys k JOIN principals p USING (principal_id)
    ORDER BY k.created_at, k.key_id
    LIMIT :limit
""")
# A key is the store's own when its holder may do nothing anywhere else, nor more than a manager may give.
_IS_OURS = """
    p.chain_role IS NULL AND NOT EXISTS (
        SELECT 1 FROM grants o
        WHERE o.principal_id = p.principal_id AND (o.store_id <> :store_id OR o.role = 'admin'))
"""
LIST_KEYS_OF_STORE = sql(f"""
    SELECT k.key_id, p.name, p.kind, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, {_IS_OURS} AS is_ours,
           array_agg(g.role ORDER BY g.role) AS roles
    FROM grants g JOIN principals p USING (principal_id) JOIN api_keys k USING (principal_id)
    WHERE g.store_id = :store_id AND (CAST(:after AS text) IS NULL OR k.key_id > :after)
    GROUP BY k.key_id, p.principal_id
    ORDER BY k.key_id LIMIT :limit
""")
KEY_OF_STORE = sql(f"""
    SELECT {_IS_OURS} AS is_ours FROM api_keys k JOIN principals p USING (principal_id)
    WHERE k.key_id = :key_id AND k.revoked_at IS NULL
      AND EXISTS (SELECT 1 FROM grants g WHERE g.store_id = :store_id AND g.principal_id = p.principal_id)
    FOR UPDATE OF k
""")


async def key_with_grants(tx: Tx, *, key_id: str, now: object) -> Row | None:
    """Return a live key's secret hash, its principal and all grants."""
    return await tx.row(KEY_WITH_GRANTS, key_id=key_id, now=now)


async def store_exists(tx: Tx, *, store_id: int) -> bool:
    """Tell whether there is such a store."""
    return await tx.row(STORE_EXISTS, store_id=store_id) is not None
