"""The steps of a release as they are carried out, against a small model of Docker and nginx."""

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import steps
from ansible_collections.planner.droplet.plugins.module_utils._release_run import RECOVERS_S

from tests.unit.fake_docker import RELOAD, SERVICES, Docker, rendered
from tests.unit.release_bench import RELEASE, installed, marks, release, release_all, wished

OLD, NEW = "planner-backend-1", "planner-backend-2"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    docker = installed(tmp_path / "planner", monkeypatch)
    release_all(release(docker), docker, "backend:1")
    docker.calls.clear()
    return docker


class TestRecovery:
    """A server whose probes time out on a machine out of breath is not replaced for it."""

    def test_it_recovers(self, docker: Docker) -> None:
        """It passes a probe again while it is waited for: nothing is done to it."""
        docker.one("postgres").health = ["unhealthy", "unhealthy", "healthy"]
        release_all(release(docker), docker, "backend:1")
        assert docker.acted == []
        assert docker.now > 0

    def test_it_does_not(self, docker: Docker) -> None:
        """When the time is over it is replaced."""
        docker.one("postgres").health = ["unhealthy"]
        release_all(release(docker), docker, "backend:1")
        assert any(call.startswith("up ") and "postgres" in call for call in docker.acted)
        assert docker.now >= RECOVERS_S


class TestGate:
    """A version that is not ready gets no request and leaves nothing behind."""

    @pytest.mark.parametrize(
        "health, says",
        [
            (["starting"], "Not healthy within 5 s: backend."),
            (["starting", "starting", "unhealthy"], f"Failed: {NEW}."),
        ],
    )
    def test_never_ready(self, docker: Docker, health: list[str], says: str) -> None:
        """The new container alone goes, its last lines are told once, and nginx is not touched."""
        docker.health["backend"] = health
        live, route, old = docker.live_conf.read_bytes(), docker.nginx.route, docker.one("backend")
        with pytest.raises(DockerError) as error:
            release_all(release(docker), docker, "backend:2")
        assert docker.acted == [*RELEASE[:3], f"stop {NEW}", f"rm {NEW}"]
        assert docker.of("backend") == {OLD: old}
        assert old.ready
        assert (docker.live_conf.read_bytes(), docker.nginx.route) == (live, route)
        told = str(error.value)
        assert told.startswith("The new version did not become ready and was removed; the old one")
        assert says in told
        assert told.count(f"the last words of {NEW}") == 1
        assert f"of {OLD}" not in told
        assert told.endswith("release again.")

    def test_it_fails_at_once(self, docker: Docker) -> None:
        """One that is unhealthy is not waited for until the time is over."""
        docker.health["backend"] = ["unhealthy"]
        with pytest.raises(DockerError, match="Failed"):
            release_all(release(docker), docker, "backend:2")
        assert docker.now == 0

    def test_only_the_new_one_is_judged(self, docker: Docker) -> None:
        """An old one that never gets healthy is no reason to keep its successor back."""
        docker.one("backend").health = ["starting"]
        release_all(release(docker), docker, "backend:2")
        assert docker.now == 0
        assert list(docker.of("backend")) == [docker.nginx.route] == [NEW]

    def test_one_that_cannot_start(self, docker: Docker) -> None:
        """Docker's own words come with the container's, and what it made is removed."""
        docker.stillborn["backend"] = "exec format error"
        with pytest.raises(DockerError, match="exec format error") as error:
            release_all(release(docker), docker, "backend:2")
        assert str(error.value).count(f"the last words of {NEW}") == 1
        assert list(docker.of("backend")) == [OLD]

    def test_it_is_asked_again_before_the_switch(self, docker: Docker) -> None:
        """One that fell ill between its gate and the switch is not switched to either."""
        run = release(docker)
        (docker.folder / "compose.yml").write_text(rendered(backend={"image": "backend:2"}))
        wish = wished("backend:2")
        *others, switch, _ = steps(wish, run.observe(wish))
        for step in others:
            run.run(step)
        docker.containers[NEW].health = ["starting", "starting"]
        with pytest.raises(DockerError, match=r"Not healthy within 5 s: backend\.") as error:
            run.run(switch)
        assert f"the last words of {NEW}" in str(error.value)
        docker.containers[NEW].health = ["unhealthy"]
        with pytest.raises(DockerError, match="nginx was not switched: no container of backend"):
            run.run(switch)
        assert docker.nginx.route == OLD
        assert OLD in docker.live_conf.read_text()


