"""Who lives in the reserve, and that it holds them."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._daemons import (
    DAEMONS,
    KERNEL_MB,
    daemons_mb,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES

DOCUMENT = Path(__file__).parents[4] / "docs" / "memory-plan.md"
HARDENING = {"fail2ban", "auditd", "systemd-timesyncd"}


@pytest.mark.parametrize("slug", sorted(SIZES))
def test_the_reserve_holds_them(slug: str) -> None:
    """What the kernel takes before it counts, its own memory, and every daemon fit, on every size."""
    size = SIZES[slug]
    before_it_counts = size.memory_mb - size.guest_memory_mb
    assert size.reserve_mb >= before_it_counts + KERNEL_MB + daemons_mb()


def test_the_sum() -> None:
    """Each counts once, with at least one MiB and where its number comes from."""
    assert daemons_mb() == sum(daemon.resident_mb for daemon in DAEMONS) > 0
    assert len({daemon.name for daemon in DAEMONS}) == len(DAEMONS)
    assert all(daemon.resident_mb >= 1 and daemon.measured for daemon in DAEMONS)


def test_what_hardening_adds_is_in_it() -> None:
    """The daemons that the role hardening installs are counted."""
    assert {daemon.name for daemon in DAEMONS} >= HARDENING


def test_documented_table_is_current() -> None:
    """The table in docs/ has the same rows in the same order, and the same sum."""
    rows = [f"| {one.name} | {one.resident_mb} | {one.measured} |" for one in DAEMONS]
    table = "\n".join([*rows, f"| all | {daemons_mb()} | |"])
    assert table in DOCUMENT.read_text(encoding="utf-8")
