"""Filters ``watch_problems``, ``watch_thresholds`` and ``watch_section``: registered, of the shapes they say."""

from dataclasses import asdict

from ansible_collections.planner.droplet.plugins.filter import (
    watch_problems,
    watch_section,
    watch_thresholds,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    THRESHOLDS,
    Settings,
)


def test_problems() -> None:
    """One a line; empty where there is none."""
    judge = watch_problems.FilterModule().filters()["watch_problems"]
    assert judge(asdict(Settings()), {}) == ""
    said = judge(asdict(Settings(quiet_hours="x", remind_h=0)), {})
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "watch_quiet_hours",
        "watch_remind_h",
    ]


def test_thresholds() -> None:
    """The owner's go over the built-in ones."""
    merge = watch_thresholds.FilterModule().filters()["watch_thresholds"]
    assert merge({"disk_percent": 91}) == {**THRESHOLDS, "disk_percent": 91}


def test_section() -> None:
    """What a section has."""
    made = watch_section.FilterModule().filters()["watch_section"]({"status": None, "error": "x"})
    assert set(made) == {"name", "lines", "data", "findings"}
