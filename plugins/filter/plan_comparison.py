# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``plan_comparison``: glue between playbooks and the pure comparison."""

from __future__ import annotations

DOCUMENTATION = r"""
name: plan_comparison
short_description: Show the memory plan of every size side by side
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Plans the wished services for every size. A size that does not hold them says why.
positional: format, swap_mb
options:
  _input:
    description: Wishes for single services, as in C(droplet_services). An empty list for none.
    type: list
    elements: dict
    required: true
  format:
    description: What to render.
    type: str
    choices: [text, json, svg]
    default: text
  swap_mb:
    description: Swap in MiB. Left out, each size's own proposal.
    type: int
  host_mb:
    description: MiB for what runs on the host beside this collection's daemons.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Find the smallest size for a larger backend
  ansible.builtin.debug:
    msg: "{{ [{'name': 'backend', 'workers': 2}] | planner.droplet.plan_comparison }}"
"""

RETURN = r"""
_value:
  description: The comparison. Lines of text stay within 90 columns.
  type: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._report import comparison


def plan_comparison(
    services: list[dict[str, Any]],
    format: str = "text",  # noqa: A002 - the owner's word
    swap_mb: int | None = None,
    host_mb: int = 0,
) -> str:
    """Compare, and let Ansible report wishes that mean nothing as its own error."""
    try:
        return comparison(services, format, swap_mb, host_mb)
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.plan_comparison:\n{error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"plan_comparison": plan_comparison}
