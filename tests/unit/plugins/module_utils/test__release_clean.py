"""What old releases left goes by the budget, and a failure there fails nothing."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._release_clean import clean
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    Record,
    append,
    read,
)

from tests.unit.fake_containers import Container
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import installed


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Four releases of 100 MiB each, two with a dump; the last one runs. A server is none of them."""
    docker = installed(tmp_path / "planner", monkeypatch)
    docker.images = {f"backend:{n}": f"sha256:{n}{'0' * 63}" for n in range(1, 5)}
    docker.images["postgres:1"] = "sha256:f" + "0" * 63
    docker.containers["planner-backend-1"] = Container("backend", "x", "backend:4", 1, [""], [])
    for number in range(1, 5):
        image = f"backend:{number}"
        ids = {"backend": docker.images[image]}
        dump = docker.folder / f"release-{number}.dump"
        if number in {1, 3}:
            dump.write_bytes(b"x" * 1024 * 1024)
        record = Record(
            number, images={"backend": image}, image_ids=ids, dump=str(dump), result=GOOD
        )
        append(str(docker.folder), record)
    return docker


def compose(docker: Docker) -> Compose:
    """The project."""
    return Compose(str(docker.folder))


def test_within_the_budget(docker: Docker) -> None:
    """Nothing goes as long as it fits."""
    assert clean(compose(docker), 402) == []
    assert len(docker.images) == 5


def test_beyond(docker: Docker) -> None:
    """The oldest go, with their dumps; what runs, the way back and what is not ours stay."""
    assert clean(compose(docker), 301) == [
        "image 100000000000, 100 MiB",
        f"{docker.folder}/release-1.dump, 1 MiB",
    ]
    assert sorted(docker.images) == ["backend:2", "backend:3", "backend:4", "postgres:1"]
    assert not (docker.folder / "release-1.dump").exists()
    assert clean(compose(docker), 0) == ["image 200000000000, 100 MiB"]
    assert sorted(docker.images) == ["backend:3", "backend:4", "postgres:1"]


@pytest.mark.parametrize("command", ["image ls", "image inspect", "^ps", "^inspect"])
def test_docker_does_not_tell(docker: Docker, command: str) -> None:
    """An image that went in between is no failure: the next release cleans up."""
    docker.failing = {command: "no such image"}
    assert clean(compose(docker), 0) == []


def test_an_image_that_stays(docker: Docker) -> None:
    """One that Docker does not remove is not told to be gone."""
    docker.failing = {"image rm --force sha256:1": "image is being used"}
    assert clean(compose(docker), 0) == [
        "image 200000000000, 100 MiB",
        f"{docker.folder}/release-1.dump, 1 MiB",
    ]


def test_a_bare_host(docker: Docker) -> None:
    """Without images and containers there is nothing to ask."""
    docker.images.clear()
    docker.containers.clear()
    assert clean(compose(docker), 300) == []


def test_the_log_is_kept_short(docker: Docker) -> None:
    """Only so many records stay, the youngest ones."""
    for number in range(5, 230):
        append(str(docker.folder), Record(number, result="void"))
    clean(compose(docker), 4000)
    kept = [one.release for one in read(str(docker.folder)).records]
    assert kept[-1] == 229
    assert len(kept) < 210
