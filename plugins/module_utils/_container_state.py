# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads what Docker and the kernel's log say of containers: state, restarts, and how they ended.

Docker's OOMKilled flag is not read: it is false for a kill by the whole machine's shortage, and where only a
child was killed. An exit code of 137, the group's own counter and the kernel's log are the evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import mib

Entry = dict[str, Any]
SERVICE = "com.docker.compose.service"


def containers_of(inspected: str) -> list[Entry]:
    """Read ``docker inspect`` of the project's containers; raise ``ValueError`` if it is something else."""
    try:
        return sorted(map(_container, json.loads(inspected)), key=lambda one: str(one["name"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("docker inspect answered something unknown") from error


def _container(box: Mapping[str, Any]) -> Entry:
    state, settings = box["State"], box["HostConfig"]
    return {
        "service": box["Config"]["Labels"][SERVICE],
        "name": box["Name"].removeprefix("/"),
        "id": str(box["Id"]),
        "pid": int(state["Pid"]),
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status", ""),
        "restarts": int(box["RestartCount"]),
        "exit_code": int(state["ExitCode"]),
        "started_at": state["StartedAt"],
        # Zero and below are Docker's "none".
        "configured_limit_mb": mib(settings["Memory"]) if settings["Memory"] > 0 else None,
        "memory_and_swap_mb": mib(settings["MemorySwap"]) if settings["MemorySwap"] > 0 else None,
    }


def seconds_since(started_at: object, now: float) -> int | None:
    """Return the age of one of Docker's times; ``None`` for a container that never started."""
    try:
        then = datetime.fromisoformat(str(started_at)[:19] + "+00:00")
    except ValueError:
        return None
    return max(0, round(now - then.timestamp())) if then.year > 1 else None


def ends_of(events: str) -> dict[str, Entry]:
    """Read ``docker events`` of ends and OOM kills, one JSON object a line, by container.

    A container that was restarted has a new group, whose counters begin at zero; events outlive it. Docker
    keeps the last 256 events of all kinds, so they are evidence, but their absence is none.
    """
    found: dict[str, Entry] = {}
    for line in events.splitlines():
        try:
            event = json.loads(line)
            actor = event["Actor"]
            entry = found.setdefault(str(actor["ID"]), {"exit_codes": [], "oom_events": 0})
            if event["Action"] == "oom":
                entry["oom_events"] += 1
            else:
                entry["exit_codes"].append(int(actor["Attributes"]["exitCode"]))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def kills_of(log: str, containers: Iterable[Entry]) -> list[Entry]:
    """Read the kernel's log: each process the OOM killer ended, and the service it belonged to."""
    services = {str(one["id"]): str(one["service"]) for one in containers}
    found: dict[str, Entry] = {}
    for line in log.splitlines():
        # The first line names the group, the second one says it was done; either may be missing.
        told = re.search(r"oom-kill:(\S*).*?task=([^,]+),pid=([0-9]+)", line)
        done = re.search(
            r"(Memory cgroup out|Out) of memory: Killed process ([0-9]+) \(([^)]*)\)", line
        )
        if told is None and done is None:
            continue
        pid = told.group(3) if told else done.group(2) if done else ""
        entry = found.setdefault(pid, {"process": "", "service": "", "at_limit": False})
        if told:
            entry["process"] = told.group(2)
            entry["at_limit"] = "CONSTRAINT_MEMCG" in line
            entry["service"] = next((name for key, name in services.items() if key in line), "")
        elif done:
            entry["process"] = done.group(3)
            entry["at_limit"] = entry["at_limit"] or done.group(1).startswith("Memory")
    return list(found.values())
