# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A memory plan as a stand-alone SVG: one stacked bar a scenario against memory and swap.

From the left: what the system and Docker need, every limit, the event. A bar that passes the line at
the kernel's MemTotal goes on in the swap, behind what the kernel kept for itself.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _svg as svg
from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import SWAP_USE
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    cost_sentence,
    count,
    short_reason,
    shorten,
    strategy_sentence,
    warnings,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import FITS, WITH_SWAP

_LEFT, _RIGHT = float(svg.MARGIN), 650.0
_VERDICT_X = 676.0
_ROW, _BAR = 46.0, 18.0
_REASON_COLUMNS = 32


@dataclass(frozen=True)
class Scale:
    """Where a number of MiB lies: memory from the left, then the kernel's own, then swap."""

    system_mb: int
    guest_mb: int
    nominal_mb: int
    usable_swap_mb: int
    per_mib: float

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> Scale:
        """Fit memory, and the swap a scenario may count on, into the picture's width."""
        usable = int(plan["swap_mb"] * SWAP_USE)
        over = max(scenario["swap_mb"] for scenario in plan["scenarios"].values())
        whole = plan["nominal_mb"] + max(usable, over)
        system = plan["guest_mb"] - plan["budget_mb"]
        return cls(
            system, plan["guest_mb"], plan["nominal_mb"], usable, (_RIGHT - _LEFT) / max(1, whole)
        )

    def x(self, mib: float) -> float:
        """Give the place of ``mib`` from the left."""
        return _LEFT + mib * self.per_mib


def plan_svg(plan: Mapping[str, Any], cost: Mapping[str, Any] | None = None) -> str:
    """Draw a plan (``Plan.to_dict()``) and, where given, its monthly cost."""
    scale = Scale.of(plan)
    legend, y = svg.chips(_legend(plan, scale), 86)
    top = y + 42
    bottom = top + _ROW * len(plan["scenarios"])
    rows = [
        shape
        for number, scenario in enumerate(plan["scenarios"].values())
        for shape in _scenario(plan, scenario, scale, top + _ROW * number)
    ]
    notes = _notes(plan, cost)
    y = bottom + 52
    footer = [svg.text(_LEFT, y + 19 * n, note, 12, svg.TIGHT) for n, note in enumerate(notes)]
    shapes = [
        *_header(plan, cost),
        *legend,
        *_ground(scale, top, bottom),
        *rows,
        *_axis(scale, plan["swap_mb"], top, bottom),
        *footer,
    ]
    title = f"Memory plan of {plan['size']}"
    return svg.document(title, _description(plan), y + 19 * len(notes) - 6, shapes)


def _header(plan: Mapping[str, Any], cost: Mapping[str, Any] | None) -> Iterable[str]:
    yield svg.text(_LEFT, 36, f"Does it fit? {plan['size']}", 20, weight="600")
    price = cost_sentence(cost) if cost else f"{dollars(plan['price_usd'])} a month"
    machine = f"{count(plan['vcpus'], 'vCPU')}, {plan['nominal_mb']} MiB sold"
    yield svg.text(_LEFT, 58, f"{machine}, {price}. {_releases(plan)}", 12.5, svg.SOFT)


def _notes(plan: Mapping[str, Any], cost: Mapping[str, Any] | None) -> list[str]:
    """Give the warnings that no bar shows."""
    shown = {f"{scenario['name']}: {scenario['reason']}" for scenario in plan["scenarios"].values()}
    return [
        line
        for warning in warnings(plan, cost)
        if warning not in shown
        for line in textwrap.wrap(f"Warning: {warning}", 115)
    ]


def _releases(plan: Mapping[str, Any]) -> str:
    gap = f", about {plan['gap_s']} s gap" if plan["gap_s"] else ", no gap"
    return f"Releases: {plan['strategy']}{gap}."


def _legend(plan: Mapping[str, Any], scale: Scale) -> Iterable[tuple[str, str]]:
    yield f"kernel {scale.nominal_mb - scale.guest_mb}", svg.KERNEL
    yield f"system and Docker {scale.system_mb}", svg.SYSTEM
    for index, service in enumerate(plan["services"].values()):
        yield f"{shorten(service['name'], 24)} {service['limit_mb']}", svg.colour(index)
    yield "event", svg.EVENT
    verdicts = {scenario["verdict"]: scenario for scenario in plan["scenarios"].values()}
    if WITH_SWAP in verdicts:
        yield "event, in swap", "url(#swap)"
    if set(verdicts) - {FITS, WITH_SWAP}:
        yield "too much", "url(#over)"


