"""The services against the plan."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift import (
    assumed_mb,
    judge,
    limit_remedy,
    needed_mb,
    owner_path,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    exit_code,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drift_fixtures import PLAN, container, usage


def bad(
    measured: dict[str, Any], services: object = (), planned: object = PLAN
) -> list[tuple[str, str, str]]:
    """All that is not good: severity, check and subject."""
    return [
        (one.severity, one.check, one.subject)
        for one in judge(planned, measured, services)
        if one.severity != OK
    ]


def said(measured: dict[str, Any], check: str, services: object = ()) -> tuple[str, str]:
    """What the only finding of a check says, and what to do."""
    (found,) = (
        one for one in judge(PLAN, measured, services) if one.check == check and one.severity != OK
    )
    return found.what, found.do


def test_healthy() -> None:
    """On a healthy machine every check is good, and each service was looked at."""
    findings = judge(PLAN, usage())
    assert {one.severity for one in findings} == {OK}
    assert exit_code(findings) == 0
    for name in PLAN["services"]:
        assert {one.check for one in findings if one.subject == name} == {
            "present", "state", "oom", "restarts", "limit", "use",
        }  # fmt: skip


@pytest.mark.parametrize(
    "service,changes,expected",
    [
        ("redis", {"state": "exited", "exit_code": 137}, [(PROBLEM, "state")]),
        ("redis", {"state": "restarting", "exit_code": 1}, [(PROBLEM, "state")]),
        ("redis", {"state": None}, [(PROBLEM, "state")]),
        ("redis", {"health": "unhealthy"}, [(PROBLEM, "state")]),
        ("redis", {"health": "starting"}, [(WARNING, "state")]),
        ("redis", {"health": ""}, []),
        ("redis", {"oom_kills": 2}, [(PROBLEM, "oom")]),
        ("redis", {"oom_kills": 0, "oom_events": 1}, [(PROBLEM, "oom")]),
        ("redis", {"oom_kills": None}, [(UNKNOWN, "oom")]),
        ("redis", {"oom_kills": None, "oom_events": 1}, [(PROBLEM, "oom")]),
        ("redis", {"restarts": 1, "started_s_ago": 60}, [(PROBLEM, "restarts")]),
        ("redis", {"restarts": 1, "started_s_ago": 25 * 3600}, [(WARNING, "restarts")]),
        ("redis", {"restarts": 1, "started_s_ago": None}, [(PROBLEM, "restarts")]),
        ("redis", {"restarts": None}, [(UNKNOWN, "restarts")]),
        ("redis", {"exit_codes": [0, 137]}, [(PROBLEM, "restarts")]),
        ("redis", {"exit_codes": [0, 143]}, []),
        ("redis", {"limit_mb": 160.0}, [(PROBLEM, "limit")]),
        ("redis", {"limit_mb": None}, [(PROBLEM, "limit")]),
        ("redis", {"limit_mb": None, "used_mb": None}, []),
        ("redis", {"memory_and_swap_mb": 64.0}, [(PROBLEM, "limit")]),
        ("redis", {"memory_and_swap_mb": None}, []),
        ("backend", {"working_set_mb": None}, [(UNKNOWN, "use")]),
        ("backend", {"held_mb": None}, [(UNKNOWN, "use")]),
        ("backend", {"working_set_mb": 118.0, "held_mb": 120.0}, []),
        ("backend", {"working_set_mb": 125.0, "held_mb": 130.0}, [(WARNING, "use")]),
        ("backend", {"working_set_mb": 100.0, "swap_mb": 40.0}, [(WARNING, "use")]),
        ("backend", {"working_set_mb": 165.0, "held_mb": 172.0}, [(WARNING, "use")]),
        ("backend", {"working_set_mb": 165.0, "held_mb": 173.0}, [(PROBLEM, "use")]),
        ("backend", {"state": "exited", "working_set_mb": None, "oom_kills": None}, [(PROBLEM, "state")]),
    ],
)  # fmt: skip
def test_one_service(
    service: str, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Each thing that can be wrong with a container is one finding, and only that one."""
    found = bad(usage(container(service, **changes)))
    # What the machine uses besides cannot be told where a container's memory is unknown.
    found = [one for one in found if one != (UNKNOWN, "reserve", "machine")]
    assert found == [(severity, check, service) for severity, check in expected]


