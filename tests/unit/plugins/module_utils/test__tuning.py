"""Server settings that follow a container's limit."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _tuning
from ansible_collections.planner.droplet.plugins.module_utils._services import Request
from hypothesis import given
from hypothesis import strategies as st

# limit, vCPUs -> shared_buffers, effective_cache_size, work_mem, maintenance, connections,
# autovacuum workers, parallel maintenance workers, shm
POSTGRES = [
    (192, 1, (48, 96, 2, 16, 20, 1, 0, 64)),
    (384, 1, (96, 192, 2, 32, 30, 1, 0, 64)),
    (512, 1, (128, 256, 4, 42, 50, 1, 0, 64)),
    (592, 2, (148, 296, 4, 49, 50, 2, 2, 65)),
    (2976, 4, (744, 1488, 4, 64, 100, 2, 2, 80)),
    (6192, 8, (1548, 3096, 4, 64, 200, 2, 2, 80)),
]


@pytest.mark.parametrize("limit, vcpus, expected", POSTGRES)
def test_postgres(limit: int, vcpus: int, expected: tuple[int, ...]) -> None:
    """Buffers are a quarter of the limit, the rest steps up with it."""
    assert _tuning.postgres(limit, vcpus, Request("postgres")) == _tuning.Postgres(*expected)


# overrides -> what must follow, on 592 MiB and 2 vCPUs
OVERRIDES: list[tuple[dict[str, Any], dict[str, int]]] = [
    ({"shared_buffers_mb": 64}, {"shared_buffers_mb": 64}),
    ({"work_mem_mb": 9}, {"work_mem_mb": 9}),
    ({"max_connections": 99}, {"max_connections": 99}),
    ({"maintenance_work_mem_mb": 96}, {"maintenance_work_mem_mb": 96, "shm_mb": 112}),
    ({"shm_mb": 40}, {"shm_mb": 40, "maintenance_work_mem_mb": 24}),
    ({"shm_mb": 8}, {"shm_mb": 8, "maintenance_work_mem_mb": 8}),
    ({"parallel_maintenance_workers": 0}, {"max_parallel_maintenance_workers": 0}),
]


@pytest.mark.parametrize("asked, expected", OVERRIDES)
def test_postgres_overrides(asked: dict[str, Any], expected: dict[str, int]) -> None:
    """What the owner sets stays, and what depends on it follows."""
    chosen = _tuning.postgres(592, 2, Request("postgres", **asked))
    assert {name: getattr(chosen, name) for name in expected} == expected


def test_postgres_worst_case() -> None:
    """48 buffers, 20 connections, 4 sorts and 2 maintenance jobs: 51 + 10 + 36 + 20 + 32."""
    assert _tuning.postgres(192, 1, Request("postgres")).worst_case_mb(1) == 149


def test_work_mem_yields() -> None:
    """Where many CPUs would sort at once, work_mem shrinks before the limit is refused."""
    asked = Request("postgres")
    assert _tuning.postgres(384, 1, asked).work_mem_mb == 2
    assert _tuning.postgres(384, 8, asked).work_mem_mb == 1
    assert _tuning.postgres_problems(_tuning.postgres(384, 8, asked), 384, 8, asked) == ()


def test_asked_work_mem_does_not_yield() -> None:
    """An owner's work_mem is refused where it does not fit, never changed in silence."""
    asked = Request("postgres", "p", work_mem_mb=8)
    chosen = _tuning.postgres(192, 1, asked)
    assert chosen.work_mem_mb == 8
    (problem,) = _tuning.postgres_problems(chosen, 192, 1, asked)
    assert problem.path == "p.work_mem_mb"
    assert "209 MiB" in problem.reason
    assert "(172 of 192 MiB)" in problem.reason
    assert problem.remedy == "raise limit_mb to 272 or lower work_mem_mb"


def test_no_limit_holds_it() -> None:
    """Where no size here is large enough, only lowering is proposed."""
    asked = Request("postgres", "p", max_connections=100_000)
    (problem,) = _tuning.postgres_problems(_tuning.postgres(192, 1, asked), 192, 1, asked)
    assert problem.remedy == "lower max_connections"


@pytest.mark.parametrize("shm, refused", [(79, True), (80, False)])
def test_shared_memory(shm: int, refused: bool) -> None:  # noqa: FBT001 - a table's column
    """A parallel build needs maintenance_work_mem and 16 more in /dev/shm."""
    asked = Request("postgres", "p", shm_mb=shm, maintenance_work_mem_mb=64)
    problems = _tuning.postgres_problems(_tuning.postgres(1360, 2, asked), 1360, 2, asked)
    assert [problem.path for problem in problems] == (["p.shm_mb"] if refused else [])


