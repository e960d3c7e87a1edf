"""A migration that fails half-way."""

import sqlalchemy as sa
from alembic import op

revision = "0003_fails"
down_revision = "0002_embedding_index"


def upgrade() -> None:
    """Change something, then something that cannot be."""
    op.add_column("tasks", sa.Column("half_done", sa.String))
    op.execute("SELECT 1 / 0")
