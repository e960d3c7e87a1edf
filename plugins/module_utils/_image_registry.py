# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Asks registries about images and pulls them, with a login that lives as long as one command."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    DOCKER_HUB,
    Manifest,
    is_insecure,
    manifests,
    registry_of,
)

_ASK_S = 60
_HUB_ACCOUNT = "https://index.docker.io/v1/"


class RefusedError(DockerError):
    """The images cannot be had; the release is void, and everything runs as before."""


@dataclass(frozen=True)
class Login:
    """The account at one registry."""

    registry: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Registries:
    """Where images are pulled from; ``known`` is what ``docker info`` says about registries."""

    compose: Compose
    known: Mapping[str, Any]
    login: Login | None = None

    def describe(self, image: str) -> tuple[Manifest, ...]:
        """Tell what a registry has under a name, without fetching it. Raises DockerError when it does not say."""
        insecure = ("--insecure",) if is_insecure(registry_of(image), self.known) else ()
        words = ("manifest", "inspect", "--verbose", *insecure, image)
        with _logged_in(self.login, image) as login:
            answer = self.compose.docker(*login, *words, timeout_s=_ASK_S)
        try:
            return manifests(answer)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DockerError(f"the answer about {image} cannot be read") from error

    def pull(self, image: str) -> None:
        """Fetch an image; nothing has been stopped yet."""
        try:
            with _logged_in(self.login, image) as login:
                self.compose.docker(*login, "pull", "--quiet", image)
        except DockerError as error:
            msg = (
                f"The image {image} cannot be pulled; everything runs as before.\n{error}\n"
                "Do: check the name and digest, and that this host can reach and may read its registry "
                "(droplet_registry_login, where the image is private)."
            )
            raise RefusedError(msg) from error


@contextmanager
def _logged_in(login: Login | None, image: str) -> Iterator[tuple[str, ...]]:
    """Give ``docker`` the login as a file, for one command: an argument or a variable could be seen."""
    if login is None or not login.password or registry_of(image) != login.registry:
        yield ()
        return
    server = _HUB_ACCOUNT if login.registry == DOCKER_HUB else login.registry
    account = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    # Only its owner can enter it.
    with tempfile.TemporaryDirectory(prefix="planner-login-") as folder:
        path = os.path.join(folder, "config.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            json.dump({"auths": {server: {"auth": account}}}, file)
        yield ("--config", folder)
