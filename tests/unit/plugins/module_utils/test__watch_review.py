"""The weekly review: what is new among a week's errors."""

import json
import stat
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_review import (
    MOST_PATTERNS,
    Known,
    Pattern,
    Review,
    read_known,
    review,
    write_known,
    write_review,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import Memory, save

from tests.unit.command_docker import Docker, says

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
DAY = 86400.0
AWAY = "ERROR no answer from 203.0.113.9 after 7 s"
AGAIN = "ERROR no answer from 198.51.100.7 after 12 s"
FULL = "FATAL: no space left, password=open-sesame"


class Machine:
    """A machine with a journal and two containers."""

    def __init__(self, folder: Path) -> None:
        """Keep docker and journalctl in a folder."""
        self.folder = folder
        self.docker = Docker(folder)
        self.says()

    def says(self, backend: str = "", postgres: str = "", journal: str = "") -> None:
        """Decide what the logs have; shell commands."""
        self.docker.answer(
            {
                '"ps "*': "echo planner-backend-1; echo planner-postgres-1",
                '"logs "*planner-backend-1': backend or ":",
                '"logs "*planner-postgres-1': postgres or ":",
            }
        )
        program = self.folder / "journalctl"
        program.write_text(f"#!/bin/sh\n{journal or ':'}\n")
        program.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Its programs come first on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Machine(folder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A project of its own."""
    (tmp_path / "watch").mkdir()
    return Settings(project_dir=str(tmp_path), host="planner-1")


def lines(*texts: str) -> str:
    """Shell commands that print lines."""
    return says("".join(f"{text}\n" for text in texts))


def found(known: Known | None = None) -> Review:
    """Review the machine, whose logs say what they say."""
    return review("planner", known or Known(), NOW)


def test_new_kinds(machine: Machine) -> None:
    """Lines of one kind are counted together, the most frequent come first, secrets are blanked."""
    machine.says(
        backend=lines(FULL, AWAY, AGAIN, "INFO fine"),
        journal=lines(json.dumps({"MESSAGE": "oops 1", "SYSLOG_IDENTIFIER": "kernel"})),
    )
    seen = found()
    assert [(one.service, one.count, one.example) for one in seen.new] == [
        ("backend", 2, AWAY),
        ("backend", 1, "FATAL: no space left, password=***"),
        ("kernel", 1, "oops 1"),
    ]
    assert (seen.lines, seen.again, seen.left_out, seen.findings) == (4, 0, 0, ())
    assert b"sesame" not in seen.known.to_json()


def test_known_kinds(machine: Machine) -> None:
    """What was seen before is not new, whatever its numbers; another service's is."""
    machine.says(backend=lines(AWAY))
    before = found().known
    machine.says(backend=lines(AGAIN, AGAIN), postgres=lines(AGAIN))
    later = review("planner", before, NOW + 7 * DAY)
    assert [one.service for one in later.new] == ["postgres"]
    assert (later.again, later.since) == (1, NOW)
    (kept,) = (one for one in later.known.patterns if one.service == "backend")
    assert (kept.first, kept.last, kept.count) == (NOW, NOW + 7 * DAY, 2)


@pytest.mark.parametrize(
    "reviewed, since",
    [
        (0, NOW - 7 * DAY),
        (NOW - DAY, NOW - DAY),
        (NOW - 90 * DAY, NOW - 31 * DAY),
        (NOW + DAY, NOW),
    ],
)
def test_since(machine: Machine, reviewed: float, since: float) -> None:
    """Logs are read from the last review on, the first time for a week, never for more than a month."""
    assert found(Known(reviewed=reviewed)).since == since
    assert any(f"--since {since:.0f} " in call for call in machine.docker.calls)


def test_what_cannot_be_read(machine: Machine) -> None:
    """It is unknown, hides nothing else, and is read again the next time."""
    machine.says(
        backend="echo 'Error: token=open-sesame is wrong' >&2; exit 1",
        postgres=lines(FULL),
        journal="exit 3",
    )
    seen = found(Known(reviewed=NOW - DAY))
    assert [(one.severity, one.subject, one.what) for one in seen.findings] == [
        (UNKNOWN, "journal", "its log could not be read: journalctl ended with 3"),
        (UNKNOWN, "planner-backend-1", "its log could not be read: Error: token=*** is wrong"),
    ]
    assert [one.service for one in seen.new] == ["postgres"]
    assert seen.known.reviewed == NOW - DAY
    assert found().known.reviewed == 0
    machine.docker.answer({"*": "exit 1"})
    assert [one.subject for one in found().findings] == ["containers", "journal"]


def test_bounded(machine: Machine) -> None:
    """More kinds than are kept are counted, but not told apart; of those before the latest stay."""
    letters = "abcdefghijklmnop"
    names = [f"{one}{two}{three}" for one in letters for two in letters for three in letters]
    machine.says(backend=lines(*(f"ERROR {name}" for name in names[:2100])))
    old = Known((Pattern("backend", "ERROR old", 1, 1), Pattern("backend", "ERROR later", 1, 2)))
    seen = found(old)
    assert (len(seen.new), seen.left_out, seen.lines) == (MOST_PATTERNS, 100, 2100)
    assert len(seen.known.patterns) == MOST_PATTERNS
    machine.says(backend=lines("ERROR one", "ERROR two"))
    kept = review("planner", seen.known, NOW + DAY).known.patterns
    assert len(kept) == MOST_PATTERNS
    assert {one.kind for one in kept if one.last == NOW + DAY} == {"ERROR one", "ERROR two"}


def test_message(machine: Machine) -> None:
    """Ten kinds at most are shown; what is not well comes after them, the worst first."""
    machine.says(backend=lines(*(f"ERROR {'x' * index}" for index in range(1, 13))))
    said = found().message_lines(
        [
            Finding(WARNING, "disk", "/", "it is nearly full", "sudo planner-watch clean"),
            Finding(PROBLEM, "webhook", "webhook", "it is wrong"),
        ]
    )
    assert said[0] == "12 errors since 2027-01-08, 12 of their kinds new, 0 known"
    assert said[1] == "- 1 x backend: ERROR x"
    assert said[11:] == [
        "- and 2 kinds less frequent",
        "PROBLEM webhook: it is wrong",
        "WARNING disk /: it is nearly full",
        "  Do: sudo planner-watch clean",
    ]


def test_file(tmp_path: Path) -> None:
    """What is known is read as it was written, without the examples, by nobody else."""
    path = tmp_path / "watch" / "patterns.json"
    assert read_known(str(path)) == Known()
    known = Known((Pattern("backend", "ERROR <n>", 1, 2, 3, "ERROR 7"),), NOW)
    write_known(str(path), known)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_known(str(path)) == Known((Pattern("backend", "ERROR <n>", 1, 2, 3),), NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"patterns": 7, "reviewed": "x"}',
        '{"patterns": [7, {}, {"service": 1, "kind": "x", "first": 1, "last": 1}]}',
        '{"patterns": [{"service": "a", "kind": "x", "first": -1, "last": 1}]}',
        '{"reviewed": 1' + "0" * 400 + "}",
        "\xff",
    ],
)
def test_damaged_file(tmp_path: Path, text: str) -> None:
    """Nothing is known then: too much is told rather than too little."""
    path = tmp_path / "patterns.json"
    path.write_bytes(text.encode("latin-1"))
    assert read_known(str(path)) == Known()


