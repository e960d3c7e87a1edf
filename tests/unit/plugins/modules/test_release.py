"""Module ``release`` as Ansible runs it, against a small model of Docker in place of the command."""

import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import release

Result = dict[str, Any]
Run = Callable[..., Result]

SERVICES = {
    "nginx": {"image": "nginx:1"},
    "backend": {"image": "backend:1"},
    "postgres": {"image": "postgres:1"},
    "redis": {"image": "redis:1"},
}
FIRST_RUN = [
    "pull --quiet backend:1",
    "pull --quiet nginx:1",
    "pull --quiet postgres:1",
    "pull --quiet redis:1",
    "up --detach --force-recreate --no-build --pull never nginx postgres redis",
    "exec --no-TTY postgres psql -q -X -U postgres -d planner -f /etc/planner/prepare.sql",
    "run --rm --no-deps --no-TTY backend alembic upgrade head",
    "up --detach --force-recreate --no-build --pull never backend",
]
ACTING = re.compile(r"(pull|stop|rm|up|exec|kill|run) ")


def rendered(**services: dict[str, Any] | None) -> str:
    """A Compose file with these services beside or instead of the stack's own; JSON is YAML."""
    every = {**SERVICES, **services}
    return json.dumps({"services": {name: entry for name, entry in every.items() if entry}})


def hash_of(service: dict[str, Any]) -> str:
    """What Compose would call the configuration's hash."""
    return hashlib.sha256(json.dumps(service).encode()).hexdigest()


class RefusedError(Exception):
    """Docker's own words when it does not do something."""


