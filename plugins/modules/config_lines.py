#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``config_lines``: single lines of several files that have no folder for settings of one's own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_lines
short_description: Single lines of several files that have no folder for settings of one's own
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Sets lines in several files in one round trip, and leaves all other lines, owner and mode as they are.
  - A file that does not exist is left out.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows the changed lines, and nothing else of the file.
  idempotent:
    support: full
    description: A second run with the same input changes nothing, as long as O(lines[].match) matches its own result.
options:
  lines:
    description: The lines to set.
    type: list
    elements: dict
    required: true
    suboptions: &line
      path:
        description: The file, from the root folder.
        type: str
        required: true
      match:
        description: Regular expression that the whole line matches, before and after.
        type: str
        required: true
      line:
        description: The line as it should be. C(\1) is the pattern's first group.
        type: str
        required: true
      otherwise:
        description: The line as it is without the setting.
        type: str
        required: true
      append:
        description: Whether to add O(lines[].line) when no line matches.
        type: bool
        default: false
  undo:
    description: The same for lines of settings that were switched off; they become their C(otherwise).
    type: list
    elements: dict
    default: []
    suboptions: *line
"""

EXAMPLES = r"""
- name: Have new accounts start with a tight umask
  planner.droplet.config_lines:
    lines:
      - path: etc/login.defs
        match: '#?UMASK\s+\d+'
        line: UMASK 027
        otherwise: '#UMASK 022'
        append: true
"""

RETURN = r"""
changed_files:
  description: The files that changed.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._config_lines import (
    Line,
    apply,
    changed_lines,
)

# A test has another.
ROOT = "/"


def main() -> None:
    """Gather, decide, act, report."""
    options = {
        "path": {"type": "str", "required": True},
        "match": {"type": "str", "required": True},
        "line": {"type": "str", "required": True},
        "otherwise": {"type": "str", "required": True},
        "append": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec={
            "lines": {"type": "list", "elements": "dict", "required": True, "options": options},
            "undo": {"type": "list", "elements": "dict", "default": [], "options": options},
        },
        supports_check_mode=True,
    )
    try:
        wishes = [
            Line(each["path"], each["match"], each["line"], each["append"])
            for each in module.params["lines"]
        ] + [Line(each["path"], each["match"], each["otherwise"]) for each in module.params["undo"]]
    except ValueError as error:
        module.fail_json(msg=str(error))
    changed, diff = [], []
    for path in dict.fromkeys(wish.path for wish in wishes):
        target = os.path.realpath(os.path.join(ROOT, path))
        if not os.path.isfile(target):
            continue
        with open(target, encoding="utf-8", errors="surrogateescape") as file:
            before = file.read()
        after = apply(before, [wish for wish in wishes if wish.path == path])
        if after == before:
            continue
        changed.append(target)
        gone, come = changed_lines(before, after)
        diff.append(
            {"before": gone, "after": come, "before_header": target, "after_header": target}
        )
        if not module.check_mode:
            found = os.stat(target)
            write_atomically(
                target,
                after.encode(errors="surrogateescape"),
                mode=found.st_mode & 0o7777,
                uid=found.st_uid,
                gid=found.st_gid,
            )
    module.exit_json(changed=bool(changed), changed_files=changed, diff=diff)


if __name__ == "__main__":
    main()
