"""The plan as its callers see it: laws that hold for every input. Refusals: test__memory_plan_refused."""

import json
import math
import re
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._events import events
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import Plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

# Most random wishes do not fit: a law about those that do filters a lot.
LAW = settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much])

Entry = dict[str, Any]


def own(limit_mb: int, name: str = "worker") -> Entry:
    """A service the owner adds."""
    return {"name": name, "image": "registry.example/worker:1", "limit_mb": limit_mb}


def entry(name: str, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Entry]]:
    """No entry, or one with some of the keys."""
    one = st.fixed_dictionaries({"name": st.just(name)}, optional=optional)
    return st.one_of(st.just([]), one.map(lambda made: [made]))


def megabytes(least: int, most: int) -> st.SearchStrategy[int]:
    """Whole MiB."""
    return st.integers(least, most)


BACKEND = entry("backend", limit_mb=megabytes(120, 900), workers=st.integers(1, 5))
POSTGRES = entry(
    "postgres",
    limit_mb=megabytes(100, 1600),
    shared_buffers_mb=megabytes(8, 256),
    work_mem_mb=megabytes(1, 6),
    maintenance_work_mem_mb=megabytes(4, 96),
    max_connections=st.integers(8, 60),
    parallel_maintenance_workers=st.integers(0, 2),
    shm_mb=megabytes(32, 160),
)
REDIS = entry(
    "redis",
    limit_mb=megabytes(16, 400),
    maxmemory_mb=megabytes(1, 100),
    persistence=st.booleans(),
)
NGINX = entry("nginx", limit_mb=megabytes(15, 128))
OWN = st.lists(megabytes(4, 600), max_size=2).map(
    lambda limits: [own(limit, f"own-{number}") for number, limit in enumerate(limits)]
)


def together(parts: tuple[list[Entry], ...]) -> list[Entry]:
    """Join the entries of all services."""
    return [made for part in parts for made in part]


SERVICES = st.tuples(BACKEND, POSTGRES, REDIS, NGINX, OWN).map(together)
SIZE = st.sampled_from(sorted(SIZES))
SWAP = st.one_of(st.none(), st.integers(0, 4096))


def planned(size: str, services: list[Entry], swap_mb: int | None = None) -> Plan | None:
    """The plan, None where it is refused."""
    try:
        return plan(size, services, swap_mb)
    except PlanError:
        return None


