# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``plan_report``: glue between playbooks and the pure reports."""

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_report
short_description: Show a memory plan to people or programs
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Renders a plan as text with bars for a terminal, as JSON, or as a stand-alone SVG picture.
positional: format, cost
options:
  _input:
    description: The plan, as P(planner.droplet.memory_plan#filter) returns it.
    type: dict
    required: true
  format:
    description: What to render.
    type: str
    choices: [text, json, svg]
    default: text
  cost:
    description: What P(planner.droplet.monthly_cost#filter) returns, to show it too.
    type: dict
"""

EXAMPLES = r"""
- name: Show the plan of the smallest Droplet with its cost
  ansible.builtin.debug:
    msg: "{{ plan | planner.droplet.plan_report('text', plan | planner.droplet.monthly_cost) }}"
  vars:
    plan: "{{ 's-1vcpu-1gb' | planner.droplet.memory_plan }}"
"""

RETURN = r"""
_value:
  description: The report. Lines of text end in a newline and stay within 88 columns.
  type: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._report import report


def plan_report(
    plan: dict[str, Any],
    format: str = "text",  # noqa: A002 - the owner's word
    cost: dict[str, Any] | None = None,
) -> str:
    """Render, and let Ansible report a wrong format as its own error."""
    try:
        return report(plan, format, cost)
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.plan_report: {error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"plan_report": plan_report}
