# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Server settings that follow the container's limit, never the host's memory.

Every function takes a limit in MiB and what the owner insists on, chooses the rest, and the
``*_problems`` beside it re-checks the result *after* choosing: a floor or an override may lift one
value, the sum decides. Where a rule was measured, MEASURED says how (2026-11-23, see
docs/memory-plan.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.planner.droplet.plugins.module_utils._problems import Problem
from ansible_collections.planner.droplet.plugins.module_utils._services import (
    SUPERVISOR_MB,
    WORKER_MB,
    Request,
)

ADMIN_CONNECTIONS = 5
"""Kept free for people, dumps, the drill and PostgreSQL's own reserved slots."""
CONNECTION_MB = 1.8
"""An idle PostgreSQL connection. MEASURED: 40 connections, PSS of their backends."""
PART_USED = 0.9
"""Of its limit PostgreSQL may plan with this much; the rest is page cache it cannot do without."""
SHM_SPARE_MB = 16
"""Shared memory beside a parallel build's maintenance_work_mem, for the queues between its workers."""
SLOW_CLIENT_KB = 49
"""A slow client of a 300 KB answer. MEASURED: 700 of them kill a 32 MiB nginx worker."""
NGINX_BASE_MB = 12
"""nginx's binary, its configuration and one worker, with a reload doubling the workers."""


@dataclass(frozen=True)
class Postgres:
    """postgresql.conf's memory settings and the container's /dev/shm, MiB."""

    shared_buffers_mb: int
    effective_cache_size_mb: int
    work_mem_mb: int
    maintenance_work_mem_mb: int
    max_connections: int
    autovacuum_max_workers: int
    max_parallel_maintenance_workers: int
    shm_mb: int

    def worst_case_mb(self, vcpus: int) -> int:
        """Memory with all connections open, four sorts a CPU, and every vacuum worker at work.

        ``1.07 * shared_buffers`` is the buffer pool with its descriptors; a sort was seen to use
        2.5 x work_mem (hash tables and tuple slots beside it). MEASURED: 346 MiB at 40 sorts of 4 MB.
        """
        sorts = min(self.max_connections, 4 * vcpus)
        return round(
            1.07 * self.shared_buffers_mb
            + 10
            + CONNECTION_MB * self.max_connections
            + 2.5 * self.work_mem_mb * sorts
            + self.maintenance_work_mem_mb * (self.autovacuum_max_workers + 1)
        )


def _fits(chosen: Postgres, limit_mb: int, vcpus: int) -> bool:
    return chosen.worst_case_mb(vcpus) <= int(PART_USED * limit_mb)


def postgres(limit_mb: int, vcpus: int, asked: Request) -> Postgres:
    """Choose PostgreSQL's settings for a container of ``limit_mb``; work_mem yields until they fit."""
    chosen = _postgres(limit_mb, vcpus, asked)
    if asked.work_mem_mb:
        return chosen
    while chosen.work_mem_mb > 1 and not _fits(chosen, limit_mb, vcpus):
        chosen = replace(chosen, work_mem_mb=chosen.work_mem_mb - 1)
    return chosen


def _postgres(limit_mb: int, vcpus: int, asked: Request) -> Postgres:
    connections = 20
    for at_least, allowed in ((384, 30), (512, 50), (1536, 100), (4096, 200)):
        if limit_mb >= at_least:
            connections = allowed
    room = asked.shm_mb - SHM_SPARE_MB if asked.shm_mb else 64
    maintenance = asked.maintenance_work_mem_mb or max(8, min(limit_mb // 12, 64, room))
    small = limit_mb <= 512
    parallel = 0 if small or vcpus == 1 else min(2, vcpus)
    if asked.parallel_maintenance_workers is not None:
        parallel = asked.parallel_maintenance_workers
    return Postgres(
        shared_buffers_mb=asked.shared_buffers_mb or limit_mb // 4,
        effective_cache_size_mb=limit_mb // 2,
        work_mem_mb=asked.work_mem_mb or (2 if limit_mb < 512 else 4),
        maintenance_work_mem_mb=maintenance,
        max_connections=asked.max_connections or connections,
        autovacuum_max_workers=1 if small else 2,
        max_parallel_maintenance_workers=parallel,
        # Docker's default of 64 breaks a parallel HNSW build. MEASURED: "could not resize shared
        # memory segment" from maintenance_work_mem 128.
        shm_mb=asked.shm_mb or max(64, maintenance + SHM_SPARE_MB),
    )


def postgres_problems(
    chosen: Postgres, limit_mb: int, vcpus: int, asked: Request
) -> tuple[Problem, ...]:
    """Re-check chosen and overridden settings together against the limit."""
    problems = []
    if not _fits(chosen, limit_mb, vcpus):
        need, allowed = chosen.worst_case_mb(vcpus), int(PART_USED * limit_mb)
        keys = ("max_connections", "work_mem_mb", "shared_buffers_mb", "maintenance_work_mem_mb")
        key = next((key for key in keys if getattr(asked, key)), "limit_mb")
        least = _limit_that_holds(limit_mb, vcpus, asked)
        raised = f"raise limit_mb to {least}" if least else ""
        lowered = f"lower {key}" if key != "limit_mb" else ""
        fits = " or ".join(part for part in (raised, lowered) if part)
        problems.append(
            Problem(
                f"{asked.path}.{key}",
                getattr(asked, key),
                f"PostgreSQL may need {need} MiB at its settings, over 90 % of its limit "
                f"({allowed} of {limit_mb} MiB)",
                fits,
            )
        )
    shm = chosen.maintenance_work_mem_mb + SHM_SPARE_MB
    if chosen.max_parallel_maintenance_workers and chosen.shm_mb < shm:
        problems.append(
            Problem(
                f"{asked.path}.shm_mb",
                chosen.shm_mb,
                "is too small for a parallel index build with maintenance_work_mem "
                f"{chosen.maintenance_work_mem_mb} MiB",
                f"set it to {shm} or leave it out",
            )
        )
    return tuple(problems)


def _limit_that_holds(limit_mb: int, vcpus: int, asked: Request) -> int | None:
    """Search upwards: buffers and connections grow with the limit, so no formula has the answer."""
    start = limit_mb // 16 * 16 + 16
    candidates = range(start, 16384 + 1, 16)
    return next((mb for mb in candidates if _fits(postgres(mb, vcpus, asked), mb, vcpus)), None)


@dataclass(frozen=True)
class Redis:
    """redis.conf's memory settings, MiB."""

    maxmemory_mb: int
    persistence: bool

    @property
    def needed_limit_mb(self) -> int:
        """Limit that survives a background save under unthrottled writes.

        2.1 x maxmemory + 8 (the fork's copied pages). MEASURED: 64/50, 64/40 and 96/50 are killed,
        128/50 peaks at 113. Without persistence only fragmentation and buffers come on top.
        """
        if self.persistence:
            return -(-self.maxmemory_mb * 21 // 10) + 8
        return -(-self.maxmemory_mb * 115 // 100) + 12


def redis(limit_mb: int, asked: Request) -> Redis:
    """Choose Redis' maxmemory for a container of ``limit_mb``, with room for its fork."""
    persistence = True if asked.persistence is None else asked.persistence
    room = int((limit_mb - 8) / 2.1) if persistence else int((limit_mb - 12) / 1.15)
    return Redis(maxmemory_mb=asked.maxmemory_mb or max(1, room), persistence=persistence)


def redis_problems(chosen: Redis, limit_mb: int, asked: Request) -> tuple[Problem, ...]:
    """Refuse a data set that dies when it is saved."""
    if chosen.needed_limit_mb <= limit_mb:
        return ()
    fits = redis(limit_mb, Request("redis", persistence=chosen.persistence)).maxmemory_mb
    why = "a background save copies it" if chosen.persistence else "buffers come on top"
    return (
        Problem(
            f"{asked.path}.maxmemory_mb",
            chosen.maxmemory_mb,
            f"needs a limit of {chosen.needed_limit_mb} MiB ({why}), the limit is {limit_mb}",
            f"set it to {fits} or less, or limit_mb to {chosen.needed_limit_mb}",
        ),
    )


@dataclass(frozen=True)
class Backend:
    """How many processes the backend runs and how many connections each may open."""

    workers: int
    pool_size: int


def backend(limit_mb: int, vcpus: int, max_connections: int, asked: Request) -> Backend:
    """Choose workers for the limit, then a pool that two backends can hold during a release."""
    fitting = int((limit_mb / 1.4 - SUPERVISOR_MB) / WORKER_MB)
    connected = (max_connections - ADMIN_CONNECTIONS) // 2
    workers = asked.workers or max(1, min(fitting, 2 * vcpus, connected))
    pool = (max_connections - ADMIN_CONNECTIONS) // (2 * workers)
    return Backend(workers=workers, pool_size=max(1, min(5, pool)))


def pool_problems(
    chosen: Backend, max_connections: int, asked: Request, postgres_asked: Request
) -> tuple[Problem, ...]:
    """Two backends, as during a release, must find room beside the administrators."""
    need = 2 * chosen.workers * chosen.pool_size + ADMIN_CONNECTIONS
    if need <= max_connections:
        return ()
    most = (max_connections - ADMIN_CONNECTIONS) // 2
    lower = f"set workers to {most} or less" if most > 0 else "leave max_connections out"
    path = f"{asked.path}.workers" if asked.workers else f"{postgres_asked.path}.max_connections"
    return (
        Problem(
            path,
            asked.workers or max_connections,
            f"two backends of {chosen.workers} workers need {need} connections during a release, "
            f"PostgreSQL allows {max_connections}",
            lower,
        ),
    )


@dataclass(frozen=True)
class Nginx:
    """nginx.conf's processes and connections."""

    worker_processes: int
    worker_connections: int


def nginx(limit_mb: int, vcpus: int) -> Nginx:
    """Choose nginx' connections so that all of them being slow stays under the limit."""
    workers = min(vcpus, 2)
    clients = max(0, limit_mb - NGINX_BASE_MB) * 1024 // SLOW_CLIENT_KB // workers
    # Two connections a proxied client; round to what reads like a decision.
    return Nginx(workers, max(64, min(1024, clients // 100 * 100)))
