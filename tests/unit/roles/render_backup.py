"""Render what the role backup writes for many inventories with Ansible's own templating: cases in, values out, as JSON.

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
    *("__backup_settings", "__backup_secrets", "__backup_inventory", "__backup_program"),
    *("__backup_library", "__backup_files", "__backup_units", "__backup_wished_units"),
)


def main() -> None:
    """Read cases (name -> variables) on stdin, print name -> variable of the role -> value."""
    init_plugin_loader([str(ROOT / ".collections")])
    loader = DataLoader()
    search = {
        "ansible_search_path": [str(ROOT / "roles" / "backup")],
        "ansible_managed": "managed",
        "inventory_hostname": "droplet",
    }
    variables = role_variables(loader, "droplet", "backup") | search
    rendered: dict[str, dict[str, Any]] = {}
    for name, given in json.load(sys.stdin).items():
        mine = {"hostvars": {"droplet": given}}
        templar = Templar(loader=loader, variables=variables | given | mine)
        rendered[name] = {one: templar.template(variables[one]) for one in NAMES}
    json.dump(rendered, sys.stdout)


if __name__ == "__main__":
    main()
