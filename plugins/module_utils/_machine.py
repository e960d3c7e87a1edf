# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""As-is against to-be: whether the machine that answers is the one the plan was made for."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.planner.droplet.plugins.module_utils._problems import Problem
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

MEMORY_TOLERANCE = 0.97
"""Kernels and images differ: 1 GB Droplets report 957 to 985 MiB where the formula says 967."""

SUPPORTED = {"Debian": ("13",), "Ubuntu": ("22.04", "24.04", "26.04")}
"""Distributions whose own packages are Docker Engine >= 20.10 with Compose v2."""


def machine_problems(
    size: str, memory_mb: int, vcpus: int, distribution: str, release: str
) -> Iterable[Problem]:
    """Compare the kernel's MemTotal (MiB), CPUs and the OS with what the size promises."""
    declared = SIZES[size]
    if memory_mb < MEMORY_TOLERANCE * declared.guest_memory_mb:
        yield Problem(
            "droplet_size",
            size,
            f"promises {declared.guest_memory_mb} MiB, this machine's kernel shows {memory_mb}",
            "declare the size it has, resize the Droplet, or free a crashkernel= reservation",
        )
    if vcpus < declared.vcpus:
        yield Problem(
            "droplet_size",
            size,
            f"promises {declared.vcpus} CPUs, this machine has {vcpus}",
            "declare the size it has, or resize the Droplet",
        )
    if not any(
        release == version or release.startswith(f"{version}.")
        for version in SUPPORTED.get(distribution, ())
    ):
        known = ", ".join(f"{name} {'/'.join(versions)}" for name, versions in SUPPORTED.items())
        yield Problem(
            "the machine's system",
            f"{distribution} {release}",
            "is not supported",
            f"create the Droplet from an image of {known}",
        )
