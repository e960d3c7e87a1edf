# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``login``: asks over ssh which account opens a host. Documented in the module of the same name."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.planner.droplet.plugins.module_utils._login import (
    Way,
    judged,
    no_way,
    parse_connection,
    ways,
    worth_waiting,
)

# ssh takes the first value it reads, and these are written before all others.
FRESH = "-o ControlMaster=no -o ControlPath=none"
# A machine boots, a server restarts or is silent after a few failed logins. Less than the two minutes that an unproved
# change waits.
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 3
ARGUMENTS: dict[str, dict[str, Any]] = {
    "admin": {"type": "str", "required": True},
    "server_port": {"type": "int", "default": 22},
    "port": {"type": "int"},
    "fresh": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Runs on the controller; the host executes one harmless command for each try."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the first way that opens; fail with the reasons of all when none does."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(ARGUMENTS)
        user = self._inventory_user()
        if self._connection.transport != "ssh":  # a container's or this machine's own: no door
            return result | {"changed": False, "user": user}
        port = self._connection.get_option("port")
        if given["port"]:
            candidates: tuple[Way, ...] = (Way(given["admin"], given["port"]),)
        else:
            candidates = ways(given["admin"], given["server_port"], user, port)
        if given["fresh"]:
            self._connection.set_option(
                "ssh_args", f"{FRESH} {self._connection.get_option('ssh_args')}"
            )
        host = (task_vars or {}).get("inventory_hostname", "the host")
        tried: dict[Way, str] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            for way in candidates:
                if way in tried and judged(tried[way]):
                    continue
                opened, tried[way] = self._try(way, given["admin"])
                if opened:
                    found = parse_connection(tried[way])
                    return result | found | {"changed": False, "user": way.user, "port": way.port}
            if time.monotonic() > deadline or not worth_waiting(tried.values()):
                return result | {"failed": True, "msg": no_way(host, tried.items())}
            self._display.display(f"{host} does not answer for now, trying again")
            time.sleep(PAUSE_SECONDS)

    def _inventory_user(self) -> str:
        try:
            user = self._connection.get_option("remote_user")
        except KeyError:  # a connection without accounts, such as local
            user = self._play_context.remote_user
        return str(user or "root")

    def _try(self, way: Way, admin: str) -> tuple[bool, str]:
        """Log in and ask who is connected, as an admin with sudo; return whether it went well and what was said."""
        self._connection.set_option("remote_user", way.user)
        self._connection.set_option("port", way.port)
        sudo = "sudo -n true && " if way.user == admin else ""
        try:
            code, out, err = self._connection.exec_command(
                f'{sudo}echo "$SSH_CONNECTION"', sudoable=False
            )
        except AnsibleConnectionFailure as error:
            return False, str(error)
        return code == 0, (out if code == 0 else err or out).decode(errors="replace")
