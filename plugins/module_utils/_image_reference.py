# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which image each service gets: what was wished, what runs, and what a registry says about a name."""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record

CONTROLLER = "docker-daemon:"
"""How a reference begins whose image is in the Docker of the machine that Ansible runs on."""
SENT = "planner.local/"
"""How the name begins that such an image gets on the Droplet; no registry has it."""
DOCKER_HUB = "docker.io"
_UNPACKED = 2.5
"""Layers travel compressed; while one is unpacked both forms are on the disk."""
_MIB = 1024 * 1024


def registry_of(reference: str) -> str:
    """Name the registry by Docker's own rule: the first part, if it looks like a host."""
    host, slash, _ = reference.partition("/")
    looks_like_a_host = "." in host or ":" in host or host == "localhost"
    return host if slash and looks_like_a_host else DOCKER_HUB


def repository_of(reference: str) -> str:
    """Leave tag and digest away."""
    folder, slash, name = reference.partition("@")[0].rpartition("/")
    return folder + slash + name.partition(":")[0]


def familiar(repository: str) -> str:
    """Leave away what Docker does when it shows a name."""
    return repository.removeprefix(f"{DOCKER_HUB}/").removeprefix("library/")


def is_pinned(reference: str) -> bool:
    """Tell whether a reference can only ever mean one image."""
    return "@" in reference or reference.startswith(SENT)


def sent_name(service: str, image_id: str) -> str:
    """Name an image that no registry has by its content."""
    return f"{SENT}{service}:{image_id.removeprefix('sha256:')[:12]}"


@dataclass(frozen=True)
class Chosen:
    """The references of a release, some of which are still to be pinned; ``notes`` say what is special."""

    kind: str
    to: int | None
    given: Mapping[str, str]
    images: Mapping[str, str]
    notes: tuple[str, ...] = ()


def choose(
    wanted: Mapping[str, str], now: Record | None, target: Record | None, anew: Collection[str]
) -> Chosen:
    """Take a rollback's images from its target, what did not change from the present release, else the wish.

    ``anew`` are the services whose reference is looked up again even if it is the same as before.
    """
    had_given, had = (now.given, now.images) if now else ({}, {})
    given: dict[str, str] = {}
    images: dict[str, str] = {}
    notes: list[str] = []
    for service, wish in wanted.items():
        if target and target.images.get(service):
            images[service] = target.images[service]
            given[service] = target.given.get(service, images[service])
            continue
        if target and wish:
            notes.append(
                f"{service}: release {target.release} did not have it, it gets what is wished now"
            )
        same = had.get(service) and had_given.get(service) == wish and service not in anew
        given[service] = wish or had_given.get(service, "")
        images[service] = had.get(service, "") if same or not wish else wish
    kind = "rollback" if target else "release"
    return Chosen(kind, target.release if target else None, given, images, tuple(notes))


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """List what differs, one line a service."""
    return tuple(
        f"{service}: {before.get(service) or 'nothing'} -> {image}"
        for service, image in after.items()
        if image != before.get(service, "")
    )


@dataclass(frozen=True)
class Manifest:
    """One platform's image as its registry describes it; ``layers`` maps digests to compressed bytes."""

    platform: str
    digest: str
    image_id: str
    layers: Mapping[str, int]


def manifests(text: str) -> tuple[Manifest, ...]:
    """Read what ``docker manifest inspect --verbose`` prints: one image, or a list of them."""
    found = json.loads(text)
    return tuple(
        one
        for entry in (found if isinstance(found, list) else [found])
        # What a build says about itself lies beside the images, as the image of an unknown platform.
        if "unknown" not in (one := _manifest(entry)).platform
    )


def _manifest(entry: Mapping[str, Any]) -> Manifest:
    descriptor = entry["Descriptor"]
    content = entry.get("SchemaV2Manifest") or entry.get("OCIManifest") or {}
    platform = descriptor.get("platform") or {}
    return Manifest(
        "/".join(filter(None, (platform.get("os"), platform.get("architecture")))),
        descriptor["digest"],
        (content.get("config") or {}).get("digest", ""),
        {layer["digest"]: layer["size"] for layer in content.get("layers") or ()},
    )


def fitting(found: Iterable[Manifest], platform: str) -> Manifest | None:
    """Choose the image for a platform; one that does not say is judged once it is here."""
    return next((one for one in found if one.platform in {platform, ""}), None)


def wrong_platform(reference: str, has: Iterable[str], platform: str) -> str:
    """Say that an image cannot run here, and how to make one that can."""
    return (
        f"The image {reference} is for {', '.join(sorted(set(has)))}, this host is {platform}.\n"
        f"Do: build it with `docker build --platform {platform}` and release that one."
    )


def unpacked_mb(layers: Mapping[str, int]) -> int:
    """Tell what layers need on the disk, in MiB."""
    return math.ceil(sum(layers.values()) * _UNPACKED / _MIB)


def no_room(needs_mb: int, free_mb: int, reserve_mb: int) -> str:
    """Say how much disk is missing and what helps; nothing when there is enough."""
    missing = needs_mb + reserve_mb - free_mb
    if needs_mb == 0 or missing <= 0:
        return ""
    return (
        f"The images need {needs_mb} MiB of disk and {reserve_mb} MiB stay free, but {free_mb} MiB are free: "
        f"{missing} MiB are missing.\n"
        "Do: see what fills it with `df -h /` and `docker system df`; releases remove old images by themselves, "
        "`docker image prune` removes those without a name; or take a Droplet with a larger disk."
    )


def is_insecure(registry: str, known: Mapping[str, Any]) -> bool:
    """Tell from ``RegistryConfig`` of ``docker info`` whether the daemon does without TLS there."""
    entry = (known.get("IndexConfigs") or {}).get(registry)
    if entry is not None:
        return not entry.get("Secure", True)
    host = registry.rpartition(":")[0] or registry
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        return False
    networks = known.get("InsecureRegistryCIDRs") or ()
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
