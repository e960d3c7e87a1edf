# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What every look saw and what a person was told, a file a month of each. All times are UTC.

A look's line is a JSON list: seconds since the month began, the state, seconds of the answer, MiB of memory and of
swap in use, per cent of the disk, requests and server errors since the look before; null is what was not measured.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message

DOWN, UP, UNSEEN, IDLE = 0, 1, 2, 3
"""The state: not ready, ready, it could not be seen, and nothing was released yet that could be ready."""
KEPT_MONTHS = 13
_FILE = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))\.jsonl")
_OLD = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))\.(?:told\.)?jsonl")
_UTC = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10
_FIELDS = ("seconds", "used_mb", "swap_mb", "disk_percent", "requests", "errors")
# So that no line is longer than 60 bytes.
_DIGITS = {"seconds": (3, 999.999), "disk_percent": (1, 100)}
_MOST = 9_999_999
MOST_TOLD = 500
_LETTERS = 300


@dataclass(frozen=True)
class Look:
    """One look; ``at`` is seconds since 1970, ``values`` are by the names of the module's text."""

    at: float
    state: int
    values: Mapping[str, float | None]


def month_of(now: float) -> str:
    """Name the month of a moment, such as 2026-11."""
    return dt.datetime.fromtimestamp(now, _UTC).strftime("%Y-%m")


def month_before(name: str, months: int = 1) -> str:
    """Name the month so many before."""
    year, number_of = map(int, name.split("-"))
    index = year * 12 + number_of - 1 - months
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def append(folder: str, sample: Mapping[str, object], now: float) -> None:
    """Add what a look saw; a new month removes the oldest.

    ``sample`` has ``ready`` (None where nothing was released yet) and the others by their names; what is missing could
    not be seen.
    """
    name = month_of(now)
    opens, _ = bounds(name)
    values = [_written(one, sample.get(one)) for one in _FIELDS]
    line = [int(now - opens), _state(sample), *values]
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = _path(folder, name)
    is_new = not os.path.exists(path)
    _add(path, json.dumps(line, separators=(",", ":")))
    if is_new:
        _forget(folder, month_before(name, KEPT_MONTHS))


def append_told(folder: str, messages: Iterable[Message], now: float) -> None:
    """Add the titles of what a person is told."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for one in messages:
        line = [round(one.at or now), one.kind, one.title[:_LETTERS]]
        _add(_path(folder, f"{month_of(now)}.told"), json.dumps(line, separators=(",", ":")))


def told(folder: str, name: str) -> list[tuple[float, str, str]]:
    """Return when, of which kind and what was told in a month, the newest of too many."""
    found: deque[tuple[float, str, str]] = deque(maxlen=MOST_TOLD)
    with contextlib.suppress(FileNotFoundError), open(_path(folder, f"{name}.told"), "rb") as file:
        for line in file:
            with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
                at, kind, title = json.loads(line)
                found.append((float(at), str(kind), str(title)))
    return list(found)


def months(folder: str) -> list[str]:
    """List the months there are, the oldest first."""
    try:
        found = [_FILE.fullmatch(name) for name in os.listdir(folder)]
    except FileNotFoundError:
        return []
    return sorted(one[1] for one in found if one)


def looks(folder: str, name: str) -> Iterator[Look]:
    """Read the looks of a month; lines that are torn or foreign are left out."""
    opens, closes = bounds(name)
    with contextlib.suppress(FileNotFoundError), open(_path(folder, name), "rb") as file:
        for line in file:
            look = _parsed(line, opens)
            if look and look.at < closes:
                yield look


def _parsed(line: bytes, opens: float) -> Look | None:
    try:
        at, state, *given = json.loads(line)
        after, values = number(at), [number(one) for one in given]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    if after is None or state not in (DOWN, UP, UNSEEN, IDLE) or len(values) != len(_FIELDS):
        return None
    return Look(opens + after, state, dict(zip(_FIELDS, values, strict=True)))


def _state(sample: Mapping[str, object]) -> int:
    ready = sample.get("ready", UNSEEN)
    return IDLE if ready is None else UNSEEN if not isinstance(ready, bool) else int(ready)


def _add(path: str, line: str) -> None:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(handle).st_size
        # A line that was cut off must not spoil this one.
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (b"\n" if torn else b"") + line.encode() + b"\n")
    finally:
        os.close(handle)


def _forget(folder: str, oldest: str) -> None:
    for name in os.listdir(folder):
        found = _OLD.fullmatch(name)
        if found and found[1] < oldest:
            os.unlink(os.path.join(folder, name))


def _written(name: str, value: object) -> float | None:
    digits, most = _DIGITS.get(name, (0, _MOST))
    known = number(value)
    if known is None:
        return None
    return round(min(known, most), digits) if digits else round(min(known, most))


def bounds(name: str) -> tuple[float, float]:
    """Return a month's first moment and the one after its last; raise ValueError for what is no month."""
    opens, closes = (
        dt.datetime.strptime(one, "%Y-%m").replace(tzinfo=_UTC).timestamp()
        for one in (name, month_before(name, -1))
    )
    return opens, closes


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.jsonl")
