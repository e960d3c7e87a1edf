# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``program_library``: glue between roles that install a program and the pure closure."""

from __future__ import annotations

DOCUMENTATION = r"""
name: program_library
short_description: The files of this collection that a program on the Droplet imports
version_added: 0.1.0
author: planner.droplet maintainers
description:
  - Follows the imports of the named modules of C(plugins/module_utils) to the end, also those inside functions.
  - Refuses, with file and line, an import of what the Droplet may not have.
positional: allowed
options:
  _input:
    description: The modules that the program itself imports, without C(.py).
    type: list
    elements: str
    required: true
  allowed:
    description: Packages besides the standard library that the role installs, such as V(cryptography).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the library of planner-release
  planner.droplet.config_files:
    path: /
    files: "{{ ['_release_by_key'] | planner.droplet.program_library }}"
"""

RETURN = r"""
_value:
  description:
    - The files in the order of their names, as P(planner.droplet.config_files#module) takes them.
    - C(path) is below C(/); the program adds C(/usr/local/lib/planner) to where Python looks.
  type: list
  elements: dict
"""

import os
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.planner.droplet.plugins.module_utils._program_library import (
    PACKAGE,
    library,
)

SOURCE = os.path.join(os.path.dirname(__file__), "..", "module_utils")
TARGET = f"usr/local/lib/planner/{PACKAGE.replace('.', '/')}"


def read(name: str) -> str | None:
    """Give a module's text as it is; None where there is no such file."""
    file = os.path.join(SOURCE, f"{name}.py")
    if not os.path.isfile(file):
        return None
    with open(file, encoding="utf-8", newline="") as source:
        return source.read()


def program_library(names: object, allowed: object = ()) -> list[dict[str, str]]:
    """Follow the imports, and let Ansible report what is refused as its own error."""
    wanted = {name: f"program_library[{number}]" for number, name in enumerate(texts(names))}
    try:
        files = library(wanted, read, texts(allowed))
    except ValueError as error:
        raise AnsibleFilterError(f"planner.droplet.program_library:\n{error}") from error
    return [{"path": f"{TARGET}/{name}.py", "content": text} for name, text in files.items()]


def texts(value: object) -> list[str]:
    """Take a list of texts, and nothing else."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise AnsibleFilterError(
            f"planner.droplet.program_library: wants lists of names such as ['_nginx']; got {value!r}"
        )
    return [str(one) for one in value]


class FilterModule:
    """Register the filter."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"program_library": program_library}