@dataclass
class Docker:
    """What the module can see and do of Docker. ``failing`` maps commands to what they say."""

    folder: Path
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    health: dict[str, list[str]] = field(default_factory=dict)
    """What each inspection shows after a start; the last one stays. Healthy at once if missing."""
    failing: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __call__(self, argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        """Answer in place of subprocess.run."""
        words = argv[1:]
        if words[:3] == ["compose", "--progress", "quiet"]:
            assert how["cwd"] == str(self.folder), "Compose finds its file in the working folder"
            words = words[3:]
        line = " ".join(words)
        self.calls.append(line)
        said = next(
            (say for command, say in self.failing.items() if re.search(command, line)), None
        )
        if said is not None:
            return subprocess.CompletedProcess(argv, 1, "", f"{said}\n")
        try:
            answer = getattr(self, words[0])
            out = answer(words[1:], how["input"]) if words[0] == "compose" else answer(words[1:])
        except RefusedError as error:
            return subprocess.CompletedProcess(argv, 1, "", f"{error}\n")
        return subprocess.CompletedProcess(argv, 0, out or "", "")

    @property
    def acted(self) -> list[str]:
        """Only the calls that change something."""
        return [call for call in self.calls if ACTING.match(call)]

    def compose(self, words: list[str], text: str) -> str:
        """Read the Compose file on stdin."""
        services = json.loads(text)["services"]
        if "--hash" in words:
            return "".join(f"{name} {hash_of(entry)}\n" for name, entry in services.items())
        return json.dumps({"services": services})

    def image(self, words: list[str]) -> None:
        """Fail for an image that is not there."""
        if words[-1] not in self.images:
            raise RefusedError("no such image")

    def pull(self, words: list[str]) -> None:
        """Every registry answers."""
        self.images.add(words[-1])

    def up(self, words: list[str]) -> None:
        """Start what is on the disk, from images that are here."""
        services = json.loads((self.folder / "compose.yml").read_text())["services"]
        for name in words[words.index("never") + 1 :]:
            assert services[name]["image"] in self.images
            self.containers[name] = {
                "hash": hash_of(services[name]),
                "running": True,
                "health": list(self.health.get(name, ["healthy"])),
            }

    def ps(self, words: list[str]) -> str:
        """List containers, their names being their ids."""
        found = re.search(r"service=(\S+)", " ".join(words))
        return "\n".join(name for name in self.containers if not found or name == found[1])

    def inspect(self, names: list[str]) -> str:
        """Describe containers."""
        return json.dumps([self._inspected(name, self.containers[name]) for name in names])

    @staticmethod
    def _inspected(name: str, container: dict[str, Any]) -> dict[str, Any]:
        health = container["health"]
        shown = health.pop(0) if len(health) > 1 else health[0]
        label = "com.docker.compose"
        return {
            "State": {"Running": container["running"], "Health": {"Status": shown}},
            "Config": {
                "Labels": {f"{label}.service": name, f"{label}.config-hash": container["hash"]}
            },
        }

    def exec(self, words: list[str]) -> None:
        """It needs a running container."""
        assert self.containers[words[1]]["running"]

    def kill(self, words: list[str]) -> None:
        """It needs a running container."""
        assert self.containers[words[-1]]["running"]

    def run(self, words: list[str]) -> None:
        """It needs the database."""
        assert words[:4] == ["--rm", "--no-deps", "--no-TTY", "backend"]
        assert self.containers["postgres"]["running"]

    def logs(self, words: list[str]) -> str:
        """Each service has something to say."""
        return f"the last words of {words[-1]}\n"

    def stop(self, names: list[str]) -> None:
        """Stop containers."""
        for name in names:
            self.containers[name]["running"] = False

    def rm(self, names: list[str]) -> None:
        """Remove stopped containers."""
        for name in names:
            assert not self.containers.pop(name)["running"]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host with Docker and nothing else."""
    folder = tmp_path / "planner"
    folder.mkdir()
    fake = Docker(folder)
    exists = os.path.exists
    monkeypatch.setattr(
        os.path, "exists", lambda path: path == "/var/run/docker.sock" or exists(path)
    )
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/docker")
    monkeypatch.setattr(subprocess, "run", fake)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return fake


@pytest.fixture
def run(docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """Write the Compose file and run the module; return what it answers."""

    def call(compose: str = rendered(), *, check: bool = False, **options: Any) -> Result:
        if not check:
            (docker.folder / "compose.yml").write_text(compose)
        arguments = {
            "project_dir": str(docker.folder),
            "compose": compose,
            "nginx_config": "events {}",
            "database_setup": "CREATE ROLE",
            "database": "planner",
            "migrate_command": ["alembic", "upgrade", "head"],
            "timeout_s": 5,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            **options,
        }
        docker.calls.clear()
        with patch_module_args(arguments), pytest.raises(SystemExit):
            release.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result

    return call


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
        docker.folder.rmdir()
        result = run(check=True)
        assert [step.split(" (")[0] for step in result["steps"]] == [
            "pull backend:1 nginx:1 postgres:1 redis:1",
            "start nginx postgres redis",
            "remember nginx",
            "prepare-database postgres",
            "migrate backend",
            "start backend",
        ]
        assert docker.acted == []
        assert not docker.folder.exists()

    def test_of_a_release(self, run: Run, docker: Docker) -> None:
        """A preview shows the steps with reasons as its diff, and changes nothing."""
        run()
        state = (docker.folder / "state.json").read_bytes()
        result = run(rendered(backend={"image": "backend:2"}), check=True)
        assert result["changed"]
        assert result["diff"] == {"before": "", "after": "\n".join(result["steps"]) + "\n"}
        assert result["steps"] == [
            "pull backend:2 (not on this host)",
            "migrate backend (first start of backend:2)",
            "start backend (backend: its configuration changed)",
        ]
        assert docker.acted == []
        assert (docker.folder / "state.json").read_bytes() == state

    def test_of_no_change(self, run: Run) -> None:
        """A preview after a run has nothing to say."""
        run()
        result = run(check=True)
        assert not result["changed"]
        assert result["steps"] == []
        assert result["diff"]["after"] == ""


class TestRelease:
    """What is done, and in which order."""

    def test_first_run(self, run: Run, docker: Docker) -> None:
        """Images, servers, database, migration, backend; what was done is remembered."""
        result = run()
        assert docker.acted == FIRST_RUN
        assert result["changed"]
        state = docker.folder / "state.json"
        assert set(json.loads(state.read_text())) == {"nginx_config", "database_setup", "migrated"}
        assert json.loads(state.read_text())["migrated"] == "backend:1"
        assert stat.S_IMODE(state.stat().st_mode) == 0o640

    def test_second_run(self, run: Run, docker: Docker) -> None:
        """The same input again does nothing."""
        run()
        result = run()
        assert not result["changed"]
        assert result["steps"] == []
        assert docker.acted == []

    def test_new_nginx_configuration(self, run: Run, docker: Docker) -> None:
        """Nginx is asked whether the configuration is valid, then told to reload: no restart."""
        run()
        run(nginx_config="events {} # new")
        assert docker.acted == [
            "exec --no-TTY nginx nginx -t -q -c /etc/planner/nginx.conf",
            "kill --signal HUP nginx",
        ]
        assert not run(nginx_config="events {} # new")["changed"]

    def test_new_password(self, run: Run, docker: Docker) -> None:
        """A changed set-up reaches the database, and nothing restarts for it."""
        run()
        run(database_setup="CREATE ROLE with another password")
        assert docker.acted == [FIRST_RUN[5]]

    def test_new_version_without_migrations(self, run: Run, docker: Docker) -> None:
        """Without a migration command there is no migration."""
        run()
        run(rendered(backend={"image": "backend:2"}), migrate_command=[])
        assert docker.acted == ["pull --quiet backend:2", FIRST_RUN[7]]

    def test_removed_service(self, run: Run, docker: Docker) -> None:
        """A service that is no longer wished is stopped and removed, and only that one."""
        worker = {"image": "worker:1"}
        run(rendered(worker=worker))
        result = run()
        assert docker.acted == ["stop worker", "rm worker"]
        assert result["steps"] == ["remove worker (no longer wished)"]
        assert set(docker.containers) == set(SERVICES)

    def test_after_a_boot(self, run: Run, docker: Docker) -> None:
        """Containers that are still starting are waited for, though nothing was done."""
        run()
        docker.containers["backend"]["health"] = ["starting", "starting", "starting", "healthy"]
        assert not run()["changed"]
        assert docker.containers["backend"]["health"] == ["healthy"]


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


TEST_FAILURES: list[tuple[str, str, list[str], list[str]]] = [
    (
        "an image that cannot be had",
        "pull --quiet backend:2",
        [
            "The image backend:2 cannot be pulled; everything runs as before.",
            "WHY",
            "Do: check the name and digest",
        ],
        [],
    ),
    (
        "a migration that fails",
        "run .*alembic",
        ["The migration alembic upgrade head failed; the backend was not replaced.", "WHY"],
        ["pull", "reload", "prepare-database"],
    ),
    (
        "an nginx configuration that is not valid",
        "exec .* nginx -t",
        ["WHY"],
        ["pull"],
    ),
    (
        "a database that refuses its set-up",
        "exec .* psql",
        ["WHY"],
        ["pull", "reload"],
    ),
    (
        "a backend that cannot start",
        "up .* backend",
        ["WHY", "--- the last lines of backend:", "the last words of backend"],
        ["pull", "reload", "prepare-database", "migrate"],
    ),
    ("a Compose file that is not valid", "config", ["WHY"], []),
]


@pytest.mark.parametrize(
    "failing, message, taken", [row[1:] for row in TEST_FAILURES], ids=[r[0] for r in TEST_FAILURES]
)
def test_failures(
    run: Run, docker: Docker, failing: str, message: list[str], taken: list[str]
) -> None:
    """A failure ends the run with Docker's words and what to do; the next run does the rest."""
    changed: dict[str, Any] = {"nginx_config": "new", "database_setup": "new"}
    run()
    before = docker.containers["backend"]["hash"]
    docker.failing = {failing: "WHY"}
    result = run(rendered(backend={"image": "backend:2"}), **changed)
    assert result["failed"]
    for part in message:
        assert part in result["msg"]
    assert [step.split()[0] for step in result["steps"]] == taken
    assert docker.containers["backend"]["hash"] == before
    assert not any("kill" in call for call in docker.acted) or "reload" in taken

    docker.failing = {}
    repaired = run(rendered(backend={"image": "backend:2"}), **changed)
    every = ["pull", "reload", "prepare-database", "migrate", "start"]
    assert [step.split()[0] for step in repaired["steps"]] == [
        action for action in every if action not in taken
    ]
    assert not run(rendered(backend={"image": "backend:2"}), **changed)["changed"]


class TestHealth:
    """A release ends when everything is healthy, or says what is not."""

    def test_starting_becomes_healthy(self, run: Run, docker: Docker) -> None:
        """A service may need a while."""
        docker.health["backend"] = ["starting"] * 4 + ["healthy"]
        assert run()["changed"]

    @pytest.mark.parametrize("health", ["starting", "unhealthy"])
    def test_never_healthy(self, run: Run, docker: Docker, health: str) -> None:
        """One that does not become healthy fails the run, with the end of its log."""
        docker.health["backend"] = [health]
        result = run(timeout_s=0)
        assert result["failed"]
        assert result["msg"].startswith("Not healthy within 0 s: backend.")
        assert result["msg"].endswith("--- the last lines of backend:\nthe last words of backend")
        assert "start backend" not in "".join(result["steps"])

    def test_a_server_that_is_not_healthy_keeps_the_backend_back(
        self, run: Run, docker: Docker
    ) -> None:
        """Without its database the backend is neither migrated nor started."""
        docker.health["postgres"] = ["starting"]
        result = run(timeout_s=0)
        assert "Not healthy within 0 s: postgres." in result["msg"]
        assert docker.acted == FIRST_RUN[:5]

    def test_one_that_was_not_touched(self, run: Run, docker: Docker) -> None:
        """A service that fell ill without any change fails the run as well."""
        run()
        docker.containers["redis"]["health"] = ["starting"]
        result = run(timeout_s=0)
        assert result["msg"].startswith("Not healthy within 0 s: redis.")
        assert result["steps"] == []


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(len(FIRST_RUN)))
def test_interrupted_anywhere(
    run: Run,
    docker: Docker,
    number: int,
    late: bool,  # noqa: FBT001
) -> None:
    """A first run that is cut off before or right after any command is completed by the next one."""

    class Cut(BaseException):
        """The connection is gone."""

    def cut(argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        command = " ".join(argv[4:] if argv[2] == "--progress" else argv[1:])
        here = len(docker.acted) == number and ACTING.match(command)
        if here and not late:
            raise Cut
        answer = docker(argv, **how)
        if here:
            raise Cut
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", cut)
        with pytest.raises(Cut):
            run()
    first = docker.acted
    assert first == FIRST_RUN[: number + late]
    run()
    second = [call for call in docker.acted if "HUP" not in call and "nginx -t" not in call]
    # What has no trace but a mark is done again: it is safe to repeat.
    again = [call for call in second if call in first]
    assert all(call.startswith(("exec", "run")) for call in again)
    assert first + [call for call in second if call not in again] == FIRST_RUN
    assert not run()["changed"]


FAKE = """#!/bin/sh
case "$*" in
  *'config --hash *') echo 'nginx 1'; echo 'backend 1' ;;
  *'config --format json') printf %s CONFIG ;;
  'ps '*) ;;
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
    assert result["steps"][-1] == "start backend (backend: not there yet)"
