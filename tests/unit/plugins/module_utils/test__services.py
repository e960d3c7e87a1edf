"""Reading droplet_services: what is understood, and where a problem is said to be."""

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._services import (
    CATALOG,
    HEADROOM,
    KEYS,
    MOST,
    RESERVED_ENVIRONMENT,
    Request,
    backend_working_set_mb,
    parse_services,
)

OWN = {"name": "worker", "image": "worker:1", "limit_mb": 64}

READ = [
    ([], ()),
    ([{"name": "redis"}], (Request("redis", "droplet_services[0]"),)),
    (
        [{"name": "backend", "workers": 2, "command": ["python", "-m", "app"]}],
        (Request("backend", "droplet_services[0]", workers=2, command=("python", "-m", "app")),),
    ),
    (
        [{"name": "redis", "limit_mb": None, "persistence": False}],
        (Request("redis", "droplet_services[0]", persistence=False),),
    ),
    (
        [{"name": "nginx", "limit_mb": 48}, OWN],
        (
            Request("nginx", "droplet_services[0]", limit_mb=48),
            Request("worker", "droplet_services[1]", limit_mb=64, image="worker:1"),
        ),
    ),
    (
        [{"name": "backend", "stop_first": False}, OWN | {"stop_first": True}],
        (
            Request("backend", "droplet_services[0]", stop_first=False),
            Request(
                "worker", "droplet_services[1]", limit_mb=64, image="worker:1", stop_first=True
            ),
        ),
    ),
    (
        [{"name": "backend", "migrate_command": []}],
        (Request("backend", "droplet_services[0]", migrate_command=()),),
    ),
]


@pytest.mark.parametrize("raw, requests", READ)
def test_reads(raw: list[dict[str, Any]], requests: tuple[Request, ...]) -> None:
    """What is written right is read as written; null means not set."""
    assert parse_services(raw) == (requests, ())


# input, path of the problem, part of its reason or remedy
WRONG: list[tuple[Any, str, str]] = [
    (None, "droplet_services", "is not a list"),
    ("backend", "droplet_services", "is not a list"),
    ([{"limit_mb": 4}], "droplet_services[0]", "an entry with a name"),
    ([{"name": 4}], "droplet_services[0]", "an entry with a name"),
    ([{**OWN, "stop_first": "yes"}], "droplet_services[0].stop_first", "true or false"),
    ([{"name": "redis", "stop_first": True}], "droplet_services[0].stop_first", "to backend"),
    ([{"name": "redis"}, {"name": "redis"}], "droplet_services[1].name", "is there twice"),
    ([{"name": "postgresql"}], "droplet_services[0].name", "write 'postgres'"),
    ([{**OWN, "image": None}], "droplet_services[0].name", "needs image and limit_mb"),
    ([{**OWN, "image": 4}], "droplet_services[0].image", "wrong type"),
    ([{**OWN, "name": "Worker"}], "droplet_services[0].name", "cannot be"),
    ([{**OWN, "name": "worker\n"}], "droplet_services[0].name", "cannot be"),
    ([{**OWN, "name": "-worker"}], "droplet_services[0].name", "cannot be"),
    ([{**OWN, "limit_mb": None}], "droplet_services[0].limit_mb", "without a limit"),
    ([{**OWN, "shm_mb": 64}], "droplet_services[0].shm_mb", "means nothing for worker"),
    ([{"name": "nginx", "workers": 1}], "droplet_services[0].workers", "move it to backend"),
    ([{"name": "redis", "maxmemory": 4}], "droplet_services[0].maxmemory", "'maxmemory_mb'"),
    ([{"name": "redis", 4: 4}], "droplet_services[0].4", "is not a known key"),
    ([{"name": "backend", "image": "a:1"}], "droplet_services[0].image", "droplet_image"),
]


@pytest.mark.parametrize("raw, path, says", WRONG)
def test_problem_has_its_path(raw: object, path: str, says: str) -> None:
    """A problem names the place and what to write instead."""
    (problem,) = parse_services(raw)[1]
    assert problem.path == path
    assert says in str(problem)


SECRET = "123456:AAH-do-not-print-me"
WITH_A_SECRET: list[dict[str, Any]] = [
    {"name": "backend", "enviroment": {"TOKEN": SECRET}},
    {"name": "backend", "environment": f"TOKEN={SECRET}"},
    {"name": "backend", "environment": {"TOKEN": [SECRET]}},
    {"name": "backend", "environment": {"DATABASE_URL": SECRET}},
    {"name": "redis", "environment": {"TOKEN": SECRET}},
    {"name": "redis", "requirepass": SECRET},
    {**OWN, "env": {"TOKEN": SECRET}},
]


