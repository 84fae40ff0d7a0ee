"""Devices, enrolments, sessions and the guards of signing in, in the database."""

from pullsvc.db import sql

# Enrolments and devices.
INSERT_ENROLMENT = sql("""
    INSERT INTO device_enrolments (store_id, name, secret_hash, made_by, made_at, expires_at)
    VALUES (:store_id, :name, :secret_hash, :made_by, :now, :expires_at)
    RETURNING enrolment_id
""")
LOCK_ENROLMENT = sql("""
    SELECT e.enrolment_id, e.name, e.secret_hash, e.made_by, e.expires_at, e.device_id, e.used_by, s.name AS store_name
    FROM device_enrolments e JOIN stores s USING (store_id)
    WHERE e.store_id = :store_id AND e.enrolment_id = :enrolment_id
    FOR UPDATE OF e
""")
USE_ENROLMENT = sql("""
    UPDATE device_enrolments SET device_id = :device_id, used_by = :used_by
    WHERE store_id = :store_id AND enrolment_id = :enrolment_id
""")
INSERT_DEVICE = sql("""
    INSERT INTO devices (store_id, name, secret_hash, enrolled_by, enrolled_at)
    VALUES (:store_id, :name, :secret_hash, :enrolled_by, :now)
    RETURNING device_id
""")
RENEW_DEVICE = sql("""
    UPDATE devices SET secret_hash = :secret_hash
    WHERE store_id = :store_id AND device_id = :device_id AND revoked_at IS NULL
""")
DEVICE = sql("""
    SELECT d.device_id, d.store_id, d.name, d.secret_hash, s.name AS store_name
    FROM devices d JOIN stores s USING (store_id)
    WHERE d.store_id = :store_id AND d.device_id = :device_id AND d.revoked_at IS NULL
""")
REVOKE_DEVICE = sql("""
    UPDATE devices SET revoked_at = :now
    WHERE store_id = :store_id AND device_id = :device_id AND revoked_at IS NULL
    RETURNING device_id
""")
LIST_DEVICES = sql("""
    SELECT d.device_id, d.name, d.enrolled_at, d.enrolled_by, d.revoked_at, g.locked_until,
           used.seen_at AS last_used_at, used.person
    FROM devices d
    LEFT JOIN sign_in_guards g ON g.store_id = d.store_id AND g.guarded = 'device:' || d.device_id
                              AND g.locked_until > :now
    LEFT JOIN LATERAL (
        SELECT x.seen_at, CASE WHEN x.ended_at IS NULL AND x.expires_at > :now THEN p.name END AS person
        FROM sessions x JOIN principals p USING (principal_id)
        WHERE x.store_id = d.store_id AND x.device_id = d.device_id
        ORDER BY x.session_id DESC LIMIT 1
    ) used ON true
    WHERE d.store_id = :store_id AND (CAST(:after AS bigint) IS NULL OR d.device_id > :after)
      AND (:revoked OR d.revoked_at IS NULL)
    ORDER BY d.device_id LIMIT :limit
""")

# Guards: made before they are locked, so that two at once meet on the same row; always in one order.
MAKE_GUARDS = sql("""
    INSERT INTO sign_in_guards (store_id, guarded, failed_at)
    SELECT :store_id, guarded, :now FROM unnest(CAST(:guarded AS text[])) AS g(guarded) ORDER BY guarded
    ON CONFLICT DO NOTHING
""")
LOCK_GUARDS = sql("""
    SELECT guarded, failures, failed_at, locked_until, lifts, lifted_since FROM sign_in_guards
    WHERE store_id = :store_id AND guarded = ANY(CAST(:guarded AS text[]))
    ORDER BY guarded FOR UPDATE
""")
SET_GUARD = sql("""
    UPDATE sign_in_guards SET failures = :failures, failed_at = :failed_at, locked_until = :locked_until
    WHERE store_id = :store_id AND guarded = :guarded
""")
LIFT_GUARD = sql("""
    UPDATE sign_in_guards SET failures = 0, locked_until = NULL
    WHERE store_id = :store_id AND guarded = :guarded AND failures > 0
""")
SET_LIFTS = sql("""
    UPDATE sign_in_guards SET lifts = :lifts, lifted_since = :lifted_since
    WHERE store_id = :store_id AND guarded = :guarded
""")

# Sessions.
PERSON_BY_BADGE = sql("""
    SELECT w.principal_id, w.pin_hash,
           (SELECT coalesce(bool_and(role = 'readonly'), false) FROM grants g
            WHERE g.store_id = w.store_id AND g.principal_id = w.principal_id) AS only_looks
    FROM people w JOIN principals p USING (principal_id)
    WHERE w.store_id = :store_id AND w.badge = :badge AND p.active
""")
# Only while the PIN is the one that was proved: it may have been replaced while it was being compared.
INSERT_SESSION = sql("""
    INSERT INTO sessions (store_id, principal_id, device_id, secret_hash, began_at, seen_at, expires_at)
    SELECT :store_id, :principal_id, :device_id, :secret_hash, :now, :now, :expires_at
    FROM people WHERE store_id = :store_id AND principal_id = :principal_id AND pin_hash = :pin_hash
    FOR SHARE
    RETURNING session_id
""")
END_SESSIONS_OF_DEVICE = sql("""
    UPDATE sessions SET ended_at = :now
    WHERE store_id = :store_id AND device_id = :device_id AND ended_at IS NULL
      AND NOT (principal_id = :but_of AND began_at > :but_since)
""")
END_SESSIONS_OF_PERSON = sql("""
    UPDATE sessions SET ended_at = :now
    WHERE store_id = :store_id AND principal_id = :principal_id AND ended_at IS NULL AND session_id <> :but
""")
SESSION = sql("""
    SELECT x.store_id, x.session_id, x.principal_id, x.device_id, x.secret_hash, x.seen_at, x.expires_at, x.locked_at,
           p.name, w.badge, w.locale, w.qualifications, w.pin_hash, d.name AS device_name, s.name AS store_name,
           s.time_zone, array(SELECT role FROM grants g WHERE g.store_id = x.store_id
                              AND g.principal_id = x.principal_id ORDER BY role) AS roles
    FROM sessions x JOIN principals p USING (principal_id)
    JOIN people w ON w.store_id = x.store_id AND w.principal_id = x.principal_id
    JOIN devices d ON d.store_id = x.store_id AND d.device_id = x.device_id
    JOIN stores s ON s.store_id = x.store_id
    WHERE x.store_id = :store_id AND x.session_id = :session_id AND x.ended_at IS NULL AND x.expires_at > :now
      AND p.active AND d.revoked_at IS NULL
""")
# The session, once its person is locked: ended or not by whoever had the lock before.
SESSION_LIVES = sql("""
    SELECT 1 FROM sessions WHERE store_id = :store_id AND session_id = :session_id AND ended_at IS NULL
    FOR NO KEY UPDATE
""")
NOTE_USE = sql("UPDATE sessions SET seen_at = :now WHERE store_id = :store_id AND session_id = :session_id")
LOCK_SESSION = sql("""
    UPDATE sessions SET locked_at = :now
    WHERE store_id = :store_id AND session_id = :session_id AND locked_at IS NULL
""")
UNLOCK_SESSION = sql("""
    UPDATE sessions SET locked_at = NULL, seen_at = :now
    WHERE store_id = :store_id AND session_id = :session_id AND ended_at IS NULL
""")
