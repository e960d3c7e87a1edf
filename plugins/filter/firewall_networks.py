# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``firewall_networks``: glue between the firewall's template and the pure split."""

from __future__ import annotations

DOCUMENTATION = r"""
name: firewall_networks
short_description: Sort addresses and networks by family, and refuse what is neither
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Splits a list of addresses and networks into IPv4 and IPv6, and joins those that overlap or touch.
  - Names every wrong entry with its place in the list.
positional: path, controller
options:
  _input:
    description: Addresses and networks (CIDR), IPv4 and IPv6 mixed.
    type: list
    elements: str
    required: true
  path:
    description: The variable's name, for messages.
    type: str
    required: true
  controller:
    description: An address that must be in the list unless the list is empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Show the IPv4 part
  ansible.builtin.debug:
    msg: "{{ (['203.0.113.7', '2001:db8::/64'] | planner.droplet.firewall_networks('office')).ipv4 }}"
"""

RETURN = r"""
_value:
  description: The lists C(ipv4) and C(ipv6).
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._firewall import split_networks


def by_family(values: object, path: str, controller: str = "") -> dict[str, list[str]]:
    """Split, and let Ansible report wrong entries as its own error."""
    try:
        networks = split_networks(values, path, controller)
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.firewall_networks:\n{error}") from error
    return {"ipv4": list(networks.ipv4), "ipv6": list(networks.ipv6)}


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"firewall_networks": by_family}
