#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``secret_files``: keep a folder of secrets, one file each."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Keep a folder of secrets, one file each
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Writes given secrets, generates missing ones once on the host and keeps them, removes those no longer
    wanted. Values never appear in results, diffs or logs.
  - The folder is for root alone; the files are readable by one group, which containers join.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows which names change, never a value.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  path:
    description: The folder.
    type: path
    required: true
  secrets:
    description: Values by name. An empty value is an empty file.
    type: dict
    default: {}
  generated:
    description: Names whose value is generated on the host when there is none, 40 letters and digits.
    type: list
    elements: str
    default: []
  gid:
    description: The group that may read the files.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Keep the backend's secrets
  planner.droplet.secret_files:
    path: /opt/planner/secrets
    secrets:
      telegram_bot_token: "{{ vault_telegram_bot_token }}"
    generated: [database_password]
    gid: 10001
"""

RETURN = r"""
names:
  description: All secrets there are afterwards.
  type: list
  elements: str
  returned: always
fingerprint:
  description: Changes whenever a value does; keyed on the host, so it gives nothing away.
  type: str
  returned: always
fingerprints:
  description: The same for each secret alone, by name.
  type: dict
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._atomic import (
    STAGED,
    write_atomically,
)
from ansible_collections.planner.droplet.plugins.module_utils._secret_store import (
    changes,
    fingerprint,
)

_KEY = ".fingerprint.key"


def read_folder(path: str) -> dict[str, str]:
    """Read all secrets; a folder that is not there has none."""
    if not os.path.isdir(path):
        return {}
    present = {}
    for name in os.listdir(path):
        if not name.startswith("."):
            with open(os.path.join(path, name), encoding="utf-8", newline="") as file:
                present[name] = file.read()
    return present


def leftovers(path: str) -> list[str]:
    """List what a killed run was writing."""
    return [name for name in os.listdir(path) if name.startswith(STAGED)]


def host_key(path: str, *, create: bool) -> bytes:
    """Return the fingerprint's key; it is made on the host and stays there."""
    key_file = os.path.join(path, _KEY)
    if os.path.exists(key_file):
        with open(key_file, "rb") as file:
            return file.read()
    key = os.urandom(32)
    if create:
        write_atomically(key_file, key, mode=0o400)
    return key


def wrong_access(path: str, names: list[str], gid: int) -> list[str]:
    """List files whose owner or mode is not what it must be."""
    wrong = []
    for name in names:
        found = os.stat(os.path.join(path, name))
        if (found.st_uid, found.st_gid, found.st_mode & 0o777) != (os.geteuid(), gid, 0o440):
            wrong.append(name)
    return wrong


def main() -> None:
    """Gather, decide, act, report."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "generated": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "gid": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    path, gid = module.params["path"], module.params["gid"]
    present = read_folder(path)
    try:
        decided = changes(present, module.params["secrets"], module.params["generated"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    kept = [name for name in present if name in decided.content and name not in decided.write]
    repair = wrong_access(path, kept, gid)
    is_open = os.path.isdir(path) and os.stat(path).st_mode & 0o777 != 0o700
    if not module.check_mode:
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o700)
        for name in [*decided.write, *repair]:
            content = decided.content[name].encode()
            write_atomically(os.path.join(path, name), content, mode=0o440, gid=gid)
        for name in [*decided.remove, *leftovers(path)]:
            os.unlink(os.path.join(path, name))
    key = host_key(path, create=not module.check_mode)
    module.exit_json(
        changed=decided.changed or bool(repair) or is_open,
        names=sorted(decided.content),
        fingerprint=fingerprint(decided.content, key),
        fingerprints={
            name: fingerprint({name: value}, key) for name, value in decided.content.items()
        },
        diff={
            "before": "".join(f"{name}\n" for name in sorted(present)),
            "after": "".join(
                f"{name}{' (new value)' if name in decided.write and name in present else ''}\n"
                for name in sorted(decided.content)
            ),
            "before_header": f"{path} (names only)",
            "after_header": f"{path} (names only)",
        },
    )


if __name__ == "__main__":
    main()
