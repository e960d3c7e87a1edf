# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``input_problems``: glue between the droplet role and the pure checks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: input_problems
short_description: List everything that is wrong with the C(droplet_*) keys
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Checks names, types, values and the memory plan of all keys together, so that the owner sees every
    problem at once and before a host is touched. Never prints a secret's value.
options:
  _input:
    description: All C(droplet_*) variables by name.
    type: dict
    required: true
  spec:
    description: The options of the role's argument spec.
    type: dict
    required: true
  known:
    description: Further names that are allowed, such as the role's own C(droplet_plan).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Refuse a misspelt key
  ansible.builtin.assert:
    that: __problems == ""
    fail_msg: "{{ __problems }}"
  vars:
    __problems: "{{ {'droplet_sizes': 's-1vcpu-1gb'} | planner.droplet.input_problems({'droplet_size': {}}) }}"
"""

RETURN = r"""
_value:
  description: The numbered problems, one a line, and what would fit. Empty when there are none.
  type: str
"""

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._inputs import check_inputs
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError


def input_problems(
    inputs: dict[str, Any], spec: dict[str, Any], known: list[str] | None = None
) -> str:
    """Return the problems as text, for a task that fails with it."""
    try:
        check_inputs(inputs, spec, known or ())
    except PlanError as error:
        return str(error)
    return ""


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"input_problems": input_problems}
