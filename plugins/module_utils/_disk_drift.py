# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The disk as it is against its plan: which part takes more than it was given, and how long the database has room.

That a disk is nearly full is judged by whoever knows the threshold; here is judged why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    number,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import table

CHECK = "disk-plan"
SMALLER = 0.97
"""File systems of the same disk differ by some percent."""
NEARLY = 0.8
"""From this part of what it may become the database is on its way out of this disk."""
_IMAGES = ("images", "build_cache", "dumps")
_DO = {
    "system": "`du -xh --max-depth=2 / | sort -h | tail`: what is not the system's belongs to somebody",
    "swap": "set droplet_swap_mb to what is wished, and run site.yml",
    "journal": "`journalctl --vacuum-size=256M`, then run site.yml",
    "logs": "`sudo planner-watch status`; a container that is not the product's may log without end",
    "images": "`sudo planner-watch clean`; `docker image ls` shows images of your own",
    "backups": "lower backup_keep_last or backup_keep_days, and run backup.yml",
    "restic": "`sudo planner-watch clean`",
    "redis": "lower droplet_services[name=redis].maxmemory_mb, and run site.yml",
}


def compare(
    plan: Mapping[str, Any], measured: Mapping[str, Any]
) -> tuple[list[str], list[Finding]]:
    """Compare a disk plan (``DiskPlan.to_dict()``) with what ``measure`` found: lines to show, and findings."""
    as_is = _as_is(plan, measured)
    rows = [(name, shown(mb), str(plan["parts"][name]["mb"])) for name, mb in as_is.items()]
    own = number((measured.get("parts") or {}).get("volumes"))
    if own is None or own >= 1:
        rows.append(("volumes", shown(own), "-"))
    lines = table(("Disk", "MiB", "planned"), rows, frozenset({0}))
    findings = [
        *_size(plan, measured),
        *(one for name in as_is if name != "postgres" for one in _part(plan, name, as_is[name])),
        *_database(plan, as_is["postgres"]),
    ]
    return lines, findings


def _as_is(plan: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, float | None]:
    """Return what each part of the plan takes. The reserve is what is free, and a drill leaves nothing behind."""
    given = measured.get("parts")
    parts = given if isinstance(given, Mapping) else {}
    found = {name: number(parts.get(name)) for name in parts}
    images = [found.pop(name, None) for name in _IMAGES]
    result: dict[str, float | None] = {
        name: found.get(name)
        for name in plan["parts"]
        if name not in ("system", "images", "drill", "reserve")
    }
    result["images"] = _sum(images)
    total, free = number(measured.get("total_mb")), number(measured.get("free_mb"))
    others = _sum([*images, *found.values()])
    result["system"] = None
    if total is not None and free is not None and others is not None:
        result["system"] = max(0.0, total - free - others)
    return {name: result[name] for name in plan["parts"] if name in result}


def _sum(values: list[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return round(sum(known), 1) if len(known) == len(values) else None


def _size(plan: Mapping[str, Any], measured: Mapping[str, Any]) -> Iterator[Finding]:
    total, usable = number(measured.get("total_mb")), plan["usable_mb"]
    if total is None:
        yield Finding(UNKNOWN, CHECK, "size", "its size could not be read", "run as root: df /")
    elif total < SMALLER * usable:
        what = f"holds {shown(total)} MiB, planned {usable}: room for the database is less"
        yield Finding(PROBLEM, CHECK, "size", what, "declare the droplet_size it has, or resize it")
    else:
        yield Finding(OK, CHECK, "size", f"holds {shown(total)} MiB, planned {usable}")


def _part(plan: Mapping[str, Any], name: str, mb: float | None) -> Iterator[Finding]:
    planned = plan["parts"][name]["mb"]
    if mb is None:
        do = "look at `docker system df` and `df /`"
        yield Finding(UNKNOWN, CHECK, name, "what it takes could not be read", do)
    elif mb > planned:
        what = f"takes {mb:.0f} MiB, planned {planned}: {plan['parts'][name]['what']}"
        yield Finding(WARNING, CHECK, name, what, _DO[name])
    else:
        yield Finding(OK, CHECK, name, f"takes {mb:.0f} MiB, planned {planned}")


def _database(plan: Mapping[str, Any], mb: float | None) -> Iterator[Finding]:
    """The volume holds the database, the server's own files and the WAL."""
    if mb is None:
        return (yield from _part(plan, "postgres", mb))
    beside = plan["parts"]["postgres"]["mb"] - plan["database_mb"]
    most = plan["database_most_mb"] + beside
    what = f"takes {mb:.0f} MiB, and up to {most} there is room for it, its backups and a drill"
    do = "remove rows that nobody needs, keep fewer backups, or take a larger droplet_size"
    severity = PROBLEM if mb > most else WARNING if mb > NEARLY * most else OK
    yield Finding(severity, CHECK, "postgres", what, "" if severity == OK else do)
