# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads what apt upgraded and what is left to do: for the module ``upgrades``, and on the host itself."""

from __future__ import annotations

import glob
import gzip
import os
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import ask
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import (
    Run,
    parse_history,
    parse_simulation,
    parse_status,
)

STAMP = "var/lib/apt/periodic/upgrade-stamp"
PACKAGE = "var/lib/dpkg/info/unattended-upgrades.list"
REBOOT = "run/reboot-required"
HISTORY = "var/log/apt/history.log"
PENDING = ("apt-get", "--simulate", "-qq", "-o", "Debug::NoLocking=true", "upgrade")
STATUS = ("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${binary:Package}\n")
TIMEOUT_S = 120.0
"""Seconds that one command may take."""
DAY_S = 86400


def read_upgrades(days: int, root: str = "/", *, pending: bool = True) -> dict[str, Any]:
    """Read what the module ``upgrades`` returns, looking back ``days``.

    Without ``pending`` apt is not asked what it would upgrade, which takes it some 100 MiB.
    """
    now = time.time()
    simulated, status = _ask(PENDING) if pending else None, _ask(STATUS)
    packages = set(read(os.path.join(root, f"{REBOOT}.pkgs")).split())
    return {
        "now": now,
        "runs": [run.to_dict() for run in history(now - days * DAY_S, root)],
        "installed_at": changed_at(PACKAGE, root),
        "last_success": changed_at(STAMP, root),
        "pending": None if simulated is None else parse_simulation(simulated),
        "unfinished": None if status is None else parse_status(status),
        "reboot_since": changed_at(REBOOT, root),
        "reboot_packages": sorted(packages),
    }


def changed_at(path: str, root: str = "/") -> float | None:
    """Return when a file was written, None where there is none."""
    try:
        return os.stat(os.path.join(root, path)).st_mtime
    except OSError:
        return None


def read(path: str) -> str:
    """Read a log, packed or not; one that cannot be read is empty."""
    opened = gzip.open if path.endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace") as file:
            return str(file.read())
    except (OSError, EOFError):
        return ""


def history(since: float, root: str = "/") -> list[Run]:
    """Read the log and those rotated away since then, the oldest run first."""
    paths = glob.glob(os.path.join(root, HISTORY) + "*")
    first = time.strftime("%Y-%m-%d", time.localtime(since))  # the log has the host's time
    runs = {
        run
        for path in paths
        if os.stat(path).st_mtime >= since
        for run in parse_history(read(path))
    }
    return sorted((run for run in runs if run.at >= first), key=lambda run: run.at)


def _ask(command: Sequence[str]) -> str | None:
    """Run a command that only reads; None where it cannot."""
    try:
        return ask(*command, timeout_s=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
