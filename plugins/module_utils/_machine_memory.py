# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the kernel says about the memory of the whole machine. ``None`` means: could not be read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    MIB,
    Files,
    Group,
    Mount,
    Numbers,
    group_memory,
    memory_mount,
    mib,
    whole,
)

Pressure = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Whole:
    """The group that is the whole machine as this process sees it."""

    memory: Numbers
    reclaimable_mb: float


def machine(files: Files) -> dict[str, object]:
    """Read the machine.

    A machine may itself be a container (LXC and the like). Then counters of the outer kernel are not its own:
    its limit is the memory it has, and what has no counter of its own is ``None``.
    """
    meminfo = files.numbers("/proc/meminfo")
    container = (files.text("/run/systemd/container") or "").strip()
    mount = memory_mount(files)
    top = _top(files, mount) if mount else None
    total, available = mib(meminfo.get("MemTotal")), mib(meminfo.get("MemAvailable"))
    limit = top.memory["limit_mb"] if top else None
    if top and limit and total and limit < total - 1:
        used = top.memory["used_mb"]
        total = limit
        available = None if used is None else round(max(0.0, limit - used + top.reclaimable_mb), 1)
    swap_total, swap_used = _swap(files, inside=bool(container))
    own_counters = mount is not None and mount.version == 2
    oom_kills = files.numbers("/proc/vmstat").get("oom_kill")
    pressure = files.text("/proc/pressure/memory")
    if container:
        oom_kills = _as_count(top.memory["oom_kills"]) if top and own_counters else None
        folder = mount.folder if mount else ""
        pressure = files.text(f"{folder}/memory.pressure") if own_counters else None
    return {
        "container": container,
        "total_mb": total,
        "available_mb": available,
        "swap_total_mb": swap_total,
        "swap_used_mb": swap_used,
        "pressure": pressure_of(pressure),
        "oom_kills_since_boot": oom_kills,
        "load": None if container else _load(files.text("/proc/loadavg")),
    }


def _top(files: Files, mount: Mount) -> Whole:
    group = Group(mount.version, mount.folder)
    stat = files.numbers(f"{mount.folder}/memory.stat")
    prefix = "total_" if mount.version == 1 else ""
    cache = sum(stat.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
    memory = group_memory(files, group)
    return Whole(memory, (cache + stat.get("slab_reclaimable", 0)) / MIB)


def _swap(files: Files, *, inside: bool) -> tuple[float | None, float | None]:
    """Add up /proc/swaps. In a container, what is no file of its own belongs to the outer machine."""
    text = files.text("/proc/swaps")
    if text is None:
        return None, None
    rows = [line.split() for line in text.splitlines()[1:]]
    sizes = [
        (size, used)
        for row in rows
        if len(row) >= 4
        and (size := whole(row[2])) is not None
        and (used := whole(row[3])) is not None
        and (not inside or row[1] == "virtual" or os.path.isfile(files.real(row[0])))
    ]
    if inside and not sizes:
        return None, None
    return mib(1024 * sum(size for size, _ in sizes)), mib(1024 * sum(used for _, used in sizes))


def _as_count(value: float | None) -> int | None:
    return None if value is None else int(value)


def _load(text: str | None) -> list[float] | None:
    words = (text or "").split()[:3]
    if len(words) == 3 and all(re.fullmatch(r"[0-9]+\.[0-9]+", word) for word in words):
        return [float(word) for word in words]
    return None


def pressure_of(text: str | None) -> Pressure | None:
    """Read a pressure file: the share of time, in percent, in which some or all tasks waited for memory."""
    found: Pressure = {}
    for line in (text or "").splitlines():
        kind, *words = line.split() or [""]
        averages = re.findall(r"\b(avg10|avg60|avg300)=([0-9]+(?:\.[0-9]+)?)", " ".join(words))
        if kind in ("some", "full") and len(averages) == 3:
            found[kind] = {name: float(value) for name, value in averages}
    return found if set(found) == {"some", "full"} else None
