"""What Monit found, written by the very script that it calls, and read by the next look."""

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_heard
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import OK, PROBLEM
from ansible_collections.planner.droplet.plugins.module_utils._watch_heard import CHECKS, heard

SCRIPT = Path(__file__).parents[4] / "roles/watch/files/planner-watch-heard"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script, with a folder of the test's."""
    path = tmp_path / "planner-watch-heard"
    path.write_text(SCRIPT.read_text().replace(_watch_heard.HEARD, str(tmp_path / "heard")))
    path.chmod(0o755)
    return path


def look(tmp_path: Path, pid: str = str(os.getpid())) -> dict[str, tuple[str, str]]:
    """Read what is there, while Monit runs as some process."""
    (tmp_path / "monit.pid").write_text(pid)
    found = heard(str(tmp_path / "heard"), str(tmp_path / "monit.pid"))
    return {one.check: (one.severity, one.what) for one in found}


def test_nothing(tmp_path: Path) -> None:
    """What Monit does not complain of is well."""
    found = look(tmp_path)
    assert set(found) == CHECKS
    assert {severity for severity, _ in found.values()} == {OK}


def test_begins_and_ends(tmp_path: Path, script: Path) -> None:
    """What Monit says is told until it says that it is over; the file is root's alone."""
    said = {"MONIT_DESCRIPTION": "cpu usage of 99.1%\nmatches limit", "PATH": os.environ["PATH"]}
    subprocess.run([script, "cpu", "problem"], env=said, check=True)
    assert look(tmp_path)["cpu"] == (PROBLEM, "cpu usage of 99.1% matches limit")
    assert (tmp_path / "heard/cpu").stat().st_mode & 0o077 == 0
    subprocess.run([script, "cpu", "ok"], check=True)
    subprocess.run([script, "cpu", "ok"], check=True)
    assert look(tmp_path)["cpu"][0] == OK
    assert list((tmp_path / "heard").iterdir()) == []


def test_says_nothing(tmp_path: Path, script: Path) -> None:
    """A complaint without words is one all the same."""
    subprocess.run([script, "load", "problem"], env={"PATH": os.environ["PATH"]}, check=True)
    assert look(tmp_path)["load"] == (PROBLEM, "it failed")


@pytest.mark.parametrize("pid", ["", "x", "4194305"])
def test_gone(tmp_path: Path, pid: str) -> None:
    """Without Monit nothing of its checks is known, and that is what is told."""
    assert set(look(tmp_path, pid)) == {"monit"}
    assert look(tmp_path, pid)["monit"][0] == PROBLEM
    (tmp_path / "monit.pid").unlink()
    assert heard(str(tmp_path / "heard"), str(tmp_path / "monit.pid"))[0].severity == PROBLEM
