"""Who looks and who would be told, judged for the state of the machine."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_section import watch_section

NOW = 1_800_000_000.0
DISK = {"severity": PROBLEM, "check": "disk", "subject": "/", "what": "is full", "do": "clean"}
STATUS: dict[str, Any] = {
    "now": NOW,
    "looked_at": NOW - 30,
    "cycle_s": 60,
    "hushed_until": None,
    "findings": [],
    "alerts": [],
    "channels": {"telegram": {"severity": OK, "what": "delivers"}},
    "waiting": 0,
    "pinged": {"at": NOW - 30, "ok": True, "why": ""},
    "pings": True,
}


def section(**changed: object) -> dict[str, Any]:
    """Judge a good state with some of it otherwise."""
    return watch_section({"status": STATUS | changed, "error": ""})


def severities(made: dict[str, Any]) -> dict[str, str]:
    """By check."""
    return {one["check"]: one["severity"] for one in made["findings"]}


def test_good() -> None:
    """All is well, and it says who is told."""
    made = section()
    assert severities(made) == {"looks": OK, "pings": OK}
    assert made["lines"] == ["Alerts    none stands", "          told by telegram; 0 messages wait"]


# what is otherwise -> the check that tells it, and how bad that is
TEST_JUDGED: list[tuple[dict[str, object], str, str]] = [
    ({"looked_at": None}, "looks", WARNING),
    ({"looked_at": NOW - 301}, "looks", PROBLEM),
    ({"looked_at": NOW + 3600}, "looks", PROBLEM),
    ({"looked_at": NOW - 299}, "looks", OK),
    ({"hushed_until": NOW + 600}, "looks", WARNING),
    ({"pings": False, "pinged": None}, "pings", WARNING),
    ({"pinged": None}, "pings", WARNING),
    ({"pinged": {"ok": False, "why": "it answered 500"}}, "pings", PROBLEM),
    ({"findings": [DISK]}, "disk", PROBLEM),
]


@pytest.mark.parametrize("changed, check, severity", TEST_JUDGED)
def test_judged(changed: dict[str, object], check: str, severity: str) -> None:
    """Each point has a finding; what is not well says what to do."""
    made = section(**changed)
    assert severities(made)[check] == severity
    assert all(one["do"] for one in made["findings"] if one["severity"] != OK)


def test_alerts() -> None:
    """What was told and lasts is shown with its age."""
    made = section(alerts=[DISK | {"since": NOW - 3600}], waiting=2)
    assert made["lines"][0] == "Alerts    disk /, for 1 h"
    assert made["lines"][1].endswith("2 messages wait")


def test_nobody() -> None:
    """Without a channel nobody is told."""
    assert section(channels={})["lines"][1] == "          told by nobody; 0 messages wait"


@pytest.mark.parametrize(
    "seen", [None, {}, {"status": None, "error": "not installed"}, {"status": 1}]
)
def test_unknown(seen: object) -> None:
    """What could not be asked is unknown."""
    made = watch_section(seen)
    assert severities(made) == {"looks": UNKNOWN}
    assert made["lines"] == []
