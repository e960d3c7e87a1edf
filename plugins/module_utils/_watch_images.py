# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Whether the tags that run mean newer images by now, as a section for the state of the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    section,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    SENT,
    familiar,
    fitting,
    repository_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import Registries
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import shorten

CHECK = "images"
CHANGES: Mapping[str, str] = {
    "nginx": "https://github.com/nginx/nginx/releases",
    "pgvector/pgvector": "https://www.postgresql.org/docs/release/",
    "redis": "https://github.com/redis/redis/releases",
}
"""Where it is written what is new."""
_SITE = "ansible-playbook playbooks/site.yml --tags stack"
_LABEL = "com.docker.compose.service"
_ASK_S = 30
_LONGEST = 200


@dataclass(frozen=True)
class Running:
    """What one service runs: its image's name with the tag, and its id."""

    service: str
    image: str
    running: str
    newest: str = ""
    """The digest that the tag means now; equal to ``running`` where that is no other image, empty where not known."""
    why: str = ""
    """Why it is not known."""


def read_images(project: str) -> dict[str, Any]:
    """Ask the registries about every image that runs and has a tag, pinned or not. The backend's has none."""
    compose = Compose("/", project=project)
    try:
        platform = compose.docker(
            "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}", timeout_s=_ASK_S
        ).strip()
        known = json.loads(
            compose.docker("info", "--format", "{{json .RegistryConfig}}", timeout_s=_ASK_S)
        )
        ids = compose.container_ids()
        found = json.loads(compose.docker("inspect", *ids, timeout_s=_ASK_S)) if ids else []
    except (DockerError, ValueError) as error:
        return {"images": [], "error": str(error) or "nothing was seen"}
    registries = Registries(compose, known or {})
    services = {one["Config"]["Labels"][_LABEL]: one for one in entries(found)}
    images = [
        _compared(registries, platform, name, one)
        for name, one in sorted(services.items())
        if _tagged(one["Config"]["Image"])
    ]
    return {"images": [asdict(one) for one in images], "error": ""}


def images_section(seen: object) -> dict[str, Any]:
    """Judge what :func:`read_images` saw."""
    return section("images", seen, _lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each image; one whose registry does not answer is unknown."""
    if seen.get("error"):
        what = f"they could not be seen: {shorten(str(seen['error']), _LONGEST)}"
        return [Finding(UNKNOWN, CHECK, CHECK, what, "systemctl status docker")]
    return [_judged(Running(**one)) for one in entries(seen.get("images"))]


def _judged(one: Running) -> Finding:
    if not one.newest:
        what = f"nobody tells whether {one.image} has become newer: {one.why}"
        return Finding(UNKNOWN, CHECK, one.service, what, f"docker manifest inspect {one.image}")
    if one.newest == one.running:
        return Finding(OK, CHECK, one.service, f"{one.image} is the newest of its name")
    changes = CHANGES.get(familiar(repository_of(one.image)), "")
    what = f"{one.image} has become newer: {_short(one.running)} -> {_short(one.newest)}"
    pinned = f"{one.image}@{one.newest}"
    do = f"set the image of {one.service} in droplet_services to {pinned}, then {_SITE}"
    return Finding(WARNING, CHECK, one.service, f"{what} {changes}".strip(), do)


def _lines(seen: Mapping[str, Any]) -> list[str]:
    return [
        f"{one.service:<10}{one.image:<28} {_short(one.running):<14}{_state(one)}"
        for one in (Running(**given) for given in entries(seen.get("images")))
    ]


def _state(one: Running) -> str:
    if not one.newest:
        return "unknown"
    return "newest" if one.newest == one.running else f"-> {_short(one.newest)}"


def _tagged(reference: str) -> str:
    """Return a name with its tag, without a digest; empty for one that no registry has, or that has no tag."""
    name = reference.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] and not name.startswith(SENT) else ""


def _compared(
    registries: Registries, platform: str, service: str, container: Mapping[str, Any]
) -> Running:
    image, running = _tagged(container["Config"]["Image"]), str(container["Image"])
    # Where Docker keeps images in containerd's store, an image's id is its index, which no platform's is.
    descriptor = container.get("ImageManifestDescriptor") or {}
    ids = {running, str(descriptor.get("digest") or "")}
    try:
        found = fitting(registries.describe(image), platform)
    except DockerError as error:
        return Running(service, image, running, why=shorten(str(error), _LONGEST))
    if found is None:
        return Running(service, image, running, why=f"its registry has none for {platform}")
    same = bool({found.image_id, found.digest} & ids)
    return Running(service, image, running, running if same else found.digest)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]
