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
  - Fails as well when one of O(release_keys) opens a shell already, because it would go on to do so.
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
  release_keys:
    description:
      - Public keys that may call C(planner-release) through this account and do nothing else. They get no shell, and
        forward nothing. Only C(from="...") may stand before them.
      - One that is there already and is not among them goes, whether O(keys) are given or not.
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
    release_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ZD... ci
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
  description: How many different valid keys give a shell. At least one.
  type: int
  returned: success
"""

import os
import pwd
from collections.abc import Iterable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._ssh_keys import (
    Key,
    parse_key,
    parse_release_key,
    release_line,
    usable_lines,
    without_releases,
)


def read(path: str) -> str:
    """Return a file's text, empty where there is none."""
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def read_release_keys(lines: Iterable[str]) -> list[Key]:
    """Read them all; the error says which one is wrong."""
    keys = []
    for index, line in enumerate(lines):
        try:
            keys.append(parse_release_key(line))
        except ValueError as error:
            raise ValueError(f"release_keys[{index}] {error}") from error
    return keys


def main() -> None:
    """Gather, decide, report."""
    module = AnsibleModule(
        argument_spec={
            "user": {"type": "str", "required": True},
            "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "release_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
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
    before, keys = without_releases(read(path)), module.params["keys"]
    if keys:
        wanted = "".join(f"{key.strip()}\n" for key in dict.fromkeys(keys))
    elif usable_lines(before):
        wanted = before
    else:
        wanted = "".join(f"{line}\n" for line in usable_lines(read(source)))
    shells = {parse_key(line).blob for line in usable_lines(wanted)}
    if not shells:
        found = (
            f"none of the keys given lets {name} in"
            if keys
            else f"{name} has no valid key that gives a shell, and neither has {source}"
        )
        module.fail_json(
            msg=f"Nothing was closed: {found}."
            " Do: write yours into droplet_admin_keys, the line in ~/.ssh/id_ed25519.pub."
        )
    try:
        release_keys = read_release_keys(module.params["release_keys"])
    except ValueError as error:
        module.fail_json(msg=f"Nothing was changed: {error}.")
    for key in release_keys:
        if key.blob in shells:
            module.fail_json(
                msg=f"Nothing was changed: the release key {key.name} gives {name} a shell already."
                " Do: make one that is used for nothing else: ssh-keygen -t ed25519 -f release_key"
            )
    if release_keys:
        lines = (release_line(key) for key in release_keys)
        wanted = "\n".join([*wanted.splitlines(), *dict.fromkeys(lines), ""])
    module.exit_json(
        changed=False, path=path.lstrip("/"), authorized_keys=wanted, count=len(shells)
    )


if __name__ == "__main__":
    main()
