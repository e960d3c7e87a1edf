"""The program ``planner-upgrade-postgres``: its words, its answers, and that it takes the lock."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_command as module,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError

Asked = list[tuple[Any, ...]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What an upgrade was asked for; the program holds the lock already."""
    made: Asked = []

    class Upgrading:
        """One that only notes it."""

        def __init__(self, settings: Any) -> None:
            assert settings.database == "planner"

        def __getattr__(self, name: str) -> Callable[..., Report]:
            def do(*given: Any, **how: Any) -> Report:
                made.append((name, *given, *how.items()))
                if name == "finish":
                    raise BackupError("The stack was not brought to it")
                return Report(did=["it was done"], notes=["a note"])

            return do

    (tmp_path / "backup").mkdir()
    (tmp_path / "backup/settings.json").write_text("{}")
    monkeypatch.setattr(module, "Upgrading", Upgrading)
    monkeypatch.setenv("PLANNER_MAINTENANCE", "postgres-upgrade")
    return made


@pytest.mark.parametrize(
    "words, call",
    [
        (["begin", "--to", "18", "--image", "x"], ("begin", 18, "x", ("dry", False))),
        (["begin", "--to", "18", "--dry-run"], ("begin", 18, "", ("dry", True))),
        (["confirm", "--to", "18"], ("confirm", 18, ("dry", False))),
        (["settle"], ("settle",)),
    ],
)
def test_verbs(
    asked: Asked,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    call: tuple[Any, ...],
) -> None:
    """Each is one part of an upgrade; what was done is told in lines."""
    assert module.main(words, str(tmp_path)) == 0
    assert asked == [call]
    assert capsys.readouterr() == ("it was done\na note\n", "")


def test_a_failure(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said on standard error, or in the report for programs, and by the exit code."""
    assert module.main(["finish"], str(tmp_path)) == 1
    assert capsys.readouterr().err == "planner-upgrade-postgres: The stack was not brought to it\n"
    assert module.main(["finish", "--json"], str(tmp_path)) == 1
    report = json.loads(capsys.readouterr().out)
    assert report == {"did": [], "notes": [], "problems": ["The stack was not brought to it"]}
    assert asked == [("finish",), ("finish",)]


def test_without_backups(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their settings are needed, and what writes them is named."""
    assert module.main(["settle"], str(tmp_path / "elsewhere")) == 1
    assert "settings.json is missing. Do: run playbooks/site.yml" in capsys.readouterr().err
    assert asked == []


def test_under_the_lock(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins again inside the maintenance slice; only what a preview says needs no lock."""
    began: list[list[str]] = []
    monkeypatch.delenv("PLANNER_MAINTENANCE")
    monkeypatch.setattr(sys, "argv", ["/usr/local/sbin/planner-upgrade-postgres"])
    monkeypatch.setattr(os, "execv", lambda _program, words: began.append(words))
    module.main(["begin", "--to", "18", "--dry-run"], str(tmp_path))
    assert began == []
    module.main(["settle", "--wait", "7"], str(tmp_path))
    assert began == [
        [
            *("/usr/local/sbin/planner-maintenance", "--wait", "7", "postgres-upgrade"),
            *("/usr/local/sbin/planner-upgrade-postgres", "settle", "--wait", "7"),
        ]
    ]
    assert [one[0] for one in asked] == ["begin", "settle"]
