"""The disk is divided, the rest is the database's, and what does not fit is refused with a way out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import (
    Kept,
    to_remove,
)
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import (
    JOURNAL_MB,
    LEAST_RELEASES_MB,
    LOG_MB,
    WAL_MB,
    DiskPlan,
    Options,
    disk_plan,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES
from hypothesis import given
from hypothesis import strategies as st

FITTING = sorted(slug for slug, size in SIZES.items() if size.memory_mb > 512)
SMALLEST = "s-1vcpu-1gb"


def made(size: str = SMALLEST, services: Any = (), **options: Any) -> DiskPlan:
    """The plan of a machine."""
    return disk_plan(plan(size, services).to_dict(), options)


def refused(size: str = SMALLEST, **options: Any) -> PlanError:
    """Why there is none."""
    with pytest.raises(PlanError) as caught:
        made(size, **options)
    return caught.value


@pytest.mark.parametrize("size", FITTING)
def test_every_size_holds_the_product(size: str) -> None:
    """The parts and the growth are the whole disk, nothing is lost, and the database can grow tenfold."""
    found = made(size)
    assert sum(one.mb for one in found.parts.values()) == found.planned_mb
    assert found.planned_mb + found.growth_mb == found.usable_mb < 1024 * found.disk_gb
    assert found.database_most_mb > 10 * found.database_mb
    assert found.warnings == ()


def test_the_parts() -> None:
    """On the smallest machine, by hand."""
    found = made(backup_repository="s3:x", watch_database_mb=35)
    assert {name: one.mb for name, one in found.parts.items()} == {
        "system": 3072,
        "swap": 1024,
        "journal": 256,
        "logs": 4 * 30,
        "images": 732 + 4096 + 308,
        "backups": round(10 * (0.35 * 35 + 1)),
        "drill": 56,
        "restic": 128,
        "postgres": 35 + 22 + 256,
        "redis": 2 * 26,
        "reserve": 2048,
    }
    assert "restic" not in made().parts


def test_parts_follow_the_services() -> None:
    """A service of the owner's own logs and is pulled; Redis without snapshots writes nothing."""
    extra = {"name": "worker", "image": "w:1", "limit_mb": 64}
    silent = {"name": "redis", "persistence": False}
    one, other = made(), made(services=[extra, silent])
    assert other.parts["logs"].mb - one.parts["logs"].mb == LOG_MB
    assert other.parts["images"].mb - one.parts["images"].mb == 308
    assert (other.parts["redis"].mb, other.parts["redis"].what) == (0, "no snapshots")


def test_options_as_text() -> None:
    """What is given on the command line is text, and null is the default."""
    given: dict[str, Any] = {
        "stack_disk_budget_mb": "2048",
        "backup_keep_last": None,
        "backup_repository": None,
    }
    assert made(**given) == made(stack_disk_budget_mb=2048)
    assert made(**given).releases_mb == 2048


@pytest.mark.parametrize("size", FITTING)
@pytest.mark.parametrize("keep", [(1, 1), (3, 7), (9, 30)])
def test_so_large_it_may_grow(size: str, keep: tuple[int, int]) -> None:
    """A database of exactly that size fits, and one that is a little larger does not."""
    options = {"backup_keep_last": keep[0], "backup_keep_days": keep[1]}
    most = made(size, **options).database_most_mb
    # Each part is rounded by itself.
    assert made(size, **options, watch_database_mb=most - 1).growth_mb < 50
    assert refused(size, **options, watch_database_mb=most + 2).problems


@given(
    last=st.integers(0, 9), days=st.integers(0, 9), gaps=st.lists(st.integers(1, 60), max_size=40)
)
def test_no_more_backups_than_planned(last: int, days: int, gaps: list[int]) -> None:
    """Whenever backups are made, retention never leaves more than the plan counts."""
    shelf: tuple[Kept, ...] = ()
    hour, most = 0, 0
    for number, gap in enumerate(gaps):
        hour += gap
        day, rest = divmod(hour, 24)
        made_at = f"2027-{1 + day // 28 % 12:02}-{1 + day % 28:02}T{rest:02}:00:00Z"
        shelf = (*shelf, Kept(number, made_at))
        most = max(most, len(shelf))
        gone = to_remove(shelf, {"last": last, "daily": days})
        shelf = tuple(one for one in shelf if one not in gone)
    assert most <= Options(backup_keep_last=last, backup_keep_days=days).copies