def test_the_verb(machine: Machine, settings: Settings) -> None:
    """News go into a message once; then there is none, until something stands."""
    assert write_review(settings, NOW) is None
    machine.says(backend=lines(AWAY))
    first = write_review(settings, NOW + 60)
    assert first is not None
    assert first.text().splitlines() == [
        "REVIEW planner-1: 1 new kind of errors",
        "1 error since 2027-01-15, 1 of their kinds new, 0 known",
        f"- 1 x backend: {AWAY}",
    ]
    assert (first.kind, first.severity, first.at, first.urgent) == (
        "report",
        WARNING,
        NOW + 60,
        False,
    )
    assert write_review(settings, NOW + DAY) is None
    memory = Memory()
    memory.findings = {
        "disk": [Finding(WARNING, "disk", "/", "it is nearly full").to_dict()],
        "services": [
            Finding(UNKNOWN, "swap", "swap", "it cannot be seen in a container").to_dict(),
            {"severity": "what"},
        ],
    }
    save(settings, memory)
    second = write_review(settings, NOW + 2 * DAY)
    assert second is not None
    assert second.lines[1:] == ("WARNING disk /: it is nearly full",)
    machine.says(journal="exit 1")
    third = write_review(settings, NOW + 3 * DAY)
    assert third is not None
    assert third.severity == UNKNOWN
