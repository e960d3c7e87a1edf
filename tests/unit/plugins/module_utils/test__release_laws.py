"""What holds for every release of every host: executed on a model of one, and killed anywhere."""

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    LOOK_AGAIN,
    Container,
    Step,
    Wished,
    steps,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.release_host import GateError, Host

STARTING = {"start", "start-beside", "replace"}
LAW = settings(max_examples=200)
VERSIONS = ["1", "2"]
HEALTH = ["", "starting", "healthy", "unhealthy"]


@st.composite
def wishes(draw: st.DrawFn) -> Wished:
    """Any project: servers with and without a backend and services of the owner's own."""
    extra = draw(st.sets(st.sampled_from([BACKEND, "worker", "bot"])))
    services = {name: draw(st.sampled_from(VERSIONS)) for name in (*FOUNDATION, *sorted(extra))}
    return Wished(
        services=services,
        images={name: f"{name}:{version}" for name, version in services.items()},
        nginx_config=draw(st.sampled_from(VERSIONS)),
        database_setup=draw(st.sampled_from(VERSIONS)),
        migrates=draw(st.booleans()),
        start_first=frozenset(draw(st.sets(st.sampled_from([BACKEND, "worker", "bot"])))),
    )


@st.composite
def hosts(draw: st.DrawFn, *, breaks: bool = False) -> Host:
    """Any wish and any host: half-done and foreign states, up to three backends and two workers."""
    wished = draw(wishes())
    others = ["nginx-1", "postgres-1", "redis-1", "worker-1", "worker-2", "bot-1", "orphan-1"]
    backends = ["backend-1", "backend-2", "backend-3"]
    names = draw(st.sets(st.sampled_from([*others, *backends, *backends])))
    containers = [
        Container(
            name.rpartition("-")[0],
            name,
            draw(st.sampled_from(VERSIONS if name.startswith(FOUNDATION) else [*VERSIONS, "0"])),
            running=draw(st.booleans()),
            health=draw(st.sampled_from(HEALTH)),
        )
        for name in sorted(names)
    ]
    # Docker keeps the image of a container that exists.
    in_use = {f"{one.service}:{one.config_hash}" for one in containers}
    lying_about = draw(st.sets(st.sampled_from([*wished.images.values(), "other:1"])))
    marks = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "nginx_config": st.sampled_from(VERSIONS),
                "database_setup": st.sampled_from(VERSIONS),
                "migrated": st.sampled_from(["backend:1", "backend:2"]),
                "live": st.sampled_from(["", *backends]),
            },
        )
    )
    live_conf = draw(st.sampled_from([marks.get("live", ""), "", *backends]))
    route = live_conf
    if live_conf != marks.get("live", ""):
        # Killed within a switch: the file names one that is ready, nginx may not know it yet.
        assume(any(one.name == live_conf and one.ready for one in containers))
        route = draw(st.sampled_from([live_conf, *backends]))
    broken = breaks and draw(st.booleans())
    images = in_use | lying_about
    breaking = draw(st.booleans())
    return Host(wished, containers, images, marks, live_conf, route, broken, breaking)


def run(host: Host) -> list[Step]:
    """One undisturbed release."""
    for _ in host.release():
        pass
    return host.taken


def interrupt(host: Host, data: st.DataObject) -> list[Step]:
    """A release that is killed at some moment, if its new version does not fail it before."""
    moments = data.draw(st.integers(0, 40), label="killed after")
    try:
        for number, _ in enumerate(host.release()):
            if number >= moments:
                host.kill(late=data.draw(st.booleans(), label="the timer ran out"))
                break
    except GateError:
        pass
    return host.taken


def work(planned: Iterable[Step]) -> set[tuple[str, str]]:
    """Each thing a plan does to each target."""
    return {(step.action, target) for step in planned for target in step.targets}


def check_settled(host: Host) -> None:
    """The host is as wished, and the next release knows it."""
    assert steps(host.wished, host.observed) == ()
    assert host.serving(host.wished.services)
    assert sorted(one.service for one in host.containers) == sorted(host.wished.services)
    assert host.prepared == host.wished.database_setup
    if BACKEND in host.wished.services:
        backend = host.of(BACKEND)[0]
        assert host.live_conf == host.route == host.live == backend.name
        if host.wished.migrates:
            assert host.migrated == host.wished.images[BACKEND]


