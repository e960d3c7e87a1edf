"""The program's verbs, its exit codes, and under whose lock it runs."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _backup_command
from ansible_collections.planner.droplet.plugins.module_utils._backup_command import VERBS, main

from tests.unit.backup_bench import Bench
from tests.unit.fake_postgres import TASKS

LOCKED = ("run", "drill", "check", "restore", "fetch")
FREE = ("list", "init", "unlock", "status")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with an off-site repository, as its role has set it up."""
    made = Bench(tmp_path, monkeypatch, offsite=True)
    (made.folder / "backup/settings.json").write_text(json.dumps(asdict(made.settings)))
    monkeypatch.setenv("PLANNER_MAINTENANCE", "backup")
    return made


def call(bench: Bench, *words: str) -> int:
    """Call the program."""
    before = os.umask(0)
    try:
        return main(words, str(bench.folder))
    finally:
        os.umask(before)


class TestRun:
    """What a timer, a playbook or somebody at the machine gets."""

    def test_good(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """What was done, and 0."""
        assert call(bench, "run", "--why", "timer") == 0
        said = capsys.readouterr()
        assert said.err == ""
        assert said.out.splitlines()[0].startswith("Backup 1 (timer) is whole: ")

    def test_bad(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """What is wrong on standard error, what was done all the same, and 1."""
        bench.restic.fails("backup ", "connection refused")
        assert call(bench, "run") == 1
        said = capsys.readouterr()
        assert said.out.startswith("Backup 1 (by hand) is whole: ")
        assert said.err.startswith("planner-backup: Off-site: the storage does not answer")

    def test_doubtful(self, bench: Bench) -> None:
        """Data that shrank is a failure until somebody says that it is right."""
        bench.shelved(1)
        bench.docker.write("planner", {TASKS: (0, "0")})
        assert call(bench, "run") == 1
        assert call(bench, "run", "--accept-shrink") == 0

    def test_for_programs(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """All in one object, and nothing else."""
        bench.docker.rules({"ps*": "exit 1"})
        assert call(bench, "run", "--json") == 1
        said = capsys.readouterr()
        found = json.loads(said.out)
        assert found.keys() == {"did", "problems", "notes"}
        assert found["problems"][0].startswith("Docker does not answer")
        assert said.err == ""

    def test_for_nobody_else(self, bench: Bench) -> None:
        """Whatever the caller's umask is."""
        call(bench, "run")
        for one in (bench.folder / "backups").rglob("*"):
            assert one.stat().st_mode & 0o077 == 0

    def test_no_settings(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """What writes them is said."""
        (bench.folder / "backup/settings.json").unlink()
        assert call(bench, "list") == 1
        assert "settings.json is missing. Do: run playbooks/site.yml" in capsys.readouterr().err


class TestVerbs:
    """All the others."""

    def test_list_and_status(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """They only show."""
        bench.shelved(1)
        assert call(bench, "list") == 0
        assert " 1  2026-11-01T02:00:00Z" in capsys.readouterr().out
        assert call(bench, "status") == 0
        assert json.loads(capsys.readouterr().out)["local"] == 1

    def test_drill(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """Only one that passed is 0."""
        assert call(bench, "drill") == 1
        assert "planner-backup: Drill COULD NOT VERIFY" in capsys.readouterr().err
        bench.made()
        assert call(bench, "drill", "1", "--from", "local") == 0
        assert capsys.readouterr().out.startswith("Drill PASSED: backup 1, from this machine")

    def test_restore(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """One that is refused changes nothing, and is 1."""
        bench.made()
        before = bench.docker.rows()
        assert call(bench, "restore", "9") == 1
        assert "There is no backup 9." in capsys.readouterr().err
        assert call(bench, "restore", "1", "--dry-run") == 0
        assert "Every table has the same contents." in capsys.readouterr().out
        assert call(bench, "restore", "1", "--into", "then") == 0
        assert bench.docker.rows("then") == before

    def test_check_unlock_init(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """The repository."""
        assert [call(bench, verb) for verb in ("init", "unlock", "check")] == [0, 0, 0]
        assert (
            "Removed the locks of processes that are dead; others stay." in capsys.readouterr().out
        )
        bench.restic.fails("check", "Fatal: repository contains errors")
        assert call(bench, "check") == 1

    def test_help(self, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
        """It lists each verb with what it does."""
        with pytest.raises(SystemExit) as ended:
            call(bench, "--help")
        assert ended.value.code == 0
        said = capsys.readouterr().out
        for verb, what in VERBS.items():
            assert f"{verb:<8} {what}" in said

    @pytest.mark.parametrize(
        "words", [[], ["backup"], ["run", "--from", "moon"], ["drill", "1", "2"]]
    )
    def test_wrong_words(self, bench: Bench, words: list[str]) -> None:
        """They are no run."""
        with pytest.raises(SystemExit) as ended:
            call(bench, *words)
        assert ended.value.code == 2
        assert bench.docker.calls == []


class TestMaintenance:
    """What takes memory goes into the slice, under the one lock of the host."""

    @pytest.fixture
    def outside(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """Nobody has the lock; the wrapper notes what it was asked and does no more."""
        del bench
        monkeypatch.delenv("PLANNER_MAINTENANCE")
        wrapper = tmp_path / "planner-maintenance"
        wrapper.write_text("#!/bin/sh\n")
        monkeypatch.setattr(_backup_command, "MAINTENANCE", str(wrapper))
        return wrapper

    @pytest.mark.parametrize("verb", LOCKED)
    def test_locked(
        self, bench: Bench, outside: Path, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        """The process begins again inside, with the same words."""
        asked: list[list[str]] = []

        def execute(_program: str, words: list[str]) -> None:
            asked.append(words)
            raise SystemExit(0)

        monkeypatch.setattr(os, "execv", execute)
        with pytest.raises(SystemExit):
            call(bench, verb, "--wait", "7", "--json")
        ((program, wait, seconds, event, _, *words),) = asked
        assert (program, wait, seconds) == (str(outside), "--wait", "7")
        assert event in {"backup", "drill", "restore"}
        assert words == [verb, "--wait", "7", "--json"]
        assert bench.docker.calls == []

    @pytest.mark.usefixtures("outside")
    def test_free(self, bench: Bench) -> None:
        """What only looks waits for nobody, and neither does a preview."""
        assert {*LOCKED, *FREE, "rebuild"} == set(VERBS)
        for verb in FREE:
            assert call(bench, verb) == 0
        bench.made()
        assert call(bench, "restore", "--dry-run") == 0

    def test_no_wrapper(self, bench: Bench, outside: Path) -> None:
        """Without it nothing is begun."""
        outside.unlink()
        with pytest.raises(SystemExit, match=r"planner-maintenance is missing\. Do: run playbooks"):
            call(bench, "run")
        assert bench.docker.calls == []
