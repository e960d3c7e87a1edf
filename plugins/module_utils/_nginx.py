# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""nginx from the host: which container it sends requests to, and how it takes another without dropping one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError

TAKES_S = 10
"""Seconds nginx gets to start workers with a new configuration; it takes a fraction of one."""
PORT = 8000
"""Where a backend listens."""


@dataclass(frozen=True)
class Nginx:
    """The project's nginx."""

    compose: Compose

    @property
    def live_file(self) -> str:
        """Where the release writes which container serves."""
        return os.path.join(self.compose.folder, "nginx", "live.conf")

    def container(self) -> str:
        """Name its container."""
        for one in self.compose.containers():
            if one.service == "nginx":
                return one.name
        msg = "nginx has no container any more: run the playbook again"
        raise DockerError(msg)

    def names(self) -> str:
        """Name the container that the file sends requests to; empty without one."""
        if not os.path.exists(self.live_file):
            return ""
        with open(self.live_file, encoding="utf-8") as file:
            return file.read().partition("http://")[2].partition(":")[0]

    def point_to(self, container: str) -> None:
        """Write where requests go; the running workers do not know it yet."""
        content = f"# Written by the release.\nset $backend http://{container}:{PORT};\n"
        write_atomically(self.live_file, content.encode(), mode=0o644)

    def reload(self) -> None:
        """Have it take its configuration if that is valid, and wait until new workers serve."""
        name = self.container()
        self.compose.docker("exec", name, "nginx", "-t", "-q", "-c", "/etc/planner/nginx.conf")
        before = set(self.workers())
        self.compose.docker("kill", "--signal", "HUP", name)
        deadline = time.monotonic() + TAKES_S
        while not (serving := set(self.workers())) or serving & before:
            if time.monotonic() > deadline:
                words = self.compose.last_words(name)
                msg = f"nginx did not take its new configuration.\n--- the last lines of {name}:\n{words}"
                raise DockerError(msg)
            time.sleep(0.1)

    def workers(self, *, leaving: bool = False) -> tuple[str, ...]:
        """List its worker processes: those that serve, or those that only finish their requests."""
        ids = self.compose.container_ids("nginx")
        if not ids:
            return ()
        listing = self.compose.docker("top", ids[0], "-eo", "pid,args").splitlines()
        workers = [line.split(maxsplit=1) for line in listing if "nginx: worker process" in line]
        return tuple(pid for pid, args in workers if ("shutting down" in args) == leaving)

    def asks(self, container: str, path: str = "/health/ready") -> str:
        """Return what a backend answers on nginx' own way to it, or raise unless that is a success."""
        url = f"http://{container}:{PORT}{path}"
        return self.compose.docker(
            "exec", self.container(), "wget", "-q", "-T", "15", "-O", "-", url, timeout_s=30
        )
