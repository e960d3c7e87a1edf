#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``pam_profiles``: PAM's common files use the profiles that are wished, in their newest text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pam_profiles
short_description: PAM's common files use the profiles that are wished, in their newest text
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Asks on the host which profiles the common files were made from, and calls C(pam-auth-update) only when that is not
    the wish. A run that was cut short is finished by the next one.
  - Profiles of others are never switched off.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Lists the profiles before and after.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  prefix:
    description: How the names of the profiles begin that belong to the caller.
    type: str
    required: true
  profiles:
    description: Those of them that are used. Their files are below C(/usr/share/pam-configs).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Have PAM use the profile
  planner.droplet.pam_profiles:
    prefix: planner-
    profiles: [planner-history]
"""

RETURN = r"""
used:
  description: The caller's profiles in use before.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule

# pam-auth-update's own places; a test has others.
PROFILES = "/usr/share/pam-configs"
SAVED = "/var/lib/pam"
TYPES = ("auth", "account", "password", "session", "session-noninteractive")


def used(prefix: str) -> set[str]:
    """Read which of the caller's profiles the common files were made from."""
    found = set()
    for kind in TYPES:
        path = os.path.join(SAVED, kind)
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                words = [line.split() for line in file if line.startswith("Module: " + prefix)]
            found |= {line[1] for line in words}
    return found


def is_newer(names: list[str]) -> bool:
    """Tell whether a profile was written after the common files."""
    written = [os.path.join(PROFILES, name) for name in names]
    made = os.path.join(SAVED, "auth")
    return os.path.exists(made) and any(
        os.path.exists(path) and os.stat(path).st_mtime > os.stat(made).st_mtime for path in written
    )


def main() -> None:
    """Gather, decide, act, report."""
    module = AnsibleModule(
        argument_spec={
            "prefix": {"type": "str", "required": True},
            "profiles": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    prefix, wanted = module.params["prefix"], module.params["profiles"]
    before = used(prefix)
    changed = before != set(wanted) or is_newer(wanted)
    if changed and not module.check_mode:
        command = ["pam-auth-update", "--package"]
        if wanted:
            command += ["--enable", *wanted]
        _, out, err = module.run_command(
            command, check_rc=True, environ_update={"DEBIAN_FRONTEND": "noninteractive"}
        )
        # It succeeds without a change where somebody edited the common files by hand.
        if used(prefix) != set(wanted):
            module.fail_json(
                msg=f"PAM does not use {', '.join(sorted(set(wanted) ^ used(prefix)))} as wished: "
                f"{(err or out).strip() or 'pam-auth-update says nothing'}. Do: look at what was changed by hand: "
                "grep -v '^#' /etc/pam.d/common-*, or switch the piece off: hardening_off: [passwords]"
            )
    module.exit_json(
        changed=changed,
        used=sorted(before),
        diff={
            "before": "".join(f"{name}\n" for name in sorted(before)),
            "after": "".join(f"{name}\n" for name in sorted(wanted)),
            "before_header": "PAM",
            "after_header": "PAM",
        },
    )


if __name__ == "__main__":
    main()
