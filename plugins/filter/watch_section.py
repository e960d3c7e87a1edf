# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``watch_section``: who looks at a machine and who would be told, for its state."""

from __future__ import annotations

DOCUMENTATION = r"""
name: watch_section
short_description: Who looks at a machine and who would be told, for its state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Judges what P(planner.droplet.watch_state#module) saw, and makes of it a section for
    P(planner.droplet.drift_report#filter).
  - A problem is what the last look called one and no other section shows, a look that is overdue, a channel that has
    failed for ten minutes, and a call of the outside service that failed.
  - A warning is that nobody would be told, here or outside. What could not be read is C(unknown).
options:
  _input:
    description: The RV(planner.droplet.watch_state#module:watch) of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what stands
  planner.droplet.watch_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.watch | planner.droplet.watch_section).lines }}"
"""

RETURN = r"""
_value:
  description: A mapping of C(name), C(lines), C(data) and C(findings).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._watch_section import watch_section


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"watch_section": watch_section}
