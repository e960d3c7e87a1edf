"""Whether a tag that runs means a newer image, asked of a docker that answers what was recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_images import (
    images_section,
    read_images,
)

from tests.unit.command_docker import Docker, says
from tests.unit.fake_images import described, digest

NGINX = "nginx:1.28-alpine"
DATABASE = "pgvector/pgvector:pg17"
SITE = "ansible-playbook playbooks/site.yml --tags stack"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A docker on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Docker(tmp_path)


def container(service: str, image: str, image_id: str = "", **more: Any) -> dict[str, Any]:
    """What ``docker inspect`` tells of one."""
    labels = {"com.docker.compose.service": service}
    running = image_id or described(image)["SchemaV2Manifest"]["config"]["digest"]
    return {"Image": running, "Config": {"Image": image, "Labels": labels}, **more}


def seen(docker: Docker, *containers: dict[str, Any], **manifests: str) -> dict[str, Any]:
    """Ask, where the registry answers that about the images of these services."""
    names = {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in containers}
    images = {name: one["Config"]["Image"].partition("@")[0] for name, one in names.items()}
    docker.answer(
        {
            '"version "*': says("linux/amd64\n"),
            '"info "*': says('{"InsecureRegistryCIDRs": ["127.0.0.0/8"]}'),
            '"ps "*': says("".join(f"{name}\n" for name in names)),
            '"inspect "*': says(json.dumps(containers)),
            **{
                f'"manifest inspect --verbose {images[name]}"': answer
                for name, answer in manifests.items()
            },
        }
    )
    return images_section(read_images("planner"))


def test_nothing_newer(docker: Docker) -> None:
    """The tag still means what runs; of several platforms this one's counts."""
    offered = [described(NGINX, "linux/arm64"), described(NGINX)]
    found = seen(docker, container("nginx", NGINX), nginx=says(json.dumps(offered)))
    assert [one["severity"] for one in found["findings"]] == ["ok"]
    assert found["lines"][0].endswith("newest")


def test_newer(docker: Docker) -> None:
    """Told are both images, where it is written what is new, and how to have the new one for good."""
    new = described(NGINX, layers={"newer": 1})
    found = seen(docker, container("nginx", NGINX, digest("old")), nginx=says(json.dumps(new)))
    (one,) = found["findings"]
    pinned = new["Descriptor"]["digest"]
    assert one == {
        "severity": "warning",
        "check": "images",
        "subject": "nginx",
        "what": f"{NGINX} has become newer: {digest('old')[7:19]} -> {pinned[7:19]} "
        "https://github.com/nginx/nginx/releases",
        "do": f"set the image of nginx in droplet_services to {NGINX}@{pinned}, then {SITE}",
    }
    assert found["lines"][0].endswith(f"-> {pinned[7:19]}")


def test_store_of_containerd(docker: Docker) -> None:
    """There the id is the index's; what runs is named by the manifest of its platform."""
    offered = described(NGINX)
    descriptor = {"digest": offered["Descriptor"]["digest"]}
    one = container("nginx", NGINX, digest("index"), ImageManifestDescriptor=descriptor)
    found = seen(docker, one, nginx=says(json.dumps(offered)))
    assert [one["severity"] for one in found["findings"]] == ["ok"]


def test_pinned(docker: Docker) -> None:
    """One that is pinned beside its tag is asked about by the tag, others are not asked about."""
    image = f"{DATABASE}@{digest('x')}"
    found = seen(
        docker,
        container("postgres", image, digest("old")),
        container("backend", f"hub.example:5000/app@{digest('y')}"),
        container("worker", "planner.local/worker:0123456789ab"),
        postgres=says(json.dumps(described(DATABASE))),
    )
    assert [one["subject"] for one in found["findings"]] == ["postgres"]
    assert sum("manifest" in call for call in docker.calls) == 1


@pytest.mark.parametrize(
    "answer, why",
    [
        ("echo 'toomanyrequests: slow down' >&2; exit 1", "toomanyrequests: slow down"),
        ("echo nonsense", f"the answer about {NGINX} cannot be read"),
        (
            says(json.dumps([described(NGINX, "linux/arm64")])),
            "its registry has none for linux/amd64",
        ),
    ],
)
def test_no_answer(docker: Docker, answer: str, why: str) -> None:
    """It is unknown, not the newest; the others are judged all the same."""
    found = seen(
        docker,
        container("nginx", NGINX),
        container("postgres", DATABASE),
        nginx=answer,
        postgres=says(json.dumps(described(DATABASE))),
    )
    first, second = found["findings"]
    assert (first["severity"], second["severity"]) == ("unknown", "ok")
    assert first["what"].endswith(why)
    assert found["lines"][0].endswith("unknown")


def test_nothing_runs(docker: Docker) -> None:
    """Where nothing runs there is nothing to ask; where Docker does not answer, that is said."""
    assert seen(docker)["findings"] == []
    docker.answer({"*": "echo 'Cannot connect to the Docker daemon' >&2; exit 1"})
    (one,) = images_section(read_images("planner"))["findings"]
    assert (one["severity"], one["subject"]) == ("unknown", "images")
    assert "Cannot connect" in one["what"]
