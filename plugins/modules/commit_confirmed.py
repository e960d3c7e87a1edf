#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``commit_confirmed``: changes that can lock the owner out, taken back by the host unless confirmed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: commit_confirmed
short_description: Make a change that the host takes back by itself unless it is confirmed in time
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - For files that can lock the owner out, such as those of the SSH server and the firewall. Like C(commit confirmed) on
    a router, the change is made and works at once, and a timer on the host takes it back unless the next task,
    which has proved that one still gets in, confirms it.
  - The old files, the script that restores them and the timer are in place before the first file changes. A reboot in
    between takes the change back as well. So does a failing command, at once.
  - Taking back restores the content, mode, owner and times of each file, or the link that it was, removes the files
    that are new, and runs O(apply) again. Folders that were made for new files stay.
  - A change that an interrupted run left unconfirmed is taken back before anything else. There is never more than one.
  - Fails with C(Nothing was changed), before a file is touched, when O(validate) does not hold or an account of
    O(files[].owner) does not exist, and with C(The change was taken back) when O(apply) fails or O(verify) does not
    hold afterwards. Each message ends with the line of shell and what it said.
  - Needs systemd on the host, and root.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows each file that changes, but not what is in a file that is removed, which may be a key.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  state:
    description:
      - Make the change, confirm the one that was made, or take it back.
      - V(confirmed) fails when nothing waits to be confirmed, because the host took the change back in the meantime.
        V(taken_back) is content then. Neither reads any other option.
    type: str
    choices: [unconfirmed, confirmed, taken_back]
    default: unconfirmed
  files:
    description: The files, below the root folder.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Relative to the root folder.
        type: str
        required: true
      content:
        description: The whole text, of which nothing is added or taken away.
        type: str
        required: true
      mode:
        description: Permissions as an octal text.
        type: str
        default: "0644"
      owner:
        description:
          - The account it belongs to, with its group; so do the folders that have to be made for it.
          - In check mode it may not exist yet.
        type: str
        default: root
  absent:
    description: Files, relative to the root folder, that must not be there. What is in them is never shown.
    type: list
    elements: str
    default: []
  validate:
    description: What must hold before anything is changed.
    type: list
    elements: dict
    default: []
    suboptions: &check
      command:
        description:
          - A line of shell, which must succeed.
          - In O(validate), V({staged}) in it is a folder with all O(files) under their own paths, as they are to be.
        type: str
        required: true
      expect:
        description: Lines it must print, each as a whole. Blanks around a line do not count, nor does the order.
        type: list
        elements: str
        default: []
      needs:
        description: The program that this asks. Where it is not installed yet, a warning takes the place of the check.
        type: str
        required: true
  apply:
    description:
      - Lines of shell that make the services read the files, after the change and after it was taken back.
      - Each has a shell of its own. The first that fails ends the change; on the way back the others are run all the
        same.
    type: list
    elements: str
    default: []
  verify:
    description:
      - What must hold afterwards, and in every later run. If it does not, the files are applied again; if it still does
        not, the change is taken back.
    type: list
    elements: dict
    default: []
    suboptions: *check
  seconds:
    description: How long the host waits for the confirmation, in seconds from before the first file changes.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Change the port of the SSH server
  planner.droplet.commit_confirmed:
    files:
      - path: etc/ssh/sshd_config.d/00-port.conf
        content: "Port 2222\n"
    validate:
      - command: sshd -t -f {staged}/etc/ssh/sshd_config.d/00-port.conf
        needs: sshd
    apply: [systemctl reload ssh.service]
    verify:
      - command: sshd -T
        expect: [port 2222]
        needs: sshd
  register: change

- name: Settle it
  when: change.unconfirmed
  block:
    - name: Log in on the new port
      planner.droplet.login:
        admin: deploy
        port: 2222
        fresh: true

    - name: Keep the change
      planner.droplet.commit_confirmed:
        state: confirmed
  rescue:
    - name: Do not wait for the timer
      planner.droplet.commit_confirmed:
        state: taken_back
"""

RETURN = r"""
unconfirmed:
  description: Whether a change now waits to be confirmed. Never in check mode.
  type: bool
  returned: success
