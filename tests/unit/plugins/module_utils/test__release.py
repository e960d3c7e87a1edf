"""What a release does, in which order, and what the next one does after an interruption anywhere."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    FOUNDATION,
    Container,
    Observed,
    Wished,
    needs_schema,
    steps,
)
from ansible_collections.planner.droplet.plugins.module_utils._schema import Revision, Verdict

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


def knows(schema: Verdict, observed: Observed) -> Observed:
    """The same host after the database was asked."""
    return replace(observed, schema=schema)


def done(**marks: str) -> Observed:
    """The running host with other marks; an empty one was never set."""
    every = {**DONE, **marks}
    return replace(RUNNING, done={name: value for name, value in every.items() if value})


PULL_ALL = "pull backend:1 nginx:1 postgres:1 redis:1"
# Only once PostgreSQL runs it is known what there is to migrate.
START_ALL = [
    "start nginx postgres redis",
    "remember nginx",
    "prepare-database postgres",
    "look-again backend",
    "start backend",
    "switch backend",
]
NOTHING = Verdict("none")
ADDS = Verdict("migrate", dump=True, pending=(Revision("0002"),))
FIRST_SCHEMA = Verdict("migrate", pending=(Revision("0001"),))
BREAKS = Verdict("migrate", dump=True, pending=(Revision("0002", ("drops a column",)),))
FIRST = tuple(up(service) for service in FOUNDATION)
BESIDE = ["start-beside backend", "switch backend", "retire planner-backend-1"]
NEXT = replace(
    WISHED,
    services={**WISHED.services, "backend": "newer"},
    images={**IMAGES, "backend": "backend:2"},
)

INSTEAD = [f"replace backend {SERVING}", "switch backend", f"retire {SERVING}"]


def asked(schema: Verdict) -> Observed:
    """The first version serves, the next one's image is here, and the database was asked."""
    return knows(schema, replace(RUNNING, images=ALL_IMAGES | {"backend:2"}))


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
    (
        "the same, and the database was asked",
        WISHED,
        knows(FIRST_SCHEMA, but(without="backend", observed=done(migrated=""))),
        ["migrate backend", *START_ALL[4:]],
    ),
    (
        "interrupted before the backend",
        WISHED,
        knows(NOTHING, but(without="backend")),
        START_ALL[4:],
    ),
    ("the same, not asked yet", WISHED, but(without="backend"), START_ALL[3:]),
    # changes of a running host
    (
        "a new version",
        NEXT,
        RUNNING,
        ["pull backend:2", "look-again backend", *BESIDE],
    ),
    ("nothing to migrate", NEXT, asked(NOTHING), ["remember backend", *BESIDE]),
    ("dumped before it migrates", NEXT, asked(ADDS), ["dump postgres", "migrate backend", *BESIDE]),
    (
        "a database without a table is not dumped",
        NEXT,
        asked(FIRST_SCHEMA),
        ["migrate backend", *BESIDE],
    ),
    (
        "the old version cannot go on, which was accepted",
        NEXT,
        asked(BREAKS),
        ["hold planner-backend-1", "dump postgres", "migrate backend", *INSTEAD],
    ),
    (
        "the same, and nobody is sure who serves",
        NEXT,
        replace(asked(BREAKS), live=""),
        ["hold planner-backend-1", "dump postgres", "migrate backend", *INSTEAD],
    ),
    (
        "the same, but nobody serves",
        NEXT,
        but(replace(up("backend"), running=False), observed=asked(BREAKS)),
        ["dump postgres", "migrate backend", *INSTEAD],
    ),
    (
        "the new version runs already: its own migration does not stop it",
        WISHED,
        knows(BREAKS, done(migrated="")),
        ["dump postgres", "migrate backend"],
    ),
    (
        "a new version whose migration is done",
        NEXT,
        knows(NOTHING, replace(done(migrated="backend:2"), images=ALL_IMAGES | {"backend:2"})),
        BESIDE,
    ),
    (
        "no room for two",
        replace(NEXT, start_first=frozenset()),
        asked(ADDS),
        ["dump postgres", "migrate backend", *INSTEAD],
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
        but(up("backend", "old"), observed=knows(NOTHING, done(database_setup="d0"))),
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
    (
        "one is unhealthy",
        WISHED,
        knows(NOTHING, but(replace(up("backend"), health="unhealthy"))),
        START_ALL[4:],
    ),
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


def test_each_step_has_its_reason() -> None:
    """What is migrated is named; the others say why."""
    found = [str(step) for step in steps(NEXT, asked(BREAKS))]
    assert found == [
        "hold planner-backend-1 (it cannot work on the new schema)",
        "dump postgres (before 0002)",
        "migrate backend (0002)",
        "replace backend planner-backend-1 (its configuration changed)",
        "switch backend (the new one is ready)",
        "retire planner-backend-1 (it has finished its work)",
    ]
    custom = asked(Verdict("migrate", dump=True))
    assert str(steps(NEXT, custom)[1]) == "migrate backend (first start of backend:2)"


# the marks say that this image's schema is there, containers; whether the database is asked
TEST_NEEDS: list[tuple[Wished, Observed, bool]] = [
    (WISHED, RUNNING, False),
    (NEXT, RUNNING, True),
    (WISHED, but(without="backend"), True),
    (WISHED, but(up("backend", "old")), True),
    (replace(NEXT, migrates=False), RUNNING, False),
    (replace(WISHED, services={}, images={}), RUNNING, False),
]


@pytest.mark.parametrize("wished, observed, expected", TEST_NEEDS)
def test_needs_schema(wished: Wished, observed: Observed, expected: bool) -> None:  # noqa: FBT001
    """A container for the question is started only where the answer matters."""
    assert needs_schema(wished, observed) is expected