@pytest.mark.parametrize(
    "docker,word",
    [
        ({"state": "not installed", "error": ""}, "run site.yml"),
        ({"state": "stopped", "error": ""}, "journalctl -u docker"),
        ({"state": "no answer", "error": "timeout"}, "systemctl status docker"),
        (None, "systemctl status docker"),
        ({}, "systemctl status docker"),
    ],
)
def test_without_docker(docker: Any, word: str) -> None:
    """Where Docker does not answer that is the one problem, the machine is still judged, nothing is called good."""
    findings = judge(PLAN, usage(docker=docker, containers=None))
    (problem,) = (one for one in findings if one.severity == PROBLEM)
    assert problem.check == "docker"
    assert word in problem.do
    assert not [one for one in findings if one.subject in PLAN["services"]]
    assert [one for one in findings if one.check == "size"]
    assert exit_code(findings) == 2


def test_containers_not_read() -> None:
    """Docker that runs but told nothing is no machine without containers."""
    assert bad(usage(containers=None))[0] == (PROBLEM, "docker", "docker")


def test_missing_and_unknown() -> None:
    """A service without a container is a problem, a container without a plan a warning."""
    measured = usage(container("worker"))
    measured["containers"] = [one for one in measured["containers"] if one["service"] != "redis"]
    assert bad(measured) == [(PROBLEM, "present", "redis"), (WARNING, "present", "worker")]


def test_backend_without_image() -> None:
    """Until an image is given nobody misses the backend."""
    planned = plan("s-1vcpu-1gb").to_dict()
    measured = usage()
    measured["containers"] = [one for one in measured["containers"] if one["service"] != "backend"]
    assert bad(measured, planned=planned) == []


def test_two_backends() -> None:
    """Two containers of a service are a release, or what an interrupted one left."""
    measured = usage(container("backend"), container("backend", name="planner-backend-2"))
    assert bad(measured) == [(WARNING, "present", "backend")]


def test_killed_is_explained() -> None:
    """Exit code 137 is translated, wherever it shows."""
    what, do = said(usage(container("redis", state="exited", exit_code=137)), "state")
    assert what == "is not running: exited, exit code 137 (killed: out of memory, or by hand)"
    assert "docker logs planner-redis-1" in do
    what, _ = said(
        usage(container("redis", exit_codes=[137], restarts=1, started_s_ago=300)), "restarts"
    )
    assert "ended with 137" in what
    assert "1 in the last 24 h" in what
    assert "5 min ago" in what


def test_limit_drift_names_both() -> None:
    """A limit changed by hand is named next to the planned one."""
    what, do = said(usage(container("redis", limit_mb=160.0)), "limit")
    assert what == "has a limit of 160 MiB, planned 64"
    assert "run site.yml" in do
    assert "docker update --memory 64m --memory-swap 96m planner-redis-1" in do


@pytest.mark.parametrize(
    "services,path",
    [
        ((), "droplet_services[name=backend]"),
        ([{"name": "redis"}, {"name": "backend"}], "droplet_services[1]"),
        ("rubbish", "droplet_services[name=backend]"),
        ([None, 1], "droplet_services[name=backend]"),
    ],
)
def test_owner_path(services: object, path: str) -> None:
    """A proposal names the owner's own line where there is one."""
    assert owner_path(services, "backend") == path


