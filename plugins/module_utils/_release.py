# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What brings the running services to the wished state, and in which order.

Pure: containers as observed and services as wished go in, steps come out. Everything a step leaves
behind can be observed again, so a run that was interrupted anywhere is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Nothing else may start before these: the first answers for a missing backend, the others hold data.
FOUNDATION = ("nginx", "postgres", "redis")
BACKEND = "backend"


@dataclass(frozen=True)
class Container:
    """One container of the project as Docker shows it."""

    service: str
    name: str
    config_hash: str
    running: bool
    health: str = ""
    """``starting``, ``healthy``, ``unhealthy``; empty without a health check."""

    @property
    def ready(self) -> bool:
        """Whether it is up and, where it has a health check, healthy."""
        return self.running and self.health in {"", "healthy"}

    @property
    def may_serve(self) -> bool:
        """Whether it serves or may still come to serve."""
        return self.running and self.health != "unhealthy"


@dataclass(frozen=True)
class Observed:
    """The host before the release.

    ``live`` is the container that nginx sends requests to, empty when that is not certain; ``done`` is
    what earlier runs finished.
    """

    containers: Sequence[Container] = ()
    images: frozenset[str] = frozenset()
    live: str = ""
    done: Mapping[str, str] = field(default_factory=dict)

    def of(self, service: str) -> tuple[Container, ...]:
        """List the containers of one service."""
        return tuple(found for found in self.containers if found.service == service)


@dataclass(frozen=True)
class Wished:
    """The Compose project as rendered.

    ``services`` maps a name to Compose's hash of its configuration, ``images`` to its image;
    ``nginx_config`` and ``database_setup`` are fingerprints; ``migrates`` is whether the backend
    brings migrations; ``start_first`` whether memory allows a second backend beside the first.
    """

    services: Mapping[str, str]
    images: Mapping[str, str]
    nginx_config: str
    database_setup: str
    migrates: bool
    start_first: bool = True


@dataclass(frozen=True)
class Step:
    """One thing to do. ``mark`` is remembered once it succeeded."""

    action: str
    targets: tuple[str, ...]
    reason: str
    mark: tuple[str, str] | None = None

    def __str__(self) -> str:
        """Render for a diff."""
        return f"{self.action} {' '.join(self.targets)} ({self.reason})"


def steps(wished: Wished, observed: Observed) -> tuple[Step, ...]:
    """List the steps in order; an empty answer means the host is as wished."""
    stale = {
        name: reason
        for name, config_hash in wished.services.items()
        if (reason := _why_start(config_hash, observed.of(name)))
    }
    foundation = {name: stale[name] for name in FOUNDATION if name in stale}
    own = {name: stale[name] for name in stale if name not in (*FOUNDATION, BACKEND)}
    return (
        *_pull(wished, observed, stale),
        *_start(foundation),
        *_reload(wished, observed, stale),
        *_prepare(wished, observed, stale),
        *_migrate(wished, observed),
        *_release(wished, observed, stale.get(BACKEND, "")),
        *_start(own),
        *_remove(wished, observed),
    )


def not_ready(services: Iterable[str], containers: Sequence[Container]) -> tuple[str, ...]:
    """List those of the services that have no container, or one that is not up and healthy."""
    return tuple(
        name
        for name in services
        if not (found := [one for one in containers if one.service == name])
        or not all(one.ready for one in found)
    )


def _why_start(config_hash: str, containers: Sequence[Container]) -> str:
    """Say why none of a service's containers will do; empty when one does."""
    if not containers:
        return "not there yet"
    same = [container for container in containers if container.config_hash == config_hash]
    if not same:
        return "its configuration changed"
    if any(container.may_serve for container in same):
        return ""
    return "it is unhealthy" if any(container.running for container in same) else "it stopped"


