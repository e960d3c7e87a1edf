"""Runs on the Droplet while something happens there, started by measure.py: what every process holds, again and again.

Its first line of input is the text of the collection's _memory_usage.py, as JSON. It says `ready` when it knows the
machine at rest, samples until its input ends (at most half an hour), and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

PAUSE_S = 0.1
REST_S = 12.0  # longer than the pause between two health checks
MOST_S = 1800.0
_CONTAINER = re.compile(r"[0-9a-f]{64}")

Numbers = dict[str, float]


def resident(rollup: str) -> float | None:
    """Read a process' share of the memory it maps, MiB, from smaps_rollup."""
    found = re.search(r"^Pss:\s+([0-9]+) kB", rollup, re.MULTILINE)
    return int(found.group(1)) / 1024 if found else None


def owner(comm: str, cgroup: str, services: Mapping[str, str]) -> str:
    """Name what a process belongs to: a service, another container, or its own name."""
    inside = _CONTAINER.search(cgroup)
    if inside is None:
        return comm.strip()
    return services.get(inside.group(), "another container")


def summary(rest: list[dict[str, Any]], samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare the moment of the most with rest, MiB: what comes on top of the services.

    A service's own growth is not part of it: the plan counts its whole limit already.
    """
    counted = samples or rest
    before = mean([one["resident"] for one in rest])
    peak = max(counted, key=lambda one: beside(one, one["resident"]))["resident"]
    growth = {name: peak.get(name, 0) - before.get(name, 0) for name in {*peak, *before}}
    known = all(one["machine"] is not None for one in (*rest, *counted))
    anonymous = [one["machine"] - sum(one["services"].values()) for one in counted if known]
    at_rest = [one["machine"] - sum(one["services"].values()) for one in rest if known]
    services = {name for one in rest for name in one["services"]}
    at_most = max(beside(one, one["resident"]) for one in rest)
    return {
        "samples": len(samples),
        "extra_resident_mb": round(
            sum(mb for name, mb in growth.items() if name not in services), 1
        ),
        "extra_anonymous_mb": round(max(anonymous) - sum(at_rest) / len(at_rest), 1)
        if known
        else None,
        "health_checks_mb": round(
            at_most - sum(mb for name, mb in before.items() if name not in services), 1
        ),
        "by": {name: round(mb, 1) for name, mb in growth.items() if abs(mb) >= 1},
        "services_rest": rounded(mean([one["services"] for one in rest])),
        "services_peak": rounded(most([one["services"] for one in counted])),
    }


def beside(one: Mapping[str, Any], resident_mb: Numbers) -> float:
    """Add up what does not belong to a service."""
    return sum(mb for name, mb in resident_mb.items() if name not in one["services"])


def mean(rows: list[Numbers]) -> Numbers:
    """Average each name over the rows, a missing one being zero."""
    names = {name for row in rows for name in row}
    return {name: sum(row.get(name, 0.0) for row in rows) / len(rows) for name in names}


def most(rows: list[Numbers]) -> Numbers:
    """Return the largest value of each name."""
    names = {name for row in rows for name in row}
    return {name: max(row.get(name, 0.0) for row in rows) for name in names}


def rounded(row: Numbers) -> Numbers:
    """Round to one decimal."""
    return {name: round(value, 1) for name, value in row.items()}


class Sampler:
    """Looks at all processes and at the services' groups."""

    def __init__(self, usage: Any, services: Mapping[str, str], skip: set[str]) -> None:
        """``services`` maps container ids to names; ``skip`` are the sampler's own processes."""
        self.usage, self.services, self.skip = usage, services, skip
        self.files = usage.Files()
        self.mount = usage.memory_mount(self.files)
        self.groups = {
            key: group for key in services if (group := usage.group_of(self.files, 1 << 30, key))
        }

    def look(self) -> dict[str, Any]:
        """Take one sample, MiB."""
        found: Numbers = {}
        for pid in os.listdir("/proc"):  # noqa: PTH208 - ten times a second
            if not pid.isdigit() or pid in self.skip:
                continue
            parts = [
                self.files.text(f"/proc/{pid}/{name}")
                for name in ("smaps_rollup", "comm", "cgroup")
            ]
            mb = resident(parts[0] or "")
            if mb is not None:
                name = owner(parts[1] or "", parts[2] or "", self.services)
                found[name] = found.get(name, 0) + mb
        services: Numbers = {}
        for key, group in self.groups.items():
            mb = self.usage.group_memory(self.files, group)["working_set_mb"]
            if mb is not None:
                # Two backends during a release are two containers: the larger one counts.
                name = self.services[key]
                services[name] = max(services.get(name, 0), mb)
        top = self.mount and self.usage.Group(self.mount.version, self.mount.folder)
        machine = self.usage.group_memory(self.files, top)["working_set_mb"] if top else None
        return {"resident": found, "services": services, "machine": machine}


def main() -> None:
    """Sample until the input ends."""
    given = json.loads(sys.stdin.readline())
    usage = ModuleType("usage")
    sys.modules["usage"] = usage  # dataclasses look their module up
    exec(compile(given["source"], "usage", "exec"), usage.__dict__)  # noqa: S102 - our own file
    skip = {str(os.getpid()), str(os.getppid())}
    sampler = Sampler(usage, given["services"], skip)
    rest = []
    end = time.monotonic() + REST_S
    while time.monotonic() < end:
        rest.append(sampler.look())
        time.sleep(PAUSE_S)
    print("ready", flush=True)
    samples = []
    end = time.monotonic() + MOST_S
    while time.monotonic() < end and not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        samples.append(sampler.look())
    print(json.dumps(summary(rest, samples)), flush=True)


if __name__ == "__main__":
    main()
