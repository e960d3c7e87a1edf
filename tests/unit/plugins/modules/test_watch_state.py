"""Module ``watch_state`` on programs that stand in for a host's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import watch_state

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module where the program is such a script; an empty one is not there."""

    def call(script: str) -> dict[str, Any]:
        path = tmp_path / "planner-watch"
        if script:
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
        monkeypatch.setattr(watch_state, "PROGRAM", str(path))
        with patch_module_args({"_ansible_check_mode": True}), pytest.raises(SystemExit):
            watch_state.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["changed"] is False
        return dict(answer["watch"])

    return call


def test_told(run: Run) -> None:
    """What it says, as it is."""
    said = {"status": {"now": 9, "asked": "status"}, "error": ""}
    assert run("""echo '{"now": 9, "asked": "'"$1"'"}'""") == said


def test_bare(run: Run) -> None:
    """A machine without it."""
    assert run("") == {"status": None, "error": "not installed"}


def test_broken(run: Run) -> None:
    """Its last words are told."""
    error = "planner-watch status ended with 1 and said: settings.json is damaged"
    assert run("echo settings.json is damaged >&2; exit 1") == {"status": None, "error": error}
    assert run("exit 3")["error"] == "planner-watch status ended with 3 and said: nothing"
