"""What upkeep needs: openings of pulls, and indexes in the order in which things grow old.

And one that the picks need: an index on the end of the lease made every scan rewrite the index entries of its task.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = (
    # What the deleted lines put to a pull that is still there, so that it stays derivable as long as it lives.
    """
    CREATE TABLE pull_openings (
        store_id integer NOT NULL,
        pull_id  bigint NOT NULL,
        qty_put  integer NOT NULL CHECK (qty_put > 0),
        PRIMARY KEY (store_id, pull_id),
        FOREIGN KEY (store_id, pull_id) REFERENCES pulls ON DELETE CASCADE
    )
    """,
    "CREATE INDEX tasks_by_end ON tasks (store_id, ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX counts_by_end ON counts (store_id, counted_at) WHERE counted_at IS NOT NULL",
    "CREATE INDEX discrepancies_by_end ON discrepancies (store_id, closed_at) WHERE closed_at IS NOT NULL",
    "DROP INDEX idempotency_keys_by_age",
    "CREATE INDEX idempotency_keys_by_age ON idempotency_keys (store_id, created_at)",
    # Every scan renews the lease. With lease_until in an index no such update can be heap-only; a store has few live
    # tasks, so the sweep may as well read them all.
    "DROP INDEX tasks_live",
    "CREATE INDEX tasks_live ON tasks (store_id, task_id) WHERE ended_at IS NULL",
)
DOWN = (
    "DROP INDEX tasks_live",
    "CREATE INDEX tasks_live ON tasks (store_id, lease_until) WHERE ended_at IS NULL",
    "DROP INDEX idempotency_keys_by_age",
    "CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)",
    "DROP INDEX discrepancies_by_end",
    "DROP INDEX counts_by_end",
    "DROP INDEX tasks_by_end",
    "DROP TABLE pull_openings",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in DOWN:
        op.execute(statement)
