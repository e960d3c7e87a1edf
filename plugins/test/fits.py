# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test ``fits``: does a size hold the wished services?"""

from __future__ import annotations

DOCUMENTATION = r"""
name: fits
short_description: Whether a Droplet's size holds the wished services
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - True when P(planner.droplet.memory_plan#filter) has a plan for the size, services and swap. A size that
    does not exist is an error.
options:
  _input:
    description: The Droplet's size slug.
    type: str
    required: true
  services:
    description: Wishes for single services, as in C(droplet_services).
    type: list
    elements: dict
    default: []
  swap_mb:
    description: Swap in MiB. Left out, the size's own proposal.
    type: int
"""

EXAMPLES = r"""
- name: Take the larger Droplet only when it is needed
  ansible.builtin.debug:
    msg: "{{ 's-1vcpu-1gb' if 's-1vcpu-1gb' is planner.droplet.fits(droplet_services) else 's-1vcpu-2gb' }}"
"""

RETURN = r"""
_value:
  description: V(true) when it fits.
  type: bool
"""

from typing import Any

from ansible.errors import AnsibleTemplatePluginError
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, closest
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES


def fits(
    size: str, services: list[dict[str, Any]] | None = None, swap_mb: int | None = None
) -> bool:
    """Plan and tell whether that worked."""
    if size not in SIZES:
        # "No" would send the owner to look for memory instead of the spelling.
        message = f"planner.droplet.fits: {size!r} is no known size: {closest(size, SIZES)}"
        raise AnsibleTemplatePluginError(message)
    try:
        plan(size, services or (), swap_mb)
    except PlanError:
        return False
    return True


class TestModule:
    """Register the test."""

    def tests(self) -> dict[str, Any]:
        """Name the test."""
        return {"fits": fits}
