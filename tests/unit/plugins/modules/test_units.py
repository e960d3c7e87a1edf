"""Module ``units`` with a systemctl on PATH that keeps its units in files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.modules import units

SYSTEMCTL = """\
#!/bin/sh
cd "{folder}" || exit 1
echo "$* ${{LC_ALL:-}}" >>calls
verb=$1
if [ "$verb" = show ]; then
  shift
  first=yes
  for name; do
    case $name in --*) continue ;; *@.*) echo "Unit name $name is not valid." >&2; exit 1 ;; esac
    [ "$first" ] || echo
    first=
    cat "$name" 2>/dev/null || echo LoadState=not-found
  done
  exit 0
fi
for name; do :; done
if [ -e "$name.refuses" ]; then echo "Unit $name is broken." >&2; exit 5; fi
"""
NEVER = "n/a"
LONG_AGO = "Sat 2001-09-08 01:46:40.000000 UTC"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the units; systemctl is first on PATH."""
    program = tmp_path / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    (tmp_path / "calls").touch()
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module; return what it answers, and under ``calls`` what it told systemd to do."""

    def call(*wishes: dict[str, Any], check: bool = False) -> dict[str, Any]:
        (folder / "calls").write_text("")
        arguments = {"units": list(wishes), "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            units.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        said = (folder / "calls").read_text().splitlines()
        assert all(line.endswith(" C") for line in said), "systemd would answer in German"
        answer["calls"] = [line.removesuffix(" C") for line in said if not line.startswith("show")]
        return answer

    return call


def unit(folder: Path, name: str, **changes: str) -> None:
    """Have systemd know a unit that runs since long ago."""
    shown = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    shown |= {"ActiveEnterTimestamp": LONG_AGO, "StateChangeTimestamp": LONG_AGO, **changes}
    (folder / name).write_text("".join(f"{key}={value}\n" for key, value in shown.items()))


def test_nothing_to_do(folder: Path, run: Run) -> None:
    """All as wished, also where no file was ever written; asked for in one call."""
    unit(folder, "a.service")
    unit(folder, "b.timer")
    done = run({"name": "a.service", "files": ["/nonexistent"]}, {"name": "b.timer"})
    assert (done["changed"], done["actions"], done["calls"]) == (False, [], [])
    assert run()["changed"] is False


def test_younger_configuration(folder: Path, run: Run) -> None:
    """A file younger than the start is read; the start is younger afterwards, so the next run is quiet."""
    unit(folder, "a.service")
    file = folder / "a.conf"
    file.touch()
    wish = {"name": "a.service", "files": [str(file)], "on_change": "reload"}
    assert run(wish)["calls"] == ["reload a.service"]
    os.utime(file, (10**9 - 10**8, 10**9 - 10**8))
    assert run(wish)["calls"] == []


def test_order(folder: Path, run: Run) -> None:
    """Definitions first, then unit by unit."""
    unit(folder, "a.service", NeedDaemonReload="yes", UnitFileState="disabled")
    unit(folder, "b.service")
    done = run(
        {"name": "a.service"}, {"name": "b.service", "state": "masked"}, {"name": "c.service"}
    )
    assert done["calls"] == [
        "daemon-reload",
        "enable a.service",
        "mask --now b.service",
        "enable c.service",
        "start c.service",
    ]
    assert done["diff"]["after"].splitlines() == done["actions"]


def test_check_mode(folder: Path, run: Run) -> None:
    """A preview names the calls and makes none, also for a unit that is not installed yet."""
    unit(folder, "a.timer", ActiveState="inactive", ActiveEnterTimestamp=NEVER)
    done = run({"name": "a.timer"}, {"name": "new.service"}, check=True)
    assert done["actions"] == [
        "start a.timer (not running)",
        "enable new.service",
        "start new.service (not running)",
    ]
    assert done["changed"] is True
    assert done["calls"] == []


def test_instances_of_a_template(folder: Path, run: Run) -> None:
    """An instance is a unit; the template itself is none, and systemd's words say so."""
    unit(folder, "getty@tty1.service")
    assert run({"name": "getty@tty1.service"})["changed"] is False
    failed = run({"name": "getty@.service"})
    assert failed["failed"]
    assert "getty@.service is not valid" in failed["msg"]


def test_a_call_that_fails(folder: Path, run: Run) -> None:
    """Nothing further is done; the message has systemd's words and where to look."""
    unit(folder, "a.service", ActiveState="failed")
    unit(folder, "b.service", ActiveState="failed")
    (folder / "a.service.refuses").touch()
    failed = run({"name": "a.service"}, {"name": "b.service"})
    assert failed["calls"] == ["start a.service"]
    assert failed["msg"] == (
        "systemctl start a.service failed: Unit a.service is broken. "
        "Do: look at it: journalctl -n 20 -u a.service"
    )


def test_an_answer_that_is_not_understood(folder: Path, run: Run) -> None:
    """Fewer blocks than units: nothing is guessed."""
    (folder / "a.service").write_text("")
    failed = run({"name": "a.service"})
    assert failed["failed"]
    assert "1 units asked for, 0 answered" in failed["msg"]
