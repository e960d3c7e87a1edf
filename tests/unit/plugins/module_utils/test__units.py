"""Units as systemd shows them, and the calls that bring them to the wish."""

from dataclasses import replace

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._units import (
    MISSING,
    Unit,
    Wish,
    actions,
    parse_show,
)

RUNNING = """\
Type=notify
LoadState=loaded
ActiveState=active
UnitFileState=enabled
StateChangeTimestamp=Tue 2026-11-24 17:23:14.500000 UTC
ActiveEnterTimestamp=Tue 2026-11-24 17:23:14.000000 UTC
InactiveEnterTimestamp=
NeedDaemonReload=no
ConditionResult=yes
ConditionTimestamp=Tue 2026-11-24 17:23:13.000000 UTC
"""
ABSENT = "Type=\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nConditionResult=no\n"
START = 1795540994.0
GOOD = Unit(started_at=START, changed_at=START + 0.5)
IDLE = replace(GOOD, active=False)
FILE = "/etc/a.conf"
OLD, NEW = {FILE: START - 1}, {FILE: START + 9}


def shown(**changes: str) -> Unit:
    """What one block says, a little different."""
    block = dict(line.split("=", 1) for line in RUNNING.splitlines()) | changes
    return parse_show(["a"], "\n".join(f"{key}={value}" for key, value in block.items()))["a"]


def test_parse() -> None:
    """A block for each name, in the order asked for."""
    assert parse_show(["ssh.service", "cron"], f"{RUNNING}\n{ABSENT}") == {
        "ssh.service": GOOD,
        "cron": MISSING,
    }
    assert parse_show([], "") == {}


def test_a_missing_answer_is_refused() -> None:
    """Half an answer would be taken for another unit's."""
    with pytest.raises(ValueError, match="2 units asked for, 1 answered"):
        parse_show(["a", "b"], RUNNING)


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"UnitFileState": "static"}, {}),
        ({"UnitFileState": "disabled"}, {"enabled": False}),
        ({"UnitFileState": "enabled-runtime"}, {"enabled": False}),
        ({"UnitFileState": "linked"}, {"enabled": False}),
        ({"LoadState": "masked", "UnitFileState": "masked"}, {"masked": True, "enabled": False}),
        ({"ActiveState": "failed"}, {"active": False, "failed": True}),
        ({"ActiveState": "reloading"}, {}),
        ({"NeedDaemonReload": "yes"}, {"stale_definition": True}),
        ({"ActiveEnterTimestamp": "n/a"}, {"started_at": 0.0}),
        ({"ConditionResult": "no"}, {"refused_at": START - 1}),
        # Never tried: systemd says "no" of every unit that was not started yet.
        ({"ConditionResult": "no", "ConditionTimestamp": ""}, {}),
    ],
)
def test_parse_states(changes: dict[str, str], expected: dict[str, object]) -> None:
    """Each word of systemd's that matters."""
    assert shown(**changes) == replace(GOOD, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "kind, state, finished",
    [
        ("oneshot", "inactive", START),
        ("oneshot", "failed", 0.0),
        ("oneshot", "active", 0.0),
        ("simple", "inactive", 0.0),
    ],
)
def test_parse_oneshot(kind: str, state: str, finished: float) -> None:
    """Only a oneshot unit that succeeded is done without running."""
    at = "Tue 2026-11-24 17:23:14.000000 UTC"
    unit = shown(Type=kind, ActiveState=state, InactiveEnterTimestamp=at)
    assert unit.finished_at == finished


