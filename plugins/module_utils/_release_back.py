# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The way back of a release under way: who was stopped, since when nobody serves, how the old one serves again."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import Database
from ansible_collections.planner.droplet.plugins.module_utils._nginx import Nginx
from ansible_collections.planner.droplet.plugins.module_utils._release import BACKEND
from ansible_collections.planner.droplet.plugins.module_utils._release_state import Marks
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch


class WayBack:
    """What one release did so far that a failure has to take back."""

    def __init__(self, database: Database, marks: Marks, watch: Watch) -> None:
        """Nothing was done yet."""
        self.database = database
        self.nginx = Nginx(database.compose)
        self.marks = marks
        self.watch = watch
        self.stopped: tuple[str, ...] = ()
        """Backends of the old version that were stopped before a new one serves."""
        self.held = False
        """Whether no backend ran since the dump: nothing is lost when it is restored."""
        self.dumped = ""
        self.migrated = False
        self._gap_s = 0.0
        self._gap_since: float | None = None

    @property
    def gap_s(self) -> float:
        """For how long nobody served, up to now."""
        now = time.monotonic()
        return self._gap_s + (0 if self._gap_since is None else now - self._gap_since)

    def live(self) -> str:
        """Name the container that nginx sends requests to; empty when a switch did not end."""
        name = self.nginx.names()
        return name if self.marks.done.get("live") == name else ""

    def send_to(self, name: str) -> None:
        """Point nginx to a backend; from here to the end it is not certain which file it has read."""
        self.marks.set("live", "")
        self.nginx.point_to(name)
        self.nginx.reload()
        self.marks.set("live", name)
        self.serves()

    def stops(self, names: Iterable[str]) -> None:
        """Backends are about to stop; the gap begins if requests go to one of them."""
        self.stopped = tuple(names)
        if self.live() in self.stopped and self._gap_since is None:
            self._gap_since = time.monotonic()

    def forget(self, names: Iterable[str]) -> None:
        """Some are not needed any more, or serve all the same."""
        gone = set(names)
        self.stopped = tuple(one for one in self.stopped if one not in gone)

    def serves(self) -> None:
        """A backend takes requests: nothing that was stopped before is needed any more."""
        self._gap_s, self._gap_since = self.gap_s, None
        self.stopped, self.held = (), False

    def instead_of_others(self) -> str:
        """Have an old backend that was stopped serve again, and no other one be in its way."""
        compose, old = self.database.compose, self.stopped
        try:
            for one in compose.containers():
                if one.service == BACKEND and one.name not in old:
                    compose.docker("rm", "--force", one.name)
        except DockerError as error:
            return f"is stopped ({error})"
        return self.start_again(BACKEND, self.live() if self.live() in old else old[0])

    def start_again(self, service: str, old: str) -> str:
        """Start the old version, on its own schema; say how it is. It never raises: why one is here is worse."""
        self.stopped = ()
        try:
            if service == BACKEND and self.held and self.migrated:
                self.database.restore(self.dumped)
                self.migrated = False
                self.marks.set("migrated", "")
            self.database.compose.docker("start", old)
            self.watch.until_ready([service], lambda one: one.name == old)
        except DockerError as error:
            return f"could not be started again ({str(error).partition(chr(10))[0]})"
        try:
            if service == BACKEND and self.live() != old:
                self.send_to(old)
        except DockerError as error:
            return f"runs again, but whether nginx sends requests to it is not certain ({error})"
        if service == BACKEND:
            self.serves()
        return "serves again"


def unproved(how: str, old: str) -> DockerError:
    """Say first, in one line, what became of it: the log of releases keeps that line."""
    why, _, words = how.partition("\n")
    return DockerError(
        f"The new version was removed and the old one {old}: {why}\n{words}\n"
        "Do: read its last lines above, mend the image, release again."
    )
