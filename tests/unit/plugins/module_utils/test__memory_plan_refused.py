"""Every way a plan is refused, and the numbers this project started from."""

import ast
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES

CODE = Path(__file__).parents[4] / "plugins" / "module_utils"

Entry = dict[str, Any]
RECORD: list[Entry] = [
    {"name": "backend", "limit_mb": 256},
    {"name": "postgres", "limit_mb": 384},
    {"name": "redis", "limit_mb": 64},
    {"name": "nginx", "limit_mb": 32},
]


def own(limit_mb: int, name: str = "worker") -> Entry:
    """A service the owner adds."""
    return {"name": name, "image": "registry.example/worker:1", "limit_mb": limit_mb}


def refusal(size: object, services: object = (), swap_mb: object = None) -> PlanError:
    """The error of a plan that must be refused."""
    with pytest.raises(PlanError) as caught:
        plan(size, services, swap_mb)
    return caught.value


def fits(size: str, services: list[Entry]) -> bool:
    """Whether there is a plan."""
    try:
        plan(size, services)
    except PlanError:
        return False
    return True


SMALL = "s-1vcpu-1gb"
# what its reason says, size, services, swap: one for each Problem( in the code
REFUSED = [
    ("is no known size", "s-1vcpu-1tb", [], None),
    ("is no amount of MiB", SMALL, [], "1 GiB"),
    ("is not a list", SMALL, {"backend": 192}, None),
    ("is not an entry with a name", SMALL, ["backend"], None),
    ("is there twice", SMALL, [{"name": "redis"}, {"name": "redis"}], None),
    ("is no service of the stack", SMALL, [{"name": "postgre"}], None),
    ("cannot be a service's name", SMALL, [own(8, "My_Worker")], None),
    ("is not a known key", SMALL, [{"name": "redis", "limit": 64}], None),
    ("means nothing for redis", SMALL, [{"name": "redis", "workers": 2}], None),
    ("has the wrong type", SMALL, [{"name": "redis", "limit_mb": "64m"}], None),
    ("is set from the plan", SMALL, [{"name": "backend", "environment": {"REDIS_URL": "a"}}], None),
    ("a service without a limit", SMALL, [{"name": "worker", "image": "worker:1"}], None),
    ("is not where it belongs", SMALL, [{"name": "backend", "image": "app:2"}], None),
    ("PostgreSQL may need", SMALL, [{"name": "postgres", "max_connections": 200}], None),
    (
        "is too small for a parallel index build",
        "s-2vcpu-4gb",
        [{"name": "postgres", "shm_mb": 64, "maintenance_work_mem_mb": 64}],
        None,
    ),
    ("a background save copies it", SMALL, [{"name": "redis", "maxmemory_mb": 50}], None),
    ("connections during a release", SMALL, [{"name": "postgres", "max_connections": 6}], None),
    ("4 workers need", SMALL, [{"name": "backend", "workers": 4}], None),
    ("backend works with 116 MiB", SMALL, [{"name": "backend", "limit_mb": 128}], None),
    ("is negative", SMALL, [], -1),
    ("without swap thrashes", SMALL, [], 0),
    ("are 100 too many", SMALL, RECORD, None),
    ("no room for the backup", SMALL, [own(130)], 170),
]


class TestRefusals:
    """Every refusal can happen, says why, and none hides another."""

    @pytest.mark.parametrize("says, size, services, swap_mb", REFUSED, ids=[r[0] for r in REFUSED])
    def test_reachable(self, says: str, size: str, services: object, swap_mb: object) -> None:
        """The row's input is refused for the row's reason."""
        assert any(says in problem.reason for problem in refusal(size, services, swap_mb).problems)

    def test_the_table_is_complete(self) -> None:
        """Each place in the plan's code that makes a problem has its row above."""
        made = 0
        for name in ("_memory_plan", "_services", "_tuning", "_plan_refusals"):
            for node in ast.walk(ast.parse((CODE / f"{name}.py").read_text(encoding="utf-8"))):
                function = node.func if isinstance(node, ast.Call) else None
                made += isinstance(function, ast.Name) and function.id == "Problem"
        assert made == len(REFUSED)

    def test_all_at_once(self) -> None:
        """Five mistakes in five places are five problems, each with its own path."""
        services = [
            {"name": "backend", "limit_mb": 100},
            {"name": "postgres", "limit_mb": 700, "work_mem_mb": 64},
            {"name": "redis", "limit_mb": 64, "maxmemory_mb": 60},
            {"name": "nginx", "limt_mb": 32},
        ]
        assert [problem.path for problem in refusal(SMALL, services, 0).problems] == [
            "droplet_services[3].limt_mb",
            "droplet_services[0].limit_mb",
            "droplet_services[1].work_mem_mb",
            "droplet_services[2].maxmemory_mb",
            "droplet_swap_mb",
            "droplet_services",
        ]

    def test_a_slip_gets_no_proposal(self) -> None:
        """An entry that could not be read is not part of any plan, so none is called fitting."""
        services = [*RECORD, {"name": "postgre"}]
        assert refusal(SMALL, services).proposals == ()

    def test_unknown_size_reports_the_services_too(self) -> None:
        """A wrong size does not hide a wrong key."""
        problems = refusal("s-1vcpu-1tb", [{"name": "redis", "limit": 64}]).problems
        assert [problem.path for problem in problems] == [
            "droplet_size",
            "droplet_services[0].limit",
        ]


class TestRecord:
    """The numbers this project started from: 256 + 384 + 64 + 32 on 1 GB."""

    def test_refused_with_reason(self) -> None:
        """736 MiB of limits are 100 more than the system and Docker leave of 967."""
        (problem,) = refusal(SMALL, RECORD).problems
        for number in ("736", "100", "967", "636"):
            assert number in problem.reason

    def test_nearest_plan_that_fits(self) -> None:
        """Two ways out: limits scaled onto this machine, or the next size as written."""
        here, larger = refusal(SMALL, RECORD).proposals
        assert here == (
            "fits on s-1vcpu-1gb: backend 192, postgres 192, redis 64, nginx 32 (limit_mb), "
            "480 MiB in all"
        )
        assert larger == "fits as written on s-1vcpu-2gb ($12 a month)"
        nearest = {"backend": 192, "postgres": 200, "redis": 64, "nginx": 32}
        assert fits(SMALL, [{"name": name, "limit_mb": mb} for name, mb in nearest.items()])
        assert fits("s-1vcpu-2gb", RECORD)

    def test_fits_on_every_larger_size(self) -> None:
        """More CPUs do not make the same limits refused: settings nobody asked for yield."""
        larger = [slug for slug in COMPARED if SIZES[slug].memory_mb > 1024]
        assert [slug for slug in larger if not fits(slug, RECORD)] == []


def test_pinned_postgres_and_more_cpus() -> None:
    """More CPUs sort more at once: a limit that holds on one may be too small for eight."""
    pinned = [{"name": "postgres", "limit_mb": 120}]
    assert fits("s-1vcpu-2gb", pinned)
    (problem,) = refusal("s-8vcpu-16gb", pinned).problems
    assert problem.path == "droplet_services[0].limit_mb"
