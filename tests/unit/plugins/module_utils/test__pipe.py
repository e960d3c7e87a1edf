"""Commands joined by pipes, with real processes: none fails unnoticed, and none is left behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _pipe
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)

CAT = Command(("cat",))
MIB = 1024 * 1024


def sh(script: str, *, enough: bool = False) -> Command:
    """A command of the shell's."""
    return Command(("sh", "-c", script), enough=enough)


def failed(*commands: Command, timeout_s: float = 60) -> PipeError:
    """Run what must fail."""
    with pytest.raises(PipeError) as refused:
        run_pipe(*commands, timeout_s=timeout_s)
    return refused.value


class TestData:
    """What goes through."""

    def test_one(self) -> None:
        """What a command prints is returned as it is."""
        assert run_pipe(sh(r"printf 'a\0\377\n'"), timeout_s=60) == b"a\0\xff\n"
        assert run_pipe(sh(":"), timeout_s=60) == b""

    def test_nothing_to_read(self) -> None:
        """The first one reads nothing, not what this process would."""
        assert run_pipe(CAT, timeout_s=60) == b""

    def test_several(self) -> None:
        """Each reads what the one before writes."""
        said = run_pipe(sh("echo one; echo two"), sh("tr a-z A-Z"), sh("tail -n 1"), timeout_s=60)
        assert said == b"TWO\n"

    def test_files(self, tmp_path: Path) -> None:
        """From one and to one; what is written is for nobody else, and replaces what was there."""
        source, target = tmp_path / "in", tmp_path / "out"
        source.write_bytes(b"hello")
        target.write_bytes(b"something longer than that")
        said = run_pipe(
            CAT, sh("tr a-z A-Z"), timeout_s=60, read_from=str(source), write_to=str(target)
        )
        assert (said, target.read_bytes()) == (b"", b"HELLO")
        target.unlink()
        run_pipe(CAT, timeout_s=60, read_from=str(source), write_to=str(target))
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_on_the_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A disk that cannot keep what was written is told when it is written, not at the next power cut."""

        def broken(_handle: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(OSError, match="Input/output error"):
            run_pipe(sh("echo x"), timeout_s=60, write_to=str(tmp_path / "out"))

    def test_environment_and_folder(self, tmp_path: Path) -> None:
        """A variable comes to those there are; where a command runs is said."""
        command = Command(
            ("sh", "-c", 'echo "$GIVEN $HOME"; pwd'), env={"GIVEN": "x"}, cwd=str(tmp_path)
        )
        home = os.environ.get("HOME", "")
        assert run_pipe(command, timeout_s=60).decode() == f"x {home}\n{tmp_path}\n"
        assert run_pipe(sh("pwd"), timeout_s=60) == b"/\n"

    def test_much_data_in_little_memory(self, tmp_path: Path) -> None:
        """What is written to a file, or read by the next command, never passes through this process."""
        program = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from {_pipe.__name__} import Command, run_pipe
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run_pipe(Command(("true",)), timeout_s=60)
before = peak()
run_pipe(Command(("head", "-c", "{200 * MIB}", "/dev/zero")), Command(("cat",)), Command(("cat",)),
         timeout_s=60, write_to={str(tmp_path / "out")!r})
print(peak() - before)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        grown_kib = int(done.stdout)
        (tmp_path / "out").unlink()
        assert grown_kib < 16 * 1024

    def test_much_is_said(self) -> None:
        """A command that complains without end does not block, and the end of it is kept."""
        error = failed(sh("yes complaint | head -n 200000 >&2; echo last words >&2; exit 3"))
        assert error.words.endswith("complaint\nlast words")
        assert len(error.words) <= 2000


# the commands -> who is told, with which code and words
TEST_CAUSES: list[tuple[str, list[Command], str, int, str]] = [
    ("one", [sh("echo why >&2; exit 3")], "sh failed with exit code 3: why", 3, "why"),
    ("one that says nothing", [Command(("false",))], "false failed with exit code 1", 1, ""),
    ("killed", [sh("kill -9 $$")], "sh was killed by signal 9", -9, ""),
    # The last one is content with what it got: that is the failure that goes unnoticed elsewhere.
    ("the first", [sh("echo half; exit 1"), CAT], "sh failed with exit code 1", 1, ""),
    ("the first is killed", [sh("echo half; kill -9 $$"), CAT], "sh was killed by", -9, ""),
    ("the middle", [sh("echo x"), sh("cat; exit 4"), CAT], "sh failed with exit code 4", 4, ""),
    ("the last", [sh("echo x"), sh("cat; exit 5")], "sh failed with exit code 5", 5, ""),
    # Its writer only noticed that nobody reads any more.
    (
        "the last, of a writer that goes on",
        [Command(("yes",)), sh("echo full >&2; exit 1")],
        "sh failed with exit code 1: full",
        1,
        "full",
    ),
    (
        "the last, of two writers that go on",
        [Command(("yes",)), CAT, sh("exit 6")],
        "sh failed with exit code 6",
        6,
        "",
    ),
    (
        "the last, of a writer that says so itself",
        [sh("trap '' PIPE; yes 2>/dev/null || { echo broken pipe >&2; exit 1; }"), sh("exit 7")],
        "sh failed with exit code 7",
        7,
        "",
    ),
    # Who was first, nobody can tell: the one may have got nothing from the other.
    (
        "a writer that says something else, and its reader",
        [sh("echo damaged >&2; exit 1"), sh("cat; echo short >&2; exit 8")],
        "sh failed with exit code 1: damaged; sh failed with exit code 8: short",
        1,
        "damaged",
    ),
    # It was not said that reading a part is enough.
    (
        "a reader that leaves early",
        [Command(("yes",)), Command(("head", "-n", "1"))],
        "yes was killed by signal 13",
        -13,
        "",
    ),
    # It was, but this one did not end because of that.
    (
        "a writer beside a reader that had enough",
        [sh("echo x; exit 3"), sh("head -n 1", enough=True)],
        "sh failed with exit code 3",
        3,
        "",
    ),
    (
        "a writer beside a reader that was content",
        [sh("echo damaged >&2; exit 1"), sh("cat", enough=True)],
        "sh failed with exit code 1: damaged",
        1,
        "damaged",
    ),
    (
        "a reader that had enough and failed",
        [Command(("yes",)), sh("head -n 1 >&2; exit 2", enough=True)],
        "sh failed with exit code 2: y",
        2,
        "y",
    ),
]


@pytest.mark.parametrize(
    "commands, said, code, words",
    [row[1:] for row in TEST_CAUSES],
    ids=[row[0] for row in TEST_CAUSES],
)
def test_cause(commands: list[Command], said: str, code: int, words: str) -> None:
    """The cause is told, by name, with how it ended and what it said."""
    error = failed(*commands)
    assert str(error).startswith(said)
    assert (error.code, error.words) == (code, words)


def test_enough() -> None:
    """A reader that may leave early costs its writer nothing."""
    for writer in (
        Command(("yes",)),
        sh("trap '' PIPE; yes 2>/dev/null || exit 1"),
        sh("echo only"),
    ):
        assert run_pipe(writer, sh("head -n 1", enough=True), timeout_s=60) in {b"y\n", b"only\n"}


def test_good_codes() -> None:
    """A code may be no failure of a command; any other one is, and so is the same of its neighbour."""
    changed = Command(("sh", "-c", "echo x; exit 1"), good=frozenset({0, 1}))
    assert run_pipe(changed, CAT, timeout_s=60) == b"x\n"
    assert failed(changed, sh("cat; exit 1")).code == 1
    worse = Command(("sh", "-c", "exit 2"), good=frozenset({0, 1}))
    assert failed(worse, CAT).code == 2


def test_not_installed() -> None:
    """What is not there is named, with what installs it; what runs already is ended."""
    error = failed(sh("sleep 600"), Command(("/nowhere/zstd", "-q")))
    assert str(error) == "zstd is not installed. Do: run playbooks/site.yml"
    assert children() == []


def children() -> list[str]:
    """Children of this process, dead ones that nobody has waited for included."""
    found = subprocess.run(
        ["ps", "-o", "ppid=,pid=,args=", "-A"], capture_output=True, text=True, check=True
    )
    mine = [line.split(maxsplit=2) for line in found.stdout.splitlines()]
    return [args for parent, _, args in mine if int(parent) == os.getpid() and "ps -o" not in args]


class TestTime:
    """Nothing waits for ever."""

    # what takes too long
    @pytest.mark.parametrize(
        "commands",
        [
            [Command(("sleep", "600"))],
            [Command(("sleep", "600")), CAT],
            [CAT, Command(("sleep", "600"))],
            [Command(("yes",)), CAT, sh("exec cat >/dev/null")],
            # The last one has ended; the first one has not noticed, because it writes nothing.
            [Command(("sleep", "600")), sh("exit 0", enough=True)],
        ],
    )
    @pytest.mark.parametrize("to_file", [False, True])
    def test_time_is_up(self, tmp_path: Path, commands: list[Command], *, to_file: bool) -> None:
        """It is told of all of them, and none of them is left."""
        started = time.monotonic()
        with pytest.raises(PipeError, match=r"^\w+( \| \w+)* did not end within 0 s$") as refused:
            run_pipe(*commands, timeout_s=0.2, write_to=str(tmp_path / "x") if to_file else "")
        assert refused.value.code == 0
        assert time.monotonic() - started < 60
        assert children() == []

    def test_what_was_said(self) -> None:
        """Why it took so long may stand there."""
        error = failed(sh("echo retrying >&2; exec sleep 600"), CAT, timeout_s=0.5)
        assert error.words == "retrying"
        assert str(error).endswith("s: retrying")

    def test_ended_from_outside(self) -> None:
        """Ctrl-C leaves nothing running either."""

        def interrupt(_signal: int, _frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                run_pipe(Command(("sleep", "600")), CAT, timeout_s=60)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert children() == []


def test_a_full_disk() -> None:
    """Of a disk that is full the one that writes speaks; the one before it is not to blame."""
    with pytest.raises(PipeError, match=r"^cat failed with exit code 1: .*No space left on device"):
        run_pipe(Command(("yes",)), CAT, timeout_s=60, write_to="/dev/full")
