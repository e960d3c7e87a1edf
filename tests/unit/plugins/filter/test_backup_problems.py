"""Filter ``backup_problems``: one problem a line, with the plan's word on Redis."""

from dataclasses import asdict
from typing import Any

from ansible_collections.planner.droplet.plugins.filter.backup_problems import FilterModule
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import Settings

problems = FilterModule().filters()["backup_problems"]


def plan(*, persistence: bool) -> dict[str, Any]:
    """The part of a memory plan that matters here."""
    return {"services": {"redis": {"settings": {"persistence": persistence}}}}


def test_good() -> None:
    """Nothing is said of the defaults."""
    assert problems(asdict(Settings()), {}, plan(persistence=False)) == ""


def test_bad() -> None:
    """Every problem has a line of its own."""
    settings = asdict(Settings(keep_last=0, redis=True))
    said = problems(settings, {"backup_password": "hunter2"}, plan(persistence=False))
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "backup_password",
        "backup_keep_last",
        "backup_redis",
    ]
    assert "hunter2" not in said


def test_redis_has_room() -> None:
    """Where Redis keeps its data it can be backed up."""
    assert problems(asdict(Settings(redis=True)), {}, plan(persistence=True)) == ""
