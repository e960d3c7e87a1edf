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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._upgrades_reader import (
    read_upgrades,
)

# A test has another root.
ROOT = "/"


def main() -> None:
    """Read, report."""
    module = AnsibleModule(
        argument_spec={"days": {"type": "int", "default": 31}}, supports_check_mode=True
    )
    module.exit_json(changed=False, upgrades=read_upgrades(module.params["days"], ROOT))


if __name__ == "__main__":
    main()
