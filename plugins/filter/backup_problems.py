# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``backup_problems``: what is wrong with the options of the role backup."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_problems
short_description: What is wrong with the options of the role backup
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Lists every problem at once, each with its path, its value and what to do. The value of a secret is never told.
positional: secrets, plan
options:
  _input:
    description: The program's settings, as the role makes them of its options.
    type: dict
    required: true
  secrets:
    description: What opens the off-site repository, by option.
    type: dict
    required: true
  plan:
    description: The memory plan.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse options that no backup can come of
  ansible.builtin.assert:
    that: __backup_settings | planner.droplet.backup_problems(__backup_given, droplet_plan) == ""
"""

RETURN = r"""
_value:
  description: One problem a line; empty when there is none.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_inputs import problems


def backup_problems(
    settings: Mapping[str, Any], secrets: Mapping[str, str], plan: Mapping[str, Any]
) -> str:
    """Judge them."""
    redis = plan["services"]["redis"]["settings"]
    return "\n".join(problems(settings, secrets, persistence=bool(redis["persistence"])))


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return it."""
        return {"backup_problems": backup_problems}
