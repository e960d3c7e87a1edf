# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A Droplet's state on one screen, or as JSON: sections first, then what was found, the worst first.

A section is a mapping with ``name``, ``lines`` (its text), ``data`` (for JSON) and ``findings``; this file makes the
one on memory, others are handed in by the playbook.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift import (
    assumed_mb,
    judge,
    needed_mb,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_machine import machine_lines
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    SEVERITIES,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    exit_code,
    number,
    worst,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    COLUMNS,
    FREE,
    SERVICES,
    count,
    shorten,
    table,
)
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem

FORMATS = ("text", "json")
CELLS = 16
ASSUMED = "|"
_LABEL = 10
_KEYS = ("severity", "check", "subject", "what", "do")


def drift_report(
    plan: object,
    usage: object,
    services: object = (),
    output: object = "text",
    *,
    host: str = "",
    sections: object = (),
) -> str:
    """Judge and render; raise :class:`PlanError` for what is no plan, no measurement or no format."""
    if output not in FORMATS:
        remedy = "use one of " + ", ".join(FORMATS)
        raise PlanError([Problem("format", output, "is not known", remedy)])
    state = status(plan, usage, services, host=host, sections=sections)
    return _json(state) if output == "json" else status_text(state)


def status(
    plan: object, usage: object, services: object = (), *, host: str = "", sections: object = ()
) -> dict[str, Any]:
    """Collect every section, the findings of all of them, the verdict and the exit code."""
    memory = judge(plan, usage, services)
    # judge() has refused anything else.
    assert isinstance(plan, Mapping)  # noqa: S101
    assert isinstance(usage, Mapping)  # noqa: S101
    others = [_a_section(one) for one in entries(sections)]
    findings = [*memory, *(found for _, part in others for found in part)]
    findings.sort(key=lambda one: SEVERITIES.index(one.severity))
    own = {
        "name": "memory",
        "lines": _memory_lines(plan, usage),
        "data": {"size": plan["size"], "services": _rows(plan, usage), "usage": dict(usage)},
    }
    return {
        "host": host,
        "size": plan["size"],
        "verdict": worst(findings),
        "exit_code": exit_code(findings),
        "counts": {
            severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES
        },
        "findings": [one.to_dict() for one in findings],
        "sections": [own, *(section for section, _ in others)],
    }


def status_text(state: Mapping[str, Any]) -> str:
    """Render for a terminal: at most 88 columns."""
    blocks = [[f"{state['host'] or 'This machine'} ({state['size']}): {_verdict(state)}"]]
    blocks += [section["lines"] for section in state["sections"]]
    said = [one for one in state["findings"] if one["severity"] != OK]
    blocks += [[line for one in said for line in _finding_lines(one)]]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def _verdict(state: Mapping[str, Any]) -> str:
    counts = state["counts"]
    said = [
        text
        for severity, text in (
            (PROBLEM, count(counts[PROBLEM], "problem")),
            (WARNING, count(counts[WARNING], "warning")),
            (UNKNOWN, f"{count(counts[UNKNOWN], 'check')} could not run"),
        )
        if counts[severity]
    ]
    good = f"{count(counts[OK], 'check')} good"
    return ", ".join([*said, good]) if said else f"all well, {good}"


def _finding_lines(one: Mapping[str, str]) -> list[str]:
    text = f"{one['subject']}: {one['what']}." + (f" Do: {one['do']}." if one["do"] else "")
    label = one["severity"].capitalize()
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )


def _rows(plan: Mapping[str, Any], usage: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a container, in the plan's order; a service without one has a row, too."""
    containers = entries(usage.get("containers"))
    planned = plan["services"]
    names = [*planned, *sorted({str(one.get("service")) for one in containers} - set(planned))]
    rows: list[dict[str, Any]] = []
    for name in names:
        found = [one for one in containers if str(one.get("service")) == name]
        service = planned.get(name)
        for one in found or [
            {"state": "unknown" if usage.get("containers") is None else "missing"}
        ]:
            limit = number(one.get("limit_mb")) or number(one.get("configured_limit_mb"))
            rows.append(
                {
                    "service": name,
                    "container": one.get("name", ""),
                    "state": _state(one),
                    "needed_mb": needed_mb(one),
                    "held_mb": number(one.get("held_mb")),
                    "limit_mb": limit,
                    "planned_limit_mb": service and service["limit_mb"],
                    "assumed_mb": service and assumed_mb(service),
                    "swap_mb": number(one.get("swap_mb")),
                    "cache_mb": number(one.get("cache_mb")),
                    "oom_kills": number(one.get("oom_kills")),
                    "restarts": number(one.get("restarts")),
                }
            )
    return rows


def _state(one: Mapping[str, Any]) -> str:
    """Docker keeps the last health of a container that has ended; it says nothing any more."""
    state = str(one.get("state") or "unknown")
    return str(one.get("health") or state) if state == "running" else state


def _memory_lines(plan: Mapping[str, Any], usage: Mapping[str, Any]) -> list[str]:
    header = (
        "Service",
        "State",
        "Holds of its limit",
        "",
        "Plan",
        "Swap",
        "Cache",
        "OOM",
        "Restarts",
    )
    rows = [
        (
            shorten(row["service"], 12),
            shorten(row["state"], 9),
            use_bar(row["held_mb"], row["limit_mb"], row["assumed_mb"]),
            f"{_whole(row['held_mb'])} of {_whole(row['limit_mb'])}",
            _whole(row["assumed_mb"]),
            _whole(row["swap_mb"]),
            _whole(row["cache_mb"]),
            _whole(row["oom_kills"]),
            _whole(row["restarts"]),
        )
        for row in _rows(plan, usage)
    ]
    return [
        *table(header, rows, frozenset({0, 1, 2})),
        f"{SERVICES} anonymous, shared, kernel; in MiB  {ASSUMED} the plan's assumption  ? not readable",
        "",
        *(
            line
            for label, text in machine_lines(plan, usage)
            for line in textwrap.wrap(
                text,
                COLUMNS,
                initial_indent=f"{label:<{_LABEL}}",
                subsequent_indent=" " * _LABEL,
            )
        ),
    ]


def use_bar(held: float | None, limit: float | None, assumed: float | None) -> str:
    """Draw what is held of the limit, with a mark where the plan assumed it to be."""
    if held is None or not limit:
        return "?" * CELLS
    full = min(CELLS, max(1, round(CELLS * held / limit)))
    cells = list((SERVICES * full).ljust(CELLS, FREE))
    if assumed is not None:
        cells[min(CELLS - 1, int(CELLS * assumed / limit))] = ASSUMED
    return "".join(cells)


def _whole(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _a_section(given: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[Finding]]:
    """Read a section that the playbook hands in. A finding without a known severity counts as unknown."""
    findings = []
    for one in entries(given.get("findings")):
        severity, check, subject, what, do = (str(one.get(key) or "") for key in _KEYS)
        known = severity if severity in SEVERITIES else UNKNOWN
        findings.append(Finding(known, check, subject, what, do))
    lines = given.get("lines")
    section = {
        "name": str(given.get("name") or ""),
        "lines": [str(line) for line in lines] if isinstance(lines, (list, tuple)) else [],
        "data": given.get("data"),
    }
    return section, findings


def _json(state: Mapping[str, Any]) -> str:
    shown = {
        **state,
        "sections": {section["name"]: section["data"] for section in state["sections"]},
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