@pytest.mark.parametrize("entry", WITH_A_SECRET)
def test_no_secret_is_shown(entry: dict[str, Any]) -> None:
    """What stands under a misspelt key or in an environment is never printed, only its place."""
    (problem,) = parse_services([entry])[1]
    assert SECRET not in str(problem)
    assert problem.value is None
    assert problem.path.startswith("droplet_services[0].")


@pytest.mark.parametrize("entry", [{"name": "backend"}, OWN], ids=["backend", "own"])
def test_what_the_plan_sets_cannot_be_set_twice(entry: dict[str, Any]) -> None:
    """Each environment variable that comes from the plan is refused by its name; others pass."""
    given = dict.fromkeys(RESERVED_ENVIRONMENT, "x")
    _, problems = parse_services([{**entry, "environment": given | {"LOG_LEVEL": "x"}}])
    assert [problem.path for problem in problems] == [
        f"droplet_services[0].environment.{name}"
        for name in (
            "DATABASE_PASSWORD_FILE",
            "DATABASE_POOL_SIZE",
            "DATABASE_URL",
            "REDIS_URL",
            "WEB_CONCURRENCY",
        )
    ]
    assert {problem.reason for problem in problems} == {"is set from the plan"}
    (request,), problems = parse_services([{**entry, "environment": {"LOG_LEVEL": "x"}}])
    assert problems == ()
    assert dict(request.environment) == {"LOG_LEVEL": "x"}


def test_what_is_reserved_is_what_the_file_sets(root: Path) -> None:
    """The Compose file sets exactly the reserved variables before the owner's own."""
    template = (root / "roles/stack/templates/compose.yml.j2").read_text()
    macro = template[template.index("macro environment") : template.index("service.environment")]
    assert set(re.findall(r"^      ([A-Z_]+):", macro, re.MULTILINE)) == RESERVED_ENVIRONMENT


# key, what it refuses
TYPES: list[tuple[str, list[Any]]] = [
    ("limit_mb", ["64", "64m", 64.0, 0, -1, True, MOST + 1, [64]]),
    ("workers", ["2", 0, 1.5, True]),
    ("max_connections", [0, "20"]),
    ("parallel_maintenance_workers", [-1, False, "0"]),
    ("persistence", ["yes", 1, 0]),
    ("command", ["python -m app", ["python", ""], [1], {"a": "b"}]),
    ("environment", [["A=b"], {"A": 1}, {1: "a"}, {"A": None}]),
    ("image", ["", 4]),
]


@pytest.mark.parametrize("key, values", TYPES)
def test_types(key: str, values: list[Any]) -> None:
    """Every key refuses what it cannot mean, with the value if it cannot be a secret."""
    known = KEYS[key][2]
    entry = {"name": min(known)} if known else OWN
    for value in values:
        _, problems = parse_services([{**entry, key: value}])
        wrong = [problem for problem in problems if problem.path == f"droplet_services[0].{key}"]
        shown = None if key == "environment" else value
        assert [problem.value for problem in wrong if "wrong type" in problem.reason] == [shown]


def test_all_problems_of_all_entries() -> None:
    """One entry's problem does not hide another's, and the readable entry is still read."""
    requests, problems = parse_services(
        [{"name": "redis", "limit_mb": "a", "x": 1}, {"name": "nginx"}, "y", {"name": "z"}]
    )
    assert [request.name for request in requests] == ["redis", "nginx"]
    assert [problem.path for problem in problems] == [
        "droplet_services[0].limit_mb",
        "droplet_services[0].x",
        "droplet_services[2]",
        "droplet_services[3].name",
    ]


def test_catalog_adds_up() -> None:
    """Floors hold their working sets with headroom, and no more is shared out than there is."""
    for service in CATALOG.values():
        assert service.floor_mb >= HEADROOM * service.working_set_mb
        assert service.floor_mb < service.most_mb
    assert sum(service.share for service in CATALOG.values()) <= 1
    assert {service.name: service.cpu_shares for service in CATALOG.values()} == {
        "backend": 1280,
        "postgres": 2560,
        "redis": 2048,
        "nginx": 2560,
    }
    assert sum(service.floor_mb for service in CATALOG.values()) == 480


def test_who_is_given_up_first() -> None:
    """When the machine is out of memory the data goes last, and nothing is below what any root may set."""
    order = sorted(CATALOG.values(), key=lambda service: service.oom_score_adj)
    assert [service.name for service in order] == ["postgres", "nginx", "redis", "backend"]
    assert order[0].oom_score_adj == 0
    draft = plan("s-1vcpu-2gb", [OWN]).services["worker"]
    assert order[-1].oom_score_adj < draft.oom_score_adj < 800, "before the product, after jobs"


@pytest.mark.parametrize("workers, mib", [(1, 116), (2, 261), (4, 485)])
def test_backend_working_set(workers: int, mib: int) -> None:
    """One worker is what was measured; from two on there is a supervisor beside them."""
    assert backend_working_set_mb(workers) == mib