def test_shared_memory_without_parallel_builds() -> None:
    """Without parallel maintenance workers /dev/shm may be small."""
    asked = Request("postgres", "p", shm_mb=32, parallel_maintenance_workers=0)
    assert _tuning.postgres_problems(_tuning.postgres(1360, 2, asked), 1360, 2, asked) == ()


# limit, maxmemory, snapshots -> refused; the first five as measured: 137 or survived
REDIS = [
    (64, 50, True, True),
    (64, 40, True, True),
    (96, 50, True, True),
    (128, 50, True, False),
    (128, 57, True, False),
    (128, 58, True, True),
    (64, 45, False, False),
    (64, 46, False, True),
]


@pytest.mark.parametrize("limit, maxmemory, snapshots, refused", REDIS)
def test_redis_fork_room(
    limit: int,
    maxmemory: int,
    snapshots: bool,  # noqa: FBT001 - a table's column
    refused: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A data set that a background save would kill is refused, one that survived it is not."""
    asked = Request("redis", "r", maxmemory_mb=maxmemory, persistence=snapshots)
    problems = _tuning.redis_problems(_tuning.redis(limit, asked), limit, asked)
    assert bool(problems) == refused
    for problem in problems:
        assert problem.path == "r.maxmemory_mb"


@given(st.integers(16, 4096), st.booleans())
def test_redis_uses_its_limit(limit: int, snapshots: bool) -> None:  # noqa: FBT001 - drawn
    """The chosen maxmemory fits, and one MiB more would not."""
    asked = Request("redis", persistence=snapshots)
    chosen = _tuning.redis(limit, asked)
    assert _tuning.redis_problems(chosen, limit, asked) == ()
    assert _tuning.Redis(chosen.maxmemory_mb + 1, snapshots).needed_limit_mb > limit


def test_redis_in_no_room() -> None:
    """A limit too small for any data still has a maxmemory, the smallest, and is refused."""
    asked = Request("redis", "r")
    assert _tuning.redis(9, asked).maxmemory_mb == 1
    assert _tuning.redis_problems(_tuning.redis(9, asked), 9, asked)


# limit, vCPUs, connections -> workers, pool
BACKEND = [
    (192, 1, 20, (1, 5)),
    (368, 1, 50, (2, 5)),
    (720, 2, 50, (4, 5)),
    (1440, 4, 100, (8, 5)),
    (2880, 8, 200, (16, 5)),
    (4096, 1, 50, (2, 5)),
    (4096, 8, 20, (7, 1)),
    (192, 1, 8, (1, 1)),
]


@pytest.mark.parametrize("limit, vcpus, connections, expected", BACKEND)
def test_backend(limit: int, vcpus: int, connections: int, expected: tuple[int, int]) -> None:
    """Workers follow memory, CPUs and connections; two backends' pools fit beside 5 admins."""
    chosen = _tuning.backend(limit, vcpus, connections, Request("backend"))
    assert (chosen.workers, chosen.pool_size) == expected
    assert 2 * chosen.workers * chosen.pool_size + 5 <= connections


# workers asked, connections -> path, remedy
POOLS = [
    (4, 12, "b.workers", "set workers to 3 or less"),
    (None, 6, "p.max_connections", "leave max_connections out"),
]


@pytest.mark.parametrize("workers, connections, path, remedy", POOLS)
def test_pools(workers: int | None, connections: int, path: str, remedy: str) -> None:
    """Workers whose pools find no room during a release are refused where they were asked for."""
    asked, postgres = Request("backend", "b", workers=workers), Request("postgres", "p")
    chosen = _tuning.backend(4096, 4, connections, asked)
    (problem,) = _tuning.pool_problems(chosen, connections, asked, postgres)
    assert (problem.path, problem.remedy) == (path, remedy)


# limit, vCPUs -> processes, connections
NGINX = [(32, 1, (1, 400)), (48, 1, (1, 700)), (48, 2, (2, 300)), (128, 8, (2, 1024))]


@pytest.mark.parametrize("limit, vcpus, expected", NGINX)
def test_nginx(limit: int, vcpus: int, expected: tuple[int, int]) -> None:
    """All connections being slow clients stays under the limit; 32 MiB carry 400, not 700."""
    chosen = _tuning.nginx(limit, vcpus)
    assert (chosen.worker_processes, chosen.worker_connections) == expected
    slow = chosen.worker_processes * chosen.worker_connections * _tuning.SLOW_CLIENT_KB / 1024
    assert slow + _tuning.NGINX_BASE_MB <= limit