@pytest.mark.parametrize(
    "needed,services,expected",
    [
        (
            165,
            (),
            "limit_mb to 208 (measured 165 x 1.25, next multiple of 16); it fits: 496 of 636",
        ),
        (180, (), "limit_mb to 240 (measured 180 x 1.25, next multiple of 16)"),
        (40, (), "limit_mb to 208"),
        (400, (), "That does not fit s-1vcpu-1gb: fits as written on s-1vcpu-2gb"),
        (9e9, (), "That does not fit s-1vcpu-1gb: lower another limit, or take a larger size"),
        (165, [{"name": "postgres", "limit_mb": 336}], "That does not fit s-1vcpu-1gb"),
    ],
)
def test_limit_remedy(needed: float, services: object, expected: str) -> None:
    """The plan itself is asked whether a proposed limit fits, together with what the owner wrote."""
    assert expected in limit_remedy(PLAN, services, "backend", needed)


def test_own_service_stays_in_the_sum() -> None:
    """A proposal counts the owner's own services, also where only the plan knows them."""
    own = [{"name": "worker", "image": "worker:1", "limit_mb": 64}]
    planned = plan("s-1vcpu-2gb", own).to_dict()
    with_own = limit_remedy(planned, own, "backend", 700)
    assert with_own == limit_remedy(planned, (), "backend", 700)
    raised = limit_remedy(planned, own, "worker", 100)
    assert "droplet_services[0].limit_mb to 128" in raised


def test_roomy_limit() -> None:
    """A service that needs more than assumed, within its limit, asks for a better assumption only."""
    what, do = said(usage(container("backend", working_set_mb=125.0, held_mb=130.0)), "use")
    assert "the plan assumed and reserves 116" in what
    assert do == "set droplet_services[name=backend].working_set_mb to 125"


def test_assumptions() -> None:
    """Redis may fill maxmemory and PostgreSQL its buffers without anybody being told."""
    services = PLAN["services"]
    assert assumed_mb(services["backend"]) == 116
    assert assumed_mb(services["redis"]) == 10 + services["redis"]["settings"]["maxmemory_mb"]
    buffers = services["postgres"]["settings"]["shared_buffers_mb"]
    assert assumed_mb(services["postgres"]) == pytest.approx(52 + 1.07 * buffers)


def test_needed() -> None:
    """What went to swap is still needed."""
    assert needed_mb({"working_set_mb": 100, "swap_mb": 20}) == 120
    assert needed_mb({"working_set_mb": 100, "swap_mb": None}) == 100
    assert needed_mb({"swap_mb": 20}) is None


@pytest.mark.parametrize("measured", [None, [], "x", 1])
def test_no_measurement(measured: object) -> None:
    """Something else than a measurement is refused, not judged."""
    with pytest.raises(PlanError, match="is no measurement"):
        judge(PLAN, measured)


@pytest.mark.parametrize("planned", [None, {}, [], "s-1vcpu-1gb"])
def test_no_plan(planned: object) -> None:
    """Something else than a plan is refused."""
    with pytest.raises(PlanError, match="is no plan"):
        judge(planned, usage())


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(container("redis"))), value=GARBAGE)
def test_garbage_in_a_container(field: str, value: object) -> None:
    """Whatever stands where a container's number should be: there is a judgement, never a crash."""
    measured = usage()
    measured["containers"][2][field] = value
    assert judge(PLAN, measured)


@given(field=st.sampled_from(sorted(usage())), value=GARBAGE)
def test_garbage_in_the_measurement(field: str, value: object) -> None:
    """The same for whole parts of the measurement; what is missing never makes it better."""
    measured = usage() | {field: value}
    findings = judge(PLAN, measured, value)
    if field in {"docker", "containers"} and not isinstance(value, list):
        assert exit_code(findings) == 2


@given(missing=st.sets(st.sampled_from(sorted(container("redis"))), min_size=1))
def test_less_is_never_better(missing: set[str]) -> None:
    """A container of which less is known is never judged better than one of which all is known and bad."""
    full = container("redis", oom_kills=1, health="unhealthy", working_set_mb=61.0, held_mb=62.0)
    part = {key: value for key, value in full.items() if key not in missing or key == "service"}
    findings = [one for one in judge(PLAN, usage(part)) if one.subject == "redis"]
    assert any(one.severity != OK for one in findings)
