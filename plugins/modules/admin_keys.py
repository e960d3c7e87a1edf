#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``admin_keys``: which public keys are to open the admin's account, at least one of them valid."""

from __future__ import annotations

DOCUMENTATION = r"""
module: admin_keys
short_description: Decide which public keys open the admin's account
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Returns what C(~/.ssh/authorized_keys) of the account is to hold, and changes nothing. Fails, before anything is
    closed, when the account would be left without a valid key that gives a shell.
  - Without O(keys) an account that has such keys keeps its file as it is; one that has none takes over those of
    O(source).
  - A key is valid when a current sshd reads it. Those do not count that have expired, are RSA of fewer than 2048 bits,
    belong to a certificate authority, or run one command in place of a shell, as cloud-init makes of root's.
attributes:
  check_mode:
    support: full
    description: Can run in check mode, also before the account exists; it changes nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
  idempotent:
    support: full
    description: It changes nothing.
options:
  user:
    description: The account. It may not exist yet; its home is C(/home) and its name then.
    type: str
    required: true
  keys:
    description:
      - Public keys, one in each entry, as they stand in C(~/.ssh/id_ed25519.pub), options in front allowed.
      - No other opens the account. One that is there already and is not among them goes.
    type: list
    elements: str
    default: []
  source:
    description: Whose C(authorized_keys) are taken over once where no keys are given.
    type: path
    default: /root/.ssh/authorized_keys
"""

EXAMPLES = r"""
- name: Decide who is let in
  planner.droplet.admin_keys:
    user: deploy
    keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDuhNP... laptop
      - from="203.0.113.9" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKq0VK... desktop
  register: keys

- name: Let them in
  planner.droplet.commit_confirmed:
    files:
      - path: "{{ keys.path }}"
        content: "{{ keys.authorized_keys }}"
        mode: "0600"
        owner: deploy
"""

RETURN = r"""
path:
  description: The account's C(authorized_keys), relative to the root folder.
  type: str
  returned: success
  sample: home/deploy/.ssh/authorized_keys
authorized_keys:
  description: What it is to hold, the whole text.
  type: str
  returned: success
count:
  description: How many different valid keys open the account. At least one.
  type: int
  returned: success
"""

import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._ssh_keys import (
    parse_key,
    usable_lines,
)


def read(path: str) -> str:
    """Return a file's text, empty where there is none."""
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def main() -> None:
    """Gather, decide, report."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "source": {"type": "path", "default": "/root/.ssh/authorized_keys"},
        },
        supports_check_mode=True,
    )
    name, source = module.params["user"], module.params["source"]
    try:
        home = pwd.getpwnam(name).pw_dir
    except KeyError:  # a preview: it is going to be made
        home = f"/home/{name}"
    path = f"{home}/.ssh/authorized_keys"
    before, keys = read(path), module.params["keys"]
    if keys:
        wanted = "".join(f"{key.strip()}\n" for key in dict.fromkeys(keys))
    elif usable_lines(before):
        wanted = before
    else:
        wanted = "".join(f"{line}\n" for line in usable_lines(read(source)))
    count = len({parse_key(line).blob for line in usable_lines(wanted)})
    if not count:
        found = (
            f"none of the keys given lets {name} in"
            if keys
            else f"{name} has no valid key that gives a shell, and neither has {source}"
        )
        module.fail_json(
            msg=f"Nothing was closed: {found}."
            " Do: write yours into droplet_admin_keys, the line in ~/.ssh/id_ed25519.pub."
        )
    module.exit_json(changed=False, path=path.lstrip("/"), authorized_keys=wanted, count=count)


if __name__ == "__main__":
    main()