@pytest.mark.parametrize(
    "wish, unit, written, expected",
    [
        # As wished.
        (Wish("a", files=(FILE,)), GOOD, OLD, []),
        (Wish("a", files=(FILE,)), GOOD, {}, []),
        (Wish("a", files=(FILE,)), GOOD, NEW, ["restart a"]),
        (Wish("a", files=(FILE,), on_change="reload"), GOOD, NEW, ["reload a"]),
        # A reload makes files read, but only for a unit that is to be reloaded; a timer that elapsed read none.
        (Wish("a", files=(FILE,), on_change="reload"), GOOD, {FILE: START + 0.2}, []),
        (Wish("a", files=(FILE,)), GOOD, {FILE: START + 0.2}, ["restart a"]),
        # Not running, or not at boot.
        (Wish("a"), IDLE, {}, ["start a"]),
        (Wish("a", files=(FILE,)), IDLE, NEW, ["start a"]),
        (Wish("a"), replace(GOOD, enabled=False), {}, ["enable a"]),
        (Wish("a"), MISSING, {}, ["enable a", "start a"]),
        (
            Wish("a"),
            replace(IDLE, masked=True, enabled=False),
            {},
            ["unmask a", "enable a", "start a"],
        ),
        # Skipped by systemd, or done: until its files change.
        (Wish("a", files=(FILE,)), replace(IDLE, refused_at=START), OLD, []),
        (Wish("a", files=(FILE,)), replace(IDLE, refused_at=START), NEW, ["start a"]),
        (Wish("a", files=(FILE,)), replace(IDLE, finished_at=START), OLD, []),
        (Wish("a", files=(FILE,)), replace(IDLE, finished_at=START), NEW, ["start a"]),
        # Masked.
        (Wish("a", "masked"), GOOD, {}, ["mask --now a"]),
        (Wish("a", "masked"), IDLE, {}, ["mask --now a"]),
        (Wish("a", "masked"), replace(IDLE, masked=True), {}, []),
        (Wish("a", "masked"), MISSING, {}, []),
        (Wish("a", "masked"), replace(GOOD, masked=True), {}, ["stop a"]),
        (Wish("a", "masked"), replace(MISSING, active=True), {}, ["stop a"]),
        (Wish("a", "masked", (FILE,)), GOOD, NEW, ["mask --now a"]),
        # Stopped.
        (Wish("a", "stopped", (FILE,)), GOOD, NEW, ["stop a", "disable a"]),
        (Wish("a", "stopped"), IDLE, {}, ["disable a"]),
        (Wish("a", "stopped"), replace(GOOD, enabled=False), {}, ["stop a"]),
        (Wish("a", "stopped"), replace(IDLE, enabled=False), {}, []),
        (Wish("a", "stopped"), replace(IDLE, masked=True), {}, []),
        (Wish("a", "stopped"), MISSING, {}, []),
        (Wish("a", "stopped"), replace(MISSING, failed=True), {}, ["reset-failed a"]),
        (Wish("a", "stopped"), replace(MISSING, active=True), {}, ["stop a"]),
        # As it is.
        (Wish("a", "as_is", (FILE,)), MISSING, NEW, []),
        (Wish("a", "as_is", (FILE,)), IDLE, NEW, []),
        (Wish("a", "as_is", (FILE,)), replace(GOOD, enabled=False), NEW, ["restart a"]),
        (Wish("a", "as_is", (FILE,)), GOOD, OLD, []),
    ],
)
def test_actions(wish: Wish, unit: Unit, written: dict[str, float], expected: list[str]) -> None:
    """From every state a unit can be in."""
    found = actions([wish], {"a": unit}, written)
    assert [f"{action.verb} {action.unit}" for action in found] == expected


def test_unknown_units_are_missing() -> None:
    """A unit that was not shown counts as not installed."""
    assert [str(action) for action in actions([Wish("a")], {}, {})] == [
        "enable a",
        "start a (not running)",
    ]


def test_what_stops_is_stopped_before_its_file_is_missed() -> None:
    """Systemd fails a timer whose file is gone by the time it reads the files again."""
    gone = replace(GOOD, stale_definition=True)
    found = actions([Wish("a"), Wish("b", "stopped")], {"a": GOOD, "b": gone}, {})
    assert [action.verb for action in found] == ["stop", "disable", "daemon-reload"]


def test_definitions_are_read_once_and_first() -> None:
    """One daemon-reload for all, before anything is started with the old definition."""
    stale = replace(GOOD, stale_definition=True)
    units = {"a": stale, "b": replace(stale, active=False), "c": GOOD}
    found = actions([Wish("a"), Wish("b"), Wish("c")], units, {})
    assert [str(action) for action in found] == [
        "daemon-reload (unit files changed)",
        "start b (not running)",
    ]
