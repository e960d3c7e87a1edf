# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A thin layer over the ``docker`` command: observe one Compose project, act on it, explain failures."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._release import Container

_LABEL = "com.docker.compose"
_LOG_LINES = 15


class DockerError(RuntimeError):
    """A command failed; the message is for the owner."""


@dataclass(frozen=True)
class Compose:
    """One Compose project on this host."""

    folder: str
    project: str = "planner"

    def docker(
        self, *words: str, stdin: str | None = None, timeout_s: int = 900, both: bool = False
    ) -> str:
        """Run ``docker``; return what it prints (with ``both`` also its errors) or raise with what it says."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed program, arguments as a list
                ["docker", *words],  # noqa: S607 - found on root's PATH
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
                # A preview of a host that has Docker but no project yet has no folder to go to.
                cwd=self.folder if os.path.isdir(self.folder) else "/",
            )
        except FileNotFoundError as error:
            msg = "docker is not installed: run the role planner.droplet.docker first"
            raise DockerError(msg) from error
        except subprocess.TimeoutExpired as error:
            msg = f"docker {words[0]} did not end within {timeout_s} s"
            raise DockerError(msg) from error
        if done.returncode != 0:
            raise DockerError((done.stderr or done.stdout).strip())
        return done.stdout + done.stderr if both else done.stdout

    def compose(self, *words: str, timeout_s: int = 900) -> str:
        """Run ``docker compose`` on the project's file."""
        return self.docker("compose", "--progress", "quiet", *words, timeout_s=timeout_s)

    def parsed(self, text: str) -> tuple[dict[str, str], dict[str, str]]:
        """Read a Compose file given as text: hash and image of each service."""
        common = ("compose", "--project-directory", self.folder, "--file", "-", "config")
        hashes = dict(
            line.split() for line in self.docker(*common, "--hash", "*", stdin=text).splitlines()
        )
        config = json.loads(self.docker(*common, "--format", "json", stdin=text))
        return hashes, {name: entry["image"] for name, entry in config["services"].items()}

    def container_ids(self, service: str = "") -> list[str]:
        """List the project's containers, running or not; one-shot ones are left out."""
        labels = [f"{_LABEL}.project={self.project}", f"{_LABEL}.oneoff=False"]
        if service:
            labels.append(f"{_LABEL}.service={service}")
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        return self.docker("ps", "--all", "--quiet", *filters).split()

    def containers(self) -> tuple[Container, ...]:
        """Observe the project's containers, oldest first."""
        ids = self.container_ids()
        if not ids:
            return ()
        found = sorted(
            json.loads(self.docker("inspect", *ids)), key=lambda one: str(one["Created"])
        )
        return tuple(
            Container(
                service=container["Config"]["Labels"][f"{_LABEL}.service"],
                name=container["Name"].removeprefix("/"),
                config_hash=container["Config"]["Labels"][f"{_LABEL}.config-hash"],
                # One that is between two crashes counts as running; its health does not.
                running=container["State"]["Running"],
                health=container["State"].get("Health", {}).get("Status", ""),
            )
            for container in found
        )

    def nginx_workers(self, *, leaving: bool = False) -> tuple[str, ...]:
        """List nginx' worker processes: those that serve, or those that only finish their requests."""
        ids = self.container_ids("nginx")
        if not ids:
            return ()
        listing = self.docker("top", ids[0], "-eo", "pid,args").splitlines()
        workers = [line.split(maxsplit=1) for line in listing if "nginx: worker process" in line]
        return tuple(pid for pid, args in workers if ("shutting down" in args) == leaving)

    def has_image(self, reference: str) -> bool:
        """Tell whether an image is on this host."""
        try:
            self.docker("image", "inspect", "--format", "{{.Id}}", reference)
        except DockerError:
            return False
        return True

    def created(self, volume: str) -> str:
        """Tell when a volume was created; empty when there is none."""
        try:
            return self.docker("volume", "inspect", "--format", "{{.CreatedAt}}", volume).strip()
        except DockerError:
            return ""

    def last_words(self, container: str) -> str:
        """Return the end of a container's log, or nothing when there is none."""
        try:
            done = self.docker("logs", "--tail", str(_LOG_LINES), container, both=True)
        except DockerError:
            return ""
        return done.strip()
