"""As-is against to-be."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._machine import (
    SUPPORTED,
    machine_problems,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

GOOD: dict[str, Any] = {
    "size": "s-1vcpu-1gb",
    "memory_mb": 967,
    "vcpus": 1,
    "distribution": "Debian",
    "release": "13",
}

# what differs from a machine as declared -> paths of the problems
TABLE = [
    ({}, []),
    ({"memory_mb": 957}, []),
    ({"memory_mb": 985}, []),
    ({"memory_mb": 775}, ["droplet_size"]),
    ({"memory_mb": 464}, ["droplet_size"]),
    ({"memory_mb": 1973, "vcpus": 2}, []),
    ({"size": "s-2vcpu-2gb", "memory_mb": 1973}, ["droplet_size"]),
    ({"size": "s-2vcpu-2gb"}, ["droplet_size", "droplet_size"]),
    ({"release": "13.2"}, []),
    ({"release": "12"}, ["the machine's system"]),
    ({"release": "130"}, ["the machine's system"]),
    ({"distribution": "Ubuntu", "release": "24.04"}, []),
    ({"distribution": "Fedora", "release": "13"}, ["the machine's system"]),
    (
        {"memory_mb": 464, "vcpus": 0, "distribution": "Alpine"},
        ["droplet_size", "droplet_size", "the machine's system"],
    ),
]


@pytest.mark.parametrize("differs, paths", TABLE)
def test_machine(differs: dict[str, Any], paths: list[str]) -> None:
    """A machine smaller than declared or of another system is refused, a larger one is not."""
    assert [problem.path for problem in machine_problems(**(GOOD | differs))] == paths


def test_crashkernel_is_named() -> None:
    """A 1 GB machine that lost 192 MiB to a crashkernel learns why."""
    (problem,) = machine_problems(**(GOOD | {"memory_mb": 775}))
    assert "967" in problem.reason
    assert "775" in problem.reason
    assert "crashkernel" in problem.remedy


@pytest.mark.parametrize("slug", sorted(SIZES))
def test_every_size_accepts_itself(slug: str) -> None:
    """The kernel of a Droplet of the declared size is accepted."""
    size = SIZES[slug]
    for name, releases in SUPPORTED.items():
        for release in releases:
            found = machine_problems(slug, size.guest_memory_mb, size.vcpus, name, release)
            assert list(found) == []
