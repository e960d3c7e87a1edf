# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Carries out the steps of a release on this host, and explains what failed."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    Container,
    Observed,
    Step,
    Wished,
    not_ready,
    wished_one,
)

RECOVERS_S = 90
"""Seconds an unhealthy server gets to pass a probe again: two of them with their time-outs."""

NGINX_TAKES_S = 10
"""Seconds nginx gets to start workers with a new configuration; it takes a fraction of one."""

_IN_THE_DATA = frozenset({"database_setup", "migrated"})


class Release:
    """Executes steps; remembers those that are done."""

    def __init__(
        self,
        compose: Compose,
        *,
        database: str,
        data_volume: str,
        migrate: list[str],
        timeout_s: int,
        drain_s: int,
    ) -> None:
        """Touch nothing: another event may still be at work."""
        self.data_volume = data_volume
        self.compose = compose
        self.database = database
        self.migrate_command = migrate
        self.timeout_s = timeout_s
        self.drain_s = drain_s
        self.wanted_hash = ""
        self.state_file = os.path.join(compose.folder, "state.json")
        self.live_file = os.path.join(compose.folder, "nginx", "live.conf")
        self.done: dict[str, str] = {}

    def observe(self, wished: Wished) -> Observed:
        """Look at the host. What was done to another data volume was not done to this one."""
        self.wanted_hash = wished.services.get(BACKEND, "")
        if os.path.exists(self.state_file):
            with open(self.state_file, encoding="utf-8") as file:
                self.done = json.load(file)
        if self.done.get("data") != self.compose.created(self.data_volume):
            self.done = {name: mark for name, mark in self.done.items() if name not in _IN_THE_DATA}
        images = set(wished.images.values())
        present = frozenset(image for image in images if self.compose.has_image(image))
        return Observed(self._settled(), present, self.live(), self.done)

    def _settled(self) -> tuple[Container, ...]:
        """Look at the containers; one that holds data gets time to recover before it would be replaced.

        On a machine that is out of breath probes time out while the server behind them serves.
        """
        deadline = time.monotonic() + RECOVERS_S
        while True:
            found = self.compose.containers()
            ailing = any(
                one.running and not one.may_serve for one in found if one.service in FOUNDATION
            )
            if not ailing or time.monotonic() > deadline:
                return found
            time.sleep(1)

    def run(self, step: Step) -> None:
        """Execute one step and remember its mark."""
        getattr(self, step.action.replace("-", "_"))(*step.targets)
        if step.mark:
            self._mark(*step.mark)

    def _mark(self, name: str, value: str) -> None:
        self.done[name] = value
        self.done["data"] = self.compose.created(self.data_volume)
        content = json.dumps(self.done, indent=2, sort_keys=True) + "\n"
        write_atomically(self.state_file, content.encode(), mode=0o640)

    def pull(self, *images: str) -> None:
        """Fetch images; nothing has been stopped yet."""
        for image in images:
            try:
                self.compose.docker("pull", "--quiet", image)
            except DockerError as error:
                msg = (
                    f"The image {image} cannot be pulled; everything runs as before.\n{error}\n"
                    "Do: check the name and digest, and that this host can reach and may read its registry."
                )
                raise DockerError(msg) from error

    def start(self, *services: str) -> None:
        """Create or replace containers in place; the services they depend on are up already."""
        self._up(services, "--force-recreate")
        self.wait_for(services)

    def start_beside(self, service: str) -> None:
        """Start one more container, and take it away again if it does not become ready."""
        before = {one.name for one in self.compose.containers() if one.service == service}
        try:
            self._up([service], "--no-recreate", "--scale", f"{service}={len(before) + 1}")
            self.wait_for([service], lambda one: one.name not in before)
        except DockerError as error:
            new = [
                one.name
                for one in self.compose.containers()
                if one.service == service and one.name not in before
            ]
            self._remove(new)
            msg = (
                f"The new version did not become ready and was removed; the old one serves on.\n{error}\n"
                "Do: read its last lines above, mend the image, release again."
            )
            raise DockerError(msg) from error

    def _up(self, services: Iterable[str], *how: str) -> None:
        options = ("--detach", "--no-build", "--pull", "never", *how)
        try:
            self.compose.compose("up", *options, *services)
        except DockerError as error:
            raise DockerError(f"{error}{self.last_words(services)}") from error

    def switch(self, target: str) -> None:
        """Point nginx to a ready container: the wished one of a service, or one by its name.

        Requests under way are finished by nginx' old workers.
        """
        found = self.compose.containers()
        mine = [one for one in found if one.service == target]
        new = wished_one(mine, self.wanted_hash, self.live()) or next(
            (one for one in found if one.name == target), None
        )
        if new is None:
            msg = f"nginx was not switched: no container of {target} with the wished version runs."
            raise DockerError(msg)
        self.wait_for([new.service], lambda one: one.name == new.name)
        content = f"# Written by the release.\nset $backend http://{new.name}:8000;\n"
        # From here to the end it is not certain: nginx may have read the old file or the new one.
        self._mark("live", "")
        write_atomically(self.live_file, content.encode(), mode=0o644)
        self.reload("nginx")
        self._mark("live", new.name)

    def live(self) -> str:
        """Name the container that nginx sends requests to; empty when a switch did not end."""
        if not os.path.exists(self.live_file):
            return ""
        with open(self.live_file, encoding="utf-8") as file:
            name = file.read().partition("http://")[2].partition(":")[0]
        return name if self.done.get("live") == name else ""

    def retire(self, *names: str) -> None:
        """Stop and remove containers once nginx has finished every request it sent there."""
        deadline = time.monotonic() + self.drain_s
        while self.compose.nginx_workers(leaving=True) and time.monotonic() < deadline:
            time.sleep(0.2)
        self._remove(names)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.compose.docker("stop", name)
            self.compose.docker("rm", name)

    def wait_for(
        self, services: Iterable[str], only: Callable[[Container], bool] = lambda _: True
    ) -> None:
        """Wait until all of them are up and healthy; show the logs of those that are not."""
        services = tuple(services)
        deadline = time.monotonic() + self.timeout_s
        while True:
            found = [one for one in self.compose.containers() if only(one)]
            waiting = not_ready(services, found)
            failed = [one.name for one in found if one.service in waiting and not one.may_serve]
            if not waiting:
                return
            if failed or time.monotonic() > deadline:
                state = "Failed" if failed else f"Not healthy within {self.timeout_s} s"
                msg = f"{state}: {', '.join(failed or waiting)}.{self.last_words(waiting)}"
                raise DockerError(msg)
            time.sleep(0.5)

    def last_words(self, services: Iterable[str]) -> str:
        """Collect the ends of their logs for an error."""
        containers = self.compose.containers()
        names = (one.name for one in containers if one.service in set(services) and not one.ready)
        return "".join(self._words(name) for name in names)

    def _words(self, name: str) -> str:
        return f"\n--- the last lines of {name}:\n{self.compose.last_words(name)}"

    def remember(self, *_services: str) -> None:
        """Do nothing: the mark is all."""

    def reload(self, service: str) -> None:
        """Let nginx take its configuration if it is valid, and wait until new workers serve."""
        name = self._name(service)
        self.compose.docker("exec", name, "nginx", "-t", "-q", "-c", "/etc/planner/nginx.conf")
        before = set(self.compose.nginx_workers())
        self.compose.docker("kill", "--signal", "HUP", name)
        deadline = time.monotonic() + NGINX_TAKES_S
        while not (serving := set(self.compose.nginx_workers())) or serving & before:
            if time.monotonic() > deadline:
                msg = f"nginx did not take its new configuration.{self.last_words([service])}"
                raise DockerError(msg)
            time.sleep(0.1)

    def prepare_database(self, service: str) -> None:
        """Make the backend's role and the extension, as superuser over the container's own socket."""
        psql = ("psql", "-q", "-X", "-U", "postgres", "-d", self.database)
        self.compose.docker("exec", self._name(service), *psql, "-f", "/etc/planner/prepare.sql")

    def _name(self, service: str) -> str:
        """Name a service's container. The plain docker command takes half the memory of docker compose."""
        for one in self.compose.containers():
            if one.service == service:
                return one.name
        msg = f"{service} has no container any more: run the playbook again"
        raise DockerError(msg)

    def migrate(self, service: str) -> None:
        """Run the image's migrations in a container of their own, with the backend's limits."""
        try:
            self.compose.compose(
                "run", "--rm", "--no-deps", "--no-TTY", service, *self.migrate_command
            )
        except DockerError as error:
            msg = f"The migration {' '.join(self.migrate_command)} failed; the backend was not replaced.\n{error}"
            raise DockerError(msg) from error


@contextmanager
def event_lock(path: str, name: str, wait_s: int) -> Iterator[None]:
    """Hold the lock that every event takes, so that no two ever run together.

    flock(2): the kernel releases it when its holder dies, so it cannot become stale. The holder's name
    is in the file for whoever waits.
    """
    with open(path, "a+", encoding="utf-8") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.seek(0)
                    holder = file.read().strip() or "another event"
                    msg = f"{holder} has been running for more than {wait_s} s and holds {path}"
                    raise DockerError(msg) from None
                time.sleep(0.5)
            else:
                break
        file.truncate(0)
        file.write(f"{name} (pid {os.getpid()})\n")
        file.flush()
        yield
