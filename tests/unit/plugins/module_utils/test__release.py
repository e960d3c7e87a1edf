"""What a release does, in which order, and what the next one does after an interruption anywhere."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    FOUNDATION,
    Container,
    Observed,
    Wished,
    not_ready,
    steps,
)

IMAGES = {"nginx": "nginx:1", "postgres": "postgres:1", "redis": "redis:1", "backend": "backend:1"}
WISHED = Wished(
    services=dict.fromkeys(IMAGES, "new"),
    images=IMAGES,
    nginx_config="n1",
    database_setup="d1",
    migrates=True,
)
DONE = {"nginx_config": "n1", "database_setup": "d1", "migrated": "backend:1"}
ALL_IMAGES = frozenset(IMAGES.values())


def up(service: str, config_hash: str = "new", number: int = 1) -> Container:
    """A healthy container of a service."""
    return Container(service, f"planner-{service}-{number}", config_hash, True, "healthy")  # noqa: FBT003


SERVING = up("backend").name
RUNNING = Observed(tuple(up(service) for service in IMAGES), ALL_IMAGES, SERVING, DONE)


def but(*others: Container, without: str = "", observed: Observed = RUNNING) -> Observed:
    """The same host, except for the containers of these services and of the one that is not there."""
    replaced = {one.service for one in others} | {without}
    kept = [one for one in observed.containers if one.service not in replaced]
    return replace(observed, containers=(*kept, *others))


def done(**marks: str) -> Observed:
    """The running host with other marks; an empty one was never set."""
    every = {**DONE, **marks}
    return replace(RUNNING, done={name: value for name, value in every.items() if value})


PULL_ALL = "pull backend:1 nginx:1 postgres:1 redis:1"
START_ALL = [
    "start nginx postgres redis",
    "remember nginx",
    "prepare-database postgres",
    "migrate backend",
    "start backend",
    "switch backend",
]
FIRST = tuple(up(service) for service in FOUNDATION)
BESIDE = ["start-beside backend", "switch backend", "retire planner-backend-1"]
NEXT = replace(
    WISHED,
    services={**WISHED.services, "backend": "newer"},
    images={**IMAGES, "backend": "backend:2"},
)

TEST_STEPS: list[tuple[str, Wished, Observed, list[str]]] = [
    ("everything is as wished", WISHED, RUNNING, []),
    ("a bare host", WISHED, Observed(), [PULL_ALL, *START_ALL]),
    ("all images are there", WISHED, Observed(images=ALL_IMAGES), START_ALL),
    # every point at which a first run may be interrupted
    (
        "interrupted while pulling",
        WISHED,
        Observed(images=frozenset({"nginx:1", "redis:1"})),
        ["pull backend:1 postgres:1", *START_ALL],
    ),
    (
        "interrupted while starting the servers",
        WISHED,
        Observed((up("nginx"),), ALL_IMAGES),
        ["start postgres redis", "reload nginx", *START_ALL[2:]],
    ),
    (
        "interrupted before anything was remembered",
        WISHED,
        Observed(FIRST, ALL_IMAGES),
        ["reload nginx", *START_ALL[2:]],
    ),
    (
        "interrupted before the database was prepared",
        WISHED,
        Observed(FIRST, ALL_IMAGES, done={"nginx_config": "n1"}),
        START_ALL[2:],
    ),
    (
        "interrupted while migrating",
        WISHED,
        but(without="backend", observed=done(migrated="")),
        START_ALL[3:],
    ),
    ("interrupted before the backend", WISHED, but(without="backend"), START_ALL[4:]),
    # changes of a running host
    (
        "a new version",
        NEXT,
        RUNNING,
        ["pull backend:2", "migrate backend", *BESIDE],
    ),
    (
        "a new version whose migration is done",
        NEXT,
        replace(done(migrated="backend:2"), images=ALL_IMAGES | {"backend:2"}),
        BESIDE,
    ),
    (
        "a new version without migrations",
        replace(NEXT, migrates=False),
        RUNNING,
        ["pull backend:2", *BESIDE],
    ),
    ("nginx' configuration changed", WISHED, done(nginx_config="n0"), ["reload nginx"]),
    (
        "nginx' container changed",
        WISHED,
        but(up("nginx", "old")),
        ["start nginx", "remember nginx"],
    ),
    (
        "the password changed",
        WISHED,
        but(up("backend", "old"), observed=done(database_setup="d0")),
        ["prepare-database postgres", *BESIDE],
    ),
    (
        "PostgreSQL's configuration changed",
        WISHED,
        but(up("postgres", "old")),
        ["start postgres", "prepare-database postgres"],
    ),
    ("Redis' configuration changed", WISHED, but(up("redis", "old")), ["start redis"]),
    (
        "a service was added",
        replace(
            WISHED,
            services={**WISHED.services, "worker": "new"},
            images={**IMAGES, "worker": "w:1"},
        ),
        RUNNING,
        ["pull w:1", "start worker"],
    ),
    (
        "a service of the owner's own changed: it is replaced in place",
        replace(
            WISHED,
            services={**WISHED.services, "worker": "newer"},
            images={**IMAGES, "worker": "nginx:1"},
        ),
        but(up("worker")),
        ["start worker"],
    ),
    (
        "a service was removed",
        WISHED,
        but(up("worker"), up("bot")),
        ["retire planner-worker-1 planner-bot-1"],
    ),
    (
        "no backend is wished any more",
        replace(
            WISHED,
            services=dict.fromkeys(FOUNDATION, "new"),
            images={name: IMAGES[name] for name in FOUNDATION},
        ),
        RUNNING,
        ["retire planner-backend-1"],
    ),
    # what happens to containers
    ("one stopped", WISHED, but(replace(up("redis"), running=False)), ["start redis"]),
    ("one is unhealthy", WISHED, but(replace(up("backend"), health="unhealthy")), START_ALL[4:]),
    ("one is still starting", WISHED, but(replace(up("backend"), health="starting")), []),
    ("one has no health check", WISHED, but(replace(up("nginx"), health="")), []),
    ("an image left that nobody needs now", WISHED, replace(RUNNING, images=frozenset()), []),
]


@pytest.mark.parametrize(
    "wished, observed, expected",
    [row[1:] for row in TEST_STEPS],
    ids=[row[0] for row in TEST_STEPS],
)
def test_steps(wished: Wished, observed: Observed, expected: list[str]) -> None:
    """Only what differs is done, in this order."""
    found = [f"{step.action} {' '.join(step.targets)}" for step in steps(wished, observed)]
    assert found == expected


REDIS = up("redis")
TEST_REASONS: list[tuple[tuple[Container, ...], str]] = [
    ((), "not there yet"),
    ((replace(REDIS, config_hash="old", running=False),), "its configuration changed"),
    ((replace(REDIS, running=False, health="unhealthy"),), "it stopped"),
    ((replace(REDIS, health="unhealthy"),), "it is unhealthy"),
]


@pytest.mark.parametrize("containers, expected", TEST_REASONS)
def test_a_start_says_why(containers: tuple[Container, ...], expected: str) -> None:
    """Each service that starts has its reason in the diff."""
    (step,) = steps(WISHED, but(*containers, without="redis"))
    assert str(step) == f"start redis (redis: {expected})"


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
