"""Fixtures. Nothing here skips: without PostgreSQL and Redis the tests fail."""

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import redis

from planner.main import create_app
from planner.settings import load
from tests.servers import FakeApi, Gate, container, until_ready

APP = Path(__file__).parent.parent
PASSWORD = "p@ss/w:rd%20 #?&=\"'\\é"
BOT_TOKEN = "12345:bot-token"
WEBHOOK_SECRET = "webhook_secret-1"
OPENAI_KEY = "sk-made-up"
SECRET_HEADER = {"X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET}

Start = Callable[..., Awaitable[httpx.AsyncClient]]


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server: its superuser, and the application's role, which is none."""

    url: str
    role: str
    extended: str  # database with the extension
    migrated: str  # database with the extension and all migrations

    def run(self, statement: str, database: str | None = None) -> list[asyncpg.Record]:
        """Run a statement, or a script, as superuser."""
        return asyncio.run(self.arun(statement, database))

    async def arun(self, statement: str, database: str | None = None) -> list[asyncpg.Record]:
        """Run a statement as superuser, inside a test's event loop."""
        options = {"database": database} if database else {}
        connection = await asyncpg.connect(self.url, **options)
        try:
            if ";" in statement:  # a script: asyncpg prepares single statements only
                await connection.execute(statement)
                return []
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    def app_url(self, database: str) -> str:
        """Name a database for the application: its role, no password."""
        address = self.url.rsplit("@", 1)[-1].split("/")[0]
        return f"postgresql://{self.role}@{address}/{database}"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's URL of a real PostgreSQL with pgvector."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    image = os.environ.get("APP_TEST_POSTGRES_IMAGE") or "pgvector/pgvector:pg17"
    fast = ("postgres", "-c", "fsync=off")  # each test makes a database
    with container(image, 5432, "POSTGRES_PASSWORD=test", *fast) as address:
        yield f"postgresql://postgres:test@{address}/postgres"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a real Redis; every test empties its database."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    image = os.environ.get("APP_TEST_REDIS_IMAGE") or "redis:7-alpine"
    with container(image, 6379, "TZ=UTC") as address:
        yield f"redis://{address}/0"


@pytest.fixture(scope="session")
def cluster(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Create the application's role and two databases to copy from, as the collection does."""
    tag = secrets.token_hex(4)
    made = Cluster(postgres_url, f"app_{tag}", f"extended_{tag}", f"migrated_{tag}")
    until_ready(lambda: made.run("SELECT 1"))
    quoted = PASSWORD.replace("'", "''")
    made.run(f"CREATE ROLE {made.role} LOGIN PASSWORD '{quoted}'")
    try:
        for database in (made.extended, made.migrated):
            made.run(f"CREATE DATABASE {database} OWNER {made.role}")
            made.run("CREATE EXTENSION vector", database)
        file = tmp_path_factory.mktemp("secrets") / "password"
        file.write_text(PASSWORD + "\n", encoding="utf-8")
        alembic(made.app_url(made.migrated), file, "upgrade", "head")
        yield made
    finally:
        for database in (made.extended, made.migrated):
            made.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        made.run(f"DROP ROLE IF EXISTS {made.role}")


def alembic(url: str, password_file: Path, *args: str) -> str:
    """Run alembic the way the image does; its environment holds the database and nothing else."""
    run = subprocess.run(
        [sys.executable, "-m", "alembic", *args],
        cwd=APP,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url,
            "DATABASE_PASSWORD_FILE": str(password_file),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """A migrated database of the test's own."""
    yield from _copy(cluster, cluster.migrated)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """A database with the extension and without migrations."""
    yield from _copy(cluster, cluster.extended)


def _copy(cluster: Cluster, template: str) -> Iterator[str]:
    name = f"test_{secrets.token_hex(4)}"
    cluster.run(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {cluster.role}")
    yield name
    cluster.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def bot_api() -> Iterator[FakeApi]:
    """A Bot API that accepts everything."""
    fake = FakeApi(lambda _path, _body: (200, {"ok": True}))
    yield fake
    fake.close()


@pytest.fixture
def env(
    cluster: Cluster, database: str, redis_url: str, bot_api: FakeApi, tmp_path: Path
) -> dict[str, str]:
    """A complete environment for the service; no AI."""
    with redis.Redis.from_url(redis_url) as client:
        until_ready(client.flushdb)
    (tmp_path / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    (tmp_path / "telegram_bot_token").write_text(BOT_TOKEN + "\n")
    (tmp_path / "telegram_webhook_secret").write_text(WEBHOOK_SECRET + "\n")
    return {
        "DATABASE_URL": cluster.app_url(database),
        "DATABASE_PASSWORD_FILE": str(tmp_path / "password"),
        "REDIS_URL": redis_url,
        "TELEGRAM_API_BASE_URL": bot_api.url,
        "SECRETS_DIR": str(tmp_path),
        "APP_VERSION": "1.2.3",
    }


@pytest.fixture
async def start(env: dict[str, str]) -> AsyncIterator[Start]:
    """Start the application in this process; keyword arguments replace environment variables."""
    async with AsyncExitStack() as stack:

        async def _start(**changes: str) -> httpx.AsyncClient:
            app = create_app(load(env | changes))
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app)
            client = httpx.AsyncClient(transport=transport, base_url="http://planner", timeout=30)
            return await stack.enter_async_context(client)

        yield _start


def update(update_id: int, text: str | None, chat_id: int = 7) -> dict[str, Any]:
    """Build a Telegram update written on Monday, 2027-01-04."""
    message: dict[str, Any] = {"message_id": 1, "chat": {"id": chat_id, "type": "private"}}
    message["date"] = 1799064000
    if text is not None:
        message["text"] = text
    return {"update_id": update_id, "message": message}


@pytest.fixture
async def redis_gate(redis_url: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate in front of Redis, and the URL through it."""
    parts = urlsplit(redis_url)
    gate = Gate(parts.hostname or "127.0.0.1", parts.port or 6379)
    port = await gate.open()
    yield gate, f"redis://127.0.0.1:{port}{parts.path}"
    await gate.close()


@pytest.fixture
async def postgres_gate(cluster: Cluster, database: str) -> AsyncIterator[tuple[Gate, str]]:
    """A gate in front of PostgreSQL, and the application's URL through it."""
    parts = urlsplit(cluster.app_url(database))
    gate = Gate(parts.hostname or "127.0.0.1", parts.port or 5432)
    port = await gate.open()
    yield gate, f"postgresql://{cluster.role}@127.0.0.1:{port}/{database}"
    await gate.close()


@pytest.fixture
def openai_api(env: dict[str, str]) -> Iterator[FakeApi]:
    """An OpenAI-compatible API, and the key that turns the AI on."""
    Path(env["SECRETS_DIR"], "openai_api_key").write_text(OPENAI_KEY + "\n")
    fake = FakeApi(lambda _path, _body: (500, {}))
    yield fake
    fake.close()