class TestLaws:
    """What holds for every size, mix, override and swap."""

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_never_over_budget(self, size: str, services: list[Entry], swap_mb: int | None) -> None:
        """Limits fit the memory left by the system, and with any event beside them half the swap."""
        made = planned(size, services, swap_mb)
        assume(made)
        assert made
        limits = sum(service.limit_mb for service in made.services.values())
        assert limits == made.limits_mb <= made.nominal_mb - made.reserve_mb
        swap = made.swap_mb // 2
        for event in events(int(made.services["backend"].settings["workers"])):
            need = limits + event.memory_mb
            usable = made.budget_mb + (swap if event.may_swap else 0)
            fits = need <= usable
            assert fits or not event.required or event.name == "release"
            if event.name == "release":
                assert made.strategy == ("start-first" if fits else "stop-first")
                assert ("backend" in made.start_first) is fits
            assert (made.scenarios[event.name].verdict != "refused") == fits

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_every_server_fits_its_container(
        self, size: str, services: list[Entry], swap_mb: int | None
    ) -> None:
        """Settings, chosen or overridden, need no more than the limit and one another allow."""
        made = planned(size, services, swap_mb)
        assume(made)
        assert made
        for service in made.services.values():
            assert service.limit_mb >= 1.25 * service.working_set_mb
            assert service.limit_mb <= service.memory_and_swap_mb <= 1.5 * service.limit_mb
            assert service.reservation_mb <= service.limit_mb
        postgres = made.services["postgres"].settings
        sorts = min(postgres["max_connections"], 4 * made.vcpus)
        worst = (
            1.07 * postgres["shared_buffers_mb"]
            + 10
            + 1.8 * postgres["max_connections"]
            + 2.5 * postgres["work_mem_mb"] * sorts
            + postgres["maintenance_work_mem_mb"] * (postgres["autovacuum_max_workers"] + 1)
        )
        assert round(worst) <= 0.9 * made.services["postgres"].limit_mb
        if postgres["max_parallel_maintenance_workers"]:
            assert postgres["shm_mb"] >= postgres["maintenance_work_mem_mb"] + 16
        redis = made.services["redis"].settings
        factor, more = (2.1, 8) if redis["persistence"] else (1.15, 12)
        assert math.ceil(round(factor * redis["maxmemory_mb"] + more, 6)) <= (
            made.services["redis"].limit_mb
        )
        backend = made.services["backend"].settings
        assert 2 * backend["workers"] * backend["pool_size"] + 5 <= postgres["max_connections"]

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_wishes_are_kept(self, size: str, services: list[Entry], swap_mb: int | None) -> None:
        """A plan that is returned has every value the owner wrote, to the MiB."""
        made = planned(size, services, swap_mb)
        assume(made)
        assert made
        for wish in services:
            service = made.services[wish["name"]]
            assert service.limit_mb == wish.get("limit_mb", service.limit_mb)
            for key, value in wish.items():
                setting = {"parallel_maintenance_workers": "max_parallel_maintenance_workers"}
                if setting.get(key, key) in service.settings:
                    assert service.settings[setting.get(key, key)] == value
        assert swap_mb is None or made.swap_mb == swap_mb

    @LAW
    @given(st.sampled_from(COMPARED), st.sampled_from(COMPARED), OWN)
    def test_limits_grow_with_memory(self, one: str, other: str, services: list[Entry]) -> None:
        """A larger size never gives a service a smaller limit."""
        small, large = sorted((one, other), key=lambda slug: SIZES[slug].memory_mb)
        made, larger = planned(small, services), planned(large, services)
        assume(made)
        assert made
        assert larger
        for name, service in made.services.items():
            assert larger.services[name].limit_mb >= service.limit_mb, name

    @LAW
    @given(st.sampled_from(COMPARED), st.sampled_from(COMPARED), SERVICES, SWAP)
    def test_what_fits_fits_on_more_memory(
        self, one: str, other: str, services: list[Entry], swap_mb: int | None
    ) -> None:
        """What fits fits on a larger size too, unless PostgreSQL is pinned and more CPUs come."""
        small, large = sorted((one, other), key=lambda slug: SIZES[slug].memory_mb)
        pinned = any(wish["name"] == "postgres" for wish in services)
        assume(SIZES[large].vcpus >= SIZES[small].vcpus)
        assume(not pinned or SIZES[large].vcpus == SIZES[small].vcpus)
        assume(planned(small, services, swap_mb))
        assert planned(large, services, swap_mb)

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_more_swap_never_hurts(
        self, size: str, services: list[Entry], swap_mb: int | None
    ) -> None:
        """What fits with some swap fits with more of it."""
        made = planned(size, services, swap_mb)
        assume(made)
        assert made
        assert planned(size, services, made.swap_mb + 512)

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_same_in_same_out(self, size: str, services: list[Entry], swap_mb: int | None) -> None:
        """Planning twice gives the same plan or the same words, and changes no input."""
        before = json.dumps(services)
        answers = []
        for _ in range(2):
            try:
                answers.append(json.dumps(plan(size, services, swap_mb).to_dict()))
            except PlanError as error:
                answers.append(str(error))
        assert answers[0] == answers[1]
        assert json.dumps(services) == before

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_json_round_trip(self, size: str, services: list[Entry], swap_mb: int | None) -> None:
        """A plan survives JSON without a difference."""
        made = planned(size, services, swap_mb)
        assume(made)
        assert made
        assert json.loads(json.dumps(made.to_dict())) == made.to_dict()

    @LAW
    @given(SIZE, SERVICES, SWAP)
    def test_proposals_fit(self, size: str, services: list[Entry], swap_mb: int | None) -> None:
        """Every proposal of a refusal is accepted when it is planned."""
        try:
            plan(size, services, swap_mb)
        except PlanError as error:
            for proposal in error.proposals:
                again, wishes, swap = as_wish(proposal, services, swap_mb)
                assert planned(again, wishes, swap), proposal

    @LAW
    @given(SIZE, SERVICES)
    def test_remedies_fit(self, size: str, services: list[Entry]) -> None:
        """A limit that a refusal of PostgreSQL names is large enough for it."""
        for problem in problems_of(size, services):
            named = re.match(r"raise limit_mb to (\d+)", problem.remedy)
            if named:
                limit = int(named[1])
                raised = [w for w in services if w["name"] != "postgres"]
                pinned = next(
                    (w for w in services if w["name"] == "postgres"), {"name": "postgres"}
                )
                left = problems_of(size, [*raised, {**pinned, "limit_mb": limit}])
                assert not any("PostgreSQL may need" in problem.reason for problem in left)


