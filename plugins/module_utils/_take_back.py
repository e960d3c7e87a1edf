# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What takes an unproved change back: a script, and the unit that runs it when time is up or at boot."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

FOLDER = "/var/lib/planner/unconfirmed"
SCRIPT = f"{FOLDER}/take-back"
BEFORE = f"{FOLDER}/before"
"""Copies of the files as they were, under their own paths."""
UNIT = "planner-take-back.service"
TIMER = "planner-take-back.timer"
UNIT_PATH = f"/etc/systemd/system/{UNIT}"
WANTED_PATH = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"
"""A reboot forgets the timer, so the unit runs at boot as well."""
COPY = ("cp", "--no-dereference", "--preserve=all", "--")
"""Keeps content, mode, owner and times; a link stays a link."""

UNIT_TEXT = f"""\
# Written by planner.droplet. It is here only while a change of ssh or firewall waits to be proved.
[Unit]
Description=Take back a change that nobody confirmed
ConditionPathExists={SCRIPT}

[Service]
Type=oneshot
# The plus: whatever sandbox the host has for units, this one must reach every file.
ExecStart=+/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""


def script(changed: Iterable[str], created: Iterable[str], apply: Sequence[str]) -> str:
    """Write the shell script: restore what changed, remove what was created, apply, then remove itself.

    ``changed`` and ``created`` are paths below ``/``; ``apply`` are lines of shell, each run by a shell of its own. One
    that fails, or is none, does not keep the others from running. While a file is not as it was, the script fails and
    stays, and the next boot tries again.
    """
    lines = ["#!/bin/sh", "echo 'Nobody confirmed the change: taking it back.'", "failed=0"]
    restore = [[*COPY, f"{BEFORE}/{path}", f"/{path}"] for path in changed]
    restore += [["rm", "-f", f"/{path}"] for path in created]
    lines += [f"{shlex.join(command)} || failed=1" for command in restore]
    # The copies are removed below: what was restored must not be in memory only.
    lines += ["sync || failed=1"]
    lines += [shlex.join(["/bin/sh", "-c", line]) for line in apply]
    lines += ['[ "$failed" = 0 ] || exit 1']
    lines += [f"rm -rf {FOLDER} {UNIT_PATH} {WANTED_PATH}", "systemctl daemon-reload"]
    lines += [f"systemctl stop {TIMER} 2>/dev/null", "exit 0"]
    return "\n".join(lines) + "\n"


def missing_lines(output: str, expected: Iterable[str]) -> tuple[str, ...]:
    """List the lines that a command should have printed and did not."""
    printed = {line.strip() for line in output.splitlines()}
    return tuple(line for line in expected if line not in printed)


def instead_of(output: str, expected: str) -> str:
    """Find what a command printed for the same first word."""
    word = expected.split(" ", 1)[0]
    found = [line.strip() for line in output.splitlines() if line.strip().split(" ", 1)[0] == word]
    return found[0] if found else "nothing"
