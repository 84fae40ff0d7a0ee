"""What boards need at volume: shelves that are low, and shorts, each to be found without looking at all others."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UP = (
    # When a shelf is expected to be empty, as the watch saw it last; only of shelves at or below their trigger.
    "ALTER TABLE watched ADD COLUMN empty_at timestamptz",
    """
    UPDATE watched w
    SET empty_at = w.evaluated_at + least(greatest(b.qty, 0) / w.rate_per_h, 8760) * INTERVAL '1 hour'
    FROM balances b
    WHERE b.store_id = w.store_id AND b.sku = w.sku AND b.location = w.shelf
      AND b.qty <= w.trigger_qty AND w.rate_per_h > 0
    """,
    "CREATE INDEX watched_low ON watched (store_id, empty_at) WHERE empty_at IS NOT NULL",
    "CREATE INDEX task_lines_short ON task_lines (store_id, short_at) WHERE short_at IS NOT NULL",
)
DOWN = (
    "DROP INDEX task_lines_short",
    "DROP INDEX watched_low",
    "ALTER TABLE watched DROP COLUMN empty_at",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in DOWN:
        op.execute(statement)
