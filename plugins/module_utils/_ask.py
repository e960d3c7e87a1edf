# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Commands that only read: asked with little patience, in English, with times in UTC."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import threading
from collections.abc import Generator, Sequence

WAITS_S = 10.0
_WORDS = 300


def ask(*command: str, accepted: tuple[int, ...] = (0,), timeout_s: float = WAITS_S) -> str:
    """Return what a command prints. Raises OSError, or SubprocessError with what it said.

    ``accepted`` are its exit codes that are an answer, unless it complains.
    """
    done = subprocess.run(  # noqa: S603 - fixed programs, arguments as a list
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
        env=_environment(),
    )
    if done.returncode not in accepted or (done.returncode and done.stderr.strip()):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


def lines_of(*command: str, timeout_s: float = WAITS_S) -> Generator[str, None, None]:
    """Give the lines that a command prints one by one: all of them may be too large for memory.

    Raises as ``ask`` does, at the end.
    """
    with subprocess.Popen(  # noqa: S603 - fixed programs, arguments as a list
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env=_environment(),
    ) as process:
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        try:
            yield from process.stdout or ()
            process.wait()
        finally:
            timer.cancel()
            process.kill()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def show_units(properties: str, names: Sequence[str]) -> list[dict[str, str]] | None:
    """Ask systemd for properties of units, one block each; None where it does not tell of every one."""
    try:
        # systemd writes times in the time zone of whoever asks.
        out = ask("systemctl", "show", properties, *names)
    except (OSError, subprocess.SubprocessError):
        return None
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in out.strip().split("\n\n")
    ]
    return blocks if len(blocks) == len(names) else None


def moment(text: str) -> float | None:
    """Read what systemd writes, such as Sat 2026-11-28 06:50:25 UTC; None for never."""
    try:
        _, day, time, zone = text.split()
        found = dt.datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError:
        return None
    return found.timestamp() if zone == "UTC" else None


def words(error: BaseException) -> str:
    """Say in one line why something could not be read."""
    said = str(getattr(error, "stderr", None) or "").strip().splitlines()
    if isinstance(error, subprocess.CalledProcessError):
        said = said[-1:] or [f"{error.cmd[0]} ended with {error.returncode}"]
    elif isinstance(error, subprocess.TimeoutExpired):
        said = [f"{error.cmd[0]} did not end within {error.timeout:.0f} s"]
    elif isinstance(error, FileNotFoundError) and error.filename:
        said = [f"{error.filename} is missing"]
    else:
        said = [str(error) or type(error).__name__]
    return " ".join(said[0].split())[:_WORDS]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