changed_files:
  description:
    - Which files changed or went, relative to the root folder.
    - Empty, with RV(unconfirmed) true, where all files were as wished and only had to be applied again.
  type: list
  elements: str
  returned: when O(state=unconfirmed)
  sample: [etc/ssh/sshd_config.d/00-port.conf]
"""

import os
import pwd
import shutil
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils import _take_back as take_back
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._config_tree import (
    ConfigFile,
    Present,
    differing,
    diffs,
)
from ansible_collections.planner.droplet.plugins.module_utils._staging import (
    FILE_ARGUMENTS,
    read_present,
    remove_files,
    staged,
    write_files,
)

CHECK = {
    "command": {"type": "str", "required": True},
    "expect": {"type": "list", "elements": "str", "default": []},
    "needs": {"type": "str", "required": True},
}


def shell(module: AnsibleModule, line: str) -> tuple[int, str, str]:
    """Run one line as the script that takes back would: what is in it is expanded by the shell alone."""
    code, out, err = module.run_command(["/bin/sh", "-c", line], expand_user_and_vars=False)
    return code, out, (err or out).strip() or f"exit code {code}"


def problems(module: AnsibleModule, checks: Sequence[dict[str, Any]], stage: str = "") -> list[str]:
    """Run the checks and say what does not hold."""
    found = []
    for check in checks:
        if module.get_bin_path(check["needs"]) is None:
            module.warn(f"not checked, {check['needs']} is not installed yet: {check['command']}")
            continue
        code, out, reason = shell(module, check["command"].replace("{staged}", stage))
        if code != 0:
            found.append(f"{check['command']}: {reason}")
        found += [
            f"{check['command']}: says '{take_back.instead_of(out, line)}' instead of '{line}'"
            for line in take_back.missing_lines(out, check["expect"])
        ]
    return found


def owner_of(name: str, *, is_preview: bool) -> tuple[int, int]:
    """Look an account up. In a preview it may not exist yet, and then owns nothing that exists."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        if is_preview:
            return (-1, -1)
        raise ValueError(
            f"Nothing was changed: files[].owner is {name!r}, and the host has no account {name!r}."
            " Do: make the account first, or correct the name."
        ) from None
    return (account.pw_uid, account.pw_gid)


def run_shell(module: AnsibleModule, lines: Sequence[str]) -> list[str]:
    """Run lines of shell up to the first that fails, and return its words."""
    for line in lines:
        code, _, reason = shell(module, line)
        if code != 0:
            return [f"{line}: {reason}"]
    return []


def is_pending() -> bool:
    """Tell whether a change waits for its confirmation."""
    return os.path.exists(take_back.SCRIPT)


def take_it_back(module: AnsibleModule) -> None:
    """Have systemd run the script, so that it ends even if this connection does not survive it."""
    module.run_command(["systemctl", "start", take_back.UNIT], check_rc=True)


def arm(
    module: AnsibleModule, changing: Sequence[ConfigFile], removing: Sequence[str], seconds: int
) -> None:
    """Keep the old files and start the timer; only then may anything change."""
    shutil.rmtree(take_back.FOLDER, ignore_errors=True)
    os.makedirs(take_back.FOLDER, mode=0o700)
    created, kept = [], []
    for path in (*(file.path for file in changing), *removing):
        if not os.path.lexists(f"/{path}"):
            created.append(path)
            continue
        kept.append(path)
        copy = f"{take_back.BEFORE}/{path}"
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        module.run_command(
            [*take_back.COPY, f"/{path}", copy], check_rc=True, expand_user_and_vars=False
        )
    # Or a power cut could keep the script and lose what is in the copies: an empty firewall.
    os.sync()
    write_atomically(take_back.UNIT_PATH, take_back.UNIT_TEXT.encode(), mode=0o644)
    if not os.path.islink(take_back.WANTED_PATH):
        os.makedirs(os.path.dirname(take_back.WANTED_PATH), exist_ok=True)
        os.symlink(take_back.UNIT_PATH, take_back.WANTED_PATH)
    # Last, because from here on the change counts as made, and what runs the script must be there.
    text = take_back.script(kept, created, module.params["apply"])
    write_atomically(take_back.SCRIPT, text.encode(), mode=0o700)
    module.run_command(["systemctl", "daemon-reload"], check_rc=True)
    # One may still run: its confirmation was interrupted.
    module.run_command(["systemctl", "stop", take_back.TIMER])
    timer = [f"--on-active={seconds}", "--timer-property=AccuracySec=1s", "--collect"]
    command = ["systemd-run", "--quiet", *timer, f"--unit={take_back.UNIT}"]
    module.run_command(command, check_rc=True)