def problems_of(size: object, services: object) -> tuple[Any, ...]:
    """Every problem of a plan, none for one that fits."""
    try:
        plan(size, services)
    except PlanError as error:
        return error.problems
    return ()


def as_wish(
    proposal: str, services: list[Entry], swap_mb: int | None
) -> tuple[str, list[Entry], int | None]:
    """Read a proposal as its reader would and write it into the inputs."""
    as_written = re.fullmatch(r"fits as written on (\S+) \(\$\d+ a month\)", proposal)
    if as_written:
        return as_written[1], services, swap_mb
    here = re.fullmatch(
        r"fits on (\S+): (.+) \(limit_mb\), (\d+) MiB in all(?:, with droplet_swap_mb (\d+))?",
        proposal,
    )
    assert here, proposal
    limits = {name: int(limit) for name, limit in re.findall(r"([a-z0-9-]+) (\d+)", here[2])}
    assert sum(limits.values()) == int(here[3])
    by_name = {wish["name"]: wish for wish in services}
    wishes = [
        {"name": name, **by_name.get(name, {}), "limit_mb": mb} for name, mb in limits.items()
    ]
    return here[1], wishes, int(here[4]) if here[4] else swap_mb


def test_swap_as_text() -> None:
    """A number from the command line arrives as text and means the same."""
    assert plan("s-1vcpu-1gb", [], "2048") == plan("s-1vcpu-1gb", [], 2048)


def test_host() -> None:
    """What the owner runs on the host comes off the containers' budget, in proposals too, and is kept in the plan."""
    without, beside = plan("s-1vcpu-2gb"), plan("s-1vcpu-2gb", host_mb="12")
    assert beside.reserve_mb - without.reserve_mb == without.budget_mb - beside.budget_mb == 12
    assert beside.to_dict()["host_mb"] == 12
    assert plan("s-1vcpu-2gb", host_mb=None) == without
    # Beside a release 4 MiB are free at 1 GB.
    swapped = [plan("s-1vcpu-1gb", host_mb=own).scenarios["release"].swap_mb for own in (4, 12)]
    assert swapped == [0, 8]
    with pytest.raises(PlanError) as refused:
        plan("s-1vcpu-1gb", host_mb=400)
    assert refused.value.proposals[-1].startswith("fits as written on s-1vcpu-2gb")
    assert "or droplet_host_mb" in str(refused.value)
    with pytest.raises(PlanError) as refused:
        plan("s-1vcpu-1gb", host_mb=1400)
    assert not refused.value.proposals[-1].startswith("fits as written on s-1vcpu-2gb")


@pytest.mark.parametrize("wrong", ["12M", -1, 1.5, True])
def test_host_is_no_amount(wrong: object) -> None:
    """It is named with what was written."""
    with pytest.raises(PlanError, match=r"droplet_host_mb = .*: is no amount of MiB"):
        plan("s-1vcpu-1gb", host_mb=wrong)
