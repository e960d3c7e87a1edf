"""Commands that only read, for real."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._ask import (
    ask,
    lines_of,
    moment,
    show_units,
    words,
)

from tests.unit.look_bench import Host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host without commands."""
    return Host(tmp_path, monkeypatch)


def test_answers() -> None:
    """An accepted exit code without complaint is an answer; it comes in English, with times in UTC."""
    assert ask("sh", "-c", "echo a; exit 1", accepted=(0, 1)) == "a\n"
    assert ask("sh", "-c", 'echo "$LC_ALL $TZ"') == "C.UTF-8 UTC\n"
    assert list(lines_of("sh", "-c", "echo a; printf '\\377b'")) == ["a\n", "\ufffdb"]


@pytest.mark.parametrize("script", ["exit 2", "echo no >&2; exit 1"])
def test_fails(script: str) -> None:
    """A failure, and an accepted exit code with a complaint, are errors."""
    with pytest.raises(subprocess.CalledProcessError):
        ask("sh", "-c", script, accepted=(0, 1))


def test_lines_fail() -> None:
    """What was printed before the failure is given, then the failure; who stops reading ends the command."""
    lines = lines_of("sh", "-c", "echo a; exit 3")
    assert next(lines) == "a\n"
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        next(lines)
    endless = lines_of("sh", "-c", "while echo a; do :; done")
    assert next(endless) == "a\n"
    endless.close()


def _read(*command: str, timeout_s: float) -> None:
    list(lines_of(*command, timeout_s=timeout_s))


@pytest.mark.parametrize("call", [ask, _read])
def test_waits_no_longer(call: Callable[..., object]) -> None:
    """A command that hangs is ended."""
    with pytest.raises(subprocess.SubprocessError) as raised:
        call("sleep", "60", timeout_s=0.1)
    assert words(raised.value).startswith("sleep ")


@pytest.mark.parametrize(
    "error, text",
    [
        (subprocess.CalledProcessError(1, ["df"], "", "first\nlast  word\n"), "last word"),
        (subprocess.CalledProcessError(4, ["df"]), "df ended with 4"),
        (subprocess.TimeoutExpired(["df", "-h"], 10), "df did not end within 10 s"),
        (FileNotFoundError(2, "No such file", "df"), "df is missing"),
        (OSError("disk\nbroken"), "disk broken"),
        (ValueError(), "ValueError"),
    ],
)
def test_words(error: Exception, text: str) -> None:
    """One line says why."""
    assert words(error) == text


def test_units(host: Host) -> None:
    """A block for each unit, or nothing."""
    assert show_units("--property=Result", ["a", "b"]) is None
    host.prints("systemctl", "Result=success\n\nResult=timeout=1")
    assert show_units("--property=Result", ["a", "b"]) == [
        {"Result": "success"},
        {"Result": "timeout=1"},
    ]
    assert show_units("--property=Result", ["a"]) is None
    assert host.calls[0] == "systemctl show --property=Result a b"


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("Sat 2026-11-28 06:50:25 UTC", 1795848625),
        ("Sat 2026-11-28 06:50:25.250000 UTC", 1795848625.25),
        ("Sat 2026-11-28 06:50:25 JST", None),
        ("Sat 2026-11-31 06:50:25 UTC", None),
        ("infinity", None),
        ("", None),
    ],
)
def test_moment(text: str, seconds: float | None) -> None:
    """Only what is certain: a time in another zone is not guessed."""
    assert moment(text) == seconds
