"""A program's word on itself."""

from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _program_status
from ansible_collections.planner.droplet.plugins.module_utils._program_status import status_of

from tests.unit.look_bench import Host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host without programs."""
    return Host(tmp_path, monkeypatch)


def test_told(host: Host) -> None:
    """What it tells counts, also where it is not content."""
    path = host.command("planner-x", "echo '{\"a\": 1}'; exit 1")
    assert status_of(str(path)) == ({"a": 1}, "")
    assert host.calls == ["planner-x status"]


def test_not_there(host: Host) -> None:
    """A program that is not there is not installed."""
    assert status_of(str(host.programs / "planner-x")) == (None, "not installed")


@pytest.mark.parametrize(
    "script, said",
    [
        ("echo one >&2; echo 'Do: x' >&2; exit 2", "ended with 2: Do: x"),
        ("echo '[1]'", "ended with 0: [1]"),
        ("exit 3", "ended with 3: it said nothing"),
        ("exec /bin/sleep 60", "did not end within 1 s"),
    ],
)
def test_not_told(host: Host, monkeypatch: pytest.MonkeyPatch, script: str, said: str) -> None:
    """Its last words say why; one that hangs is not waited for."""
    monkeypatch.setattr(_program_status, "TIMEOUT_S", 1)
    path = host.command("planner-x", script)
    assert status_of(str(path)) == (None, f"planner-x status {said}")
