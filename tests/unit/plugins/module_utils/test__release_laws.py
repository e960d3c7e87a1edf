"""What holds for every release of every host: executed on a model of one, and killed anywhere."""

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    Container,
    Step,
    Wished,
    steps,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.release_host import GateError, Host

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
        start_first=draw(st.booleans()),
    )


@st.composite
def hosts(draw: st.DrawFn, *, breaks: bool = False) -> Host:
    """Any wish and any host: half-done and foreign states, up to three backends."""
    wished = draw(wishes())
    others = ["nginx-1", "postgres-1", "redis-1", "worker-1", "bot-1", "orphan-1"]
    backends = ["backend-1", "backend-2", "backend-3"]
    names = draw(st.sets(st.sampled_from([*others, *backends, *backends])))
    containers = [
        Container(
            name.rpartition("-")[0],
            name,
            draw(st.sampled_from([*VERSIONS, "0"] if name in backends else VERSIONS)),
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
    return Host(wished, containers, in_use | lying_about, marks, live_conf, route, broken)


def run(host: Host) -> tuple[Step, ...]:
    """One undisturbed release."""
    planned = steps(host.wished, host.observed)
    for _ in host.execute(planned):
        pass
    return planned


def interrupt(host: Host, data: st.DataObject) -> tuple[Step, ...]:
    """A release that is killed at some moment, if its new version does not fail it before."""
    planned = steps(host.wished, host.observed)
    moments = data.draw(st.integers(0, 40), label="killed after")
    try:
        for number, _ in enumerate(host.execute(planned)):
            if number >= moments:
                break
    except GateError:
        pass
    return planned


def work(planned: Iterable[Step]) -> set[tuple[str, str]]:
    """Each thing a plan does to each target."""
    return {(step.action, target) for step in planned for target in step.targets}


def check_settled(host: Host) -> None:
    """The host is as wished, and the next release knows it."""
    assert steps(host.wished, host.observed) == ()
    assert host.serving(host.wished.services)
    assert {one.service for one in host.containers} == set(host.wished.services)
    assert host.prepared == host.wished.database_setup
    if BACKEND in host.wished.services:
        (backend,) = host.of(BACKEND)
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
    planned = work(interrupt(host, data))
    pulled = {name for action, name in planned if action == "pull"} & host.images
    second = work(run(host))
    assert pulled.isdisjoint(name for action, name in second if action == "pull")
    # A reload repeats what a start did: it is harmless, and the start left no mark yet. The backend's
    # way is another one from where the first release ended; that it is the right one is told below.
    own = {BACKEND, *(one.name for one in host.of(BACKEND))}
    own |= {name for action, name in second if name.startswith("backend-")}
    assert {(a, name) for a, name in second if name not in own} <= planned | {("reload", "nginx")}
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
    started = {name for action, name in work(planned) if action in {"start", "start-beside"}}
    missing = {host.wished.images[name] for name in started} - host.images
    assert {target for action, target in work(planned) if action == "pull"} == missing
    assert [step.action for step in planned].count("pull") == bool(missing)
    assert not missing or planned[0].action == "pull"


SERVERS = ("pull", "start", "remember", "reload", "prepare-database", "migrate")
BACKENDS = ("switch", "retire", "start-beside", "start", "switch", "retire")
ORDER = (*SERVERS, *BACKENDS, "start", "retire")


@LAW
@given(host=hosts())
def test_the_order_is_always_the_same(host: Host) -> None:
    """Servers, the database's set-up, migrations, the backend, the owner's own, what is too many."""
    planned = steps(host.wished, host.observed)
    services = {one.name: one.service for one in host.containers}
    position = 0
    for step in planned:
        kinds = {services.get(target, target) for target in step.targets}
        if step.action in {"start", "retire"} and kinds.isdisjoint({*FOUNDATION, BACKEND}):
            position = max(position, len(SERVERS) + len(BACKENDS))
        elif step.action == "start" and BACKEND in kinds:
            position = max(position, len(SERVERS))
        position = ORDER.index(step.action, position) + 1
        if step.action == "start":
            assert (position == 2) is (kinds <= set(FOUNDATION))
            assert (position > 2) is kinds.isdisjoint(FOUNDATION)


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
    restarted = {target for action, target in touched if action in {"start", "start-beside"}}
    assert restarted.isdisjoint(fine.values())
    gone = {target for action, target in touched if action == "retire"}
    for service in set(fine.values()):
        assert {name for name in fine if fine[name] == service} - gone
