# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a check found, and careful reading of measurements that may be missing or wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

OK, WARNING, UNKNOWN, PROBLEM = "ok", "warning", "unknown", "problem"
SEVERITIES = (PROBLEM, UNKNOWN, WARNING, OK)

ESSENTIAL = frozenset({"use", "limit", "state", "docker", "available", "size"})
"""Checks without which nothing is known: where one of them could not run, the exit code says so."""


@dataclass(frozen=True)
class Finding:
    """One check's result: about what, what was seen, and what to do."""

    severity: str
    check: str
    subject: str
    what: str
    do: str = ""

    def to_dict(self) -> dict[str, str]:
        """Turn into JSON."""
        return asdict(self)


def section(
    name: str,
    seen: object,
    lines: Callable[[Mapping[str, Any]], list[str]],
    judge: Callable[[Mapping[str, Any]], list[Finding]],
) -> dict[str, Any]:
    """Make of what a module saw a section for the state of the machine; what is no mapping saw nothing."""
    given = seen if isinstance(seen, Mapping) else {}
    return {
        "name": name,
        "lines": lines(given),
        "data": dict(given),
        "findings": [one.to_dict() for one in judge(given)],
    }


def exit_code(findings: Iterable[Finding]) -> int:
    """0: no problem. 2: a problem. 3: no problem seen, but an essential check could not run."""
    found = tuple(findings)
    if any(one.severity == PROBLEM for one in found):
        return 2
    blind = any(one.severity == UNKNOWN and one.check in ESSENTIAL for one in found)
    return 3 if blind else 0


def worst(findings: Iterable[Finding]) -> str:
    """Return the verdict: a problem, else what could not be judged, else a warning."""
    severities = {finding.severity for finding in findings}
    return next((severity for severity in SEVERITIES if severity in severities), UNKNOWN)


def number(value: object) -> float | None:
    """Accept a finite number that is not negative; everything else was not measured."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and value >= 0 else None


def entries(value: object) -> list[Mapping[str, Any]]:
    """Keep the mappings of a list."""
    listed = value if isinstance(value, (list, tuple)) else []
    return [entry for entry in listed if isinstance(entry, Mapping)]


def shown(value: float | None, unknown: str = "unknown") -> str:
    """Write a number without needless decimals."""
    return unknown if value is None else f"{value:.0f}" if value == round(value) else f"{value:.1f}"
