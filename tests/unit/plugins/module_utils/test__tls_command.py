"""The program ``planner-tls``: its verbs, what it prints, how it ends, and under whose lock."""

import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _tls_command
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    UNREACHABLE,
    Fetched,
)
from ansible_collections.planner.droplet.plugins.module_utils._tls_command import (
    MAINTENANCE,
    VERBS,
    main,
)

from tests.unit.certificates import issue
from tests.unit.tls_bench import NAMES, Bench, tls_bench

GOOD = issue(NAMES)
SELF_SIGNED = "put a self-signed certificate for a.test, www.a.test in place"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host with settings, and a program that has the lock already."""
    with tls_bench(tmp_path, monkeypatch) as made:
        monkeypatch.setenv("PLANNER_MAINTENANCE", "certificate")
        monkeypatch.setattr(_tls_command, "lookup", made.lookup)
        made.file("tls").mkdir()
        made.file("tls/settings.json").write_text(json.dumps(asdict(made.settings())))
        yield made


@pytest.fixture
def run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run it; return its exit code, output and errors."""

    def call(words: str) -> tuple[int, str, str]:
        code = main(words.split(), str(bench.folder))
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def given(bench: Bench, content: object) -> None:
    """Put JSON on standard input."""
    bench.monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(content)))


def test_from_the_first_to_the_last_verb(bench: Bench, run: Any) -> None:
    """What is done goes to the output, one line each; all is as wished."""
    assert run("land") == (0, f"{SELF_SIGNED}\n", "")
    bench.start_nginx()
    bench.certbot.issues(GOOD)
    code, out, err = run("keep")
    assert (code, err) == (0, "")
    assert (
        out.splitlines()[-1] == "obtained a certificate for a.test, www.a.test: there is none yet"
    )
    assert run("serve") == run("keep") == (0, "", "")
    code, out, _ = run("status")
    assert json.loads(out)["served"]["issuer"] == "Tests CA"


def test_something_is_wrong(bench: Bench, run: Any) -> None:
    """What is wrong goes to standard error, and the exit code says so; what was done is told all the same."""
    bench.certbot.program.unlink()
    code, out, err = run("keep --retry")
    assert (code, out) == (1, f"{SELF_SIGNED}\n")
    assert err.startswith("planner-tls: No new certificate: nginx does not run")


def test_a_report_for_programs(bench: Bench, run: Any) -> None:
    """One object, also where something is wrong."""
    code, out, err = run("keep --json")
    report = json.loads(out)
    assert (code, err, report["did"], report["notes"]) == (1, "", [SELF_SIGNED], [])
    assert len(report["problems"]) == 1
    bench.file("tls/settings.json").unlink()
    code, out, _ = run("keep --json")
    assert (code, json.loads(out)["did"]) == (1, [])


def test_look(bench: Bench, run: Any) -> None:
    """It tells what would be done; a token only where it is asked for."""
    seen = json.loads(run("look")[1])
    assert (seen["due"], seen["token"]) == ("there is none yet", "")
    assert json.loads(run("look --offer")[1])["token"]
    assert bench.file("acme").is_dir()


def test_settings_that_are_not_written_yet(bench: Bench, run: Any) -> None:
    """A preview brings the wish along."""
    bench.file("tls/settings.json").unlink()
    wish = {**asdict(bench.settings()), "names": ["b.test"]}
    given(bench, {"settings": wish})
    assert json.loads(run("look --input")[1])["subjects"] == ["b.test"]
    given(bench, {"settings": {"of_tomorrow": 1}})
    code, _, err = run("look --input")
    assert (code, "damaged or of another version" in err) == (1, True)


def test_what_the_outside_saw(bench: Bench, run: Any) -> None:
    """A firewall that only others notice keeps the CA from being asked."""
    bench.started()
    given(
        bench,
        {"outside": [asdict(Fetched("a.test", "192.0.2.7", UNREACHABLE, "no answer"))]},
    )
    code, _, err = run("keep --input")
    assert (code, "seen from your machine" in err) == (1, True)
    assert bench.certbot.calls == []


@pytest.mark.parametrize("verb", VERBS)
def test_no_settings(bench: Bench, run: Any, verb: str) -> None:
    """What is missing and what to do, on one line."""
    file = bench.file("tls/settings.json")
    file.unlink()
    assert run(verb) == (
        1,
        "",
        f"planner-tls: {file} is missing. Do: run playbooks/site.yml\n",
    )


def test_a_folder_that_cannot_be_made(bench: Bench, run: Any) -> None:
    """What the system says of a file is told, without a traceback."""
    bench.file("acme").write_text("a file")
    code, _, err = run("land")
    assert (code, err.startswith("planner-tls: [Errno ")) == (1, True)


def test_somebody_watches(bench: Bench, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal silence would be a riddle."""
    bench.started()
    bench.issued(GOOD)
    run("serve")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run("serve") == (0, "The certificate is as wished: nothing to do.\n", "")


@pytest.mark.parametrize("words", ["", "renew", "keep --wait soon", "keep --force"])
def test_wrong_words(bench: Bench, run: Any, words: str) -> None:
    """They are refused before anything is done."""
    with pytest.raises(SystemExit) as caught:
        run(words)
    assert caught.value.code == 2
    assert not bench.file("tls/nginx").exists()


def test_help(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb is explained."""
    with pytest.raises(SystemExit) as caught:
        run("--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(f"{verb:<7} {what}" in out for verb, what in VERBS.items())


class Replaced(BaseException):
    """The process runs another program now."""


class TestMaintenance:
    """What changes something waits for its turn, and gets no more memory than the plan left for it."""

    @pytest.fixture(autouse=True)
    def outside(self, bench: Bench) -> None:
        """Nobody has the lock yet."""
        bench.monkeypatch.delenv("PLANNER_MAINTENANCE")

    @pytest.mark.parametrize(
        "words, wait", [("keep --retry", "3600"), ("land --wait 5", "5"), ("serve", "3600")]
    )
    def test_it_begins_again(
        self, run: Any, monkeypatch: pytest.MonkeyPatch, words: str, wait: str
    ) -> None:
        """Under the lock, with the same words, by the program's own place."""
        began: list[list[str]] = []

        def execv(path: str, argv: list[str]) -> None:
            began.append([path, *argv])
            raise Replaced

        monkeypatch.setattr(os, "execv", execv)
        monkeypatch.setattr(os.path, "exists", lambda path: path == MAINTENANCE)
        monkeypatch.setattr(sys, "argv", ["./planner-tls"])
        with pytest.raises(Replaced):
            run(words)
        program = str(Path("planner-tls").absolute())
        event = [MAINTENANCE, "--wait", wait, "certificate", program]
        assert began == [[MAINTENANCE, *event, *words.split()]]

    def test_there_is_no_maintenance(
        self, bench: Bench, run: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is done without the lock."""
        monkeypatch.setattr(_tls_command, "MAINTENANCE", "/nonexistent/planner-maintenance")
        with pytest.raises(SystemExit, match=r"planner-maintenance is missing. Do: run playbooks"):
            run("keep")
        assert not bench.file("tls/nginx").exists()

    @pytest.mark.parametrize("verb", ["look", "status"])
    def test_looking_needs_no_turn(self, run: Any, verb: str) -> None:
        """It changes nothing, and does not wait for a backup."""
        code, out, _ = run(verb)
        assert (code, bool(json.loads(out))) == (0, True)
