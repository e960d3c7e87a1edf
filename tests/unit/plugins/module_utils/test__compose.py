"""The layer over the ``docker`` command, against an executable that answers what was recorded."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._release import Container

# `docker compose config --format json` of a small project, shortened.
CONFIG = {
    "name": "planner",
    "services": {
        "nginx": {"image": "nginx:1.28-alpine", "networks": {"edge": None}},
        "backend": {"image": "registry.example/planner@sha256:" + "a" * 64},
    },
}
HASHES = "nginx 4b1d\nbackend 9f00\n"


def inspected(service: str, state: Mapping[str, Any], number: int = 1) -> dict[str, Any]:
    """One entry of `docker inspect`, shortened; a higher number is a younger one."""
    labels = {
        "com.docker.compose.project": "planner",
        "com.docker.compose.service": service,
        "com.docker.compose.config-hash": f"hash of {service}",
    }
    return {
        "Id": service,
        "Name": f"/planner-{service}-{number}",
        "Created": f"2026-01-01T00:00:0{number}.5Z",
        "State": dict(state),
        "Config": {"Labels": labels},
    }


TEST_STATES: list[tuple[dict[str, Any], bool, str]] = [
    ({"Status": "running", "Running": True, "Health": {"Status": "healthy"}}, True, "healthy"),
    ({"Status": "running", "Running": True, "Health": {"Status": "starting"}}, True, "starting"),
    ({"Status": "running", "Running": True, "Health": {"Status": "unhealthy"}}, True, "unhealthy"),
    ({"Status": "running", "Running": True}, True, ""),
    ({"Status": "created", "Running": False}, False, ""),
    ({"Status": "exited", "Running": False, "Health": {"Status": "unhealthy"}}, False, "unhealthy"),
    # Docker says so between two crashes.
    ({"Status": "restarting", "Running": True, "Restarting": True}, True, ""),
]


class Docker:
    """A `docker` on PATH: the first pattern that fits the arguments decides what happens."""

    def __init__(self, folder: Path) -> None:
        """Keep the script and its log in a folder."""
        self.folder = folder
        self.log = folder / "calls"

    def answer(self, rules: Mapping[str, str]) -> None:
        """Write the script: shell pattern of the arguments -> shell commands."""
        cases = "".join(f"  {pattern}) {commands} ;;\n" for pattern, commands in rules.items())
        script = self.folder / "docker"
        script.write_text(
            f'#!/bin/sh\necho "$PWD: $*" >> {shlex.quote(str(self.log))}\ncase "$*" in\n{cases}'
            '  *) echo "unexpected: $*" >&2; exit 99 ;;\nesac\n'
        )
        script.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """Working folder and arguments of each call."""
        return self.log.read_text().splitlines()


def says(text: str) -> str:
    """Shell commands that print a text as it is."""
    return f"printf %s {shlex.quote(text)}"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A fake `docker`, the first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Docker(folder)


@pytest.fixture
def compose(tmp_path: Path) -> Compose:
    """A project whose folder exists."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Compose(str(folder))


