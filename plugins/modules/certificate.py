#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``certificate``: have nginx serve the certificate that is wished."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Have nginx serve the certificate that is wished
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Runs the program C(planner-tls), which the role tls installs, in the maintenance slice and under its lock. The same
    program runs by certbot's timer, so what a playbook does and what happens by itself cannot differ.
  - Asks a CA only when a certificate is due, the last failure's pause is over, and the challenge would arrive. For that
    an action plugin fetches it from the controller too, where O(probe_from_controller) is set.
  - Where something fails, what was served before still is; the module fails and says what is wrong.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes, also where the program is not installed yet.
  diff_mode:
    support: full
    description: Shows what a run would do.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  settings:
    description: The wish, as the role tls writes it into C(settings.json). Only a preview needs it.
    type: dict
    required: true
  obtain:
    description: >-
      Whether to obtain a certificate that is due, have nginx take it and tell Telegram. Otherwise one is only put where
      nginx will read it, a self-signed one if there is no other.
    type: bool
    default: true
  retry_now:
    description: Ask the CA although the last failure says to wait.
    type: bool
    default: false
  probe_from_controller:
    description: Fetch the challenge from the controller too, before the CA is asked.
    type: bool
    default: true
  outside:
    description: What the controller saw of the challenge. The action plugin sets it.
    type: list
    elements: dict
  lock_wait_s:
    description: Seconds to wait for another event on the host to end.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Obtain the certificate that is due
  planner.droplet.certificate:
    settings: "{{ __tls_settings }}"
"""

RETURN = r"""
did:
  description: What was done, or would be, one sentence each.
  type: list
  elements: str
  returned: always
notes:
  description: What is left for later, and why.
  type: list
  elements: str
  returned: always
probe:
  description: What the controller has to fetch before the rest can be done. Only between this module and its action.
  type: dict
  returned: when a certificate is due and O(outside) is not given
"""

import json
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/planner-tls"


def run(module: AnsibleModule, *words: str, told: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the program; fail with its words where it gives no report."""
    code, out, err = module.run_command(
        [PROGRAM, *words, *(["--input"] if told is not None else [])],
        data=None if told is None else json.dumps(told),
        use_unsafe_shell=False,
    )
    try:
        report: dict[str, Any] = json.loads(out)
    except ValueError:
        module.fail_json(msg=f"planner-tls {words[0]} failed: {(err or out).strip()}", rc=code)
    return report


def finish(module: AnsibleModule, did: list[str], **more: Any) -> None:
    """Report; a diff has one line for each thing done."""
    lines = "".join(f"{one}\n" for one in did)
    module.exit_json(
        changed=bool(did),
        did=did,
        diff={"before": "", "after": lines, "after_header": "the certificate"},
        **{"notes": [], **more},
    )


def preview(module: AnsibleModule) -> None:
    """Tell what a run would do."""
    settings = module.params["settings"]
    subjects = settings.get("names") or ["its address"]
    what = f"a certificate for {', '.join(subjects)}"
    if not os.path.exists(PROGRAM):
        finish(module, [f"obtain {what}" if module.params["obtain"] else f"make {what}"])
    seen = run(module, "look", told={"settings": settings})
    would = ["make a self-signed certificate"] if seen["makes_self_signed"] else []
    notes = []
    if module.params["obtain"] and seen["due"]:
        if seen["waits_until"] and not module.params["retry_now"]:
            notes.append(f"{what} is due ({seen['due']}), but the last failure's pause is not over")
        else:
            would.append(f"obtain {what}: {seen['due']}")
    finish(module, would, notes=notes)


def main() -> None:
    """Preview, ask for a probe, or do it."""
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "required": True},
            "obtain": {"type": "bool", "default": True},
            "retry_now": {"type": "bool", "default": False},
            "probe_from_controller": {"type": "bool", "default": True},
            "outside": {"type": "list", "elements": "dict"},
            "lock_wait_s": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        preview(module)
    params = module.params
    if params["obtain"] and params["probe_from_controller"] and params["outside"] is None:
        seen = run(module, "look", "--offer")
        if seen["token"] and (params["retry_now"] or not seen["waits_until"]):
            finish(module, [], probe={"found": seen["found"], "token": seen["token"]})
    words = ["keep" if params["obtain"] else "land", "--json", "--wait", str(params["lock_wait_s"])]
    report = run(
        module,
        *words,
        *(["--retry"] if params["retry_now"] else []),
        told={"outside": params["outside"] or []},
    )
    if report["problems"]:
        module.fail_json(
            msg="\n".join(report["problems"]), did=report["did"], changed=bool(report["did"])
        )
    finish(module, report["did"], notes=report["notes"])


if __name__ == "__main__":
    main()
