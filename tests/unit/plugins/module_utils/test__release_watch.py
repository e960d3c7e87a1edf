"""Waiting for containers, against the model of Docker and its time."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch

from tests.unit.fake_containers import SERVICES
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import OLD, release, serving_first


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


@pytest.fixture
def watch(docker: Docker) -> Watch:
    """5 s to become ready, 2 s to stay so."""
    return release(docker).watch


class TestUntilProved:
    """Ready for a while, without a crash."""

    def test_from_when_it_is_ready(self, docker: Docker, watch: Watch) -> None:
        """The time in which it started does not count, nor that before a relapse."""
        docker.one("backend").health = ["starting"] * 4 + ["healthy"] * 2 + ["starting", "healthy"]
        began = docker.now
        watch.until_proved(OLD)
        assert docker.now - began == 3 + 2

    def test_a_crash_before_the_first_look(self, docker: Docker, watch: Watch) -> None:
        """One of a new container counts; of an older one only those from now on."""
        docker.one("backend").restarts = 1
        with pytest.raises(DockerError, match="it crashed once within 0 s"):
            watch.until_proved(OLD)
        watch.until_proved(OLD, crashes=1)

    def test_gone(self, watch: Watch) -> None:
        """A container that somebody removed is not waited for."""
        with pytest.raises(DockerError, match=r"planner-x-1: its container is gone: somebody"):
            watch.until_proved("planner-x-1")

    def test_codes_that_docker_does_not_tell(self, docker: Docker, watch: Watch) -> None:
        """That the reason is not known is not another failure."""
        docker.failing, docker.one("backend").restarts = {"events": "WHY"}, 2
        with pytest.raises(DockerError, match=r"it crashed 2 times within 0 s\.\n--- the last"):
            watch.until_proved(OLD)


class TestUntilReady:
    """Up and healthy."""

    def test_it_becomes_so(self, docker: Docker, watch: Watch) -> None:
        """A service may need a while."""
        docker.one("redis").health = ["starting"] * 3 + ["healthy"]
        began = docker.now
        watch.until_ready(SERVICES)
        assert docker.now - began == 1.5

    def test_not_in_time(self, docker: Docker, watch: Watch) -> None:
        """Those that are not are named, with the ends of their logs; the others are not."""
        docker.one("redis").health = ["starting"]
        with pytest.raises(DockerError) as error:
            watch.until_ready(SERVICES)
        assert str(error.value) == (
            "Not healthy within 5 s: redis.\n--- the last lines of planner-redis-1:\n"
            "the last words of planner-redis-1"
        )

    @pytest.mark.parametrize("stopped", [True, False])
    def test_failed(self, docker: Docker, watch: Watch, *, stopped: bool) -> None:
        """One that stopped or is unhealthy is not waited for until the time is over."""
        docker.one("redis").running = not stopped
        docker.one("redis").health = ["unhealthy"]
        began = docker.now
        with pytest.raises(DockerError, match=r"^Failed: planner-redis-1\."):
            watch.until_ready(SERVICES)
        assert docker.now == began

    def test_only_some(self, docker: Docker, watch: Watch) -> None:
        """Others of the same service can be left out."""
        docker.one("redis").health = ["starting"]
        watch.until_ready(["backend"], lambda one: one.name == OLD)
        with pytest.raises(DockerError, match="Not healthy within 5 s: backend"):
            watch.until_ready(["backend"], lambda one: one.name == "another")
