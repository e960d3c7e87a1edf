#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module ``config_files``: write a folder of configuration, all of it valid or none of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write a folder of configuration, all of it valid or none of it
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Writes several files below one folder in one round trip. They are staged beside it and checked by a
    command first; only when that passes do they replace the old ones, each by a rename.
  - In check mode it works on a host where neither the folder nor the checking program exists yet.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict changes.
  diff_mode:
    support: full
    description: Shows each file that changes.
  idempotent:
    support: full
    description: A second run with the same input changes nothing.
options:
  path:
    description: The folder. Made when it is missing, with parents.
    type: path
    required: true
  files:
    description: The files below it.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where below the folder. Folders in between are made, mode 0755.
        type: str
        required: true
      content:
        description: The whole text.
        type: str
        required: true
      mode:
        description: Permissions as an octal text.
        type: str
        default: "0644"
  absent:
    description: Files below it that must not be there, such as those of a setting that was switched off.
    type: list
    elements: str
    default: []
  folder_mode:
    description:
      - Permissions of the folder itself, as an octal text. Left out, a folder that exists keeps its own, and
        a new one gets 0755.
    type: str
  validate:
    description:
      - Command that must succeed before anything lands. V({staged}) in it is the staging folder, which
        holds all the files.
      - Skipped, with a warning, where the program is not installed yet.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write Docker's configuration
  planner.droplet.config_files:
    path: /etc/docker
    files:
      - path: daemon.json
        content: "{{ {'live-restore': true} | to_nice_json }}"
    validate: [dockerd, --validate, "--config-file={staged}/daemon.json"]
"""

RETURN = r"""
changed_files:
  description: Which of the files changed, relative to the folder.
  type: list
  elements: str
  returned: always
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.planner.droplet.plugins.module_utils._config_tree import (
    ConfigFile,
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


def validate(module: AnsibleModule, files: list[ConfigFile]) -> None:
    """Stage all files and run the owner's check on them; fail with its words."""
    command = module.params["validate"]
    if not command:
        return
    if module.get_bin_path(command[0]) is None:
        module.warn(f"{module.params['path']} is not validated: {command[0]} is not installed yet")
        return
    with staged(files) as stage:
        argv = [word.replace("{staged}", stage) for word in command]
        code, out, err = module.run_command(argv)
    if code != 0:
        module.fail_json(
            msg=f"Nothing was written: the new files for {module.params['path']} are not valid. "
            f"{' '.join(command)}: {(err or out).strip()}",
            rc=code,
        )


def main() -> None:
    """Gather, decide, act, report."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": FILE_ARGUMENTS,
            },
            "absent": {"type": "list", "elements": "str", "default": []},
            "folder_mode": {"type": "str"},
            "validate": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    folder = module.params["path"]
    try:
        folder_mode = int(module.params["folder_mode"] or "0", 8)
        wanted = [
            ConfigFile(file["path"], file["content"], int(file["mode"], 8))
            for file in module.params["files"]
        ]
        unwanted = [ConfigFile(path, "").path for path in module.params["absent"]]
    except ValueError as error:
        module.fail_json(msg=str(error))
    present = read_present(folder, [*(file.path for file in wanted), *unwanted])
    removing = [path for path in unwanted if path in present]
    changing = differing(wanted, present, (os.geteuid(), os.getegid()))
    is_there = os.path.isdir(folder)
    wrong_mode = bool(folder_mode and is_there and os.stat(folder).st_mode & 0o7777 != folder_mode)
    if changing:
        validate(module, wanted)
    if (changing or wrong_mode) and not module.check_mode:
        os.umask(0o022)  # a hardened host's must not keep containers from their configuration
        os.makedirs(folder, exist_ok=True)
        if folder_mode:
            os.chmod(folder, folder_mode)
        write_files(folder, changing)
    if not module.check_mode:
        remove_files(folder, removing)
    module.exit_json(
        changed=bool(changing or removing) or wrong_mode,
        changed_files=[*(file.path for file in changing), *removing],
        # The task may say that nobody wants to see it.
        diff=diffs(folder, changing, removing, present) if module._diff else [],  # noqa: SLF001
    )


if __name__ == "__main__":
    main()
