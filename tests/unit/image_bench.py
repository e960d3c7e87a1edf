"""A host on the model of Docker's images, and a release of the backend by its tag."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    Fetched,
    ImageRequest,
    fetch,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record, append

from tests.unit.fake_images import MIB, Docker

APP = "hub.example/app:1"
LOCAL = "docker-daemon:app:dev"


def installed(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """An engine without images and 20 GiB of free disk."""
    model = Docker()
    monkeypatch.setattr(subprocess, "run", model)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    free(monkeypatch, 20 * 1024)
    return model


def free(monkeypatch: pytest.MonkeyPatch, mib: int) -> None:
    """So much is free where Docker keeps its images."""
    usage = SimpleNamespace(free=mib * MIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)


def wish(folder: Path) -> ImageRequest:
    """A release of the backend by its tag."""
    lock = str(folder / "lock")
    return ImageRequest(str(folder), {"backend": APP}, by="anna@laptop", lock=lock, lock_wait_s=0)


def released(request: ImageRequest, *images: dict[str, str], **more: Any) -> None:
    """Write good releases into the log."""
    for number, one in enumerate(images, 1):
        record = Record(number, given={"backend": APP}, images=one, result="good")
        append(request.project_dir, replace(record, **more))


def go(request: ImageRequest, *, check: bool = False, **how: Any) -> Fetched:
    """Fetch."""
    return fetch(replace(request, **how), check_mode=check)
