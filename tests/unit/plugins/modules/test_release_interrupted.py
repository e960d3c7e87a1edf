"""Module ``release``, cut off before or after any of its commands, and run again."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_containers import rendered
from tests.unit.fake_docker import ACTING, RELOAD, Cut, Docker
from tests.unit.release_bench import (
    FIRST_RUN,
    INSTEAD,
    OLD,
    RELEASE,
    SECOND,
    Run,
    installed,
    log,
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


def cut_at(docker: Docker, number: int, *, late: bool) -> Callable[..., Any]:
    """A stand-in for subprocess.run whose caller is gone before or right after an acting command."""

    def cut(argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        command = " ".join(argv[8:] if argv[1] == "compose" else argv[1:])
        acts = argv[0] == "docker" and ACTING.match(command)
        here = len(docker.acted) == number and acts
        if here and not late:
            raise Cut
        answer = docker(argv, **how)
        if here:
            raise Cut
        return answer

    return cut


def logged(docker: Docker, images: str) -> None:
    """The log knows what runs, and no release is left open."""
    last = log(docker)[-1]
    assert (last["result"], last["images"]["backend"]) == ("good", images)
    assert not (docker.folder / "release.running.json").exists()


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(len(FIRST_RUN)))
def test_interrupted_anywhere(
    run: Run,
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    late: bool,  # noqa: FBT001
) -> None:
    """A first run that is cut off before or right after any command is completed by the next one."""
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", cut_at(docker, number, late=late))
        with pytest.raises(Cut):
            run()
    first = docker.acted
    assert first == FIRST_RUN[: number + late]
    run()
    second = docker.acted
    # What has no trace but a mark is done again: it is safe to repeat.
    again = [call for call in second if call in first]
    assert all(call.startswith(("exec", "run", "kill")) for call in again)
    rest = [call for call in first + second if call not in RELOAD]
    assert list(dict.fromkeys(rest)) == FIRST_RUN[:-2]
    assert docker.nginx.route == "planner-backend-1"
    logged(docker, "backend:1")
    assert not run()["changed"]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(len(RELEASE)))
@pytest.mark.parametrize("third", [False, True], ids=["again", "other-version"])
def test_a_release_that_is_interrupted_anywhere_leaves_no_gap(
    run: Run,
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    *,
    late: bool,
    third: bool,
) -> None:
    """Cut off anywhere, the next release, also one of another version, ends with one that serves.

    After every single command the container that nginx' workers know is there and healthy.
    """
    run()
    docker.health["backend"] = ["starting", "starting", "healthy"]

    def no_gap() -> None:
        assert docker.containers[docker.nginx.route].ready, docker.acted
        assert len(docker.of("backend")) <= 2, "there is no memory for a third"

    docker.after = no_gap
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", cut_at(docker, number, late=late))
        with pytest.raises(Cut):
            run(SECOND)
    assert docker.acted == RELEASE[: number + late]
    wanted = rendered(backend={"image": "backend:3"}) if third else SECOND
    assert run(wanted)["changed"]
    assert list(docker.of("backend")) == [docker.nginx.route]
    logged(docker, "backend:3" if third else "backend:2")
    assert not run(wanted)["changed"]


ALONE: dict[str, Any] = {"start_first": []}


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(len(INSTEAD)))
@pytest.mark.parametrize("broken", [False, True])
def test_a_stop_first_release_that_is_interrupted_anywhere(
    run: Run,
    docker: Docker,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    *,
    late: bool,
    broken: bool,
) -> None:
    """The next run ends with the new version, or, where that crashes, with the old one that serves again."""
    run()
    docker.images["backend:2"] = "sha256:2"
    docker.crashes["backend"] = [(20, 1)] if broken else []
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", cut_at(docker, number, late=late))
        with pytest.raises(Cut):
            run(SECOND, **ALONE)
    docker.now += 20
    docker.crashes["backend"] = [(1, 1)] if broken else []
    result = run(SECOND, **ALONE)
    if result.get("failed"):
        assert broken
        assert result["msg"].startswith("The new version was removed and the old one serve")
        assert list(docker.of("backend")) == [docker.nginx.route] == [OLD]
        assert docker.one("backend").ready
        assert log(docker)[-1]["result"] == "void"
        docker.crashes = {}
        run(SECOND, **ALONE)
    assert list(docker.of("backend")) == [docker.nginx.route]
    logged(docker, "backend:2")
