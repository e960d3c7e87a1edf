"""Create the tasks."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector

revision = "0001_tasks"
down_revision = None

# CREATE EXTENSION needs a superuser and this role is none, so it only looks; in SQL, so that
# `--sql` prints the check as well. 0.8 brought the iterative index scans that the search uses.
CHECK_EXTENSION = """
DO $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_extension
    WHERE extname = 'vector' AND string_to_array(extversion, '.')::int[] >= '{0,8}'
  ) THEN
    RAISE EXCEPTION 'extension vector 0.8 or newer is missing in database %', current_database()
      USING HINT = 'A superuser has to run CREATE EXTENSION vector (or ALTER EXTENSION vector '
                   'UPDATE) in this database first.';
  END IF;
END $$
"""


def upgrade() -> None:
    """Create the table; the index for similarity follows in a revision of its own."""
    op.execute(CHECK_EXTENSION)
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("update_id", sa.BigInteger, nullable=False, unique=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("due", sa.Date),
        sa.Column("priority", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("embedding", Vector(256), nullable=False),
        sa.Column("embedding_model", sa.String, nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.CheckConstraint("priority IN ('low', 'normal', 'high')", name="tasks_priority_check"),
    )
    op.create_index("tasks_chat_id_idx", "tasks", ["chat_id"])


def downgrade() -> None:
    """Drop the table and all tasks."""
    op.drop_table("tasks")
