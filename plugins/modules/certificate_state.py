#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``certificate_state``: read which certificate is served, and how the next one will come."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_state
short_description: Read which certificate is served, and how the next one will come
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Asks the program C(planner-tls), which the role tls installs, and systemd about the timer that runs it. The program
    looks at the certificate that nginx really serves, at its file, at the last attempt to obtain one, and at what
    Telegram said of the webhook.
  - Changes nothing, asks no CA, and starts nothing, not even a stopped Docker. No key and no token is returned. What
    could not be read is null.
  - P(planner.droplet.certificate_section#filter) judges the result.
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
options: {}
"""

EXAMPLES = r"""
- name: Read which certificate is served
  planner.droplet.certificate_state:
  register: state

- name: Show it
  ansible.builtin.debug:
    msg: "{{ (state.certificate | planner.droplet.certificate_section).lines }}"
"""

RETURN = r"""
certificate:
  description: What was read. Times are in seconds since the epoch.
  type: dict
  returned: always
  contains:
    status:
      description:
        - What C(planner-tls status) says, or null. C(served) and C(on_disk) are certificates, C(subjects) what one is
          wished for, C(how) is V(ca), V(own) or V(self-signed), C(attempt) the last attempt if it failed, C(problem)
          what the last run complained of, C(clock) the host's own time.
      type: dict
    timer:
      description: Whether certbot's timer is C(active), when it ran C(last) and runs C(next), or null.
      type: dict
    service:
      description: Whether the run that the timer started last has C(failed), and systemd's C(result), or null.
      type: dict
    error:
      description: Why the program could not be asked. Empty if it could.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._certificate_reader import (
    read_certificate,
)


def main() -> None:
    """Read, report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, certificate=read_certificate())


if __name__ == "__main__":
    main()
