#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``postgres_upgrade``: move PostgreSQL's data to another major version, step by step."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_upgrade
short_description: Move PostgreSQL's data to another major version, step by step
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Refuses to start PostgreSQL on data of another major version, on an empty volume while another one has data, and on
    one that an upgrade did not fill to its end.
  - Runs the program C(planner-upgrade-postgres), which role stack installs, in the maintenance slice and under its
    lock. It rehearses on a backup, then holds the app and fills the new version's volume; the stack follows, and the
    old volume stays.
attributes:
  check_mode:
    support: full
    description: Can run in check mode, and says everything that stands in the way.
  diff_mode:
    support: none
  idempotent:
    support: full
    description: What serves from the wished volume already is left alone.
options:
  verb:
    description:
      - V(check) refuses where PostgreSQL must not be started on that volume. An upgrade that was cut off is brought to
        an end before, one way or the other.
      - V(begin) rehearses, stops the app and fills the volume. If that fails, the old version serves again.
      - V(finish) writes down that the stack serves from it.
      - V(settle) brings the old version back, unless the new one serves already.
      - V(confirm) removes the volumes of other versions.
    type: str
    required: true
    choices: [check, begin, finish, settle, confirm]
  project_dir:
    description: The Compose project's folder.
    type: path
    default: /opt/planner
  data_volume:
    description: The volume that is wished. Its name ends with the major version.
    type: str
    required: true
  image:
    description: The image that is wished.
    type: str
    required: true
  lock_wait_s:
    description: Seconds to wait for another event to end.
    type: int
    default: 3600
"""

EXAMPLES = r"""
- name: Refuse to leave data behind
  planner.droplet.postgres_upgrade:
    verb: check
    data_volume: planner_postgres17
    image: pgvector/pgvector:pg17

- name: Rehearse, hold the app and fill the new volume
  planner.droplet.postgres_upgrade:
    verb: begin
    data_volume: planner_postgres18
    image: pgvector/pgvector:pg18
"""

RETURN = r"""
did:
  description: What was done, a sentence each.
  type: list
  elements: str
  returned: always
notes:
  description: What is to be known of it.
  type: list
  elements: str
  returned: always
"""

import json
import os
import shutil
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    major_of,
    sibling,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres_look import (
    read_upgrade,
    refused,
    serving,
)

PROGRAM = "/usr/local/sbin/planner-upgrade-postgres"
_SAYS = ("begin", "confirm")
"""Steps that can say beforehand what they would do."""


def main() -> None:
    """Refuse, or run the program."""
    module = AnsibleModule(
        argument_spec={
            "verb": {
                "type": "str",
                "required": True,
                "choices": ["check", "begin", "finish", "settle", "confirm"],
            },
            "project_dir": {"type": "path", "default": "/opt/planner"},
            "data_volume": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
            "lock_wait_s": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    verb = module.params["verb"]
    if verb == "check":
        _check(module)
    elif module.check_mode and verb not in _SAYS:
        module.exit_json(changed=False, did=[], notes=[])
    else:
        module.exit_json(**_ran(module, verb))


def _check(module: AnsibleModule) -> None:
    """Say why PostgreSQL must not be started on that volume, if there is a reason."""
    folder, wish = module.params["project_dir"], module.params["data_volume"]
    done: dict[str, Any] = {"changed": False, "did": [], "notes": []}
    if shutil.which("docker") is None:  # nor is there any data then
        module.exit_json(**done)
    upgrade, compose = read_upgrade(folder), Compose(folder)
    if upgrade and upgrade.open and not module.check_mode:
        cut_off = sibling(wish, upgrade.source) == wish or serving(folder) == upgrade.volume
        done = _ran(module, "settle") if cut_off else done
    try:
        problems = refused(compose, wish, module.params["image"])
    except (DockerError, OSError, ValueError) as error:
        module.fail_json(msg=f"PostgreSQL's volumes could not be looked at: {error}", **done)
    if problems:
        module.fail_json(msg="\n".join(problems), **done)
    module.exit_json(**done)


def _ran(module: AnsibleModule, verb: str) -> dict[str, Any]:
    """Run the program; return what it did, or fail with what it says is wrong."""
    params = module.params
    if not os.path.exists(PROGRAM):
        module.fail_json(msg=f"{PROGRAM} is missing. Do: run playbooks/site.yml")
    words = [PROGRAM, verb, "--json", "--wait", str(params["lock_wait_s"])]
    if verb in _SAYS:
        words += ["--to", str(major_of(params["data_volume"])), "--image", params["image"]]
        words += ["--dry-run"] if module.check_mode else []
    code, out, err = module.run_command(words, use_unsafe_shell=False)
    try:
        report: dict[str, Any] = json.loads(out)
    except ValueError:
        module.fail_json(msg=f"{' '.join(words[:2])} failed: {(err or out).strip()}", rc=code)
    told = {"changed": bool(report["did"]), "did": report["did"], "notes": report["notes"]}
    if report["problems"]:
        module.fail_json(msg="\n".join(report["problems"]), **told)
    return told


if __name__ == "__main__":
    main()
