# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""After a release or rollback: does what runs now really come from the wished image, on its schema, and answer?"""

from __future__ import annotations

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import BACKEND, Wished
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Release
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook


def prove(wished: Wished, release: Release, look: SchemaLook) -> dict[str, Any]:
    """Return by service what was found; raise with everything that is not as it should be."""
    found = release.compose.containers()
    problems: list[str] = []
    proof: dict[str, Any] = {}
    for app in wished.apps:
        image = wished.images[app]
        wanted = release.compose.image_id(image)
        mine = [one for one in found if one.service == app]
        problems += [
            f"{one.name} runs the image {one.image_id}, not {image} ({wanted})"
            for one in mine
            if one.image_id != wanted
        ]
        if len(mine) != 1:
            problems.append(f"{app} has {len(mine)} containers, not one")
        proof[app] = {"image": image, "image_id": wanted}
    if BACKEND in proof and not problems:
        live = release.live()
        if live not in {one.name for one in found if one.service == BACKEND}:
            problems.append(f"nginx sends requests to {live or 'nobody'}, which is no backend")
        else:
            proof[BACKEND] |= {
                "container": live,
                "readiness": release.nginx.asks(live).strip()[:500],
                "schema": look.after(),
            }
    if problems:
        raise DockerError("The release is not what it should be: " + "; ".join(problems))
    return proof
