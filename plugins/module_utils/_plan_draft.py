# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The plan's formulas: a machine and the owner's wishes in, a complete plan out, not yet judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ansible_collections.planner.droplet.plugins.module_utils import _tuning
from ansible_collections.planner.droplet.plugins.module_utils._events import (
    BACKEND_START_S,
    RELEASE_TOOLS_MB,
    Event,
    events,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import (
    FITS,
    REFUSED,
    WITH_SWAP,
    Maintenance,
    Plan,
    Scenario,
    ServicePlan,
)
from ansible_collections.planner.droplet.plugins.module_utils._services import (
    CATALOG,
    HEADROOM,
    Request,
    backend_working_set_mb,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import Size

STEP_MB = 16
"""Limits the plan chooses are multiples of this: round numbers read like decisions."""
EVENT_ROOM_MB = 156
"""Kept free when limits are chosen: the largest event on a machine with one worker, and a little."""
SWAP_USE = 0.5
"""Part of the swap a scenario may count on. MEASURED: 395 of 1024 MiB used and ssh still alive."""

HOST_EVENTS = ("backup", "drill", "upgrade", "certificate")
"""What runs on the host beside the containers, and so inside the slice for maintenance."""
HIGH = 0.9
"""Part of the slice's limit from which on the kernel slows its jobs down."""


def draft(
    machine: Size, requests: Sequence[Request], swap_mb: int, backend_image: str = ""
) -> Plan:
    """Apply the formulas without judging the result."""
    asked = asked_for(requests)
    limits = _limits(machine, asked)
    settings = _settings(machine, asked, limits)
    workers = int(settings["backend"]["workers"])
    services = {
        name: _service(asked[name], limits[name], settings.get(name, {}), swap_mb, backend_image)
        for name in asked
    }
    total = sum(limits.values())
    scenarios = {
        event.name: _scenario(event, total, machine.budget_mb, swap_mb) for event in events(workers)
    }
    start_first = tuple(
        name
        for name, request in asked.items()
        if not request.stop_first
        and (name == "backend" or name not in CATALOG)
        and _scenario(_takeover(services[name], workers), total, machine.budget_mb, swap_mb).verdict
        != REFUSED
    )
    backend_first = "backend" in start_first
    return Plan(
        size=machine.slug,
        vcpus=machine.vcpus,
        disk_gb=machine.disk_gb,
        price_usd=machine.price_usd,
        nominal_mb=machine.memory_mb,
        guest_mb=machine.guest_memory_mb,
        reserve_mb=machine.reserve_mb,
        host_mb=machine.host_mb,
        budget_mb=machine.budget_mb,
        swap_mb=swap_mb,
        limits_mb=total,
        maintenance=_maintenance(machine.budget_mb - total, scenarios, swap_mb),
        strategy="start-first" if backend_first else "stop-first",
        gap_s=0 if backend_first else BACKEND_START_S,
        start_first=start_first,
        services=services,
        scenarios=scenarios,
        warnings=tuple(
            f"{scenario.name}: {scenario.reason}"
            for scenario in scenarios.values()
            if scenario.verdict == WITH_SWAP
        ),
    )


def asked_for(requests: Sequence[Request]) -> dict[str, Request]:
    """One request a service: the stack's own four first, then the owner's."""
    given = {request.name: request for request in requests}
    defaults = {name: Request(name, "droplet_services") for name in CATALOG}
    return defaults | given


def _limits(machine: Size, asked: dict[str, Request]) -> dict[str, int]:
    """Owner's limits as they are; the rest share what is left above their floors."""
    fixed = {name: request.limit_mb for name, request in asked.items() if request.limit_mb}
    free = [CATALOG[name] for name in asked if name in CATALOG and name not in fixed]
    spare = machine.budget_mb - EVENT_ROOM_MB - sum(fixed.values())
    spare = max(0, spare - sum(service.floor_mb for service in free))
    chosen = {
        service.name: min(
            service.most_mb,
            (service.floor_mb + int(service.share * spare)) // STEP_MB * STEP_MB,
        )
        for service in free
    }
    return {name: fixed.get(name) or chosen.get(name, 0) for name in asked}


def _settings(
    machine: Size, asked: dict[str, Request], limits: dict[str, int]
) -> dict[str, dict[str, int | bool]]:
    postgres = _tuning.postgres(limits["postgres"], machine.vcpus, asked["postgres"])
    return {
        "backend": asdict(
            _tuning.backend(
                limits["backend"], machine.vcpus, postgres.max_connections, asked["backend"]
            )
        ),
        "postgres": asdict(postgres),
        "redis": asdict(_tuning.redis(limits["redis"], asked["redis"])),
        "nginx": asdict(_tuning.nginx(limits["nginx"], machine.vcpus)),
    }


def _working_set(request: Request, settings: dict[str, int | bool], limit_mb: int) -> int:
    if request.working_set_mb:
        return request.working_set_mb
    if request.name == "backend":
        return backend_working_set_mb(int(settings["workers"]))
    if request.name in CATALOG:
        return CATALOG[request.name].working_set_mb
    return int(limit_mb / HEADROOM)


def _service(
    request: Request,
    limit_mb: int,
    settings: dict[str, int | bool],
    swap_mb: int,
    backend_image: str,
) -> ServicePlan:
    known = CATALOG.get(request.name)
    image = request.image or (known.image if known else "")
    working_set = _working_set(request, settings, limit_mb)
    # postgres: one process a connection, and about 40 of its own and of health checks.
    connections = int(settings.get("max_connections", 0))
    migrate = request.migrate_command
    if request.name == "backend" and migrate is None:
        migrate = ("alembic", "upgrade", "head")
    return ServicePlan(
        name=request.name,
        image=backend_image if request.name == "backend" else image,
        limit_mb=limit_mb,
        # Half as much again may go to swap: idle pages can leave, a leak cannot fill the swap.
        memory_and_swap_mb=limit_mb + min(limit_mb // 2, max(0, swap_mb) // 4),
        reservation_mb=min(working_set, limit_mb),
        working_set_mb=working_set,
        cpu_shares=known.cpu_shares if known else 640,
        pids=max(known.pids if known else 64, connections + 40 if connections else 0),
        oom_score_adj=known.oom_score_adj if known else 700,
        extra=known is None,
        command=request.command,
        migrate_command=migrate or (),
        environment=dict(request.environment),
        settings=settings,
    )


def _scenario(event: Event, limits_mb: int, budget_mb: int, swap_mb: int) -> Scenario:
    """Weigh limits plus event against the budget; what is over may go to swap, within reason."""
    need = limits_mb + event.memory_mb
    over = max(0, need - budget_mb)
    swappable = int(swap_mb * SWAP_USE) if event.may_swap else 0
    if over == 0:
        verdict, reason = FITS, f"{budget_mb - need} MiB to spare"
    elif over <= swappable:
        verdict, reason = WITH_SWAP, f"{over} MiB over, held by swap ({event.what})"
    elif event.may_swap:
        verdict, reason = REFUSED, f"{over} MiB over, swap may hold {swappable}"
    else:
        verdict, reason = REFUSED, f"{over} MiB over, and this must not run from swap"
    return Scenario(
        name=event.name,
        what=event.what,
        event_mb=event.memory_mb,
        memory_mb=need - over,
        swap_mb=over,
        verdict=verdict,
        reason=reason,
    )


def _takeover(service: ServicePlan, workers: int) -> Event:
    """A second container of a service, while a new version takes over. Servers are replaced in place."""
    if service.name == "backend":
        return next(event for event in events(workers) if event.name == "release")
    return Event("release", "a second one", service.working_set_mb + RELEASE_TOOLS_MB)


def _maintenance(room_mb: int, scenarios: dict[str, Scenario], swap_mb: int) -> Maintenance:
    """All the room for events, and never less than the largest: what is over, swap was weighed for."""
    limit = max(room_mb, *(scenarios[name].event_mb for name in HOST_EVENTS))
    # A quarter of the swap at most, as for a container: a leak cannot fill it.
    return Maintenance(limit, int(limit * HIGH), max(0, swap_mb) // 4)
