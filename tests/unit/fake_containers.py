"""Containers and nginx' processes as the model of Docker keeps them, and Compose files for it."""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVICES = {
    "nginx": {"image": "nginx:1"},
    "backend": {"image": "backend:1", "mem_limit": str(160 * 1024 * 1024)},
    "postgres": {"image": "postgres:1"},
    "redis": {"image": "redis:1"},
}
VOLUME = "planner_postgres17"
EPOCH = 1_800_000_000
NEVER = float("inf")
LABEL = "com.docker.compose"


def rendered(**services: dict[str, Any] | None) -> str:
    """A Compose file with these services beside or instead of the stack's own; JSON is YAML."""
    every = {name: {**SERVICES.get(name, {}), **(entry or {})} for name, entry in services.items()}
    every = {**SERVICES, **every}
    return json.dumps(
        {"services": {n: one for n, one in every.items() if services.get(n, one) is not None}}
    )


def hash_of(service: dict[str, Any]) -> str:
    """What Compose would call the configuration's hash."""
    return hashlib.sha256(json.dumps(service).encode()).hexdigest()


@dataclass
class Container:
    """What Docker knows about one. ``health`` is what each look shows; the last one stays."""

    service: str
    hash: str
    image: str
    created: int
    health: list[str]
    crashes: list[tuple[float, int]]
    """When, in seconds after its start, it ends with which exit code. Docker starts it again."""
    started: float = NEVER
    running: bool = False
    restarts: int = 0
    died: list[tuple[float, int]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether it answers requests as it should."""
        return self.running and self.health[0] in {"healthy", ""}

    def live_on(self, now: float) -> None:
        """Let the time come in which it crashes."""
        while self.running and self.crashes and now >= self.started + self.crashes[0][0]:
            after, code = self.crashes.pop(0)
            self.started += after
            self.restarts += 1
            self.died.append((self.started, code))

    def inspected(self, name: str, image_id: str) -> dict[str, Any]:
        """Describe it as Docker does."""
        shown = self.health.pop(0) if len(self.health) > 1 else self.health[0]
        return {
            "Name": f"/{name}",
            "Created": f"2026-01-01T00:00:{self.created:09}Z",
            "State": {
                "Running": self.running,
                "StartedAt": _moment(self.started),
                **({"Health": {"Status": shown}} if shown else {}),
            },
            "RestartCount": self.restarts,
            "Image": image_id,
            "Config": {
                "Labels": {f"{LABEL}.service": self.service, f"{LABEL}.config-hash": self.hash}
            },
        }


def _moment(seconds: float) -> str:
    """Docker's way to write a time; one that never started has none."""
    if seconds == NEVER:
        return "0001-01-01T00:00:00Z"
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(EPOCH + seconds))
    return f"{whole}.{int(seconds % 1 * 10**9):09}Z"


@dataclass
class Nginx:
    """Its workers: those that serve, and until when those stay that finish their requests."""

    workers: tuple[int, ...] = ()
    leaving: dict[int, float] = field(default_factory=dict)
    route: str = ""
    """The container that its workers send requests to."""
    deaf: bool = False
    """Whether it does not react to a signal."""

    def fork(self, first: int, live_conf: Path) -> None:
        """Start workers with what is on the disk."""
        self.workers = (first, first + 1)
        text = live_conf.read_text() if live_conf.exists() else ""
        found = re.search(r"set \$backend http://(\S+):8000;", text)
        self.route = found[1] if found else ""

    def listing(self, now: float) -> str:
        """List its processes."""
        self.leaving = {pid: until for pid, until in self.leaving.items() if until > now}
        lines = [
            "    PID COMMAND",
            "      1 nginx: master process nginx -c /etc/planner/nginx.conf",
        ]
        lines += [f"{pid:7} nginx: worker process" for pid in self.workers]
        lines += [f"{pid:7} nginx: worker process is shutting down" for pid in self.leaving]
        return "\n".join(lines) + "\n"
