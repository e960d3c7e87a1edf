#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``upgrades``: read what apt upgraded and what is left to do."""

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrades
short_description: Read what apt upgraded, and what is left to do
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Reads apt's own log, the last run of unattended-upgrades, whether a restart is needed, what could be upgraded and
    what is not installed to the end.
  - Changes nothing. What could not be read is null.
  - P(planner.droplet.upgrade_section#filter) judges the result.
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
options:
  days:
    description: How far to look back in the log.
    type: int
    default: 31
"""

EXAMPLES = r"""
- name: Read what was upgraded
  planner.droplet.upgrades:
  register: upgrades

- name: Show the last run
  ansible.builtin.debug:
    var: upgrades.upgrades.runs[-1]
"""

RETURN = r"""
upgrades:
  description: What was read. Times are in seconds since the epoch, except those of the runs.
  type: dict
  returned: always
  contains:
    now:
      description: The host's own time.
      type: float
    runs:
      description:
        - Runs of apt, the oldest first, with C(at) (the host's time zone), C(by) (C(unattended) or C(by hand)),
          C(command), C(changes) (C(package), C(action), C(old), C(new)), C(error), C(finished).
      type: list
    installed_at:
      description: Since when unattended-upgrades is installed, or null.
      type: float
    last_success:
      description: The last unattended run without an error, or null.
      type: float
    pending:
      description: Packages that could be upgraded, or null.
      type: list
    unfinished:
      description: Packages that are not installed to the end, or null.
      type: list
    reboot_since:
      description: Since when a restart is needed, or null.
      type: float
    reboot_packages:
      description: What it is needed for.
      type: list
"""

import glob
import gzip
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import (
    Run,
    parse_history,
    parse_simulation,
    parse_status,
)

# A test has another root.
ROOT = "/"
STAMP = "var/lib/apt/periodic/upgrade-stamp"
PACKAGE = "var/lib/dpkg/info/unattended-upgrades.list"
REBOOT = "run/reboot-required"
HISTORY = "var/log/apt/history.log"
PENDING = ["apt-get", "--simulate", "-qq", "-o", "Debug::NoLocking=true", "upgrade"]
STATUS = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${binary:Package}\n"]


def changed_at(path: str) -> float | None:
    """Return when a file was written, None where there is none."""
    try:
        return os.stat(os.path.join(ROOT, path)).st_mtime
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


def history(since: float) -> list[Run]:
    """Read the log and those rotated away since then, the oldest run first."""
    paths = glob.glob(os.path.join(ROOT, HISTORY) + "*")
    first = time.strftime("%Y-%m-%d", time.localtime(since))  # the log has the host's time
    runs = {
        run
        for path in paths
        if os.stat(path).st_mtime >= since
        for run in parse_history(read(path))
    }
    return sorted((run for run in runs if run.at >= first), key=lambda run: run.at)


def ask(module: AnsibleModule, command: list[str]) -> str | None:
    """Run a command that only reads; None where it cannot."""
    if module.get_bin_path(command[0]) is None:
        return None
    code, output, _ = module.run_command(command, environ_update={"LC_ALL": "C"})
    return output if code == 0 else None


def main() -> None:
    """Read, report."""
    module = AnsibleModule(
        argument_spec={"days": {"type": "int", "default": 31}}, supports_check_mode=True
    )
    now = time.time()
    simulated, status = ask(module, PENDING), ask(module, STATUS)
    packages = set(read(os.path.join(ROOT, f"{REBOOT}.pkgs")).split())
    module.exit_json(
        changed=False,
        upgrades={
            "now": now,
            "runs": [run.to_dict() for run in history(now - module.params["days"] * 86400)],
            "installed_at": changed_at(PACKAGE),
            "last_success": changed_at(STAMP),
            "pending": None if simulated is None else parse_simulation(simulated),
            "unfinished": None if status is None else parse_status(status),
            "reboot_since": changed_at(REBOOT),
            "reboot_packages": sorted(packages),
        },
    )


if __name__ == "__main__":
    main()
