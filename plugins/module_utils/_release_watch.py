# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Waits for containers: until they are ready, or until a new one has proved itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Container, not_ready
from ansible_collections.planner.droplet.plugins.module_utils._release_gate import (
    GOOD,
    WAIT,
    Gate,
    died_of,
    judge,
)


@dataclass(frozen=True)
class Watch:
    """Looks at containers again and again. ``limits_mb`` explain, by service, what one died of."""

    compose: Compose
    gate: Gate
    limits_mb: Mapping[str, int] = field(default_factory=dict)

    def until_proved(self, name: str, crashes: int = 0) -> None:
        """Wait until a container has passed the gate; raise with how it failed.

        Of a new one every crash counts, also before the first look; an older one had ``crashes`` before.
        """
        started = ready_since = time.monotonic()
        while True:
            found = next((one for one in self.compose.containers() if one.name == name), None)
            now = time.monotonic()
            waited = now - started
            if not (found and found.ready):
                ready_since = now
            judgement = judge(found, waited, now - ready_since, self.gate, crashes)
            if judgement.state == GOOD:
                return
            if judgement.state != WAIT:
                service = found.service if found else ""
                codes = self.compose.exit_codes(name, waited)
                how = died_of(codes, self.limits_mb.get(service, 0))
                msg = f"{name}: {judgement.why}{f' ({how})' if how else ''}.{self.words(name)}"
                raise DockerError(msg)
            time.sleep(0.5)

    def until_ready(
        self, services: Iterable[str], only: Callable[[Container], bool] = lambda _: True
    ) -> None:
        """Wait until all of them are up and healthy; show the logs of those that are not."""
        services, timeout_s = tuple(services), self.gate.timeout_s
        deadline = time.monotonic() + timeout_s
        while True:
            found = [one for one in self.compose.containers() if only(one)]
            waiting = not_ready(services, found)
            failed = [one.name for one in found if one.service in waiting and not one.may_serve]
            if not waiting:
                return
            if failed or time.monotonic() > deadline:
                state = "Failed" if failed else f"Not healthy within {timeout_s:.0f} s"
                msg = f"{state}: {', '.join(failed or waiting)}.{self.last_words(waiting)}"
                raise DockerError(msg)
            time.sleep(0.5)

    def last_words(self, services: Iterable[str]) -> str:
        """Collect the ends of their logs for an error."""
        containers = self.compose.containers()
        names = (one.name for one in containers if one.service in set(services) and not one.ready)
        return "".join(self.words(name) for name in names)

    def words(self, name: str) -> str:
        """Quote the end of a container's log."""
        return f"\n--- the last lines of {name}:\n{self.compose.last_words(name)}"
