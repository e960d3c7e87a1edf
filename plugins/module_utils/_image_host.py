# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The images on this host: what Docker knows of them, and how one more gets there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    Manifest,
    familiar,
    is_pinned,
    repository_of,
    wrong_platform,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import (
    Login,
    RefusedError,
    Registries,
)

_MIB = 1024 * 1024


class LoadError(DockerError):
    """Docker did not take the archive that was sent for ``service``."""

    def __init__(self, service: str, message: str) -> None:
        """Keep whose it was: a whole one can be sent instead."""
        super().__init__(message)
        self.service = service


@dataclass(frozen=True)
class Pin:
    """One service's image: ``pull`` is the name it is pulled by, ``image_id`` the image that gets the pinned name."""

    service: str
    image: str
    pull: str = ""
    image_id: str = ""
    manifest: Manifest | None = None
    note: str = ""
    problem: str = ""


class ImageHost:
    """Docker on this host. Making one only looks at it."""

    def __init__(self, folder: str, login: Login | None, archives: Mapping[str, str]) -> None:
        """Ask Docker about itself; ``archives`` are files with images, by service."""
        self.compose = Compose(folder)
        self.archives = archives
        # First: it fails where no engine answers, which `docker info` does not.
        version = ("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
        self.platform = self.compose.docker(*version, timeout_s=60).strip()
        info = json.loads(self.compose.docker("info", "--format", "{{json .}}", timeout_s=60))
        self.registries = Registries(self.compose, info.get("RegistryConfig") or {}, login)
        self.free_mb = shutil.disk_usage(info["DockerRootDir"]).free // _MIB

    def has(self, image: str) -> bool:
        """Tell whether an image is here, by any of its names."""
        return bool(image and self.compose.image_id(image))

    def inspect(self, image: str) -> dict[str, Any]:
        """Read what Docker knows about an image; nothing when it is not here."""
        try:
            found = json.loads(self.compose.docker("image", "inspect", image)) if image else []
        except DockerError:
            return {}
        return dict(found[0]) if found else {}

    def known_layers(self) -> list[Sequence[str]]:
        """List the layers of every image on this host."""
        ids = sorted(set(self.compose.docker("image", "ls", "--quiet", "--no-trunc").split()))
        if not ids:
            return []
        return [
            (one.get("RootFS") or {}).get("Layers") or ()
            for one in json.loads(self.compose.docker("image", "inspect", *ids))
        ]

    def bring(self, pin: Pin) -> Pin:
        """Fetch one image, make sure that it is what it should be, and return its final name."""
        if pin.image_id:
            self._load(pin)
            self.compose.docker("image", "tag", pin.image_id, pin.image)
        if pin.pull:
            self.registries.pull(pin.pull)
            pin = replace(pin, image=self._digest(pin.pull))
        here = self.inspect(pin.image) if pin.image else {}
        has = "/".join(filter(None, (here.get("Os"), here.get("Architecture"))))
        if has and has != self.platform:
            raise RefusedError(wrong_platform(pin.image, [has], self.platform))
        return pin

    def _load(self, pin: Pin) -> None:
        if self.has(pin.image_id):
            return
        archive = self.archives.get(pin.service)
        if not archive:
            msg = f"The image {pin.image_id} of {pin.service} is not here and was not sent: run it again."
            raise DockerError(msg)
        try:
            self.compose.docker("load", "--quiet", "--input", archive)
        except DockerError as error:
            raise LoadError(pin.service, f"The image of {pin.service}: {error}") from error
        if not self.has(pin.image_id):
            msg = f"The image of {pin.service}: Docker made another one of it than {pin.image_id}"
            raise LoadError(pin.service, msg)

    def _digest(self, pulled: str) -> str:
        """Return the pinned name of what was pulled."""
        if is_pinned(pulled):
            return pulled
        repository = repository_of(pulled)
        for found in self.inspect(pulled).get("RepoDigests") or ():
            if familiar(repository_of(found)) == familiar(repository):
                return f"{repository}@{found.partition('@')[2]}"
        raise RefusedError(
            f"Docker does not tell the digest of {pulled}. Do: give its digest instead."
        )
