# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``machine_problems``: glue between facts and the pure comparison."""

from __future__ import annotations

DOCUMENTATION = r"""
name: machine_problems
short_description: List where a machine falls short of its declared size
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Compares the kernel's memory (MiB), the CPUs and the distribution with what the size promises.
options:
  _input:
    description: The host's C(ansible_facts), with the hardware and distribution subsets.
    type: dict
    required: true
  size:
    description: The declared size's slug.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is missing
  ansible.builtin.debug:
    msg: "{{ ansible_facts | planner.droplet.machine_problems('s-2vcpu-4gb') }}"
"""

RETURN = r"""
_value:
  description: The problems, one a line. Empty when the machine is as declared.
  type: str
"""

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._machine import machine_problems
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError


def as_text(facts: dict[str, Any], size: str) -> str:
    """Return the problems as text, for a task that fails with it."""
    problems = machine_problems(
        size,
        facts["memtotal_mb"],
        facts["processor_vcpus"],
        facts["distribution"],
        facts["distribution_version"],
    )
    return str(PlanError(problems))


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"machine_problems": as_text}
