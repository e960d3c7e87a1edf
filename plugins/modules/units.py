#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``units``: systemd's units run, start at boot, and have read their newest configuration."""

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Systemd's units run, start at boot, and have read their newest configuration
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Compares several units with the wish in one round trip and calls C(systemctl) only for what is missing.
  - Instead of being told by a handler, it sees on the host that a unit's configuration is younger than its last start
    or reload. So a run that was cut short after writing a file is finished by the next one.
  - A unit whose conditions the machine does not meet is left to systemd, which skips it.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes, also where a unit is not installed yet.
  diff_mode:
    support: full
    description: Lists the calls of systemctl.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  units:
    description: The units, in the order in which they are brought up.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: With its suffix, such as V(fail2ban.service).
        type: str
        required: true
      state:
        description:
          - V(started) is running and enabled; a oneshot unit that does not remain has run since the last boot.
          - V(masked) is stopped and cannot be started. A unit that does not exist counts as masked.
          - V(as_is) starts and enables nothing; a unit that runs reads its newest configuration, one that does not
            exist yet is left out.
        type: str
        choices: [started, masked, as_is]
        default: started
      files:
        description: Configuration it reads. Folders count with their own time, so list the files.
        type: list
        elements: str
        default: []
      on_change:
        description: How it reads them again.
        type: str
        choices: [restart, reload, reload-or-restart]
        default: restart
"""

EXAMPLES = r"""
- name: Keep fail2ban running
  planner.droplet.units:
    units:
      - name: fail2ban.service
        files: [/etc/fail2ban/jail.local]
"""

RETURN = r"""
actions:
  description: The calls of systemctl that were made, or in check mode would be.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._units import (
    AS_IS,
    MASKED,
    PROPERTIES,
    STARTED,
    Action,
    Unit,
    Wish,
    actions,
    parse_show,
)

# Times and systemd's complaints would otherwise follow the host's language.
ENGLISH = {"LC_ALL": "C"}


def read_units(module: AnsibleModule, names: list[str]) -> dict[str, Unit]:
    """Ask systemd about all of them at once."""
    if not names:  # it would show itself
        return {}
    properties = [f"--property={name}" for name in PROPERTIES]
    command = ["systemctl", "show", "--timestamp=us+utc", *properties, *names]
    _, output, _ = module.run_command(command, check_rc=True, environ_update=ENGLISH)
    return parse_show(names, output)


def call(module: AnsibleModule, action: Action) -> None:
    """Make one call; fail with systemd's words and where to read on."""
    command = ["systemctl", *action.verb.split(), *([action.unit] if action.unit else [])]
    code, _, error = module.run_command(command, environ_update=ENGLISH)
    if code != 0:
        module.fail_json(
            msg=f"{' '.join(command)} failed: {error.strip()} "
            f"Do: look at it: journalctl -n 20 {f'-u {action.unit}' if action.unit else '_PID=1'}",
            rc=code,
        )


def main() -> None:
    """Gather, decide, act, report."""
    module = AnsibleModule(
        argument_spec={
            "units": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "state": {
                        "type": "str",
                        "choices": [STARTED, MASKED, AS_IS],
                        "default": STARTED,
                    },
                    "files": {"type": "list", "elements": "str", "default": []},
                    "on_change": {
                        "type": "str",
                        "choices": ["restart", "reload", "reload-or-restart"],
                        "default": "restart",
                    },
                },
            },
        },
        supports_check_mode=True,
    )
    wishes = [
        Wish(unit["name"], unit["state"], tuple(unit["files"]), unit["on_change"])
        for unit in module.params["units"]
    ]
    paths = {path for wish in wishes for path in wish.files if os.path.exists(path)}
    written_at = {path: os.stat(path).st_mtime for path in paths}
    try:
        units = read_units(module, [wish.name for wish in wishes])
    except ValueError as error:
        module.fail_json(msg=str(error))
    todo = actions(wishes, units, written_at)
    if not module.check_mode:
        for action in todo:
            call(module, action)
    after = "".join(f"{action}\n" for action in todo)
    module.exit_json(
        changed=bool(todo),
        actions=[str(action) for action in todo],
        diff={"before": "", "after": after, "after_header": "systemctl"},
    )


if __name__ == "__main__":
    main()
