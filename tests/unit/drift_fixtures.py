"""A healthy measurement of the smallest Droplet, and changes to it."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

PLAN = plan("s-1vcpu-1gb", (), None, "backend@sha256:1").to_dict()
WORKING_SETS = {"backend": 100.0, "postgres": 30.0, "redis": 5.0, "nginx": 3.0}


def container(service: str, **changes: Any) -> dict[str, Any]:
    """A healthy container of a service."""
    planned = PLAN["services"].get(service) or {"limit_mb": 64, "memory_and_swap_mb": 96}
    working_set = WORKING_SETS.get(service, 10.0)
    return {
        "service": service,
        "name": f"planner-{service}-1",
        "state": "running",
        "health": "healthy",
        "restarts": 0,
        "exit_code": 0,
        "exit_codes": [],
        "oom_events": 0,
        "started_s_ago": 99,
        "limit_mb": float(planned["limit_mb"]),
        "configured_limit_mb": float(planned["limit_mb"]),
        "memory_and_swap_mb": float(planned["memory_and_swap_mb"]),
        "used_mb": working_set + 20,
        "working_set_mb": working_set,
        "held_mb": working_set + 2,
        "cache_mb": 18.0,
        "kernel_mb": 3.0,
        "swap_mb": 0.0,
        "peak_mb": working_set + 30,
        "oom_kills": 0,
        **changes,
    }


MACHINE: dict[str, Any] = {
    "container": "",
    "total_mb": 967.0,
    "available_mb": 660.0,
    "swap_total_mb": 1024.0,
    "swap_used_mb": 10.0,
    "pressure": {
        "some": {"avg10": 0.0, "avg60": 0.5, "avg300": 0.1},
        "full": {"avg10": 0.0, "avg60": 0.1, "avg300": 0.0},
    },
    "oom_kills_since_boot": 0,
    "load": [0.1, 0.2, 0.3],
}


def usage(
    *others: dict[str, Any], machine: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A healthy measurement; ``others`` replace the containers of their services or come on top."""
    replaced = {one["service"] for one in others}
    healthy = [container(name) for name in PLAN["services"] if name not in replaced]
    return {
        "docker": {"state": "running", "error": ""},
        "containers": [*healthy, *copy.deepcopy(list(others))],
        "machine": {**copy.deepcopy(MACHINE), **(machine or {})},
        "kernel_log": [],
        "since_h": 24,
        **changes,
    }
