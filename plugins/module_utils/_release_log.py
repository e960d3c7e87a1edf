# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The log of releases: what ran when, who released it, and what one can go back to.

One JSON object a line. Only :func:`read`, :func:`running` and :func:`append` touch the disk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

LOG_FILE = "releases.jsonl"
RUNNING_FILE = "release.running.json"
"""Beside the log while a release runs; what is found there afterwards was interrupted."""

GOOD, VOID, INTERRUPTED = "good", "void", "interrupted"
RELEASE, ROLLBACK = "release", "rollback"
START_FIRST, STOP_FIRST = "start-first", "stop-first"
PREVIOUS = "previous"
_BACKEND = "backend"
_OFFERED = 10
_MOST = 10**9


class RollbackError(ValueError):
    """There is no way back to the release that was asked for."""


@dataclass(frozen=True)
class Record:
    """One release: each mapping goes by service, each schema is a revision, empty when not known.

    ``given`` is what the owner wrote, ``images`` what Compose gets; ``history`` the revisions that the
    image brings, oldest first; ``applied`` what this release migrated, with why older code cannot go on.
    """

    release: int
    kind: str = RELEASE
    to: int | None = None
    started: str = ""
    seconds: float = 0.0
    by: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    image_ids: Mapping[str, str] = field(default_factory=dict)
    schema_before: str = ""
    schema_after: str = ""
    history: tuple[str, ...] = ()
    applied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    strategy: str = START_FIRST
    gap_s: float = 0.0
    dump: str = ""
    result: str = INTERRUPTED
    reason: str = ""

    @property
    def version(self) -> str:
        """The backend's image as the owner wrote it."""
        return self.given.get(_BACKEND) or self.images.get(_BACKEND, "")

    def to_dict(self) -> dict[str, Any]:
        """Turn into what JSON knows."""
        return asdict(self)

    def to_json(self) -> str:
        """Write as one line."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_dict(cls, given: object) -> Record:
        """Check and take; keys of a later version are left out. Raises ValueError with every problem."""
        if not isinstance(given, Mapping):
            msg = f"a release record must be a mapping, not {given!r:.80}"
            raise ValueError(msg)  # noqa: TRY004 - the content is wrong, not the program
        names = [one.name for one in fields(cls) if one.name in given]
        problems = [
            f"{name} must be {wish}, not {given[name]!r:.80}"
            for name in names
            for wish, fits in [_SHAPES[name]]
            if not fits(given[name])
        ]
        if "release" not in given:
            problems.insert(0, "release is missing")
        if problems:
            raise ValueError(f"not a release record: {'; '.join(problems)}")
        taken = {name: given[name] for name in names}
        taken["history"] = tuple(given.get("history", ()))
        taken["applied"] = {name: tuple(why) for name, why in given.get("applied", {}).items()}
        return cls(**taken)


@dataclass(frozen=True)
class Log:
    """The records, oldest first, and how many lines were none."""

    records: tuple[Record, ...] = ()
    unreadable: int = 0


def parse(text: str) -> Log:
    """Read the log. Of two records with one number the first stands.

    The second is the running file of a release that had just been written down when power failed.
    """
    found: dict[int, Record] = {}
    unreadable = 0
    for line in filter(str.strip, text.split("\n")):
        try:
            record = Record.from_dict(json.loads(line))
        except (ValueError, RecursionError):
            unreadable += 1
        else:
            found.setdefault(record.release, record)
    return Log(tuple(found.values()), unreadable)


def read(folder: str) -> Log:
    """Read the log in the folder; no file is an empty log."""
    return parse(_text(folder, LOG_FILE))


def running(folder: str) -> Record | None:
    """Read what is being released, or was when the machine went down."""
    try:
        return Record.from_dict(json.loads(_text(folder, RUNNING_FILE)))
    except (ValueError, RecursionError):
        return None


def append(folder: str, record: Record) -> None:
    """Add a record so that it survives a power cut. A line that one tore is closed first."""
    path = os.path.join(folder, LOG_FILE)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.fchmod(file, 0o640)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        line = f"{chr(10) if torn else ''}{record.to_json()}\n".encode()
        if os.write(file, line) != len(line):
            raise OSError(f"{path}: release {record.release} was not written whole: disk full?")
        os.fsync(file)
    finally:
        os.close(file)


def current(records: Sequence[Record]) -> Record | None:
    """Find what was released last and stayed."""
    return next((one for one in reversed(records) if one.result == GOOD), None)


def previous(records: Sequence[Record]) -> Record | None:
    """Find what ran before the current release: the newest good one with other images.

    After a rollback from 5 to 3 that is what ran before 3: going back twice goes back further, never
    forward to what was just left.
    """
    now = current(records)
    if now is None:
        return None
    before = _origin(records, now)
    return next((one for one in reversed(_targets(records)) if one.release < before), None)


def next_number(records: Iterable[Record]) -> int:
    """Count up."""
    return max((one.release for one in records), default=0) + 1


def rollback_target(records: Sequence[Record], wish: str) -> Record:
    """Find the release that ``previous`` or a number means, or say why one cannot go back to it."""
    now = current(records)
    if now is None:
        raise RollbackError("There is nothing to go back to: no release has succeeded yet.")
    if wish == PREVIOUS:
        target = previous(records)
        if target is None:
            since = _origin(records, now)
            back = "" if since == now.release else f" (release {now.release} went back to it)"
            raise _refusal(records, f"No release with other images ran before {since}{back}.")
        return target
    if not (wish.isascii() and wish.isdecimal()):
        raise _refusal(records, f"{wish!r:.80} is neither {PREVIOUS} nor the number of a release.")
    number = wish.lstrip("0")
    target = next((one for one in records if str(one.release) == number), None)
    if target is None:
        raise _refusal(records, f"There is no release {wish:.80} in the log.")
    if target not in _targets(records):
        raise _refusal(records, _why_not(target, now))
    return target


def _why_not(target: Record, now: Record) -> str:
    name = f"Release {target.release}"
    if target.release == now.release:
        return f"{name} is the current one: nothing to do."
    if target.result == VOID:
        return f"{name} was void and never went into service: {target.reason or 'no reason noted'}."
    if target.result == INTERRUPTED:
        return f"{name} was interrupted: whether it would have served is not known."
    if not target.images:
        return f"{name} names no image."
    return f"{name} has the images of the current release {now.release}: nothing to do."


def _targets(records: Sequence[Record]) -> list[Record]:
    """Keep, oldest first, what one can go back to."""
    now = current(records)
    return [
        one
        for one in records
        if now and one.result == GOOD and one.images and one.images != now.images
    ]


def _origin(records: Iterable[Record], record: Record) -> int:
    """Follow rollbacks to the release whose place the record took."""
    known = {one.release: one for one in records}
    at = record
    # Only backwards, so that no log can make this go on for ever.
    while at.kind == ROLLBACK and at.to is not None and at.to < at.release:
        if at.to not in known:
            return at.to
        at = known[at.to]
    return at.release


def _refusal(records: Sequence[Record], why: str) -> RollbackError:
    offered = [
        f"  {one.release:>4}  {one.started[:10]}  {one.version}  schema {one.schema_after or 'unknown'}"
        for one in reversed(_targets(records))
    ]
    if not offered:
        return RollbackError(f"{why}\nThere is no release one can go back to.")
    shown = "\n".join(offered[:_OFFERED])
    return RollbackError(f"{why}\nOne can go back to (newest first):\n{shown}")


def _text(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST


def _seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _MOST


def _word(value: object) -> bool:
    return isinstance(value, str)


def _words(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_word, value))


def _map_of(fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, Mapping) and all(_word(k) and fits(v) for k, v in value.items())
    )


def _one_of(*names: str) -> tuple[str, Callable[[object], bool]]:
    return f"one of {', '.join(names)}", lambda value: value in names


_Shape = tuple[str, Callable[[object], bool]]
_TEXT: _Shape = ("text", _word)
_SECONDS: _Shape = ("seconds", _seconds)
_TEXTS: _Shape = ("a mapping of text", _map_of(_word))
_SHAPES: Mapping[str, _Shape] = {
    "release": ("a number from 1", _whole),
    "kind": _one_of(RELEASE, ROLLBACK),
    "to": ("a number from 1, or null", lambda value: value is None or _whole(value)),
    "started": _TEXT,
    "seconds": _SECONDS,
    "by": _TEXT,
    "given": _TEXTS,
    "images": _TEXTS,
    "image_ids": _TEXTS,
    "schema_before": _TEXT,
    "schema_after": _TEXT,
    "history": ("a list of text", _words),
    "applied": ("a mapping of lists of text", _map_of(_words)),
    "strategy": _one_of(START_FIRST, STOP_FIRST),
    "gap_s": _SECONDS,
    "dump": _TEXT,
    "result": _one_of(GOOD, VOID, INTERRUPTED),
    "reason": _TEXT,
}
