# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``own_certificate_problem``: glue between the role tls and the judgement of a certificate."""

from __future__ import annotations

DOCUMENTATION = r"""
name: own_certificate_problem
short_description: Say what is wrong with a certificate of the owner's
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Judges C(tls_own_certificate) and C(tls_own_key) on the controller, before the role changes anything. The result
    is empty when nothing is wrong or neither is given, and never contains the key.
positional: key, domains
options:
  _input:
    description: PEM of the certificate and its chain, or nothing.
    type: str
    required: true
  key:
    description: PEM of its private key.
    type: str
    required: true
  domains:
    description: The names it must be for. Empty for any.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a certificate that cannot be served
  ansible.builtin.assert:
    that: tls_own_certificate | planner.droplet.own_certificate_problem(tls_own_key, droplet_domains) == ""
"""

RETURN = r"""
_value:
  description: What is wrong, and what to do; empty when nothing is.
  type: str
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._certificate import own_problem


def own_certificate_problem(certificate: str, key: str, domains: Sequence[str]) -> str:
    """Judge it now."""
    return own_problem(certificate, key, tuple(domains), time.time())


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"own_certificate_problem": own_certificate_problem}
