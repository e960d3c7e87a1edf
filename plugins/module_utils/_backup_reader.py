# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads what backups there are: for the module ``backup_state``, and on the host itself."""

from __future__ import annotations

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import moment, show_units
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import is_held
from ansible_collections.planner.droplet.plugins.module_utils._program_status import status_of

PROGRAM = "/usr/local/sbin/planner-backup"
JOBS = ("planner-backup", "planner-backup-check", "planner-drill")
PROPERTIES = (
    "--property=ActiveState,Result,NextElapseUSecRealtime,LastTriggerUSec,ExecMainExitTimestamp"
)


def read_backups() -> dict[str, Any]:
    """Read what the module ``backup_state`` returns."""
    # Twice: what begins or ends meanwhile is under way, not cut off.
    before = is_held()
    status, error = status_of(PROGRAM)
    busy = before or is_held()
    return {"status": status, "units": read_units(), "busy": busy, "error": error}


def read_units() -> dict[str, Any] | None:
    """Ask systemd about the timers and about what they start."""
    blocks = show_units(
        PROPERTIES, [f"{job}.{kind}" for job in JOBS for kind in ("timer", "service")]
    )
    if blocks is None:
        return None
    pairs = zip(JOBS, blocks[::2], blocks[1::2])  # noqa: B905 - Python 3.9
    return {job: _unit(timer, service) for job, timer, service in pairs}


def _unit(timer: dict[str, str], service: dict[str, str]) -> dict[str, Any]:
    """Put together what systemd tells of one job."""
    return {
        "active": timer.get("ActiveState") == "active",
        "next": moment(timer.get("NextElapseUSecRealtime", "")),
        "last": moment(timer.get("LastTriggerUSec", "")),
        "failed": service.get("ActiveState") == "failed",
        "result": service.get("Result", ""),
        "ended": moment(service.get("ExecMainExitTimestamp", "")),
    }
