"""Nginx from the host: who serves, where to, and a reload that drops nothing."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._nginx import Nginx

from tests.unit.fake_docker import RELOAD, Docker
from tests.unit.release_bench import OLD, RELEASE, release, release_all, serving_first


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


@pytest.fixture
def nginx(docker: Docker) -> Nginx:
    """Its nginx."""
    return release(docker).nginx


class TestReload:
    """Nginx has the new configuration when workers of its own serve."""

    def test_it_waits_for_new_workers(
        self, docker: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As long as the old workers serve, the reload is not over."""
        real, before, began = docker.kill, docker.nginx.workers, docker.now
        docker.nginx.deaf = True

        def slowly(seconds: float) -> None:
            docker.now += seconds
            if docker.now - began > 3:
                docker.nginx.deaf = False
                real(["--signal", "HUP", "planner-nginx-1"])

        monkeypatch.setattr(docker, "sleep", slowly)
        release(docker).reload("nginx")
        assert docker.acted == RELOAD
        assert 3 < docker.now - began < 4
        assert set(docker.nginx.workers).isdisjoint(before)

    def test_they_never_come(self, docker: Docker) -> None:
        """Nginx that does not react ends the release with a clear message; the old one stays."""
        docker.nginx.deaf = True
        docker.one("nginx").health = ["starting"]
        with pytest.raises(DockerError) as error:
            release_all(docker, "backend:2")
        assert str(error.value).startswith("nginx did not take its new configuration.")
        assert "the last words of planner-nginx-1" in str(error.value)
        assert docker.acted == RELEASE[:5]
        assert OLD in docker.of("backend")

    def test_nginx_without_workers(self, docker: Docker) -> None:
        """Old workers that are gone are not enough: someone has to serve."""
        docker.nginx.workers = ()
        docker.nginx.deaf = True
        with pytest.raises(DockerError, match="nginx did not take its new configuration"):
            release(docker).reload("nginx")

    def test_an_invalid_configuration_is_not_loaded(self, docker: Docker) -> None:
        """What nginx refuses is never told to it."""
        docker.failing = {"nginx -t": "unknown directive"}
        with pytest.raises(DockerError, match="unknown directive"):
            release(docker).reload("nginx")
        assert docker.acted == RELOAD[:1]

    def test_without_a_container(self, docker: Docker, nginx: Nginx) -> None:
        """What to do is said where somebody removed it."""
        del docker.containers["planner-nginx-1"]
        with pytest.raises(DockerError, match="nginx has no container any more: run the playbook"):
            nginx.reload()
        assert nginx.workers() == nginx.workers(leaving=True) == ()


class TestWorkers:
    """Who serves and who only finishes."""

    def test_during_a_reload(self, docker: Docker, nginx: Nginx) -> None:
        """Old and new workers are told apart; the master is none."""
        docker.long_requests_s, before = 60, set(nginx.workers())
        assert len(before) == 2
        nginx.reload()
        assert set(nginx.workers(leaving=True)) == before
        assert len(set(nginx.workers()) - before) == 2
        docker.now += 61
        assert nginx.workers(leaving=True) == ()


class TestAsks:
    """The readiness on nginx' own way to a backend."""

    def test_it_answers(self, nginx: Nginx) -> None:
        """What it says is returned."""
        assert nginx.asks(OLD) == '{"ready": true}\n'

    def test_it_is_not_ready(self, docker: Docker, nginx: Nginx) -> None:
        """Anything but a success is an error."""
        docker.one("backend").running = False
        with pytest.raises(DockerError, match="503"):
            nginx.asks(OLD)
