"""From every state of the backend to one container of the wished version that serves."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    FOUNDATION,
    Container,
    Observed,
    Wished,
    steps,
    wished_one,
)

SERVICES = (*FOUNDATION, "backend")
WISHED = Wished(
    services=dict.fromkeys(SERVICES, "new"),
    images={name: f"{name}:1" for name in SERVICES},
    nginx_config="n1",
    database_setup="d1",
    migrates=True,
)
DONE = {"nginx_config": "n1", "database_setup": "d1", "migrated": "backend:1"}
RUNNING = Observed(images=frozenset(WISHED.images.values()), done=DONE)


def up(service: str, config_hash: str, number: int) -> Container:
    """A healthy container."""
    return Container(service, f"planner-{service}-{number}", config_hash, True, "healthy")  # noqa: FBT003


SERVERS = tuple(up(service, "new", 1) for service in FOUNDATION)
OLD = up("backend", "old", 1)
FIRST = up("backend", "new", 1)
GOOD = up("backend", "new", 2)
STARTING = replace(GOOD, health="starting")
ILL = replace(GOOD, health="unhealthy")
STOPPED = replace(GOOD, running=False)
ANOTHER = up("backend", "other", 2)
BESIDE = ["start-beside backend", "switch backend", f"retire {OLD.name}"]
IN_PLACE = ["start backend", "switch backend"]
ANEW = ["retire planner-backend-2", *BESIDE]
FINISH = ["switch backend", "retire planner-backend-1"]

# name, start_first, backend's containers, the one that nginx sends requests to, steps
TEST_BACKEND: list[tuple[str, bool, tuple[Container, ...], str, list[str]]] = [
    ("nothing there", True, (), "", IN_PLACE),
    ("nothing there, no room for two", False, (), "", IN_PLACE),
    ("old serves", True, (OLD,), OLD.name, BESIDE),
    ("old serves, no room for two", False, (OLD,), OLD.name, IN_PLACE),
    ("old serves, just booted", True, (replace(OLD, health="starting"),), OLD.name, BESIDE),
    ("old is ill", True, (replace(OLD, health="unhealthy"),), OLD.name, IN_PLACE),
    ("old stopped", True, (replace(OLD, running=False),), OLD.name, IN_PLACE),
    ("old is ready, nginx knows none", True, (OLD,), "", [f"switch {OLD.name}", *BESIDE]),
    ("old is ready, nginx' one is gone", True, (OLD,), GOOD.name, [f"switch {OLD.name}", *BESIDE]),
    ("neither ready nor live", True, (replace(OLD, health="starting"),), GOOD.name, IN_PLACE),
    ("interrupted after start-beside", True, (OLD, GOOD), OLD.name, FINISH),
    ("the same, no room for two", False, (OLD, GOOD), OLD.name, FINISH),
    ("interrupted within the switch", True, (OLD, GOOD), "", FINISH),
    ("interrupted after switch", True, (OLD, GOOD), GOOD.name, FINISH[1:]),
    ("interrupted within retire", True, (replace(OLD, running=False), GOOD), GOOD.name, FINISH[1:]),
    # A container that never passed the gate gets no requests: it is started again, behind the gate.
    ("interrupted within start-beside", True, (OLD, STARTING), OLD.name, ANEW),
    ("the same, the process never started", True, (OLD, STOPPED), OLD.name, ANEW),
    ("the same, no room for two", False, (OLD, STARTING), OLD.name, IN_PLACE),
    ("a failed release could not clean up", True, (OLD, ILL), OLD.name, ANEW),
    ("another version's failed release", True, (OLD, replace(ANOTHER, health="")), OLD.name, ANEW),
    ("another version, interrupted after start-beside", True, (OLD, ANOTHER), OLD.name, ANEW),
    (
        "another version, interrupted after switch",
        True,
        (OLD, ANOTHER),
        ANOTHER.name,
        [f"retire {OLD.name}", *BESIDE[:2], f"retire {ANOTHER.name}"],
    ),
    ("interrupted within the first start", True, (STARTING,), "", ["switch backend"]),
    ("interrupted before the first switch", True, (GOOD,), "", ["switch backend"]),
    ("nginx' one is gone", True, (GOOD,), OLD.name, ["switch backend"]),
    ("new is live and starts again, old is there", True, (OLD, STARTING), GOOD.name, FINISH),
    (
        "new is live and ill, old is there",
        True,
        (OLD, ILL),
        GOOD.name,
        [f"switch {OLD.name}", *ANEW],
    ),
    ("two good ones", True, (FIRST, GOOD), GOOD.name, FINISH[1:]),
    ("two good ones, the first is live", True, (FIRST, GOOD), FIRST.name, ANEW[:1]),
    (
        "two of the version, the live one ill",
        True,
        (ILL, up("backend", "new", 3)),
        ILL.name,
        ["switch backend", "retire planner-backend-2"],
    ),
    ("as wished", True, (GOOD,), GOOD.name, []),
    ("as wished, just booted", True, (STARTING,), GOOD.name, []),
]


@pytest.mark.parametrize(
    "start_first, containers, live, expected",
    [row[1:] for row in TEST_BACKEND],
    ids=[row[0] for row in TEST_BACKEND],
)
def test_the_backends_release(
    start_first: bool,  # noqa: FBT001
    containers: tuple[Container, ...],
    live: str,
    expected: list[str],
) -> None:
    """From every state an interruption can leave: a gate, a switch, and only then the old one goes."""
    observed = replace(RUNNING, containers=(*SERVERS, *containers), live=live)
    found = steps(replace(WISHED, start_first=start_first), observed)
    assert [f"{step.action} {' '.join(step.targets)}" for step in found] == expected
    assert all(step.reason and not step.reason.endswith(": ") for step in found)


# containers, live; name of the one that is chosen
TEST_WISHED_ONE: list[tuple[tuple[Container, ...], str, str]] = [
    ((), "", ""),
    ((OLD,), OLD.name, ""),
    ((ILL, STOPPED), ILL.name, ""),
    ((OLD, STARTING), OLD.name, STARTING.name),
    ((FIRST, GOOD), "", FIRST.name),
    ((FIRST, GOOD), GOOD.name, GOOD.name),
    ((replace(FIRST, health="starting"), GOOD), FIRST.name, GOOD.name),
]


@pytest.mark.parametrize("containers, live, expected", TEST_WISHED_ONE)
def test_wished_one(containers: tuple[Container, ...], live: str, expected: str) -> None:
    """Of several of the wished version a ready one is chosen, best the one that serves already."""
    found = wished_one(containers, "new", live)
    assert (found.name if found else "") == expected