class TestSwitch:
    """Which container nginx sends requests to."""

    def test_the_file_is_whole_before_nginx_reads_it(
        self, docker: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file gets its name in one rename, then nginx is told; only that makes it certain."""
        seen: list[str] = []
        real = os.replace

        def noted(source: str, target: str) -> None:
            if target == str(docker.live_conf):
                assert Path(source).parent == docker.live_conf.parent
                text = "# Written by the release.\nset $backend http://planner-backend-2:8000;\n"
                assert Path(source).read_text() == text
                assert stat.S_IMODE(Path(source).stat().st_mode) == 0o644
                assert docker.nginx.route == OLD
                assert marks(docker)["live"] == "", "it is not certain until nginx has read it"
                seen.extend(docker.acted[-1:])
            real(source, target)

        monkeypatch.setattr(os, "replace", noted)
        release_all(release(docker), docker, "backend:2")
        assert seen == RELEASE[2:3], "right after the gate"
        assert docker.nginx.route == marks(docker)["live"] == NEW

    @pytest.mark.parametrize("command", ["nginx -t", "kill"])
    def test_a_switch_that_did_not_end_is_not_believed(self, docker: Docker, command: str) -> None:
        """What nginx may not have read yet is switched to again before the old one goes."""
        docker.failing = {command: "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(release(docker), docker, "backend:2")
        assert NEW in docker.live_conf.read_text()
        assert docker.nginx.route == OLD
        assert docker.containers[OLD].ready
        run = release(docker)
        assert run.observe(wished("backend:2")).live == ""
        docker.failing = {}
        docker.calls.clear()
        release_all(run, docker, "backend:2")
        assert docker.acted == RELEASE[3:]
        assert docker.nginx.route == NEW

    def test_back_and_forth(self, docker: Docker) -> None:
        """Two switches that did not end, there and back, are not taken for none."""
        run = release(docker)
        docker.failing = {"kill": "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(run, docker, "backend:2")
        docker.failing = {"nginx -t": "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(run, docker, "backend:1")
        assert OLD in docker.live_conf.read_text()
        assert release(docker).observe(wished("backend:1")).live == ""

    def test_back_to_one_by_its_name(self, docker: Docker) -> None:
        """Where nginx' container is gone and another one is good, that one serves meanwhile."""
        docker.live_conf.write_text("set $backend http://gone:8000;\n")
        (docker.folder / "state.json").write_text(json.dumps(marks(docker) | {"live": "gone"}))
        run, routes = release(docker), []
        docker.after = lambda: routes.append(docker.nginx.route)
        assert run.observe(wished("backend:2")).live == "gone"
        release_all(run, docker, "backend:2")
        assert list(dict.fromkeys(routes)) == [OLD, NEW]

    @pytest.mark.parametrize("text", [None, "", "# by hand\n", "set $backend http://x;\n"])
    def test_a_file_that_is_not_the_releases_own(self, docker: Docker, text: str | None) -> None:
        """Without a file, or with one that someone emptied, it is not known who serves."""
        docker.live_conf.unlink()
        if text is not None:
            docker.live_conf.write_text(text)
        assert release(docker).observe(wished("backend:1")).live == ""


class TestReload:
    """Nginx has the new configuration when workers of its own serve."""

    def test_it_waits_for_new_workers(
        self, docker: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As long as the old workers serve, the reload is not over."""
        real, before = docker.kill, docker.nginx.workers
        docker.nginx.deaf = True

        def slowly(seconds: float) -> None:
            docker.now += seconds
            if docker.now > 3:
                docker.nginx.deaf = False
                real(["--signal", "HUP", "planner-nginx-1"])

        monkeypatch.setattr(docker, "sleep", slowly)
        release(docker).reload("nginx")
        assert docker.acted == RELOAD
        assert 3 < docker.now < 4
        assert set(docker.nginx.workers).isdisjoint(before)

    def test_they_never_come(self, docker: Docker) -> None:
        """Nginx that does not react ends the release with a clear message; the old one stays."""
        docker.nginx.deaf = True
        docker.one("nginx").health = ["starting"]
        with pytest.raises(DockerError) as error:
            release_all(release(docker), docker, "backend:2")
        assert str(error.value).startswith("nginx did not take its new configuration.")
        assert "the last words of planner-nginx-1" in str(error.value)
        assert 10 <= docker.now < 11
        assert docker.acted == RELEASE[:5]
        assert set(docker.of("backend")) == {OLD, NEW}

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


class TestRetire:
    """The old one stops when nobody needs it."""

    @pytest.mark.parametrize("requests_s, waited_s", [(0, 0), (8, 8), (3600, 20)])
    def test_it_waits_for_requests_under_way(
        self, docker: Docker, monkeypatch: pytest.MonkeyPatch, requests_s: int, waited_s: int
    ) -> None:
        """It stops when nginx' old workers are gone, or after drain_s at the latest."""
        docker.long_requests_s = requests_s
        stopped_at: list[float] = []
        real = docker.stop

        def stop(names: list[str]) -> None:
            stopped_at.append(docker.now)
            real(names)

        monkeypatch.setattr(docker, "stop", stop)
        release_all(release(docker), docker, "backend:2")
        (when,) = stopped_at
        assert waited_s <= when < waited_s + 1
        assert list(docker.of("backend")) == [NEW]

    def test_only_those_named(self, docker: Docker) -> None:
        """Stopped gracefully first, then removed; everything else runs on."""
        docker.images.add("worker:1")
        (docker.folder / "compose.yml").write_text(rendered(worker={"image": "worker:1"}))
        run = release(docker)
        run.start("worker")
        docker.calls.clear()
        run.retire("planner-worker-1")
        assert docker.acted == ["stop planner-worker-1", "rm planner-worker-1"]
        assert all(docker.one(service).ready for service in SERVICES)
