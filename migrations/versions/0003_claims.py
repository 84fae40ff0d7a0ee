"""What claims need: open pulls in claim order, by zone as well, without those that nobody can serve.

A pull whose item is in no bin has the zone 'unknown'. It stays out of the order, so that no claim walks over it.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UP = (
    "DROP INDEX pulls_in_claim_order",
    """
    CREATE INDEX pulls_in_claim_order ON pulls (store_id, urgency DESC, due_at, pull_id)
    WHERE state = 'open' AND zone <> 'unknown'
    """,
    """
    CREATE INDEX pulls_of_zone_in_claim_order ON pulls (store_id, zone, urgency DESC, due_at, pull_id)
    WHERE state = 'open'
    """,
    # Each claim counts the tasks of its worker; whoever wants all live tasks of a store finds them here as well.
    "DROP INDEX tasks_live",
    "CREATE INDEX tasks_live ON tasks (store_id, claimed_by) WHERE ended_at IS NULL",
)
DOWN = (
    "DROP INDEX tasks_live",
    "CREATE INDEX tasks_live ON tasks (store_id, task_id) WHERE ended_at IS NULL",
    "DROP INDEX pulls_of_zone_in_claim_order",
    "DROP INDEX pulls_in_claim_order",
    """
    CREATE INDEX pulls_in_claim_order ON pulls (store_id, urgency DESC, due_at, pull_id) WHERE state = 'open'
    """,
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for statement in DOWN:
        op.execute(statement)
