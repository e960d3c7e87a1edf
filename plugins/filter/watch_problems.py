# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``watch_problems``: what is wrong with the options of the role watch."""

from __future__ import annotations

DOCUMENTATION = r"""
name: watch_problems
short_description: What is wrong with the options of the role watch
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Lists every problem at once, each with its path, its value and what to do. The value of a secret is never told.
positional: secrets
options:
  _input:
    description: The program's settings, as the role makes them of its options.
    type: dict
    required: true
  secrets:
    description: What opens the channels, by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse options that no watch can come of
  ansible.builtin.assert:
    that: __watch_settings | planner.droplet.watch_problems(__watch_given) == ""
"""

RETURN = r"""
_value:
  description: One problem a line; empty when there is none.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._watch_inputs import problems


def watch_problems(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> str:
    """Judge them."""
    return "\n".join(problems(settings, secrets))


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return it."""
        return {"watch_problems": watch_problems}
