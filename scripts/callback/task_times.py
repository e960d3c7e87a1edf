"""Ansible callback: what each task cost and whether it went to the host.

Used by scripts/bench.py only, so it lives beside it and not among the collection's plugins.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Records the wall time of each task and whether it ran on the host
description: Writes a list of tasks to the file that the environment variable TASK_TIMES_FILE names.
"""

# Actions that never leave the controller; includes and imports are matched by their prefix.
CONTROLLER_SIDE = frozenset(
    {"add_host", "assert", "debug", "fail", "group_by", "meta", "pause", "set_fact", "set_stats"}
    | {"validate_argument_spec"}
)


def executions(action: str, delegated_to: str | None, result: dict[str, Any]) -> int:
    """Count how often a finished task went to the host: a loop of n costs as much as n tasks."""
    name = action.rsplit(".", maxsplit=1)[-1]
    local = name in CONTROLLER_SIDE or name.startswith(("include_", "import_"))
    if local or delegated_to in {"localhost", "127.0.0.1"} or result.get("skipped"):
        return 0
    if isinstance(items := result.get("results"), list) and items and isinstance(items[0], dict):
        return sum(not item.get("skipped") for item in items)
    return 1


class CallbackModule(CallbackBase):  # type: ignore[misc] # ansible ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()
        self._tasks: list[dict[str, Any]] = []

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001
        self._started = time.monotonic()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:  # noqa: ARG002
        self._started = time.monotonic()

    def _record(self, result: Any, state: str) -> None:
        task = result.task
        self._tasks.append(
            {
                "name": task.get_name(),
                "action": task.action,
                "state": state,
                "changed": bool(result.result.get("changed")),
                "seconds": round(time.monotonic() - self._started, 3),
                "executions": executions(task.action, task.delegate_to, dict(result.result)),
            }
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self._record(result, "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record(result, "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:  # noqa: ARG002
        Path(os.environ["TASK_TIMES_FILE"]).write_text(
            json.dumps(self._tasks, indent=1), encoding="utf-8"
        )
