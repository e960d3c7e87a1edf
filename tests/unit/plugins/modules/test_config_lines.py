"""Module ``config_lines`` on temporary files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import config_lines

Run = Callable[..., dict[str, Any]]
LINE = {
    "path": "login.defs",
    "match": r"UMASK\s+\d+",
    "line": "UMASK 027",
    "otherwise": "UMASK 022",
}


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that needs the line."""
    monkeypatch.setattr(config_lines, "ROOT", str(tmp_path))
    path = tmp_path / "login.defs"
    path.write_text("SECRET x\nUMASK 022\n")
    path.chmod(0o640)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module and return what it answers."""

    def call(*, check: bool = False, **arguments: Any) -> dict[str, Any]:
        arguments = {"lines": [], "_ansible_check_mode": check} | arguments
        with patch_module_args(arguments), pytest.raises(SystemExit):
            config_lines.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_set_and_undo(target: Path, run: Run) -> None:
    """There and back, with the file's own mode, and nothing to do the second time."""
    done = run(lines=[LINE])
    assert done["changed_files"] == [str(target)]
    assert target.read_text() == "SECRET x\nUMASK 027\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert not run(lines=[LINE])["changed"]
    assert run(undo=[LINE])["changed"]
    assert target.read_text() == "SECRET x\nUMASK 022\n"
    assert not run(undo=[LINE])["changed"]


def test_check_mode_shows_only_what_changes(target: Path, run: Run) -> None:
    """A preview touches nothing, and the rest of the file stays out of it."""
    told = run(lines=[LINE], check=True)
    assert told["changed"]
    assert (told["diff"][0]["before"], told["diff"][0]["after"]) == ("UMASK 022\n", "UMASK 027\n")
    assert target.read_text() == "SECRET x\nUMASK 022\n"


def test_a_file_that_is_not_there(target: Path, run: Run) -> None:
    """It is left out, not made."""
    target.unlink()
    assert not run(lines=[LINE])["changed"]
    assert not target.exists()


@pytest.mark.usefixtures("target")
def test_refusals_reach_the_owner(run: Run) -> None:
    """A wrong pattern is named."""
    assert "login.defs: '(' is no pattern" in run(lines=[LINE | {"match": "("}])["msg"]
