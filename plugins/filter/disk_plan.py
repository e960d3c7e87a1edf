# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``disk_plan``: glue between templates and the pure plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: disk_plan
short_description: Divide a Droplet's disk, and tell how large the database may grow
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Gives every part of the disk its room (system, swap, journal, logs, images, backups, PostgreSQL ...) from the size's
    disk and the roles' own options, and calls the rest room for the database with its backups.
  - Fails with what would fit instead when the parts do not fit.
  - All sizes are in MiB.
positional: options, format
options:
  _input:
    description: The memory plan, as P(planner.droplet.memory_plan#filter) returns it.
    type: dict
    required: true
  options:
    description:
      - Options of the roles that decide about the disk, by their names. What is left out or null is the role's default.
    type: dict
    default: {}
    suboptions:
      stack_disk_budget_mb:
        description: What images and dumps of releases may take.
        type: int
        default: 4096
      backup_keep_last:
        description: How many of the last backups stay on the machine.
        type: int
        default: 3
      backup_keep_days:
        description: Of how many days the last backup stays on the machine.
        type: int
        default: 7
      backup_repository:
        description: Where backups go off-site. Empty for nowhere.
        type: str
        default: ""
      watch_database_mb:
        description: How large the database is by C(pg_database_size), or shall be planned with.
        type: int
        default: 64
  format:
    description: The plan itself, or text for a terminal.
    type: str
    choices: [plan, text]
    default: plan
"""

EXAMPLES = r"""
- name: Tell how large the database may grow on the smallest Droplet
  ansible.builtin.debug:
    msg: "{{ ('s-1vcpu-1gb' | planner.droplet.memory_plan | planner.droplet.disk_plan).database_most_mb }}"

- name: Show the plan of the disk with two GiB for old releases
  ansible.builtin.debug:
    msg: "{{ droplet_plan | planner.droplet.disk_plan({'stack_disk_budget_mb': 2048}, 'text') }}"
"""

RETURN = r"""
_value:
  description: >-
    The plan: C(parts) (each with C(mb) and C(what)), C(usable_mb), C(planned_mb), C(growth_mb), C(releases_mb),
    C(database_mb), C(database_most_mb), C(growth_factor), C(warnings). Or its text, within 88 columns.
  type: raw
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._disk_plan import disk_plan as divide
from ansible_collections.planner.droplet.plugins.module_utils._disk_text import disk_text


def disk_plan(
    plan: dict[str, Any],
    options: dict[str, Any] | None = None,
    format: str = "plan",  # noqa: A002 - the owner's word
) -> dict[str, Any] | str:
    """Plan, and let Ansible report a refusal as its own error."""
    if format not in ("plan", "text"):
        raise AnsibleFilterError(
            f"planner.droplet.disk_plan: format is plan or text, not {format!r}"
        )
    try:
        planned = divide(plan, options).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"The disk plan was refused:\n{error}") from error
    return disk_text(planned) if format == "text" else planned


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"disk_plan": disk_plan}
