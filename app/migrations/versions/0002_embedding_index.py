"""Index the embeddings for cosine distance."""

from alembic import op

revision = "0002_embedding_index"
down_revision = "0001_tasks"


def upgrade() -> None:
    """Create the HNSW index; not CONCURRENTLY: all or nothing matters more for a small table."""
    op.create_index(
        "tasks_embedding_idx",
        "tasks",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )


def downgrade() -> None:
    """Drop the index; searches still work, slowly."""
    op.drop_index("tasks_embedding_idx", "tasks")
