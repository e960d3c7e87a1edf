#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``watch_state``: read what stands, and who would be told."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watch_state
short_description: Read what stands, and who would be told
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Asks the program C(planner-watch), which the role watch installs, what its last look found. It answers from its
    state; nothing is looked at anew, and no secret is returned.
  - P(planner.droplet.watch_section#filter) judges the result.
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
- name: Read what stands
  planner.droplet.watch_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.watch | planner.droplet.watch_section).lines }}"
"""

RETURN = r"""
watch:
  description: What was read.
  type: dict
  returned: always
  contains:
    status:
      description:
        - What C(planner-watch status) says, or null. C(alerts) are the problems that were told and last, C(findings)
          what the last look did not find well, C(channels) how each delivers, C(pinged) the last call of the outside
          service. Times are in seconds since the epoch, C(now) is the host's own.
      type: dict
    error:
      description: Why the program could not be asked. Empty if it could.
      type: str
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/planner-watch"


def main() -> None:
    """Ask, report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    status, error = None, "not installed"
    if os.path.exists(PROGRAM):
        code, out, err = module.run_command([PROGRAM, "status"])
        try:
            status, error = json.loads(out), ""
        except ValueError:
            said = [line for line in (err or out).splitlines() if line.strip()] or ["nothing"]
            error = f"planner-watch status ended with {code} and said: {said[-1]}"
    module.exit_json(changed=False, watch={"status": status, "error": error})


if __name__ == "__main__":
    main()
