"""The timer that settles an upgrade whose program is no more."""

import subprocess
import sys
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_upgrade_undo as undo


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What systemd is asked for."""
    made: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, **_how: made.append(list(words)))
    monkeypatch.setattr(sys, "argv", ["/usr/local/sbin/planner-upgrade-postgres"])
    return made


def test_arm(calls: list[list[str]]) -> None:
    """Another one ends first, also where it waits for the lock already; what fails is tried again, but not for ever."""
    undo.arm(30)
    assert calls == [
        ["systemctl", "--quiet", "stop", f"{undo.UNIT}.timer", f"{undo.UNIT}.service"],
        [
            *("systemd-run", "--quiet", "--unit", undo.UNIT, "--collect", "--on-active", "30"),
            *("--timer-property=AccuracySec=1s", "--property", "Restart=on-failure"),
            *("--property", "RestartSec=60", "--property", "StartLimitIntervalSec=3600"),
            *("--property", "StartLimitBurst=10"),
            *("/usr/local/sbin/planner-upgrade-postgres", "settle", "--wait", "36000"),
        ],
    ]


def test_disarm(calls: list[list[str]]) -> None:
    """Only the timer: what it started may be who asks."""
    undo.disarm_timer()
    assert calls == [["systemctl", "--quiet", "stop", f"{undo.UNIT}.timer"]]


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("systemctl", 60)])
def test_without_systemd(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The upgrade goes on: the next run settles it as well."""

    def fails(*_words: Any, **_how: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fails)
    undo.arm(30)
    undo.disarm_timer()
