"""Tasks in PostgreSQL: the table, and the few statements the service runs."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from pgvector.sqlalchemy import Vector
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import DateTime

from planner.embedding import DIMENSIONS
from planner.parser import ParsedTask
from planner.settings import DatabaseSettings


class Base(DeclarativeBase):
    """Holds the metadata that alembic compares with the database."""


class Task(Base):
    """One task; the migrations create the same table."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint("priority IN ('low', 'normal', 'high')", name="tasks_priority_check"),
        Index("tasks_chat_id_idx", "chat_id"),
        Index(
            "tasks_embedding_idx",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_cosine_ops"},
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # Unique: a message delivered twice is one task, even when Redis has forgotten it.
    update_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    due: Mapped[date | None]
    priority: Mapped[str]
    source: Mapped[str]
    embedding: Mapped[list[float]] = mapped_column(Vector(DIMENSIONS))
    embedding_model: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


@dataclass(frozen=True)
class Embedding:
    """A vector and the model it came from: distances between models mean nothing."""

    vector: list[float]
    model: str


@dataclass(frozen=True)
class SimilarTask:
    """A task and its cosine distance (0 same direction, 2 opposite)."""

    id: int
    title: str
    due: date | None
    priority: str
    distance: float


class TaskStore:
    """The service's only way to the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use an engine; connections open on first use."""
        self._engine = engine

    @classmethod
    def connect(cls, settings: DatabaseSettings) -> Self:
        """Prepare a pool that never exceeds its size and never waits for long."""
        engine = create_async_engine(
            settings.url,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=True,  # survives a restart of PostgreSQL
            hide_parameters=True,  # messages stay out of error texts
            connect_args={"timeout": 5, "command_timeout": 15},
        )
        return cls(engine)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    async def add(
        self, update_id: int, chat_id: int, task: ParsedTask, source: str, embedding: Embedding
    ) -> int | None:
        """Store a task and return its id; None when this update is stored already."""
        statement = (
            insert(Task)
            .values(
                update_id=update_id,
                chat_id=chat_id,
                title=task.title,
                due=task.due,
                priority=task.priority,
                source=source,
                embedding=embedding.vector,
                embedding_model=embedding.model,
            )
            .on_conflict_do_nothing(index_elements=[Task.update_id])
            .returning(Task.id)
        )
        async with self._engine.begin() as connection:
            return (await connection.execute(statement)).scalar_one_or_none()

    async def similar(self, chat_id: int, embedding: Embedding, limit: int) -> list[SimilarTask]:
        """Find a chat's nearest tasks by cosine distance."""
        distance = Task.embedding.cosine_distance(embedding.vector)
        statement = (
            select(Task.id, Task.title, Task.due, Task.priority, distance.label("distance"))
            .where(Task.chat_id == chat_id, Task.embedding_model == embedding.model)
            .order_by(distance)
            .limit(limit)
        )
        async with self._engine.begin() as connection:
            # HNSW filters after the scan; without this a small chat among many finds too little.
            await connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
            rows = await connection.execute(statement)
            return [SimilarTask(**row) for row in rows.mappings()]

    async def revision(self) -> str | None:
        """Read the schema's revision; None when no migration has ever run."""
        async with self._engine.connect() as connection:
            if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
                return None
            revision: str | None = await connection.scalar(
                text("SELECT string_agg(version_num, ',') FROM alembic_version")
            )
            return revision
