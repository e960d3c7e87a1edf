"""PostgreSQL's data volumes on a host, looked at by Docker's own words and by the files in them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    FILLED,
    LABEL,
    UPGRADE_FILE,
    Upgrade,
    Volume,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres_look import (
    control,
    image_major,
    look,
    read_upgrade,
    refuse,
    refused,
    serving,
)

from tests.unit.fake_containers import VOLUME
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import FIRST, Perform, installed, performer

NEW = "planner_postgres18"
UPGRADE = Upgrade(17, 18, NEW, "2026-11-28", FILLED)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker and the project's folder."""
    return installed(tmp_path / "planner", monkeypatch)


@pytest.fixture
def compose(docker: Docker) -> Compose:
    """The project."""
    return Compose(str(docker.folder))


def holds(docker: Docker, volume: str, version: int, folder: str = ".") -> Path:
    """Have a volume with data of a version; return where the data is."""
    docker.volumes.setdefault(volume, "2026-11-28")
    place = docker.folder.parent / "volumes" / volume / folder
    (place / "global").mkdir(parents=True)
    (place / "PG_VERSION").write_text(f"{version}\n")
    (place / "global/pg_control").write_bytes(b"as it stopped")
    return place


def test_volumes(docker: Docker, compose: Compose) -> None:
    """Each with the version of its data, in whichever layout, and with whether an upgrade made it."""
    holds(docker, VOLUME, 17)
    holds(docker, NEW, 18, "18/docker")
    docker.labels[NEW] = {LABEL: "from-17"}
    docker.volumes |= {
        "planner_postgres19": "today",
        "planner_redis": "x",
        "my_planner_postgres17": "y",
    }
    assert look(compose, VOLUME).volumes == (
        Volume(VOLUME, "2026-11-28", 17),
        Volume(NEW, "2026-11-28", 18, by_upgrade=True),
        Volume("planner_postgres19", "today"),
    )


def test_a_file_that_is_no_version(docker: Docker, compose: Compose) -> None:
    """It says nothing."""
    (holds(docker, VOLUME, 17) / "PG_VERSION").write_text("seventeen\n")
    assert look(compose, VOLUME).volumes == (Volume(VOLUME, "2026-11-28"),)


def test_which_serves(docker: Docker, compose: Compose) -> None:
    """It is what the last run that succeeded had; a file that is damaged, or not there, names none."""
    request = docker.folder / "release.json"
    assert serving(compose.folder) == ""
    request.write_text(json.dumps({"data_volume": VOLUME}))
    assert look(compose, NEW).serving == VOLUME
    for damaged in ("", "{}", "[]"):
        request.write_text(damaged)
        assert serving(compose.folder) == ""


def test_an_images_version(docker: Docker, compose: Compose) -> None:
    """It is in its environment; one that is not here, or is another server, has none."""
    docker.majors["postgres:1"] = 18
    assert (
        image_major(compose, "postgres:1") == look(compose, VOLUME, "postgres:1").image_major == 18
    )
    assert image_major(compose, "mine") == 0
    docker.failing["image inspect"] = "No such image"
    assert image_major(compose, "postgres:1") == 0


def test_a_damaged_upgrade_proves_nothing(docker: Docker) -> None:
    """As if there had been none."""
    path = docker.folder / UPGRADE_FILE
    path.write_text(UPGRADE.to_json())
    assert read_upgrade(str(docker.folder)) == UPGRADE
    path.write_text(UPGRADE.to_json()[:20])
    assert read_upgrade(str(docker.folder)) is None


def test_the_old_server_must_not_have_been_started_since(docker: Docker, compose: Compose) -> None:
    """Its control file vouches for the new volume, as long as it is what the upgrade wrote down."""
    old = holds(docker, VOLUME, 17)
    holds(docker, NEW, 18, "18/docker")
    docker.labels[NEW] = {LABEL: "from-17"}
    (docker.folder / "release.json").write_text(json.dumps({"data_volume": VOLUME}))
    seen = control(str(old), 17)
    assert len(seen) == 64
    upgrade = replace(UPGRADE, control=seen)
    (docker.folder / UPGRADE_FILE).write_text(upgrade.to_json())
    assert refused(compose, NEW, "") == ()
    (old / "global/pg_control").write_bytes(b"in production")
    with pytest.raises(DockerError, match="was not filled to the end by an upgrade, or"):
        refuse(compose, NEW, {})
    refuse(compose, VOLUME, {})


def test_a_volume_of_another_name_is_not_even_looked_at(docker: Docker, compose: Compose) -> None:
    """Whoever calls the module otherwise has names of their own."""
    refuse(compose, "mine", {})
    assert docker.calls == []


class TestInARelease:
    """The engine refuses under its lock, whoever releases: a playbook, a preview, a release key."""

    @pytest.fixture
    def go(self, docker: Docker) -> Perform:
        """Release a Compose file."""
        return performer(docker)

    @pytest.mark.parametrize("check_mode", [False, True])
    def test_another_version(self, go: Perform, docker: Docker, *, check_mode: bool) -> None:
        """It would start empty: nothing is changed, and a preview says so too."""
        go()
        holds(docker, VOLUME, 17)
        with pytest.raises(DockerError, match="18 would start empty"):
            go(check_mode=check_mode, data_volume=NEW)
        assert docker.acted == []

    def test_an_image_that_tells_its_version_only_once_it_is_here(
        self, go: Perform, docker: Docker
    ) -> None:
        """It is pulled, and then PostgreSQL is not started: the old one serves on."""
        go()
        holds(docker, VOLUME, 17)
        docker.majors["postgres:other"] = 18
        before = dict(docker.containers)
        compose = FIRST.replace("postgres:1", "postgres:other")
        docker.failing["^image inspect postgres:other"] = "No such image"

        def here() -> None:
            if docker.calls[-1] == "pull --quiet postgres:other":
                docker.failing.clear()

        docker.after = here
        with pytest.raises(DockerError, match="and the image postgres:other is 18"):
            go(compose)
        assert docker.acted == ["pull --quiet postgres:other"]
        assert docker.containers == before


def test_docker_that_does_not_answer(docker: Docker, compose: Compose) -> None:
    """Nothing is taken for empty then."""
    docker.failing["volume ls"] = "Cannot connect to the Docker daemon"
    with pytest.raises(DockerError, match="Cannot connect"):
        look(compose, VOLUME)
