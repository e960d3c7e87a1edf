"""The formulas before anything is judged."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import (
    EVENT_ROOM_MB,
    draft,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import Plan
from ansible_collections.planner.droplet.plugins.module_utils._services import (
    CATALOG,
    parse_services,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES


def drafted(size: str, services: list[dict[str, Any]] | None = None, swap_mb: int = 1024) -> Plan:
    """A draft of well-formed wishes."""
    requests, problems = parse_services(services or [])
    assert not problems
    return draft(SIZES[size], requests, swap_mb, "app:1")


def own(limit_mb: int) -> dict[str, Any]:
    """A service the owner adds."""
    return {"name": "worker", "image": "worker:1", "limit_mb": limit_mb}


# backend, postgres, redis, nginx
LIMITS = [
    ("s-1vcpu-1gb", [], (192, 192, 64, 32)),
    ("s-1vcpu-2gb", [], (368, 592, 128, 48)),
    ("s-2vcpu-2gb", [], (368, 592, 128, 48)),
    ("s-2vcpu-4gb", [], (720, 1360, 240, 112)),
    ("s-4vcpu-8gb", [], (1440, 2976, 512, 128)),
    ("s-8vcpu-16gb", [], (2880, 6192, 1024, 128)),
    # what the owner fixes leaves less to share, and nobody falls below the floor
    ("s-1vcpu-2gb", [{"name": "backend", "limit_mb": 900}], (900, 304, 80, 32)),
    ("s-1vcpu-2gb", [own(1000)], (192, 192, 64, 32)),
    ("s-1vcpu-2gb", [own(200)], (336, 512, 112, 48)),
]


@pytest.mark.parametrize("size, services, limits", LIMITS)
def test_limits(size: str, services: list[dict[str, Any]], limits: tuple[int, ...]) -> None:
    """Each service has its floor and its share of what is spare above all floors."""
    made = drafted(size, services)
    assert tuple(made.services[name].limit_mb for name in CATALOG) == limits


@pytest.mark.parametrize("size", [slug for slug in COMPARED if SIZES[slug].memory_mb > 512])
def test_room_for_an_event(size: str) -> None:
    """Limits nobody asked for leave room for the largest event of one worker."""
    made = drafted(size)
    assert made.limits_mb <= made.budget_mb - EVENT_ROOM_MB
    assert made.warnings == ()


# own service's limit, swap -> verdicts of steady, release, backup, build; strategy, gap
VERDICTS = [
    (0, 1024, ("fits", "fits", "fits", "refused"), "start-first", 0),
    (4, 1024, ("fits", "fits", "fits", "refused"), "start-first", 0),
    (5, 1024, ("fits", "fits with swap", "fits", "refused"), "start-first", 0),
    (44, 1024, ("fits", "fits with swap", "fits", "refused"), "start-first", 0),
    (45, 1024, ("fits", "fits with swap", "fits with swap", "refused"), "start-first", 0),
    (156, 1024, ("fits", "fits with swap", "fits with swap", "refused"), "start-first", 0),
    (157, 1024, ("refused", "fits with swap", "fits with swap", "refused"), "start-first", 0),
    (156, 304, ("fits", "fits with swap", "fits with swap", "refused"), "start-first", 0),
    (156, 302, ("fits", "refused", "fits with swap", "refused"), "stop-first", 6),
    (156, 224, ("fits", "refused", "fits with swap", "refused"), "stop-first", 6),
    (156, 222, ("fits", "refused", "refused", "refused"), "stop-first", 6),
]


@pytest.mark.parametrize("limit, swap_mb, verdicts, strategy, gap_s", VERDICTS)
def test_verdicts(
    limit: int, swap_mb: int, verdicts: tuple[str, ...], strategy: str, gap_s: int
) -> None:
    """To the MiB: what is over may go to half the swap, the services and a build may not."""
    made = drafted("s-1vcpu-1gb", [own(limit)] if limit else [], swap_mb)
    judged = tuple(made.scenarios[n].verdict for n in ("steady", "release", "backup", "build"))
    assert judged == verdicts
    assert (made.strategy, made.gap_s) == (strategy, gap_s)


# own services, swap; of which a second one fits beside the first
START_FIRST: list[tuple[list[dict[str, Any]], int, tuple[str, ...], str]] = [
    ([], 1024, ("backend",), "start-first"),
    ([own(100)], 1024, ("backend", "worker"), "start-first"),
    # A small one still has room where a second backend has none.
    ([own(156) | {"working_set_mb": 60}], 286, ("worker",), "stop-first"),
    ([own(156) | {"working_set_mb": 130}], 286, (), "stop-first"),
    # Of some no two may run, whatever the memory.
    ([own(100) | {"stop_first": True}], 1024, ("backend",), "start-first"),
    ([{"name": "backend", "stop_first": True}, own(100)], 1024, ("worker",), "stop-first"),
    ([own(100) | {"stop_first": False}], 1024, ("backend", "worker"), "start-first"),
]


@pytest.mark.parametrize("services, swap_mb, start_first, strategy", START_FIRST)
def test_start_first(
    services: list[dict[str, Any]], swap_mb: int, start_first: tuple[str, ...], strategy: str
) -> None:
    """Each service that releases replace is judged by its own size; the strategy is the backend's."""
    made = drafted("s-1vcpu-1gb", services, swap_mb)
    assert sorted(made.start_first) == sorted(start_first)
    assert made.strategy == strategy
    assert (made.gap_s == 0) is ("backend" in start_first)


