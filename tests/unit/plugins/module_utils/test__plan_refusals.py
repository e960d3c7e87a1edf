"""The judgement: one step inside every border fits, one step outside is refused."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import asked_for, draft
from ansible_collections.planner.droplet.plugins.module_utils._plan_refusals import refusals
from ansible_collections.planner.droplet.plugins.module_utils._services import parse_services
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES


def paths(size: str, services: list[dict[str, Any]], swap_mb: int = 1024) -> list[str]:
    """Where the draft of these wishes is refused."""
    requests, problems = parse_services(services)
    assert not problems
    found = refusals(draft(SIZES[size], requests, swap_mb), asked_for(requests))
    return [problem.path for problem in found]


def own(limit_mb: int, **more: Any) -> dict[str, Any]:
    """A service the owner adds."""
    return {"name": "worker", "image": "worker:1", "limit_mb": limit_mb, **more}


ONE, TWO, FOUR = "s-1vcpu-1gb", "s-1vcpu-2gb", "s-2vcpu-4gb"
FIRST = "droplet_services[0]"

BORDERS: list[tuple[str, list[dict[str, Any]], int, list[str]]] = [
    # the sum
    (ONE, [], 1024, []),
    (ONE, [own(156)], 1024, []),
    (ONE, [own(157)], 1024, ["droplet_services"]),
    # the largest event without a way out: 136 beside 610 on 636, so 110 in half the swap
    (ONE, [own(130)], 220, []),
    (ONE, [own(130)], 219, ["droplet_services"]),
    # no swap
    (ONE, [], 0, ["droplet_swap_mb"]),
    (TWO, [], 0, ["droplet_swap_mb"]),
    (FOUR, [], 0, []),
    (ONE, [], 1, []),
    (FOUR, [], -1, ["droplet_swap_mb"]),
    # 1.25 x the working set
    (ONE, [{"name": "backend", "limit_mb": 145}], 1024, []),
    (ONE, [{"name": "backend", "limit_mb": 144}], 1024, [f"{FIRST}.limit_mb"]),
    (ONE, [{"name": "nginx", "limit_mb": 15}], 1024, []),
    (ONE, [{"name": "nginx", "limit_mb": 14}], 1024, [f"{FIRST}.limit_mb"]),
    (ONE, [own(100, working_set_mb=80)], 1024, []),
    (ONE, [own(100, working_set_mb=81)], 1024, [f"{FIRST}.limit_mb"]),
    (TWO, [{"name": "backend", "limit_mb": 327, "workers": 2}], 1024, []),
    (TWO, [{"name": "backend", "limit_mb": 326, "workers": 2}], 1024, [f"{FIRST}.workers"]),
]


@pytest.mark.parametrize("size, services, swap_mb, expected", BORDERS)
def test_borders(
    size: str, services: list[dict[str, Any]], swap_mb: int, expected: list[str]
) -> None:
    """Every limit of the judgement is where its formula puts it."""
    assert paths(size, services, swap_mb) == expected


def test_an_overfull_machine_does_not_repeat_itself() -> None:
    """When the limits alone are too many, no event says so again."""
    assert paths(ONE, [own(900)]) == ["droplet_services"]


def test_a_release_without_room_is_no_reason() -> None:
    """A release stops the old backend first where two find no room; the plan still stands."""
    services = [{"name": "backend", "limit_mb": 400}, own(932)]
    requests, _ = parse_services(services)
    drafted = draft(SIZES[TWO], requests, 300)
    assert drafted.scenarios["release"].verdict == "refused"
    assert drafted.strategy == "stop-first"
    assert paths(TWO, services, 300) == []
