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
from ansible_collections.planner.droplet.plugins.module_utils._schema import Verdict

SERVICES = (*FOUNDATION, "backend")
WISHED = Wished(
    services=dict.fromkeys(SERVICES, "new"),
    images={name: f"{name}:1" for name in SERVICES},
    nginx_config="n1",
    database_setup="d1",
    migrates=True,
)
DONE = {"nginx_config": "n1", "database_setup": "d1", "migrated": "backend:1"}
RUNNING = Observed(images=frozenset(WISHED.images.values()), done=DONE, schema=Verdict("none"))


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
INSTEAD = [f"replace backend {OLD.name}", *BESIDE[1:]]
ANEW = ["retire planner-backend-2", *BESIDE]
GATE = "gate backend planner-backend-2"
FINISH = [GATE, "switch backend", "retire planner-backend-1"]

# name, start_first, backend's containers, the one that nginx sends requests to, steps
TEST_BACKEND: list[tuple[str, bool, tuple[Container, ...], str, list[str]]] = [
    ("nothing there", True, (), "", IN_PLACE),
    ("nothing there, no room for two", False, (), "", IN_PLACE),
    ("old serves", True, (OLD,), OLD.name, BESIDE),
    ("old serves, no room for two", False, (OLD,), OLD.name, INSTEAD),
    ("old serves, just booted", True, (replace(OLD, health="starting"),), OLD.name, BESIDE),
    ("old is ill", True, (replace(OLD, health="unhealthy"),), OLD.name, INSTEAD),
    ("old stopped", True, (replace(OLD, running=False),), OLD.name, INSTEAD),
    ("old is ready, nginx knows none", True, (OLD,), "", [f"switch {OLD.name}", *BESIDE]),
    ("old is ready, nginx' one is gone", True, (OLD,), GOOD.name, [f"switch {OLD.name}", *BESIDE]),
    (
        "starting, nginx' one is gone",
        True,
        (replace(OLD, health="starting"),),
        GOOD.name,
        [f"switch {OLD.name}", *BESIDE],
    ),
    ("interrupted after start-beside", True, (OLD, GOOD), OLD.name, FINISH),
    ("the same, no room for two", False, (OLD, GOOD), OLD.name, FINISH),
    ("interrupted within the switch", True, (OLD, GOOD), "", FINISH),
    ("interrupted after switch", True, (OLD, GOOD), GOOD.name, FINISH[2:]),
    ("interrupted within retire", True, (replace(OLD, running=False), GOOD), GOOD.name, FINISH[2:]),
    ("interrupted within replace", False, (replace(OLD, running=False), GOOD), OLD.name, FINISH),
    (
        "the same, it still starts",
        False,
        (replace(OLD, running=False), STARTING),
        OLD.name,
        FINISH,
    ),
    (
        "interrupted within replace, the new one never started",
        False,
        (replace(OLD, running=False), STOPPED),
        OLD.name,
        [ANEW[0], *INSTEAD],
    ),
    # A container that never passed the gate gets no requests: it is started again, behind the gate.
    ("interrupted within start-beside", True, (OLD, STARTING), OLD.name, ANEW),
    ("the same, the process never started", True, (OLD, STOPPED), OLD.name, ANEW),
    ("the same, no room for two", False, (OLD, STARTING), OLD.name, [ANEW[0], *INSTEAD]),
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
    ("new is live and starts again, old is there", True, (OLD, STARTING), GOOD.name, FINISH[1:]),
    (
        "new is live and ill, old is there",
        True,
        (OLD, ILL),
        GOOD.name,
        [f"switch {OLD.name}", *ANEW],
    ),
    ("two good ones", True, (FIRST, GOOD), GOOD.name, FINISH[2:]),
    ("two good ones, the first is live", True, (FIRST, GOOD), FIRST.name, ANEW[:1]),
    (
        "two of the version, the live one ill",
        True,
        (ILL, up("backend", "new", 3)),
        ILL.name,
        ["gate backend planner-backend-3", "switch backend", "retire planner-backend-2"],
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
    apps = frozenset({"backend"} if start_first else ())
    found = steps(replace(WISHED, start_first=apps), observed)
    assert [f"{step.action} {' '.join(step.targets)}" for step in found] == expected
    assert all(step.reason and not step.reason.endswith(": ") for step in found)


def own(one: Container) -> Container:
    """The same as a container of a service of the owner's own, without a health check."""
    return replace(one, service="bot", name=one.name.replace("backend", "bot"), health="")


# name, start_first, the bot's containers, steps
TEST_OWN: list[tuple[str, bool, tuple[Container, ...], list[str]]] = [
    ("nothing there", True, (), ["start bot"]),
    ("as wished", True, (GOOD,), []),
    ("it stopped", True, (STOPPED,), ["start bot"]),
    ("changed", True, (OLD,), ["start-beside bot", "retire planner-bot-1"]),
    ("changed, never two", False, (OLD,), ["replace bot planner-bot-1", "retire planner-bot-1"]),
    (
        "the old one stopped",
        True,
        (replace(OLD, running=False),),
        ["replace bot planner-bot-1", "retire planner-bot-1"],
    ),
    (
        "interrupted after start-beside",
        True,
        (OLD, GOOD),
        ["gate bot planner-bot-2", "retire planner-bot-1"],
    ),
    (
        "interrupted within replace, the new one runs",
        False,
        (replace(OLD, running=False), GOOD),
        ["gate bot planner-bot-2", "retire planner-bot-1"],
    ),
    (
        "interrupted within replace, nobody runs: the old one is kept until the new one proved itself",
        False,
        (replace(OLD, running=False), STOPPED),
        ["retire planner-bot-2", "replace bot planner-bot-1", "retire planner-bot-1"],
    ),
    (
        "another version's failed release",
        True,
        (OLD, ANOTHER),
        ["retire planner-bot-2", "start-beside bot", "retire planner-bot-1"],
    ),
]


@pytest.mark.parametrize(
    "start_first, containers, expected", [row[1:] for row in TEST_OWN], ids=[r[0] for r in TEST_OWN]
)
def test_the_release_of_an_own_service(
    start_first: bool,  # noqa: FBT001
    containers: tuple[Container, ...],
    expected: list[str],
) -> None:
    """It is released as the backend is, only that no requests are switched."""
    wished = replace(
        WISHED,
        services={**WISHED.services, "bot": "new"},
        images={**WISHED.images, "bot": "bot:1"},
        start_first=frozenset({"bot"} if start_first else ()),
    )
    observed = replace(
        RUNNING,
        containers=(*SERVERS, FIRST, *map(own, containers)),
        images=frozenset(wished.images.values()),
        live=FIRST.name,
    )
    found = steps(wished, observed)
    assert [f"{step.action} {' '.join(step.targets)}" for step in found] == expected


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
