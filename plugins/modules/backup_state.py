#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``backup_state``: read what backups there are, and whether a restore was rehearsed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_state
short_description: Read what backups there are, and whether a restore was rehearsed
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Asks the program C(planner-backup), which the role backup installs, and systemd about the timers that run it. The
    program answers from its log and the local disk; neither Docker nor the off-site storage is asked.
  - Changes nothing and waits for nothing, also while a backup runs. No secret is returned. What could not be read is
    null.
  - P(planner.droplet.backup_section#filter) judges the result.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and does the same.
  diff_mode:
    support: none
    description: Nothing changes, so there is nothing to show.
  idempotent:
    support: full
    description: It only reads.
options: {}
"""

EXAMPLES = r"""
- name: Read what backups there are
  planner.droplet.backup_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.backups | planner.droplet.backup_section).lines }}"
"""

RETURN = r"""
backups:
  description: What was read. Times are in seconds since the epoch, in C(status) also as the log has them.
  type: dict
  returned: always
  contains:
    status:
      description:
        - What C(planner-backup status) says, or null. C(backup), C(upload), C(check), C(drill) and C(restore) are the
          last runs, C(good_backup), C(good_upload) and C(passed_drill) the last that counted, C(running) one that began
          and has not ended, C(sizes) and C(drill_seconds) the last ten, C(now) the host's own time.
      type: dict
    units:
      description:
        - By the name of a job, whether its timer is C(active), when it ran C(last) and runs C(next), whether the last
          run has C(failed), systemd's C(result), and when it C(ended). Null where systemd did not tell.
      type: dict
    busy:
      description: Whether some event on the host holds the lock of maintenance now, or null.
      type: bool
    error:
      description: Why the program could not be asked. Empty if it could.
      type: str
"""

import datetime as dt
import json
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/planner-backup"
LOCK = "/run/lock/planner-maintenance.lock"
LOCKS = "/proc/locks"
HELD = re.compile(r"\d+: FLOCK .* (\S+:\d+) \d+ EOF")
JOBS = ("planner-backup", "planner-backup-check", "planner-drill")
PROPERTIES = (
    "--property=ActiveState,Result,NextElapseUSecRealtime,LastTriggerUSec,ExecMainExitTimestamp"
)


def read_status(module: AnsibleModule) -> tuple[dict[str, Any] | None, str]:
    """Ask the program; where it does not tell, say why."""
    if not os.path.exists(PROGRAM):
        return None, "not installed"
    code, out, err = module.run_command([PROGRAM, "status"])
    try:
        told = json.loads(out)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told, ""
    said = [line for line in (err or out).splitlines() if line.strip()]
    return (
        None,
        f"planner-backup status ended with {code}: {said[-1] if said else 'it said nothing'}",
    )


def read_units(module: AnsibleModule) -> dict[str, Any] | None:
    """Ask systemd about the timers and about what they start."""
    systemctl = module.get_bin_path("systemctl")
    if systemctl is None:
        return None
    names = [f"{job}.{kind}" for job in JOBS for kind in ("timer", "service")]
    # systemd writes times in the time zone of whoever asks.
    code, out, _ = module.run_command(
        [systemctl, "show", PROPERTIES, *names], environ_update={"LC_ALL": "C", "TZ": "UTC"}
    )
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in out.strip().split("\n\n")
    ]
    if code != 0 or len(blocks) != len(names):
        return None
    pairs = zip(JOBS, blocks[::2], blocks[1::2])  # noqa: B905 - Python 3.9
    return {job: unit(timer, service) for job, timer, service in pairs}


def unit(timer: dict[str, str], service: dict[str, str]) -> dict[str, Any]:
    """Put together what systemd tells of one job."""
    return {
        "active": timer.get("ActiveState") == "active",
        "next": moment(timer.get("NextElapseUSecRealtime", "")),
        "last": moment(timer.get("LastTriggerUSec", "")),
        "failed": service.get("ActiveState") == "failed",
        "result": service.get("Result", ""),
        "ended": moment(service.get("ExecMainExitTimestamp", "")),
    }


def moment(text: str) -> float | None:
    """Read what systemd writes, such as Sat 2026-11-28 06:50:25 UTC; None for never."""
    try:
        _, day, time, zone = text.split()
        found = dt.datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        return None
    return found.timestamp() if zone == "UTC" else None


def read_busy() -> bool | None:
    """Look whether somebody holds the lock, without ever taking it: who waits for it must not be held up."""
    try:
        with open(LOCKS, encoding="ascii") as file:
            held = {found[1] for line in file if (found := HELD.match(line))}
        lock = os.stat(LOCK)
    except FileNotFoundError:
        return False if os.path.exists(LOCKS) else None
    except (OSError, ValueError):
        return None
    return f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}" in held


def main() -> None:
    """Read, report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    # Twice: what begins or ends meanwhile is under way, not cut off.
    before = read_busy()
    status, error = read_status(module)
    busy = before or read_busy()
    module.exit_json(
        changed=False,
        backups={"status": status, "units": read_units(module), "busy": busy, "error": error},
    )


if __name__ == "__main__":
    main()
