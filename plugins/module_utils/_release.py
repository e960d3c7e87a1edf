# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What brings the running services to the wished state, and in which order.

Pure: containers as observed and services as wished go in, steps come out. Everything a step leaves
behind can be observed again, so a run that was interrupted anywhere is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._schema import Verdict

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
    restarts: int = 0
    """How often it crashed and was started again by Docker."""
    image_id: str = ""

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
    what earlier runs finished; ``schema`` is what the new version needs of the database, ``None`` where
    PostgreSQL does not run yet or nobody asked.
    """

    containers: Sequence[Container] = ()
    images: frozenset[str] = frozenset()
    live: str = ""
    done: Mapping[str, str] = field(default_factory=dict)
    schema: Verdict | None = None

    def of(self, service: str) -> tuple[Container, ...]:
        """List the containers of one service."""
        return tuple(found for found in self.containers if found.service == service)


@dataclass(frozen=True)
class Wished:
    """The Compose project as rendered.

    ``services`` maps a name to Compose's hash of its configuration, ``images`` to its image;
    ``nginx_config`` and ``database_setup`` are fingerprints; ``migrates`` is whether the backend
    brings migrations; ``start_first`` are the services of which memory allows a second one beside the
    first for a while.
    """

    services: Mapping[str, str]
    images: Mapping[str, str]
    nginx_config: str
    database_setup: str
    migrates: bool
    start_first: frozenset[str] = frozenset({BACKEND})

    @property
    def apps(self) -> tuple[str, ...]:
        """The services that are released: the backend first, then the owner's own."""
        own = [name for name in self.services if name not in (*FOUNDATION, BACKEND)]
        return (*([BACKEND] if BACKEND in self.services else []), *own)


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


LOOK_AGAIN = "look-again"
"""The action after which the rest is planned anew: only then the database can be asked."""


def steps(wished: Wished, observed: Observed) -> tuple[Step, ...]:
    """List the steps in order; an empty answer means the host is as wished."""
    stale = {
        name: reason
        for name, config_hash in wished.services.items()
        if (reason := why_start(config_hash, observed.of(name)))
    }
    foundation = {name: stale[name] for name in FOUNDATION if name in stale}
    return (
        *_pull(wished, observed, stale),
        *_start(foundation),
        *_reload(wished, observed, stale),
        *_prepare(wished, observed, stale),
        *_migrate(wished, observed),
        *(step for app in wished.apps for step in _release(app, wished, observed)),
        *_remove(wished, observed),
    )


def needs_schema(wished: Wished, observed: Observed) -> bool:
    """Tell whether the schema matters to this run: another version, or one that does not serve."""
    if not (wished.migrates and wished.images.get(BACKEND)):
        return False
    released = observed.done.get("migrated") == wished.images[BACKEND]
    return not released or bool(why_start(wished.services[BACKEND], observed.of(BACKEND)))


def not_ready(services: Iterable[str], containers: Sequence[Container]) -> tuple[str, ...]:
    """List those of the services that have no container, or one that is not up and healthy."""
    return tuple(
        name
        for name in services
        if not (found := [one for one in containers if one.service == name])
        or not all(one.ready for one in found)
    )


def why_start(config_hash: str, containers: Sequence[Container]) -> str:
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
    if not needs_schema(wished, observed):
        return
    image, schema = wished.images[BACKEND], observed.schema
    mark = ("migrated", image)
    if schema is None:
        yield Step(LOOK_AGAIN, (BACKEND,), "migrations show once PostgreSQL runs")
        return
    if schema.action != "migrate":
        if observed.done.get("migrated") != image:
            yield Step("remember", (BACKEND,), "the schema is one it can use", mark)
        return
    what = ", ".join(one.id for one in schema.pending) or f"first start of {image}"
    if held := _held(wished, observed):
        yield Step("hold", _names(held), "it cannot work on the new schema")
    if schema.dump:
        yield Step("dump", ("postgres",), f"before {what}")
    yield Step("migrate", (BACKEND,), what, mark)


def _held(wished: Wished, observed: Observed) -> tuple[Container, ...]:
    """List what must stop before the schema changes, which its owner accepted: the old version, where it runs."""
    if observed.schema is None or not any(one.breaks for one in observed.schema.pending):
        return ()
    new = wished.services[BACKEND]
    return tuple(one for one in observed.of(BACKEND) if one.running and one.config_hash != new)


def wished_one(containers: Iterable[Container], config_hash: str, live: str) -> Container | None:
    """Choose, among those of the wished version, the one that shall serve: best one that does already."""
    good = [one for one in containers if one.config_hash == config_hash and one.may_serve]
    return min(good, key=lambda one: (not one.ready, one.name != live), default=None)


def _release(app: str, wished: Wished, observed: Observed) -> Iterable[Step]:
    """Put a new version beside the one that serves, let it prove itself, retire the old one.

    Where memory does not allow two, or nothing serves, the old one is stopped first and kept, so that it can be
    started again. There are never more than two: what else is there goes before a new one comes.
    Requests are the backend's alone, so only that is switched.
    """
    mine, wanted = observed.of(app), wished.services[app]
    live = observed.live if app == BACKEND else ""
    new = wished_one(mine, wanted, live)
    others = [one for one in mine if one != new]
    old = _old(others, live, wanted)
    serves = old is not None and old.may_serve
    if new and (new.ready or new.name == live or not serves):
        yield from _finish(app, new, others, old, live)
        return
    why = why_start(wanted, mine) or "it was interrupted before it was ready"
    if old is None or old.config_hash == wanted:
        yield Step("start", (app,), f"{app}: {why}")
        if app == BACKEND:
            yield Step("switch", (app,), "to the container that was started")
        return
    holds = app == BACKEND and bool(_held(wished, observed))
    if app == BACKEND and serves and old.name != live and not holds:
        yield Step("switch", (old.name,), "it serves until the new one is ready")
    if rest := [one for one in mine if one != old]:
        yield Step("retire", _names(rest), "left by an earlier release")
    if serves and app in wished.start_first and not holds:
        yield Step("start-beside", (app,), why)
    else:
        yield Step("replace", (app, old.name), why)
    if app == BACKEND:
        yield Step("switch", (app,), "the new one is ready")
    yield Step("retire", (old.name,), "it has finished its work")


def _finish(
    app: str, new: Container, others: Sequence[Container], old: Container | None, live: str
) -> Iterable[Step]:
    """Go on with a new version that an interrupted release had started."""
    unproved = app == BACKEND and new.name != live
    if others and (unproved or app != BACKEND):
        yield Step("gate", (app, new.name), "it was interrupted before it had proved itself")
    if unproved or (app == BACKEND and old and old.may_serve and not new.ready):
        yield Step("switch", (app,), f"{new.name} is the wished one")
    if others:
        yield Step("retire", _names(others), "no longer needed")


def _old(containers: Sequence[Container], live: str, wanted: str) -> Container | None:
    """Find the one to go back to: best one that serves, else the live one or any of another version, as it is."""
    mine = [one for one in containers if one.name == live]
    serving = [one for one in mine if one.may_serve]
    ready = [one for one in containers if one.ready]
    another = [one for one in containers if one.config_hash != wanted]
    another.sort(key=lambda one: (not one.may_serve, not one.running))
    return next(iter([*serving, *ready, *mine, *another]), None)


def _names(containers: Iterable[Container]) -> tuple[str, ...]:
    return tuple(container.name for container in containers)


def _remove(wished: Wished, observed: Observed) -> Iterable[Step]:
    orphans = [one for one in observed.containers if one.service not in wished.services]
    if orphans:
        yield Step("retire", _names(orphans), "no longer wished")
