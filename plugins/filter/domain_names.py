# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``domain_names``: glue between the templates and the pure sorting of names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: domain_names
short_description: Sort C(droplet_domains) by what each name is for
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Tells which name is the canonical one, which serve like it, and which one redirects to it.
  - The canonical name's counterpart, with C(www.) or without it, redirects where it is listed.
options:
  _input:
    description: C(droplet_domains).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show where visitors end
  ansible.builtin.debug:
    msg: "{{ (['example.com', 'www.example.com'] | planner.droplet.domain_names).canonical }}"
"""

RETURN = r"""
_value:
  description:
    - V(canonical), the first name; V(served), the names that serve, the canonical one among them; V(redirected), the
      one that redirects, or empty; V(all), every name.
    - All of them are empty for an empty list.
  type: dict
"""

from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._domains import (
    DomainNames,
    domain_problems,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError


def domain_names(domains: object) -> dict[str, Any]:
    """Check, sort, and let Ansible report wrong names as its own error."""
    if not isinstance(domains, list | tuple):
        raise AnsibleFilterError(f"planner.droplet.domain_names: wants a list; got {domains!r}")
    if problems := tuple(domain_problems(domains)):
        raise AnsibleFilterError(f"planner.droplet.domain_names:\n{PlanError(problems)}")
    names = DomainNames.of(domains)
    return asdict(names) | {"all": names.all}


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"domain_names": domain_names}
