"""A small model of a host on which the steps of a release are executed, effect by effect."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    Container,
    Observed,
    Step,
    Wished,
    wished_one,
)


class GateError(Exception):
    """A new version did not become ready: the release ends here."""


@dataclass
class Host:
    """What the steps act on. The database knows itself what was done to it, nginx what it read."""

    wished: Wished
    containers: list[Container]
    images: set[str]
    marks: dict[str, str]
    live_conf: str
    """What the file says; nginx' workers know ``route``. A finished switch is in the marks."""
    route: str
    broken: bool
    """Whether no new backend ever becomes ready."""
    prepared: str = field(init=False)
    migrated: str = field(init=False)

    def __post_init__(self) -> None:
        """Believe the marks about the past."""
        self.prepared = self.marks.get("database_setup", "")
        self.migrated = self.marks.get("migrated", "")
        self.promised = self.serves and self.wished.start_first and BACKEND in self.wished.services
        self.at_most = max(2, len(self.of(BACKEND)))

    @property
    def live(self) -> str:
        """Where requests go, if that is certain."""
        return self.live_conf if self.marks.get("live") == self.live_conf else ""

    @property
    def observed(self) -> Observed:
        """The host as a release sees it."""
        marks = dict(self.marks)
        return Observed(tuple(self.containers), frozenset(self.images), self.live, marks)

    @property
    def serves(self) -> bool:
        """Whether requests reach a container that is ready."""
        return any(one.name == self.route and one.ready for one in self.containers)

    def of(self, service: str) -> list[Container]:
        """List the containers of a service."""
        return [one for one in self.containers if one.service == service]

    def check(self) -> None:
        """What holds at every moment of a release."""
        assert self.serves or not self.promised, "a gap"
        assert len(self.of(BACKEND)) <= self.at_most, "no memory for so many"

    def execute(self, planned: Iterable[Step]) -> Iterator[None]:
        """Do steps; each stop is a moment at which the release may be killed."""
        for step in planned:
            action = getattr(self, step.action.replace("-", "_"))
            for target in step.targets:
                for _ in action(target):
                    self.check()
                    yield
            if step.mark:
                self.marks[step.mark[0]] = step.mark[1]
                yield

    def put(self, name: str, health: str, service: str = BACKEND) -> None:
        """Create a container of the wished version, or let one become what it is now."""
        one = Container(service, name, self.wished.services[service], running=True, health=health)
        present = [each.name for each in self.containers]
        if name in present:
            self.containers[present.index(name)] = one
        else:
            self.containers.append(one)

    def pull(self, image: str) -> Iterator[None]:
        """An image arrives."""
        self.images.add(image)
        yield

    def start(self, service: str) -> Iterator[None]:
        """Replace in place: what that needs must be there already. One remains, under its name."""
        assert self.wished.images[service] in self.images, "stopped for an image that is missing"
        if service not in FOUNDATION:
            self.check_ready_for_the_product(service)
        kept, *surplus = self.of(service) or [Container(service, f"{service}-1", "", running=False)]
        for one in surplus:
            self.containers.remove(one)
        self.put(kept.name, "starting", service)
        yield
        if service == BACKEND and self.broken:
            self.put(kept.name, "unhealthy")
            raise GateError
        self.put(kept.name, "healthy", service)
        if service == "nginx":
            self.route = self.live_conf
        yield

    def start_beside(self, service: str) -> Iterator[None]:
        """One more, which is taken away again if it does not become ready."""
        assert service == BACKEND
        assert self.wished.images[service] in self.images
        self.check_ready_for_the_product(service)
        name = f"backend-{max(int(one.name[8:]) for one in self.of(service)) + 1}"
        assert self.route in {one.name for one in self.of(service)}, "it would get requests at once"
        self.put(name, "starting")
        assert len(self.of(service)) == 2
        yield
        if self.broken:
            self.put(name, "unhealthy")
            yield
            yield from self.retire(name)
            raise GateError
        self.put(name, "healthy")
        yield

    def switch(self, target: str) -> Iterator[None]:
        """A gate, then: not certain, the file, the reload, certain again."""
        hashed = self.wished.services[BACKEND]
        found = wished_one(self.of(target), hashed, self.live) or next(
            one for one in self.containers if one.name == target
        )
        if not found.ready and self.broken:
            self.containers[self.containers.index(found)] = replace(found, health="unhealthy")
            raise GateError
        if not found.ready:
            self.put(found.name, "healthy")
        self.marks["live"] = ""
        yield
        self.live_conf = found.name
        yield
        self.route = found.name
        assert self.serves, "an unready one became the live one"
        yield
        self.marks["live"] = found.name
        yield

    def retire(self, name: str) -> Iterator[None]:
        """A container stops, then goes."""
        (one,) = (one for one in self.containers if one.name == name)
        stopped = replace(one, running=False)
        self.containers[self.containers.index(one)] = stopped
        yield
        self.containers.remove(stopped)
        yield

    def check_ready_for_the_product(self, service: str) -> None:
        """The servers, the set-up and the migration come before it."""
        assert self.serving(FOUNDATION), "the product starts last"
        assert self.prepared == self.wished.database_setup
        if service == BACKEND and self.wished.migrates:
            assert self.migrated == self.wished.images[BACKEND], "started before its migration"

    def serving(self, services: Iterable[str]) -> bool:
        """Tell whether the services run as wished."""
        return all(
            any(
                one.running and one.config_hash == self.wished.services[name]
                for one in self.of(name)
            )
            for name in services
        )

    def remember(self, service: str) -> Iterator[None]:
        """The configuration is the one the container just started with."""
        assert self.serving([service])
        yield

    def reload(self, service: str) -> Iterator[None]:
        """There must be an nginx to tell; it reads all of its files."""
        assert self.serving([service])
        self.route = self.live_conf
        yield

    def prepare_database(self, service: str) -> Iterator[None]:
        """It happens inside the server."""
        assert self.serving([service])
        self.prepared = self.wished.database_setup
        yield

    def migrate(self, service: str) -> Iterator[None]:
        """It needs the image, the server and the role."""
        assert self.wished.images[service] in self.images
        assert self.serving(["postgres"])
        assert self.prepared == self.wished.database_setup, "migrated an unprepared database"
        self.migrated = self.wished.images[service]
        yield
