"""What each step of a release does to the model host, effect by effect."""

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    FOUNDATION,
    Container,
    wished_one,
)

from tests.unit.release_state import GateError, HostState


@dataclass
class Effects(HostState):
    """Every stop is a moment at which the release may be killed."""

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
        if service not in FOUNDATION and self.broken:
            self.put(kept.name, "unhealthy", service)
            raise GateError
        self.put(kept.name, "healthy", service)
        self.proved.add(service)
        if service == "nginx":
            self.route = self.live_conf
        yield

    def create(self, service: str) -> str:
        """One more that does not run yet."""
        assert self.wished.images[service] in self.images
        self.check_ready_for_the_product(service)
        names = [one.name for one in self.of(service)]
        name = f"{service}-{max(int(one.rpartition('-')[2]) for one in names) + 1}"
        self.put(name, "", service, running=False)
        assert len(self.of(service)) == 2
        return name

    def start_beside(self, service: str) -> Iterator[None]:
        """One more, which is taken away again if it does not become ready."""
        assert service in self.wished.start_first, "its owner wants no two"
        name = self.create(service)
        serves = self.route in {one.name for one in self.of(service)} - {name}
        assert serves or service != BACKEND, "it would get requests at once"
        yield
        yield from self.prove(service, name)

    def replace(self, service: str, old: str) -> Iterator[None]:
        """The old one stops before the new one starts."""
        name = self.create(service)
        yield
        if not self.held:
            self.timer = (old, name)
        if service == BACKEND:
            self.stopped = (old,)
        self.change(old, running=False)
        yield
        yield from self.prove(service, name)
        self.timer = ("", "")
        yield

    def gate(self, service: str, name: str) -> Iterator[None]:
        """One that an interrupted release had started."""
        yield from self.prove(service, name)

    def prove(self, service: str, name: str) -> Iterator[None]:
        """It becomes ready, or it goes and the old one serves."""
        if not self.named(name).ready:
            self.put(name, "starting", service)
            yield
        if self.broken:
            mine = [one for one in self.of(service) if one.name != name]
            wanted = self.wished.services[service]
            better = [one for one in mine if one.config_hash != wanted or one.name == self.live]
            old = min(better or mine, key=lambda one: (not one.may_serve, one.name != self.live))
            # One that serves already, and fails, is the gap itself.
            self.promised = self.promised and self.route != name
            if service == BACKEND and old.may_serve and old.name != self.live:
                yield from self.point(old.name)
            self.containers.remove(self.named(name))
            self.timer = ("", "")
            if not old.may_serve:
                yield
                self.start_again(old.name)
            raise GateError
        self.put(name, "healthy", service)
        self.proved.add(service)
        yield

    def start_again(self, old: str) -> None:
        """The old version, on its own schema, and requests go to it."""
        backend = self.named(old).service == BACKEND
        if backend and self.held:
            self.migrated = self.restores
            self.marks["migrated"] = ""
        self.change(old, running=True, health="healthy")
        if backend:
            for _ in self.point(old):
                pass

    def point(self, name: str) -> Iterator[None]:
        """Wait until it is ready; then: not certain, the file, the reload, certain again."""
        if not self.named(name).ready:
            self.change(name, running=True, health="healthy")
        self.marks["live"] = ""
        yield
        self.live_conf = name
        yield
        self.route = name
        self.stopped, self.held = (), False
        yield
        self.marks["live"] = name
        yield

    def hold(self, name: str) -> Iterator[None]:
        """The old version stops before its schema goes."""
        wanted = self.wished.services[BACKEND]
        assert self.named(name).config_hash != wanted, "the wished version can go on"
        self.stopped = (*self.stopped, name)
        self.change(name, running=False)
        yield

    def switch(self, target: str) -> Iterator[None]:
        """To the wished one, or to one by its name."""
        hashed = self.wished.services[BACKEND]
        found = wished_one(self.of(target), hashed, self.live) or self.named(target)
        if not found.ready and self.broken:
            self.change(found.name, health="unhealthy")
            raise GateError
        yield from self.point(found.name)
        assert self.serves, "an unready one became the live one"

    def retire(self, name: str) -> Iterator[None]:
        """A container stops, then goes."""
        if name in self.stopped:
            self.stopped = tuple(one for one in self.stopped if one != name)
            assert len(self.of(BACKEND)) > 1, "the only one there is to go back to"
        self.change(name, running=False)
        yield
        self.containers.remove(self.named(name))
        yield

    def check_ready_for_the_product(self, service: str) -> None:
        """The servers, the set-up and the migration come before it."""
        assert self.serving(FOUNDATION), "the product starts last"
        assert self.prepared == self.wished.database_setup
        if service == BACKEND and self.wished.migrates:
            assert self.migrated == self.wished.images[BACKEND], "started before its migration"

    def remember(self, service: str) -> Iterator[None]:
        """What is remembered is true: the schema is there, or nginx just started with its configuration."""
        if service == BACKEND:
            assert self.migrated == self.wished.images[BACKEND]
        else:
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

    def dump(self, service: str) -> Iterator[None]:
        """It happens inside the server."""
        assert self.serving([service])
        self.dumped = self.wished.images[BACKEND]
        self.restores = self.migrated
        self.held = not any(one.running for one in self.of(BACKEND))
        yield

    def migrate(self, service: str) -> Iterator[None]:
        """It needs the image, the server and the role, a dump of what there is, and nobody whom it breaks."""
        image = self.wished.images[service]
        assert image in self.images
        assert self.serving(["postgres"])
        assert self.prepared == self.wished.database_setup, "migrated an unprepared database"
        assert self.dumped == image or not self.migrated, "no way back"
        wanted = self.wished.services[service]
        old = [one for one in self.of(service) if one.running and one.config_hash != wanted]
        assert not (self.breaking and old), "the version that serves breaks"
        self.migrated = image
        yield
