# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What Monit found since the last look: one file for each of its checks that fails, with its own words.

``planner-watch-heard`` writes and removes them; they are in /run, so that a reboot begins anew, as Monit does.
"""

from __future__ import annotations

import os

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    Finding,
)

HEARD = "/run/planner-watch/heard"
PID_FILE = "/run/monit.pid"
MONIT = "monit"
_DO = {
    "cpu": "see what takes it: `top -b -n 1 | head -20`; docs/memory-plan.md has the next size",
    "load": "see who waits: `top -b -n 1 | head -20`, and for the disk `vmstat 1 5`",
    "dockerd": "systemctl start docker",
}
CHECKS = frozenset({*_DO, MONIT})
_LONGEST = 300


def heard(folder: str = HEARD, pid_file: str = PID_FILE) -> list[Finding]:
    """Read them; what Monit checks and did not complain of is well, unless Monit itself is gone."""
    if not _runs(pid_file):
        gone = "it does not run: nobody measures CPU and load, and nobody sees that nobody looks"
        return [Finding(PROBLEM, MONIT, "machine", gone, "systemctl restart monit")]
    found = [Finding(OK, MONIT, "machine", "it runs")]
    for name, do in _DO.items():
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                said = " ".join(file.read(_LONGEST).split()) or "it failed"
            found.append(Finding(PROBLEM, name, "machine", said, do))
        except FileNotFoundError:
            found.append(Finding(OK, name, "machine", "Monit does not complain"))
    return found


def _runs(pid_file: str) -> bool:
    try:
        with open(pid_file, encoding="ascii") as file:
            return os.path.exists(f"/proc/{int(file.read())}")
    except (OSError, ValueError):
        return False
