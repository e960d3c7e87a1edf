# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A timer of systemd's that has somebody serve again, should the event die that stopped who did."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress

UNIT = "planner-release-undo"


def arm(old: str, new: str, after_s: float) -> None:
    """Have the old container started after so many seconds, whatever becomes of this process.

    Not beside the new one: there is no memory for two, or its owner does not want two.
    """
    _arm(after_s, "sh", "-c", 'docker stop "$1"; docker start "$0"', old, new)


def arm_start(names: Sequence[str], after_s: float) -> None:
    """Have containers that are held started after so many seconds."""
    _arm(after_s, "docker", "start", *names)


def _arm(after_s: float, *action: str) -> None:
    disarm()
    # Collected also after a failure: one that stayed would keep the next from being armed.
    timer = ("--collect", "--on-active", f"{after_s:.0f}", "--timer-property=AccuracySec=1s")
    _call("systemd-run", "--quiet", "--unit", UNIT, *timer, *action)


def disarm() -> None:
    """The event ended by itself in one way or the other, or another one goes on with it."""
    _call("systemctl", "--quiet", "stop", f"{UNIT}.timer")


def _call(*words: str) -> None:
    # Stopping what is not there is no failure, and one in arming must not keep a release back.
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(words, capture_output=True, check=False, timeout=30)  # noqa: S603
