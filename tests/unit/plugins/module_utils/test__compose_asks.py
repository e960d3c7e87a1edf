"""What the layer over the ``docker`` command asks about single things, and what it does when Docker does not tell."""

import json
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose

from tests.unit.command_docker import Docker, says


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


@pytest.mark.parametrize(
    "commands, expected", [("echo sha256:abc", "sha256:abc"), ("echo no such >&2; exit 1", "")]
)
def test_image_id(docker: Docker, compose: Compose, commands: str, expected: str) -> None:
    """An image is there when Docker can inspect it, and has an id of its own."""
    docker.answer({"image*": commands})
    assert compose.image_id("nginx:1.28-alpine") == expected
    assert docker.calls[0].endswith("image inspect --format {{.Id}} nginx:1.28-alpine")


@pytest.mark.parametrize("there", [True, False])
def test_remove_if_there(docker: Docker, compose: Compose, *, there: bool) -> None:
    """One that outlived its release goes by its exact name; none is no failure."""
    docker.answer({"ps*": "echo 1" if there else ":", "rm*": ":"})
    compose.remove_if_there("planner-migrate")
    ps, *rest = [call.partition(": ")[2] for call in docker.calls]
    assert ps == "ps --all --quiet --filter name=^planner-migrate$"
    assert rest == (["rm --force planner-migrate"] if there else [])


def died(code: str) -> str:
    """One event as Docker prints it."""
    return json.dumps({"status": "die", "Actor": {"Attributes": {"exitCode": code}}})


@pytest.mark.parametrize(
    "commands, expected",
    [
        (says(f"{died('137')}\n{died('1')}\n"), (137, 1)),
        (":", ()),
        ("echo WHY >&2; exit 1", ()),
        ("echo nonsense", ()),
        (says("{}"), ()),
    ],
)
def test_exit_codes(
    docker: Docker, compose: Compose, commands: str, expected: tuple[int, ...]
) -> None:
    """How it ended, oldest first; that Docker does not tell is no other failure."""
    docker.answer({"events*": commands})
    assert compose.exit_codes("planner-backend-2", 10) == expected
    (call,) = docker.calls
    since, until = (int(call.split(f"--{word} ")[1].split()[0]) for word in ("since", "until"))
    assert 11 <= until - since <= 13, "a window that ends, or Docker would go on telling"
    assert "--filter container=planner-backend-2 --filter event=die" in call


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
