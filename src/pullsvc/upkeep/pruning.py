"""Pruning: what has ended is deleted some days after its end, store by store, a bounded batch at a time.

Nothing goes that something kept still needs. A task goes with all its lines, a pull once no line names it any more;
what the lines of a deleted task put to a pull that stays is added to `pull_openings` in the same statement, so that
the audit can derive every pull for ever. Each statement names one store, and any number of processes may prune at
once: each passes over the rows that another is deleting.
"""

from collections import Counter
from datetime import datetime, timedelta

from pullsvc.db import Database, sql
from pullsvc.upkeep.partitions import oldest_sales_day
from pullsvc.web.idempotency import KEEP_DAYS

PRUNED_AT_ONCE = 500
MAX_ROUNDS_A_STORE = 200

TASKS = sql("""
    WITH old AS MATERIALIZED (
        SELECT task_id FROM tasks WHERE store_id = :store_id AND ended_at < :before
        ORDER BY ended_at LIMIT :at_once FOR UPDATE SKIP LOCKED
    ),
    lines AS (
        DELETE FROM task_lines l USING old WHERE l.store_id = :store_id AND l.task_id = old.task_id
        RETURNING l.pull_id, l.qty_put
    ),
    carried AS (
        INSERT INTO pull_openings AS o (store_id, pull_id, qty_put)
        SELECT :store_id, pull_id, sum(qty_put) FROM lines WHERE qty_put > 0 GROUP BY pull_id ORDER BY pull_id
        ON CONFLICT (store_id, pull_id) DO UPDATE SET qty_put = o.qty_put + excluded.qty_put
    )
    DELETE FROM tasks t USING old WHERE t.store_id = :store_id AND t.task_id = old.task_id
""")
# Their openings go with them, by the foreign key.
PULLS = sql("""
    WITH old AS MATERIALIZED (
        SELECT pull_id FROM pulls p
        WHERE store_id = :store_id AND ended_at < :before AND NOT EXISTS (
            SELECT 1 FROM task_lines l WHERE l.store_id = p.store_id AND l.pull_id = p.pull_id)
        ORDER BY ended_at LIMIT :at_once FOR UPDATE SKIP LOCKED
    ),
    asked AS (DELETE FROM asks a USING old WHERE a.store_id = :store_id AND a.pull_id = old.pull_id)
    DELETE FROM pulls p USING old WHERE p.store_id = :store_id AND p.pull_id = old.pull_id
""")
COUNTS = sql("""
    WITH old AS MATERIALIZED (
        SELECT count_id FROM counts WHERE store_id = :store_id AND counted_at < :before
        ORDER BY counted_at LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM counts c USING old WHERE c.store_id = :store_id AND c.count_id = old.count_id
""")
DISCREPANCIES = sql("""
    WITH old AS MATERIALIZED (
        SELECT discrepancy_id FROM discrepancies WHERE store_id = :store_id AND closed_at < :before
        ORDER BY closed_at LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM discrepancies d USING old WHERE d.store_id = :store_id AND d.discrepancy_id = old.discrepancy_id
""")
# A receipt is compared with its earlier versions when it comes again: they are kept for as long as it is.
REVISIONS = sql("""
    WITH old AS MATERIALIZED (
        SELECT business_date, register, sequence, revision FROM receipt_revisions
        WHERE store_id = :store_id AND business_date < :before
        ORDER BY business_date, register, sequence, revision LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM receipt_revisions r USING old
    WHERE r.store_id = :store_id AND (r.business_date, r.register, r.sequence, r.revision)
                                   = (old.business_date, old.register, old.sequence, old.revision)
""")
# Their receipts go with the day's partition; what still waited for a code then waits no longer.
WAITING = sql("""
    WITH old AS MATERIALIZED (
        SELECT code, business_date, register, sequence FROM waiting_receipts
        WHERE store_id = :store_id AND business_date < :before LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM waiting_receipts w USING old
    WHERE w.store_id = :store_id AND (w.code, w.business_date, w.register, w.sequence)
                                   = (old.code, old.business_date, old.register, old.sequence)
""")
# Nobody takes them any more; while a store is watched they are renewed or removed long before.
OFFERS = sql("""
    WITH old AS MATERIALIZED (
        SELECT sku, shelf FROM offers WHERE store_id = :store_id AND good_until < :before
        ORDER BY sku, shelf LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM offers o USING old WHERE o.store_id = :store_id AND o.sku = old.sku AND o.shelf = old.shelf
""")
KEYS = sql("""
    WITH old AS MATERIALIZED (
        SELECT principal_id, key FROM idempotency_keys WHERE store_id = :store_id AND created_at < :before
        ORDER BY created_at LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM idempotency_keys k USING old
    WHERE k.store_id = :store_id AND k.principal_id = old.principal_id AND k.key = old.key
""")
# Of signing in: what ended long ago, and what nobody has got wrong for long.
SESSIONS = sql("""
    WITH old AS MATERIALIZED (
        SELECT session_id FROM sessions WHERE store_id = :store_id AND expires_at < :before
        ORDER BY session_id LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM sessions s USING old WHERE s.store_id = :store_id AND s.session_id = old.session_id
""")
ENROLMENTS = sql("""
    WITH old AS MATERIALIZED (
        SELECT enrolment_id FROM device_enrolments WHERE store_id = :store_id AND expires_at < :before
        ORDER BY enrolment_id LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM device_enrolments e USING old WHERE e.store_id = :store_id AND e.enrolment_id = old.enrolment_id
""")
GUARDS = sql("""
    WITH old AS MATERIALIZED (
        SELECT guarded FROM sign_in_guards
        WHERE store_id = :store_id AND failed_at < :before AND coalesce(lifted_since < :before, true)
        ORDER BY guarded LIMIT :at_once FOR UPDATE SKIP LOCKED
    )
    DELETE FROM sign_in_guards g USING old WHERE g.store_id = :store_id AND g.guarded = old.guarded
""")


