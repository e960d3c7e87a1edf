# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Archives of ``docker save``, without the layers that the other side has already.

``docker load`` asks its layer store for each layer by its chain, which is its content and that of all
below it. One that is there is not read from the archive, so the archive need not have it. That holds for
both formats: ``<id>/layer.tar``, and ``blobs/sha256/<digest>`` since Docker 25.
"""

from __future__ import annotations

import json
import os
import posixpath
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_MIB = 1024 * 1024


class ArchiveError(ValueError):
    """Not an archive of one image."""


@dataclass(frozen=True)
class Part:
    """What was written: its size, that of the whole, and of the layers in it once they are unpacked."""

    size_mb: float
    whole_mb: float
    unpacked_mb: float
    layers: int
    present: int


def present_layers(diff_ids: Sequence[str], images: Iterable[Sequence[str]]) -> int:
    """Count the lowest layers that some image on the host has in the same order, and nothing else below."""
    return max((_common(diff_ids, layers) for layers in images), default=0)


def _common(mine: Sequence[str], theirs: Sequence[str]) -> int:
    same = 0
    for one, other in zip(mine, theirs, strict=False):
        if one != other:
            break
        same += 1
    return same


def image_id(archive: str) -> str:
    """Tell the id that the image will have: the digest of its configuration, which names the file."""
    with tarfile.open(archive) as source:
        return _id(_manifest(archive, source))


def _id(manifest: dict[str, Any]) -> str:
    return f"sha256:{posixpath.basename(manifest['Config']).removesuffix('.json')}"


def _manifest(path: str, source: tarfile.TarFile) -> dict[str, Any]:
    try:
        file = source.extractfile("manifest.json")
    except KeyError:
        file = None
    images = json.load(file) if file else []
    if len(images) != 1:
        msg = f"{path}: is an archive of {len(images)} images, not of one. Do: write it with `docker save NAME`."
        raise ArchiveError(msg)
    found: dict[str, Any] = images[0]
    return found


def write_part(archive: str, target: str, present: int) -> Part:
    """Write the archive again, compressed and without its lowest layers; only its owner can read it."""
    with tarfile.open(archive) as source:
        members = source.getmembers()
        layers = _manifest(archive, source)["Layers"]
        left = set(layers[:present]) - _needed(members, layers[present:])
        with (
            open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw,
            # The quickest level: a Droplet's one core unpacks it while it serves.
            tarfile.open(fileobj=raw, mode="w:gz", compresslevel=1) as part,
        ):
            for member in members:
                if member.name not in left:
                    part.addfile(member, source.extractfile(member) if member.isreg() else None)
    sizes = {member.name: member.size for member in members}
    return Part(
        size_mb=os.path.getsize(target) / _MIB,
        whole_mb=os.path.getsize(archive) / _MIB,
        unpacked_mb=sum(sizes.get(name, 0) for name in set(layers[present:])) / _MIB,
        layers=len(layers),
        present=present,
    )


def _needed(members: Iterable[tarfile.TarInfo], kept: Sequence[str]) -> set[str]:
    """List the kept layers and where they point: the older format writes a layer that is there twice as a link."""
    return set(kept) | {
        posixpath.normpath(posixpath.join(posixpath.dirname(one.name), one.linkname))
        for one in members
        if one.issym() and one.name in kept
    }
