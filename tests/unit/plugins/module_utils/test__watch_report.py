"""The report of a month: its summary, and the file it leaves."""

import stat
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import append_told
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    RAISED,
    RECOVERED,
    Message,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_report import (
    MOST_LETTERS,
    monthly,
    write_report,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    Settings,
    WatchError,
)

from tests.unit.watch_month import CYCLE, END, facts, made_up

SITE = "ansible-playbook playbooks/site.yml --tags stack"
BACKUPS = (
    "backups: the last good one is 5 hours old",
    "backups: the newest off-site is 5 hours old",
    "backups: the last drill passed 5 days ago",
)


def test_summary(tmp_path: Path) -> None:
    """The most important comes first: how long it was down, what is not well, then numbers, then what is good."""
    told = [(END, RAISED, "a"), (END, RECOVERED, "a"), (END, RAISED, "b")]
    said = monthly(facts(made_up(tmp_path, down=(1, 25, 26, 50, 70)), told=told), "/x.html")
    assert said.text().splitlines() == [
        "REPORT planner-1: November 2026, up 99.25 %",
        "Down for 5 h, 1 h 43 min left of the 6 h 43 min that 99 % allow",
        "- 2026-11-04 01:00 UTC for 2 h",
        "- 2026-11-03 01:00 UTC for 1 h",
        "- 2026-11-05 02:00 UTC for 1 h",
        "- and 1 shorter one",
        "WARNING nginx: nginx:1.28-alpine has become newer: aa -> bb https://github.com/nginx/nginx/releases",
        f"  Do: set the image of nginx in droplet_services to nginx:1.28-alpine@sha256:bb, then {SITE}",
        "Answers: half within 54 ms, 95 % within 84 ms",
        "Requests: 6,720, 5 server errors (0.07 %)",
        "At most: memory 623 of 967 MiB, swap 50 of 1024 MiB, disk 56.7 %",
        f"Good: {'; '.join(BACKUPS)}",
        "Good: updates: ran; restart: none is needed",
        "Alerts: 2",
        "Cost: $7.20 a month",
        "All of it: /x.html",
    ]
    assert (said.kind, said.severity, said.at, said.urgent) == ("report", "warning", END, False)


def test_nothing_was_seen(tmp_path: Path) -> None:
    """Then nothing is claimed."""
    said = monthly(facts(made_up(tmp_path, first=30), sections=(), monthly_usd=None))
    assert said.text().splitlines() == [
        "REPORT planner-1: November 2026, nothing was seen",
        "Alerts: 0",
    ]
    assert said.severity == "ok"


def test_short_enough(tmp_path: Path) -> None:
    """However much is wrong, every channel takes it, and where all of it is stays."""
    bad = {"severity": "problem", "subject": "x" * 300, "what": "y" * 900, "do": "z" * 900}
    said = monthly(facts(made_up(tmp_path), sections=[{"findings": [bad] * 30}]), "/x.html")
    assert len(said.text()) <= MOST_LETTERS
    assert said.lines[-1] == "All of it: /x.html"
    assert said.severity == "problem"
    few = {**bad, "what": "y", "do": "z", "subject": "x"}
    text = monthly(facts(made_up(tmp_path), sections=[{"findings": [few] * 30}])).text()
    assert "... and 18 more on the page" in text


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project on a machine whose programs do not answer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("docker", "systemctl", "apt-get", "dpkg-query"):
        (programs / name).write_text("#!/bin/sh\necho away >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return Settings(project_dir=str(tmp_path / "planner"), host="planner-1", cycle_s=CYCLE)


def test_the_verb(settings: Settings) -> None:
    """The last month is the default; the page is for root alone; what does not answer is told, not left out."""
    history = Path(settings.kept("history"))
    made_up(history)
    append_told(str(history), [Message(RAISED, "PROBLEM planner-1: disk /: it is full")], END - 60)
    said = write_report(settings, "", END + 86400)
    path = Path(settings.path("docs", "report-2026-11.html"))
    assert said.lines[-1] == f"All of it: {path}"
    assert said.title == "REPORT planner-1: November 2026, up 100 %"
    assert "Alerts: 1" in said.lines
    assert any(
        line.startswith("UNKNOWN images: they could not be seen: away") for line in said.lines
    )
    assert any(line.startswith("UNKNOWN backups: they could not be seen") for line in said.lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "disk /: it is full" in path.read_text()
    # Since the last of November nobody has looked.
    assert write_report(settings, "2026-12", END + 86400).title.endswith("December 2026, up 0 %")


@pytest.mark.parametrize("name", ["2026-13", "11-2026", "2027-02", "../x", "2026-11\n"])
def test_no_month(settings: Settings, name: str) -> None:
    """What is no month, or is still to come, has no report."""
    with pytest.raises(WatchError, match="no month that was"):
        write_report(settings, name, END + 86400)
    assert not Path(settings.path("docs")).exists()
