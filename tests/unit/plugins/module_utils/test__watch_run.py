"""One run of planner-watch: from findings that a test gives to messages that a real HTTP server gets."""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_run
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import Cleaned
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import TEST, Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import (
    read_memory,
    save,
)

from tests.unit.watch_bench import BAD, FULL, GOOD, Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A machine and who is told."""
    made = Bench(tmp_path / "planner", monkeypatch)
    yield made
    made.close()


def test_good(bench: Bench) -> None:
    """Nobody is told anything; the outside service is called each time, and Monit sees that somebody looked."""
    assert bench.run(3) == []
    assert bench.got == []
    assert bench.pings == ["/ping"] * 3
    assert bench.looked.exists()
    state = Path(bench.settings.kept("state.json"))
    assert state.stat().st_mode & 0o077 == 0
    assert read_memory(bench.settings).looked_at == bench.now - 60


def test_once(bench: Bench) -> None:
    """A problem is told once, and its end once."""
    bench.findings = [BAD]
    bench.run(5)
    bench.findings = [GOOD]
    bench.run(5)
    assert [one["kind"] for one in bench.got] == ["raised", "recovered"]
    assert "does not answer" in bench.got[0]["text"]
    assert "look at nginx" in bench.got[0]["text"]


def test_thorough(bench: Bench) -> None:
    """Every tenth look is, the first one among them."""
    bench.run(12)
    seen = read_memory(bench.settings).counters["thorough"]
    assert [number for number, one in enumerate(seen) if one] == [0, 10]


def test_thorough_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes more memory than the plan leaves beside an event, so it waits for its end; not for ever."""
    bench.run(5)
    monkeypatch.setattr(_watch_run, "is_held", lambda: True)
    bench.run(60)
    seen = read_memory(bench.settings).counters["thorough"]
    assert [number for number, one in enumerate(seen) if one] == [0, 60]


def test_channel_down(bench: Bench) -> None:
    """What was not told is told later; meanwhile the outside service hears that nobody is told."""
    bench.findings, bench.status = [BAD], 500
    complaints = bench.run(20)
    assert any("it answered 500" in one for one in complaints)
    assert bench.pings[:2] == ["/ping", "/ping"]
    assert bench.pings[-1] == "/ping/fail"
    bench.status = 200
    bench.run(70)
    assert bench.pings[-1] == "/ping"
    assert [one["kind"] for one in bench.got if "does not answer" in one["text"]] == ["raised"]


def test_hushed(bench: Bench) -> None:
    """Nothing is told, but somebody looks all the same; afterwards what still stands is told."""
    memory = read_memory(bench.settings)
    memory.hushed_until = bench.now + 600
    save(bench.settings, memory)
    bench.findings = [BAD]
    bench.run(9)
    assert bench.got == []
    assert len(bench.pings) == 9
    bench.run(5)
    assert [one["kind"] for one in bench.got] == ["raised"]


def test_healed(bench: Bench) -> None:
    """A restart is told once, and once that it lasted."""
    bench.healed = [Finding(PROBLEM, "heal", "backend", "was unhealthy: restarted (1 of 5)")]
    bench.run()
    bench.healed = []
    bench.run(6)
    assert [one["kind"] for one in bench.got] == ["raised", "recovered"]


def test_not_healed(bench: Bench) -> None:
    """That it waits for a release is no news."""
    bench.healed = [Finding(WARNING, "heal", "backend", "is not restarted: release holds the lock")]
    bench.run(6)
    assert bench.got == []


def test_cleaned(bench: Bench) -> None:
    """A full disk is cleaned once an hour, and what went is told."""
    bench.findings = [FULL]
    bench.cleaned = Cleaned(freed=["3 images, 900 MiB"], do="take a larger droplet_size")
    bench.run(50)
    assert bench.cleanings == 1
    assert bench.titles[0].startswith("report: CLEANED planner-1: ")
    assert bench.got[0]["text"].endswith("- 3 images, 900 MiB\nDo: take a larger droplet_size")
    bench.run(20)
    assert bench.cleanings == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"alerts": 1, "outbox": {"version": 9}}'])
def test_damaged(bench: Bench, text: str) -> None:
    """A damaged state begins anew, as is said once: what stands is told again, and nothing stops."""
    bench.findings = [BAD]
    bench.run(3)
    Path(bench.settings.kept("state.json")).write_text(text)
    assert [one.partition(":")[0] for one in bench.run(3)] == ["state", "outbox"]
    assert [one["kind"] for one in bench.got] == ["raised", "raised"]


def test_full_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing more is what has to be told: neither state nor history keeps that from going out."""

    def full(*_: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench.run()
    for name in ("append", "append_told", "save"):
        monkeypatch.setattr(_watch_run, name, full)
    bench.findings = [FULL]
    assert bench.run(2) == ["[Errno 28] No space left on device"] * 2
    assert [one["kind"] for one in bench.got] == ["raised"]
    assert bench.cleanings == 1


def test_deliver(bench: Bench) -> None:
    """A report goes the same way, and waits where it cannot go."""
    bench.status = 503
    failed = _watch_run.deliver(bench.settings, Message(TEST, "hello"), lambda: bench.now)
    assert failed == ["alert_url: it answered 503"]
    bench.status = 200
    bench.now += 120
    bench.run()
    assert bench.titles == ["test: hello"]


def test_status(bench: Bench) -> None:
    """What stands, who is told, and no secret."""
    bench.findings = [BAD, replace(FULL, severity=WARNING)]
    bench.run(3)
    told = _watch_run.status(bench.settings, read_memory(bench.settings), bench.now)
    assert [one["check"] for one in told["alerts"]] == ["ready"]  # type: ignore[attr-defined]
    assert {one["check"] for one in told["findings"]} == {"ready", "disk"}  # type: ignore[attr-defined]
    assert told["channels"] == {"alert_url": {"severity": OK, "what": "delivers"}}
    assert told["pinged"] == {"at": bench.now - 60, "ok": True, "why": ""}
    assert "127.0.0.1" not in json.dumps(told)
