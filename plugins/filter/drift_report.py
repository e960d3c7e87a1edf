# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``drift_report``: glue between playbooks and the pure judgement."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
short_description: Compare what a machine uses with its memory plan
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Renders the state of a Droplet, every finding and what to change, as text for a terminal or as JSON.
  - A check that could not run is a finding C(unknown), never a good one.
positional: plan, services, format
options:
  _input:
    description: The RV(planner.droplet.memory_usage#module:usage) of the host.
    type: dict
    required: true
  plan:
    description: The plan, as P(planner.droplet.memory_plan#filter) returns it.
    type: dict
    required: true
  services:
    description: C(droplet_services), so that proposals name the owner's own lines and are checked against the plan.
    type: list
    elements: dict
    default: []
  format:
    description: What to render.
    type: str
    choices: [text, json]
    default: text
  host:
    description: The host's name, for the first line.
    type: str
    default: ""
  sections:
    description:
      - Further sections. Each is a mapping of C(name), C(lines) (text, at most 88 columns), C(data) (for JSON) and
        C(findings) (mappings of C(severity), C(check), C(subject), C(what), C(do)), which enter the verdict.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Read what the services use
  planner.droplet.memory_usage:
  register: memory

- name: Show it
  ansible.builtin.debug:
    msg: "{{ memory.usage | planner.droplet.drift_report(droplet_plan, droplet_services) }}"
"""

RETURN = r"""
_value:
  description:
    - The report. JSON has C(verdict) (problem, unknown, warning or ok), C(exit_code) (0 no problem, 2 a problem,
      3 an essential check could not run), C(findings), and by section its data.
  type: str
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils import _drift_text


def drift_report(
    usage: dict[str, Any],
    plan: dict[str, Any],
    services: list[dict[str, Any]] | None = None,
    format: str = "text",  # noqa: A002 - the owner's word
    *,
    host: str = "",
    sections: list[dict[str, Any]] | None = None,
) -> str:
    """Render, and let Ansible report a wrong input as its own error."""
    try:
        return _drift_text.drift_report(
            plan, usage, services or [], format, host=host, sections=sections or []
        )
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.drift_report: {error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"drift_report": drift_report}
