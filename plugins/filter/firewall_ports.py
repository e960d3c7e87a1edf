# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``firewall_ports``: glue between the firewall's template and the pure check."""

from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_ports
short_description: Sort ports, and refuse what is none
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Returns each port once, in order, and names every wrong entry with its place in the list.
positional: path
options:
  _input:
    description: TCP ports.
    type: list
    elements: int
    required: true
  path:
    description: The variable's name, for messages.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the ports as nftables lists them
  ansible.builtin.debug:
    msg: "{{ [443, 80] | planner.droplet.firewall_ports('hardening_open_ports') | join(', ') }}"
"""

RETURN = r"""
_value:
  description: The ports.
  type: list
  elements: int
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._firewall import open_ports


def in_order(values: object, path: str) -> list[int]:
    """Check, and let Ansible report wrong entries as its own error."""
    try:
        return list(open_ports(values, path))
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.firewall_ports:\n{error}") from error


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"firewall_ports": in_order}
