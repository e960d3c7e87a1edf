# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Brings a release's images to this host, each pinned to its content, before anything is touched.

No Ansible in it: what runs on the host by itself calls it too.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import LOCK, event_lock
from ansible_collections.planner.droplet.plugins.module_utils._image_archive import present_layers
from ansible_collections.planner.droplet.plugins.module_utils._image_host import ImageHost, Pin
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    CONTROLLER,
    SENT,
    Chosen,
    changes,
    choose,
    fitting,
    is_pinned,
    no_room,
    repository_of,
    sent_name,
    unpacked_mb,
    wrong_platform,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import (
    Login,
    RefusedError,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    VOID,
    Record,
    RollbackError,
    append,
    current,
    next_number,
    read,
    rollback_target,
    running,
)


@dataclass(frozen=True)
class ImageRequest:
    """What the services shall run.

    ``wanted`` are the references as the owner wrote them, ``rollback_to`` is empty, ``previous`` or a
    number. ``sent`` are the ids of images of the controller, ``archives`` the files with those of them
    that this host does not have yet.
    """

    project_dir: str
    wanted: Mapping[str, str]
    rollback_to: str = ""
    refresh: bool = False
    login: Login | None = None
    by: str = ""
    disk_reserve_mb: int = 1024
    lock: str = LOCK
    lock_wait_s: int = 600
    sent: Mapping[str, str] = field(default_factory=dict)
    archives: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fetched:
    """What each service gets; ``before`` is what it has, ``done`` what was fetched for it."""

    chosen: Chosen
    images: Mapping[str, str]
    before: Mapping[str, str]
    changes: tuple[str, ...]
    done: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What there is to know about the choice, and what a preview cannot know."""


@dataclass(frozen=True)
class Host:
    """What the action on the controller has to know before it sends images."""

    needed: tuple[str, ...]
    """Services whose image comes from the controller, and which do not simply keep what they have."""
    platform: str
    free_mb: int
    here: tuple[str, ...] = ()
    present: Mapping[str, int] = field(default_factory=dict)
    """How many of an image's lowest layers are here."""


def fetch(request: ImageRequest, *, check_mode: bool) -> Fetched:
    """Choose, pin, judge and fetch; in check mode all but the last. A refusal is written into the log."""
    if check_mode and shutil.which("docker") is None:
        chosen = choose(request.wanted, None, None, ())
        images = {name: _expected(request, name, image) for name, image in chosen.images.items()}
        notes = ("Docker is not installed yet: tags are resolved then",)
        done = tuple(filter(None, images.values()))
        return Fetched(chosen, images, {}, changes({}, images), done, notes)
    lock = event_lock(request.lock, "a fetch of images", request.lock_wait_s)
    with nullcontext() if check_mode else lock:
        fetcher = _Fetcher(request)
        started = time.time()
        try:
            return fetcher.run(check_mode=check_mode)
        except RefusedError as error:
            if not check_mode:
                fetcher.write_down(str(error), started)
            raise


def look(request: ImageRequest, layers: Mapping[str, Sequence[str]], *, check_mode: bool) -> Host:
    """Tell what is here of the controller's images; ``layers`` are their layers, lowest first."""
    if check_mode and shutil.which("docker") is None:
        needed = [name for name, wish in request.wanted.items() if wish.startswith(CONTROLLER)]
        return Host(tuple(needed), "", 0)
    fetcher = _Fetcher(request)
    images = fetcher.chosen.images.items()
    needed = [name for name, image in images if image.startswith(CONTROLLER)]
    known = fetcher.host.known_layers() if needed else []
    return Host(
        needed=tuple(needed),
        platform=fetcher.host.platform,
        free_mb=fetcher.host.free_mb,
        here=tuple(name for name in needed if fetcher.host.has(request.sent.get(name, ""))),
        present={name: present_layers(layers.get(name, ()), known) for name in needed},
    )


def _expected(request: ImageRequest, service: str, image: str) -> str:
    image_id = request.sent.get(service, "")
    return sent_name(service, image_id) if image.startswith(CONTROLLER) and image_id else image