def _pull(wished: Wished, observed: Observed, stale: Iterable[str]) -> Iterable[Step]:
    missing = sorted({wished.images[name] for name in stale} - observed.images)
    if missing:
        # First of all, so that an image that cannot be had stops nothing.
        yield Step("pull", tuple(missing), "not on this host")


def _start(reasons: Mapping[str, str]) -> Iterable[Step]:
    if reasons:
        reason = ", ".join(f"{name}: {reason}" for name, reason in reasons.items())
        yield Step("start", tuple(reasons), reason)


def _reload(wished: Wished, observed: Observed, stale: Iterable[str]) -> Iterable[Step]:
    mark = ("nginx_config", wished.nginx_config)
    if "nginx" in stale:
        yield Step("remember", ("nginx",), "it starts with its present configuration", mark)
    elif observed.done.get("nginx_config") != wished.nginx_config:
        yield Step("reload", ("nginx",), "its configuration changed", mark)


def _prepare(wished: Wished, observed: Observed, stale: Iterable[str]) -> Iterable[Step]:
    done = observed.done.get("database_setup") == wished.database_setup
    if "postgres" in stale or not done:
        reason = "role, extension and password"
        mark = ("database_setup", wished.database_setup)
        yield Step("prepare-database", ("postgres",), reason, mark)


def _migrate(wished: Wished, observed: Observed) -> Iterable[Step]:
    image = wished.images.get(BACKEND, "")
    if image and wished.migrates and observed.done.get("migrated") != image:
        yield Step("migrate", (BACKEND,), f"first start of {image}", ("migrated", image))


def wished_one(containers: Iterable[Container], config_hash: str, live: str) -> Container | None:
    """Choose, among those of the wished version, the one that shall serve: best one that does already."""
    good = [one for one in containers if one.config_hash == config_hash and one.may_serve]
    return min(good, key=lambda one: (not one.ready, one.name != live), default=None)


def _release(wished: Wished, observed: Observed, why: str) -> Iterable[Step]:
    """Put a new backend beside the one that serves, switch nginx over, retire the old one.

    Where memory does not allow two, or nothing serves, the backend is replaced in place. There are
    never more than two: what else is there goes before a new one comes.
    """
    if BACKEND not in wished.services:
        return
    mine = observed.of(BACKEND)
    new = wished_one(mine, wished.services[BACKEND], observed.live)
    others = [one for one in mine if one != new]
    serving = _serving(others, observed.live)
    if new and (new.ready or new.name == observed.live or not serving):
        if new.name != observed.live or (serving and not new.ready):
            yield Step("switch", (BACKEND,), f"{new.name} is the wished one")
        if others:
            yield Step("retire", _names(others), "no longer needed")
        return
    why = why or "it was interrupted before it was ready"
    if not (wished.start_first and serving):
        yield Step("start", (BACKEND,), f"{BACKEND}: {why}")
        yield Step("switch", (BACKEND,), "to the container that was started")
        return
    if serving.name != observed.live:
        yield Step("switch", (serving.name,), "it serves until the new one is ready")
    rest = [one for one in mine if one != serving]
    if rest:
        yield Step("retire", _names(rest), "left by an earlier release")
    yield Step("start-beside", (BACKEND,), f"{BACKEND}: {why}")
    yield Step("switch", (BACKEND,), "the new one is ready")
    yield Step("retire", (serving.name,), "it has finished its requests")


def _serving(containers: Sequence[Container], live: str) -> Container | None:
    """Find the one that serves, or else one that could at once."""
    mine = [one for one in containers if one.name == live and one.may_serve]
    return next(iter([*mine, *(one for one in containers if one.ready)]), None)


def _names(containers: Iterable[Container]) -> tuple[str, ...]:
    return tuple(container.name for container in containers)


def _remove(wished: Wished, observed: Observed) -> Iterable[Step]:
    orphans = [one for one in observed.containers if one.service not in wished.services]
    if orphans:
        yield Step("retire", _names(orphans), "no longer wished")
