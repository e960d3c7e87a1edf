"""The lines of every look, and the files they are in."""

import datetime as dt
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import (
    DOWN,
    IDLE,
    MOST_TOLD,
    UNSEEN,
    UP,
    append,
    append_told,
    bounds,
    looks,
    month_before,
    month_of,
    months,
    told,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    RAISED,
    RECOVERED,
    Message,
)
from hypothesis import given
from hypothesis import strategies as st

NOVEMBER = dt.datetime(2026, 11, 1, tzinfo=dt.UTC).timestamp()
SAMPLE: dict[str, Any] = {
    "ready": True,
    "seconds": 0.01234,
    "used_mb": 612.4,
    "swap_mb": 133,
    "disk_percent": 61.26,
    "requests": 120,
    "errors": 0,
}


def test_a_line(tmp_path: Path) -> None:
    """It is short, and what is read is what was written, as far as it has digits."""
    append(str(tmp_path / "history"), SAMPLE, NOVEMBER + 90.7)
    file = tmp_path / "history" / "2026-11.jsonl"
    assert file.read_text() == "[90,1,0.012,612,133,61.3,120,0]\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    (look,) = looks(str(file.parent), "2026-11")
    assert (look.at, look.state) == (NOVEMBER + 90, UP)
    assert look.values == {
        "seconds": 0.012,
        "used_mb": 612,
        "swap_mb": 133,
        "disk_percent": 61.3,
        "requests": 120,
        "errors": 0,
    }


@pytest.mark.parametrize(
    "sample, state",
    [
        ({"ready": True}, UP),
        ({"ready": False}, DOWN),
        ({"ready": None}, IDLE),
        ({}, UNSEEN),
        ({"ready": 1}, UNSEEN),
        ({"ready": "yes"}, UNSEEN),
    ],
)
def test_states(tmp_path: Path, sample: dict[str, Any], state: int) -> None:
    """Only a look that saw it ready counts as one; what was not measured stays unknown."""
    append(str(tmp_path), sample, NOVEMBER)
    (look,) = looks(str(tmp_path), "2026-11")
    assert look.state == state
    assert set(look.values.values()) == {None}


@given(
    st.dictionaries(
        st.sampled_from(list(SAMPLE)),
        st.none() | st.booleans() | st.floats() | st.integers(-9, 2**60) | st.text(max_size=3),
    ),
    st.floats(0, 30 * 86400 - 1),
)
def test_no_line_is_long(
    tmp_path_factory: pytest.TempPathFactory, sample: dict[str, Any], after: float
) -> None:
    """Whatever was measured, a line is at most 60 bytes and is read again."""
    folder = tmp_path_factory.mktemp("history")
    append(str(folder), sample, NOVEMBER + after)
    assert len((folder / "2026-11.jsonl").read_bytes()) <= 60
    assert len(list(looks(str(folder), "2026-11"))) == 1


def test_a_torn_line(tmp_path: Path) -> None:
    """A look that was cut off costs its own line and no other."""
    append(str(tmp_path), SAMPLE, NOVEMBER)
    file = tmp_path / "2026-11.jsonl"
    file.write_bytes(file.read_bytes() + b"[60,1,0.0")
    append(str(tmp_path), SAMPLE, NOVEMBER + 120)
    assert [look.at - NOVEMBER for look in looks(str(tmp_path), "2026-11")] == [0, 120]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b"[1,1]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[-1,1,0,0,0,0,0,0]",
        b"[null,1,0,0,0,0,0,0]",
        b"[9999999,1,0,0,0,0,0,0]",
        b"[1,9,0,0,0,0,0,0]",
        b"[1,[],0,0,0,0,0,0]",
        b"[1,1,0,0,0,0,0,0,0]",
        b"[1,1,0,0,0,0,0,1" + b"0" * 400 + b"]",
    ],
)
def test_foreign_lines(tmp_path: Path, line: bytes) -> None:
    """What no look wrote is left out."""
    (tmp_path / "2026-11.jsonl").write_bytes(line + b"\n[60,1,0.012,612,133,61.3,120,0]\n")
    assert [look.at - NOVEMBER for look in looks(str(tmp_path), "2026-11")] == [60]


def test_old_months_go(tmp_path: Path) -> None:
    """A new month removes those older than thirteen months, and nothing else."""
    names = ["2025-09", "2025-10", "2026-10"]
    for name in names:
        (tmp_path / f"{name}.jsonl").write_text("")
        (tmp_path / f"{name}.told.jsonl").write_text("")
    (tmp_path / "notes.txt").write_text("mine")
    append(str(tmp_path), SAMPLE, NOVEMBER)
    assert months(str(tmp_path)) == ["2025-10", "2026-10", "2026-11"]
    assert sorted(path.name for path in tmp_path.glob("*.told.jsonl")) == [
        "2025-10.told.jsonl",
        "2026-10.told.jsonl",
    ]
    assert (tmp_path / "notes.txt").exists()
    assert months(str(tmp_path / "none")) == []


def test_calendar() -> None:
    """Months are of UTC."""
    assert month_of(NOVEMBER) == "2026-11"
    assert month_of(NOVEMBER - 1) == "2026-10"
    assert month_before("2026-01") == "2025-12"
    assert month_before("2026-12", -1) == "2027-01"
    assert bounds("2026-11") == (NOVEMBER, NOVEMBER + 30 * 86400)
    with pytest.raises(ValueError, match="remains"):
        bounds("2026-13")


def test_what_was_told(tmp_path: Path) -> None:
    """Titles are kept by month, in order; lines that are torn or foreign are left out."""
    raised = Message(RAISED, "PROBLEM planner-1: disk /: it is full", at=NOVEMBER + 5.4)
    append_told(str(tmp_path), [raised, Message(RECOVERED, "x" * 999)], NOVEMBER + 60)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(file.read_bytes() + b'[1,"raised"]\n7\n[1,2')
    append_told(str(tmp_path), [raised], NOVEMBER)
    assert told(str(tmp_path), "2026-11") == [
        (NOVEMBER + 5, RAISED, raised.title),
        (NOVEMBER + 60, RECOVERED, "x" * 300),
        (NOVEMBER + 5, RAISED, raised.title),
    ]
    assert told(str(tmp_path), "2026-10") == []
    append_told(str(tmp_path), [raised] * 2 * MOST_TOLD, NOVEMBER)
    assert len(told(str(tmp_path), "2026-11")) == MOST_TOLD
