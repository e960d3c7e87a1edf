#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``backup``: make a backup, or bring one back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Make a backup, or bring one back
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Runs the program C(planner-backup), which the role backup installs, in the maintenance slice and under its lock. The
    same program runs by its timers, so what a playbook does and what happens by itself cannot differ.
  - A restore is done beside the present data and compared with the backup's manifest first; only what is whole takes
    its place, after a backup of what it replaces.
attributes:
  check_mode:
    support: full
    description: Can run in check mode; a restore says what would come back.
  diff_mode:
    support: none
  idempotent:
    support: none
    description: Each run makes or restores a backup anew; only V(init) changes nothing the second time.
options:
  verb:
    description:
      - V(run) makes a backup now, checks it and brings it off-site.
      - V(restore) brings a backup's data back.
      - V(rebuild) unpacks the host's files of a backup on a bare machine. What is there already stays.
      - V(drill) restores a backup into a throw-away PostgreSQL and judges it.
      - V(check) checks the off-site repository.
      - V(init) makes the off-site repository, if there is none.
    type: str
    required: true
    choices: [run, restore, rebuild, drill, check, init]
  backup:
    description: Which backup; V(latest), its number, or a day or moment in UTC, for the last one until then.
    type: str
    default: latest
  source:
    description: Where it is looked for.
    type: str
    choices: [any, local, offsite]
    default: any
  into:
    description: With V(restore), V(place), or the name of a new database beside the product's.
    type: str
    default: place
  table:
    description: With V(restore), only the rows of this table, with its schema, such as V(public.plan).
    type: str
    default: ""
  redis:
    description: With V(restore), Redis' data too.
    type: bool
    default: false
  volumes:
    description: With V(restore), the files of the extra volumes too.
    type: bool
    default: false
  accept_shrink:
    description: With V(run), much less data than before is right.
    type: bool
    default: false
  dry_run:
    description: With V(restore), only say what would happen, as in check mode.
    type: bool
    default: false
  why:
    description: With V(run), what is noted in the manifest.
    type: str
    default: playbook
  lock_wait_s:
    description: Seconds to wait for another event on the host to end.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Make a backup now
  planner.droplet.backup:
    verb: run

- name: Look at the data of a day, beside the present
  planner.droplet.backup:
    verb: restore
    backup: "2026-11-28"
    into: planner_then
"""

RETURN = r"""
did:
  description: What was done, one sentence each.
  type: list
  elements: str
  returned: always
notes:
  description: What is to be known beside it; of a restore in check mode, what would happen.
  type: list
  elements: str
  returned: always
"""

import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/planner-backup"
_TAKES_A_BACKUP = {"restore", "rebuild", "drill"}


def words(params: dict[str, Any], *, dry: bool) -> list[str]:
    """Return the program's arguments."""
    verb = params["verb"]
    found = [verb, *([params["backup"]] if verb in _TAKES_A_BACKUP else []), "--json"]
    if verb in _TAKES_A_BACKUP:
        found += ["--from", params["source"]]
    if verb == "restore":
        found += ["--into", params["into"]]
        found += ["--table", params["table"]] if params["table"] else []
        found += [f"--{name}" for name in ("redis", "volumes") if params[name]]
        found += ["--dry-run"] if dry else []
    if verb == "run":
        found += ["--why", params["why"]]
        found += ["--accept-shrink"] if params["accept_shrink"] else []
    return [*found, "--wait", str(params["lock_wait_s"])]


def main() -> None:
    """Run the program, or say what it would do."""
    module = AnsibleModule(
        argument_spec={
            "verb": {
                "type": "str",
                "required": True,
                "choices": ["run", "restore", "rebuild", "drill", "check", "init"],
            },
            "backup": {"type": "str", "default": "latest"},
            "source": {"type": "str", "default": "any", "choices": ["any", "local", "offsite"]},
            "into": {"type": "str", "default": "place"},
            "table": {"type": "str", "default": ""},
            "redis": {"type": "bool", "default": False},
            "volumes": {"type": "bool", "default": False},
            "accept_shrink": {"type": "bool", "default": False},
            "dry_run": {"type": "bool", "default": False},
            "why": {"type": "str", "default": "playbook"},
            "lock_wait_s": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    params = module.params
    dry = module.check_mode or params["dry_run"]
    if module.check_mode and (params["verb"] != "restore" or not os.path.exists(PROGRAM)):
        module.exit_json(changed=params["verb"] != "init", did=[], notes=[])
    if not os.path.exists(PROGRAM):
        module.fail_json(msg=f"{PROGRAM} is missing. Do: run playbooks/site.yml")
    code, out, err = module.run_command([PROGRAM, *words(params, dry=dry)], use_unsafe_shell=False)
    try:
        report: dict[str, Any] = json.loads(out)
    except ValueError:
        module.fail_json(
            msg=f"planner-backup {params['verb']} failed: {(err or out).strip()}", rc=code
        )
    told = {"did": report["did"], "notes": report["notes"]}
    changed = bool(report["did"]) or (module.check_mode and params["verb"] == "restore")
    if report["problems"]:
        module.fail_json(msg="\n".join(report["problems"]), changed=changed, **told)
    module.exit_json(changed=changed, **told)


if __name__ == "__main__":
    main()
