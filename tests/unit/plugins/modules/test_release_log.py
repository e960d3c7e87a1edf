"""Module ``release_log`` as Ansible runs it, with files and a command ``docker`` that stand in for a host's."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _release_reader
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    LOG_FILE,
    RUNNING_FILE,
    Record,
    append,
)
from ansible_collections.planner.droplet.plugins.modules import release_log

MIB = 1024 * 1024
A, B, FOREIGN = (f"sha256:{letter * 64}" for letter in "abf")
LABEL = "com.docker.compose.service"
Run = Callable[..., dict[str, Any]]


def record(number: int, image: str, result: str = GOOD) -> Record:
    """A release of one image."""
    ids = {"backend": image}
    return Record(number, images=ids, image_ids=ids, result=result)


def container(service: str, image: str, *, running: bool = True) -> dict[str, Any]:
    """What Docker tells of one."""
    return {
        "State": {"Running": running},
        "Config": {"Labels": {LABEL: service}},
        "Image": image,
    }


class Docker:
    """Answers what the module may ask; anything else is an error."""

    def __init__(self) -> None:
        """Run release 2 beside a server that is none of the log's."""
        self.images = {A: 100, B: 150, FOREIGN: 900}
        self.containers = [container("backend", B), container("nginx", FOREIGN)]
        self.broken = False
        self.asked: list[str] = []

    def __call__(
        self, words: list[str] | tuple[str, ...], **_how: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Answer in place of subprocess.run."""
        line = " ".join(words[1:])
        self.asked.append(line)
        if self.broken:
            return subprocess.CompletedProcess(words, 1, "", "no answer")
        return subprocess.CompletedProcess(words, 0, self.say(line), "")

    def say(self, line: str) -> str:
        """Print what Docker prints."""
        if line == "image ls --quiet --no-trunc":
            return "\n".join(self.images)
        if line.startswith("image inspect --format {{.Size}} "):
            return "".join(f"{self.images[one] * MIB}\n" for one in line.split()[4:])
        if line.startswith("ps --all --quiet"):
            assert "label=com.docker.compose.project=planner" in line
            return "\n".join(str(number) for number, _ in enumerate(self.containers))
        assert line.startswith("inspect "), line
        return json.dumps([self.containers[int(one)] for one in line.split()[1:]])


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which Docker runs."""
    for path, content in {"run/docker.pid": "42", "proc/42/comm": "dockerd\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    model = Docker()
    monkeypatch.setattr(_release_reader, "Files", lambda: Files(str(tmp_path)))
    monkeypatch.setattr(subprocess, "run", model)
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with two releases."""
    project = tmp_path / "planner"
    project.mkdir()
    append(str(project), record(1, A))
    append(str(project), record(2, B))
    return project


@pytest.fixture
def run(folder: Path, docker: Docker, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module in check mode, as a preview does; it changes nothing."""
    assert docker.images

    def call(**options: Any) -> dict[str, Any]:
        before = {one: one.stat() for one in folder.rglob("*")}
        given = {"project_dir": str(folder), "_ansible_check_mode": True, **options}
        with patch_module_args(given), pytest.raises(SystemExit):
            release_log.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["changed"] is False
        assert {one: one.stat().st_mtime_ns for one in folder.rglob("*")} == {
            one: stat.st_mtime_ns for one, stat in before.items()
        }
        return dict(answer["releases"])

    return call


def test_as_released(folder: Path, run: Run) -> None:
    """What is current and previous, that it runs, and how much lies on the disk."""
    (folder / "dumps").mkdir()
    (folder / "dumps" / "release-2.dump").write_bytes(b"0" * (MIB // 2))
    seen = run()
    assert [one["release"] for one in seen["records"]] == [1, 2]
    assert (seen["current"]["release"], seen["previous"]["release"]) == (2, 1)
    assert (seen["running"], seen["unreadable"], seen["error"]) == (None, 0, "")
    assert (seen["matches"], seen["differences"]) == (True, [])
    assert seen["disk"] == {"images_mb": 250, "dumps_mb": 0.5}


def test_nothing_released(folder: Path, run: Run) -> None:
    """Without a log nothing is current, and nothing is compared."""
    (folder / LOG_FILE).unlink()
    seen = run()
    assert (seen["records"], seen["current"], seen["previous"]) == ([], None, None)
    assert (seen["matches"], seen["differences"], seen["error"]) == (None, [], "")
    assert seen["disk"] == {"images_mb": 0, "dumps_mb": 0}


@pytest.mark.parametrize(
    "containers, difference",
    [
        ([container("backend", A)], "backend runs aaaaaaaaaaaa, released bbbbbbbbbbbb"),
        ([container("backend", B, running=False)], "backend does not run"),
        ([container("nginx", FOREIGN)], "backend does not run"),
        ([], "backend does not run"),
    ],
)
def test_something_else_runs(
    docker: Docker, run: Run, containers: list[dict[str, Any]], difference: str
) -> None:
    """Another image, or none, is named."""
    docker.containers = containers
    seen = run()
    assert (seen["matches"], seen["differences"]) == (False, [difference])


def test_image_is_gone(docker: Docker, run: Run) -> None:
    """An image that somebody removed is named, though its container still runs."""
    del docker.images[B]
    seen = run()
    assert seen["differences"] == ["the image bbbbbbbbbbbb of backend is no longer on this host"]
    assert seen["disk"]["images_mb"] == 100


def test_interrupted(folder: Path, run: Run) -> None:
    """The record of a release that never ended, and a line torn by a power cut."""
    (folder / RUNNING_FILE).write_text(record(3, A, "interrupted").to_json())
    with (folder / LOG_FILE).open("a") as log:
        log.write('{"release"')
    seen = run()
    assert (seen["running"]["release"], seen["unreadable"]) == (3, 1)
    assert seen["current"]["release"] == 2


@pytest.mark.parametrize("last, numbers", [(0, []), (1, [2]), (-1, []), (20, [1, 2])])
def test_last(run: Run, last: int, numbers: list[int]) -> None:
    """As many records as wished; what is current is known all the same."""
    seen = run(last=last)
    assert [one["release"] for one in seen["records"]] == numbers
    assert seen["current"]["release"] == 2


def test_stopped_docker(tmp_path: Path, docker: Docker, run: Run) -> None:
    """Looking does not start it; the log is read, what runs is not known."""
    (tmp_path / "run/docker.pid").unlink()
    seen = run()
    assert docker.asked == []
    assert (seen["matches"], seen["error"]) == (None, "Docker does not run")
    assert (seen["current"]["release"], seen["disk"]["images_mb"]) == (2, None)


def test_broken_docker(docker: Docker, run: Run) -> None:
    """One that does not answer is no reason not to show the log."""
    docker.broken = True
    seen = run()
    assert (seen["matches"], seen["error"]) == (None, "no answer")
    assert len(seen["records"]) == 2


def test_unreadable(folder: Path, run: Run) -> None:
    """A log that cannot be read is not an empty one."""
    (folder / LOG_FILE).unlink()
    (folder / LOG_FILE).mkdir()
    seen = run()
    assert (seen["records"], seen["current"]) == (None, None)
    assert "Is a directory" in seen["error"]
