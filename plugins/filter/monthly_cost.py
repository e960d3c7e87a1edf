# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``monthly_cost``: glue between playbooks and the pure sum."""

from __future__ import annotations

DOCUMENTATION = r"""
name: monthly_cost
short_description: Add up what a planned Droplet costs a month
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Adds the Droplet's price, the provider's backups and Spaces, in USD, and warns above a budget.
positional: backups, spaces, budget_usd
options:
  _input:
    description: The plan, as P(planner.droplet.memory_plan#filter) returns it.
    type: dict
    required: true
  backups:
    description: The provider's backups, V(weekly) for 20 % and V(daily) for 30 % of the price.
    type: str
    choices: [none, weekly, daily]
    default: none
  spaces:
    description: Whether Spaces object storage is rented for own backups.
    type: bool
    default: false
  budget_usd:
    description: What a month may cost.
    type: float
    default: 7
"""

EXAMPLES = r"""
- name: Show what daily backups make of six dollars
  ansible.builtin.debug:
    msg: "{{ ('s-1vcpu-1gb' | planner.droplet.memory_plan | planner.droplet.monthly_cost('daily')).total_usd }}"
"""

RETURN = r"""
_value:
  description: >-
    C(droplet_usd), C(backups), C(backups_usd), C(spaces_usd), C(total_usd), C(budget_usd), C(as_of)
    (month of the price list) and C(warning), empty within the budget.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._cost import monthly_cost
from ansible_collections.planner.droplet.plugins.module_utils._report import a_plan


def of_plan(
    plan: dict[str, Any],
    backups: str = "none",
    spaces: bool = False,  # noqa: FBT001, FBT002 - filters take their arguments in order
    budget_usd: float = 7,
) -> dict[str, Any]:
    """Add up, and let Ansible report a wrong choice as its own error."""
    try:
        return monthly_cost(a_plan(plan)["price_usd"], backups, spaces, budget_usd).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.monthly_cost:\n{error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"monthly_cost": of_plan}
