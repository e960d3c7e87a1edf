"""The machine against the plan."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_machine import (
    judge_machine,
    machine_lines,
    reserved_mb,
    system_mb,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
)

from tests.unit.drift_fixtures import PLAN, container, usage

BUSY = {"avg10": 0.0, "avg60": 11.0, "avg300": 0.0}
IDLE = {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0}


def bad(measured: dict[str, Any]) -> list[tuple[str, str]]:
    """All that is not good."""
    return [
        (one.severity, one.check) for one in judge_machine(PLAN, measured) if one.severity != OK
    ]


def test_healthy() -> None:
    """A healthy machine is good in every respect."""
    assert {one.check for one in judge_machine(PLAN, usage())} == {
        "size", "available", "reserve", "swap", "pressure", "oom",
    }  # fmt: skip
    assert bad(usage()) == []


@pytest.mark.parametrize(
    "machine,expected",
    [
        ({"total_mb": 940.0}, []),
        ({"total_mb": 930.0}, [(PROBLEM, "size")]),
        ({"total_mb": None}, [(UNKNOWN, "size"), (UNKNOWN, "available"), (UNKNOWN, "reserve")]),
        ({"available_mb": 480.0}, [(WARNING, "reserve")]),
        ({"available_mb": 100.0}, [(WARNING, "available"), (WARNING, "reserve")]),
        ({"available_mb": 40.0}, [(PROBLEM, "available"), (WARNING, "reserve")]),
        ({"available_mb": None}, [(UNKNOWN, "available")]),
        ({"swap_total_mb": 0.0, "swap_used_mb": 0.0}, [(PROBLEM, "swap")]),
        ({"swap_total_mb": 0.0, "swap_used_mb": 0.0, "container": "lxc"}, [(WARNING, "swap")]),
        ({"swap_total_mb": 1023.9}, []),
        ({"swap_used_mb": 257.0}, [(WARNING, "swap")]),
        ({"swap_used_mb": 513.0}, [(PROBLEM, "swap")]),
        ({"swap_total_mb": None}, [(UNKNOWN, "swap")]),
        ({"pressure": None}, [(UNKNOWN, "pressure")]),
        ({"pressure": {"some": BUSY}}, [(UNKNOWN, "pressure")]),
        ({"pressure": {"some": 1, "full": 2}}, [(UNKNOWN, "pressure")]),
        ({"pressure": {"some": BUSY, "full": IDLE}}, [(WARNING, "pressure")]),
        ({"pressure": {"some": BUSY, "full": BUSY}}, [(PROBLEM, "pressure")]),
    ],
)
def test_machine(machine: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each thing that can be wrong with a machine is found, and what is unknown is said."""
    measured = usage(machine=machine)
    found = bad(measured)
    if ("unknown", "available") in expected and ("unknown", "reserve") not in expected:
        found = [one for one in found if one != (UNKNOWN, "reserve")]
    assert [one for one in found if one in expected] == [one for one in expected if one in found]
    assert set(found) <= set(expected) | {(UNKNOWN, "reserve")}
    assert {one for one in expected if one[1] != "reserve"} <= set(found)


@pytest.mark.parametrize(
    "log,counter,expected",
    [
        ([], 0, []),
        ([], 5, []),
        ([], None, []),
        (None, 0, []),
        (None, 5, [(PROBLEM, "oom")]),
        (None, None, [(UNKNOWN, "oom")]),
        ([{"process": "hog", "service": "", "at_limit": False}], 1, [(PROBLEM, "oom")]),
        ([{"process": "a"}, {"process": "b"}], None, [(PROBLEM, "oom")] * 2),
        ("rubbish", None, [(UNKNOWN, "oom")]),
    ],
)
def test_oom_kills(log: Any, counter: float | None, expected: list[tuple[str, str]]) -> None:
    """The log decides; without it the counter; without both nothing is known, and nothing is called good."""
    assert bad(usage(kernel_log=log, machine={"oom_kills_since_boot": counter})) == expected


@pytest.mark.parametrize(
    "kill,subject,words",
    [
        (
            {"process": "redis", "service": "redis", "at_limit": True},
            "redis",
            "killed redis at its limit",
        ),
        (
            {"process": "hog", "service": "", "at_limit": False},
            "machine",
            "killed hog because the machine",
        ),
        ({}, "machine", "killed a process"),
    ],
)
def test_oom_kill_names_the_victim(kill: dict[str, Any], subject: str, words: str) -> None:
    """A kill is attributed to its service, or to the machine."""
    (found,) = (one for one in judge_machine(PLAN, usage(kernel_log=[kill])) if one.check == "oom")
    assert found.subject == subject
    assert words in found.what


def test_reserve() -> None:
    """What the plan leaves to the system is what the kernel shows less the budget."""
    assert reserved_mb(PLAN) == PLAN["guest_mb"] - PLAN["budget_mb"]


@pytest.mark.parametrize(
    "changes",
    [
        {"containers": None},
        {"machine_": {"available_mb": None}},
        {"containers": [container("redis", held_mb=None)]},
    ],
)
def test_system_unknown(changes: dict[str, Any]) -> None:
    """Where one part is unknown, so is the rest."""
    machine = changes.pop("machine_", None)
    assert system_mb(usage(machine=machine) | changes) is None


def test_system() -> None:
    """What is in use outside of the containers; one that does not run uses nothing."""
    held = sum(one["held_mb"] for one in usage()["containers"])
    assert system_mb(usage()) == pytest.approx(967 - 660 - held)
    stopped = usage(container("redis", state="exited", held_mb=None))
    assert system_mb(stopped) == pytest.approx(967 - 660 - held + 7)


def test_lines() -> None:
    """The machine in words; what is not known is a question mark or left out."""
    assert [label for label, _ in machine_lines(PLAN, usage())] == [
        "Machine", "Swap", "Pressure", "Load",
    ]  # fmt: skip
    empty = dict(machine_lines(PLAN, {"machine": None}))
    assert empty["Machine"] == "? of ? MiB in use, ? available; system and Docker ? of 331"
    assert empty["Swap"] == "? of ? MiB in use, planned 1024"
    assert set(empty) == {"Machine", "Swap"}
