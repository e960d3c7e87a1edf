import asyncio
import time

import pytest

from planner.schema import read_history
from tests.conftest import OPENAI_KEY, Cluster, Start
from tests.servers import FakeApi, Gate

HEAD = read_history()[-1]
READY = {
    "status": "ready",
    "failed": [],
    "checks": {"database": "ok", "redis": "ok", "schema": "ok"},
    "schema": {"state": "current", "revision": HEAD, "expected": HEAD},
}


async def test_ready(start: Start) -> None:
    """With database, Redis and schema in place the service is ready, and says what it is."""
    planner = await start()
    ready = await planner.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, READY)
    health = await planner.get("/health")
    assert health.json() == READY | {"version": "1.2.3", "ai_api": "disabled"}
    root = await planner.get("/")
    assert root.json() == {"name": "Business Planner", "version": "1.2.3"}
    assert (await planner.head("/health/ready")).status_code == 200


@pytest.mark.parametrize(
    "revision,status,state",
    [
        ("9999_later", 200, "newer"),
        (read_history()[0], 503, "older"),
    ],
)
async def test_other_revision(
    start: Start, cluster: Cluster, database: str, revision: str, status: int, state: str
) -> None:
    """A newer schema is served and reported; an older one lacks its migration: not ready."""
    planner = await start()
    await cluster.arun(f"UPDATE alembic_version SET version_num = '{revision}'", database)
    ready = await planner.get("/health/ready")
    assert ready.status_code == status
    assert ready.json()["schema"] == {"state": state, "revision": revision, "expected": HEAD}
    assert ready.json()["failed"] == ([] if status == 200 else ["schema"])


async def test_never_migrated(start: Start, cluster: Cluster, empty_database: str) -> None:
    """A database without any migration is not ready for want of the schema only."""
    planner = await start(DATABASE_URL=cluster.app_url(empty_database))
    ready = await planner.get("/health/ready")
    assert (ready.status_code, ready.json()["failed"]) == (503, ["schema"])
    assert ready.json()["schema"]["state"] == "missing"


@pytest.mark.parametrize("state", ["refusing", "silent"])
async def test_redis_down(start: Start, redis_gate: tuple[Gate, str], state: str) -> None:
    """Without Redis the service is alive, not ready within 3 s, and ready again afterwards."""
    gate, url = redis_gate
    planner = await start(REDIS_URL=url)
    assert (await planner.get("/health/ready")).status_code == 200
    gate.set(state)  # type: ignore[arg-type]
    started = time.monotonic()
    ready = await planner.get("/health/ready")
    assert time.monotonic() - started < 3
    assert (ready.status_code, ready.json()["failed"]) == (503, ["redis"])
    assert (await planner.get("/health/live")).json() == {"status": "live"}
    gate.set("open")
    assert (await planner.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("state", ["refusing", "silent"])
async def test_database_down(start: Start, postgres_gate: tuple[Gate, str], state: str) -> None:
    """Without the database neither it nor the schema is ready; nothing else leaves the process."""
    gate, url = postgres_gate
    planner = await start(DATABASE_URL=url)
    assert (await planner.get("/health/ready")).status_code == 200
    gate.set(state)  # type: ignore[arg-type]
    started = time.monotonic()
    ready = await planner.get("/health/ready")
    assert time.monotonic() - started < 3
    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not_ready",
        "failed": ["database", "schema"],
        "checks": {"database": "failed", "redis": "ok", "schema": "failed"},
        "schema": {"state": "unknown", "revision": "", "expected": HEAD},
    }
    gate.set("open")
    assert (await planner.get("/health/ready")).status_code == 200


async def test_checks_run_at_once(
    start: Start, postgres_gate: tuple[Gate, str], redis_gate: tuple[Gate, str]
) -> None:
    """Two silent servers cost one timeout, not two."""
    planner = await start(DATABASE_URL=postgres_gate[1], REDIS_URL=redis_gate[1])
    postgres_gate[0].set("silent")
    redis_gate[0].set("silent")
    started = time.monotonic()
    ready = await planner.get("/health/ready")
    assert ready.json()["failed"] == ["database", "redis", "schema"]
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("status,state", [(200, "ok"), (401, "failed")])
async def test_ai_state_is_remembered(
    start: Start, openai_api: FakeApi, status: int, state: str
) -> None:
    """The AI is asked once in the background; probes read its state and stay ready without it."""
    openai_api.answer = lambda _path, _body: (status, {"id": "m", "object": "model"})
    planner = await start(OPENAI_BASE_URL=f"{openai_api.url}/v1")
    async with asyncio.timeout(10):
        while (await planner.get("/health")).json()["ai_api"] == "unknown":
            await asyncio.sleep(0.05)
    answers = [await planner.get("/health") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {answer.json()["ai_api"] for answer in answers} == {state}
    assert len(openai_api.calls) == 1
    assert OPENAI_KEY not in "".join(answer.text for answer in answers)
