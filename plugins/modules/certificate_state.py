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

import datetime as dt
import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/planner-tls"
UNITS = ("certbot.timer", "certbot.service")
PROPERTIES = "--property=ActiveState,Result,NextElapseUSecRealtime,LastTriggerUSec"


def read_status(module: AnsibleModule) -> tuple[dict[str, Any] | None, str]:
    """Ask the program; where it does not tell, say why."""
    if not os.path.exists(PROGRAM):
        return None, "not installed"
    code, out, err = module.run_command([PROGRAM, "status"])
    try:
        told = json.loads(out)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told, ""
    said = [line for line in (err or out).splitlines() if line.strip()]
    return None, f"planner-tls status ended with {code}: {said[-1] if said else 'it said nothing'}"


def read_units(module: AnsibleModule) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Ask systemd about the timer and about what it starts."""
    systemctl = module.get_bin_path("systemctl")
    if systemctl is None:
        return None, None
    # systemd writes these two times in the time zone of whoever asks.
    code, out, _ = module.run_command(
        [systemctl, "show", PROPERTIES, *UNITS], environ_update={"LC_ALL": "C", "TZ": "UTC"}
    )
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in out.strip().split("\n\n")
    ]
    if code != 0 or len(blocks) != len(UNITS):
        return None, None
    timer, service = blocks
    return {
        "active": timer.get("ActiveState") == "active",
        "next": moment(timer.get("NextElapseUSecRealtime", "")),
        "last": moment(timer.get("LastTriggerUSec", "")),
    }, {
        "failed": service.get("ActiveState") == "failed",
        "result": service.get("Result", ""),
    }


def moment(text: str) -> float | None:
    """Read what systemd writes, such as Sat 2026-11-28 06:50:25 UTC; None for never."""
    try:
        _, day, time, zone = text.split()
        found = dt.datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        return None
    return found.timestamp() if zone == "UTC" else None


def main() -> None:
    """Read, report."""
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    status, error = read_status(module)
    timer, service = read_units(module)
    module.exit_json(
        changed=False,
        certificate={"status": status, "timer": timer, "service": service, "error": error},
    )


if __name__ == "__main__":
    main()
