# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The services of the stack: what each needs, and what the owner may override.

Memory is in MiB. Working sets were measured on 2026-11-23: **[VM]** Debian 13, kernel 6.12, cgroup
v2, a guest with 1024 MB; **[N]** containers on a native Docker host. They are anonymous plus shared
memory: page cache comes on top and can always be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._problems import Problem, closest


@dataclass(frozen=True)
class Service:
    """A service the stack always has."""

    name: str
    image: str
    """Pinned here and nowhere else; ``droplet_services[].image`` may replace it, also by a digest."""
    working_set_mb: int
    """Anonymous and shared memory under load."""
    floor_mb: int
    """Limit on the smallest machine that fits, 1 GB."""
    share: float
    """Part of the memory beyond that machine's that goes to this service's limit."""
    most_mb: int
    """Beyond this limit the service has no use for more memory."""
    cpu_shares: int
    """Weight under contention. Weights, not quotas: a quota of 0.1 CPU would throttle TLS.

    2560 shares are cgroup v2's weight of 98, what a system service has; 1024 would be 39.
    """
    pids: int
    oom_score_adj: int
    """Order in which the kernel gives services up when the whole machine is out of memory.

    Never below 0: lowering the score needs a capability that not every machine's root has. dockerd
    (-500) and sshd (-1000) stay below all of them, maintenance jobs (800) above.
    """


CATALOG = {
    service.name: service
    for service in (
        # 1 worker: 111 idle, 116 under load [VM], 115 at 150 requests/s [N].
        Service("backend", "", 116, 192, 0.18, 4096, 1280, 128, 500),
        # 6 anon + 15 shared idle, 52 anon under load [VM]; an idle connection 1.8.
        Service("postgres", "pgvector/pgvector:pg17", 67, 192, 0.40, 8192, 2560, 160, 0),
        # 53 with 50 MB of data [N]; an empty server 8. Fork room is a rule of its own.
        Service("redis", "redis:7-alpine", 10, 64, 0.065, 1024, 2048, 64, 200),
        # 3 under load [VM], twice that during a reload, and 64 slow clients of 49 KiB [N].
        Service("nginx", "nginx:1.28-alpine", 12, 32, 0.03, 128, 2560, 64, 100),
    )
}

HEADROOM = 1.25
"""A limit under 1.25 x the working set leaves no room for page cache or a burst."""

WORKER_MB = 112
"""One more backend worker: 240 idle, 249 under load for two of them [N]."""
SUPERVISOR_MB = 37
"""What uvicorn's parent process adds as soon as there is more than one worker [N]."""


def backend_working_set_mb(workers: int) -> int:
    """Memory of a backend with that many workers, under load."""
    if workers == 1:
        return CATALOG["backend"].working_set_mb
    return SUPERVISOR_MB + WORKER_MB * workers


MOST = 1024 * 1024
"""No number an owner writes is larger: 1 TiB in MiB. Beyond it is a wrong unit or a slip."""


@dataclass(frozen=True)
class Request:
    """What the owner wrote for one service in ``droplet_services``; ``None`` = let the plan choose."""

    name: str
    path: str = ""
    limit_mb: int | None = None
    image: str | None = None
    workers: int | None = None
    shared_buffers_mb: int | None = None
    work_mem_mb: int | None = None
    maintenance_work_mem_mb: int | None = None
    max_connections: int | None = None
    parallel_maintenance_workers: int | None = None
    shm_mb: int | None = None
    maxmemory_mb: int | None = None
    persistence: bool | None = None
    working_set_mb: int | None = None
    stop_first: bool | None = None
    command: tuple[str, ...] = ()
    migrate_command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def _whole(value: object) -> bool:
    return _not_negative(value) and value != 0


