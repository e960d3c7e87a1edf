"""Module ``backup_state`` on commands that stand in for a host's, and on real locks."""

import fcntl
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils import _backup_reader, _event_lock
from ansible_collections.planner.droplet.plugins.modules import backup_state

Run = Callable[[], dict[str, Any]]
Put = Callable[[str, str], None]

TIMER = """\
NextElapseUSecRealtime=Sat 2026-11-28 06:50:25 UTC
LastTriggerUSec=Sat 2026-11-28 06:20:25 UTC
Result=success
ActiveState=active
"""
FAILED = """\
Result=timeout
ExecMainExitTimestamp=Sat 2026-11-28 06:20:26 UTC
ActiveState=failed
"""
NEVER = """\
NextElapseUSecRealtime=
LastTriggerUSec=n/a
Result=success
ActiveState=inactive

Result=success
ExecMainExitTimestamp=
ActiveState=inactive
"""
SHOWN = f"{TIMER}\n{FAILED}\n{NEVER}\n{NEVER}"
UNITS = [f"{job}.{kind}" for job in _backup_reader.JOBS for kind in ("timer", "service")]


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lock that all maintenance takes; nobody holds it."""
    path = tmp_path / "maintenance.lock"
    path.touch()
    monkeypatch.setattr(_event_lock, "LOCK", str(path))
    return path


@pytest.fixture
def put(tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """A host that has only the commands that a test puts there; each notes how it was called."""
    assert lock.exists()

    monkeypatch.setattr(_backup_reader, "PROGRAM", str(tmp_path / "planner-backup"))
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
            backup_state.main()
        answer = json.loads(capsys.readouterr().out)
        assert answer["changed"] is False
        return dict(answer["backups"])

    return call


def show(text: str) -> str:
    """Print what systemctl does, if it is asked in English and in the time zone UTC."""
    return f"[ \"$LC_ALL $TZ\" = 'C.UTF-8 UTC' ] && /bin/cat <<'END'\n{text}END"


@pytest.mark.usefixtures("put")
def test_bare(run: Run) -> None:
    """Nothing is there: null, not good."""
    assert run() == {"status": None, "units": None, "busy": False, "error": "not installed"}


def test_everything(tmp_path: Path, put: Put, run: Run) -> None:
    """What the program tells as it is, and the units; each was asked once, and only asked."""
    put("planner-backup", """echo '{"local": 9, "now": 1800000000.5}'""")
    put("systemctl", show(SHOWN))
    never = {"active": False, "next": None, "last": None, "failed": False, "ended": None}
    assert run() == {
        "status": {"local": 9, "now": 1800000000.5},
        "units": {
            "planner-backup": {
                "active": True,
                "next": 1795848625,
                "last": 1795846825,
                "failed": True,
                "result": "timeout",
                "ended": 1795846826,
            },
            "planner-backup-check": {**never, "result": "success"},
            "planner-drill": {**never, "result": "success"},
        },
        "busy": False,
        "error": "",
    }
    assert (tmp_path / "calls").read_text().splitlines() == [
        "planner-backup status",
        f"systemctl show {_backup_reader.PROPERTIES} {' '.join(UNITS)}",
    ]


@pytest.mark.parametrize("script", ["exit 1", show(SHOWN) + "\nexit 1", "echo", show("A=1\n")])
def test_systemd_does_not_tell(put: Put, run: Run, script: str) -> None:
    """An answer for other than the six units, or none, is not one."""
    put("systemctl", script)
    assert run()["units"] is None


@pytest.mark.parametrize(
    "script, error",
    [
        (
            "echo 'planner-backup: settings.json is damaged. Do: x' >&2; exit 1",
            "ended with 1: planner-backup: settings.json is damaged. Do: x",
        ),
        ("printf 'Traceback\\n  line\\nOSError: x\\n\\n' >&2; exit 2", "ended with 2: OSError: x"),
        ("echo '[1]'", "ended with 0: [1]"),
        ("exit 3", "ended with 3: it said nothing"),
    ],
)
def test_program_does_not_tell(put: Put, run: Run, script: str, error: str) -> None:
    """Its last words say why; the timers are known all the same."""
    put("planner-backup", script)
    put("systemctl", show(SHOWN))
    seen = run()
    assert (seen["status"], seen["error"]) == (None, f"planner-backup status {error}")
    assert seen["units"]["planner-backup"]["active"] is True


@pytest.mark.usefixtures("put")
def test_busy(lock: Path, run: Run) -> None:
    """A lock that is held is seen, and never taken for the look."""
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run()["busy"] is True
    assert run()["busy"] is False
    with lock.with_name("another").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert run()["busy"] is False


def test_busy_while_it_is_asked(lock: Path, put: Put, run: Run) -> None:
    """What begins while the program tells is under way."""
    taken = lock.with_name("taken")
    put(
        "planner-backup",
        f"/bin/touch {taken}; while [ -e {taken} ]; do /bin/sleep 0.05; done; echo '{{}}'",
    )
    with lock.open() as file, ThreadPoolExecutor() as pool:
        pool.submit(_take, file, taken)
        assert run()["busy"] is True


def _take(file: TextIO, taken: Path) -> None:
    """Take the lock once the program is asked, and let it go on then."""
    while not taken.exists():
        time.sleep(0.05)
    fcntl.flock(file, fcntl.LOCK_EX)
    taken.unlink()


@pytest.mark.usefixtures("put")
def test_busy_not_known(lock: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that was never made is nobody's; a kernel that does not tell is not a no."""
    lock.unlink()
    assert run()["busy"] is False
    monkeypatch.setattr(_event_lock, "LOCKS", str(lock.with_name("locks")))
    assert run()["busy"] is None
