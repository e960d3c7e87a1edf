# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``release_section``: glue between playbooks and the pure judgement."""

from __future__ import annotations

DOCUMENTATION = r"""
name: release_section
short_description: Judge what was released, as a section of the state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Makes of what P(planner.droplet.release_log#module) read a section for P(planner.droplet.drift_report#filter).
  - A problem is a running image that is not the current release's. A last attempt that failed or was interrupted, a
    line of the log that is no record, and a machine without any release are warnings. What could not be read is
    C(unknown).
options:
  _input:
    description: The RV(planner.droplet.release_log#module:releases) of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what was released
  planner.droplet.release_log:
  register: log

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (log.releases | planner.droplet.release_section).lines }}"
"""

RETURN = r"""
_value:
  description: A mapping of C(name), C(lines), C(data) and C(findings).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._release_section import (
    release_section,
)


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"release_section": release_section}
