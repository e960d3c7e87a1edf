"""Drop the column again: as SQL, what breaks older code."""

from alembic import op

revision = "0004_drop_note"
down_revision = "0003_note"


def upgrade() -> None:
    """Drop it with all that was written into it."""
    op.drop_column("tasks", "note")
