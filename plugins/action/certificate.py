# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action ``certificate``: fetches the challenge from the controller, which sees firewalls that the host does not.

Documented in the module of the same name, which does everything else on the host.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    fetch_all,
    from_dicts,
    own_addresses,
)

MODULE = "planner.droplet.certificate"


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Runs on the controller; where nothing is due it only calls the module."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the module; where it asks for it, fetch the challenge and call it again with what was seen."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        answer = self._module(task_vars)
        probe = answer.get("probe")
        if not probe:
            return result | answer
        # An address of a kind that this machine does not have itself tells nothing.
        has_ipv6 = any(":" in one for one in own_addresses())
        seen = [
            asdict(one)
            for one in fetch_all(from_dicts(probe["found"]), probe["token"])
            if has_ipv6 or ":" not in one.address
        ]
        return result | self._module(task_vars, outside=seen)

    def _module(self, task_vars: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name=MODULE, module_args={**self._task.args, **more}, task_vars=task_vars
        )
        return answer
