# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What brings the running services to the wished state, and in which order.

Pure: containers as observed and services as wished go in, steps come out. Everything a step leaves
behind can be observed again, so a run that was interrupted anywhere is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Nothing else may start before these: the first answers for a missing backend, the others hold data.
FOUNDATION = ("nginx", "postgres", "redis")


@dataclass(frozen=True)
class Container:
    """One service's container as Docker shows it."""

    config_hash: str
    running: bool
    health: str = ""
    """``starting``, ``healthy``, ``unhealthy``; empty without a health check."""


@dataclass(frozen=True)
class Observed:
    """The host before the release. ``done`` is what earlier runs finished, by step."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    done: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wished:
    """The Compose project as rendered.

    ``services`` maps a name to Compose's hash of its configuration, ``images`` to its image;
    ``nginx_config`` and ``database_setup`` are fingerprints; ``migrates`` is whether the backend
    brings migrations.
    """

    services: Mapping[str, str]
    images: Mapping[str, str]
    nginx_config: str
    database_setup: str
    migrates: bool


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
        if (reason := _why_start(config_hash, observed.containers.get(name)))
    }
    foundation = {name: stale[name] for name in FOUNDATION if name in stale}
    product = {name: reason for name, reason in stale.items() if name not in FOUNDATION}
    return (
        *_pull(wished, observed, stale),
        *_start(foundation),
        *_reload(wished, observed, stale),
        *_prepare(wished, observed, stale),
        *_migrate(wished, observed),
        *_start(product),
        *_remove(wished, observed),
    )


def _why_start(config_hash: str, container: Container | None) -> str:
    if container is None:
        return "not there yet"
    if container.config_hash != config_hash:
        return "its configuration changed"
    if not container.running:
        return "it stopped"
    return "it is unhealthy" if container.health == "unhealthy" else ""


def not_ready(services: Iterable[str], containers: Mapping[str, Container]) -> tuple[str, ...]:
    """List those of the services that are not up and healthy."""
    return tuple(
        name
        for name in services
        if name not in containers
        or not containers[name].running
        or containers[name].health not in {"", "healthy"}
    )


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
    image = wished.images.get("backend", "")
    if image and wished.migrates and observed.done.get("migrated") != image:
        yield Step("migrate", ("backend",), f"first start of {image}", ("migrated", image))


def _remove(wished: Wished, observed: Observed) -> Iterable[Step]:
    orphans = tuple(sorted(set(observed.containers) - set(wished.services)))
    if orphans:
        yield Step("remove", orphans, "no longer wished")
