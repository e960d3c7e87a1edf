"""Render the stack's files for many inputs with Ansible's own templating: cases in, texts out, as JSON.

A process of its own: Ansible's collection loader must come before anything imports the collection.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[3]


def role_variables(loader: DataLoader, *roles: str) -> dict[str, Any]:
    """Defaults and vars as the play has them, templates unrendered."""
    found: dict[str, Any] = {}
    for folder in ("defaults", "vars"):
        for role in roles:
            path = str(ROOT / "roles" / role / folder / "main.yml")
            found |= loader.load_from_file(path, trusted_as_template=True)
    return found


def lookup(template: str) -> str:
    """The task's own expression for one of the role's templates."""
    text: str = trust_as_template(f"{{{{ lookup('ansible.builtin.template', '{template}') }}}}")
    return text


def main() -> None:
    """Read cases (name -> variables) on stdin, print name -> path -> text."""
    init_plugin_loader([str(ROOT / ".collections")])
    loader = DataLoader()
    variables = role_variables(loader, "droplet", "stack") | {
        "ansible_search_path": [str(ROOT / "roles" / "stack")],
        "__stack_secrets": {
            "fingerprint": "all of them",
            "fingerprints": {"database_password": "this one"},
        },
    }
    release = lookup("compose.yml.j2")
    rendered = {}
    for name, given in json.load(sys.stdin).items():
        templar = Templar(loader=loader, variables=variables | given)
        files = {
            one["path"]: one["content"] for one in templar.template(variables["__stack_files"])
        }
        rendered[name] = {"compose.yml": templar.template(release), **files}
    json.dump(rendered, sys.stdout)


if __name__ == "__main__":
    main()
