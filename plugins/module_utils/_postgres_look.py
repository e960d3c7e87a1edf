# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Looks at PostgreSQL's data volumes on this host, as far as it takes to judge them; changes nothing."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    LABEL,
    UPGRADE_FILE,
    Found,
    Upgrade,
    Volume,
    data_folder,
    major_of,
    parse_upgrade,
    refusals,
    sibling,
)

REQUEST_FILE = "release.json"
"""The last request of a release that succeeded: the next one by a release key begins with it."""
_CONTROL = "global/pg_control"


def refuse(compose: Compose, wish: str, images: Mapping[str, str]) -> None:
    """Raise :class:`DockerError` where PostgreSQL must not be started on that volume, with every reason."""
    problems = refused(compose, wish, images.get("postgres", ""))
    if problems:
        raise DockerError("\n".join(problems))


def refused(compose: Compose, wish: str, image: str) -> tuple[str, ...]:
    """List why PostgreSQL must not be started with that image on that volume."""
    return refusals(look(compose, wish, image), wish) if major_of(wish) else ()


def look(compose: Compose, wish: str, image: str = "") -> Found:
    """Observe. ``wish`` is any of the volumes: the others are named like it."""
    upgrade = read_upgrade(compose.folder)
    volumes = _volumes(compose, wish)
    places = {one["Name"]: one["Mountpoint"] for one in volumes}
    source = sibling(wish, upgrade.source) if upgrade else ""
    return Found(
        volumes=tuple(
            Volume(
                one["Name"],
                one["CreatedAt"],
                _holds(one["Mountpoint"]),
                LABEL in (one.get("Labels") or {}),
            )
            for one in volumes
        ),
        serving=serving(compose.folder),
        image=image,
        image_major=image_major(compose, image) if image else 0,
        upgrade=upgrade,
        control=control(places[source], upgrade.source) if upgrade and source in places else "",
    )


def serving(folder: str) -> str:
    """Name the volume of the last run that succeeded; empty where there was none."""
    try:
        with open(os.path.join(folder, REQUEST_FILE), encoding="utf-8") as file:
            return str(json.load(file)["data_volume"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""


def read_upgrade(folder: str) -> Upgrade | None:
    """Read what the last upgrade wrote down. One that cannot be read proves no volume."""
    try:
        with open(os.path.join(folder, UPGRADE_FILE), encoding="utf-8") as file:
            return parse_upgrade(file.read())
    except (FileNotFoundError, ValueError):
        return None


def image_major(compose: Compose, image: str) -> int:
    """Ask an image for its version of PostgreSQL; 0 where it is not here or does not tell."""
    try:
        (found,) = json.loads(compose.docker("image", "inspect", image))
    except (DockerError, ValueError):
        return 0
    words = dict(word.partition("=")[::2] for word in found.get("Config", {}).get("Env") or [])
    major = words.get("PG_MAJOR", "")
    return int(major) if major.isdigit() else 0


def mountpoint(compose: Compose, volume: str) -> str:
    """Locate a volume's files on the host."""
    return compose.docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume).strip()


def control(place: str, major: int) -> str:
    """Fingerprint the data's control file. No start of a server leaves it as it was; empty where there is none."""
    try:
        with open(os.path.join(place, data_folder(major), _CONTROL), "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""


def _volumes(compose: Compose, wish: str) -> list[dict[str, Any]]:
    base = sibling(wish, 0)[:-1]
    names = compose.docker("volume", "ls", "--quiet", "--filter", f"name={base}").split()
    mine = [name for name in names if major_of(name) and sibling(name, 0)[:-1] == base]
    found: list[dict[str, Any]] = []
    if mine:
        found = json.loads(compose.docker("volume", "inspect", *mine))
    return found


def _holds(place: str) -> int:
    """Read the version of the data in a volume, in whichever folder it is; 0 for none."""
    for path in (f"{place}/PG_VERSION", *sorted(glob.glob(f"{place}/*/docker/PG_VERSION"))):
        try:
            with open(path, encoding="utf-8") as file:
                version = file.read().strip()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return int(version) if version.isdigit() else 0
    return 0
