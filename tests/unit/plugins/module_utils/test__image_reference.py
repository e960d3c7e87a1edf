"""Which image a service gets, and how registries' and Docker's words are read."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _image_reference as reference
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record

from tests.unit.fake_images import MIB, described

PARTS: list[tuple[str, str, str]] = [
    ("app", "docker.io", "app"),
    ("app:1", "docker.io", "app"),
    ("anna/app:1", "docker.io", "anna/app"),
    ("docker.io/anna/app:1", "docker.io", "docker.io/anna/app"),
    ("ghcr.io/anna/app:1", "ghcr.io", "ghcr.io/anna/app"),
    ("hub:5000/app", "hub:5000", "hub:5000/app"),
    ("localhost/app", "localhost", "localhost/app"),
    ("hub:5000/app@sha256:00", "hub:5000", "hub:5000/app"),
    ("hub:5000/app:1@sha256:00", "hub:5000", "hub:5000/app"),
]


@pytest.mark.parametrize("text, registry, repository", PARTS)
def test_parts(text: str, registry: str, repository: str) -> None:
    """The first part is a registry when it looks like a host; a port is no tag."""
    assert reference.registry_of(text) == registry
    assert reference.repository_of(text) == repository


@pytest.mark.parametrize(
    "repository, shown",
    [
        ("docker.io/library/redis", "redis"),
        ("library/redis", "redis"),
        ("docker.io/anna/app", "anna/app"),
        ("ghcr.io/library/app", "ghcr.io/library/app"),
    ],
)
def test_familiar(repository: str, shown: str) -> None:
    """Docker Hub's names are shown short."""
    assert reference.familiar(repository) == shown


NOW = Record(
    5,
    given={"backend": "app:1", "worker": "w:1"},
    images={"backend": "app@sha256:11", "worker": "w@sha256:22"},
)
THEN = Record(3, given={"backend": "app:0"}, images={"backend": "app@sha256:00"})

# (wanted, current, target, anew) -> (given, images)
Row = tuple[str, dict[str, str], Record | None, Record | None, set[str], Any, Any]
CHOICES: list[Row] = [
    ("first", {"backend": "app:1"}, None, None, set(), {"backend": "app:1"}, {"backend": "app:1"}),
    ("nothing yet", {"backend": ""}, None, None, set(), {"backend": ""}, {"backend": ""}),
    (
        "nothing wished",
        {"backend": ""},
        NOW,
        None,
        {"backend"},
        {"backend": "app:1"},
        {"backend": "app@sha256:11"},
    ),
    ("same tag", {"backend": "app:1"}, NOW, None, set(), NOW.given, {"backend": "app@sha256:11"}),
    ("same tag, anew", {"backend": "app:1"}, NOW, None, {"backend"}, NOW.given, NOW.given),
    (
        "another tag",
        {"backend": "app:2", "worker": "w:1"},
        NOW,
        None,
        set(),
        {"backend": "app:2", "worker": "w:1"},
        {"backend": "app:2", "worker": "w@sha256:22"},
    ),
    (
        "rollback",
        {"backend": "app:1", "worker": "w:1"},
        NOW,
        THEN,
        set(),
        {"backend": "app:0", "worker": "w:1"},
        {"backend": "app@sha256:00", "worker": "w@sha256:22"},
    ),
]


@pytest.mark.parametrize("row", CHOICES, ids=[row[0] for row in CHOICES])
def test_choose(row: Row) -> None:
    """A wish that did not change keeps its image; a rollback takes its target's."""
    _, wanted, now, target, anew, given, images = row
    found = reference.choose(wanted, now, target, anew)
    assert found.given == {name: given[name] for name in wanted}
    assert found.images == {name: images[name] for name in wanted}
    assert (found.kind, found.to) == (("rollback", 3) if target else ("release", None))


def test_a_rollback_says_what_stays() -> None:
    """A service that came later than the target is named."""
    found = reference.choose({"backend": "", "worker": "w:1"}, NOW, THEN, ())
    assert found.notes == ("worker: release 3 did not have it, it gets what is wished now",)


def test_changes() -> None:
    """Only what differs, with what there was."""
    before = {"backend": "app@sha256:1", "worker": ""}
    after = {"backend": "app@sha256:2", "worker": "w@sha256:3", "cron": ""}
    assert reference.changes(before, after) == (
        "backend: app@sha256:1 -> app@sha256:2",
        "worker: nothing -> w@sha256:3",
    )


def test_manifests() -> None:
    """One image or a list of them; what a build says about itself is none; OCI's format too."""
    arm = described("app:1", "linux/arm64")
    arm["OCIManifest"] = arm.pop("SchemaV2Manifest")
    about = described("app:1", "unknown/unknown")
    found = reference.manifests(json.dumps([described("app:1"), arm, about]))
    assert [one.platform for one in found] == ["linux/amd64", "linux/arm64"]
    assert [sum(one.layers.values()) for one in found] == [50 * MIB, 50 * MIB]
    assert reference.fitting(found, "linux/arm64") == found[1]
    assert reference.fitting(found, "linux/s390x") is None
    (single,) = reference.manifests(json.dumps(described("app:1")))
    assert single == found[0]


def test_an_image_that_does_not_say_its_platform() -> None:
    """It is judged once it is here."""
    entry = described("app:1")
    del entry["Descriptor"]["platform"]
    found = reference.manifests(json.dumps(entry))
    assert reference.fitting(found, "linux/amd64") == found[0]


@pytest.mark.parametrize(
    "needs, free, says",
    [
        (0, 0, ""),
        (100, 1124, ""),
        (100, 1123, "1 MiB are missing"),
        (3000, 500, "3524 MiB are missing"),
    ],
)
def test_no_room(needs: int, free: int, says: str) -> None:
    """What is missing beside the reserve is told, and what helps; who needs nothing is never refused."""
    text = reference.no_room(needs, free, 1024)
    assert says in text
    assert bool(text) is bool(says)
    assert ("Do: " in text) is bool(says)


KNOWN = {
    "IndexConfigs": {"docker.io": {"Secure": True}, "hub:5000": {"Secure": False}},
    "InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128", "10.1.0.0/16"],
}


@pytest.mark.parametrize(
    "registry, insecure",
    [
        ("docker.io", False),
        ("ghcr.io", False),
        ("hub:5000", True),
        ("127.0.0.1:5001", True),
        ("localhost:5000", True),
        ("[::1]:5000", True),
        ("10.1.2.3:5000", True),
        ("10.2.2.3", False),
    ],
)
def test_is_insecure(registry: str, insecure: bool) -> None:  # noqa: FBT001
    """What the daemon does without TLS is by name or by network."""
    assert reference.is_insecure(registry, KNOWN) is insecure
    assert not reference.is_insecure("10.1.2.3", {})


def test_sent_name() -> None:
    """The name of an image that no registry has is its content, so it is pinned."""
    name = reference.sent_name("backend", "sha256:0123456789abcdef")
    assert name == "planner.local/backend:0123456789ab"
    assert reference.is_pinned(name)
    assert reference.is_pinned("app@sha256:00")
    assert not reference.is_pinned("app:1")
