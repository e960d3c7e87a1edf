"""Which backend requests go to, and how long the one before it stands by."""

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError

from tests.unit.fake_containers import SERVICES, rendered
from tests.unit.fake_docker import Docker
from tests.unit.release_bench import (
    NEW,
    OLD,
    RELEASE,
    marks,
    release,
    release_all,
    serving_first,
    wished,
)

STARTED = RELEASE[2]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


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
        release_all(docker, "backend:2")
        assert seen == [STARTED], "right after the gate"
        assert docker.nginx.route == marks(docker)["live"] == NEW

    @pytest.mark.parametrize("command", ["nginx -t", "kill"])
    def test_a_switch_that_did_not_end_is_not_believed(self, docker: Docker, command: str) -> None:
        """What nginx may not have read yet is switched to again before the old one goes."""
        docker.failing = {command: "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(docker, "backend:2")
        assert NEW in docker.live_conf.read_text()
        assert docker.nginx.route == OLD
        assert docker.containers[OLD].ready
        run = release(docker, "backend:2")
        assert run.observe(wished("backend:2")).live == ""
        docker.failing = {}
        docker.calls.clear()
        release_all(docker, "backend:2", run=run)
        assert docker.acted == RELEASE[3:]
        assert docker.nginx.route == NEW

    def test_back_and_forth(self, docker: Docker) -> None:
        """Two switches that did not end, there and back, are not taken for none."""
        docker.failing = {"kill": "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(docker, "backend:2")
        docker.failing = {"nginx -t": "WHY"}
        with pytest.raises(DockerError, match="WHY"):
            release_all(docker, "backend:1")
        assert OLD in docker.live_conf.read_text()
        assert release(docker).observe(wished("backend:1")).live == ""

    def test_back_to_one_by_its_name(self, docker: Docker) -> None:
        """Where nginx' container is gone and another one is good, that one serves meanwhile."""
        docker.live_conf.write_text("set $backend http://gone:8000;\n")
        (docker.folder / "state.json").write_text(json.dumps(marks(docker) | {"live": "gone"}))
        run, routes = release(docker, "backend:2"), []
        docker.after = lambda: routes.append(docker.nginx.route)
        assert run.observe(wished("backend:2")).live == "gone"
        release_all(docker, "backend:2", run=run)
        assert list(dict.fromkeys(routes)) == [OLD, NEW]

    @pytest.mark.parametrize("text", [None, "", "# by hand\n", "set $backend http://x;\n"])
    def test_a_file_that_is_not_the_releases_own(self, docker: Docker, text: str | None) -> None:
        """Without a file, or with one that someone emptied, it is not known who serves."""
        docker.live_conf.unlink()
        if text is not None:
            docker.live_conf.write_text(text)
        assert release(docker).observe(wished("backend:1")).live == ""


class TestRetire:
    """The old one stops when nobody needs it."""

    @pytest.mark.parametrize("requests_s, waited_s", [(0, 0), (8, 8), (3600, 20)])
    def test_it_waits_for_requests_under_way(
        self, docker: Docker, monkeypatch: pytest.MonkeyPatch, requests_s: int, waited_s: int
    ) -> None:
        """It stops when nginx' old workers are gone, or after drain_s at the latest."""
        docker.long_requests_s = requests_s
        run = release(docker, "backend:2", watch_s=0)
        stopped_at: list[float] = []
        real, fork = docker.stop, docker._fork
        switched_at: list[float] = []

        def forked() -> None:
            switched_at.append(docker.now)
            fork()

        def stop(names: list[str]) -> None:
            stopped_at.append(docker.now - switched_at[-1])
            real(names)

        monkeypatch.setattr(docker, "stop", stop)
        monkeypatch.setattr(docker, "_fork", forked)
        release_all(docker, "backend:2", run=run)
        (when,) = stopped_at
        assert waited_s <= when < waited_s + 1
        assert list(docker.of("backend")) == [NEW]

    def test_only_those_named(self, docker: Docker) -> None:
        """Stopped gracefully first, then removed; everything else runs on."""
        docker.images["worker:1"] = "sha256:w"
        run = release(docker)
        run.compose = Compose(run.compose.folder, rendered(worker={"image": "worker:1"}))
        run.start("worker")
        docker.calls.clear()
        run.retire("planner-worker-1")
        assert docker.acted == ["stop planner-worker-1", "rm planner-worker-1"]
        assert all(docker.one(service).ready for service in SERVICES)

    def test_the_old_one_stands_by(self, docker: Docker) -> None:
        """Also without a request under way it stays for a moment, in which the new one is watched."""
        run, waits = release(docker, "backend:2", watch_s=7), []
        docker.after = lambda: waits.append((docker.nginx.route == NEW, docker.now))
        release_all(docker, "backend:2", run=run)
        switched = next(now for new, now in waits if new)
        assert 7 <= docker.now - switched < 8

    @pytest.mark.parametrize("failure", ["crash", "unhealthy"])
    def test_the_new_one_fails_under_its_first_requests(self, docker: Docker, failure: str) -> None:
        """Nginx is switched back to the old one, which is still there, and the new one goes."""
        docker.long_requests_s = 10
        if failure == "crash":
            docker.crashes["backend"] = [(4, 139)]
        else:
            docker.health["backend"] = ["healthy"] * 14 + ["unhealthy"]
        with pytest.raises(DockerError) as error:
            release_all(docker, "backend:2")
        assert str(error.value).startswith(
            "The new version was removed and the old one serves again: planner-backend-2 failed under "
            "its first requests.\n--- the last lines of planner-backend-2:"
        )
        assert docker.nginx.route == marks(docker)["live"] == OLD
        assert list(docker.of("backend")) == [OLD]
        assert docker.one("backend").ready
