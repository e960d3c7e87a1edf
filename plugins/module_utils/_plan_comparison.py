# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The same wishes on every size, side by side: as data and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import shorten, table
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import REFUSED
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError
from ansible_collections.planner.droplet.plugins.module_utils._services import (
    CATALOG,
    parse_services,
)
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES, Size

_WHY_COLUMNS = 66
_HEADER = (
    "Size",
    "USD",
    "Budget",
    "Limits",
    "each*",
    "Wk",
    "Buf",
    "Max",
    "Release",
    "Least left",
)
_NOTES = (
    f"* {' / '.join(CATALOG)}, in MiB; Limits is their sum with your own services'.",
    "Wk: backend workers. Buf: PostgreSQL's shared_buffers. Max: Redis' maxmemory.",
    "Release: which comes first, the new backend's start or the old one's stop (and its gap).",
    "Least left: the tightest event and what it leaves; below 0, so much is in swap.",
)


@dataclass(frozen=True)
class Row:
    """One size: its plan, or why there is none."""

    size: str
    price_usd: float
    vcpus: int
    nominal_mb: int
    budget_mb: int
    plan: dict[str, Any] | None
    problems: tuple[str, ...] = ()
    why: str = ""
    """The first problem in short, and how many more there are."""

    def to_dict(self) -> dict[str, Any]:
        """Turn into plain dictionaries and lists."""
        return {**asdict(self), "problems": list(self.problems)}


def compare(services: object = (), swap_mb: object = None, host_mb: object = 0) -> tuple[Row, ...]:
    """Plan for every size; raise :class:`PlanError` for wishes that mean nothing on any of them."""
    _, problems = parse_services(services)
    if problems:
        raise PlanError(problems)
    return tuple(_row(SIZES[slug], services, swap_mb, host_mb) for slug in COMPARED)


def _row(size: Size, services: object, swap_mb: object, host_mb: object) -> Row:
    planned: dict[str, Any] | None = None
    problems: tuple[str, ...] = ()
    why = ""
    try:
        planned = plan(size.slug, services, swap_mb, host_mb=host_mb).to_dict()
    except PlanError as error:
        problems = tuple(str(problem) for problem in error.problems)
        more = len(problems) - 1
        why = error.problems[0].reason.split(":")[0] + (f", and {more} more" if more else "")
    return Row(
        size.slug,
        size.price_usd,
        size.vcpus,
        size.memory_mb,
        planned["budget_mb"] if planned else size.budget_mb,
        planned,
        problems,
        why,
    )


def tightest(planned: Mapping[str, Any]) -> tuple[str, int]:
    """Name the event that leaves least, of those that may run, and what it leaves (MiB).

    Negative: so much is in swap meanwhile.
    """
    left = {
        name: planned["budget_mb"] - planned["limits_mb"] - scenario["event_mb"]
        for name, scenario in planned["scenarios"].items()
        if scenario["verdict"] != REFUSED
    }
    name = min(left, key=lambda event: left[event])
    return name, left[name]


def comparison_text(rows: Sequence[Row]) -> str:
    """Render one row a size; a size that does not fit says why."""
    cells = [_cells(row) for row in rows]
    words = frozenset({0, len(_HEADER) - 2, len(_HEADER) - 1})
    fitting = [line for line, row in zip(cells, rows, strict=True) if row.plan]
    # A reason is one long cell: it does not take part in the widths.
    slugs = max(len(row.size) for row in rows)
    lines = table((_HEADER[0].ljust(slugs), *_HEADER[1:]), fitting, words, " ")
    body = iter(lines[1:])
    shown = [next(body) if row.plan else _refused_line(row, slugs) for row in rows]
    return "\n".join([lines[0], *shown, "", *_NOTES]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    planned = row.plan
    if planned is None:
        return ()
    services = planned["services"]
    event, left = tightest(planned)
    gap = f" {planned['gap_s']} s" if planned["gap_s"] else ""
    return (
        row.size,
        dollars(row.price_usd).removeprefix("$"),
        str(row.budget_mb),
        str(planned["limits_mb"]),
        "/".join(str(services[name]["limit_mb"]) for name in CATALOG),
        str(services["backend"]["settings"]["workers"]),
        str(services["postgres"]["settings"]["shared_buffers_mb"]),
        str(services["redis"]["settings"]["maxmemory_mb"]),
        planned["strategy"].removesuffix("-first") + gap,
        f"{event} {left}",
    )


def _refused_line(row: Row, slugs: int) -> str:
    price = dollars(row.price_usd).removeprefix("$")
    return f"{row.size:<{slugs}} {price:>3} {shorten('no: ' + row.why, _WHY_COLUMNS)}"
