"""People of a store in the database: principals with a badge, a PIN and qualifications."""

from pullsvc.db import sql

PERSON = """
    SELECT w.principal_id, p.name, w.badge, w.locale, w.qualifications, p.active, w.pin_set_at IS NOT NULL AS has_pin,
           w.pin_set_at, w.version, w.updated_at, guard.locked_until,
           array(SELECT role FROM grants g WHERE g.store_id = w.store_id AND g.principal_id = w.principal_id
                 ORDER BY role) AS roles
    FROM people w JOIN principals p USING (principal_id)
    LEFT JOIN sign_in_guards guard ON guard.store_id = w.store_id AND guard.guarded = 'badge:' || w.badge
                                  AND guard.locked_until > :wall_now
    WHERE w.store_id = :store_id
"""
GET_PERSON = sql(f"{PERSON} AND w.principal_id = :principal_id")
LIST_PEOPLE = sql(f"""
    {PERSON} AND (CAST(:after AS bigint) IS NULL OR w.principal_id > :after)
      AND (CAST(:active AS boolean) IS NULL OR p.active = :active)
    ORDER BY w.principal_id LIMIT :limit
""")
LOCK_PERSON = sql("""
    SELECT version, badge, pin_hash FROM people WHERE store_id = :store_id AND principal_id = :principal_id FOR UPDATE
""")
BY_BADGES = sql("""
    SELECT principal_id, badge, version FROM people
    WHERE store_id = :store_id AND badge = ANY(CAST(:badges AS text[])) FOR UPDATE
""")
INSERT_PERSON = sql("""
    INSERT INTO people (store_id, principal_id, badge, locale, qualifications, updated_at)
    VALUES (:store_id, :principal_id, :badge, :locale, CAST(:qualifications AS text[]), :now)
""")
UPDATE_PERSON = sql("""
    UPDATE people SET badge = :badge, locale = :locale, qualifications = CAST(:qualifications AS text[]),
        version = version + 1, updated_at = :now
    WHERE store_id = :store_id AND principal_id = :principal_id
""")
UPDATE_PRINCIPAL = sql("UPDATE principals SET name = :name, active = :active WHERE principal_id = :principal_id")
REMOVE_GRANTS = sql("""
    DELETE FROM grants
    WHERE store_id = :store_id AND principal_id = :principal_id AND role <> ALL(CAST(:roles AS text[]))
""")
SET_PIN = sql("""
    UPDATE people SET pin_hash = :pin_hash, pin_set_at = :now
    WHERE store_id = :store_id AND principal_id = :principal_id
""")
