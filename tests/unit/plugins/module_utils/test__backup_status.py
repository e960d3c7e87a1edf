"""What there is to say of the backups, for programs and for people."""

import json
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_status import (
    _interval_s,
    listing,
    status,
)

from tests.unit.backup_bench import Bench

MADE = "2026-11-28T02:00:00Z"
RUNS = [
    Run("backup", "2026-11-25T02:00:10Z", "good", 9.5, number=1, made=MADE, size=1000, rows=30),
    Run("upload", "2026-11-25T02:00:20Z", "good", 2.5, number=1, made=MADE),
    Run("drill", "2026-11-25T04:00:00Z", "passed", 20.0, number=1),
    Run("backup", "2026-11-26T02:00:10Z", "good", 9.0, number=2, made=MADE, size=2000, rows=31),
    Run("upload", "2026-11-26T02:00:20Z", "failed", reason="away"),
    Run("drill", "2026-11-26T04:00:00Z", "could not verify", 3.0),
    Run("backup", "2026-11-27T02:00:10Z", "doubtful", 9.0, number=3, made=MADE, size=10),
    Run("upload", "2026-11-27T02:00:20Z", "good", 2.5, number=3, made=MADE),
    Run("upload", "2026-11-27T02:00:20Z", "good", 2.5, number=2, made=MADE),
    Run("backup", "2026-11-28T02:00:10Z", "failed", reason="no"),
]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with an off-site repository."""
    return Bench(tmp_path, monkeypatch, offsite=True)


class TestStatus:
    """For programs, as JSON."""

    def test_nothing_yet(self, bench: Bench) -> None:
        """Before the first run there is nothing, and that is no error."""
        found = status(bench.engine())
        nothing = ["running", "backup", "good_backup", "upload", "good_upload", "check", "drill"]
        assert [found[name] for name in nothing] == [None] * len(nothing)
        assert (found["local"], found["sizes"], found["drill_seconds"]) == (0, [], [])
        json.dumps(found)

    def test_told(self, bench: Bench) -> None:
        """The newest of each kind, and the newest that counts."""
        bench.engine().log.end(*RUNS)
        bench.shelved(2)
        found = status(bench.engine())
        assert found["backup"]["result"] == "failed"
        assert found["good_backup"]["number"] == 2
        assert found["good_upload"]["number"] == 2
        assert found["drill"]["result"] == "could not verify"
        assert found["passed_drill"]["number"] == 1
        assert (found["sizes"], found["drill_seconds"]) == ([1000, 2000], [20.0])
        assert (found["local"], found["check"]) == (1, None)

    def test_nobody_is_asked(self, bench: Bench) -> None:
        """Neither Docker nor the network: it is told also when both are away."""
        status(bench.engine())
        assert bench.docker.calls == []
        assert bench.restic.calls == []

    def test_under_way(self, bench: Bench) -> None:
        """What began and has not ended."""
        bench.engine().log.begin("drill", MADE)
        assert status(bench.engine())["running"]["kind"] == "drill"

    def test_no_secret(self, bench: Bench) -> None:
        """An address may have a password in it."""
        bench.wish(repository="s3:https://key:secret@fra1.example/bucket")
        assert "secret" not in json.dumps(status(bench.engine()))

    # systemd's own words -> the longest time from one run to the next
    @pytest.mark.parametrize(
        "schedule, interval_s",
        [
            ("*-*-* 02:00:00", 86400),
            ("*:0/5", 300),
            ("Sun *-*-* 03:15:00", 7 * 86400),
            # The night is longer than the day.
            ("*-*-* 08,12,18:00:00", 14 * 3600),
            ("every day", None),
            ("2020-01-01", None),
        ],
    )
    def test_interval(self, schedule: str, interval_s: int | None) -> None:
        """What can be lost at most, as systemd itself reckons it."""
        assert _interval_s(schedule) == interval_s


class TestListing:
    """For people."""

    def test_none(self, bench: Bench) -> None:
        """What makes one is said."""
        said = listing(bench.engine(), as_json=False)
        assert said == "There is no backup yet. Do: planner-backup run"

    def test_both_places(self, bench: Bench) -> None:
        """Where each is, and which does not count."""
        bench.engine().log.end(*RUNS)
        bench.sent(bench.shelved(1))
        bench.sent(bench.shelved(2), keep=True)
        bench.shelved(3, verdict="doubtful")
        header, *lines = listing(bench.engine(), as_json=False).splitlines()
        assert header.split() == ["number", "made", "(UTC)", "rows", "size", "where"]
        assert [line.split()[0] for line in lines] == ["1", "2", "3"]
        assert lines[0].endswith("  30      1 KiB  off-site")
        assert lines[1].endswith("  31      2 KiB  here and off-site")
        assert lines[2].endswith("here  (does not count)")
        found = json.loads(listing(bench.engine(), as_json=True))
        assert [one["offsite"] for one in found["backups"]] == [True, True, False]
        assert (found["backups"][0]["rows"], found["problem"]) == (30, "")

    def test_away(self, bench: Bench) -> None:
        """What is here is shown all the same, and that the rest is not known is said."""
        bench.shelved(1)
        bench.restic.fails("snapshots", "connection refused")
        said = listing(bench.engine(), as_json=False)
        assert " 1  2026-11-01T02:00:00Z" in said
        assert "\nplanner-backup: Off-site: the storage does not answer" in said
        found = json.loads(listing(bench.engine(), as_json=True))
        assert found["problem"].startswith("Off-site: the storage does not answer")
