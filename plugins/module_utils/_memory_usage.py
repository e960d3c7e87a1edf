# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the kernel says about the memory of one control group.

Reads files only, below a root that tests choose. Standard library only and no import from the collection,
so that `make measure` can run it on the Droplet as it is. MiB with one decimal; ``None`` means: could not be
read. It never means zero.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Numbers = dict[str, "float | None"]

MIB = 1024 * 1024
NO_LIMIT = 1 << 50
"""cgroup v1 writes "no limit" as a number: the largest multiple of a page in 63 bits."""
_NAMES = 20_000  # folders looked at when a group is searched by the container's id


@dataclass(frozen=True)
class Files:
    """The file system to read."""

    root: str = "/"

    def text(self, path: str) -> str | None:
        """Return a file's content, or ``None``."""
        try:
            with open(self.real(path), encoding="utf-8", errors="replace") as file:
                return file.read()
        except (OSError, ValueError):
            return None

    def number(self, path: str) -> int | None:
        """Return a file's only number."""
        return whole(self.text(path))

    def numbers(self, path: str) -> dict[str, int]:
        """Return a file of names and numbers, such as memory.stat or meminfo (whose numbers are kB)."""
        found = {}
        for line in (self.text(path) or "").splitlines():
            words = line.replace(":", " ").split()
            if len(words) in (2, 3) and (value := whole(words[1])) is not None:
                found[words[0]] = value * (1024 if words[2:] == ["kB"] else 1)
        return found

    def real(self, path: str) -> str:
        """Return where the path is on this file system."""
        return os.path.join(self.root, path.lstrip("/"))


@dataclass(frozen=True)
class Mount:
    """Where the groups that count memory are: the version of control groups and the folder."""

    version: int
    root: str
    folder: str


@dataclass(frozen=True)
class Group:
    """One control group."""

    version: int
    folder: str


def whole(text: str | None) -> int | None:
    """Read a whole number; ``max`` and everything else is ``None``."""
    stripped = (text or "").strip()
    return int(stripped) if re.fullmatch(r"[0-9]{1,20}", stripped) else None


def mib(value: float | None) -> float | None:
    """Turn bytes into MiB."""
    return None if value is None else round(value / MIB, 1)


def memory_mount(files: Files) -> Mount | None:
    """Find the mounted hierarchy that counts memory: v1, v2, or v1 with an empty v2 beside it."""
    for line in (files.text("/proc/self/mountinfo") or "").splitlines():
        place, _, kind = line.partition(" - ")
        fields, described = place.split(), kind.split()
        if len(fields) < 5 or len(described) < 3:
            continue
        folder = fields[4].replace("\\040", " ")
        if described[0] == "cgroup" and "memory" in described[2].split(","):
            return Mount(1, fields[3], folder)
        controllers = files.text(f"{folder}/cgroup.controllers") or ""
        if described[0] == "cgroup2" and "memory" in controllers.split():
            return Mount(2, fields[3], folder)
    return None


def group_of(files: Files, pid: int, container: str) -> Group | None:
    """Find a container's group by its first process, or else by its id.

    In a machine that is itself a container, the path in /proc/<pid>/cgroup may start elsewhere than what
    is mounted. So a path counts only if the folder is the container's or holds the process.
    """
    mount = memory_mount(files)
    if mount is None or pid < 1:  # a container that does not run has no group
        return None
    path = _own_path(files.text(f"/proc/{pid}/cgroup") or "", mount.version)
    if path is not None:
        inside = path.removeprefix(mount.root.rstrip("/")) if mount.root != "/" else path
        for candidate in dict.fromkeys((inside, path)):
            folder = _cut_after(mount.folder + candidate.rstrip("/"), container)
            members = (files.text(f"{folder}/cgroup.procs") or "").split()
            if str(pid) in members or (
                container and container in folder and _is_folder(files, folder)
            ):
                return Group(mount.version, folder)
    found = next(_folders_named(files, mount.folder, container), None)
    return Group(mount.version, found) if found else None


