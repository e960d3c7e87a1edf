# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The same wishes on every size as a stand-alone SVG: one bar a size, each as wide as its memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison import Row, tightest
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count, shorten

_LEFT, _RIGHT = 196.0, 650.0
_ROW, _BAR = 44.0, 22.0
_REASON_CHARACTERS = 96


def comparison_svg(rows: Sequence[Row]) -> str:
    """Draw one row a size: the share of reserve, limits and the tightest event, or why not."""
    legend, y = svg.chips(_legend(rows), 64)
    top = y + 26
    bottom = top + _ROW * len(rows)
    shapes = [
        svg.text(svg.MARGIN, 38, "The same services on every size", 20, weight="600"),
        *legend,
        *(shape for n, row in enumerate(rows) for shape in _row(row, top + _ROW * n)),
        svg.text(
            svg.MARGIN,
            bottom + 12,
            "A bar is all memory sold, numbers are MiB. At the right: the release strategy, and "
            "what the tightest event leaves.",
            11,
            svg.SOFT,
        ),
    ]
    title = "Memory plan for every size"
    description = "; ".join(_said(row) for row in rows)
    return svg.document(title, f"{description}.", bottom + 30, shapes)


def _names(rows: Sequence[Row]) -> list[str]:
    return next((list(row.plan["services"]) for row in rows if row.plan), [])


def _legend(rows: Sequence[Row]) -> Iterable[tuple[str, str]]:
    yield "kernel, system and Docker", svg.SYSTEM
    for index, name in enumerate(_names(rows)):
        yield shorten(name, 24), svg.colour(index)
    yield "tightest event", svg.EVENT
    yield "left", svg.KERNEL


def _row(row: Row, top: float) -> Iterable[str]:
    yield svg.group(
        _said(row), [*_label(row, top), *(_bar(row, top) if row.plan else _why(row, top))]
    )


def _said(row: Row) -> str:
    if row.plan is None:
        return f"{row.size}: does not fit, {row.why}"
    event, left = tightest(row.plan)
    return (
        f"{row.size}: limits {row.plan['limits_mb']} of {row.budget_mb} MiB, "
        f"{row.plan['strategy']}, {event} leaves {left}"
    )


def _label(row: Row, top: float) -> Iterable[str]:
    yield svg.text(svg.MARGIN, top + 15, row.size, 12.5, weight="600")
    machine = f"{dollars(row.price_usd)}, {count(row.vcpus, 'vCPU')}, {row.nominal_mb} MiB"
    yield svg.text(svg.MARGIN, top + 29, machine, 11, svg.SOFT)


def _why(row: Row, top: float) -> Iterable[str]:
    yield svg.dot(_LEFT + 6, top + 12, svg.BAD)
    yield svg.text(_LEFT + 18, top + 16, "does not fit", 12.5, svg.BAD, weight="600")
    yield svg.text(_LEFT + 18, top + 30, shorten(row.why, _REASON_CHARACTERS), 11, svg.SOFT)


def _bar(row: Row, top: float) -> Iterable[str]:
    planned = row.plan
    if planned is None:
        return
    per_mib = (_RIGHT - _LEFT) / row.nominal_mb
    event, left = tightest(planned)
    parts = [("reserve", planned["reserve_mb"], svg.SYSTEM)]
    parts += [
        (service["name"], service["limit_mb"], svg.colour(index))
        for index, service in enumerate(planned["services"].values())
    ]
    inside = min(planned["scenarios"][event]["event_mb"], row.budget_mb - planned["limits_mb"])
    parts += [("event", inside, svg.EVENT), ("left", max(0, left), svg.KERNEL)]
    yield from svg.stack(parts, _LEFT, per_mib, top + 4, _BAR)
    gap = f", {planned['gap_s']} s gap" if planned["gap_s"] else ""
    yield svg.dot(676, top + 12, svg.GOOD if left >= 0 else svg.TIGHT)
    yield svg.text(688, top + 16, f"{planned['strategy']}{gap}", 12.5, weight="600")
    kept = f"{event} leaves {left}" if left >= 0 else f"{event}: {-left} in swap"
    yield svg.text(688, top + 30, kept, 11, svg.SOFT)
