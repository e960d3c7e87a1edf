"""The layer over the ``docker`` command, against an executable that answers what was recorded."""

import json
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import (
    Compose,
    DockerError,
    Service,
)
from ansible_collections.planner.droplet.plugins.module_utils._release import Container

from tests.unit.command_docker import Docker, says

# `docker compose config --format json` of a small project, shortened.
CONFIG = {
    "name": "planner",
    "services": {
        "nginx": {"image": "nginx:1.28-alpine", "networks": {"edge": None}},
        # As bytes, which is how Compose prints it.
        "backend": {
            "image": "registry.example/planner@sha256:" + "a" * 64,
            "mem_limit": "167772160",
        },
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
        "RestartCount": 0,
        "Image": "sha256:" + "b" * 64,
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
    return Compose(str(folder), "services: {}\n")


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
        """Compose reads the given text, not what is on the disk; its progress bars stay away."""
        docker.answer({"*": "cat"})
        assert compose.compose("up", "--detach", "nginx") == "services: {}\n"
        common = f"compose --progress quiet --project-directory {compose.folder} --file -"
        assert docker.calls == [f"{compose.folder}: {common} up --detach nginx"]

    def test_nothing_is_read_from_the_terminal(self, docker: Docker, compose: Compose) -> None:
        """A command without input has an empty one, and does not take what belongs to another."""
        docker.answer({"*": "cat"})
        assert compose.docker("exec", "x") == ""
        assert compose.docker("exec", "x", stdin="given") == "given"

    def test_files_instead_of_memory(
        self, docker: Docker, compose: Compose, tmp_path: Path
    ) -> None:
        """What is too large for memory goes from and to files, byte by byte, and only root reads it."""
        source, target = tmp_path / "in", tmp_path / "out"
        source.write_bytes(bytes(range(256)))
        target.write_text("something longer that was here before" * 20)
        docker.answer({"*": "cat"})
        said = compose.docker("exec", "x", read_from=str(source), write_to=str(target))
        assert said == ""
        assert target.read_bytes() == source.read_bytes()
        target.unlink()
        compose.docker("exec", "x", read_from=str(source), write_to=str(target))
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_a_failure_says_why_though_its_output_is_a_file(
        self, docker: Docker, compose: Compose, tmp_path: Path
    ) -> None:
        """The command's own words are on the other stream."""
        docker.answer({"*": "echo half; echo WHY >&2; exit 1"})
        with pytest.raises(DockerError, match=r"^WHY$"):
            compose.docker("exec", "x", write_to=str(tmp_path / "out"))

    def test_arguments_are_never_split(self, docker: Docker, compose: Compose) -> None:
        """An argument with blanks and shell characters arrives as one."""
        docker.answer({"*": 'for word in "$@"; do echo "[$word]"; done'})
        assert compose.docker("run", "a b; $(c)", "'") == "[run]\n[a b; $(c)]\n[']\n"

    def test_it_works_without_the_projects_folder(self, docker: Docker, tmp_path: Path) -> None:
        """A preview of a host that has Docker but no project yet reads the host all the same."""
        docker.answer({"ps*": ":", "image*": ":"})
        compose = Compose(str(tmp_path / "not" / "there"))
        assert compose.containers() == ()
        assert compose.image_id("x") == ""


class TestParsed:
    """Reading a Compose file that may not be on the disk."""

    def test_services(self, docker: Docker, tmp_path: Path) -> None:
        """Compose itself says each service's hash, image and limit in MiB; the file goes in on stdin."""
        read = f"cat > {shlex.quote(str(tmp_path / 'stdin'))}"
        docker.answer(
            {
                "*'config --hash *'": f"{read}; {says(HASHES)}",
                "*'config --format json'": f"{read}; {says(json.dumps(CONFIG))}",
            }
        )
        assert Compose(str(tmp_path / "absent"), "services: {}\n").parsed() == {
            "nginx": Service("4b1d", "nginx:1.28-alpine", 0),
            "backend": Service("9f00", "registry.example/planner@sha256:" + "a" * 64, 160),
        }
        assert (tmp_path / "stdin").read_text() == "services: {}\n"

    def test_a_file_that_compose_refuses(self, docker: Docker, compose: Compose) -> None:
        """What Compose says about a wrong file reaches the owner."""
        docker.answer({"*": "echo 'services.nginx.ports must be a list' >&2; exit 15"})
        with pytest.raises(DockerError, match="ports must be a list"):
            compose.parsed()


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
        hashed, image_id = "hash of backend", "sha256:" + "b" * 64
        assert found == Container(
            "backend", "planner-backend-1", hashed, running, health, 0, image_id=image_id
        )

    def test_crashes(self, docker: Docker, compose: Compose) -> None:
        """How often Docker started one again is seen."""
        one = inspected("backend", {"Running": True}) | {"RestartCount": 3}
        docker.answer({"ps*": "echo 1", "inspect*": says(json.dumps([one]))})
        assert compose.containers()[0].restarts == 3

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
