"""The log of backups: what a power cut leaves is read, and a run that never ended is written down."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import (
    BACKUP,
    CHECK,
    DRILL,
    FAILED,
    GOOD,
    INTERRUPTED,
    LOG_FILE,
    RESTORE,
    RUNNING_FILE,
    UNVERIFIED,
    UPLOAD,
    Log,
    Run,
    last,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

FULL = Run(
    kind=DRILL,
    ended="2026-11-28T04:03:00Z",
    result=UNVERIFIED,
    seconds=14.2,
    number=17,
    made="2026-11-28T02:00:11Z",
    reason="the storage does not answer",
    size=3_000_000_000,
    rows=12,
    steps=(("the archive opens", "passed", 3.1), ("the schema comes back", UNVERIFIED, 0.5)),
    offsite=True,
)
A = Run(BACKUP, "2026-11-26T02:00:00Z", GOOD, number=1)
B = Run(UPLOAD, "2026-11-26T02:01:00Z", FAILED, reason="no")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log that nothing was written to yet."""
    return Log(str(tmp_path))


def text(log: Log) -> str:
    """The file as it is."""
    return Path(log.path).read_text()


class TestRun:
    """One line."""

    def test_there_and_back(self) -> None:
        """A run is one line with sorted keys, and is read as it was written."""
        line = FULL.to_json()
        assert "\n" not in line
        assert list(json.loads(line)) == sorted(json.loads(line))
        assert list(parse([line, A.to_json()])) == [FULL, A]

    def test_unknown_keys(self) -> None:
        """What a later version added is left out."""
        given_ = {"kind": BACKUP, "ended": "x", "result": GOOD, "colour": "red"}
        assert Run.from_dict(given_) == Run(BACKUP, "x", GOOD)

    @pytest.mark.parametrize(
        "given_",
        [
            7,
            None,
            [],
            "kind ended result",
            {},
            {"kind": BACKUP, "result": GOOD},
            {**json.loads(A.to_json()), "steps": 7},
            {**json.loads(A.to_json()), "steps": [["a", "b"]]},
            {**json.loads(A.to_json()), "steps": [["a", "b", "c"]]},
            {**json.loads(A.to_json()), "steps": [["a", "b", None]]},
        ],
    )
    def test_no_run(self, given_: object) -> None:
        """Half of one is none."""
        with pytest.raises(ValueError, match=r".+"):
            Run.from_dict(given_)


# what is in the file -> what is read
TEST_TORN: list[tuple[str, list[Run]]] = [
    ("", []),
    ("\n \n", []),
    (f"{A.to_json()}\n{B.to_json()}", [A, B]),
    (f"{A.to_json()}\n{B.to_json()[:40]}", [A]),
    (f"{A.to_json()[:40]}\n{B.to_json()}\n", [B]),
    (f"{A.to_json()[:40]}{B.to_json()}\n{A.to_json()}", [A]),
    (f"{A.to_json()}\r\n\0\0\0\n[[1]]\n7\n{B.to_json()}\n", [A, B]),
    ("[" * 100_000 + f"\n{A.to_json()}\n", [A]),
    ('{"number": ' + "9" * 5000 + f"}}\n{A.to_json()}\n", [A]),
]


@pytest.mark.parametrize("content, expected", TEST_TORN)
def test_torn_lines(log: Log, content: str, expected: list[Run]) -> None:
    """They cost themselves only, wherever they are."""
    Path(log.path).write_text(content)
    assert list(log.read().runs) == expected


@settings(max_examples=50)
@given(st.binary(max_size=20), st.integers(0, 700))
def test_any_noise(tmp_path_factory: pytest.TempPathFactory, noise: bytes, cut: int) -> None:
    """Whatever the disk made of one line, the log is read, and goes on."""
    log = Log(str(tmp_path_factory.mktemp("log")))
    line = FULL.to_json().encode()
    Path(log.path).write_bytes(
        b"%s\n%s%s%s\n%s\n" % (A.to_json().encode(), line[:cut], noise, line[cut:], line)
    )
    log.end(B)
    found = log.read().runs
    assert (found[0], found[-2:]) == (A, (FULL, B))