def _not_negative(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _words(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(_text(word) for word in value)


def _texts_by_name(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _text(name) and isinstance(text, str) for name, text in value.items()
    )


_MIB = f"a whole number of MiB without a unit, up to {MOST}"

# key -> (check, what it must be, services that know it; empty = all)
KEYS: dict[str, tuple[Any, str, frozenset[str]]] = {
    "limit_mb": (_whole, _MIB, frozenset()),
    "image": (_text, "an image reference such as name:tag@sha256:...", frozenset()),
    "workers": (_whole, "a whole number from 1", frozenset({"backend"})),
    "shared_buffers_mb": (_whole, _MIB, frozenset({"postgres"})),
    "work_mem_mb": (_whole, _MIB, frozenset({"postgres"})),
    "maintenance_work_mem_mb": (_whole, _MIB, frozenset({"postgres"})),
    "max_connections": (_whole, "a whole number from 1", frozenset({"postgres"})),
    "parallel_maintenance_workers": (
        _not_negative,
        "a whole number from 0",
        frozenset({"postgres"}),
    ),
    "shm_mb": (_whole, _MIB, frozenset({"postgres"})),
    "maxmemory_mb": (_whole, _MIB, frozenset({"redis"})),
    "persistence": (lambda value: isinstance(value, bool), "true or false", frozenset({"redis"})),
    "working_set_mb": (_whole, _MIB, frozenset()),
    # Of a bot that polls, for example, no two may run, not even while a new version takes over.
    "stop_first": (
        lambda value: isinstance(value, bool),
        "true or false",
        frozenset({"backend"}),
    ),
    "command": (_words, "a list of words", frozenset({"backend"})),
    "migrate_command": (_words, "a list of words, [] for none", frozenset({"backend"})),
    "environment": (_texts_by_name, "a mapping of names to quoted texts", frozenset({"backend"})),
}

# Set from the plan; a second value in the Compose file would be refused there, late and obscurely.
RESERVED_ENVIRONMENT = frozenset(
    {"DATABASE_URL", "DATABASE_PASSWORD_FILE", "DATABASE_POOL_SIZE", "REDIS_URL", "WEB_CONCURRENCY"}
)

# Keys an extra service may use; the others tune a server that it is not.
_EXTRA_KEYS = frozenset(
    {"limit_mb", "image", "working_set_mb", "stop_first", "command", "environment"}
)
# Compose's own rule for service names, also valid as a host name on the network.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def parse_services(raw: object) -> tuple[tuple[Request, ...], tuple[Problem, ...]]:
    """Read ``droplet_services``; return the requests that could be read and every problem."""
    if not isinstance(raw, (list, tuple)):
        remedy = "write a list of entries such as {name: backend, limit_mb: 192}, or []"
        return (), (Problem("droplet_services", raw, "is not a list", remedy),)
    requests: list[Request] = []
    problems: list[Problem] = []
    for index, entry in enumerate(raw):
        path = f"droplet_services[{index}]"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            remedy = "write {name: <service>, limit_mb: <MiB>}"
            problems.append(Problem(path, entry, "is not an entry with a name", remedy))
            continue
        name = entry["name"]
        if any(request.name == name for request in requests):
            remedy = "merge the two entries"
            problems.append(Problem(f"{path}.name", name, "is there twice", remedy))
            continue
        found = _entry_problems(path, name, entry)
        problems += found
        broken = {problem.path for problem in found}
        if f"{path}.name" in broken:
            continue
        values: dict[str, Any] = {
            key: tuple(value) if key in ("command", "migrate_command") else value
            for key, value in entry.items()
            if key in KEYS and value is not None and f"{path}.{key}" not in broken
        }
        requests.append(Request(name=name, path=path, **values))
    return tuple(requests), tuple(problems)


def _entry_problems(path: str, name: str, entry: Mapping[str, Any]) -> list[Problem]:
    extra = name not in CATALOG
    if extra and entry.get("image") is None:
        remedy = closest(name, CATALOG) + "; a service of your own needs image and limit_mb"
        return [Problem(f"{path}.name", name, "is no service of the stack", remedy)]
    if extra and not _NAME.fullmatch(name):
        remedy = "use lower-case letters, digits and hyphens"
        return [Problem(f"{path}.name", name, "cannot be a service's name", remedy)]
    problems = []
    for key, value in entry.items():
        if key == "name" or value is None:
            continue
        where = f"{path}.{key}"
        if key not in KEYS:
            remedy = closest(key, _EXTRA_KEYS if extra else KEYS)
            # Not its value: it may be a misspelt environment with a secret in it.
            problems.append(Problem(where, None, "is not a known key", remedy))
            continue
        problems += _value_problems(where, name, key, value)
    if extra and entry.get("limit_mb") is None:
        remedy = "give it limit_mb: every container counts in the same sum"
        problems.append(Problem(f"{path}.limit_mb", None, "a service without a limit", remedy))
    if name == "backend" and entry.get("image") is not None:
        remedy = "set droplet_image, which releases read and record"
        problems.append(Problem(f"{path}.image", entry["image"], "is not where it belongs", remedy))
    return problems


def _value_problems(where: str, name: str, key: str, value: Any) -> list[Problem]:
    """Judge one known key's value."""
    extra = name not in CATALOG
    check, must_be, services = KEYS[key]
    shown = None if key == "environment" else value  # it may hold a secret
    if (extra and key not in _EXTRA_KEYS) or (not extra and services and name not in services):
        remedy = f"remove it, or move it to {' or '.join(sorted(services)) or 'another service'}"
        return [Problem(where, shown, f"means nothing for {name}", remedy)]
    if not check(value):
        return [Problem(where, shown, "has the wrong type", f"write {must_be}")]
    if key == "environment":
        return [
            Problem(f"{where}.{word}", None, "is set from the plan", "remove it")
            for word in sorted(RESERVED_ENVIRONMENT & set(value))
        ]
    return []