async def prune_store(
    db: Database, *, store_id: int, now: datetime, retention_days: int, work_days: int
) -> Counter[str]:
    """Delete what is old in a store; a repeat finds nothing left, or goes on where this one stopped at its limit.

    Args:
        db: The database.
        store_id: The store.
        now: The present moment of the service's clock, aware.
        retention_days: Days that sales are kept, and with them what was corrected.
        work_days: Days that pulls with their asks, tasks with their lines, counts, discrepancies and sessions are kept
            after they ended.
    Returns:
        How many of each went; lines count as their task, asks as their pull.
    Raises:
        Busy: a row was locked for too long; what was done stays, the rest is due again.
    """
    ended = now - timedelta(days=work_days)
    todo = (
        ("tasks", TASKS, ended),  # First, as their lines hold the pulls.
        ("pulls", PULLS, ended),
        ("counts", COUNTS, ended),
        ("discrepancies", DISCREPANCIES, ended),
        ("sessions", SESSIONS, ended),
        ("device_enrolments", ENROLMENTS, ended),
        ("sign_in_guards", GUARDS, ended),
        ("receipt_revisions", REVISIONS, oldest_sales_day(now.date(), retention_days)),
        ("waiting_receipts", WAITING, oldest_sales_day(now.date(), retention_days)),
        ("offers", OFFERS, now),
        ("idempotency_keys", KEYS, now - timedelta(days=KEEP_DAYS)),
    )
    pruned: Counter[str] = Counter()
    for _ in range(MAX_ROUNDS_A_STORE):
        full = False
        async with db.begin() as tx:
            for name, delete, before in todo:
                gone = await tx.run(delete, store_id=store_id, before=before, at_once=PRUNED_AT_ONCE)
                pruned[name] += gone
                full = full or gone == PRUNED_AT_ONCE
        if not full:
            break
    return pruned
