"""The disk as it is against its plan."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._disk_drift import compare
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import disk_plan
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan

PLAN = disk_plan(
    plan("s-1vcpu-1gb").to_dict(), {"backup_repository": "s3:x", "watch_database_mb": 35}
).to_dict()
PARTS: dict[str, float | None] = {
    "swap": 1024.0,
    "journal": 120.5,
    "logs": 12.0,
    "images": 900.0,
    "build_cache": 0.0,
    "dumps": 30.0,
    "backups": 80.0,
    "restic": 5.0,
    "postgres": 90.0,
    "redis": 1.0,
    "volumes": 0.2,
}


def seen(total: object = 24000, free: object = 20000, **parts: float | None) -> dict[str, Any]:
    """What was measured."""
    return {"total_mb": total, "free_mb": free, "parts": {**PARTS, **parts}, "errors": []}


def judged(measured: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What is not well, by its subject."""
    found = compare(PLAN, measured)[1]
    assert {one.check for one in found} == {"disk-plan"}
    assert all(one.do for one in found if one.severity != OK)
    return {one.subject: (one.severity, one.what) for one in found if one.severity != OK}


def test_all_is_well() -> None:
    """Each part of the plan is judged but the reserve and the drill, and shown beside what was planned."""
    lines, found = compare(PLAN, seen())
    assert {one.severity for one in found} == {OK}
    subjects = {one.subject for one in found}
    assert subjects == {"size", *PLAN["parts"]} - {"reserve", "drill"}
    assert [line.split() for line in lines[:5]] == [
        ["Disk", "MiB", "planned"],
        ["system", "1737.3", "3072"],
        ["swap", "1024", "1024"],
        ["journal", "120.5", "256"],
        ["logs", "12", "120"],
    ]
    assert ["images", "930", "5136"] in [line.split() for line in lines]
    assert len(lines) == 1 + len(subjects) - 1


@pytest.mark.parametrize(
    "parts, subject, what",
    [
        ({"journal": 300.0}, "journal", "takes 300 MiB, planned 256"),
        ({"build_cache": 4500.0}, "images", "takes 5430 MiB, planned 5136"),
        ({"dumps": 4300.0}, "images", "takes 5200 MiB, planned 5136"),
        ({"backups": 500.0}, "backups", "takes 500 MiB, planned"),
        ({"redis": 60.0}, "redis", "takes 60 MiB, planned 52"),
    ],
)
def test_a_part_takes_more(parts: dict[str, float], subject: str, what: str) -> None:
    """It is a warning: the disk is not full yet, and that is judged elsewhere."""
    found = judged(seen(free=15000, **parts))
    assert found[subject][0] == WARNING
    assert found[subject][1].startswith(what)


def test_what_nobody_explains() -> None:
    """Files of somebody count as the system's."""
    assert judged(seen(free=12000)) == {
        "system": (
            WARNING,
            "takes 9737 MiB, planned 3072: system, packages, a second kernel, /var/log",
        )
    }


def test_the_owners_own_volumes() -> None:
    """They are no part of the plan, but they are shown."""
    lines, found = compare(PLAN, seen(free=15000, volumes=5000.0))
    assert lines[-1].split() == ["volumes", "5000", "-"]
    assert {one.severity for one in found} == {OK}


def test_the_database_outgrows_its_disk() -> None:
    """From 80 % of what it may become it is a warning, beyond a problem."""
    most = PLAN["database_most_mb"] + 22 + 256
    assert "postgres" not in judged(seen(postgres=0.79 * most))
    assert judged(seen(postgres=0.81 * most))["postgres"][0] == WARNING
    severity, what = judged(seen(postgres=most + 1.0))["postgres"]
    assert severity == PROBLEM
    assert what.startswith(f"takes {most + 1} MiB, and up to {most} there is room")


def test_a_smaller_disk() -> None:
    """The plan promised what is not there."""
    severity, what = judged(seen(total=18000, free=14000))["size"]
    assert severity == PROBLEM
    assert what == "holds 18000 MiB, planned 23552: room for the database is less"
    assert "size" not in judged(seen(total=23000))


@pytest.mark.parametrize(
    "measured, unknown",
    [
        (seen(images=None), {"images", "system"}),
        (seen(postgres=None), {"postgres", "system"}),
        (seen(total=None), {"size", "system"}),
        (seen(free="x"), {"system"}),
        ({}, {"size", *PLAN["parts"]} - {"reserve", "drill"}),
        ({"parts": None}, {"size", *PLAN["parts"]} - {"reserve", "drill"}),
    ],
)
def test_what_could_not_be_read(measured: dict[str, Any], unknown: set[str]) -> None:
    """It is unknown, never good, and so is what is counted from it."""
    found = judged(measured)
    assert {one for one, (severity, _) in found.items() if severity == UNKNOWN} == unknown
    lines, _ = compare(PLAN, measured)
    assert sum("unknown" in line for line in lines) >= len(unknown - {"size"})
