"""Images on their way from a registry, on a model of Docker and of registries."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    ImageRequest,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import sent_name
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import (
    Login,
    RefusedError,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    read,
)

from tests.unit.fake_images import LOGIN, Docker, described, digest
from tests.unit.image_bench import APP, go, installed, released, wish


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """An engine without images and 20 GiB of free disk."""
    return installed(monkeypatch)


@pytest.fixture
def request_(tmp_path: Path) -> ImageRequest:
    """A release of the backend by its tag."""
    return wish(tmp_path)


class TestRegistry:
    """Images that a registry has."""

    def test_a_tag(self, docker: Docker, request_: ImageRequest) -> None:
        """It is resolved to the digest, pulled by that, and both are returned; then nothing more is done."""
        pinned = docker.offer(APP)
        found = go(request_)
        assert docker.acted == [f"pull --quiet {pinned}"]
        assert found.images == {"backend": pinned}
        assert found.chosen.given == {"backend": APP}
        assert found.changes == (f"backend: nothing -> {pinned}",)
        assert found.done
        docker.calls.clear()
        assert not go(request_).done
        assert docker.acted == []
        assert read(request_.project_dir).records == ()

    def test_preview(self, docker: Docker, request_: ImageRequest) -> None:
        """The digest is known before anything is pulled; the lock is not taken, the log not written."""
        pinned = docker.offer(APP)
        found = go(request_, check=True)
        assert found.images == {"backend": pinned}
        assert found.done
        assert docker.acted == []
        assert list(Path(request_.project_dir).iterdir()) == []

    def test_a_digest_that_is_here(self, docker: Docker, request_: ImageRequest) -> None:
        """Nobody is asked."""
        pinned = f"hub.example/app@{digest('x')}"
        docker.add(APP, RepoDigests=[pinned])
        found = go(request_, wanted={"backend": pinned})
        assert (found.images["backend"], found.done) == (pinned, ())
        assert not any("manifest" in call for call in docker.calls)

    def test_nothing_wished(self, docker: Docker, request_: ImageRequest) -> None:
        """At first there is no image; later what was released last stays, whatever its tag means now."""
        assert go(request_, wanted={"backend": ""}).images == {"backend": ""}
        pinned = docker.offer(APP)
        go(request_)
        released(request_, {"backend": pinned})
        docker.offer(APP, layers={"newer": 1})
        found = go(request_, wanted={"backend": ""}, refresh=True)
        assert found.images == {"backend": pinned}
        assert (found.changes, found.done) == ((), ())

    @pytest.mark.parametrize("refresh", [True, False])
    def test_a_tag_that_moved(
        self, docker: Docker, request_: ImageRequest, *, refresh: bool
    ) -> None:
        """The same tag means what it meant when it was released, until it is resolved anew."""
        old = docker.offer(APP)
        go(request_)
        released(request_, {"backend": old})
        docker.registry[APP] = docker.registry[APP] | {
            "Descriptor": {"digest": digest("moved"), "platform": {}}
        }
        new = f"hub.example/app@{digest('moved')}"
        docker.registry[new] = described("moved")
        found = go(request_, refresh=refresh, check=True)
        assert found.images == {"backend": new if refresh else old}

    def test_several_platforms(self, docker: Docker, request_: ImageRequest) -> None:
        """The image for this host is chosen."""
        mine = described(APP)
        docker.registry[APP] = [described(APP, "linux/arm64"), mine]
        pinned = f"hub.example/app@{mine['Descriptor']['digest']}"
        docker.registry[pinned] = mine
        assert go(request_).images == {"backend": pinned}

    def test_a_registry_that_only_lets_pull(self, docker: Docker, request_: ImageRequest) -> None:
        """The digest is what Docker says after the pull; a preview says that it is not known yet."""
        docker.offer("docker.io/library/app:1")
        docker.silent.add("docker.io/library/app:1")
        wanted = {"backend": "docker.io/library/app:1"}
        found = go(request_, wanted=wanted, check=True)
        assert found.images == wanted
        assert "is known once it is pulled (unauthorized" in found.notes[-1]
        found = go(request_, wanted=wanted)
        assert found.images["backend"].startswith("docker.io/library/app@sha256:")
        assert len(found.changes) == 1

    def test_without_tls(self, docker: Docker, request_: ImageRequest) -> None:
        """A registry that the daemon trusts without TLS is asked without it."""
        pinned = docker.offer("127.0.0.1:5001/app:1")
        found = go(request_, wanted={"backend": "127.0.0.1:5001/app:1"})
        assert found.images == {"backend": pinned}

    def test_loaded_by_hand(self, docker: Docker, request_: ImageRequest) -> None:
        """No registry can say more about such an image: it is pinned by its id."""
        image_id = docker.add(APP)
        name = sent_name("backend", image_id)
        assert go(request_).images == {"backend": name}
        assert docker.acted == [f"image tag {image_id} {name}"]
        assert not go(request_).done


class TestLogin:
    """Private images."""

    def test_it_lives_for_one_command(self, docker: Docker, request_: ImageRequest) -> None:
        """Docker finds it in a folder that is gone afterwards, and other registries do not get it."""
        docker.offer(APP)
        other = docker.offer("other.example/worker:1")
        go(
            request_,
            wanted={"backend": APP, "worker": other},
            login=Login(**LOGIN),
        )
        auth = {"auths": {"hub.example": {"auth": "YW5uYTpvcGVuLXNlc2FtZQ=="}}}
        assert docker.logins == [auth, auth]  # asked, pulled
        assert not any(folder.exists() for folder in docker.folders)

    def test_docker_hub(self, docker: Docker, request_: ImageRequest) -> None:
        """Its login has an old name of its own."""
        docker.offer("anna/app:1")
        login = Login(**LOGIN | {"registry": "docker.io"})
        go(request_, wanted={"backend": "anna/app:1"}, login=login)
        assert list(docker.logins[0]["auths"]) == ["https://index.docker.io/v1/"]

    def test_no_password(self, docker: Docker, request_: ImageRequest) -> None:
        """An empty one is no login."""
        docker.offer(APP)
        go(request_, login=Login("hub.example", "anna", ""))
        assert docker.logins == []

    def test_a_failure(self, docker: Docker, request_: ImageRequest) -> None:
        """The folder is gone, and the password is in no text."""
        with pytest.raises(RefusedError) as caught:
            go(request_, login=Login(**LOGIN))
        assert docker.folders
        assert not any(folder.exists() for folder in docker.folders)
        assert LOGIN["password"] not in str(caught.value)
        assert LOGIN["password"] not in repr(replace(request_, login=Login(**LOGIN)))


class TestRollback:
    """Back to an earlier release."""

    def test_previous(self, docker: Docker, request_: ImageRequest) -> None:
        """Its images are taken, and pulled if they are gone; the release's number is returned."""
        one, two = docker.offer("hub.example/app:1"), docker.offer("hub.example/app:2")
        released(request_, {"backend": one}, {"backend": two})
        found = go(request_, rollback_to="previous")
        assert (found.chosen.kind, found.chosen.to) == ("rollback", 1)
        assert found.images == {"backend": one}
        assert docker.acted == [f"pull --quiet {one}"]

    def test_nowhere_to_go(self, docker: Docker, request_: ImageRequest) -> None:
        """The log's reason."""
        with pytest.raises(DockerError, match="no release has succeeded yet"):
            go(request_, rollback_to="previous")
        assert docker.acted == []

    def test_an_image_that_was_sent_and_is_gone(
        self, docker: Docker, request_: ImageRequest
    ) -> None:
        """No registry has it: the owner has to send it again."""
        released(request_, {"backend": "planner.local/backend:0"}, {"backend": "app@sha256:2"})
        with pytest.raises(RefusedError, match="is no longer here"):
            go(request_, rollback_to="1")
        assert docker.acted == []


def test_registries_answer_rubbish(docker: Docker, request_: ImageRequest) -> None:
    """It counts as no answer."""
    docker.offer(APP)
    rubbish: list[Any] = ["no", {}, [{"Descriptor": None}]]
    for answer in rubbish:
        docker.registry[APP] = answer
        found = go(request_, check=True)
        assert "cannot be read" in found.notes[-1], json.dumps(answer)
