# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``watch_thresholds``: from where on a person is told."""

from __future__ import annotations

DOCUMENTATION = r"""
name: watch_thresholds
short_description: From where on a person is told
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Puts the owner's thresholds over the built-in ones, which docs/watch.md lists.
options:
  _input:
    description: The owner's, by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show them
  ansible.builtin.debug:
    msg: "{{ {'disk_percent': 90} | planner.droplet.watch_thresholds }}"
"""

RETURN = r"""
_value:
  description: All thresholds by name.
  type: dict
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import THRESHOLDS


def watch_thresholds(given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge them."""
    return {**THRESHOLDS, **given}


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return it."""
        return {"watch_thresholds": watch_thresholds}
