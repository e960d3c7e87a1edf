# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A thin layer over the ``docker`` command: observe one Compose project, act on it, explain failures."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._release import Container

_LABEL = "com.docker.compose"
_LOG_LINES = 15
MIB = 1024 * 1024


class DockerError(RuntimeError):
    """A command failed; the message is for the owner."""


@dataclass(frozen=True)
class Service:
    """One service of the Compose file, with Compose's own hash of its configuration."""

    config_hash: str
    image: str
    limit_mb: int


@dataclass(frozen=True)
class Compose:
    """One Compose project on this host. ``text`` is its Compose file, which need not be on the disk."""

    folder: str
    text: str = ""
    project: str = "planner"

    def docker(
        self,
        *words: str,
        stdin: str | None = None,
        timeout_s: float = 900,
        both: bool = False,
        read_from: str = "",
        write_to: str = "",
    ) -> str:
        """Run ``docker``; return what it prints (with ``both`` also its errors) or raise with what it says.

        ``read_from`` and ``write_to`` are files instead of the standard streams, for what is too large for memory.
        """
        try:
            done = self._run(words, stdin, timeout_s, read_from, write_to)
        except FileNotFoundError as error:
            msg = "docker is not installed: run the role planner.droplet.docker first"
            raise DockerError(msg) from error
        except subprocess.TimeoutExpired as error:
            msg = f"docker {words[0]} did not end within {timeout_s:.0f} s"
            raise DockerError(msg) from error
        if done.returncode != 0:
            raise DockerError((done.stderr or done.stdout or "").strip())
        return (done.stdout or "") + done.stderr if both else (done.stdout or "")

    def _run(
        self,
        words: tuple[str, ...],
        stdin: str | None,
        timeout_s: float,
        read_from: str,
        write_to: str,
    ) -> subprocess.CompletedProcess[str]:
        how: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        with ExitStack() as files:
            if read_from:
                how["stdin"] = files.enter_context(open(read_from, "rb"))
            if write_to:
                handle = os.open(write_to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                how["stdout"] = files.enter_context(os.fdopen(handle, "wb"))
            return subprocess.run(  # noqa: S603 - fixed program, arguments as a list
                ["docker", *words],  # noqa: S607 - found on root's PATH
                text=True,
                timeout=timeout_s,
                check=False,
                # A preview of a host that has Docker but no project yet has no folder to go to.
                cwd=self.folder if os.path.isdir(self.folder) else "/",
                **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
            )

    def compose(self, *words: str, timeout_s: float = 900) -> str:
        """Run ``docker compose`` on the project's text."""
        common = ("compose", "--progress", "quiet", "--project-directory", self.folder)
        return self.docker(*common, "--file", "-", *words, stdin=self.text, timeout_s=timeout_s)

    def parsed(self) -> dict[str, Service]:
        """Read the Compose file."""
        hashes = dict(line.split() for line in self.compose("config", "--hash", "*").splitlines())
        config = json.loads(self.compose("config", "--format", "json"))
        return {
            name: Service(hashes[name], entry["image"], int(entry.get("mem_limit", 0)) // MIB)
            for name, entry in config["services"].items()
        }

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
                # One that is between two crashes counts as running; its health and its restarts do not.
                running=container["State"]["Running"],
                health=container["State"].get("Health", {}).get("Status", ""),
                restarts=container["RestartCount"],
                image_id=container["Image"],
            )
            for container in found
        )

    def remove_if_there(self, name: str) -> None:
        """Remove a one-shot container that outlived whoever started it."""
        if self.docker("ps", "--all", "--quiet", "--filter", f"name=^{name}$").strip():
            self.docker("rm", "--force", name)

    def exit_codes(self, container: str, since_s: float) -> tuple[int, ...]:
        """List how a container's processes ended in the last seconds, oldest first."""
        now = time.time()
        window = ("--since", f"{now - since_s - 1:.0f}", "--until", f"{now + 1:.0f}")
        kind = ("--filter", f"container={container}", "--filter", "event=die")
        try:
            lines = self.docker("events", *window, *kind, "--format", "{{json .}}", timeout_s=30)
            attributes = [json.loads(line)["Actor"]["Attributes"] for line in lines.splitlines()]
            return tuple(int(one["exitCode"]) for one in attributes)
        except (DockerError, ValueError, KeyError):
            return ()  # it only explains a failure that is told anyway

    def image_id(self, reference: str) -> str:
        """Return the id of an image that is on this host, empty when it is not."""
        try:
            return self.docker("image", "inspect", "--format", "{{.Id}}", reference).strip()
        except DockerError:
            return ""

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
