"""How often leads lifted the waits after wrong PINs: by whom, and of what, as each lift gives tries anew."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("""
        ALTER TABLE sign_in_guards
            ADD COLUMN lifts        integer NOT NULL DEFAULT 0 CHECK (lifts >= 0),
            ADD COLUMN lifted_since timestamptz
    """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE sign_in_guards DROP COLUMN lifted_since, DROP COLUMN lifts")
