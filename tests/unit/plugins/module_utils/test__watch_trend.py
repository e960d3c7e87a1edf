"""A month's picture: every day, and lines to scale."""

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import append
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import Month, month
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import THRESHOLDS
from ansible_collections.planner.droplet.plugins.module_utils._watch_trend import (
    floored,
    month_svg,
)

from tests.unit.watch_month import DAY, END, NOVEMBER, made_up

SVG = "{http://www.w3.org/2000/svg}"
PLAN = plan("s-1vcpu-1gb").to_dict()


def groups(found: Month, given: dict[str, Any] | None = None) -> dict[str, ET.Element]:
    """The picture's groups by their titles."""
    drawn = month_svg(found, PLAN if given is None else given, THRESHOLDS)
    picture = ET.fromstring(drawn)  # noqa: S314 - our own
    return {str(one.findtext(f"{SVG}title")): one for one in picture.iter(f"{SVG}g")}


def words(group: ET.Element) -> list[str]:
    """What a group has of text."""
    return [str(one.text) for one in group.iter(f"{SVG}text")]


def test_calendar(tmp_path: Path) -> None:
    """Each day says how long it was up, or that it was not seen; weeks begin on Monday."""
    found = groups(made_up(tmp_path, down=(25,)))
    assert words(found["1: not seen"]) == ["1"]
    assert words(found["3: up 100 %"]) == ["3", "100 %"]
    assert words(found["4: up 95.83 %, down 1 h"]) == ["4", "95.83 %"]
    boxes = {
        title.split(":")[0]: box
        for title, group in found.items()
        for box in group.iter(f"{SVG}rect")
        if box.get("class") == "day"
    }
    assert len(boxes) == 30
    # 2026-11-01 is a Sunday.
    assert boxes["1"].get("x") == boxes["8"].get("x") != boxes["2"].get("x")
    assert boxes["2"].get("y") == boxes["8"].get("y") != boxes["1"].get("y")


def test_lines(tmp_path: Path) -> None:
    """A day's point is as high as its number on the scale of the limits."""
    found = groups(made_up(tmp_path))
    (line,) = found["disk in use: at most 57 %"].iter(f"{SVG}polyline")
    points = [tuple(map(float, one.split(","))) for one in str(line.get("points")).split()]
    assert len(points) == 28
    lowest, highest = points[0][1], points[-1][1]
    # 50.23 and 56.71 of 100 % over 130 points.
    assert lowest - highest == pytest.approx((56.7 - 50.2) * 1.3, abs=0.11)
    assert all(before[0] < after[0] for before, after in pairwise(points))
    assert "memory in use: at most 623 MiB" in found
    assert "swap in use: at most 50 MiB" in found


def test_a_gap(tmp_path: Path) -> None:
    """A day without a measurement breaks the line; a day alone is a dot."""
    for day in (0, 1, 3):
        append(str(tmp_path), {"ready": True, "used_mb": 500}, NOVEMBER + day * DAY)
    found = groups(month(str(tmp_path), "2026-11", DAY, END))
    group = found["memory in use: at most 500 MiB"]
    assert len(list(group.iter(f"{SVG}polyline"))) == 1
    assert len(list(group.iter(f"{SVG}circle"))) == 3
    assert list(found["disk in use: not measured"].iter(f"{SVG}circle")) == []


@pytest.mark.parametrize("given", [{}, {"guest_mb": "x"}, {"guest_mb": 64000, "swap_mb": 0}])
def test_any_plan(tmp_path: Path, given: dict[str, Any]) -> None:
    """Nothing measured, no plan and a large machine can be drawn."""
    assert "1: not seen" in groups(month(str(tmp_path), "2026-11", 60, END), given)


@pytest.mark.parametrize(
    "percent, text",
    [(100, "100"), (99.999, "99.99"), (99.5, "99.50"), (0, "0"), (70.0000000001, "70")],
)
def test_floored(percent: float, text: str) -> None:
    """Nothing is rounded up to what was not reached."""
    assert floored(percent) == text
