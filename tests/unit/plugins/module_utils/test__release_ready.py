"""When a container is ready, and when it may still become so."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    Container,
    not_ready,
    why_start,
)


def up(service: str, number: int = 1) -> Container:
    """A healthy container of a service."""
    return Container(service, f"planner-{service}-{number}", "x", running=True, health="healthy")


# running, health; ready; whether it serves or may come to
TEST_STATES: list[tuple[bool, str, bool, bool]] = [
    (True, "healthy", True, True),
    (True, "", True, True),
    (True, "starting", False, True),
    (True, "unhealthy", False, False),
    (False, "healthy", False, False),
    (False, "", False, False),
]


@pytest.mark.parametrize("running, health, ready, may_serve", TEST_STATES)
def test_not_ready(running: bool, health: str, ready: bool, may_serve: bool) -> None:  # noqa: FBT001
    """A container is ready when it runs and its health check, if any, passed."""
    one = Container("one", "planner-one-1", "x", running, health)
    assert (one.ready, one.may_serve) == (ready, may_serve)
    found = (up("other"), one)
    assert not_ready(["other", "one"], found) == (() if ready else ("one",))
    # One good container does not make up for another.
    assert not_ready(["one"], (*found, up("one", number=2))) == (() if ready else ("one",))


def test_one_that_is_not_there_is_not_ready() -> None:
    """A service without any container is not ready."""
    assert not_ready(["other", "one"], (up("other"),)) == ("one",)


REDIS = up("redis")
TEST_REASONS: list[tuple[tuple[Container, ...], str]] = [
    ((), "not there yet"),
    ((replace(REDIS, config_hash="old", running=False),), "its configuration changed"),
    ((replace(REDIS, running=False, health="unhealthy"),), "it stopped"),
    ((replace(REDIS, health="unhealthy"),), "it is unhealthy"),
    ((replace(REDIS, health="starting"),), ""),
]


@pytest.mark.parametrize("containers, expected", TEST_REASONS)
def test_why_start(containers: tuple[Container, ...], expected: str) -> None:
    """Each service that starts has its reason in the diff; one that may come to serve has none."""
    assert why_start("x", containers) == expected
