"""Add a column that older code need not know."""

import sqlalchemy as sa
from alembic import op

revision = "0003_note"
down_revision = "0002_embedding_index"


def upgrade() -> None:
    """Add it, empty."""
    op.add_column("tasks", sa.Column("note", sa.String))
