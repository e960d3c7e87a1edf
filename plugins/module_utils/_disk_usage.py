# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What lies on the disk now, by the parts of the disk plan. Sizes are in MiB of blocks, not of contents."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._restic import CACHE
from ansible_collections.planner.droplet.plugins.module_utils._swap import parse_swaps
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

MIB = 1024 * 1024
DOCKER_ROOT = "/var/lib/docker"
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


@dataclass(frozen=True)
class Use:
    """How full file systems are: of several the fullest counts. Percent as ``df`` has them."""

    total_mb: int = 0
    free_mb: int = 0
    percent: float = 0
    inodes_percent: float = 0


def use_of(*paths: str) -> Use:
    """Measure the file systems that these paths are on; one that is not there is on its parent's.

    What is reserved for root counts as taken: PostgreSQL does not get it.
    """
    found = [_use(os.statvfs(path)) for path in {_there(path) for path in paths}]
    fullest = max(found, key=lambda one: one.percent)
    inodes = max(one.inodes_percent for one in found)
    return Use(fullest.total_mb, fullest.free_mb, fullest.percent, inodes)


def _there(path: str) -> str:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _use(seen: os.statvfs_result) -> Use:
    used = seen.f_blocks - seen.f_bfree
    inodes = seen.f_files - seen.f_ffree
    return Use(
        seen.f_blocks * seen.f_frsize // MIB,
        seen.f_bavail * seen.f_frsize // MIB,
        _percent(used, used + seen.f_bavail),
        # btrfs and overlays may count none.
        _percent(inodes, seen.f_files),
    )


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def bytes_of(path: str) -> int:
    """Add up the blocks of a file, or of all below a folder; 0 where there is nothing. Links are not followed."""
    try:
        seen = os.lstat(path)
    except OSError:  # not there, or gone in between
        return 0
    below = 0
    if stat.S_ISDIR(seen.st_mode):
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            below = sum(bytes_of(entry.path) for entry in entries)
    return seen.st_blocks * 512 + below


def said_bytes(text: str) -> int:
    """Read a size as Docker writes it, such as 1.2GB; 0 where it is none."""
    found = re.match(r"\s*([0-9.]+)\s*([kMGT]?)B", text)
    return round(float(found[1]) * _UNITS[found[2]]) if found else 0


def measure(settings: Settings, root: str = "/") -> dict[str, Any]:
    """Measure every part of the disk plan; what could not be read is ``None``, and why in ``errors``.

    Takes a second or so: Docker adds up its layers. ``root`` is where the machine's files begin.
    """
    errors: list[str] = []
    try:
        docker = _docker(settings)
    except (DockerError, ValueError) as error:
        docker = {"images": None, "build_cache": None}
        errors.append(f"docker system df: {error}")
    volumes = os.path.join(root, DOCKER_ROOT[1:], "volumes")
    servers = {
        name: glob.glob(os.path.join(volumes, f"{glob.escape(settings.project)}_{name}*"))
        for name in ("postgres", "redis")
    }
    parts: dict[str, float | None] = {
        "swap": _mib(_swap_files(root)),
        "journal": _mib([os.path.join(root, "var/log/journal")]),
        "logs": _mib([os.path.join(root, DOCKER_ROOT[1:], "containers")]),
        **docker,
        "dumps": _mib([settings.path("dumps")]),
        "backups": _mib([settings.path("backups")]),
        "restic": _mib([os.path.join(root, CACHE[1:])]),
        **{name: _mib(paths) for name, paths in servers.items()},
    }
    # An owner's own, and that of a drill which runs now.
    known = sum(parts[name] or 0 for name in servers)
    parts["volumes"] = round(max(0.0, _mib([volumes]) - known), 1)
    use = use_of(root, os.path.join(root, DOCKER_ROOT[1:]), settings.project_dir)
    return {
        "total_mb": use.total_mb,
        "free_mb": use.free_mb,
        "percent": use.percent,
        "inodes_percent": use.inodes_percent,
        "parts": parts,
        "errors": errors,
    }


def _mib(paths: Iterable[str]) -> float:
    return round(sum(map(bytes_of, paths)) / MIB, 1)


def _swap_files(root: str) -> list[str]:
    """List the active swap that takes room of a file system."""
    try:
        with open(os.path.join(root, "proc/swaps"), encoding="utf-8") as file:
            found = [os.path.join(root, one.path[1:]) for one in parse_swaps(file.read())]
    except OSError:
        return []
    return [path for path in found if os.path.isfile(path)]


def _docker(settings: Settings) -> dict[str, float | None]:
    compose = Compose(settings.project_dir, project=settings.project)
    told = compose.docker("system", "df", "--format", "{{json .}}", timeout_s=60)
    sizes = {one["Type"]: one["Size"] for one in map(json.loads, told.splitlines())}
    try:
        return {
            "images": round(said_bytes(sizes["Images"]) / MIB, 1),
            "build_cache": round(said_bytes(sizes["Build Cache"]) / MIB, 1),
        }
    except KeyError as error:
        raise ValueError(f"it does not tell {error}") from error
