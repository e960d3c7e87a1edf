# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``upgrade_section``: glue between playbooks and the pure judgement."""

from __future__ import annotations

DOCUMENTATION = r"""
name: upgrade_section
short_description: Judge what was upgraded, as a section of the state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Makes of what P(planner.droplet.upgrades#module) read a section for P(planner.droplet.drift_report#filter).
  - A problem is no successful run for 3 days, or a package that is not installed to the end. A restart that has been
    waiting for 3 days, or an error of the last run, is a warning. What could not be read is C(unknown).
options:
  _input:
    description: The RV(planner.droplet.upgrades#module:upgrades) of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what was upgraded
  planner.droplet.upgrades:
  register: upgrades

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (upgrades.upgrades | planner.droplet.upgrade_section).lines }}"
"""

RETURN = r"""
_value:
  description: A mapping of C(name), C(lines), C(data) and C(findings).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._upgrades import upgrade_section


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"upgrade_section": upgrade_section}
