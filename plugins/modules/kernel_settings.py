#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``kernel_settings``: the kernel's settings, at boot and now."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings
short_description: The kernel's settings, at boot and now
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Writes one file below C(/etc/sysctl.d), with the reasons as comments, and brings the running kernel to its values.
  - Compares both with the wish each time, so a value that somebody changed, or a run that was cut short, is set right.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows the file and the values that the running kernel has otherwise.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  path:
    description: The file. Removed when there are no settings; the running kernel then keeps its values until it boots.
    type: path
    required: true
  settings:
    description: The settings, in order.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: As sysctl writes it, such as V(net.ipv4.ip_forward).
        type: str
        required: true
      value:
        description: Its value. Several numbers are compared without regard to the space between them.
        type: str
        required: true
      reason:
        description: One line for the file. Neighbours with the same one share it.
        type: str
        default: ""
"""

EXAMPLES = r"""
- name: Keep the kernel's log to root
  planner.droplet.kernel_settings:
    path: /etc/sysctl.d/60-planner.conf
    settings:
      - name: kernel.dmesg_restrict
        value: 1
        reason: The kernel's log tells addresses that help an attacker.
"""

RETURN = r"""
applied:
  description: The settings that the running kernel was given, or in check mode would be.
  type: list
  elements: str
  returned: always
missing:
  description: The settings that this kernel does not have. They stay in the file.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._kernel_settings import (
    HEADER,
    differing,
    parse,
    render,
)

# The kernel's own place; a test has another.
PROC_SYS = "/proc/sys"


def read(path: str) -> str | None:
    """Read a text; None when there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def main() -> None:
    """Gather, decide, act, report."""
    setting = {
        "name": {"type": "str", "required": True},
        "value": {"type": "str", "required": True},
        "reason": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "settings": {"type": "list", "elements": "dict", "required": True, "options": setting},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    try:
        settings = parse(module.params["settings"])
        live = {each.name: read(os.path.join(PROC_SYS, each.path)) for each in settings}
    except (ValueError, OSError) as error:
        module.fail_json(msg=str(error))
    wrong, missing = differing(settings, live)
    before, after = read(path) or "", HEADER + render(settings) if settings else ""
    if not module.check_mode:
        if not settings and os.path.exists(path):
            os.unlink(path)
        elif before != after:
            write_atomically(path, after.encode(), mode=0o644)
        refused = []
        for each in wrong:
            try:
                with open(os.path.join(PROC_SYS, each.path), "w", encoding="utf-8") as file:
                    file.write(each.value)
            except OSError as error:
                refused.append(f"{each.name} = {each.value}: {error.strerror}")
        if refused:
            module.fail_json(
                msg=f"The kernel refused {'; '.join(refused)}. {path} has the wish, so boot tries it again. "
                "Do: correct the value, or take the setting out."
            )
    module.exit_json(
        changed=before != after or bool(wrong),
        applied=[f"{each.name} = {each.value}" for each in wrong],
        missing=list(missing),
        diff=[
            {"before": before, "after": after, "before_header": path, "after_header": path},
            {
                "before": "".join(
                    f"{each.name} = {' '.join((live[each.name] or '').split())}\n" for each in wrong
                ),
                "after": render([type(each)(each.name, each.value) for each in wrong]),
                "before_header": "running kernel",
                "after_header": "running kernel",
            },
        ],
    )


if __name__ == "__main__":
    main()
