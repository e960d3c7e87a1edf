"""The log of releases: what a power cut leaves is read, and who asks for a way back gets a good one or the reason."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    INTERRUPTED,
    LOG_FILE,
    RUNNING_FILE,
    VOID,
    Log,
    Record,
    RollbackError,
    append,
    current,
    next_number,
    parse,
    previous,
    read,
    rollback_target,
    running,
)
from hypothesis import given
from hypothesis import strategies as st

FULL = Record(
    release=12,
    kind="rollback",
    to=9,
    started="2026-11-27T17:15:00Z",
    seconds=14.2,
    by="me@laptop",
    given={"backend": "registry/app:1.2"},
    images={"backend": "registry/app@sha256:ab"},
    image_ids={"backend": "sha256:cd"},
    schema_before="0001_tasks",
    schema_after="0002_x",
    history=("0001_tasks", "0002_x"),
    applied={"0002_x": ("drops column tasks.title",)},
    strategy="stop-first",
    gap_s=1.5,
    dump="/opt/planner/dumps/release-12.dump",
    result=GOOD,
)


def log(text: str) -> tuple[Record, ...]:
    """Write a log as words: B is a release of image B, ``B>1`` a rollback to 1, ``B!`` void, ``B?`` interrupted."""
    results = {"!": VOID, "?": INTERRUPTED}
    records = []
    for number, word in enumerate(text.split(), 1):
        images, _, to = word.rstrip("!?").partition(">")
        records.append(
            Record(
                number,
                kind="rollback" if to else "release",
                to=int(to) if to else None,
                started=f"2026-11-{number:02}T17:15:00Z",
                given={"backend": f"app:{images}"},
                images={"backend": images} if images != "-" else {},
                schema_after="0001_tasks",
                result=results.get(word[-1], GOOD),
                reason="not ready" if word.endswith("!") else "",
            )
        )
    return tuple(records)


def number(record: Record | None) -> int:
    """A record's number, 0 for none."""
    return record.release if record else 0


def test_there_and_back() -> None:
    """A record is one line with sorted keys, and is read as it was written."""
    line = FULL.to_json()
    assert "\n" not in line
    assert list(json.loads(line)) == sorted(json.loads(line))
    assert parse(line).records == (FULL,)
    assert parse(Record(1).to_json()).records == (Record(1),)


PROBLEMS: list[tuple[object, str]] = [
    (7, "must be a mapping, not 7"),
    ({}, "release is missing"),
    ({"release": 0}, "release must be a number from 1, not 0"),
    ({"release": True}, "release must be a number from 1, not True"),
    ({"release": 1, "to": "9"}, "to must be a number from 1, or null, not '9'"),
    ({"release": 1, "kind": "x"}, "kind must be one of release, rollback, not 'x'"),
    ({"release": 1, "result": []}, r"result must be one of good, void, interrupted, not \[\]"),
    ({"release": 1, "seconds": -1}, "seconds must be seconds, not -1"),
    ({"release": 1, "gap_s": float("nan")}, "gap_s must be seconds, not nan"),
    ({"release": 1, "images": {"backend": 1}}, "images must be a mapping of text"),
    ({"release": 1, "history": "0001"}, "history must be a list of text, not '0001'"),
    ({"release": 1, "applied": {"0001": "x"}}, "applied must be a mapping of lists of text"),
    ({"release": 1, "by": None, "dump": 1}, "by must be text, not None; dump must be text, not 1"),
]


@pytest.mark.parametrize("given_, message", PROBLEMS)
def test_no_record(given_: object, message: str) -> None:
    """What is no record is refused with every field, its value and what it must be."""
    with pytest.raises(ValueError, match=message):
        Record.from_dict(given_)


def test_unknown_keys() -> None:
    """A key that a later version wrote is left out."""
    assert Record.from_dict({"release": 3, "colour": "red"}) == Record(3)


A, B = Record(1, result=GOOD), Record(2, result=GOOD)
TEXTS: list[tuple[str, tuple[Record, ...], int]] = [
    ("", (), 0),
    ("\n \n", (), 0),
    (f"{A.to_json()}\n{B.to_json()}\n", (A, B), 0),
    (f"{A.to_json()}\n{B.to_json()}", (A, B), 0),
    (f"{A.to_json()}\n{B.to_json()[:40]}", (A,), 1),
    (f"{A.to_json()[:40]}\n{B.to_json()}\n", (B,), 1),
    (f"{A.to_json()}\r\n\0\0\0\n[[1]]\n", (A,), 2),
    ("[" * 100_000 + "\n" + '{"release": ' + "9" * 5000 + "}\n", (), 2),
    # The running file was taken over, though its release had been written down as good.
    (f"{A.to_json()}\n{replace(A, result=INTERRUPTED).to_json()}\n", (A,), 0),
]


@pytest.mark.parametrize("text, records, unreadable", TEXTS)
def test_parse(text: str, records: tuple[Record, ...], unreadable: int) -> None:
    """Torn and foreign lines are counted, the others read; of two with one number the first stands."""
    found = parse(text)
    assert (found.records, found.unreadable) == (records, unreadable)


@given(st.text(), st.integers(0, 400))
def test_never_raises(noise: str, cut: int) -> None:
    """Whatever is in the file."""
    parse(noise)
    parse(f"{FULL.to_json()[:cut]}{noise}{FULL.to_json()[cut:]}")


def test_append(tmp_path: Path) -> None:
    """Lines are added, for root and its group only; nothing else is made."""
    before = os.umask(0o077)
    try:
        append(str(tmp_path), A)
        append(str(tmp_path), B)
    finally:
        os.umask(before)
    file = tmp_path / LOG_FILE
    assert file.read_text() == f"{A.to_json()}\n{B.to_json()}\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == [LOG_FILE]
    assert read(str(tmp_path)).records == (A, B)


