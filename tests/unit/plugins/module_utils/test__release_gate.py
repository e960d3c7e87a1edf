"""The gate before traffic: what a new container has to show, look by look."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import Container
from ansible_collections.planner.droplet.plugins.module_utils._release_gate import (
    FAILED,
    GOOD,
    WAIT,
    Gate,
    died_of,
    judge,
)

GATE = Gate(timeout_s=60, soak_s=12)
READY = Container("backend", "planner-backend-2", "x", running=True, health="healthy")
PLAIN = replace(READY, health="")
STARTING = replace(READY, health="starting")

# container, waited for, ready for so long (seconds), state, why
TEST_JUDGE: list[tuple[str, Container | None, float, float, str, str]] = [
    ("just started", STARTING, 1, 0, WAIT, ""),
    ("ready, not for long enough", READY, 8, 3, WAIT, ""),
    ("ready for long enough", READY, 20, 12, GOOD, ""),
    ("no health check, not up for long enough", PLAIN, 11.5, 11.5, WAIT, ""),
    ("no health check", PLAIN, 12, 12, GOOD, ""),
    ("late, but it only has to live on", READY, 65, 6, WAIT, ""),
    ("not ready in time", STARTING, 60, 0, FAILED, "it was not ready within 60 s"),
    ("unhealthy", replace(READY, health="unhealthy"), 3, 0, FAILED, "its health check fails"),
    ("crashed once", replace(READY, restarts=1), 9.6, 9, FAILED, "it crashed once within 10 s"),
    ("crashed between two looks", replace(PLAIN, restarts=1), 30, 30, FAILED, "it crashed once"),
    ("crash loop", replace(STARTING, restarts=4), 9, 0, FAILED, "it crashed 4 times within 9 s"),
    ("ended", replace(PLAIN, running=False), 2, 0, FAILED, "it ended after 2 s"),
    ("gone", None, 2, 0, FAILED, "its container is gone: somebody removed it"),
]


@pytest.mark.parametrize(
    "one, waited_s, ready_s, state, why",
    [row[1:] for row in TEST_JUDGE],
    ids=[row[0] for row in TEST_JUDGE],
)
def test_judge(
    one: Container | None, waited_s: float, ready_s: float, state: str, why: str
) -> None:
    """Good is who was ready long enough without one crash; every failure says how."""
    found = judge(one, waited_s, ready_s, GATE)
    assert found.state == state
    assert found.why.startswith(why)
    assert bool(found.why) is (state == FAILED)


def test_earlier_crashes_do_not_count() -> None:
    """What happened before somebody watched is held against nobody; what happens now is."""
    old = replace(READY, restarts=3)
    assert judge(old, 20, 20, GATE, crashes=3).state == GOOD
    assert judge(old, 20, 20, GATE, crashes=2).why == "it crashed once within 20 s"


TEST_CODES: list[tuple[tuple[int, ...], str]] = [
    ((), ""),
    ((1,), "exit code 1"),
    ((1, 3), "exit code 3"),
    ((0,), "exit code 0"),
]


@pytest.mark.parametrize("codes, expected", TEST_CODES)
def test_died_of(codes: tuple[int, ...], expected: str) -> None:
    """The last exit code is told."""
    assert died_of(codes, 160) == expected


@pytest.mark.parametrize("codes", [(137,), (137, 1)])
def test_killed_at_its_limit(codes: tuple[int, ...]) -> None:
    """One that the kernel killed has its limit named."""
    found = died_of(codes, 160)
    assert found.startswith("exit code 137: the kernel killed it")
    assert "its limit of 160 MiB" in found