def _ground(scale: Scale, top: float, bottom: float) -> Iterable[str]:
    """Draw what lies behind the bars: the kernel's part and the swap that may be counted on."""
    start, end = scale.x(scale.guest_mb), scale.x(scale.nominal_mb)
    kernel = scale.nominal_mb - scale.guest_mb
    yield svg.rect(start, top, end - start, bottom - top, svg.KERNEL, "kernel", kernel)
    if scale.usable_swap_mb:
        width = scale.usable_swap_mb * scale.per_mib
        yield svg.rect(
            end, top, width, bottom - top, "#f6f0e2", "usable-swap", scale.usable_swap_mb
        )


def _scenario(
    plan: Mapping[str, Any], scenario: Mapping[str, Any], scale: Scale, top: float
) -> Iterable[str]:
    name, event = scenario["name"], scenario["event_mb"]
    said = f"{name}: {scenario['what']}" + (f", {event} MiB" if event else "")
    shapes = [
        svg.text(_LEFT, top + 14, said, 12),
        *_bar(plan, scenario, scale, top + 20),
        *_verdict(scenario, top),
    ]
    title = (
        f"{name}: limits {plan['limits_mb']} MiB and event {event} MiB of {plan['budget_mb']} MiB, "
        f"{scenario['swap_mb']} MiB in swap. {scenario['verdict']}: {scenario['reason']}"
    )
    yield svg.group(title, shapes)


def _bar(
    plan: Mapping[str, Any], scenario: Mapping[str, Any], scale: Scale, top: float
) -> Iterable[str]:
    parts = [("system", scale.system_mb, svg.SYSTEM)]
    parts += [
        (service["name"], service["limit_mb"], svg.colour(index))
        for index, service in enumerate(plan["services"].values())
    ]
    parts.append(("event", max(0, scenario["memory_mb"] - plan["limits_mb"]), svg.EVENT))
    yield from svg.stack(parts, _LEFT, scale.per_mib, top, _BAR)
    over = scenario["swap_mb"]
    if over:
        fill = "url(#swap)" if scenario["verdict"] == WITH_SWAP else "url(#over)"
        x = scale.x(scale.nominal_mb)
        yield svg.rect(x, top, over * scale.per_mib, _BAR, fill, "swap", over)


def _verdict(scenario: Mapping[str, Any], top: float) -> Iterable[str]:
    shades = {FITS: svg.GOOD, WITH_SWAP: svg.TIGHT}
    shade = shades.get(scenario["verdict"], svg.BAD)
    yield svg.dot(_VERDICT_X, top + 16, shade)
    yield svg.text(_VERDICT_X + 12, top + 20, scenario["verdict"], 13, shade, weight="600")
    reason = textwrap.wrap(short_reason(scenario), _REASON_COLUMNS)
    if len(reason) == 1 and scenario["verdict"] == FITS:
        yield svg.text(_VERDICT_X + 46, top + 20, reason[0], 12, svg.SOFT)
        return
    for number, line in enumerate(reason):
        yield svg.text(_VERDICT_X + 12, top + 34 + 12 * number, line, 11, svg.SOFT)


def _axis(scale: Scale, swap_mb: int, top: float, bottom: float) -> Iterable[str]:
    seen, sold = scale.x(scale.guest_mb), scale.x(scale.nominal_mb)
    yield svg.rule(seen, top - 6, bottom, svg.INK)
    yield svg.rule(sold, top - 6, bottom, svg.SOFT, dashed=True)
    yield svg.text(seen - 4, top - 9, f"{scale.guest_mb} MiB the kernel shows", 11, anchor="end")
    yield svg.text(sold + 4, top - 9, f"{scale.nominal_mb} sold", 11, svg.SOFT)
    for mib in range(0, scale.nominal_mb, scale.nominal_mb // 4):
        anchor = "middle" if mib else "start"
        yield svg.text(scale.x(mib), bottom + 15, str(mib), 11, svg.SOFT, anchor=anchor)
    if swap_mb:
        said = f"swap: {scale.usable_swap_mb} of its {swap_mb} MiB may be counted on"
        yield svg.text(_RIGHT, bottom + 30, said, 11, svg.SOFT, anchor="end")


def _description(plan: Mapping[str, Any]) -> str:
    limits = ", ".join(
        f"{service['name']} {service['limit_mb']}" for service in plan["services"].values()
    )
    verdicts = "; ".join(
        f"{scenario['name']}: {scenario['verdict']}, {scenario['reason']}"
        for scenario in plan["scenarios"].values()
    )
    return (
        f"Limits in MiB: {limits}; {plan['limits_mb']} of a budget of {plan['budget_mb']}. "
        f"{verdicts}. {strategy_sentence(plan)}."
    )
