# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A disk plan as text for a terminal, in the manner of the memory plan: at most 88 columns, no colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._plan_text import (
    FREE,
    bar,
    labelled,
    shorten,
    table,
)

_CELLS = 16
_WHAT_COLUMNS = 48
GROWTH = "growth"


def disk_text(plan: Mapping[str, Any]) -> str:
    """Render a disk plan (``DiskPlan.to_dict()``)."""
    usable = plan["usable_mb"]
    rows = [
        (name, str(part["mb"]), _bar(part["mb"], usable), shorten(part["what"], _WHAT_COLUMNS))
        for name, part in plan["parts"].items()
    ]
    free = (
        _bar(plan["growth_mb"], usable).rstrip().translate({ord(one): FREE for one in "█▏▎▍▌▋▊▉"})
    )
    rows.append((GROWTH, str(plan["growth_mb"]), free, "for the database and its backups"))
    header = ("Part", "MiB", f"of {usable} MiB", "What")
    sections = (
        labelled("Disk", f"{plan['disk_gb']} GB sold, {usable} MiB of it for files"),
        table(header, rows, frozenset({0, 2, 3})),
        labelled("Growth", growth_sentence(plan)),
        [line for one in plan["warnings"] for line in labelled("Warning", one)],
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def growth_sentence(plan: Mapping[str, Any]) -> str:
    """Say how large the database may become."""
    return (
        f"the database, planned with {plan['database_mb']} MiB, may grow to "
        f"{plan['database_most_mb']}: with backups and drill each MiB takes {plan['growth_factor']:g}"
    )


def _bar(part: int, whole: int) -> str:
    return bar(part, whole, _CELLS) if part else ""