def test_too_large_a_database() -> None:
    """It is refused with what takes most, and with the size that holds it."""
    error = refused(watch_database_mb=3000)
    assert re.sub(r"\d{4,}", "N", str(error.problems[0])) == (
        "droplet_size = 's-1vcpu-1gb': its disk of 25 GB holds N MiB of files, the parts need N "
        "(the largest: backups N, images N, drill N, postgres N). Do: lower stack_disk_budget_mb, "
        "keep fewer backups, or take a larger droplet_size."
    )
    assert error.proposals == ("fits as written on s-1vcpu-2gb ($12 a month)",)


@pytest.mark.parametrize(
    "options",
    [
        {"stack_disk_budget_mb": 20000},
        {"watch_database_mb": 2000},
        {"backup_keep_days": 900},
        {"backup_keep_days": 30, "watch_database_mb": 1000},
    ],
)
def test_every_proposal_fits(options: dict[str, Any]) -> None:
    """Whoever writes what is proposed gets a plan."""
    error = refused(**options)
    assert error.proposals
    for one in error.proposals:
        slug = re.search(r"on (\S+) \(", one)
        told = {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", one)}
        found = made(slug[1] if slug else SMALLEST, **{**options, **told})
        assert found.growth_mb >= 0


def test_no_budget_below_what_stays() -> None:
    """What runs and the way back are not removed: a budget below them would be a promise nobody keeps."""
    error = refused(watch_database_mb=2600)
    assert not [one for one in error.proposals if "budget" in one]
    assert LEAST_RELEASES_MB == 616


def test_nothing_is_large_enough() -> None:
    """A wish that fits nowhere has no proposal."""
    assert refused("s-8vcpu-16gb", watch_database_mb=1000000).proposals == ()


def test_little_room() -> None:
    """A database that cannot double is a warning."""
    found = made(watch_database_mb=1500)
    assert found.warnings == (
        f"the database may grow to {found.database_most_mb} MiB, less than twice its 1500",
    )


def test_every_problem_at_once() -> None:
    """Unknown options and wrong values, each with what to write."""
    given: dict[str, Any] = {"backup_keep": 3, "watch_database_mb": "1 GB"}
    given |= {"backup_keep_days": True, "backup_keep_last": -1, "stack_disk_budget_mb": 10**7}
    error = refused(**given)
    assert [one.path for one in error.problems] == list(given)
    assert "Do: write 'backup_keep_last'" in str(error)


def test_no_plan() -> None:
    """What is no memory plan is refused."""
    with pytest.raises(PlanError, match="is no plan"):
        disk_plan({"size": SMALLEST})


def test_json() -> None:
    """It survives the way to the machine."""
    plain = made().to_dict()
    assert json.loads(json.dumps(plain)) == plain


def test_the_roles_say_the_same(root: Path) -> None:
    """Defaults and constants are those of the roles that bring them about."""
    roles = root / "roles"
    for role, names in {
        "stack": ["stack_disk_budget_mb"],
        "backup": ["backup_keep_last", "backup_keep_days", "backup_repository"],
        "watch": ["watch_database_mb"],
    }.items():
        defaults = yaml.safe_load((roles / role / "defaults/main.yml").read_text(encoding="utf-8"))
        for name in names:
            assert getattr(Options(), name) == defaults[name]
    journal = (roles / "hardening/templates/journald.conf.j2").read_text(encoding="utf-8")
    assert f"SystemMaxUse={JOURNAL_MB}M\n" in journal
    postgres = (roles / "stack/templates/postgresql.conf.j2").read_text(encoding="utf-8")
    assert f"max_wal_size = {WAL_MB}MB\n" in postgres
    compose = (roles / "stack/templates/compose.yml.j2").read_text(encoding="utf-8")
    logs = re.findall(r'max-size: (\d+)m, max-file: "(\d+)"', compose)
    assert [int(size) * int(files) for size, files in logs] == [LOG_MB]
