"""The program planner-watch: its verbs, as whoever is there calls them."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_command
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import Cleaned
from ansible_collections.planner.droplet.plugins.module_utils._watch_command import main
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import read_memory

from tests.unit.watch_bench import BAD, Bench

Said = pytest.CaptureFixture[str]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A machine with its settings on the disk."""
    made = Bench(tmp_path / "planner", monkeypatch)
    wish = json.dumps(asdict(made.settings))
    Path(made.settings.kept("settings.json")).write_text(wish)
    yield made
    made.close()


def call(bench: Bench, *words: str) -> int:
    """Call it as the program does."""
    return main(words, bench.settings.project_dir)


def test_look(bench: Bench, capsys: Said) -> None:
    """A look that finds problems has done its work, and so has one that reaches nobody."""
    bench.findings, bench.status = [BAD], 500
    assert [call(bench, "look") for _ in range(2)] == [0, 0]
    assert "planner-watch: alert_url: it answered 500" in capsys.readouterr().err


def test_status(bench: Bench, capsys: Said) -> None:
    """It is JSON, and tells what the last look found."""
    bench.findings = [BAD]
    call(bench, "look")
    capsys.readouterr()
    assert call(bench, "status") == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["check"] == "ready"


def test_test(bench: Bench, capsys: Said) -> None:
    """A message over each channel, and which of them took it."""
    assert call(bench, "test") == 0
    assert capsys.readouterr().out == "alert_url: sent\n"
    assert [one["kind"] for one in bench.got] == ["test"]
    bench.status = 403
    assert call(bench, "test") == 1
    assert "alert_url: it answered 403" in capsys.readouterr().err


def test_test_without_channels(bench: Bench, capsys: Said) -> None:
    """That nobody would be told is a failure of this verb."""
    Path(bench.settings.kept("secrets/alert_url")).unlink()
    assert call(bench, "test") == 1
    assert "no channel is set" in capsys.readouterr().err


def test_hush(bench: Bench, capsys: Said) -> None:
    """For so long and no longer; what is no number changes nothing."""
    assert call(bench, "hush", "30") == 0
    until = read_memory(bench.settings).hushed_until
    assert capsys.readouterr().out.startswith("Nothing is told until ")
    for wrong in ("", "-1", "soon", "99999"):
        assert call(bench, *(["hush", "--", wrong] if wrong else ["hush"])) == 1
        assert "give minutes" in capsys.readouterr().err
    assert read_memory(bench.settings).hushed_until == until
    assert call(bench, "hush", "0") == 0
    assert read_memory(bench.settings).hushed_until == 0


def test_clean(bench: Bench, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went is told, and the next thing to do where that was not enough."""
    done = Cleaned(freed=["3 packages, 40 MiB"], left=["backups, 9000 MiB"], do="keep fewer")
    monkeypatch.setattr(_watch_command, "clean", lambda *_: done)
    assert call(bench, "clean") == 1
    said = capsys.readouterr()
    assert said.out.startswith("3 packages, 40 MiB\n")
    assert "Do: keep fewer" in said.err
    monkeypatch.setattr(_watch_command, "clean", lambda *_: Cleaned())
    assert call(bench, "clean") == 0
    assert capsys.readouterr().out.startswith("Nothing had to go.\n")


def test_cry(bench: Bench) -> None:
    """It needs nothing of what may be broken: the state is garbage, and it is told all the same."""
    Path(bench.settings.kept("state.json")).write_text("{")
    assert call(bench, "cry") == 0
    (got,) = bench.got
    assert (got["kind"], got["severity"]) == ("raised", "problem")
    assert "journalctl -u planner-watch" in got["text"]


def test_no_settings(bench: Bench, capsys: Said) -> None:
    """A look that cannot even begin has failed, and systemd is told so."""
    Path(bench.settings.kept("settings.json")).unlink()
    assert call(bench, "look") == 1
    assert "settings.json is missing. Do: run playbooks/site.yml" in capsys.readouterr().err


def test_held(bench: Bench, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run waits for the first; one that would never end is named."""
    monkeypatch.setattr(_watch_command, "held", lambda _: _raises())
    assert call(bench, "hush", "5") == 1
    assert "planner-watch (pid 1)" in capsys.readouterr().err


def _raises() -> object:
    msg = "planner-watch (pid 1) has been running for more than 100 s"
    raise DockerError(msg)


@pytest.mark.parametrize("words", [(), ("watch",), ("look", "a", "b")])
def test_usage(bench: Bench, words: tuple[str, ...], capsys: Said) -> None:
    """What is no verb is refused with the list of them."""
    with pytest.raises(SystemExit) as ended:
        call(bench, *words)
    assert ended.value.code == 2
    assert "usage: planner-watch" in capsys.readouterr().err
