"""Module ``images`` as Ansible runs it, on a model of Docker and of registries."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import images

from tests.unit.fake_images import LOGIN, Docker, digest
from tests.unit.image_bench import APP, LOCAL, installed

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """An engine without images."""
    return installed(monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module; return what it answers."""

    def call(*, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "project_dir": str(tmp_path),
            "wanted": {"backend": APP},
            "lock": str(tmp_path / "lock"),
            "_ansible_check_mode": check,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            images.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def test_fetch(docker: Docker, run: Run) -> None:
    """What is pinned, what was written, and the difference; a second run changes nothing."""
    pinned = docker.offer(APP)
    result = run()
    assert result["changed"]
    assert result["images"] == {"backend": pinned}
    assert result["given"] == {"backend": APP}
    assert (result["kind"], result["to"]) == ("release", None)
    assert result["changes"] == [f"backend: nothing -> {pinned}"]
    assert result["diff"] == {"before": "backend: nothing\n", "after": f"backend: {pinned}\n"}
    assert not run()["changed"]


def test_preview(docker: Docker, run: Run) -> None:
    """The same answer without a pull."""
    docker.offer(APP)
    result = run(check=True)
    assert docker.acted == []
    assert result == run() | {"invocation": result["invocation"]}


def test_a_refusal(docker: Docker, run: Run) -> None:
    """The message is the core's."""
    docker.offer(APP, platform="linux/arm64")
    result = run()
    assert result["failed"]
    assert "is for linux/arm64" in result["msg"]
    assert "refused" not in result


@pytest.mark.parametrize("login", [{}, LOGIN | {"password": ""}, LOGIN])
def test_login(docker: Docker, run: Run, login: dict[str, str]) -> None:
    """An empty one is none. Only the password is secret: a starred registry would spoil the references."""
    pinned = docker.offer(APP)
    result = run(registry_login=login)
    assert bool(docker.logins) is (login == LOGIN)
    assert result["images"] == {"backend": pinned}
    assert LOGIN["password"] not in json.dumps(result)


def test_query(docker: Docker, run: Run) -> None:
    """Asked by the action, it only tells what is here."""
    docker.add("old", ("base", "app"))
    result = run(
        wanted={"backend": LOCAL},
        sent={"backend": "sha256:0"},
        query={"backend": [digest("base"), digest("new")]},
    )
    assert not result["changed"]
    assert result["host"]["needed"] == ["backend"]
    assert result["host"]["present"] == {"backend": 1}
    assert docker.acted == []


def test_a_refused_archive(docker: Docker, run: Run, tmp_path: Path) -> None:
    """The action learns which one to send whole."""
    docker.failing["load"] = "open layer.tar: no such file"
    result = run(
        wanted={"backend": LOCAL},
        sent={"backend": "sha256:0"},
        archives={"backend": str(tmp_path / "archive")},
    )
    assert (result["failed"], result["refused"]) == (True, "backend")


def test_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented options are those that the module has."""
    found: dict[str, Any] = {}

    class Stop(Exception):  # noqa: N818 - nothing went wrong
        """The module has told its options."""

    def stop(argument_spec: dict[str, Any], **_more: Any) -> None:
        found.update(argument_spec)
        raise Stop

    monkeypatch.setattr(images, "AnsibleModule", stop)
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(Stop):
        images.main()
    options = yaml.safe_load(images.DOCUMENTATION)["options"]
    suboptions = options["registry_login"].pop("suboptions")
    shown = {name: {**option} for name, option in found.items()}
    del shown["registry_login"]["options"]
    for option in (*options.values(), *suboptions.values()):
        del option["description"]
    assert options == shown
    assert suboptions == {
        name: {key: value for key, value in option.items() if key != "no_log"}
        for name, option in images.LOGIN.items()
    }
