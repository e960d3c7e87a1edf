"""Errors out of logs, from a docker and a journalctl that say what was recorded."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_logs
from ansible_collections.planner.droplet.plugins.module_utils._watch_logs import (
    JOURNAL,
    Line,
    errors,
    sources,
)

from tests.unit.command_docker import Docker, says

SINCE = 1_800_000_000.0
NAME = "planner-backend-1"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A docker on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Docker(tmp_path)


def journal(folder: Path, *entries: Any, code: int = 0) -> None:
    """Put a journalctl on PATH that prints these."""
    lines = "".join(one if isinstance(one, str) else f"{json.dumps(one)}\n" for one in entries)
    program = folder / "journalctl"
    program.write_text(f'#!/bin/sh\necho "$*" > {folder}/asked\n{says(lines)}\nexit {code}\n')
    program.chmod(0o755)


def logged(docker: Docker, text: str) -> list[str]:
    """What of a container's log is an error."""
    docker.answer({f'"logs --since 1800000000 {NAME}"': says(text)})
    return [one.text for one in errors("planner", NAME, SINCE)]


ERRORS = [
    "2026-11-28 06:00:00,123 ERROR planner.db: no answer",
    "2026-11-28 06:00:00.123 UTC [57] FATAL:  the database system is starting up",
    "2026/11/28 06:00:00 [crit] 29#29: *1 SSL_do_handshake() failed",
    '{"level": "error", "event": "no answer"}',
    "1:M 28 Nov 2026 06:00:00.000 # Can't save in background",
    "sqlalchemy.exc.OperationalError: no answer",
    "KeyError: 'chat'",
    "panic: runtime error",
]
NO_ERRORS = [
    "Traceback (most recent call last):",
    '  File "/app/planner/errors.py", line 3, in handle',
    "INFO:     Application startup complete, ErrorHandler is there",
    'INFO:     203.0.113.9:1234 - "GET /ERROR HTTP/1.1" 404',
    '203.0.113.9 [2026-11-28T06:00:00+00:00] "GET /?q=ERROR HTTP/1.1" 404 0 0.001 - "FATAL"',
    "1:M 28 Nov 2026 06:00:00.000 * DB saved on disk",
    '{"level": "info", "event": "an error was mended"}',
]


def test_containers(docker: Docker) -> None:
    """What programs mark as an error is one; what visitors ask for and what explains one is not."""
    assert logged(docker, "\n".join([*NO_ERRORS, *ERRORS, *NO_ERRORS])) == ERRORS


def test_both_streams(docker: Docker) -> None:
    """A container's errors are read as well, colours are not."""
    docker.answer({'"logs "*': "echo ERROR one; printf '\\033[31mERROR\\033[0m two\\n' >&2"})
    assert list(errors("planner", "planner-a-b-12", SINCE)) == [
        Line("a-b", "ERROR one"),
        Line("a-b", "ERROR two"),
    ]


def test_long_and_foreign_lines(docker: Docker) -> None:
    """Of a long line the beginning counts, once; bytes that are no text do no harm."""
    docker.answer(
        {
            '"logs "*': "printf 'ERROR \\377\\n'; printf 'ERROR '; yes ERROR | head -n 9999 | tr '\\n' ' '"
        }
    )
    first, second = (one.text for one in errors("planner", NAME, SINCE))
    assert first == "ERROR \N{REPLACEMENT CHARACTER}"
    assert len(second) <= 2048


def test_sources(docker: Docker) -> None:
    """The journal and the project's containers, running or not."""
    docker.answer(
        {'"ps --all --filter label=com.docker.compose.project=planner "*': "echo b; echo a"}
    )
    assert sources("planner") == [JOURNAL, "a", "b"]


def test_journal(tmp_path: Path, docker: Docker) -> None:
    """Each entry is its program's; what containers wrote is left to Docker's logs."""
    assert docker.folder == tmp_path
    journal(
        tmp_path,
        {"MESSAGE": "error: closed", "SYSLOG_IDENTIFIER": "sshd"},
        {"MESSAGE": "first\nsecond", "_COMM": "cron"},
        {"MESSAGE": list(b"\xffoops"), "SYSLOG_IDENTIFIER": "kernel"},
        {"MESSAGE": "in a container", "SYSLOG_IDENTIFIER": "nginx", "CONTAINER_ID": "2ea8"},
        {"MESSAGE": None},
        {"MESSAGE": ["x"]},
        {},
        "7\n[]\nno json\n",
        {"MESSAGE": "nobody's"},
    )
    assert list(errors("planner", JOURNAL, SINCE)) == [
        Line("sshd", "error: closed"),
        Line("cron", "first"),
        Line("kernel", "\N{REPLACEMENT CHARACTER}oops"),
        Line("system", "nobody's"),
    ]
    asked = (tmp_path / "asked").read_text()
    assert "--priority=err --since=@1800000000 --output=json" in asked


def test_what_cannot_be_read(
    tmp_path: Path, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, after what could be read."""
    docker.answer({'"logs "*': "echo ERROR one; echo 'Error: no such container' >&2; exit 1"})
    found = errors("planner", NAME, SINCE)
    assert next(found).text == "ERROR one"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        list(found)
    assert caught.value.stderr == "Error: no such container"
    journal(tmp_path, code=1)
    with pytest.raises(subprocess.SubprocessError):
        list(errors("planner", JOURNAL, SINCE))
    docker.answer({'"logs "*': "exec sleep 60"})
    monkeypatch.setattr(_watch_logs, "TIMEOUT_S", 0.2)
    with pytest.raises(subprocess.SubprocessError):
        list(errors("planner", NAME, SINCE))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError):
        list(errors("planner", NAME, SINCE))
