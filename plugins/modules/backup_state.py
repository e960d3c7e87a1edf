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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._backup_reader import (
    read_backups,
)


def main() -> None:
    """Read, report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, backups=read_backups())


if __name__ == "__main__":
    main()
