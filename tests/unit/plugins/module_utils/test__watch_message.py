"""The words of a message, and the hours in which there are none."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    MOST,
    RAISED,
    REPORT,
    Event,
    Message,
    digest,
    judge_quiet,
    lasting,
    message,
    quiet,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

SETTINGS = Settings(host="planner-1", runbook_url="https://x.example/watch.md")
NOON = 1_788_523_200.0  # 2026-09-04 12:00 UTC


def event(subject: str = "/", what: str = "84 % full", do: str = "clean") -> Event:
    """One that was raised."""
    return Event(RAISED, Finding(PROBLEM, "disk", subject, what, do), NOON)


def test_one() -> None:
    """What is wrong, what to do, where to read on."""
    told = message(RAISED, [event()], NOON, SETTINGS, urgent=True)
    assert told == Message(
        RAISED,
        "PROBLEM planner-1: disk /: 84 % full",
        ("Do: clean", "More: https://x.example/watch.md#disk"),
        urgent=True,
        at=NOON,
        severity=PROBLEM,
    )


def test_no_word_twice() -> None:
    """A check of only one thing is called by one name."""
    one = Event(RAISED, Finding(PROBLEM, "docker", "docker", "Docker does not run"), NOON)
    assert one.text == "docker: Docker does not run"


def test_one_line() -> None:
    """What a program said in many lines, or at length, is one line and no novel."""
    one = event(what="a\r\n  b\n" + "c" * 5000, do="x\ny")
    assert one.text.startswith("disk /: a b cc")
    assert len(one.text) == 400
    assert one.do == "x y"


@pytest.mark.parametrize("kind", ["message", "digest"])
def test_too_many(kind: str) -> None:
    """Of very many the worst are listed, and how many more there are."""
    events = [event(str(number), do="") for number in range(MOST + 5)]
    told = (
        message(RAISED, events, NOON, Settings(), urgent=False)
        if kind == "message"
        else digest(events, NOON, Settings())
    )
    assert len(told.lines) == MOST + 1
    assert told.lines[-1] == "... and 5 more: sudo planner-watch status"


def test_digest_is_by_the_owners_clock() -> None:
    """The times in it are those of the owner's zone."""
    told = digest([event(do="")], NOON, replace(SETTINGS, timezone="Europe/Berlin"))
    assert told.lines[0] == "14:00 PROBLEM disk /: 84 % full"


# quiet hours, zone, the time in UTC -> whether they are
TEST_QUIET: list[tuple[str, str, str, bool]] = [
    ("", "UTC", "00:00", False),
    ("22:00-07:00", "UTC", "21:59", False),
    ("22:00-07:00", "UTC", "22:00", True),
    ("22:00-07:00", "UTC", "00:00", True),
    ("22:00-07:00", "UTC", "06:59", True),
    ("22:00-07:00", "UTC", "07:00", False),
    ("22:00-07:00", "Europe/Berlin", "20:00", True),
    ("22:00-07:00", "Europe/Berlin", "05:00", False),
    ("12:00-13:30", "UTC", "13:29", True),
    ("12:00-13:30", "UTC", "13:30", False),
    ("12:00-12:00", "UTC", "12:00", False),
    ("22-7", "UTC", "23:00", False),
    ("22:00-24:00", "UTC", "23:00", False),
    ("22:00-07:00", "Moon/Far", "22:00", True),
]


@pytest.mark.parametrize("hours, zone, clock, expected", TEST_QUIET)
def test_quiet(hours: str, zone: str, clock: str, expected: bool) -> None:  # noqa: FBT001 - a table
    """They end at their end, go over midnight, and are the owner's; what cannot be read is none."""
    now = dt.datetime.fromisoformat(f"2026-09-04T{clock}:00+00:00").timestamp()
    assert quiet(Settings(quiet_hours=hours, timezone=zone), now) is expected


# quiet hours, zone -> what is said about them
TEST_JUDGE_QUIET: list[tuple[str, str, str]] = [
    ("", "UTC", ""),
    ("22:00-07:00", "Europe/Berlin", ""),
    ("22-7", "UTC", "'22-7' is not like 22:00-07:00: there are none"),
    ("22:00-07:00", "Moon/Far", "the time zone 'Moon/Far' is not known here: times are by UTC"),
    ("", "../etc/passwd", "the time zone '../etc/passwd' is not known here: times are by UTC"),
    ("", "Europe", "the time zone 'Europe' is not known here: times are by UTC"),
]


@pytest.mark.parametrize("hours, zone, says", TEST_JUDGE_QUIET)
def test_judge_quiet(hours: str, zone: str, says: str) -> None:
    """Hours that cannot be kept are a warning."""
    found = judge_quiet(Settings(quiet_hours=hours, timezone=zone))
    assert [one.what for one in found] == ([says] if says else [])
    assert {one.severity for one in found} <= {WARNING}


# seconds -> in words
TEST_LASTING: list[tuple[float, str]] = [
    (-5, "less than a minute"),
    (29, "less than a minute"),
    (60, "1 min"),
    (3600, "1 h"),
    (12_000, "3 h 20 min"),
    (86_400 + 60, "1 d 1 min"),
    (2 * 86_400 + 4 * 3600 + 60, "2 d 4 h"),
]


@pytest.mark.parametrize("seconds, words", TEST_LASTING)
def test_lasting(seconds: float, words: str) -> None:
    """Two units are exact enough."""
    assert lasting(seconds) == words


def test_through_json() -> None:
    """A message is the same after it was on the disk."""
    one = Message(REPORT, "ä", ("b", "c"), urgent=True, at=5.5, severity=WARNING)
    assert Message.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert one.text() == "ä\nb\nc"
    assert Message(REPORT, "a").severity == OK


@pytest.mark.parametrize(
    "damage", [{"kind": "joke"}, {"severity": 5}, {"at": "now"}, {"at": -1}, {"lines": 5}]
)
def test_no_message(damage: dict[str, Any]) -> None:
    """What is none is not taken for one."""
    with pytest.raises((ValueError, TypeError)):
        Message.from_dict({**Message(REPORT, "a").to_dict(), **damage})
