#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``memory_usage``: read what the services and the machine use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_usage
short_description: Read what the services and the machine use of the memory
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Reads memory, swap, pressure and OOM kills of each container of a Compose project and of the machine, from the
    kernel's own files (control groups version 1 and 2), C(docker inspect) and the kernel's log.
  - Changes nothing and starts nothing, not even a stopped Docker.
  - What could not be read is null, never 0.
  - P(planner.droplet.drift_report#filter) compares the result with the plan.
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
  project:
    description: The Compose project's name.
    type: str
    default: planner
  since_h:
    description: Hours to look back for containers that ended and for OOM kills in the kernel's log.
    type: int
    default: 24
"""

EXAMPLES = r"""
- name: Read what the services use
  planner.droplet.memory_usage:
  register: memory

- name: Show it
  ansible.builtin.debug:
    msg: "{{ memory.usage | planner.droplet.drift_report(droplet_plan, droplet_services) }}"
"""

RETURN = r"""
usage:
  description: What was read, in MiB.
  type: dict
  returned: always
  contains:
    docker:
      description: C(state) is C(running), C(stopped), C(not installed) or C(no answer); C(error) what Docker said.
      type: dict
    containers:
      description:
        - One entry a container, with C(service), C(name), C(state), C(health), C(restarts), C(exit_code), C(exit_codes)
          and C(oom_events) (of earlier runs), C(started_at), C(limit_mb), C(used_mb), C(working_set_mb) (anonymous
          and shared), C(held_mb), C(cache_mb), C(kernel_mb), C(swap_mb), C(peak_mb), C(oom_kills).
        - Null where Docker does not answer.
      type: list
    machine:
      description:
        - C(total_mb), C(available_mb), C(swap_total_mb), C(swap_used_mb), C(pressure), C(oom_kills_since_boot),
          C(load).
      type: dict
    kernel_log:
      description: The processes that the OOM killer ended, or null where the log cannot be read.
      type: list
    since_h:
      description: Hours looked back.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    Files,
)
from ansible_collections.planner.droplet.plugins.module_utils._usage_reader import (
    read_usage,
)


def main() -> None:
    """Read, report."""
    module = AnsibleModule(
        argument_spec={
            "project": {"type": "str", "default": "planner"},
            "since_h": {"type": "int", "default": 24},
        },
        supports_check_mode=True,
    )
    usage = read_usage(Files(), module.params["project"], module.params["since_h"])
    module.exit_json(changed=False, usage=usage)


if __name__ == "__main__":
    main()
