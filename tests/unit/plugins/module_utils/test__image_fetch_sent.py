"""Images of the controller, on the host that they are sent to."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    Host,
    ImageRequest,
    fetch,
    look,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_host import LoadError
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import sent_name
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    read,
)

from tests.unit.fake_images import Docker, digest
from tests.unit.image_bench import APP, LOCAL, go, installed, released, wish


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """An engine without images and 20 GiB of free disk."""
    return installed(monkeypatch)


@pytest.fixture
def request_(tmp_path: Path) -> ImageRequest:
    """A release of the backend by its tag."""
    return wish(tmp_path)


class TestSent:
    """Images of the controller."""

    def test_load(self, docker: Docker, request_: ImageRequest, tmp_path: Path) -> None:
        """It is loaded, known by its id, and named after it; the second time nothing is done."""
        (tmp_path / "archive").write_text("dev")
        image_id = digest("image dev")
        how: dict[str, Any] = {"wanted": {"backend": LOCAL}, "sent": {"backend": image_id}}
        name = sent_name("backend", image_id)
        found = go(request_, archives={"backend": str(tmp_path / "archive")}, **how)
        assert found.images == {"backend": name}
        assert found.chosen.given == {"backend": LOCAL}
        assert docker.acted == [
            f"load --quiet --input {tmp_path / 'archive'}",
            f"image tag {image_id} {name}",
        ]
        docker.calls.clear()
        assert not go(request_, **how).done
        assert docker.acted == []

    @pytest.mark.parametrize("content", ["other", None])
    def test_refused(
        self, docker: Docker, request_: ImageRequest, tmp_path: Path, content: str | None
    ) -> None:
        """A refused archive, or another image in it, names the service; a whole one may do, so nothing is logged."""
        (tmp_path / "archive").write_text(content or "dev")
        if content is None:
            docker.failing["load"] = "open layer.tar: no such file"
        with pytest.raises(LoadError) as caught:
            go(
                request_,
                wanted={"backend": LOCAL},
                sent={"backend": digest("image dev")},
                archives={"backend": str(tmp_path / "archive")},
            )
        assert caught.value.service == "backend"
        assert read(request_.project_dir).records == ()

    def test_without_the_action(self, docker: Docker, request_: ImageRequest) -> None:
        """What runs on the host by itself cannot reach the owner's Docker."""
        with pytest.raises(DockerError, match="only Ansible there can send it"):
            go(request_, wanted={"backend": LOCAL})
        assert docker.acted == []

    def test_preview(self, docker: Docker, request_: ImageRequest) -> None:
        """The name is known from the id."""
        sent = {"backend": digest("image dev")}
        found = go(request_, wanted={"backend": LOCAL}, sent=sent, check=True)
        assert found.images == {"backend": sent_name("backend", sent["backend"])}
        assert found.done
        assert docker.acted == []

    def test_look(self, docker: Docker, request_: ImageRequest) -> None:
        """Which are needed, and how many of their lowest layers are here."""
        docker.add("old", ("base", "app", "one"))
        here = docker.add("same")
        layers = [digest(name) for name in ("base", "app", "two")]
        wanted = {"backend": LOCAL, "worker": LOCAL, "cron": APP}
        request = replace(request_, wanted=wanted, sent={"worker": here, "backend": "sha256:0"})
        assert look(request, {"backend": layers}, check_mode=False) == Host(
            needed=("backend", "worker"),
            platform="linux/amd64",
            free_mb=20 * 1024,
            here=("worker",),
            present={"backend": 2, "worker": 0},
        )

    @pytest.mark.parametrize("gone", [True, False])
    def test_kept(self, docker: Docker, request_: ImageRequest, *, gone: bool) -> None:
        """One that was released under this name is not needed again, unless it is gone."""
        image_id = docker.add("dev")
        name = sent_name("backend", image_id)
        if not gone:
            docker.images[0]["RepoTags"].append(name)
        released(request_, {"backend": name}, given={"backend": LOCAL})
        request = replace(request_, wanted={"backend": LOCAL})
        assert look(request, {}, check_mode=False).needed == (("backend",) if gone else ())


def test_before_docker_is_installed(
    docker: Docker, request_: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview of a bare host asks nothing and shows what was written, sent images by their id."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    request = replace(
        request_,
        wanted={"backend": APP, "worker": LOCAL},
        sent={"worker": "sha256:0123456789abcdef"},
    )
    found = fetch(request, check_mode=True)
    assert found.images == {"backend": APP, "worker": "planner.local/worker:0123456789ab"}
    assert "Docker is not installed yet" in found.notes[-1]
    assert look(request, {}, check_mode=True).needed == ("worker",)
    assert docker.calls == []
