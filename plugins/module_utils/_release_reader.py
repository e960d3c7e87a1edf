# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads what was released and whether it runs: for the module ``release_log``, and on the host itself."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import MIB, Files
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    Record,
    current,
    previous,
    read,
    running,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_section import differences

TIMEOUT_S = 30
PID_FILE = "/run/docker.pid"


def read_releases(folder: str, last: int) -> dict[str, Any]:
    """Read what the module ``release_log`` returns, with the ``last`` records of the log."""
    releases: dict[str, Any] = dict.fromkeys(
        ("records", "current", "previous", "running", "unreadable", "matches", "disk")
    )
    releases.update(differences=[], error="")
    try:
        log, under_way = read(folder), running(folder)
    except OSError as error:
        releases["error"] = str(error)
        return releases
    now = current(log.records)
    releases.update(
        records=[one.to_dict() for one in (log.records[-last:] if last > 0 else ())],
        current=_dict(now),
        previous=_dict(previous(log.records)),
        running=_dict(under_way),
        unreadable=log.unreadable,
        disk={"images_mb": None, "dumps_mb": _dumps_mb(folder)},
    )
    try:
        releases.update(_compare(Compose(folder), log.records, now, releases["disk"]))
    except (DockerError, ValueError, KeyError) as error:
        releases["error"] = str(error)
    return releases


def _compare(
    compose: Compose, records: Iterable[Record], now: Record | None, disk: dict[str, Any]
) -> dict[str, Any]:
    """Ask Docker for the images that the log names and for what runs."""
    if not _docker_runs():
        return {"error": "Docker does not run"}
    named = {image for one in records for image in one.image_ids.values()}
    present = named & set(_ask(compose, "image", "ls", "--quiet", "--no-trunc").split())
    sizes = (
        _ask(compose, "image", "inspect", "--format", "{{.Size}}", *sorted(present)).split()
        if present
        else []
    )
    seen: dict[str, Any] = {
        "disk": {**disk, "images_mb": round(sum(map(int, sizes)) / MIB, 1)},
    }
    if now:
        seen["differences"] = differences(now, _containers(compose), present)
        seen["matches"] = not seen["differences"]
    return seen


def _containers(compose: Compose) -> dict[str, Collection[str]]:
    """Tell by service the images of the containers that run."""
    ids = compose.container_ids()
    found: dict[str, set[str]] = {}
    for one in json.loads(_ask(compose, "inspect", *ids)) if ids else ():
        if one["State"]["Running"]:
            service = one["Config"]["Labels"]["com.docker.compose.service"]
            found.setdefault(service, set()).add(one["Image"])
    return dict(found)


def _ask(compose: Compose, *words: str) -> str:
    """Ask Docker, with little patience."""
    return compose.docker(*words, timeout_s=TIMEOUT_S)


def _docker_runs() -> bool:
    """Look for its process: asking would start it through its socket."""
    files = Files()
    pid = (files.text(PID_FILE) or "").strip()
    return pid.isdecimal() and (files.text(f"/proc/{pid}/comm") or "").strip() == "dockerd"


def _dumps_mb(folder: str) -> float | None:
    """Add up what lies in the folder of dumps."""
    try:
        with os.scandir(os.path.join(folder, "dumps")) as found:
            sizes = [one.stat().st_size for one in found if one.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return 0.0
    except OSError:
        return None
    return round(sum(sizes) / MIB, 1)


def _dict(record: Record | None) -> dict[str, Any] | None:
    return record.to_dict() if record else None