def confirm(module: AnsibleModule) -> None:
    """Forget the way back. From the script's removal on, the change stays."""
    os.unlink(take_back.SCRIPT)
    module.run_command(["systemctl", "stop", take_back.TIMER])
    for path in (take_back.WANTED_PATH, take_back.UNIT_PATH):
        os.unlink(path)
    shutil.rmtree(take_back.FOLDER)
    module.run_command(["systemctl", "daemon-reload"], check_rc=True)


def change(module: AnsibleModule) -> None:
    """Compare, check, and if something is to be done, do it with the way back prepared."""
    root = (os.geteuid(), os.getegid())
    wanted = [
        ConfigFile(
            file["path"],
            file["content"],
            int(file["mode"], 8),
            owner_of(file["owner"], is_preview=module.check_mode),
        )
        for file in module.params["files"]
    ]
    unwanted = [ConfigFile(path, "").path for path in module.params["absent"]]
    was_pending = is_pending() and not module.check_mode
    if was_pending:
        take_it_back(module)
    present = read_present("/", [*(file.path for file in wanted), *unwanted])
    changing = differing(wanted, present, root)
    removing = [path for path in unwanted if path in present]
    # A removed file may be a private key.
    shown = present | {path: Present("(not shown)\n", 0, root) for path in removing}
    result: dict[str, Any] = {
        "changed_files": [*(file.path for file in changing), *removing],
        "diff": diffs("/", changing, removing, shown),
    }
    stale = [] if changing or removing else problems(module, module.params["verify"])
    if not (changing or removing or stale):
        module.exit_json(changed=was_pending, unconfirmed=False, **result)
    with staged(wanted) as stage:
        wrong = problems(module, module.params["validate"], stage)
    if wrong:
        module.fail_json(msg="Nothing was changed: " + "\n".join(wrong), **result)
    if module.check_mode:
        module.exit_json(changed=True, unconfirmed=False, **result)
    arm(module, changing, removing, module.params["seconds"])
    os.umask(0o022)
    write_files("/", changing)
    remove_files("/", removing)
    wrong = run_shell(module, module.params["apply"]) or problems(module, module.params["verify"])
    if wrong:
        take_it_back(module)
        module.fail_json(msg="The change was taken back: " + "\n".join(wrong), **result)
    module.exit_json(changed=True, unconfirmed=True, **result)


def main() -> None:
    """Do what the state asks for."""
    files = FILE_ARGUMENTS | {"owner": {"type": "str", "default": "root"}}
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["unconfirmed", "confirmed", "taken_back"],
                "default": "unconfirmed",
            },
            "files": {"type": "list", "elements": "dict", "default": [], "options": files},
            "absent": {"type": "list", "elements": "str", "default": []},
            "validate": {"type": "list", "elements": "dict", "default": [], "options": CHECK},
            "apply": {"type": "list", "elements": "str", "default": []},
            "verify": {"type": "list", "elements": "dict", "default": [], "options": CHECK},
            "seconds": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    if module.params["state"] == "unconfirmed":
        try:
            change(module)
        except ValueError as error:
            module.fail_json(msg=str(error))
    pending = is_pending()
    confirming = module.params["state"] == "confirmed"
    if confirming and not pending and not module.check_mode:
        module.fail_json(
            msg="There is nothing to confirm: the time was up, and the host took the change back. "
            "Do: run it again; seconds says how long it waits."
        )
    if pending and not module.check_mode:
        if confirming:
            confirm(module)
        else:
            take_it_back(module)
    module.exit_json(changed=pending, unconfirmed=False)


if __name__ == "__main__":
    main()