def _own_path(text: str, version: int) -> str | None:
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        ours = "memory" in controllers.split(",") if version == 1 else number == "0"
        if ours and path.startswith("/") and ".." not in path.split("/"):
            return path
    return None


def _cut_after(folder: str, container: str) -> str:
    """Leave out groups that the container made inside its own."""
    start = folder.find(container) if container else -1
    if start < 0:
        return folder
    end = folder.find("/", start)
    return folder if end < 0 else folder[:end]


def _is_folder(files: Files, folder: str) -> bool:
    return os.path.isdir(files.real(folder))


def _folders_named(files: Files, top: str, container: str) -> Iterator[str]:
    if not container:
        return
    start = files.real(top)
    for seen, (folder, names, _) in enumerate(os.walk(start)):
        if seen > _NAMES:
            return
        for name in names:
            if container in name:
                yield top + os.path.join(folder, name)[len(start) :]


def group_memory(files: Files, group: Group) -> Numbers:
    """Read what a group's processes hold.

    ``working_set_mb`` is anonymous and shared memory: what cannot be dropped, only swapped. ``held_mb`` adds
    the kernel's own memory, less what it can take back (which v1 does not tell). ``cache_mb`` can always be
    taken back.
    """
    stat = files.numbers(f"{group.folder}/memory.stat")
    read = _version_1 if group.version == 1 else _version_2
    return read(files, group.folder, stat)


def _version_2(files: Files, folder: str, stat: Mapping[str, int]) -> Numbers:
    anon, shared = stat.get("anon"), stat.get("shmem")
    kernel = stat.get("kernel")  # Linux 5.18 or newer
    if kernel is None and "slab" in stat:
        kernel = sum(stat.get(name, 0) for name in ("slab", "kernel_stack", "pagetables", "percpu"))
    held = _sum(anon, shared)
    if held is not None and kernel is not None:
        held += kernel - stat.get("slab_reclaimable", 0)
    return {
        "limit_mb": _limit(files.number(f"{folder}/memory.max")),
        "used_mb": mib(files.number(f"{folder}/memory.current")),
        "working_set_mb": mib(_sum(anon, shared)),
        "held_mb": mib(held),
        "cache_mb": mib(without(stat.get("file"), shared)),
        "kernel_mb": mib(kernel),
        "swap_mb": mib(files.number(f"{folder}/memory.swap.current")),
        "peak_mb": mib(files.number(f"{folder}/memory.peak")),
        "oom_kills": files.numbers(f"{folder}/memory.events").get("oom_kill"),
    }


def _version_1(files: Files, folder: str, stat: Mapping[str, int]) -> Numbers:
    anon, shared = stat.get("total_rss"), stat.get("total_shmem")
    kernel = files.number(f"{folder}/memory.kmem.usage_in_bytes")
    working_set = _sum(anon, shared)
    return {
        "limit_mb": _limit(files.number(f"{folder}/memory.limit_in_bytes")),
        "used_mb": mib(files.number(f"{folder}/memory.usage_in_bytes")),
        "working_set_mb": mib(working_set),
        "held_mb": mib(None if working_set is None else working_set + (kernel or 0)),
        "cache_mb": mib(without(stat.get("total_cache"), shared)),
        "kernel_mb": mib(kernel),
        "swap_mb": mib(stat.get("total_swap")),
        "peak_mb": mib(files.number(f"{folder}/memory.max_usage_in_bytes")),
        "oom_kills": files.numbers(f"{folder}/memory.oom_control").get("oom_kill"),
    }


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second


def without(whole_part: int | None, part: int | None) -> int | None:
    return None if whole_part is None or part is None else max(0, whole_part - part)


def _limit(value: int | None) -> float | None:
    return None if value is None or value >= NO_LIMIT else mib(value)
