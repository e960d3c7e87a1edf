"""What is remembered from one look to the next."""

from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import (
    Sight,
    line,
    mapping,
)

from tests.unit.look_bench import MINUTE, NOW


def sight(minute: float, counters: dict[str, Any]) -> Sight:
    """A look some minutes after the first."""
    return Sight(Settings(), NOW + minute * MINUTE, counters)


def test_added() -> None:
    """The sum is that of the window; what is older is forgotten, and nothing is kept of nothing."""
    counters: dict[str, Any] = {}
    assert [sight(at, counters).added("x", 2) for at in (0, 1, 59, 60, 61)] == [2, 4, 6, 6, 6]
    assert sight(300, counters).added("x", 0) == 0
    assert counters["windows"] == {"x": []}


def test_grown() -> None:
    """Only growth counts, also of a total that began again; one that is new to a later look grew since the last."""
    counters: dict[str, Any] = {"at": NOW}
    totals = [(0, 3), (1, 3), (2, 5), (3, 1), (90, 1)]
    assert [sight(at, counters).grown("x", total) for at, total in totals] == [3, 3, 5, 6, 0]


def test_first_look() -> None:
    """What was counted before anybody looked is no news."""
    counters: dict[str, Any] = {}
    assert [sight(at, counters).grown("x", total) for at, total in ((0, 3), (1, 5))] == [0, 2]


@pytest.mark.parametrize(
    "damaged",
    [
        {"windows": 1, "totals": [], "at": "x"},
        {"windows": {"x": 3}, "totals": {"x": "y"}, "at": -1},
        {"windows": {"x": [1, [2], ["a", 1], [NOW - 1, None], [NOW + 99, 5]]}, "at": NOW + 99},
    ],
)
def test_damaged(damaged: dict[str, Any]) -> None:
    """What cannot be read begins anew."""
    assert sight(0, damaged).added("x", 1) == 1
    assert sight(0, damaged).grown("y", 2) == (2 if "at" in damaged else 0)
    assert sight(0, damaged).since == NOW - 60


@pytest.mark.parametrize("ago, since", [(30, 30), (601, 600)])
def test_since(ago: float, since: float) -> None:
    """From the last look on, but not from days ago."""
    assert sight(0, {"at": NOW - ago}).since == NOW - since


def test_foreign_values() -> None:
    """A mapping is kept, others are empty; a line has nothing that steers a terminal."""
    assert (mapping({"a": 1}), mapping([1])) == ({"a": 1}, {})
    assert line("a\n b\x1b[2J") == "a b[2J"
