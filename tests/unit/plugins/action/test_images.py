"""Action ``images``: a model of the controller's Docker, and of the host behind the module."""

import io
import json
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.planner.droplet.plugins.action import images

from tests.unit.fake_images import Docker, digest

LAYERS = ("base", "app", "top")
CONFIG = digest("configuration").removeprefix("sha256:")
LOCAL = "docker-daemon:app:dev"
Result = dict[str, Any]


def archive() -> bytes:
    """What ``docker save`` writes: three layers of 1000 bytes."""
    names = [f"blobs/sha256/{layer}" for layer in LAYERS]
    manifest = [{"Config": f"blobs/sha256/{CONFIG}", "RepoTags": None, "Layers": names}]
    files = dict.fromkeys(names, "x" * 1000) | {"manifest.json": json.dumps(manifest)}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as target:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            target.addfile(entry, io.BytesIO(text.encode()))
    return raw.getvalue()


@dataclass
class Host:
    """What the module would answer, and what it was called with."""

    docker: Docker
    monkeypatch: pytest.MonkeyPatch
    answer: Result = field(default_factory=dict)
    refuses: list[int] = field(default_factory=list)
    """For each call with archives, how many layers must be in one for the host to take it."""
    calls: list[Result] = field(default_factory=list)
    got: dict[str, list[str]] = field(default_factory=dict)
    """Names of the files that were sent, and what is in them."""

    def module(self, **how: Any) -> Result:
        """Answer in place of the module on the host."""
        arguments = how["module_args"]
        assert how["module_name"] == "planner.droplet.images"
        self.calls.append(arguments)
        if "query" in arguments:
            known = {"platform": "linux/amd64", "free_mb": 9999, "here": []}
            needed = list(arguments["query"])
            present = dict.fromkeys(needed, 2)
            return {"host": {"needed": needed, "present": present} | known | self.answer}
        if self.refuses and len(self.got) <= self.refuses[0]:
            return {"failed": True, "msg": "no such layer", "refused": "backend"}
        return {"changed": True, "images": {}}

    def receive(self, local: str, remote: str) -> None:
        """Take a file in place of the connection."""
        assert Path(local).stat().st_mode & 0o777 == 0o600
        assert Path(local).parent.stat().st_mode & 0o777 == 0o700
        with tarfile.open(local) as found:
            self.got[remote] = [name.rpartition("/")[2] for name in found.getnames()]

    def run(self, *, check: bool = False, **arguments: Any) -> Result:
        """Run the action as a task of a play does."""
        context = PlayContext()
        task = Task()
        task.args = arguments
        task.check_mode = check
        loader = DataLoader()
        action = images.ActionModule(
            task=task,
            connection=connection_loader.get("local", context),
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        self.monkeypatch.setattr(action, "_execute_module", self.module)
        self.monkeypatch.setattr(action, "_transfer_file", self.receive)
        self.monkeypatch.setattr(action._connection._shell, "tmpdir", "/tmp/task")  # noqa: S108
        result: Result = action.run(task_vars={})
        return result


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """A controller with one image, and a host that has its two lowest layers."""
    docker = Docker()
    docker.add("app:dev", LAYERS, archive=archive())
    # What is saved is no text; what is shown must be.
    shown = docker.image
    monkeypatch.setattr(docker, "image", lambda words: _shown(docker, shown, words))
    monkeypatch.setattr(subprocess, "run", docker)
    return Host(docker, monkeypatch)


def _shown(docker: Docker, image: Any, words: list[str]) -> str:
    if words[0] == "save":
        return str(image(words))
    return json.dumps([{k: v for k, v in docker.find(words[1]).items() if k != "archive"}])


def test_send(host: Host) -> None:
    """What is missing is sent, and the module gets its place; the reference stays as it was written."""
    result = host.run(wanted={"backend": LOCAL, "worker": "app:1"})
    (path,) = host.got
    assert host.got[path] == ["top", "manifest.json"]
    assert path == "/tmp/task/backend.2.tar.gz"  # noqa: S108
    wanted = {"backend": LOCAL, "worker": "app:1"}
    sent = {"backend": digest("image app:dev")}
    assert host.calls == [
        {"wanted": wanted, "sent": sent, "query": {"backend": list(map(digest, LAYERS))}},
        {"wanted": wanted, "sent": sent, "archives": {"backend": path}},
    ]
    assert (result["changed"], result["sent_mb"]) == (True, 0.0)


def test_only_registries(host: Host) -> None:
    """The controller's Docker is not needed."""
    host.run(wanted={"backend": "app:1"})
    assert host.calls == [{"wanted": {"backend": "app:1"}}]
    assert host.docker.calls == []


@pytest.mark.parametrize(
    "answer", [{"needed": []}, {"here": ["backend"]}], ids=["kept", "already there"]
)
def test_nothing_to_send(host: Host, answer: Result) -> None:
    """Nothing is written or sent, and the module does the rest."""
    host.answer = answer
    assert host.run(wanted={"backend": LOCAL})["changed"]
    assert host.got == {}
    assert not any("save" in call for call in host.docker.calls)
    assert host.calls[1]["archives"] == {}


def test_preview(host: Host) -> None:
    """Nothing is sent; the module knows the name from the id."""
    host.run(check=True, wanted={"backend": LOCAL})
    assert host.got == {}
    assert [sorted(call) for call in host.calls] == [
        ["query", "sent", "wanted"],
        ["sent", "wanted"],
    ]


def test_a_part_is_refused(host: Host) -> None:
    """The whole image is sent then; if that is refused too, that is the answer."""
    host.refuses = [1]
    assert host.run(wanted={"backend": LOCAL})["changed"]
    assert [len(names) for names in host.got.values()] == [2, 4]
    host.refuses = [9]
    host.got.clear()
    host.calls.clear()
    assert host.run(wanted={"backend": LOCAL})["msg"] == "no such layer"
    assert len(host.calls) == 3


def test_problems_at_once(host: Host) -> None:
    """Images that are not here or not for the host are told together, before anything is sent."""
    host.answer = {"platform": "linux/arm64"}
    result = host.run(wanted={"backend": LOCAL, "worker": "docker-daemon:gone:1"})
    assert result["failed"]
    assert "The image app:dev is for linux/amd64, this host is linux/arm64." in result["msg"]
    assert "docker-daemon:gone:1 cannot be read from Docker on this machine" in result["msg"]
    assert "No such image: gone:1\nDo: build it here" in result["msg"]
    assert host.got == {}
    assert len(host.calls) == 1


def test_an_image_that_is_kept_may_be_gone_here(host: Host) -> None:
    """Somebody else released it from another machine."""
    host.answer = {"needed": []}
    assert host.run(wanted={"backend": "docker-daemon:gone:1"})["changed"]


def test_a_host_without_docker(host: Host) -> None:
    """In a preview of a bare one nothing can be compared."""
    host.answer = {"platform": "", "free_mb": 0, "present": {}}
    assert host.run(check=True, wanted={"backend": LOCAL})["changed"]


def test_no_docker_here(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said."""

    def missing(*_words: Any, **_how: Any) -> None:
        raise FileNotFoundError("docker")

    monkeypatch.setattr(subprocess, "run", missing)
    assert "docker is not installed" in host.run(wanted={"backend": LOCAL})["msg"]


def test_no_room(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is told before anything is sent; what needs less than a MiB is never refused."""
    host.answer = {"free_mb": 10}
    assert host.run(wanted={"backend": LOCAL})["changed"]
    host.got.clear()
    monkeypatch.setattr(images, "no_room", lambda *numbers: f"no room: {numbers[1:]}")
    assert host.run(wanted={"backend": LOCAL}, disk_reserve_mb=7)["msg"] == "no room: (10, 7)"
    assert host.got == {}


def test_the_module_fails(host: Host) -> None:
    """Its answer is the result."""
    host.monkeypatch.setattr(host, "module", lambda **_how: {"failed": True, "msg": "full"})
    assert host.run(wanted={"backend": LOCAL})["msg"] == "full"


def test_containerd_store(host: Host) -> None:
    """There an image's id is that of its manifest; the host goes by the configuration's."""
    host.docker.images[0]["Descriptor"] = {"digest": "sha256:0"}
    host.run(wanted={"backend": LOCAL})
    assert host.calls[0]["sent"] == {"backend": f"sha256:{CONFIG}"}
    assert sum("save" in call for call in host.docker.calls) == 1


@pytest.mark.parametrize("wanted", [None, "app:1", []])
def test_wrong_arguments(host: Host, wanted: object) -> None:
    """The module judges them."""
    host.run(wanted=wanted)
    assert host.calls == [{"wanted": wanted}]
