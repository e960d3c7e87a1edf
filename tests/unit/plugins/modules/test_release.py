"""Module ``release`` as Ansible runs it, against a small model of Docker in place of the command."""

import fcntl
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import event_lock
from ansible_collections.planner.droplet.plugins.modules import release

from tests.unit.fake_containers import SERVICES, VOLUME, rendered
from tests.unit.fake_docker import RELOAD, Docker
from tests.unit.release_bench import (
    FIRST_RUN,
    INSTEAD,
    RELEASE,
    SECOND,
    Run,
    installed,
    runner,
)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker, the project's folder and nothing else."""
    return installed(tmp_path / "planner", monkeypatch)


@pytest.fixture
def run(docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """Write the Compose file and run the module; return what it answers."""
    return runner(docker, capsys)


class TestPreview:
    """Check mode."""

    def test_before_docker_is_installed(
        self, run: Run, docker: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On a bare host the preview says that everything would be done, and asks nothing."""
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        result = run(check=True)
        assert result["changed"]
        assert result["steps"] == ["everything: Docker is not installed yet"]
        assert docker.calls == []

    def test_before_the_project_is_there(self, run: Run, docker: Docker) -> None:
        """With Docker but no project folder the steps of a first run are shown."""
        shutil.rmtree(docker.folder)
        result = run(check=True)
        assert [step.split(" (")[0] for step in result["steps"]] == [
            "pull backend:1 nginx:1 postgres:1 redis:1",
            "start nginx postgres redis",
            "remember nginx",
            "prepare-database postgres",
            "look-again backend",
            "start backend",
            "switch backend",
        ]
        assert docker.acted == []
        assert not docker.folder.exists()

    def test_of_a_release(self, run: Run, docker: Docker) -> None:
        """A preview shows the steps with reasons as its diff, and changes nothing."""
        run()
        docker.images["backend:2"] = "sha256:2"
        docker.schema.brings["backend:2"] = ["0001", "0002"]
        before = {one: one.read_bytes() for one in docker.folder.rglob("*") if one.is_file()}
        result = run(SECOND, check=True)
        assert result["changed"]
        assert result["release"] is None
        assert result["steps"] == [
            "dump postgres (before 0002)",
            "migrate backend (0002)",
            "start-beside backend (its configuration changed)",
            "switch backend (the new one is ready)",
            "retire planner-backend-1 (it has finished its work)",
        ]
        assert [(one["after_header"], one["after"]) for one in result["diff"]] == [
            (f"{docker.folder}/compose.yml", SECOND),
            ("migrations", "-- 0002\nCREATE TABLE t0002 (id int);"),
            ("steps", "\n".join(result["steps"]) + "\n"),
        ]
        assert docker.acted == []
        assert {
            one: one.read_bytes() for one in docker.folder.rglob("*") if one.is_file()
        } == before

    def test_of_no_change(self, run: Run) -> None:
        """A preview after a run has nothing to say."""
        run()
        result = run(check=True)
        assert not result["changed"]
        assert result["steps"] == []
        assert result["diff"] == []


class TestRelease:
    """What is done, and in which order."""

    def test_first_run(self, run: Run, docker: Docker) -> None:
        """Images, servers, database, migration, backend; what was done is remembered."""
        result = run()
        assert docker.acted == FIRST_RUN
        assert result["changed"]
        state = docker.folder / "state.json"
        marks = json.loads(state.read_text())
        assert set(marks) == {"nginx_config", "database_setup", "migrated", "data", "live"}
        assert marks["migrated"] == "backend:1"
        assert marks["live"] == docker.nginx.route == "planner-backend-1"
        assert stat.S_IMODE(state.stat().st_mode) == 0o640

    @pytest.mark.parametrize("compose", [rendered(), SECOND], ids=["first", "released"])
    def test_second_run(self, run: Run, docker: Docker, compose: str) -> None:
        """The same input again does nothing, after a first run as after a release."""
        run()
        run(compose)
        result = run(compose)
        assert not result["changed"]
        assert result["steps"] == []
        assert docker.acted == []

    def test_new_version(self, run: Run, docker: Docker) -> None:
        """The new one comes beside the old one, nginx is switched, and only then the old one goes."""
        run()
        run(SECOND)
        assert docker.acted == RELEASE
        assert list(docker.of("backend")) == [docker.nginx.route] == ["planner-backend-2"]

    def test_without_room_for_two(self, run: Run, docker: Docker) -> None:
        """With stop-first the old one stops before the new one starts."""
        run()
        result = run(SECOND, start_first=[])
        assert docker.acted == [RELEASE[0], *INSTEAD]
        assert result["release"]["strategy"] == "stop-first"
        assert 2 <= result["release"]["gap_s"] < 4
        assert not run(SECOND, start_first=[])["changed"]

    def test_new_nginx_configuration(self, run: Run, docker: Docker) -> None:
        """Nginx is asked whether the configuration is valid, then told to reload: no restart."""
        run()
        run(nginx_config="events {} # new")
        assert docker.acted == RELOAD
        assert not run(nginx_config="events {} # new")["changed"]

    def test_new_password(self, run: Run, docker: Docker) -> None:
        """A changed set-up reaches the database, and nothing restarts for it."""
        run()
        run(database_setup="CREATE ROLE with another password")
        assert docker.acted == [FIRST_RUN[5]]

    def test_new_version_without_migrations(self, run: Run, docker: Docker) -> None:
        """Without a migration command there is no migration."""
        run()
        run(SECOND, migrate_command=[])
        assert docker.acted == RELEASE
        assert not any("planner-schema" in call for call in docker.calls)

    def test_removed_service(self, run: Run, docker: Docker) -> None:
        """A service that is no longer wished is stopped and removed, and only that one."""
        run(rendered(worker={"image": "worker:1"}))
        result = run()
        assert docker.acted == ["stop planner-worker-1", "rm planner-worker-1"]
        assert result["steps"] == ["retire planner-worker-1 (no longer wished)"]
        assert {one.service for one in docker.containers.values()} == set(SERVICES)

    def test_after_a_boot(self, run: Run, docker: Docker) -> None:
        """Containers that are still starting are waited for, though nothing was done."""
        run()
        docker.one("backend").health = ["starting", "starting", "starting", "healthy"]
        assert not run()["changed"]
        assert docker.one("backend").health == ["healthy"]


class TestLock:
    """No two events run together. A preview is one: it may start a container that asks the image."""

    @pytest.mark.parametrize("check", [False, True])
    def test_it_waits_for_its_turn(self, run: Run, docker: Docker, *, check: bool) -> None:
        """Nothing on the host is even looked at while another event runs; its name is told."""
        lock = docker.folder.parent / "lock"
        with event_lock(str(lock), "the backup", 0):
            result = run(lock_wait_s=3, check=check)
        assert result["failed"]
        pid = os.getpid()
        assert f"the backup (pid {pid}) has been running for more than 3 s" in result["msg"]
        assert 3 <= docker.now <= 4
        assert docker.calls == []
        assert run()["changed"]

    def test_it_reads_what_the_other_one_did(
        self, run: Run, docker: Docker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was finished while it waited is known: the state is read under the lock."""
        run()
        state = docker.folder / "state.json"
        finished = state.read_text()
        state.write_text("{}")
        real = fcntl.flock

        def late(*arguments: Any) -> None:
            real(*arguments)
            state.write_text(finished)

        monkeypatch.setattr(fcntl, "flock", late)
        assert not run()["changed"]


def test_without_docker(run: Run, docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real run on a host without Docker fails and says which role brings it."""

    def missing(*_arguments: Any, **_how: Any) -> None:
        raise FileNotFoundError("docker")

    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(subprocess, "run", missing)
    result = run()
    assert result["failed"]
    assert "run the role planner.droplet.docker first" in result["msg"]
    assert docker.calls == []


FAKE = """#!/bin/sh
case "$*" in
  *'config --hash *') echo 'nginx 1'; echo 'backend 1' ;;
  *'config --format json') printf %s CONFIG ;;
  'ps '* | 'volume ls '*) ;;
  *) exit 1 ;;
esac
"""


def test_as_a_process_of_its_own(tmp_path: Path, root: Path) -> None:
    """The real module calls a real command `docker` and prints one JSON result."""
    config = {"services": {name: SERVICES[name] for name in ("nginx", "backend")}}
    script = tmp_path / "docker"
    script.write_text(FAKE.replace("CONFIG", shlex.quote(json.dumps(config))))
    script.chmod(0o755)
    arguments = {
        "project_dir": str(tmp_path / "planner"),
        "compose": "services: {}",
        "nginx_config": "",
        "database_setup": "",
        "database": "planner",
        "data_volume": VOLUME,
        "lock": str(tmp_path / "lock"),
        "_ansible_check_mode": True,
    }
    done = subprocess.run(
        [sys.executable, "-m", release.__name__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={
            **os.environ,
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "PYTHONPATH": str(root / ".collections"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["changed"]
    assert result["steps"][0] == "pull backend:1 nginx:1 (not on this host)"
    assert result["steps"][-2:] == [
        "start backend (backend: not there yet)",
        "switch backend (to the container that was started)",
    ]
