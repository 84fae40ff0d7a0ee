"""What a pull cycle need not write: index entries that nobody reads, and locks on parents that were just read.

Each foreign key dropped here was checked for rows that only one statement makes, and that statement reads or makes the
parent itself. The check cost a look-up and a lock for each row, and the locks of many acts met on the same few parents.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Table, columns, parent.
PROVED_ANYWAY = (
    ("idempotency_keys", "store_id", "stores"),  # The caller's right to the store was looked up.
    ("asks", "store_id, pull_id", "pulls"),  # Written with their pull, and deleted with it.
    ("task_lines", "store_id, task_id", "tasks"),  # Likewise.
    ("task_lines", "store_id, pull_id", "pulls"),  # Whoever plans a pull holds it; a pull that a line names is kept.
    ("tasks", "claimed_by", "principals"),
    ("pulls", "store_id, sku", "items"),  # Opened for a placement, which refers to both.
    ("pulls", "store_id, shelf", "locations"),
    ("balances", "store_id, location", "locations"),  # Its kind is copied from there.
)

UP = (
    *(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{columns.replace(', ', '_')}_fkey"
      for table, columns, _ in PROVED_ANYWAY),
    # Events are read in the order of their commits only: one index holds that order and makes them unique.
    "ALTER TABLE events DROP CONSTRAINT events_pkey",
    "DROP INDEX events_in_commit_order",
    "ALTER TABLE events ADD PRIMARY KEY (store_id, txid, event_id, day)",
    # With `state` in the condition of an index, no change of state can stay in its page. These change once each way.
    "ALTER TABLE pulls ADD COLUMN is_open boolean NOT NULL GENERATED ALWAYS AS (state = 'open') STORED",
    "DROP INDEX pulls_in_claim_order",
    "DROP INDEX pulls_of_zone_in_claim_order",
    """
    CREATE INDEX pulls_in_claim_order ON pulls (store_id, urgency DESC, due_at, pull_id)
    WHERE is_open AND zone <> 'unknown'
    """,
    """
    CREATE INDEX pulls_of_zone_in_claim_order ON pulls (store_id, zone, urgency DESC, due_at, pull_id) WHERE is_open
    """,
    """
    ALTER TABLE task_lines ADD COLUMN is_reserving boolean NOT NULL
        GENERATED ALWAYS AS (state IN ('planned', 'skipped')) STORED
    """,
    "DROP INDEX task_lines_reserving",
    "CREATE INDEX task_lines_reserving ON task_lines (store_id, sku, from_location) WHERE is_reserving",
)  # fmt: skip
DOWN = (
    "DROP INDEX task_lines_reserving",
    """
    CREATE INDEX task_lines_reserving ON task_lines (store_id, sku, from_location) WHERE state IN ('planned', 'skipped')
    """,
    "ALTER TABLE task_lines DROP COLUMN is_reserving",
    "DROP INDEX pulls_of_zone_in_claim_order",
    "DROP INDEX pulls_in_claim_order",
    """
    CREATE INDEX pulls_in_claim_order ON pulls (store_id, urgency DESC, due_at, pull_id)
    WHERE state = 'open' AND zone <> 'unknown'
    """,
    """
    CREATE INDEX pulls_of_zone_in_claim_order ON pulls (store_id, zone, urgency DESC, due_at, pull_id)
    WHERE state = 'open'
    """,
    "ALTER TABLE pulls DROP COLUMN is_open",
    "ALTER TABLE events DROP CONSTRAINT events_pkey",
    "ALTER TABLE events ADD PRIMARY KEY (store_id, day, event_id)",
    "CREATE INDEX events_in_commit_order ON events (store_id, txid, event_id)",
    *(f"ALTER TABLE {table} ADD FOREIGN KEY ({columns}) REFERENCES {parent}"
      for table, columns, parent in PROVED_ANYWAY),
)  # fmt: skip


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in DOWN:
        op.execute(statement)
