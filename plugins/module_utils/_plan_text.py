# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A memory plan as text for a terminal: at most 88 columns, no colours, one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._daemons import DAEMONS, daemons_mb
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import REFUSED

COLUMNS = 88
_NAME_COLUMNS = 16
_SERVICE_CELLS = 12
_SETTINGS_COLUMNS = 35
_SCENARIO_CELLS = 24
_SWAP_CELLS = 6
_EIGHTHS = " ▏▎▍▌▋▊▉"
SERVICES, EVENT, FREE, SWAP = "█", "▒", "·", "╱"  # noqa: RUF001 - drawn, not read


def plan_text(plan: Mapping[str, Any], cost: Mapping[str, Any] | None = None) -> str:
    """Render a plan (``Plan.to_dict()``) and, where given, its monthly cost."""
    sections = (
        _header(plan),
        _services(plan),
        _scenarios(plan),
        [*labelled("Releases", strategy_sentence(plan)), *(_cost(cost) if cost else [])],
        [line for warning in warnings(plan, cost) for line in labelled("Warning", warning)],
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def settings_text(service: Mapping[str, Any]) -> str:
    """Say the settings that explain a service's limit."""
    known = {
        "backend": lambda s: f"{count(s['workers'], 'worker')}, pool of {s['pool_size']}",
        "postgres": lambda s: (
            f"buffers {s['shared_buffers_mb']}, work_mem {s['work_mem_mb']}, "
            f"{s['max_connections']} conn."
        ),
        "redis": lambda s: (
            f"maxmemory {s['maxmemory_mb']}, {'with' if s['persistence'] else 'no'} snapshots"
        ),
        "nginx": lambda s: (
            f"{count(s['worker_processes'], 'process', 'es')} of {s['worker_connections']} conn."
        ),
    }
    say = known.get(service["name"])
    return say(service["settings"]) if say else service["image"]


def strategy_sentence(plan: Mapping[str, Any]) -> str:
    """Say how a new version replaces the old one, and what that costs in time."""
    if plan["strategy"] == "start-first":
        return "start-first: the new backend starts beside the old one, no gap"
    return (
        f"stop-first: the old backend stops before the new one starts, about {plan['gap_s']} s gap"
    )


def cost_sentence(cost: Mapping[str, Any]) -> str:
    """Add the month up in one line."""
    parts = [f"Droplet {dollars(cost['droplet_usd'])}"]
    if cost["backups_usd"]:
        parts.append(f"{cost['backups']} backups {dollars(cost['backups_usd'])}")
    if cost["spaces_usd"]:
        parts.append(f"Spaces {dollars(cost['spaces_usd'])}")
    total = f"{dollars(cost['total_usd'])} a month"
    described = f"{' + '.join(parts)} = {total}" if len(parts) > 1 else total
    budget = dollars(cost["budget_usd"])
    return f"{described}, budget {budget} (prices as of {cost['as_of']})"


def short_reason(scenario: Mapping[str, Any]) -> str:
    """Leave out what the event is: its name stands beside the reason already."""
    reason = str(scenario["reason"]).removesuffix(f" ({scenario['what']})")
    refused_release = scenario["name"] == "release" and scenario["verdict"] == REFUSED
    return f"{reason}: stop-first instead" if refused_release else reason


def warnings(plan: Mapping[str, Any], cost: Mapping[str, Any] | None) -> list[str]:
    """Collect the plan's warnings and the cost's."""
    return [*plan["warnings"], *([cost["warning"]] if cost and cost["warning"] else [])]


def count(number: int, thing: str, plural: str = "s") -> str:
    """Write 1 worker, 2 workers."""
    return f"{number} {thing}{'' if number == 1 else plural}"


def shorten(text: str, columns: int) -> str:
    """Cut a text that is too long, visibly."""
    return text if len(text) <= columns else text[: columns - 1] + "…"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], left: frozenset[int], gap: str = "  "
) -> list[str]:
    """Align columns; ``left`` are those of words, the others hold numbers."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return [
        gap.join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _header(plan: Mapping[str, Any]) -> list[str]:
    own = f", {plan['host_mb']} for what you run beside" if plan.get("host_mb") else ""
    left = plan["budget_mb"] - plan["limits_mb"]
    machine = f"{count(plan['vcpus'], 'vCPU')}, {plan['disk_gb']} GB disk"
    return [
        f"{plan['size']}: {machine}, {dollars(plan['price_usd'])} a month",
        "",
        *labelled(
            "Memory",
            f"{plan['nominal_mb']} MiB sold, the kernel shows {plan['guest_mb']}; "
            f"swap {plan['swap_mb']}",
        ),
        *labelled(
            "Reserve",
            f"{plan['reserve_mb']} MiB for kernel, system and Docker, "
            f"{daemons_mb()} of them for {len(DAEMONS)} daemons{own}",
        ),
        *labelled(
            "Budget",
            f"{plan['budget_mb']} MiB for containers: {plan['limits_mb']} in limits, "
            f"{left} left for one event at a time",
        ),
    ]


def _services(plan: Mapping[str, Any]) -> list[str]:
    budget = plan["budget_mb"]
    rows = [
        (
            shorten(service["name"], _NAME_COLUMNS),
            str(service["limit_mb"]),
            str(service["memory_and_swap_mb"]),
            str(service["working_set_mb"]),
            bar(service["limit_mb"], budget, _SERVICE_CELLS),
            shorten(settings_text(service), _SETTINGS_COLUMNS),
        )
        for service in plan["services"].values()
    ]
    header = ("Service", "Limit", "+swap", "Needs", "of budget", "Settings")
    return table(header, rows, frozenset({0, 4, 5}))


def bar(part: int, whole: int, cells: int) -> str:
    """Draw ``part`` of ``whole`` in eighths of a cell."""
    eighths = round(8 * cells * part / whole) if whole else 0
    full, rest = divmod(max(1, min(eighths, 8 * cells)), 8)
    return (SERVICES * full + (_EIGHTHS[rest] if rest else "")).ljust(cells)


def stacked_bar(scenario: Mapping[str, Any], limits_mb: int, budget_mb: int) -> str:
    """Draw services and event against the budget's end, what is over it behind the end."""
    per_cell = max(1, budget_mb) / _SCENARIO_CELLS
    services = min(_SCENARIO_CELLS, round(limits_mb / per_cell))
    event = min(_SCENARIO_CELLS, round(scenario["memory_mb"] / per_cell)) - services
    over = scenario["swap_mb"] / per_cell
    swap = SWAP * max(1, round(over)) if over else ""
    if len(swap) > _SWAP_CELLS:
        swap = SWAP * (_SWAP_CELLS - 1) + "…"
    inside = (SERVICES * services + EVENT * event).ljust(_SCENARIO_CELLS, FREE)
    return f"{inside}|{swap.ljust(_SWAP_CELLS)}"