def test_scenario_sums() -> None:
    """What an event needs is in memory up to the budget, the rest in swap, and warned of."""
    backup = drafted("s-1vcpu-1gb", [own(100)]).scenarios["backup"]
    assert (backup.event_mb, backup.memory_mb, backup.swap_mb) == (112, 636, 56)
    assert backup.reason == "56 MiB over, held by swap (a dump, read back, then restic)"
    assert f"backup: {backup.reason}" in drafted("s-1vcpu-1gb", [own(100)]).warnings


def test_spare_is_said() -> None:
    """A scenario that fits says how much is left."""
    assert drafted("s-1vcpu-1gb").scenarios["release"].reason == "4 MiB to spare"


def test_service_details() -> None:
    """Swap, reservation, processes, weight and image of a container follow from its entry."""
    made = drafted("s-1vcpu-1gb", [own(40), {"name": "redis", "image": "redis:8"}])
    worker, postgres = made.services["worker"], made.services["postgres"]
    assert (worker.limit_mb, worker.memory_and_swap_mb, worker.reservation_mb) == (40, 60, 32)
    assert (worker.extra, worker.cpu_shares, worker.pids) == (True, 640, 64)
    assert (postgres.extra, postgres.pids, postgres.reservation_mb) == (False, 160, 67)
    assert made.services["redis"].image == "redis:8"
    assert made.services["backend"].image == "app:1"


# size, swap -> what postgres may have in swap
SWAPS = [("s-1vcpu-1gb", 1024, 96), ("s-4vcpu-8gb", 1024, 256), ("s-4vcpu-8gb", 0, 0)]


@pytest.mark.parametrize("size, swap_mb, mib", SWAPS)
def test_a_leak_cannot_fill_the_swap(size: str, swap_mb: int, mib: int) -> None:
    """A container may swap half its limit, never more than a quarter of what there is."""
    postgres = drafted(size, [], swap_mb).services["postgres"]
    assert postgres.memory_and_swap_mb - postgres.limit_mb == mib


def test_processes_grow_with_connections() -> None:
    """PostgreSQL may have a process for each connection, and about 40 of its own."""
    assert drafted("s-8vcpu-16gb").services["postgres"].pids == 240


@pytest.mark.parametrize(
    "migrate, expected",
    [(None, ("alembic", "upgrade", "head")), ([], ()), (["flask", "db"], ("flask", "db"))],
)
def test_migration(migrate: list[str] | None, expected: tuple[str, ...]) -> None:
    """Alembic unless the owner says another command, or none."""
    made = drafted("s-1vcpu-1gb", [{"name": "backend", "migrate_command": migrate}])
    assert made.services["backend"].migrate_command == expected


# own service's limit, swap -> what maintenance shares: limit, from where it is slowed down, swap
MAINTENANCE = [
    (0, 1024, (156, 140, 256)),
    # Less room than the largest job needs: swap was weighed for what is over.
    (100, 1024, (136, 122, 256)),
    (0, 0, (156, 140, 0)),
    # Nonsense is refused elsewhere, and must not break the arithmetic before.
    (0, -4, (156, 140, 0)),
]


@pytest.mark.parametrize("limit_mb, swap_mb, shares", MAINTENANCE)
def test_maintenance(limit_mb: int, swap_mb: int, shares: tuple[int, int, int]) -> None:
    """Jobs beside the services get what the limits leave, and at least what their largest needs."""
    made = drafted("s-1vcpu-1gb", [own(limit_mb)] if limit_mb else [], swap_mb).maintenance
    assert (made.limit_mb, made.high_mb, made.swap_mb) == shares


@pytest.mark.parametrize("size", [slug for slug in COMPARED if SIZES[slug].memory_mb > 512])
def test_maintenance_fits(size: str) -> None:
    """Every limit, the one of maintenance included, adds up to the budget."""
    made = drafted(size)
    assert made.limits_mb + made.maintenance.limit_mb == made.budget_mb
