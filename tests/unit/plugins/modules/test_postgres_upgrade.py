"""The module ``postgres_upgrade``: what it refuses itself, and how it calls the program."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    DONE,
    FILLED,
    UPGRADE_FILE,
    Upgrade,
)
from ansible_collections.planner.droplet.plugins.modules import postgres_upgrade as module

from tests.unit.command_docker import Docker, says

OLD, NEW = "planner_postgres17", "planner_postgres18"
OPEN = Upgrade(17, 18, NEW, "now", FILLED)
Result = dict[str, Any]


class Bench:
    """A host with a command ``docker``, and with a program that notes how it is called."""

    def __init__(self, folder: Path) -> None:
        """17 serves."""
        self.folder = folder / "planner"
        self.folder.mkdir()
        self.calls = folder / "called"
        self.program = folder / "planner-upgrade-postgres"
        self.docker = Docker(folder)
        self.serves(OLD)
        data = folder / OLD
        data.mkdir()
        (data / "PG_VERSION").write_text("17\n")
        volume = {"Name": OLD, "CreatedAt": "then", "Mountpoint": str(data), "Labels": None}
        self.docker.answer(
            {
                "'volume ls'*": f"echo {OLD}",
                f"'volume inspect {OLD}'": says(json.dumps([volume])),
                "'image inspect'*": "exit 1",
            }
        )

    def serves(self, volume: str) -> None:
        """The last run that succeeded had this volume."""
        (self.folder / "release.json").write_text(json.dumps({"data_volume": volume}))

    def answers(self, did: list[str], problems: list[str] | None = None) -> None:
        """Have the program say this."""
        report = {"did": did, "problems": problems or [], "notes": ["a note"]}
        text = shlex.quote(json.dumps(report))
        self.program.write_text(f'#!/bin/sh\necho "$*" >>{self.calls}\nprintf %s {text}\n')
        self.program.chmod(0o755)

    @property
    def called(self) -> list[str]:
        """How the program was called."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The host."""
    bench = Bench(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(module, "PROGRAM", str(bench.program))
    return bench


@pytest.fixture
def run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """A function that runs the module and returns what it answers."""

    def call(verb: str, *, check: bool = False, volume: str = NEW) -> Result:
        arguments = {
            "verb": verb,
            "project_dir": str(bench.folder),
            "data_volume": volume,
            "image": "pgvector/pgvector:pg18",
            "lock_wait_s": 7,
            "_ansible_check_mode": check,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        result: Result = json.loads(capsys.readouterr().out)
        return result

    return call


class TestCheck:
    """Before the stack is touched."""

    def test_nothing_speaks_against_it(self, run: Callable[..., Result]) -> None:
        """What serves may go on."""
        found = run("check", volume=OLD)
        assert (found["changed"], found["did"], found["notes"]) == (False, [], [])

    @pytest.mark.parametrize("check", [False, True])
    def test_it_would_start_empty(self, run: Callable[..., Result], *, check: bool) -> None:
        """Refused in a preview too."""
        found = run("check", check=check)
        assert found["failed"]
        assert "18 would start empty" in found["msg"]

    def test_a_bare_machine(
        self, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without Docker there is no data either."""
        monkeypatch.setenv("PATH", "/nowhere")
        assert not run("check")["changed"]

    def test_docker_does_not_answer(self, run: Callable[..., Result], bench: Bench) -> None:
        """Nobody knows what is there: that is said, and nothing begun."""
        bench.docker.answer({"'volume ls'*": "echo 'Cannot connect' >&2; exit 1"})
        found = run("check", volume=OLD)
        assert found["failed"]
        assert found["msg"] == "PostgreSQL's volumes could not be looked at: Cannot connect"

    def test_an_upgrade_was_cut_off(self, run: Callable[..., Result], bench: Bench) -> None:
        """Whoever wishes the old version has it brought to an end first; a preview leaves it."""
        (bench.folder / UPGRADE_FILE).write_text(OPEN.to_json())
        bench.answers(["PostgreSQL 17 serves again"])
        assert not run("check", check=True, volume=OLD)["changed"]
        assert bench.called == []
        found = run("check", volume=OLD)
        assert (found["changed"], found["did"]) == (True, ["PostgreSQL 17 serves again"])
        assert bench.called == ["settle --json --wait 7"]

    def test_an_upgrade_is_under_way(self, run: Callable[..., Result], bench: Bench) -> None:
        """Its own stack, which wishes the new version, does not end it."""
        (bench.folder / UPGRADE_FILE).write_text(OPEN.to_json())
        bench.answers([])
        assert run("check")["failed"]  # here the new volume is not there
        assert bench.called == []

    def test_an_upgrade_that_nobody_finished(
        self, run: Callable[..., Result], bench: Bench
    ) -> None:
        """The new version serves already: written down now."""
        (bench.folder / UPGRADE_FILE).write_text(OPEN.to_json())
        bench.serves(NEW)
        bench.answers(["PostgreSQL 18 serves"])
        run("check")
        assert bench.called == ["settle --json --wait 7"]

    def test_an_upgrade_that_is_over(self, run: Callable[..., Result], bench: Bench) -> None:
        """There is nothing to end."""
        (bench.folder / UPGRADE_FILE).write_text(replace(OPEN, phase=DONE).to_json())
        run("check", volume=OLD)
        assert bench.called == []


class TestProgram:
    """The steps of an upgrade."""

    @pytest.mark.parametrize(
        "verb, words",
        [
            ("begin", "begin --json --wait 7 --to 18 --image pgvector/pgvector:pg18"),
            ("confirm", "confirm --json --wait 7 --to 18 --image pgvector/pgvector:pg18"),
            ("finish", "finish --json --wait 7"),
            ("settle", "settle --json --wait 7"),
        ],
    )
    def test_words(self, run: Callable[..., Result], bench: Bench, verb: str, words: str) -> None:
        """The program does it; what it did is a change."""
        bench.answers(["it was done"])
        found = run(verb)
        assert bench.called == [words]
        assert (found["changed"], found["did"], found["notes"]) == (
            True,
            ["it was done"],
            ["a note"],
        )

    def test_nothing_to_do(self, run: Callable[..., Result], bench: Bench) -> None:
        """That is no change."""
        bench.answers([])
        assert not run("begin")["changed"]

    @pytest.mark.parametrize("verb", ["begin", "confirm"])
    def test_a_preview(self, run: Callable[..., Result], bench: Bench, verb: str) -> None:
        """The program only says what it would do."""
        bench.answers([])
        run(verb, check=True)
        assert bench.called[0].endswith(" --dry-run")

    @pytest.mark.parametrize("verb", ["finish", "settle"])
    def test_what_has_no_preview(self, run: Callable[..., Result], bench: Bench, verb: str) -> None:
        """Nothing was begun, so there is nothing to finish."""
        bench.answers(["it was done"])
        assert not run(verb, check=True)["changed"]
        assert bench.called == []

    def test_problems(self, run: Callable[..., Result], bench: Bench) -> None:
        """All of them, with what had been done."""
        bench.answers(["a backup"], ["one", "another"])
        found = run("begin")
        assert found["failed"]
        assert (found["msg"], found["did"], found["changed"]) == (
            "one\nanother",
            ["a backup"],
            True,
        )

    def test_it_died(self, run: Callable[..., Result], bench: Bench) -> None:
        """Its last words are told."""
        bench.program.write_text("#!/bin/sh\necho 'Killed by somebody' >&2\nexit 137\n")
        bench.program.chmod(0o755)
        found = run("begin")
        assert found["failed"]
        assert found["msg"].endswith("planner-upgrade-postgres begin failed: Killed by somebody")

    def test_it_is_not_there(self, run: Callable[..., Result]) -> None:
        """What installs it is named."""
        assert run("begin")["msg"].endswith("is missing. Do: run playbooks/site.yml")
