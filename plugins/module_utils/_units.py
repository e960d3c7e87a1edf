# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Systemd's units as they are, and what brings each to the wished state.

A unit counts as stale when one of its files is younger than its last start or reload. That is seen on the host, not
remembered by a run, so a run that was cut short is finished by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROPERTIES = (
    "ActiveEnterTimestamp",
    "ActiveState",
    "ConditionResult",
    "ConditionTimestamp",
    "InactiveEnterTimestamp",
    "LoadState",
    "NeedDaemonReload",
    "StateChangeTimestamp",
    "Type",
    "UnitFileState",
)
"""What ``systemctl show`` is asked for."""

STARTED, STOPPED, MASKED, AS_IS = "started", "stopped", "masked", "as_is"
_NOT_AT_BOOT = (
    "disabled",
    "enabled-runtime",
    "linked",
    "linked-runtime",
    "masked",
    "masked-runtime",
)


@dataclass(frozen=True)
class Wish:
    """One unit as it should be: started (and enabled), stopped (and not), masked, or as it is but up to date.

    ``on_change`` is the verb that makes it read changed ``files``: restart or reload.
    """

    name: str
    state: str = STARTED
    files: tuple[str, ...] = ()
    on_change: str = "restart"


@dataclass(frozen=True)
class Unit:
    """One unit as systemd knows it. Times are in seconds since the epoch, 0 for never."""

    exists: bool = True
    enabled: bool = True
    masked: bool = False
    active: bool = True
    failed: bool = False
    stale_definition: bool = False
    refused_at: float = 0.0
    """Systemd tried and skipped it then: this machine does not meet its conditions."""
    started_at: float = 0.0
    changed_at: float = 0.0
    """The last start or reload, or any other step of its life."""
    finished_at: float = 0.0
    """Only of a oneshot unit that does not remain: when it had done its work well."""


MISSING = Unit(exists=False, enabled=False, active=False)


@dataclass(frozen=True)
class Action:
    """One call of systemctl: ``verb`` for ``unit``, or for all when that is empty."""

    verb: str
    unit: str = ""
    why: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Render as the line that a diff shows."""
        return f"{self.verb} {self.unit}".rstrip() + (f" ({self.why})" if self.why else "")


def parse_show(names: Sequence[str], output: str) -> dict[str, Unit]:
    """Read ``systemctl show`` of several units: blocks of KEY=VALUE with an empty line between them.

    The blocks are in the order of the names. Their Id is of no use, because it is another one for an alias.
    """
    blocks = output.strip().split("\n\n") if output.strip() else []
    if len(blocks) != len(names):
        raise ValueError(f"systemctl show: {len(names)} units asked for, {len(blocks)} answered")
    return {
        name: _unit(dict(line.split("=", 1) for line in block.splitlines() if "=" in line))
        for name, block in zip(names, blocks, strict=True)
    }


def _unit(shown: Mapping[str, str]) -> Unit:
    file_state = shown.get("UnitFileState")
    oneshot = shown.get("Type") == "oneshot" and shown.get("ActiveState") == "inactive"
    refused = shown.get("ConditionResult") == "no"
    return Unit(
        exists=shown.get("LoadState") != "not-found",
        # A static unit cannot be enabled and does not need to be.
        enabled=shown.get("LoadState") != "not-found" and file_state not in _NOT_AT_BOOT,
        masked=shown.get("LoadState") == "masked",
        active=shown.get("ActiveState") in ("active", "activating", "reloading"),
        failed=shown.get("ActiveState") == "failed",
        stale_definition=shown.get("NeedDaemonReload") == "yes",
        refused_at=_seconds(shown.get("ConditionTimestamp", "")) if refused else 0.0,
        started_at=_seconds(shown.get("ActiveEnterTimestamp", "")),
        changed_at=_seconds(shown.get("StateChangeTimestamp", "")),
        finished_at=_seconds(shown.get("InactiveEnterTimestamp", "")) if oneshot else 0.0,
    )


def _seconds(timestamp: str) -> float:
    """Read what ``systemctl show --timestamp=us+utc`` prints: Tue 2026-11-24 17:23:14.317706 UTC."""
    if not timestamp or timestamp == "n/a":
        return 0.0
    # Without the day: its name would be read in the language of this process.
    _, day, time, _ = timestamp.split()
    return dt.datetime.fromisoformat(f"{day}T{time}+00:00").timestamp()


def actions(
    wishes: Sequence[Wish], units: Mapping[str, Unit], written_at: Mapping[str, float]
) -> tuple[Action, ...]:
    """List the calls that bring every unit to its wished state; none when all are.

    ``written_at`` holds the modification time of each file that exists, in seconds since the epoch.
    """
    result = []
    for wish in wishes:  # before a reload, which fails a timer whose file is gone
        if wish.state == STOPPED:
            result += _stopping(wish, units.get(wish.name, MISSING))
    if any(units.get(wish.name, MISSING).stale_definition for wish in wishes):
        result.append(Action("daemon-reload", why="unit files changed"))
    for wish in wishes:
        unit = units.get(wish.name, MISSING)
        newest = max((written_at[path] for path in wish.files if path in written_at), default=0.0)
        if wish.state == MASKED:
            result += _masking(wish, unit)
        elif wish.state == STARTED:
            result += _starting(wish, unit, newest)
        result += _refreshing(wish, unit, newest)
    return tuple(result)


def _masking(wish: Wish, unit: Unit) -> list[Action]:
    if unit.exists and not unit.masked:
        return [Action("mask --now", wish.name)]
    # Masked by somebody, or its file removed, while it ran.
    return [Action("stop", wish.name, "still running")] if unit.active else []


def _stopping(wish: Wish, unit: Unit) -> list[Action]:
    result = []
    if unit.active:  # also one whose file is gone; before `disable`, which has all files read again
        result.append(Action("stop", wish.name, "still running"))
    if unit.exists and unit.enabled and not unit.masked:
        result.append(Action("disable", wish.name))
    if unit.failed:  # as a timer whose service has gone before it
        result.append(Action("reset-failed", wish.name))
    return result


def _starting(wish: Wish, unit: Unit, newest: float) -> list[Action]:
    result = []
    if unit.masked:
        result.append(Action("unmask", wish.name))
    if not unit.enabled:
        result.append(Action("enable", wish.name))
    done_at = max(unit.refused_at, unit.finished_at)
    if not unit.active and (not done_at or newest > done_at):
        result.append(Action("start", wish.name, "not running"))
    return result


def _refreshing(wish: Wish, unit: Unit, newest: float) -> list[Action]:
    # A timer that elapses changes its state too; only a start makes it read its file.
    read_at = unit.started_at if wish.on_change == "restart" else unit.changed_at
    if wish.state in (MASKED, STOPPED) or not unit.active or newest <= read_at:
        return []
    return [Action(wish.on_change, wish.name, "its configuration is newer")]
