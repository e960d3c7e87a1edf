"""How alembic reaches the database: the service's own settings, one transaction, one at a time."""

import asyncio
import logging

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from planner.db import Base
from planner.settings import load_database

_LOCK = 7203571  # any number, the same for every migration


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        # A migration that cannot get its lock fails at once; waiting would block every reader
        # behind it. The advisory lock keeps a second `alembic upgrade` out.
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()


async def _online() -> None:
    engine = create_async_engine(load_database().url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


if context.is_offline_mode():  # `--sql` prints the statements and needs no settings
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # the default one doubles every %
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # stderr: stdout is alembic's
    asyncio.run(_online())