class _Fetcher:
    def __init__(self, request: ImageRequest) -> None:
        """Look at the log and at Docker, and choose."""
        self.request = request
        self.host = ImageHost(request.project_dir, request.login, request.archives)
        self.records = read(request.project_dir).records
        self.now = current(self.records)
        had = self.now.images if self.now else {}
        try:
            back = request.rollback_to
            target = rollback_target(self.records, back) if back else None
        except RollbackError as error:
            raise DockerError(str(error)) from error
        # No registry has those that were sent: once gone, they have to be sent again.
        gone = [
            name
            for name, image in had.items()
            if image.startswith(SENT) and not self.host.has(image)
        ]
        anew = request.wanted if request.refresh else gone
        self.chosen = choose(request.wanted, self.now, target, anew)
        self.before = {name: had.get(name, "") for name in request.wanted}

    def run(self, *, check_mode: bool) -> Fetched:
        pins = [self._pin(service, image) for service, image in self.chosen.images.items()]
        problems = tuple(self._problems(pins))
        if problems:
            raise RefusedError("\n".join(problems))
        done = tuple(f"{pin.service}: {pin.image}" for pin in pins if pin.pull or pin.image_id)
        if not check_mode:
            pins = [self.host.bring(pin) for pin in pins]
        images = {pin.service: pin.image for pin in pins}
        notes = (*self.chosen.notes, *(pin.note for pin in pins if pin.note and check_mode))
        differs = changes(self.before, images)
        return Fetched(self.chosen, images, self.before, differs, done, notes)

    def write_down(self, message: str, started: float) -> None:
        """Log the attempt, so that the status shows it."""
        interrupted = running(self.request.project_dir)
        record = Record(
            release=next_number([*self.records, *filter(None, [interrupted])]),
            kind=self.chosen.kind,
            to=self.chosen.to,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            seconds=round(time.time() - started, 1),
            by=self.request.by,
            given=self.chosen.given,
            images=self.chosen.images,
            result=VOID,
            reason=" ".join(message.partition("\nDo: ")[0].split()),
        )
        if os.path.isdir(self.request.project_dir):
            append(self.request.project_dir, record)

    def _pin(self, service: str, image: str) -> Pin:
        """Find what a reference means, without fetching it."""
        if image.startswith(CONTROLLER):
            image_id = self.request.sent.get(service, "")
            if not image_id:
                msg = f"{image} is in the Docker of the owner's machine: only Ansible there can send it."
                raise DockerError(msg)
            name = sent_name(service, image_id)
            return Pin(service, name, image_id="" if self.host.has(name) else image_id)
        here = self.host.inspect(image) if image else {}
        if not image or (here and is_pinned(image)):
            return Pin(service, image)
        if here and not here.get("RepoDigests"):  # loaded by hand: no registry can say more
            name = sent_name(service, here["Id"])
            return Pin(service, name, image_id="" if self.host.has(name) else here["Id"])
        if image.startswith(SENT):
            return Pin(service, image)
        return self._ask(service, image)

    def _ask(self, service: str, image: str) -> Pin:
        """Ask the registry, which tells the digest, the platform and the sizes."""
        tag = not is_pinned(image)
        try:
            found = self.host.registries.describe(image)
        except DockerError as error:
            # Docker asks in fewer ways than it pulls (no mirror, for example), and says "no such manifest" also of a
            # registry that it could not talk to.
            note = f"{service}: the digest of {image} is known once it is pulled ({error})"
            return Pin(service, image, pull=image, note=note if tag else "")
        one = fitting(found, self.host.platform)
        if one is None:
            has = [each.platform for each in found]
            return Pin(service, image, problem=wrong_platform(image, has, self.host.platform))
        pinned = f"{repository_of(image)}@{one.digest}" if tag else image
        here = bool(self.host.inspect(pinned))
        return Pin(service, pinned, pull="" if here else pinned, manifest=one)

    def _problems(self, pins: Sequence[Pin]) -> Iterable[str]:
        """List everything that stands against the images, before the first is fetched."""
        for pin in pins:
            if pin.problem:
                yield pin.problem
            elif pin.image.startswith(SENT) and not (pin.image_id or self.host.has(pin.image)):
                yield (
                    f"The image {pin.image} of {pin.service} was sent from an owner's machine and is no longer here.\n"
                    f"Do: send it again from there: droplet_image={CONTROLLER}NAME:TAG."
                )
        coming = [
            pin.manifest
            for pin in pins
            if pin.pull and pin.manifest and not self.host.inspect(pin.manifest.image_id)
        ]
        layers = {digest: size for one in coming for digest, size in one.layers.items()}
        if self._no_room(layers):
            for digest in self._layers_now(pins):
                layers.pop(digest, None)
        if problem := self._no_room(layers):
            yield problem

    def _no_room(self, layers: Mapping[str, int]) -> str:
        return no_room(unpacked_mb(layers), self.host.free_mb, self.request.disk_reserve_mb)

    def _layers_now(self, pins: Iterable[Pin]) -> Iterable[str]:
        """List the layers, as a registry calls them, of what these services have now."""
        for pin in pins:
            image = self.before.get(pin.service, "")
            if "@" in image and self.host.inspect(image):
                with suppress(DockerError):
                    for one in self.host.registries.describe(image):
                        yield from one.layers