class TestEnd:
    """Writing down."""

    def test_added(self, log: Log) -> None:
        """The newest is last; the file is root's."""
        assert log.read().runs == ()
        log.end(A)
        log.end(B, FULL)
        assert log.read().runs == (A, B, FULL)
        assert text(log) == f"{A.to_json()}\n{B.to_json()}\n{FULL.to_json()}\n"
        assert Path(log.path).stat().st_mode & 0o777 == 0o600
        assert [one.name for one in Path(log.folder).iterdir()] == [LOG_FILE]

    def test_a_full_disk(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was written before stays, and the failure is no silence."""
        log.end(A)

        def full(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            log.end(B)
        assert log.read().runs == (A,)

    def test_it_does_not_grow_for_ever(self, log: Log) -> None:
        """A backup every five minutes for months; the drill of last week and what a check said are still known."""
        rare = [replace(A, kind=kind) for kind in (DRILL, CHECK, RESTORE)]
        nightly = [replace(A, number=number) for number in range(1, 5000)]
        uploads = [replace(B, number=number) for number in range(1, 5000)]
        log.end(*rare, *nightly, *uploads)
        runs = log.read().runs
        assert len(runs) < 5000
        assert last(runs, BACKUP) == nightly[-1]
        for one in rare:
            assert last(runs, one.kind) == one
        assert runs[0] == rare[0]

    def test_a_long_time_of_failures(self, log: Log) -> None:
        """The last good one is known for as long as it is the last good one."""
        bad = [replace(A, number=0, result=FAILED) for _ in range(5000)]
        log.end(A, *bad)
        assert last(log.read().runs, BACKUP, GOOD) == A


class TestInterrupted:
    """A run that began and never ended."""

    def test_a_run_that_ends(self, log: Log) -> None:
        """It is under way until it is written down."""
        log.begin(BACKUP, A.ended)
        assert log.interrupted() == Run(BACKUP, A.ended, INTERRUPTED)
        assert Path(log.running_path).stat().st_mode & 0o777 == 0o600
        log.end(A)
        assert log.interrupted() is None
        assert log.read().runs == (A,)

    def test_a_run_that_never_ended(self, log: Log) -> None:
        """Whoever comes next writes it down, once, and its own beginning beside it."""
        log.begin(DRILL, "2026-11-28T04:00:00Z")
        log.begin(BACKUP, "2026-11-29T02:00:00Z")
        (found,) = log.read().runs
        assert (found.kind, found.result, found.ended) == (
            DRILL,
            INTERRUPTED,
            "2026-11-29T02:00:00Z",
        )
        assert found.reason == (
            "it began at 2026-11-28T04:00:00Z and never ended: killed, or the machine went down"
        )
        left = log.interrupted()
        assert left
        assert left.kind == BACKUP
        log.end(A)
        assert [one.kind for one in log.read().runs] == [DRILL, BACKUP]

    def test_close(self, log: Log) -> None:
        """Nothing is written where nothing was left."""
        assert log.close_interrupted(A.ended) is None
        assert not Path(log.path).exists()

    @pytest.mark.parametrize("content", ["", "{", "7", "\0\0", "{}"])
    def test_torn(self, log: Log, content: str) -> None:
        """Half of that file is no run, and stops none."""
        Path(log.running_path).write_text(content)
        assert log.interrupted() is None
        log.begin(BACKUP, A.ended)
        log.end(A)
        assert log.read().runs == (A,)
        assert not (Path(log.folder) / RUNNING_FILE).exists()


def test_last() -> None:
    """The newest of a kind, with a result if one is asked for."""
    runs = [A, replace(A, result=FAILED), B, replace(A, number=2), replace(A, result=INTERRUPTED)]
    assert last(runs, BACKUP) == runs[4]
    assert last(runs, BACKUP, GOOD) == runs[3]
    assert last(runs, BACKUP, FAILED, INTERRUPTED) == runs[4]
    assert last(runs, DRILL) is None
    assert last([], BACKUP) is None
