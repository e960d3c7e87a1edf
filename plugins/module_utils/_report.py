# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One door to every report: a plan or a comparison, as text, JSON or SVG."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison import (
    compare,
    comparison_text,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_comparison_svg import (
    comparison_svg,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_svg import plan_svg
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import plan_text
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem

FORMATS = ("text", "json", "svg")


def report(plan: object, output: object, cost: Mapping[str, Any] | None = None) -> str:
    """Render a plan and its monthly cost; raise :class:`PlanError` for an unknown format."""
    planned = a_plan(plan)
    drawn: dict[str, Callable[[], str]] = {
        "text": lambda: plan_text(planned, cost),
        "json": lambda: _json({**planned, "cost": dict(cost) if cost else None}),
        "svg": lambda: plan_svg(planned, cost),
    }
    return drawn[_format(output)]()


def comparison(
    services: object, output: object, swap_mb: object = None, host_mb: object = 0
) -> str:
    """Render all sizes side by side; raise :class:`PlanError` as :func:`compare` does."""
    chosen = _format(output)
    rows = compare(services, swap_mb, host_mb)
    drawn: dict[str, Callable[[], str]] = {
        "text": lambda: comparison_text(rows),
        "json": lambda: _json([row.to_dict() for row in rows]),
        "svg": lambda: comparison_svg(rows),
    }
    return drawn[chosen]()


def a_plan(value: object) -> Mapping[str, Any]:
    """Accept what ``Plan.to_dict()`` returns and nothing else."""
    if isinstance(value, Mapping) and {"size", "price_usd", "services", "scenarios"} <= set(value):
        return value
    shown = type(value).__name__
    raise PlanError([Problem("the input", shown, "is no plan", "give what memory_plan returns")])


def _format(output: object) -> str:
    if isinstance(output, str) and output in FORMATS:
        return output
    remedy = "use one of " + ", ".join(FORMATS)
    raise PlanError([Problem("format", output, "is not known", remedy)])


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