class TestErrors:
    """What an owner reads when the command fails."""

    def test_not_installed(
        self, compose: Compose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without `docker` the message says what to run first."""
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(DockerError, match=r"not installed: run the role .*\.docker first"):
            compose.docker("version")

    @pytest.mark.parametrize(
        "commands, expected",
        [
            ("echo ' it broke ' >&2; exit 1", "it broke"),
            ("echo noise; echo 'it broke' >&2; exit 125", "it broke"),
            ("echo 'only on stdout'; exit 1", "only on stdout"),
            ("exit 1", ""),
        ],
    )
    def test_not_zero(self, docker: Docker, compose: Compose, commands: str, expected: str) -> None:
        """A failed command's own words are the message: stderr, or else stdout."""
        docker.answer({"*": commands})
        with pytest.raises(DockerError) as error:
            compose.docker("version")
        assert str(error.value) == expected

    def test_timeout(self, docker: Docker, compose: Compose) -> None:
        """A command that hangs is ended, and the message names it and the time it had."""
        docker.answer({"*": "exec sleep 60"})
        with pytest.raises(DockerError, match="docker pull did not end within 1 s"):
            compose.docker("pull", "x", timeout_s=1)


class TestCommand:
    """How the command is called."""

    def test_it_runs_in_the_project(self, docker: Docker, compose: Compose) -> None:
        """Compose finds its file in the working folder; its progress bars stay away."""
        docker.answer({"*": says("done")})
        assert compose.compose("up", "--detach", "nginx") == "done"
        assert docker.calls == [
            f"{compose.folder}: compose --progress quiet up --detach nginx",
        ]

    def test_arguments_are_never_split(self, docker: Docker, compose: Compose) -> None:
        """An argument with blanks and shell characters arrives as one."""
        docker.answer({"*": 'for word in "$@"; do echo "[$word]"; done'})
        assert compose.docker("run", "a b; $(c)", "'") == "[run]\n[a b; $(c)]\n[']\n"

    def test_it_works_without_the_projects_folder(self, docker: Docker, tmp_path: Path) -> None:
        """A preview of a host that has Docker but no project yet reads the host all the same."""
        docker.answer({"ps*": ":", "image*": ":"})
        compose = Compose(str(tmp_path / "not" / "there"))
        assert compose.containers() == ()
        assert compose.has_image("x")


class TestParsed:
    """Reading a Compose file that may not be on the disk."""

    def test_hashes_and_images(self, docker: Docker, tmp_path: Path) -> None:
        """Compose itself says each service's hash and image; the file goes in on stdin."""
        read = f"cat > {shlex.quote(str(tmp_path / 'stdin'))}"
        docker.answer(
            {
                "*'config --hash *'": f"{read}; {says(HASHES)}",
                "*'config --format json'": f"{read}; {says(json.dumps(CONFIG))}",
            }
        )
        hashes, images = Compose(str(tmp_path / "absent")).parsed("services: {}\n")
        assert hashes == {"nginx": "4b1d", "backend": "9f00"}
        assert images == {
            "nginx": "nginx:1.28-alpine",
            "backend": "registry.example/planner@sha256:" + "a" * 64,
        }
        assert (tmp_path / "stdin").read_text() == "services: {}\n"
        assert all(
            f"compose --project-directory {tmp_path / 'absent'} --file - config" in call
            for call in docker.calls
        )

    def test_a_file_that_compose_refuses(self, docker: Docker, compose: Compose) -> None:
        """What Compose says about a wrong file reaches the owner."""
        docker.answer({"*": "echo 'services.nginx.ports must be a list' >&2; exit 15"})
        with pytest.raises(DockerError, match="ports must be a list"):
            compose.parsed("x")


class TestContainers:
    """Observing the project."""

    @pytest.mark.parametrize("state, running, health", TEST_STATES)
    def test_states(
        self,
        docker: Docker,
        compose: Compose,
        state: dict[str, Any],
        running: bool,  # noqa: FBT001
        health: str,
    ) -> None:
        """Docker's states become running or not, and a health that may be absent."""
        docker.answer(
            {"ps*": "echo 1", "inspect*": says(json.dumps([inspected("backend", state)]))}
        )
        (found,) = compose.containers()
        hashed = "hash of backend"
        assert found == Container("backend", "planner-backend-1", hashed, running, health)

    def test_all_are_asked_for_in_one_call(self, docker: Docker, compose: Compose) -> None:
        """Stopped containers count, other projects' and one-shot ones do not; one inspect for all."""
        both = [inspected(name, {"Running": True}) for name in ("nginx", "redis")]
        docker.answer({"ps*": "echo 1; echo 2", "inspect*": says(json.dumps(both))})
        assert [one.service for one in compose.containers()] == ["nginx", "redis"]
        ps, inspect = docker.calls
        assert "--all" in ps
        assert "label=com.docker.compose.project=planner" in ps
        assert "label=com.docker.compose.oneoff=False" in ps
        assert inspect.endswith("inspect 1 2")

    def test_none(self, docker: Docker, compose: Compose) -> None:
        """Without containers there is nothing to inspect."""
        docker.answer({"ps*": ":"})
        assert compose.containers() == ()

    def test_two_of_one_service(self, docker: Docker, compose: Compose) -> None:
        """Both are seen, the oldest first, though Docker lists the youngest first."""
        both = [inspected("backend", {"Running": True}, number) for number in (3, 2)]
        docker.answer({"ps*": "echo 3; echo 2", "inspect*": says(json.dumps(both))})
        names = [one.name for one in compose.containers()]
        assert names == ["planner-backend-2", "planner-backend-3"]

    def test_ids_of_one_service(self, docker: Docker, compose: Compose) -> None:
        """One service's containers are found by its label."""
        docker.answer({"ps*": "echo 1; echo 2"})
        assert compose.container_ids("worker") == ["1", "2"]
        assert "label=com.docker.compose.service=worker" in docker.calls[0]


@pytest.mark.parametrize("code, expected", [(0, True), (1, False)])
def test_has_image(docker: Docker, compose: Compose, code: int, expected: bool) -> None:  # noqa: FBT001
    """An image is there when Docker can inspect it."""
    docker.answer({"image*": f"exit {code}"})
    assert compose.has_image("nginx:1.28-alpine") is expected
    assert docker.calls[0].endswith("image inspect --format {{.Id}} nginx:1.28-alpine")


# `docker top ID -eo pid,args` during a reload.
PROCESSES = """\
    PID COMMAND
   4711 nginx: master process nginx -c /etc/planner/nginx.conf -g daemon off;
   4750 nginx: worker process is shutting down
   4751 nginx: worker process is shutting down
   4801 nginx: worker process
    913 sleep 60
"""


class TestNginxWorkers:
    """Who serves and who only finishes."""

    @pytest.mark.parametrize("leaving, expected", [(False, ("4801",)), (True, ("4750", "4751"))])
    def test_during_a_reload(
        self,
        docker: Docker,
        compose: Compose,
        leaving: bool,  # noqa: FBT001
        expected: tuple[str, ...],
    ) -> None:
        """Old and new workers are told apart; the master and other processes are none."""
        docker.answer({"ps*": "echo 9", "top*": says(PROCESSES)})
        assert compose.nginx_workers(leaving=leaving) == expected
        assert "label=com.docker.compose.service=nginx" in docker.calls[0]
        assert docker.calls[1].endswith("top 9 -eo pid,args")

    def test_without_nginx(self, docker: Docker, compose: Compose) -> None:
        """Where there is no nginx, nobody has to be waited for."""
        docker.answer({"ps*": ":"})
        assert compose.nginx_workers() == compose.nginx_workers(leaving=True) == ()


@pytest.mark.parametrize(
    "commands, expected",
    [("echo 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("echo no such >&2; exit 1", "")],
)
def test_created(docker: Docker, compose: Compose, commands: str, expected: str) -> None:
    """A volume is recognised by when it was made; one that is not there has no such time."""
    docker.answer({"volume*": commands})
    assert compose.created("planner_postgres17") == expected
    call = "volume inspect --format {{.CreatedAt}} planner_postgres17"
    assert docker.calls[0].endswith(call)


@pytest.mark.parametrize(
    "commands, expected",
    [
        ("printf '\\nlast words\\n'", "last words"),
        ("echo on stderr >&2", "on stderr"),
        ("echo no such container >&2; exit 1", ""),
    ],
)
def test_last_words(docker: Docker, compose: Compose, commands: str, expected: str) -> None:
    """The end of a log, both streams, helps to explain a failure; that there is none is not another."""
    docker.answer({"*logs*": commands})
    assert compose.last_words("planner-backend-1") == expected
    assert docker.calls[0].endswith("logs --tail 15 planner-backend-1")
