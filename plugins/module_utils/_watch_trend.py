# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A month as one picture: a calendar of how long each day was up, and lines of memory, swap and disk."""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number, shown
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import lasting
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import (
    PROMISED_PERCENT,
    Day,
    Month,
)

_LEFT, _RIGHT = float(svg.MARGIN), float(svg.WIDTH - svg.MARGIN)
_CELL, _GAP = 36.0, 4.0
_TREND = 130.0
_AXIS = 52.0
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MEMORY, _SWAP, _DISK = svg.colour(0), svg.colour(2), svg.colour(3)


@dataclass(frozen=True)
class Line:
    """One measurement of every day; None where there was none."""

    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Trend:
    """Lines over one scale from 0 to ``whole``, against limits by their names."""

    title: str
    unit: str
    whole: float
    lines: Sequence[Line]
    limits: Mapping[str, float] = field(default_factory=dict)


def month_svg(month: Month, plan: Mapping[str, Any], most: Mapping[str, float]) -> str:
    """Draw a month against its plan (MiB) and the thresholds ``memory_percent`` and ``disk_percent``."""
    days = month.days
    shapes = [_heading("Up, by the day", 34)]
    cells, y = _calendar(month, 52)
    shapes += cells
    for trend in _trends(days, plan, most):
        shapes += _trend(trend, y + 46)
        y += _TREND + 82
    said = "; ".join(_day_said(day) for day in days if day.percent is not None)
    return svg.document(f"{month.name}, day by day", said or "No day was seen.", y + 10, shapes)


def _trends(
    days: Sequence[Day], plan: Mapping[str, Any], most: Mapping[str, float]
) -> Iterable[Trend]:
    used = Line("memory in use", _MEMORY, [day.used_mb for day in days])
    swap = Line("swap in use", _SWAP, [day.swap_mb for day in days])
    memory_mb, swap_mb = (number(plan.get(name)) or 0 for name in ("guest_mb", "swap_mb"))
    limits = {}
    if memory_mb:
        limits["all memory"] = memory_mb
        limits[f"told from {shown(most['memory_percent'])} %"] = (
            memory_mb * most["memory_percent"] / 100
        )
    highest = max((value for line in (used, swap) for value in line.values if value), default=0)
    whole = 1.06 * max(memory_mb, swap_mb, highest, 1)
    yield Trend("Memory, the most of each day", "MiB", whole, (used, swap), limits)
    disk = Line("disk in use", _DISK, [day.disk_percent for day in days])
    told = {f"told from {shown(most['disk_percent'])} %": most["disk_percent"]}
    yield Trend("Disk, the most of each day", "%", 100, (disk,), told)


def _heading(title: str, y: float) -> str:
    return svg.text(_LEFT, y, title, 15, weight="600")


def _calendar(month: Month, top: float) -> tuple[list[str], float]:
    """Draw a row a week, Monday first; return the shapes and where they end."""
    year, number_of = map(int, month.name.split("-"))
    first, _ = calendar.monthrange(year, number_of)
    width = (_RIGHT - _LEFT + _GAP) / 7
    shapes = [
        svg.text(_LEFT + column * width, top + 10, name, 11, svg.SOFT)
        for column, name in enumerate(_WEEKDAYS)
    ]
    row = 0
    for day in month.days:
        row, column = divmod(first + day.day - 1, 7)
        x, y = _LEFT + column * width, top + 18 + row * (_CELL + _GAP)
        shapes.append(svg.group(_day_said(day), _day(day, x, y, width - _GAP)))
    return shapes, top + 18 + (row + 1) * (_CELL + _GAP)


def _day(day: Day, x: float, y: float, width: float) -> Iterable[str]:
    percent = day.percent
    yield svg.rect(x, y, width, _CELL, svg.KERNEL, "day")
    if percent is None:
        yield svg.text(x + 8, y + 23, str(day.day), 12, svg.SOFT)
        return
    shade = svg.GOOD if percent >= 99.95 else svg.TIGHT if percent >= PROMISED_PERCENT else svg.BAD
    yield svg.rect(x, y, 4, _CELL, shade)
    yield svg.text(x + 12, y + 23, str(day.day), 12, weight="600")
    yield svg.text(x + width - 8, y + 23, f"{floored(percent)} %", 12, shade, anchor="end")


def _day_said(day: Day) -> str:
    if day.percent is None:
        return f"{day.day}: not seen"
    down = f", down {lasting(day.down_s)}" if day.down_s else ""
    return f"{day.day}: up {floored(day.percent)} %{down}"


def floored(percent: float) -> str:
    """Write per cent with two digits, never rounded up: 99.999 % is not 100 %."""
    return f"{int(percent * 100 + 1e-6) / 100:.2f}".removesuffix(".00")


def _trend(trend: Trend, top: float) -> Iterator[str]:
    yield _heading(trend.title, top)
    left, right = _LEFT + _AXIS, _RIGHT
    below = top + 16 + _TREND

    def y(value: float) -> float:
        return below - _TREND * min(value, trend.whole) / trend.whole

    count = max(len(line.values) for line in trend.lines)
    step = (right - left) / max(1, count - 1)
    yield svg.rect(left, below, right - left, 1, svg.LINE)
    for value in _ticks(trend.whole):
        said = f"{shown(value)} {trend.unit}"
        yield svg.text(left - 8, y(value) + 4, said, 10, svg.SOFT, anchor="end")
    for index, (name, value) in enumerate(trend.limits.items()):
        yield _polyline([(left, y(value)), (right, y(value))], svg.BAD, dashed=True)
        # Two of them may lie close together.
        x, below_it, anchor = (left + 4, 11, "start") if index % 2 else (right, -4, "end")
        yield svg.text(x, y(value) + below_it, name, 10, svg.BAD, anchor=anchor)
    for line in trend.lines:
        points = [
            None if value is None else (left + step * index, y(value))
            for index, value in enumerate(line.values)
        ]
        yield svg.group(_line_said(line, trend.unit), _drawn(points, line.colour))
    for day in range(1, count + 1, 5):
        yield svg.text(left + step * (day - 1), below + 15, str(day), 10, svg.SOFT, anchor="middle")
    x = right
    for line in reversed(trend.lines):
        yield svg.text(x, top, line.name, 11, line.colour, anchor="end")
        x -= 7 * len(line.name) + 12


def _ticks(whole: float) -> list[float]:
    """Choose three to six round numbers from 0 on."""
    power = 10.0 ** math.floor(math.log10(whole))
    step = next(part * power for part in (0.2, 0.5, 1, 2) if whole / (part * power) < 6)
    return [step * index for index in range(int(whole / step) + 1)]


def _line_said(line: Line, unit: str) -> str:
    seen = [value for value in line.values if value is not None]
    return f"{line.name}: at most {max(seen):.0f} {unit}" if seen else f"{line.name}: not measured"


def _drawn(points: Iterable[tuple[float, float] | None], colour: str) -> Iterator[str]:
    """Draw a line with a gap where nothing was measured, and a dot for each day."""
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
            continue
        if len(run) > 1:
            yield _polyline(run, colour)
        yield from (f'<circle cx="{x:.1f}" cy="{at:.1f}" r="2" fill="{colour}"/>' for x, at in run)
        run = []


def _polyline(points: Iterable[tuple[float, float]], stroke: str, *, dashed: bool = False) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    more = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{stroke}" stroke-width="1.5"{more}/>'
