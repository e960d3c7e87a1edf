# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``backup_section``: glue between playbooks and the pure judgement."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_section
short_description: Judge the backups and their rehearsals, as a section of the state
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Makes of what P(planner.droplet.backup_state#module) read a section for P(planner.droplet.drift_report#filter).
  - A problem is that the last good backup, or the newest off-site one, is older than two intervals, the jitter and an
    hour; that the last run, upload or check failed or was cut off, or the last backup is doubtful; that the last drill
    failed or could not verify, or that none has passed for C(backup_drill_max_age_days); that a timer does not run.
  - A warning is that there is no backup yet, that no restore was rehearsed yet, or that no off-site repository is set.
    What could not be read is C(unknown).
  - The time is the host's, as it was read.
options:
  _input:
    description: The RV(planner.droplet.backup_state#module:backups) of the host.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what backups there are
  planner.droplet.backup_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.backups | planner.droplet.backup_section).lines }}"
"""

RETURN = r"""
_value:
  description: A mapping of C(name), C(lines), C(data) and C(findings).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._backup_section import (
    backup_section,
)


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filter."""
        return {"backup_section": backup_section}
