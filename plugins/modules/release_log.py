#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``release_log``: read what was released, and whether it is what runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_log
short_description: Read what was released, and whether it is what runs
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Reads the log of releases beside a Compose project, and compares the current release with the running containers.
  - Changes nothing and starts nothing, not even a stopped Docker. What could not be read is null, never 0.
  - P(planner.droplet.release_section#filter) judges the result.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and does the same.
  diff_mode:
    support: none
    description: Nothing changes, so there is nothing to show.
  idempotent:
    support: full
    description: It only reads.
options:
  project_dir:
    description: The Compose project's folder.
    type: path
    default: /opt/planner
  last:
    description: How many records to return.
    type: int
    default: 20
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
releases:
  description: What was read.
  type: dict
  returned: always
  contains:
    records:
      description: The newest records, the newest last. Null when the log could not be read.
      type: list
      elements: dict
    current:
      description: The record of the release that shall run, or null.
      type: dict
    previous:
      description: The record of what a rollback goes back to, or null.
      type: dict
    running:
      description: The record of a release that is under way or was interrupted, or null.
      type: dict
    unreadable:
      description: How many lines of the log are no record.
      type: int
    matches:
      description: Whether the current release's images are here and its containers run them. Null if that is not known.
      type: bool
    differences:
      description: Where they do not.
      type: list
      elements: str
    disk:
      description: C(images_mb) of the images that the log names, C(dumps_mb) of the dumps.
      type: dict
    error:
      description: Why the log or Docker could not be read. Empty if they could.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._release_reader import (
    read_releases,
)


def main() -> None:
    """Read, compare, report."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "default": "/opt/planner"},
            "last": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    folder, last = module.params["project_dir"], module.params["last"]
    module.exit_json(changed=False, releases=read_releases(folder, last))


if __name__ == "__main__":
    main()