def test_append_after_a_torn_line(tmp_path: Path) -> None:
    """What a power cut tore costs that line only."""
    (tmp_path / LOG_FILE).write_text(f"{A.to_json()}\n{B.to_json()[:30]}")
    append(str(tmp_path), FULL)
    found = read(str(tmp_path))
    assert (found.records, found.unreadable) == ((A, FULL), 1)


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that did not fit is an error, not a silence."""
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda _file, data: len(data) - 1)
        with pytest.raises(OSError, match="release 1 was not written whole"):
            append(str(tmp_path), A)


def test_nothing_there(tmp_path: Path) -> None:
    """No files: an empty log, and nothing is running."""
    assert read(str(tmp_path)) == Log()
    assert running(str(tmp_path)) is None


@pytest.mark.parametrize("text, expected", [(A.to_json(), A), ("{", None), ("[" * 100_000, None)])
def test_running(tmp_path: Path, text: str, expected: Record | None) -> None:
    """The file of the release under way is read; half of one is none."""
    (tmp_path / RUNNING_FILE).write_text(text)
    assert running(str(tmp_path)) == expected


# The log, its current and its previous release, the number of the next one.
LOGS = [
    ("", 0, 0, 1),
    ("A! B?", 0, 0, 3),
    ("A", 1, 0, 2),
    ("A B", 2, 1, 3),
    ("A B! C?", 1, 0, 4),
    ("A B! C", 3, 1, 4),
    # A configuration change is no version.
    ("A B B", 3, 1, 4),
    ("A A B", 3, 2, 4),
    # Nothing to start is nothing to go back to.
    ("- B", 2, 0, 3),
    # Back from 3 to 2: before that ran 1, not 3.
    ("A B C B>2", 4, 1, 5),
    ("A B C B>2 A>1", 5, 0, 6),
    ("A B C D C>3 B>4", 6, 3, 7),
    ("A B A>1 C", 4, 3, 5),
    ("A B A>1 C A>3", 5, 0, 6),
    # A rollback to what the log has lost, and one to itself.
    ("A B C>2", 3, 1, 4),
    ("A B>2", 2, 1, 3),
    ("A B>9", 2, 1, 3),
]


@pytest.mark.parametrize("text, now, before, following", LOGS)
def test_current_and_previous(text: str, now: int, before: int, following: int) -> None:
    """Void and interrupted releases are neither; going back twice goes back further."""
    records = log(text)
    assert (number(current(records)), number(previous(records))) == (now, before)
    assert next_number(records) == following
    if before:
        assert rollback_target(records, "previous").release == before


def test_lost_record() -> None:
    """A rollback to a release whose line is lost still goes back further than that one."""
    records = tuple(one for one in log("A B C D C>3") if one.release != 3)
    assert number(previous(records)) == 2


def test_by_number() -> None:
    """Any good release can be named, also one that was left by a rollback."""
    assert rollback_target(log("A B C B>2"), "3").release == 3
    assert rollback_target(log("A B C"), "01").release == 1


REFUSED = [
    ("", "previous", "no release has succeeded yet"),
    ("A!", "1", "no release has succeeded yet"),
    ("A", "previous", "No release with other images ran before 1.\nThere is no release one can"),
    ("A B A>1", "previous", r"No release with other images ran before 1 \(release 3 went back"),
    ("A B", "7", "There is no release 7 in the log"),
    ("A B", "0", "There is no release 0 in the log"),
    ("A B", "latest", "'latest' is neither previous nor the number of a release"),
    ("A B", "", "'' is neither previous"),
    ("A B", "²", "'²' is neither previous"),
    ("A B! C", "2", "Release 2 was void and never went into service: not ready"),
    ("A B? C", "2", "Release 2 was interrupted"),
    ("A B", "2", "Release 2 is the current one: nothing to do"),
    ("A B B", "2", "Release 2 has the images of the current release 3: nothing to do"),
    ("- B", "1", "Release 1 names no image"),
]


@pytest.mark.parametrize("text, wish, message", REFUSED)
def test_refused(text: str, wish: str, message: str) -> None:
    """Why one cannot go there is said."""
    with pytest.raises(RollbackError, match=message):
        rollback_target(log(text), wish)


def test_offers() -> None:
    """A refusal lists where one can go: number, date, image, schema; the newest first, ten at most."""
    records = log(" ".join(f"v{number}" for number in range(14)) + " x!")
    with pytest.raises(RollbackError) as refused:
        rollback_target(records, "99")
    _, header, *lines = str(refused.value).splitlines()
    assert header == "One can go back to (newest first):"
    assert lines[0] == "    13  2026-11-13  app:v12  schema 0001_tasks"
    assert [int(line.split()[0]) for line in lines] == list(range(13, 3, -1))


@given(st.lists(st.sampled_from(["A", "B", "C", "A!", "B?"]), max_size=12), st.data())
def test_walks_back(words: list[str], data: st.DataObject) -> None:
    """Going back again and again ends, and each step is an earlier release than the one before."""
    records = list(log(" ".join(words)))
    reached = len(records) + 1
    while (target := previous(records)) is not None:
        assert target.release < reached
        assert target.result == GOOD
        reached = target.release
        noise: dict[str, Any] = {"result": data.draw(st.sampled_from([VOID, INTERRUPTED]))}
        records.append(replace(target, release=next_number(records), **noise))
        records.append(
            replace(target, release=next_number(records), kind="rollback", to=target.release)
        )
