# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``memory_plan``: glue between templates and the pure plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: memory_plan
short_description: Divide a Droplet's memory among the services of the stack
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Computes every container's limit and every server's memory setting from the machine's size, and
    weighs each event (release, backup, restore drill, upgrades ...) against memory and swap.
  - Fails with every reason at once, and with what would fit instead, when the wishes do not fit.
  - All memory is in MiB.
options:
  _input:
    description: The Droplet's size slug.
    type: str
    required: true
  services:
    description: Wishes for single services, as in C(droplet_services).
    type: list
    elements: dict
    default: []
  swap_mb:
    description: Swap in MiB. Left out, the size's own proposal.
    type: int
  image:
    description: The backend's image, passed through to the plan's service C(backend).
    type: str
    default: ""
  host_mb:
    description: MiB for what runs on the host beside this collection's daemons.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Show PostgreSQL's limit on the smallest Droplet
  ansible.builtin.debug:
    msg: "{{ ('s-1vcpu-1gb' | planner.droplet.memory_plan).services.postgres.limit_mb }}"

- name: Refuse a backend that leaves no room for a release
  ansible.builtin.debug:
    msg: "{{ 's-1vcpu-1gb' | planner.droplet.memory_plan([{'name': 'backend', 'limit_mb': 512}]) }}"
"""

RETURN = r"""
_value:
  description: >-
    The plan: C(services) (per service C(limit_mb), C(memory_and_swap_mb), C(settings) ...),
    C(scenarios) (per event C(memory_mb), C(swap_mb), C(verdict), C(reason)), C(strategy),
    C(budget_mb), C(reserve_mb), C(swap_mb), C(warnings).
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan


def memory_plan(
    size: str,
    services: list[dict[str, Any]] | None = None,
    swap_mb: int | None = None,
    image: str = "",
    host_mb: int = 0,
) -> dict[str, Any]:
    """Plan, and let Ansible report a refusal as its own error."""
    try:
        return plan(size, services or (), swap_mb, image, host_mb).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"The memory plan was refused:\n{error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"memory_plan": memory_plan}
