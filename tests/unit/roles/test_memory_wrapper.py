"""The command planner-maintenance, with a systemd-run that only notes what it was asked."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "roles/memory/files/planner-maintenance"
SYSTEMD_RUN = """#!/bin/sh
echo "$@" >>"$0.log"
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
"""


class Wrapper:
    """The script on a lock of its own."""

    def __init__(self, folder: Path) -> None:
        """Install it."""
        self.lock = folder / "lock"
        self.scope = folder / "systemd-run"
        self.scope.write_text(SYSTEMD_RUN)
        self.scope.chmod(0o755)
        self.script = folder / "planner-maintenance"
        self.script.write_text(
            SCRIPT.read_text().replace("/run/lock/planner-maintenance.lock", str(self.lock))
        )
        self.environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it."""
        return subprocess.Popen(
            ["/bin/sh", str(self.script), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run it to its end."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=60)
            return process.returncode, out, err

    def holder(self) -> "subprocess.Popen[str]":
        """Start a job that has the lock and keeps it."""
        process = self.start("backup", "sh", "-c", "echo ready; exec sleep 60")
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process


@pytest.fixture
def wrapper(tmp_path: Path) -> Wrapper:
    """The script on a lock of its own."""
    return Wrapper(tmp_path)


@pytest.fixture
def backup(wrapper: Wrapper) -> Iterator["subprocess.Popen[str]"]:
    """A job that holds the lock."""
    process = wrapper.holder()
    yield process
    process.kill()
    process.communicate()


def test_passes_through(wrapper: Wrapper) -> None:
    """Output, errors, arguments and exit code are the command's own."""
    code = 'echo "$1"; echo problem >&2; exit 7'
    assert wrapper.run("job", "sh", "-c", code, "-", "two  words") == (
        7,
        "two  words\n",
        "problem\n",
    )


def test_scope(wrapper: Wrapper) -> None:
    """The command runs in a scope of the slice, named after the job, and is the first to be killed."""
    _, out, _ = wrapper.run("job", "cat", "/proc/self/oom_score_adj")
    assert out == "800\n"
    asked = Path(f"{wrapper.scope}.log").read_text()
    assert (
        "--scope --quiet --collect --slice=planner-maintenance.slice --unit=planner-maintenance-job-"
        in asked
    )


def test_says_who_holds_the_lock(wrapper: Wrapper, backup: "subprocess.Popen[str]") -> None:
    """Giving up is exit code 75, with the holder's name, id and start."""
    code, out, err = wrapper.run("--wait", "1", "upgrade", "echo", "never")
    assert (code, out) == (75, "")
    assert f"upgrade waits up to 1 s for backup (pid {backup.pid}, since 2" in err
    assert (
        f"upgrade gave up after 1 s: the lock is held by backup (pid {backup.pid}, since 2" in err
    )
    assert "Do: let it finish" in err


def test_waits(wrapper: Wrapper, backup: "subprocess.Popen[str]") -> None:
    """The next job starts when the holder is gone, however it ended."""
    with wrapper.start("--wait", "30", "upgrade", "echo", "now") as waiting:
        time.sleep(0.5)
        assert waiting.poll() is None
        backup.kill()
        assert waiting.communicate(timeout=30)[0] == "now\n"
        assert waiting.returncode == 0
    assert wrapper.lock.read_text().startswith(f"upgrade (pid {waiting.pid}, since ")


def test_lock_lives_as_long_as_the_job(wrapper: Wrapper) -> None:
    """A part of the job that outlives its first process still holds the lock."""
    started = time.monotonic()
    wrapper.run("job", "sh", "-c", "sleep 2 >/dev/null 2>&1 & exit 0")
    assert wrapper.run("--wait", "0", "next", "true")[0] == 75
    assert wrapper.run("--wait", "30", "next", "true")[0] == 0
    assert time.monotonic() - started >= 2


def test_nested(wrapper: Wrapper) -> None:
    """A job that calls the wrapper again does not wait for itself."""
    inner = ("/bin/sh", str(wrapper.script), "--wait", "0", "part", "echo", "done")
    assert wrapper.run("job", *inner) == (0, "done\n", "")


def test_lock_is_private(wrapper: Wrapper) -> None:
    """Nobody else may open it, and the command's umask is the caller's."""
    before = os.umask(0o022)
    try:
        assert wrapper.run("job", "sh", "-c", "umask")[1] == "0022\n"
    finally:
        os.umask(before)
    assert wrapper.lock.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("job",),
        ("--wait",),
        ("--wait", "soon", "job", "true"),
        ("--wait", "1"),
        ("two words", "true"),
        ("../job", "true"),
        ("--help",),
    ],
)
def test_wrong_use(wrapper: Wrapper, arguments: tuple[str, ...]) -> None:
    """What cannot be meant is refused with the usage, and no lock is taken."""
    code, out, err = wrapper.run(*arguments)
    assert (code, out) == (64, "")
    assert "Usage: planner-maintenance" in err
    assert not wrapper.lock.exists()
