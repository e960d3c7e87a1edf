"""What measure.py measured, next to what the plan assumes: as a table for the terminal and as docs/measurements.md."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / ".collections"))
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import (
    plan as plan_of,
)

Results = Mapping[str, Mapping[str, Any]]

SIZE = "s-1vcpu-1gb"
NOT = "not measured"
# What of an event of the plan each measurement covers.
PARTS = {
    "backup": "60 MiB more, dumped, read back and fingerprinted; the upload, which follows, is apart",
    "upload": "restic with that backup, into a repository on the same disk",
    "certificate": "a renewal by certbot at the bench's CA, and our program as its hook",
    "upgrade": "apt-get update, and one small package installed again",
    "pull": "the app's image as one layer",
    "drill": "60 MiB restored, HNSW index built, in a container limited to 96 MiB",
    "migration": "nothing to migrate: start-up and connection only",
    "release": "site.yml with a new version: also Ansible's own process, compose, the pull, the migration",
}


def planned() -> dict[str, Any]:
    """The plan of the demo's size."""
    return plan_of(SIZE, backend_image="demo").to_dict()


def verdict(measured: float | None, assumed: float) -> str:
    """Say whether a measurement is inside the plan."""
    if measured is None:
        return NOT
    return "within" if measured <= assumed else f"over by {measured - assumed:.0f}"


def service_rows(results: Results) -> list[Sequence[str]]:
    """Each service: at rest, under load, the most in any event, and the plan."""
    rows: list[Sequence[str]] = []
    for name, service in planned()["services"].items():
        rest = _first(result.get("services_rest", {}).get(name) for result in results.values())
        load = results.get("load", {}).get("services_peak", {}).get(name)
        peaks = {
            event: result.get("services_peak", {}).get(name) for event, result in results.items()
        }
        known = {event: mb for event, mb in peaks.items() if mb is not None}
        event = max(known, key=lambda key: known[key], default="")
        most = known.get(event)
        rows.append(
            (
                name,
                _mb(rest),
                _mb(load),
                f"{_mb(most)} ({event})" if event else NOT,
                str(service["working_set_mb"]),
                str(service["limit_mb"]),
                verdict(most, service["working_set_mb"]),
            )
        )
    return rows


def event_rows(results: Results) -> list[Sequence[str]]:
    """Each event of the plan, measured or not; what brings a backup off-site is a part of one."""
    scenarios = planned()["scenarios"]
    rows: list[Sequence[str]] = []
    for name in [*(key for key in scenarios if key != "steady"), "upload"]:
        result = results.get(name, {})
        assumed = scenarios["backup" if name == "upload" else name]["event_mb"]
        anonymous = result.get("extra_anonymous_mb")
        rows.append(
            (
                name,
                _mb(anonymous),
                _mb(result.get("extra_resident_mb")),
                str(assumed),
                verdict(anonymous, assumed),
                _growth(result) or _why(result),
            )
        )
    return rows


def text(results: Results) -> str:
    """Render both tables for a terminal."""
    header = ("Service", "rest", "load", "most", "plan", "limit", "verdict")
    events = (
        "Event",
        "anonymous",
        "resident",
        "plan",
        "verdict",
        "resident at the moment of the most",
    )
    parts = [
        *_table(header, service_rows(results)),
        "",
        *_table(events, event_rows(results)),
        "",
        "MiB. Services: anonymous and shared. Events: what comes on top of the services.",
    ]
    return "\n".join(parts)


def markdown(results: Results, machine: str, date: str) -> str:
    """Render docs/measurements.md."""
    services = (
        "service",
        "at rest",
        "under load",
        "most, in any event",
        "plan",
        "limit",
        "verdict",
    )
    events = (
        "event",
        "anonymous",
        "resident",
        "plan",
        "verdict",
        "resident at the moment of the most",
    )
    notes = [
        f"* {name}: {note}."
        for name, note in PARTS.items()
        if "extra_resident_mb" in results.get(name, {})
    ]
    checks = max((result.get("health_checks_mb", 0.0) for result in results.values()), default=None)
    return "\n".join(
        [
            "# Measurements",
            "",
            "Written by `make measure WRITE=1`; do not edit. Single runs, on the running demo.",
            "",
            f"**{date}**, {machine}. All numbers are MiB.",
            "",
            "## Services",
            "",
            "Anonymous and shared memory of the container's control group; page cache comes on top and can always be",
            "taken back. Under load: 15 s of readiness checks and webhook messages of 4 clients, at most 200 a second.",
            "",
            *_rows(services, service_rows(results)),
            "",
            "## Events",
            "",
            "What an event takes at most on top of the services, whose limits the plan counts in full. Anonymous",
            "and shared memory, tmpfs included, is what the plan counts and is compared with. Resident is each",
            "process' share (PSS) of all memory it maps, which adds pages of programs and libraries: the kernel can",
            "drop them and read them again. Sampled with pauses of 0.1 s; less the mean of 12 s at rest.",
            "",
            *_rows(events, event_rows(results)),
            "",
            *notes,
            f"* Health checks alone take up to {_mb(checks)} at rest, and may fall into any of these moments.",
            "",
        ]
    )


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _mb(value: float | None) -> str:
    return NOT if value is None else f"{value:.0f}"


def _why(result: Mapping[str, Any]) -> str:
    return " ".join(str(result.get("not_measured", "")).split())[:90]


def _growth(result: Mapping[str, Any]) -> str:
    """Name the largest growths."""
    services = result.get("services_rest", {})
    by = {name: mb for name, mb in result.get("by", {}).items() if mb >= 2 and name not in services}
    largest = sorted(by.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{name} {mb:.0f}" for name, mb in largest)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]
