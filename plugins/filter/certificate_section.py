# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``certificate_section``: glue between playbooks and the pure judgement."""

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_section
short_description: Judge the certificate that is served, as a section of the state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Makes of what P(planner.droplet.certificate_state#module) read a section for P(planner.droplet.drift_report#filter).
  - A problem is that nothing answers over TLS, or another certificate than the one on the disk; that it has ended, is
    not for all names, or signs itself although names are wished; that the timer does not run, that the last run
    failed, or that Telegram cannot deliver.
  - A failed attempt to obtain a new one is a warning, and a problem once less than a quarter of the lifetime is left.
    A warning is also a renewal that is overdue, a certificate for trials, and one of the owner's own that ends within
    30 days. What could not be read is C(unknown).
  - The time is the host's, as it was read.
options:
  _input:
    description: The RV(planner.droplet.certificate_state#module:certificate) of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read which certificate is served
  planner.droplet.certificate_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.certificate | planner.droplet.certificate_section).lines }}"
"""

RETURN = r"""
_value:
  description: A mapping of C(name), C(lines), C(data) and C(findings).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._certificate_section import (
    certificate_section,
)


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"certificate_section": certificate_section}