def _scenarios(plan: Mapping[str, Any]) -> list[str]:
    lines = [f"{'Scenario':<12} {'Event':>5}  of {plan['budget_mb']} MiB".ljust(53) + "Verdict"]
    for scenario in plan["scenarios"].values():
        stack = stacked_bar(scenario, plan["limits_mb"], plan["budget_mb"])
        start = f"{scenario['name']:<12} {scenario['event_mb']:>5}  {stack}  "
        verdict = f"{scenario['verdict']}: {short_reason(scenario)}"
        lines += textwrap.wrap(
            verdict, COLUMNS, initial_indent=start, subsequent_indent=" " * len(start)
        )
    return [
        *lines,
        f"{SERVICES} limits  {EVENT} event  {FREE} free  | end of memory  {SWAP} over it, in swap",
    ]


def _cost(cost: Mapping[str, Any]) -> list[str]:
    return labelled("Cost", cost_sentence(cost))


def labelled(label: str, text: str, width: int = 10, columns: int = COLUMNS) -> list[str]:
    """Wrap a text beside its label, which stands in a column of that width."""
    lines = textwrap.wrap(
        text,
        columns,
        initial_indent=f"{label:<{width}}",
        subsequent_indent=" " * width,
        break_on_hyphens=False,
    )
    # A very long word can begin a line that holds only the indent.
    return [line.rstrip() for line in lines]
