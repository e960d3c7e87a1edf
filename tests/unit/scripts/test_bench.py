"""Counting remote tasks, and the table that reports them."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

LOOP = {"results": [{"changed": True}, {"skipped": True}, {"changed": False}]}


@pytest.mark.parametrize(
    "action,delegated_to,result,expected",
    [
        ("ansible.builtin.copy", None, {}, 1),
        ("copy", None, {}, 1),
        ("ansible.builtin.copy", None, {"skipped": True}, 0),
        ("ansible.builtin.copy", None, LOOP, 2),
        (
            "ansible.builtin.copy",
            None,
            {"results": ["nginx is installed"]},
            1,
        ),  # apt's, not a loop's
        ("ansible.builtin.uri", "localhost", {}, 0),
        ("ansible.builtin.debug", None, {}, 0),
        ("ansible.builtin.set_fact", None, LOOP, 0),
        ("ansible.builtin.include_tasks", None, {}, 0),
        ("ansible.builtin.validate_argument_spec", None, {}, 0),
        ("ansible.builtin.ping", None, {}, 1),
    ],
)
def test_executions(
    load_script: Callable[[str], ModuleType],
    action: str,
    delegated_to: str | None,
    result: dict[str, Any],
    expected: int,
) -> None:
    """A task counts as often as it went to the host; the controller's own work does not count."""
    module = load_script("scripts/callback/task_times.py")
    assert module.executions(action, delegated_to, result) == expected


def test_table(load_script: Callable[[str], ModuleType]) -> None:
    """A run is a row: seconds a remote task, seconds a ping, and their ratio."""
    bench = load_script("scripts/bench.py")
    tasks = [{"executions": 1, "seconds": 2.0}, {"executions": 3, "seconds": 4.0}]
    count, seconds = bench.remote([*tasks, {"executions": 0, "seconds": 9.0}])
    run = bench.Run("first converge", 30.0, 5, count, seconds, 2.0)
    assert bench.table([run]).splitlines()[1].split() == [
        "first", "converge", "30.0", "5", "4", "1.50", "0.50", "3.0",
    ]  # fmt: skip


def test_table_without_remote_tasks(load_script: Callable[[str], ModuleType]) -> None:
    """A run without remote tasks has no ratio, not a crash."""
    bench = load_script("scripts/bench.py")
    assert bench.Run("second run", 1.0, 0, 0, 0.0, 0.0).ratio == 0
