# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action ``login``, which does all of the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: login
short_description: Find the account that opens a host over SSH
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Tries the admin's account first, which is the only one on a hardened host, and then the inventory's, which is the
    only one on a fresh one. So the same playbook is run before and after.
  - The admin counts as let in only when C(sudo) works without a password as well.
  - With O(server_port) other than 22, that port is tried before the inventory's, which may be the one of before.
  - Fails when no way leads in, with a line for each that was tried and the reason in ssh's words.
  - With another connection than ssh there is nothing to find, and the inventory's user is returned.
attributes:
  check_mode:
    support: full
    description: Can run in check mode; it changes nothing.
  diff_mode:
    support: none
    description: There is nothing to show.
  idempotent:
    support: full
    description: It changes nothing.
  action:
    support: full
    description: Runs on the controller. The host needs no Python.
options:
  admin:
    description: The account of the host's admin.
    type: str
    required: true
  server_port:
    description: The port on which the host's SSH server listens, or is going to.
    type: int
    default: 22
  port:
    description:
      - Try only the admin, and only on this port, as the controller sees it.
      - Proves a change of the door, where another way that is still open proves nothing.
    type: int
  fresh:
    description: Make a connection of its own instead of using one that is open already.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Find out who is let in
  planner.droplet.login:
    admin: deploy
  register: login

- name: Use that account
  ansible.builtin.set_fact:
    ansible_user: "{{ login.user }}"
    ansible_port: "{{ login.port }}"
"""

RETURN = r"""
user:
  description: The account that was let in.
  type: str
  returned: success
port:
  description: The port it was let in through.
  type: int
  returned: success, with ssh
client:
  description: The controller's address as the host sees it.
  type: str
  returned: success, with ssh
  sample: 203.0.113.9
host_port:
  description: The port as the host sees it, which differs from RV(port) where one is forwarded.
  type: int
  returned: success, with ssh
"""
