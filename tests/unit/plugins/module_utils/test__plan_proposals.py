"""What would fit instead."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import draft
from ansible_collections.planner.droplet.plugins.module_utils._plan_proposals import proposals
from ansible_collections.planner.droplet.plugins.module_utils._services import parse_services
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

ONE = "s-1vcpu-1gb"


def own(limit_mb: int) -> dict[str, Any]:
    """A service the owner adds."""
    return {"name": "worker", "image": "worker:1", "limit_mb": limit_mb}


TABLE: list[tuple[str, list[dict[str, Any]], int, list[str]]] = [
    # scaled towards the floors, and the next size as written
    (
        ONE,
        [{"name": "backend", "limit_mb": 600}],
        1024,
        [
            (
                f"fits on {ONE}: backend 192, postgres 192, redis 64, nginx 32 (limit_mb), "
                "480 MiB in all"
            ),
            "fits as written on s-1vcpu-2gb ($12 a month)",
        ],
    ),
    # an owner's own service keeps its limit, however odd
    (
        ONE,
        [{"name": "backend", "limit_mb": 600}, own(5)],
        1024,
        [
            (
                f"fits on {ONE}: backend 192, postgres 192, redis 64, nginx 32, worker 5 (limit_mb), "
                "485 MiB in all"
            ),
            "fits as written on s-1vcpu-2gb ($12 a month)",
        ],
    ),
    # no swap: the proposal says that it needs some
    (
        ONE,
        [],
        0,
        [
            (
                f"fits on {ONE}: backend 192, postgres 192, redis 64, nginx 32 (limit_mb), "
                "480 MiB in all, with droplet_swap_mb 1024"
            ),
            "fits as written on s-2vcpu-4gb ($24 a month)",
        ],
    ),
    # nothing here, but a larger machine
    (ONE, [own(2000)], 1024, ["fits as written on s-2vcpu-4gb ($24 a month)"]),
    ("s-1vcpu-512mb-10gb", [], 1024, ["fits as written on s-1vcpu-1gb ($6 a month)"]),
    # nothing anywhere
    (ONE, [own(20000)], 1024, []),
    ("s-8vcpu-16gb", [own(20000)], 1024, []),
]


@pytest.mark.parametrize("size, services, swap_mb, expected", TABLE)
def test_proposals(
    size: str, services: list[dict[str, Any]], swap_mb: int, expected: list[str]
) -> None:
    """The nearest plan on this machine and the smallest machine for the wish, where they exist."""
    requests, _ = parse_services(services)
    machine = SIZES[size]
    found = proposals(machine, requests, draft(machine, requests, swap_mb), swap_mb)
    assert list(found) == expected
