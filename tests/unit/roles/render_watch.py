"""Render what the role watch writes for many inventories with Ansible's own templating: cases in, values out, as JSON.

A process of its own: Ansible's collection loader must come before anything imports the collection.
"""

import json
import sys
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

from tests.unit.roles.render_stack import ROOT, role_variables

NAMES = (
    *("__watch_settings", "__watch_given", "__watch_secrets", "__watch_program"),
    *("__watch_library", "__watch_files", "__watch_units"),
)


def main() -> None:
    """Read cases (name -> variables) on stdin, print name -> variable of the role -> value."""
    init_plugin_loader([str(ROOT / ".collections")])
    loader = DataLoader()
    search = {
        "ansible_search_path": [str(ROOT / "roles" / "watch")],
        "ansible_managed": "managed",
        "inventory_hostname": "planner-1",
    }
    variables = role_variables(loader, "droplet", "watch") | search
    rendered: dict[str, dict[str, Any]] = {}
    for name, given in json.load(sys.stdin).items():
        templar = Templar(loader=loader, variables=variables | given)
        rendered[name] = {one: templar.template(variables[one]) for one in NAMES}
    json.dump(rendered, sys.stdout)


if __name__ == "__main__":
    main()
