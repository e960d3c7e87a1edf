# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Carries out the steps of a release on this host, and explains what failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ansible_collections.planner.droplet.plugins.module_utils import _release_undo
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import Database
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    Container,
    Observed,
    Step,
    Wished,
    needs_schema,
    why_start,
    wished_one,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_back import (
    WayBack,
    unproved,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook
from ansible_collections.planner.droplet.plugins.module_utils._release_state import Marks
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch

STOPS_S = 120
"""Seconds a container may take to stop and the next one to start, with room to spare."""
RECOVERS_S = 90
"""Seconds an unhealthy server gets to pass a probe again: two of them with their time-outs."""
MIGRATION = "planner-migrate"
"""Name of the container that migrates: the next run finds one that outlived its release."""
MIGRATION_LINES = 20
"""How much is told of what a migration said before it failed."""


@dataclass(frozen=True)
class Manner:
    """How a release goes about it. ``watch_s`` is how long at least the old one stands by after the switch."""

    dump_file: str
    migrate: tuple[str, ...] = ()
    migrate_timeout_s: int = 600
    drain_s: int = 75
    watch_s: int = 2


class Release:
    """Executes steps; remembers those that are done, and what the record of the release has to tell."""

    def __init__(
        self, database: Database, marks: Marks, watch: Watch, look: SchemaLook, manner: Manner
    ) -> None:
        """Touch nothing: another event may still be at work."""
        self.compose = database.compose
        self.database = database
        self.marks = marks
        self.watch = watch
        self.look = look
        self.manner = manner
        self.back = WayBack(database, marks, watch)
        self.nginx = self.back.nginx
        self._wanted_hash = ""

    def observe(self, wished: Wished) -> Observed:
        """Look at the host; at the schema only where it matters and can be asked."""
        self._wanted_hash = wished.services.get(BACKEND, "")
        self.marks.load()
        images = set(wished.images.values())
        present = frozenset(image for image in images if self.compose.image_id(image))
        found = Observed(self._settled(), present, self.live(), self.marks.done)
        servers = found.of("postgres")
        as_wished = servers and not why_start(wished.services["postgres"], servers)
        if not (needs_schema(wished, found) and as_wished and servers[0].ready):
            return found
        if wished.images[BACKEND] not in present:
            return found
        serving = any(one.running for one in found.of(BACKEND))
        return replace(found, schema=self.look.judge(wished.images[BACKEND], serving=serving))

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
        """Execute one step and remember its mark; one that fails leaves no old version stopped."""
        try:
            getattr(self, step.action.replace("-", "_"))(*step.targets)
        except DockerError as error:
            if not self.back.stopped:
                raise
            msg = f"{error}\nThe old version {self.back.instead_of_others()}."
            raise DockerError(msg) from error
        if step.mark:
            self.marks.set(*step.mark)

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
        options = ("--detach", "--no-build", "--pull", "never", "--force-recreate")
        try:
            self.compose.compose("up", *options, *services)
        except DockerError as error:
            raise DockerError(f"{error}{self.watch.last_words(services)}") from error
        self.watch.until_ready(services)
        for one in self.compose.containers():
            if one.service in services and one.service not in FOUNDATION:
                self.watch.until_proved(one.name)

    def start_beside(self, service: str) -> None:
        """Start one more container, and take it away again if it does not prove itself."""
        new = self._create(service)
        try:
            self.compose.docker("start", new)
            self.watch.until_proved(new)
        except DockerError as error:
            raise self._undone(service, new, error) from error

    def replace(self, service: str, old: str) -> None:
        """Stop the old container, start a new one; if that does not prove itself, start the old one again.

        Should this process die in between, a timer of systemd's starts the old one.
        """
        new = self._create(service)
        gate = self.watch.gate
        if not self.back.held:
            _release_undo.arm(old, new, gate.timeout_s + gate.soak_s + STOPS_S)
        try:
            if service == BACKEND:
                self.back.stops([old])
            self.compose.docker("stop", old)
            self.compose.docker("start", new)
            self.watch.until_proved(new)
        except DockerError as error:
            raise self._undone(service, new, error) from error
        finally:
            _release_undo.disarm()

    def gate(self, service: str, name: str) -> None:
        """Let a container prove itself that an interrupted release had started."""
        try:
            self.watch.until_proved(name)
        except DockerError as error:
            raise self._undone(service, name, error) from error

    def _undone(self, service: str, new: str, why: DockerError) -> DockerError:
        """Take a new version away, which owes nobody an answer, and have the old one serve."""
        found = [one for one in self.compose.containers() if one.service == service]
        failed, live = {one.config_hash for one in found if one.name == new}, self.live()
        mine = [one for one in found if one.name != new]
        # Another one of the version that failed is no way back while there is a better one.
        mine = [one for one in mine if one.config_hash not in failed or one.name == live] or mine
        mine.sort(key=lambda one: (not one.may_serve, one.name != live))
        old, serves = (mine[0].name, mine[0].may_serve) if mine else ("", False)
        if service == BACKEND and serves and live != old:
            self.switch(old)
        elif service == BACKEND and serves:
            self.back.serves()
        self.compose.docker("rm", "--force", new)
        how = "serves on" if serves else self.back.start_again(service, old)
        return unproved(str(why), how)

    def _create(self, service: str) -> str:
        """Make one more container of a service, which gets no request and does not run yet."""
        before = [one.name for one in self.compose.containers() if one.service == service]
        options = ("--no-build", "--pull", "never", "--no-recreate")
        scale = f"{service}={len(before) + 1}"
        try:
            self.compose.compose("create", *options, "--scale", scale, service)
        except DockerError as error:
            raise DockerError(f"No new container of {service} can be made: {error}") from error
        after = [one.name for one in self.compose.containers() if one.service == service]
        return next(name for name in after if name not in before)

    def hold(self, *names: str) -> None:
        """Stop the old version before a schema on which it cannot work; visitors see the holding page."""
        self.back.stops(names)
        for name in names:
            self.compose.docker("stop", name)

    def switch(self, target: str) -> None:
        """Point nginx to a ready container: the wished one of a service, or one by its name.

        Requests under way are finished by nginx' old workers.
        """
        found = self.compose.containers()
        mine = [one for one in found if one.service == target]
        new = wished_one(mine, self._wanted_hash, self.live()) or next(
            (one for one in found if one.name == target), None
        )
        if new is None:
            msg = f"nginx was not switched: no container of {target} with the wished version runs."
            raise DockerError(msg)
        self.watch.until_ready([new.service], lambda one: one.name == new.name)
        self.back.send_to(new.name)

    def live(self) -> str:
        """Name the container that nginx certainly sends requests to."""
        return self.back.live()

    def retire(self, *names: str) -> None:
        """Stop and remove containers once nginx has finished every request it sent there.

        Meanwhile the new one serves; should it fail now, the old one, still there, takes over again.
        """
        started, live = time.monotonic(), self.live()
        crashes: dict[str, int] = {}
        while (waited := time.monotonic() - started) < self.manner.drain_s:
            found = {one.name: one for one in self.compose.containers()}
            old = [one for name in names if (one := found.get(name)) and one.ready]
            new = found.get(live) if live not in names else None
            watched = new is not None and any(one.service == BACKEND for one in old)
            if new and watched:
                before = crashes.setdefault(live, new.restarts)
                if not new.may_serve or new.restarts > before:
                    self.switch(old[0].name)
                    words = self.watch.words(live)
                    self.compose.docker("rm", "--force", live)
                    raise unproved(
                        f"{live} failed under its first requests.{words}", "serves again"
                    )
            leaving = self.nginx.workers(leaving=True)
            if not leaving and not (watched and waited < self.manner.watch_s):
                break
            time.sleep(0.2)
        for name in names:
            self.back.forget([name])
            self.compose.docker("stop", name)
            self.compose.docker("rm", name)

    def remember(self, *_services: str) -> None:
        """Do nothing: the mark is all."""

    def reload(self, _service: str) -> None:
        """Let nginx take its configuration if it is valid."""
        self.nginx.reload()

    def prepare_database(self, _service: str) -> None:
        """Make the backend's role and the extension."""
        self.database.prepare()

    def dump(self, _service: str) -> None:
        """Keep what the database is now, proved to be readable."""
        self.database.dump(self.manner.dump_file)
        self.back.dumped = self.manner.dump_file
        mine = [one for one in self.compose.containers() if one.service == BACKEND]
        self.back.held = not any(one.running for one in mine)

    def migrate(self, service: str) -> None:
        """Run the image's migrations in a container of their own, with the backend's limits, bounded in time."""
        words = self.manner.migrate
        # One that outlived its release: the transaction it is in ends with it.
        self.compose.remove_if_there(MIGRATION)
        command = ("run", "--rm", "--no-deps", "--no-TTY", "--name", MIGRATION, service, *words)
        before = self.look.before.revision
        try:
            self.compose.compose(*command, timeout_s=self.manner.migrate_timeout_s)
            self.look.check()
        except DockerError as error:
            self.compose.remove_if_there(MIGRATION)
            lines = str(error).splitlines()[-MIGRATION_LINES:]
            msg = "\n".join(
                [f"The migration {' '.join(words)} failed; the backend was not replaced.", *lines]
            )
            after = self.look.after() or before
            self.back.migrated = after != before
            if self.back.migrated:
                msg += f"\nIt got as far as {after}, from {before or 'nothing'}."
            msg += "\nDo: mend it (its last lines are above), build the image anew, release again."
            raise DockerError(msg) from error
        self.back.migrated = True
