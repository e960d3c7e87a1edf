# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads what the services and the machine use: for the module ``memory_usage``, and on the host itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import ask
from ansible_collections.planner.droplet.plugins.module_utils._container_state import (
    containers_of,
    ends_of,
    kills_of,
    seconds_since,
)
from ansible_collections.planner.droplet.plugins.module_utils._docker_api import (
    DockerApi,
    DockerApiError,
)
from ansible_collections.planner.droplet.plugins.module_utils._machine_memory import machine
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    Files,
    Group,
    group_memory,
    group_of,
)

TIMEOUT_S = 30.0
"""Seconds that one answer may take."""
NOTHING = "/nonexistent"
OOM = r"oom-kill:|Out of memory:|out of memory:"


def read_usage(
    files: Files, project: str, since_h: int, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Read what the module ``memory_usage`` returns, looking back ``since_h`` hours."""
    docker, containers = observe(files, project, since_h, timeout_s)
    return {
        "docker": docker,
        "containers": containers,
        "machine": machine(files),
        "kernel_log": kernel_log(since_h, containers or [], timeout_s),
        "since_h": since_h,
    }


def observe(
    files: Files, project: str, since_h: int, timeout_s: float = TIMEOUT_S
) -> tuple[dict[str, str], list[dict[str, Any]] | None]:
    """Ask Docker for the project's containers and the kernel for their memory."""
    if shutil.which("docker") is None:
        return {"state": "not installed", "error": ""}, None
    if not runs(files, "dockerd"):  # asking would start it through its socket
        return {"state": "stopped", "error": ""}, None

    api = DockerApi(timeout_s)
    now = time.time()
    try:
        found = containers_of(api.containers(project))
        ends = ends_of(api.ends(project, now - since_h * 3600, now))
    except (DockerApiError, ValueError) as error:
        return {"state": "no answer", "error": str(error)}, None
    return {"state": "running", "error": ""}, [
        {
            **one,
            **group_memory(files, group_of(files, one["pid"], one["id"]) or Group(2, NOTHING)),
            **ends.get(one["id"], {"exit_codes": [], "oom_events": 0}),
            "started_s_ago": seconds_since(one["started_at"], now),
        }
        for one in found
    ]


def runs(files: Files, name: str) -> bool:
    """Tell whether a process of that name is there."""
    try:
        pids = [entry for entry in os.listdir(files.real("/proc")) if entry.isdigit()]
    except OSError:
        return False
    return any((files.text(f"/proc/{pid}/comm") or "").strip() == name for pid in pids)


def kernel_log(
    since_h: int, containers: list[dict[str, Any]], timeout_s: float = TIMEOUT_S
) -> list[dict[str, Any]] | None:
    """Read OOM kills from the kernel's log of this boot; a log without any line could not be read."""
    journal = ("journalctl", "--dmesg", "--quiet", "--no-pager", "--output", "cat")
    try:
        if not ask(*journal, "--lines", "1", timeout_s=timeout_s).strip():
            return None
        since = ("--since", f"-{since_h}h")
        # With --grep a search without a hit is exit code 1, as with grep.
        lines = ask(*journal, *since, "--grep", OOM, accepted=(0, 1), timeout_s=timeout_s)
    except (OSError, subprocess.SubprocessError):
        return None
    return kills_of(lines, containers)
