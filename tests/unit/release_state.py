"""The state of a small model host, and what must hold of it at every moment of a release."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    Container,
    Observed,
    Step,
    Wished,
    needs_schema,
)
from ansible_collections.planner.droplet.plugins.module_utils._schema import Revision, Verdict


class GateError(Exception):
    """A new version did not become ready: the release ends here."""


@dataclass
class HostState:
    """What the steps act on. The database knows itself what was done to it, nginx what it read."""

    wished: Wished
    containers: list[Container]
    images: set[str]
    marks: dict[str, str]
    live_conf: str
    """What the file says; nginx' workers know ``route``. A finished switch is in the marks."""
    route: str
    broken: bool
    """Whether no new version ever becomes ready."""
    breaking: bool = False
    """Whether older versions cannot go on after what there is to migrate, which was accepted."""
    prepared: str = field(init=False)
    migrated: str = field(init=False)

    def __post_init__(self) -> None:
        """Believe the marks about the past."""
        self.prepared = self.marks.get("database_setup", "")
        self.migrated = self.marks.get("migrated", "")
        self.timer: tuple[str, str] = ("", "")
        first = BACKEND in self.wished.services and BACKEND in self.wished.start_first
        self.promised = self.serves and first and not self.breaking
        self.at_most = {name: max(2, len(self.of(name))) for name in self.wished.apps}
        self.replaces = {
            app
            for app in self.wished.apps
            if any(one.config_hash != self.wished.services[app] for one in self.of(app))
        }
        # Of which services the wished version has proved itself: what serves has.
        versions = {one.name: one.config_hash for one in self.of(BACKEND)}
        serves = self.wished.services.get(BACKEND, "") == versions.get(self.live, "none")
        self.proved = {BACKEND} if serves else set()
        self.begin()

    def begin(self) -> None:
        """A process of its own knows nothing of the one before, but it stops that one's timer."""
        self.dumped = ""
        self.restores = ""
        self.stopped: tuple[str, ...] = ()
        self.held = False
        self.taken: list[Step] = []

    @property
    def live(self) -> str:
        """Where requests go, if that is certain."""
        return self.live_conf if self.marks.get("live") == self.live_conf else ""

    @property
    def observed(self) -> Observed:
        """The host as a release sees it; the database answers once it runs as wished."""
        marks = dict(self.marks)
        seen = Observed(tuple(self.containers), frozenset(self.images), self.live, marks)
        if not (needs_schema(self.wished, seen) and self.serving(["postgres"])):
            return seen
        image = self.wished.images[BACKEND]
        if image not in self.images:
            return seen
        if self.migrated == image:
            return replace(seen, schema=Verdict("none"))
        pending = (Revision(image, ("why",) if self.breaking else ()),)
        return replace(seen, schema=Verdict("migrate", bool(self.migrated), pending))

    @property
    def serves(self) -> bool:
        """Whether requests reach a container that is ready."""
        return any(one.name == self.route and one.ready for one in self.containers)

    def of(self, service: str) -> list[Container]:
        """List the containers of a service."""
        return [one for one in self.containers if one.service == service]

    def named(self, name: str) -> Container:
        """Find a container that must be there."""
        (one,) = (one for one in self.containers if one.name == name)
        return one

    def check(self) -> None:
        """What holds at every moment of a release."""
        assert self.serves or not self.promised, "a gap"
        for app in self.wished.apps:
            assert len(self.of(app)) <= self.at_most[app], "no memory for so many"
            wanted = self.wished.services[app]
            kept = app in self.proved or any(one.config_hash != wanted for one in self.of(app))
            assert kept or app not in self.replaces, "the old version is lost, the new one unproved"

    def change(self, name: str, **state: object) -> None:
        """Let a container become another, if it is there."""
        self.containers = [
            replace(one, **state) if one.name == name else one  # type: ignore[arg-type]
            for one in self.containers
        ]

    def put(self, name: str, health: str, service: str = BACKEND, *, running: bool = True) -> None:
        """Create a container of the wished version, or let one become what it is now."""
        one = Container(service, name, self.wished.services[service], running, health)
        present = [each.name for each in self.containers]
        if name in present:
            self.containers[present.index(name)] = one
        else:
            self.containers.append(one)

    def serving(self, services: Iterable[str]) -> bool:
        """Tell whether the services run as wished."""
        return all(
            any(
                one.running and one.config_hash == self.wished.services[name]
                for one in self.of(name)
            )
            for name in services
        )
