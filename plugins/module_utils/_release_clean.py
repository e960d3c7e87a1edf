# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Removes what old releases left on the disk, by a budget. A failure here never fails the release before it."""

from __future__ import annotations

import json
import os

from ansible_collections.planner.droplet.plugins.module_utils import _release_log as log
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_prune import prune

MIB = 1024 * 1024


def clean(compose: Compose, budget_mb: int) -> list[str]:
    """Remove images, dumps and records beyond the budget; return what went, in words."""
    records = log.read(compose.folder).records
    try:
        ids = compose.docker("image", "ls", "--all", "--quiet", "--no-trunc").split()
        found = json.loads(compose.docker("image", "inspect", *sorted(set(ids)))) if ids else []
        containers = compose.docker("ps", "--all", "--quiet", "--no-trunc").split()
        in_use = (
            compose.docker("inspect", "--format", "{{.Image}}", *containers).split()
            if containers
            else []
        )
    except DockerError:  # an image went in between: the next release cleans up
        return []
    dumps = {
        one.dump: os.stat(one.dump).st_size / MIB
        for one in records
        if one.dump and os.path.exists(one.dump)
    }
    images = {one["Id"]: one["Size"] / MIB for one in found}
    gone = prune(records, images, dumps, in_use, budget_mb)
    done = []
    for image in gone.images:
        try:
            compose.docker("image", "rm", "--force", image)
        except DockerError:
            continue
        done.append(f"image {image[7:19]}, {images[image]:.0f} MiB")
    for dump in gone.dumps:
        os.unlink(dump)
        done.append(f"{dump}, {dumps[dump]:.0f} MiB")
    if len(gone.records) < len(records):
        text = "".join(f"{one.to_json()}\n" for one in gone.records)
        path = os.path.join(compose.folder, log.LOG_FILE)
        write_atomically(path, text.encode(), mode=0o640)
    return done
