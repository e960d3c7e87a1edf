"""Does what runs really come from the wished image, and answer?"""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_proof import prove

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import NEW, OLD, marks, release, serving_first, wished


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


def proof(docker: Docker) -> str:
    """What is wrong, or nothing."""
    run = release(docker)
    run.observe(wished("backend:1"))
    try:
        found = prove(wished("backend:1"), run, run.look)
    except DockerError as error:
        return str(error)
    assert found["backend"]["container"] == OLD
    return ""


def test_all_is_well(docker: Docker) -> None:
    """One container of the wished image, that nginx sends requests to."""
    assert proof(docker) == ""


def test_another_image(docker: Docker) -> None:
    """A tag that means something else now is seen by the id."""
    docker.images["other"] = "sha256:other"
    docker.one("backend").image = "other"
    assert "planner-backend-1 runs the image sha256:other, not backend:1 (sha256:id" in proof(
        docker
    )


def test_two_and_none(docker: Docker) -> None:
    """There is exactly one of each."""
    one = docker.one("backend")
    docker.containers[NEW] = one
    assert "backend has 2 containers, not one" in proof(docker)
    del docker.containers[NEW], docker.containers[OLD]
    assert "backend has 0 containers, not one" in proof(docker)


def test_requests_go_elsewhere(docker: Docker) -> None:
    """To a container that is gone, or nobody knows where to."""
    docker.live_conf.write_text("set $backend http://gone:8000;\n")
    assert "nginx sends requests to nobody, which is no backend" in proof(docker)
    assert marks(docker)["live"] == OLD


def test_it_is_not_ready(docker: Docker) -> None:
    """It has to say so itself, on nginx' own way."""
    docker.failing = {"wget": "HTTP/1.1 503"}
    assert proof(docker) == "HTTP/1.1 503"


def test_a_schema_that_is_not_told(docker: Docker) -> None:
    """Only the backend's own readiness counts."""
    docker.failing = {"psql": "WHY"}
    assert proof(docker) == ""
