"""The lock that every event takes, with processes of their own: what the kernel does is not modelled."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import event_lock

# It starts a child, as a release does, which must not keep the lock when its parent dies.
HOLDER = """
import subprocess, sys
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import event_lock
with event_lock(sys.argv[1], sys.argv[2], 0):
    nothing = subprocess.DEVNULL
    child = subprocess.Popen(["sleep", "60"], stdin=nothing, stdout=nothing)
    print(child.pid, flush=True)
    sys.stdin.readline()
child.kill()
"""
Hold = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A lock file that is not there yet."""
    return str(tmp_path / "event.lock")


@pytest.fixture
def hold(path: str, root: Path) -> Iterator[Hold]:
    """Start a process that holds the lock until it reads a line."""
    started: list[subprocess.Popen[str]] = []
    children: list[int] = []

    def start(name: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, path, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root / ".collections")},
        )
        started.append(process)
        assert process.stdout
        children.append(int(process.stdout.readline()))
        return process

    yield start
    for child in children:
        command = Path(f"/proc/{child}/cmdline")
        if command.exists() and command.read_bytes().startswith(b"sleep"):
            os.kill(child, signal.SIGKILL)
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def test_its_holder_is_named_in_it(path: str) -> None:
    """Whoever looks sees what is running, as which process; an older name does not stay."""
    Path(path).write_text("the backup of the database (pid 99999)\n")
    with event_lock(path, "a release", 0):
        assert Path(path).read_text() == f"a release (pid {os.getpid()})\n"


def test_a_second_one_waits_for_its_turn(path: str, hold: Hold) -> None:
    """It goes on as soon as the first one ended."""
    first = hold("the backup")
    assert first.stdin
    began = time.monotonic()
    end = threading.Timer(0.7, first.stdin.close)
    end.start()
    with event_lock(path, "a release", 30):
        assert 0.7 <= time.monotonic() - began < 20
        assert Path(path).read_text().startswith("a release")
    end.join()
    assert first.wait(10) == 0


def test_it_gives_up_and_names_the_holder(path: str, hold: Hold) -> None:
    """After its time it says who has been running, as which process, and does nothing."""
    first = hold("the restore drill")
    began = time.monotonic()
    says = (
        f"the restore drill (pid {first.pid}) has been running for more than 1 s and holds {path}"
    )
    with pytest.raises(DockerError, match=re.escape(says)), event_lock(path, "a release", 1):
        pytest.fail("two events at once")
    assert 1 <= time.monotonic() - began < 10
    assert Path(path).read_text() == f"the restore drill (pid {first.pid})\n", (
        "it is still the holder's"
    )


def test_a_dead_holder_holds_nothing(path: str, hold: Hold) -> None:
    """Killed without any chance to clean up, also with children that live on, it is free at once."""
    first = hold("the backup")
    first.kill()
    first.wait()
    with event_lock(path, "a release", 0):
        assert Path(path).read_text().startswith("a release")


def test_an_error_inside_frees_it(path: str) -> None:
    """An event that fails lets the next one run."""
    with pytest.raises(DockerError, match="WHY"), event_lock(path, "a release", 0):
        raise DockerError("WHY")
    with event_lock(path, "the backup", 0):
        pass
