# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A timer of systemd's that brings an upgrade to an end, should whoever began it be no more while the app is held."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

UNIT = "planner-upgrade-undo"
_WAITS_S = 36000
# What does not work now may in a minute: nobody is served meanwhile.
_AGAIN = ("Restart=on-failure", "RestartSec=60", "StartLimitIntervalSec=3600", "StartLimitBurst=10")


def arm(after_s: int) -> None:
    """Have the program settle what is open then. It waits for the lock, so it never acts while an event is at work."""
    _call("systemctl", "--quiet", "stop", f"{UNIT}.timer", f"{UNIT}.service")
    timer = ("--collect", "--on-active", str(after_s), "--timer-property=AccuracySec=1s")
    again = [word for setting in _AGAIN for word in ("--property", setting)]
    program = (os.path.abspath(sys.argv[0]), "settle", "--wait", str(_WAITS_S))
    _call("systemd-run", "--quiet", "--unit", UNIT, *timer, *again, *program)


def disarm_timer() -> None:
    """End the timer. What it started already may be who calls this, or waits and finds nothing open."""
    _call("systemctl", "--quiet", "stop", f"{UNIT}.timer")


def _call(*words: str) -> None:
    # Stopping what is not there is no failure, and one in arming must not keep an upgrade back.
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(words, capture_output=True, check=False, timeout=60)  # noqa: S603
