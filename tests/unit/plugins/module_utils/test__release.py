"""What a release does, in which order, and what the next one does after an interruption anywhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    FOUNDATION,
    Container,
    Observed,
    Step,
    Wished,
    not_ready,
    steps,
)
from hypothesis import given, settings
from hypothesis import strategies as st

IMAGES = {"nginx": "nginx:1", "postgres": "postgres:1", "redis": "redis:1", "backend": "backend:1"}
WISHED = Wished(
    services=dict.fromkeys(IMAGES, "new"),
    images=IMAGES,
    nginx_config="n1",
    database_setup="d1",
    migrates=True,
)
UP = Container("new", running=True, health="healthy")
DONE = {"nginx_config": "n1", "database_setup": "d1", "migrated": "backend:1"}
RUNNING = Observed(dict.fromkeys(IMAGES, UP), frozenset(IMAGES.values()), DONE)
ALL_IMAGES = frozenset(IMAGES.values())


def but(observed: Observed = RUNNING, **containers: Container | None) -> Observed:
    """The same host, except for some containers; None is a container that is not there."""
    every = {**observed.containers, **containers}
    return replace(
        observed, containers={name: found for name, found in every.items() if found is not None}
    )


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
]
OLD = Container("old", running=True, health="healthy")
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
        Observed({"nginx": UP}, ALL_IMAGES),
        ["start postgres redis", "reload nginx", *START_ALL[2:]],
    ),
    (
        "interrupted before anything was remembered",
        WISHED,
        Observed(dict.fromkeys(FOUNDATION, UP), ALL_IMAGES),
        ["reload nginx", *START_ALL[2:]],
    ),
    (
        "interrupted before the database was prepared",
        WISHED,
        Observed(dict.fromkeys(FOUNDATION, UP), ALL_IMAGES, {"nginx_config": "n1"}),
        START_ALL[2:],
    ),
    ("interrupted while migrating", WISHED, but(done(migrated=""), backend=None), START_ALL[3:]),
    ("interrupted before the backend", WISHED, but(backend=None), ["start backend"]),
    # changes of a running host
    (
        "a new version",
        NEXT,
        RUNNING,
        ["pull backend:2", "migrate backend", "start backend"],
    ),
    (
        "a new version whose migration is done",
        NEXT,
        replace(done(migrated="backend:2"), images=ALL_IMAGES | {"backend:2"}),
        ["start backend"],
    ),
    (
        "a new version without migrations",
        replace(NEXT, migrates=False),
        RUNNING,
        ["pull backend:2", "start backend"],
    ),
    ("nginx' configuration changed", WISHED, done(nginx_config="n0"), ["reload nginx"]),
    ("nginx' container changed", WISHED, but(nginx=OLD), ["start nginx", "remember nginx"]),
    (
        "the password changed",
        WISHED,
        but(done(database_setup="d0"), backend=OLD),
        ["prepare-database postgres", "start backend"],
    ),
    (
        "PostgreSQL's configuration changed",
        WISHED,
        but(postgres=OLD),
        ["start postgres", "prepare-database postgres"],
    ),
    ("Redis' configuration changed", WISHED, but(redis=OLD), ["start redis"]),
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
    ("a service was removed", WISHED, but(worker=OLD, bot=OLD), ["remove bot worker"]),
    (
        "no backend is wished any more",
        replace(
            WISHED,
            services=dict.fromkeys(FOUNDATION, "new"),
            images={name: IMAGES[name] for name in FOUNDATION},
        ),
        RUNNING,
        ["remove backend"],
    ),
    # what happens to containers
    ("one stopped", WISHED, but(redis=replace(UP, running=False)), ["start redis"]),
    ("one is unhealthy", WISHED, but(backend=replace(UP, health="unhealthy")), ["start backend"]),
    ("one is still starting", WISHED, but(backend=replace(UP, health="starting")), []),
    ("one has no health check", WISHED, but(nginx=replace(UP, health="")), []),
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


TEST_REASONS: list[tuple[Container | None, str]] = [
    (None, "not there yet"),
    (Container("old", running=False), "its configuration changed"),
    (Container("new", running=False, health="unhealthy"), "it stopped"),
    (Container("new", running=True, health="unhealthy"), "it is unhealthy"),
]


@pytest.mark.parametrize("container, expected", TEST_REASONS)
def test_a_start_says_why(container: Container | None, expected: str) -> None:
    """Each service that starts has its reason in the diff."""
    (step,) = steps(WISHED, but(redis=container))
    assert str(step) == f"start redis (redis: {expected})"


TEST_NOT_READY: list[tuple[Container | None, bool]] = [
    (None, False),
    (Container("x", running=True, health="healthy"), True),
    (Container("x", running=True, health=""), True),
    (Container("x", running=True, health="starting"), False),
    (Container("x", running=True, health="unhealthy"), False),
    (Container("x", running=False, health="healthy"), False),
    (Container("x", running=False, health=""), False),
]


@pytest.mark.parametrize("container, ready", TEST_NOT_READY)
def test_not_ready(container: Container | None, ready: bool) -> None:  # noqa: FBT001
    """A service is ready when it runs and its health check, if any, passed."""
    containers = {"other": UP} | ({"one": container} if container else {})
    assert not_ready(["other", "one"], containers) == (() if ready else ("one",))


# --- laws: a small model of a host on which steps are executed -----------------------------------

LAW = settings(max_examples=60)


@dataclass
class Host:
    """What the steps act on. The database knows itself what was done to it."""

    wished: Wished
    containers: dict[str, Container]
    images: set[str]
    marks: dict[str, str]
    prepared: str = field(init=False)
    migrated: str = field(init=False)

    def __post_init__(self) -> None:
        """Believe the marks about the past."""
        self.prepared = self.marks.get("database_setup", "")
        self.migrated = self.marks.get("migrated", "")

    @property
    def observed(self) -> Observed:
        """The host as a release sees it."""
        return Observed(dict(self.containers), frozenset(self.images), dict(self.marks))

    def execute(self, step: Step, upto: int | None = None) -> None:
        """Do one step; ``upto`` targets only when it is interrupted, and then it leaves no mark."""
        for target in step.targets[:upto]:
            getattr(self, step.action.replace("-", "_"))(target)
        if step.mark and upto is None:
            self.marks[step.mark[0]] = step.mark[1]

    def pull(self, image: str) -> None:
        """An image arrives."""
        self.images.add(image)

    def start(self, service: str) -> None:
        """Replace a container: what that needs must be there already."""
        assert self.wished.images[service] in self.images, "stopped for an image that is missing"
        if service not in FOUNDATION:
            assert self.serving(FOUNDATION), "the backend starts last"
            assert self.prepared == self.wished.database_setup
        if service == "backend" and self.wished.migrates:
            assert self.migrated == self.wished.images["backend"], "started before its migration"
        self.containers[service] = replace(UP, config_hash=self.wished.services[service])

    def serving(self, services: Iterable[str]) -> bool:
        """Tell whether the services run as wished."""
        return all(
            name in self.containers
            and self.containers[name].running
            and self.containers[name].config_hash == self.wished.services[name]
            for name in services
        )

    def remember(self, service: str) -> None:
        """The configuration is the one the container just started with."""
        assert self.serving([service])

    def reload(self, service: str) -> None:
        """There must be an nginx to tell."""
        assert self.serving([service])

    def prepare_database(self, service: str) -> None:
        """It happens inside the server."""
        assert self.serving([service])
        self.prepared = self.wished.database_setup

    def migrate(self, service: str) -> None:
        """It needs the image, the server and the role."""
        assert self.wished.images[service] in self.images
        assert self.serving(["postgres"])
        assert self.prepared == self.wished.database_setup, "migrated an unprepared database"
        self.migrated = self.wished.images[service]

    def remove(self, service: str) -> None:
        """A container goes."""
        del self.containers[service]


VERSIONS = ["1", "2"]


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    """Any wish and any host: servers with and without a backend, half-done and foreign states."""
    extra = draw(st.sets(st.sampled_from(["backend", "worker", "bot"])))
    services = {name: draw(st.sampled_from(VERSIONS)) for name in (*FOUNDATION, *sorted(extra))}
    images = {name: f"{name}:{version}" for name, version in services.items()}
    wished = Wished(
        services=services,
        images=images,
        nginx_config=draw(st.sampled_from(VERSIONS)),
        database_setup=draw(st.sampled_from(VERSIONS)),
        migrates=draw(st.booleans()),
    )
    container = st.builds(
        Container,
        st.sampled_from(VERSIONS),
        st.booleans(),
        st.sampled_from(["", "starting", "healthy", "unhealthy"]),
    )
    names = st.sampled_from([*FOUNDATION, "backend", "worker", "bot", "orphan"])
    containers = draw(st.dictionaries(names, container))
    # Docker keeps the image of a container that exists.
    in_use = {f"{name}:{found.config_hash}" for name, found in containers.items()}
    lying_about = draw(st.sets(st.sampled_from([*images.values(), "other:1"])))
    marks = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "nginx_config": st.sampled_from(VERSIONS),
                "database_setup": st.sampled_from(VERSIONS),
                "migrated": st.sampled_from(["backend:1", "backend:2"]),
            },
        )
    )
    return Host(wished, containers, in_use | lying_about, marks)


def run(host: Host) -> tuple[Step, ...]:
    """One undisturbed release."""
    planned = steps(host.wished, host.observed)
    for step in planned:
        host.execute(step)
    return planned


def work(planned: Iterable[Step]) -> set[tuple[str, str]]:
    """Each thing a plan does to each target."""
    return {(step.action, target) for step in planned for target in step.targets}


def check_settled(host: Host) -> None:
    """The host is as wished, and the next release knows it."""
    assert steps(host.wished, host.observed) == ()
    assert host.serving(host.wished.services)
    assert set(host.containers) == set(host.wished.services)
    assert host.prepared == host.wished.database_setup
    if "backend" in host.wished.services and host.wished.migrates:
        assert host.migrated == host.wished.images["backend"]


@LAW
@given(host=hosts())
def test_one_release_is_enough(host: Host) -> None:
    """From any state the steps are possible in their order and leave nothing to do."""
    run(host)
    check_settled(host)


@LAW
@given(host=hosts(), data=st.data())
def test_an_interrupted_release_is_finished_by_the_next(host: Host, data: st.DataObject) -> None:
    """Cut off anywhere, also within a step, the next release does the rest and only the rest."""
    planned = steps(host.wished, host.observed)
    whole = data.draw(st.integers(0, len(planned)), label="whole steps")
    for step in planned[:whole]:
        host.execute(step)
    if whole < len(planned):
        step = planned[whole]
        host.execute(step, upto=data.draw(st.integers(0, len(step.targets)), label="targets"))
    second = run(host)
    # A reload repeats what a start did: it is harmless, and the start left no mark yet.
    assert work(second) <= work(planned) | {("reload", "nginx")}
    check_settled(host)


@LAW
@given(host=hosts(), data=st.data())
def test_any_number_of_interruptions_ends_well(host: Host, data: st.DataObject) -> None:
    """Interrupted again and again, each run still adds to what the ones before it did."""
    for _ in range(data.draw(st.integers(1, 4), label="interruptions")):
        planned = steps(host.wished, host.observed)
        for step in planned[: data.draw(st.integers(0, len(planned)))]:
            host.execute(step)
    run(host)
    check_settled(host)


@LAW
@given(host=hosts())
def test_an_image_that_cannot_be_had_stops_nothing(host: Host) -> None:
    """A missing image is asked for before anything is touched, so its failure changes nothing."""
    planned = steps(host.wished, host.observed)
    needed = {host.wished.images[name] for action, name in work(planned) if action == "start"}
    missing = needed - host.images
    assert {target for action, target in work(planned) if action == "pull"} == missing
    assert [step.action for step in planned].count("pull") == bool(missing)
    assert not missing or planned[0].action == "pull"


ORDER = ("pull", "start", "remember", "reload", "prepare-database", "migrate", "start", "remove")


@LAW
@given(host=hosts())
def test_the_order_is_always_the_same(host: Host) -> None:
    """Servers before the database's set-up, that before migrations, the product's start after all."""
    planned = steps(host.wished, host.observed)
    position = 0
    for step in planned:
        position = ORDER.index(step.action, position)
        if step.action == "start":
            late = not set(step.targets) <= set(FOUNDATION)
            position = 6 if late else position
            assert late or position == 1
            assert set(step.targets).isdisjoint(FOUNDATION) is late
        position += 1


@LAW
@given(host=hosts())
def test_what_is_as_wished_is_left_alone(host: Host) -> None:
    """A healthy container with the wished configuration is never started, stopped or removed."""
    fine: Mapping[str, Container] = {
        name: found
        for name, found in host.containers.items()
        if host.wished.services.get(name) == found.config_hash
        and found.running
        and found.health != "unhealthy"
    }
    touched = {
        target
        for action, target in work(steps(host.wished, host.observed))
        if action in {"start", "remove"}
    }
    assert touched.isdisjoint(fine)
