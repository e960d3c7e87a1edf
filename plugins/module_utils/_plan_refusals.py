# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The plan's judgement: every reason why a draft must not reach a machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _tuning
from ansible_collections.planner.droplet.plugins.module_utils._events import events
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import REFUSED, Plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import Problem
from ansible_collections.planner.droplet.plugins.module_utils._services import HEADROOM, Request

SMALL_MB = 2048
"""Up to this much memory a machine without swap is refused."""

# A release that does not fit changes its strategy; the others have nowhere to go.
_HAS_A_WAY_OUT = frozenset({"release"})


def refusals(drafted: Plan, asked: Mapping[str, Request]) -> tuple[Problem, ...]:
    """Judge limits, settings, swap and every scenario; an empty answer means the plan fits."""
    return (
        *_limits(drafted, asked),
        *_settings(drafted, asked),
        *_swap(drafted),
        *_scenarios(drafted),
    )


def _limits(drafted: Plan, asked: Mapping[str, Request]) -> Iterable[Problem]:
    for service in drafted.services.values():
        least = math.ceil(service.working_set_mb * HEADROOM)
        if service.limit_mb >= least:
            continue
        request = asked[service.name]
        workers = request.workers or 1
        if workers > 1:
            yield Problem(
                f"{request.path}.workers",
                workers,
                f"{workers} workers need {service.working_set_mb} MiB and a limit of {least}, "
                f"the limit is {service.limit_mb}",
                "lower workers, leave it out, or raise limit_mb",
            )
        else:
            yield Problem(
                f"{request.path}.limit_mb",
                service.limit_mb,
                f"{service.name} works with {service.working_set_mb} MiB and needs "
                f"{HEADROOM} times that",
                f"set it to {least} or more, or leave it out",
            )


def _settings(drafted: Plan, asked: Mapping[str, Request]) -> Iterable[Problem]:
    services = drafted.services
    postgres = _tuning.Postgres(**_integers(services["postgres"].settings))
    backend = _tuning.Backend(**_integers(services["backend"].settings))
    redis: Any = services["redis"].settings
    yield from _tuning.postgres_problems(
        postgres, services["postgres"].limit_mb, drafted.vcpus, asked["postgres"]
    )
    yield from _tuning.redis_problems(
        _tuning.Redis(**redis), services["redis"].limit_mb, asked["redis"]
    )
    yield from _tuning.pool_problems(
        backend, postgres.max_connections, asked["backend"], asked["postgres"]
    )


def _integers(settings: Mapping[str, int | bool]) -> dict[str, int]:
    return {name: int(value) for name, value in settings.items()}


def _swap(drafted: Plan) -> Iterable[Problem]:
    if drafted.swap_mb < 0:
        remedy = "set it to 1024, or leave it out"
        yield Problem("droplet_swap_mb", drafted.swap_mb, "is negative", remedy)
    elif drafted.swap_mb == 0 and drafted.nominal_mb <= SMALL_MB:
        yield Problem(
            "droplet_swap_mb",
            0,
            f"a machine of {drafted.nominal_mb} MB without swap thrashes until ssh is gone",
            "set it to 1024, or leave it out",
        )


def _scenarios(drafted: Plan) -> Iterable[Problem]:
    steady = drafted.scenarios["steady"]
    if steady.verdict == REFUSED:
        yield Problem(
            "droplet_services",
            None,
            f"limits of {drafted.limits_mb} MiB on {drafted.size} are {steady.swap_mb} too many: "
            f"of the {drafted.guest_mb} MiB its kernel shows, the system and Docker leave "
            f"{drafted.budget_mb} to containers",
            f"lower the limits{' or droplet_host_mb' if drafted.host_mb else ''}, or take a larger droplet_size",
        )
        return  # every event would only repeat it
    workers = int(drafted.services["backend"].settings["workers"])
    for event in events(workers):
        scenario = drafted.scenarios[event.name]
        if event.required and scenario.verdict == REFUSED and event.name not in _HAS_A_WAY_OUT:
            yield Problem(
                "droplet_services",
                None,
                f"no room for the {event.name} ({event.what}, {event.memory_mb} MiB beside "
                f"limits of {drafted.limits_mb}): {scenario.reason}",
                "lower the limits, raise droplet_swap_mb, or take a larger droplet_size",
            )
