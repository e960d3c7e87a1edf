"""Module ``certificate_state`` on commands that stand in for a host's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _certificate_reader
from ansible_collections.planner.droplet.plugins.modules import certificate_state

Run = Callable[[], dict[str, Any]]
Put = Callable[[str, str], None]

SHOWN = """\
NextElapseUSecRealtime=Sat 2026-11-28 06:50:25 UTC
LastTriggerUSec=Sat 2026-11-28 06:20:25 UTC
Result=success
ActiveState=active

Result=exit-code
ActiveState=failed
"""
NEVER = """\
NextElapseUSecRealtime=
LastTriggerUSec=n/a
Result=success
ActiveState=inactive

Result=success
ActiveState=inactive
"""


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """A host that has only the commands that a test puts there; each notes how it was called."""
    monkeypatch.setattr(_certificate_reader, "PROGRAM", str(tmp_path / "planner-tls"))
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name: str, script: str) -> None:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/calls\n{script}\n')
        path.chmod(0o755)

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the module in check mode, as a preview does."""

    def call() -> dict[str, Any]:
        with patch_module_args({"_ansible_check_mode": True}), pytest.raises(SystemExit):
            certificate_state.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["changed"] is False
        return dict(answer["certificate"])

    return call


def show(text: str) -> str:
    """Print what systemctl does, if it is asked in English and in the time zone UTC."""
    return f"[ \"$LC_ALL $TZ\" = 'C.UTF-8 UTC' ] && /bin/cat <<'END'\n{text}END"


@pytest.mark.usefixtures("put")
def test_bare(run: Run) -> None:
    """Nothing is there: null, not good."""
    expected = {"status": None, "timer": None, "service": None, "error": "not installed"}
    assert run() == expected


def test_everything(tmp_path: Path, put: Put, run: Run) -> None:
    """What the program tells as it is, and the units; each was asked once, and only asked."""
    put("planner-tls", """echo '{"subjects": ["planner.example"], "clock": 1800000000.5}'""")
    put("systemctl", show(SHOWN))
    assert run() == {
        "status": {"subjects": ["planner.example"], "clock": 1800000000.5},
        "timer": {"active": True, "next": 1795848625, "last": 1795846825},
        "service": {"failed": True, "result": "exit-code"},
        "error": "",
    }
    assert (tmp_path / "calls").read_text().splitlines() == [
        "planner-tls status",
        f"systemctl show {_certificate_reader.PROPERTIES} certbot.timer certbot.service",
    ]


def test_timer_that_never_ran(put: Put, run: Run) -> None:
    """Never is null, and so is a time of which systemd knows none; a missing unit is not active."""
    put("systemctl", show(NEVER))
    seen = run()
    assert seen["timer"] == {"active": False, "next": None, "last": None}
    assert seen["service"] == {"failed": False, "result": "success"}


@pytest.mark.parametrize("script", ["exit 1", show(SHOWN) + "\nexit 1", "echo", show("A=1\n")])
def test_systemd_does_not_tell(put: Put, run: Run, script: str) -> None:
    """An answer for other than two units, or none, is not one."""
    put("systemctl", script)
    seen = run()
    assert (seen["timer"], seen["service"]) == (None, None)


@pytest.mark.parametrize(
    "script, error",
    [
        (
            "echo 'planner-tls: settings.json is damaged. Do: x' >&2; exit 1",
            "ended with 1: planner-tls: settings.json is damaged. Do: x",
        ),
        ("printf 'Traceback\\n  line\\nOSError: x\\n\\n' >&2; exit 2", "ended with 2: OSError: x"),
        ("echo '[1]'", "ended with 0: [1]"),
        ("exit 3", "ended with 3: it said nothing"),
    ],
)
def test_program_does_not_tell(put: Put, run: Run, script: str, error: str) -> None:
    """Its last words say why; the timer is known all the same."""
    put("planner-tls", script)
    put("systemctl", show(SHOWN))
    seen = run()
    assert (seen["status"], seen["error"]) == (None, f"planner-tls status {error}")
    assert seen["timer"]["active"] is True
