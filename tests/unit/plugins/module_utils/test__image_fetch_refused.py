"""Images that cannot be had."""

import fcntl
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    ImageRequest,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import (
    RefusedError,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    Record,
    read,
)

from tests.unit.fake_images import Docker
from tests.unit.image_bench import APP, free, go, installed, released, wish


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """An engine without images and 20 GiB of free disk."""
    return installed(monkeypatch)


@pytest.fixture
def request_(tmp_path: Path) -> ImageRequest:
    """A release of the backend by its tag."""
    return wish(tmp_path)


class TestRefusal:
    """What cannot be had is refused before anything is touched, and is in the log."""

    def test_a_pull_that_fails(self, docker: Docker, request_: ImageRequest) -> None:
        """Docker's words, what to do, and a void record with the next number."""
        released(request_, {"backend": docker.offer(APP)})
        (Path(request_.project_dir) / "release.running.json").write_text(Record(2).to_json())
        docker.silent.add("hub.example/app:2")
        with pytest.raises(RefusedError) as caught:
            go(request_, wanted={"backend": "hub.example/app:2"})
        assert "The image hub.example/app:2 cannot be pulled; everything runs as before.\n" in str(
            caught.value
        )
        assert "manifest for hub.example/app:2 not found\nDo: " in str(caught.value)
        record = read(request_.project_dir).records[-1]
        assert (record.release, record.result, record.by) == (3, "void", "anna@laptop")
        assert record.given == {"backend": "hub.example/app:2"}
        assert record.reason.endswith("runs as before. manifest for hub.example/app:2 not found")

    def test_every_problem_at_once(
        self, docker: Docker, request_: ImageRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wrong platforms and a full disk are told together, before the first pull."""
        free(monkeypatch, 1100)
        docker.offer(APP, platform="linux/arm64")
        docker.offer("hub.example/worker:1")
        wanted = {"backend": APP, "worker": "hub.example/worker:1"}
        with pytest.raises(RefusedError) as caught:
            go(request_, wanted=wanted)
        text = str(caught.value)
        assert f"The image {APP} is for linux/arm64, this host is linux/amd64." in text
        assert "docker build --platform linux/amd64" in text
        assert "need 125 MiB of disk and 1024 MiB stay free, but 1100 MiB are free: 49 MiB" in text
        assert docker.acted == []
        assert read(request_.project_dir).records[-1].result == "void"

    def test_a_preview_refuses_too(self, docker: Docker, request_: ImageRequest) -> None:
        """But writes nothing."""
        docker.offer(APP, platform="linux/arm64")
        with pytest.raises(RefusedError):
            go(request_, check=True)
        assert read(request_.project_dir).records == ()

    def test_layers_of_the_release_before(
        self, docker: Docker, request_: ImageRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where room is short, those that are here already do not count."""
        old = docker.offer(APP, layers={"base": 40, "one": 10})
        go(request_)
        released(request_, {"backend": old})
        docker.offer("hub.example/app:2", layers={"base": 40, "two": 10})
        free(monkeypatch, 1024 + 25)
        assert go(request_, wanted={"backend": "hub.example/app:2"}).done

    def test_a_platform_that_shows_only_after_the_pull(
        self, docker: Docker, request_: ImageRequest
    ) -> None:
        """It is judged then."""
        docker.offer(APP, platform="linux/arm64")
        docker.silent.add(APP)
        with pytest.raises(RefusedError, match=r"is for linux/arm64, this host is linux/amd64"):
            go(request_)
        assert read(request_.project_dir).records[-1].result == "void"

    def test_another_event_runs(self, docker: Docker, request_: ImageRequest) -> None:
        """Its name is told; that is no failed release."""
        docker.offer(APP)
        with Path(request_.lock).open("w", encoding="utf-8") as file:
            file.write("a backup (pid 7)")
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(DockerError, match=r"a backup \(pid 7\) has been running"):
                go(request_)
        assert docker.acted == []
        assert read(request_.project_dir).records == ()

    def test_no_engine(self, docker: Docker, request_: ImageRequest) -> None:
        """Docker's own words."""
        docker.failing["version"] = "Cannot connect to the Docker daemon"
        with pytest.raises(DockerError, match="Cannot connect"):
            go(request_)
