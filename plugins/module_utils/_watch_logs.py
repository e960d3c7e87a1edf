# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The errors in the journal and in the logs of the project's containers, line by line.

A container that a release replaced took its log along.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ansible_collections.planner.droplet.plugins.module_utils._ask import ask, lines_of

JOURNAL = "journal"
TIMEOUT_S = 120.0
"""Seconds that reading one log may take."""
_MOST_BYTES = 2048
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# How programs mark an error: Python and PostgreSQL, nginx, JSON, Redis, and the last line of a traceback.
_ERROR = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|PANIC|EMERG)\b"
    r"|\[(?:error|crit|alert|emerg)\]"
    r"|\"(?:level|levelname|severity)\":\s*\"(?:error|critical|fatal)\""
    r"|^\d+:[MSCX] .{10,40} # "
    r"|^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception)\b"
    r"|^(?:error|fatal|panic): "
)
# What visitors ask for is no error, whatever words are in it: nginx' and uvicorn's access logs.
_ACCESS = re.compile(r"^\S+ \[\d{4}-\d\d-\d\dT[^\]]*\] \"|^INFO:\s+\S+ - \"")


@dataclass(frozen=True)
class Line:
    """One error and whose it is."""

    service: str
    text: str


def sources(project: str) -> list[str]:
    """Name the logs there are: the journal and the containers. Raises OSError or SubprocessError."""
    label = f"label=com.docker.compose.project={project}"
    names = ask("docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}")
    return [JOURNAL, *sorted(names.split())]


def errors(project: str, source: str, since: float) -> Iterator[Line]:
    """Read the errors of one source since a moment, in seconds since 1970. Raises OSError or SubprocessError."""
    if source == JOURNAL:
        yield from _journal(since)
        return
    service = re.sub(rf"^{re.escape(project)}-|-\d+$", "", source)
    for line in _both("docker", "logs", "--since", f"{since:.0f}", source):
        if _ERROR.search(line) and not _ACCESS.match(line):
            yield Line(service, line)


def _journal(since: float) -> Iterator[Line]:
    """Read what is marked as an error or worse; what containers wrote is read from Docker, with all of them."""
    names = "MESSAGE,SYSLOG_IDENTIFIER,_COMM,CONTAINER_ID"
    which = ("--quiet", "--no-pager", "--priority=err", f"--since=@{since:.0f}")
    how = ("--output=json", f"--output-fields={names}")
    for line in lines_of("journalctl", *which, *how, timeout_s=TIMEOUT_S):
        try:
            entry = json.loads(line)
            message = entry.get("MESSAGE")
        except (ValueError, AttributeError, RecursionError):
            continue
        if isinstance(message, list):  # not UTF-8
            with contextlib.suppress(ValueError, TypeError):
                message = bytes(message).decode(errors="replace")
        if isinstance(message, str) and message.strip() and "CONTAINER_ID" not in entry:
            name = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "system"
            yield Line(str(name), message.strip().splitlines()[0][:_MOST_BYTES])


def _both(*words: str) -> Iterator[str]:
    """Read what a command prints and complains, line by line, of long lines the beginning."""
    with subprocess.Popen(  # noqa: S603 - fixed program, arguments as a list
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        last = ""
        try:
            for last in _texts(process.stdout):
                yield last
            process.wait()
        finally:
            timer.cancel()
            process.kill()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words, stderr=last)


def _texts(stream: IO[bytes] | None) -> Iterator[str]:
    begins = True
    while stream and (chunk := stream.readline(_MOST_BYTES)):
        if begins and (text := chunk.decode(errors="replace").strip()):
            yield _COLOUR.sub("", text)
        begins = chunk.endswith(b"\n")
