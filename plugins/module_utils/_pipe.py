# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Commands joined by pipes, none of which fails unnoticed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_SAID = 2000


class PipeError(RuntimeError):
    """A command of a pipe failed: which one, how, and what it said."""

    def __init__(self, message: str, code: int = 0, words: str = "") -> None:
        """Keep what it said apart; the code is 0 where time was up."""
        super().__init__(message)
        self.code, self.words = code, words


@dataclass(frozen=True)
class Command:
    """One command.

    ``enough`` tells that it may end before it has read everything, as ``pg_restore --list`` does; ``good`` are the
    exit codes that are no failure.
    """

    words: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: str = "/"
    enough: bool = False
    good: frozenset[int] = frozenset({0})

    @property
    def name(self) -> str:
        """What people call it."""
        return os.path.basename(self.words[0])


def run_pipe(
    *commands: Command, timeout_s: float, read_from: str = "", write_to: str = ""
) -> bytes:
    """Run commands, each reading what the one before writes; return what the last one prints.

    ``read_from`` and ``write_to`` are files for the first and from the last; what is written is on the disk when
    this returns. Nothing is held in memory but the last output. Raises :class:`PipeError` with the first cause.
    """
    deadline = time.monotonic() + timeout_s
    with contextlib.ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
        source = stack.enter_context(open(read_from or os.devnull, "rb"))
        sink = None
        if write_to:
            handle = os.open(write_to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            sink = stack.enter_context(os.fdopen(handle, "wb"))
        running: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, running)
        before: IO[bytes] = source
        for number, command in enumerate(commands):
            is_last = number == len(commands) - 1
            process = _start(command, before, sink if is_last and sink else None, said[number])
            if before is not source:
                before.close()  # so that the writer notices when its reader ends
            running.append(process)
            if process.stdout is not None:
                before = stack.enter_context(process.stdout)
        out = b""
        try:
            if running[-1].stdout is not None:
                out = running[-1].communicate(timeout=timeout_s)[0]
            for process in reversed(running):
                process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired as error:
            names = " | ".join(one.name for one in commands)
            words = " ".join(filter(None, map(_words, said)))
            msg = f"{names} did not end within {timeout_s:.0f} s{': ' + words if words else ''}"
            raise PipeError(msg, words=words) from error
        _judge(commands, running, said)
        if sink is not None:
            os.fsync(sink.fileno())
        return out


def _start(
    command: Command, source: IO[bytes], sink: IO[bytes] | None, said: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - arguments as a list
            list(command.words),
            stdin=source,
            stdout=sink or subprocess.PIPE,
            stderr=said,
            env=None if command.env is None else {**os.environ, **command.env},
            cwd=command.cwd,
        )
    except FileNotFoundError as error:
        raise PipeError(f"{command.name} is not installed. Do: run playbooks/site.yml") from error


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Leave nothing behind, whatever happened."""
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def _judge(
    commands: Sequence[Command],
    running: Sequence[subprocess.Popen[bytes]],
    said: Sequence[IO[bytes]],
) -> None:
    """Raise with the cause, or with both where nobody can tell which one it is.

    A writer that a failed reader left alone is only its consequence.
    """
    codes = [process.returncode for process in running]
    causes: list[PipeError] = []
    for number, (command, code) in enumerate(zip(commands, codes, strict=True)):
        words = _words(said[number])
        reader = commands[number + 1] if number + 1 < len(commands) else None
        nobody_reads = reader is not None and (reader.enough or codes[number + 1] != 0)
        if code in command.good or (nobody_reads and _left_alone(code, words)):
            continue
        how = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
        said_so = f": {words}" if words else ""
        causes.append(PipeError(f"{command.name} {how}{said_so}", code, words))
    if causes:
        raise PipeError("; ".join(map(str, causes)), causes[0].code, causes[0].words)


def _left_alone(code: int, words: str) -> bool:
    """Tell whether a writer may have ended because nobody read any more; zstd and docker say so with 1."""
    broken = code == 1 and (not words or "roken pipe" in words)
    return broken or code in {-signal.SIGPIPE, 128 + signal.SIGPIPE}


def _words(said: IO[bytes]) -> str:
    """Read the end of what a command said."""
    said.seek(max(0, os.fstat(said.fileno()).st_size - _SAID))
    return said.read().decode(errors="replace").strip()