@LAW
@given(host=hosts())
def test_one_release_is_enough(host: Host) -> None:
    """From any state the steps are possible in their order, leave no gap and nothing to do."""
    run(host)
    check_settled(host)


@LAW
@given(host=hosts(), data=st.data())
def test_an_interrupted_release_is_finished_by_the_next(host: Host, data: st.DataObject) -> None:
    """Killed at any moment, the next release does the rest and, of what was finished, nothing again."""
    planned = work(steps(host.wished, host.observed)) | work(interrupt(host, data))
    pulled = {name for action, name in planned if action == "pull"} & host.images
    second = work(run(host))
    assert pulled.isdisjoint(name for action, name in second if action == "pull")
    # What left no mark yet is repeated, which is harmless. The way of what is released is another one from
    # where the first release ended; that it is the right one is told below.
    apps = (*host.wished.apps, *(f"{app}-" for app in host.wished.apps))
    servers = {(action, name) for action, name in second if not name.startswith(apps)}
    assert servers <= planned | {("reload", "nginx"), ("dump", "postgres")}
    check_settled(host)


@LAW
@given(host=hosts(breaks=True), data=st.data())
def test_any_interruptions_and_broken_versions_leave_no_gap(
    host: Host, data: st.DataObject
) -> None:
    """Killed again and again, also with versions that never get ready, it ends well once they do.

    Where there is room for two and one was ready and live at the beginning, requests reach a ready one
    after every single effect, and there is never a third.
    """
    for _ in range(data.draw(st.integers(1, 4), label="interruptions")):
        interrupt(host, data)
        host.broken = data.draw(st.booleans(), label="still broken")
    host.broken = False
    run(host)
    check_settled(host)


@LAW
@given(host=hosts(breaks=True), other=wishes(), data=st.data())
def test_an_interrupted_release_may_be_followed_by_another(
    host: Host, other: Wished, data: st.DataObject
) -> None:
    """Killed at any moment and given another wish, it ends as wished then, without a gap."""
    interrupt(host, data)
    after = replace(host, wished=other, broken=False)
    run(after)
    check_settled(after)


@LAW
@given(host=hosts())
def test_an_image_that_cannot_be_had_stops_nothing(host: Host) -> None:
    """A missing image is asked for before anything is touched, so its failure changes nothing."""
    planned = steps(host.wished, host.observed)
    started = {name for action, name in work(planned) if action in STARTING}
    missing = {host.wished.images[name] for name in started & {*host.wished.services}} - host.images
    assert {target for action, target in work(planned) if action == "pull"} == missing
    assert [step.action for step in planned].count("pull") == bool(missing)
    assert not missing or planned[0].action == "pull"


SERVERS = {"pull": 0, "reload": 2, "prepare-database": 3}
SCHEMA = ("hold", "dump", "migrate", LOOK_AGAIN)


def phase(step: Step, host: Host) -> int:
    """When a step's turn is."""
    services = {one.name: one.service for one in host.containers}
    (kind,) = {services.get(target, target) for target in step.targets[:1]}
    if step.action in SERVERS:
        return SERVERS[step.action]
    if step.action in {"start", "remember"} and kind in FOUNDATION:
        return 1 if step.action == "start" else 2
    if step.action in SCHEMA or step.action == "remember":
        return 4
    return 5 + [*host.wished.apps, *([] if kind in host.wished.apps else [kind])].index(kind)


@LAW
@given(host=hosts())
def test_the_order_is_always_the_same(host: Host) -> None:
    """Servers, the database's set-up, its schema, the backend, the owner's own, what is too many."""
    found = [phase(step, host) for step in steps(host.wished, host.observed)]
    assert found == sorted(found)


@LAW
@given(host=hosts())
def test_what_is_as_wished_is_left_alone(host: Host) -> None:
    """What is healthy and as wished is never replaced or stopped; of several backends one is not."""
    fine = {
        one.name: one.service
        for one in host.containers
        if host.wished.services.get(one.service) == one.config_hash and one.ready
    }
    touched = work(steps(host.wished, host.observed))
    restarted = {target for action, target in touched if action in STARTING}
    assert restarted.isdisjoint(fine.values())
    gone = {target for action, target in touched if action == "retire"}
    for service in set(fine.values()):
        assert {name for name in fine if fine[name] == service} - gone
