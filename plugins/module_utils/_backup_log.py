# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The log of backups, uploads, checks, drills and restores: one JSON object a line, newest last.

A run that began and never ended left a file behind; whoever comes next writes it down as interrupted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically

LOG_FILE = "log.jsonl"
RUNNING_FILE = "running.json"
BACKUP, UPLOAD, CHECK, DRILL, RESTORE = "backup", "upload", "check", "drill", "restore"
GOOD, DOUBTFUL, FAILED, INTERRUPTED = "good", "doubtful", "failed", "interrupted"
UNVERIFIED = "could not verify"
"""Of a drill that did not get far enough to judge: never as good as passed."""
_KEPT = 600
"""Of each kind: a backup every few minutes must not push the weekly drill out."""


@dataclass(frozen=True)
class Run:
    """One run. ``number`` is the backup's it was about; ``ended`` is UTC; sizes are bytes, memory is MiB."""

    kind: str
    ended: str
    result: str
    seconds: float = 0.0
    number: int = 0
    made: str = ""
    reason: str = ""
    size: int = 0
    rows: int = 0
    steps: tuple[tuple[str, str, float], ...] = ()
    """Name, outcome and seconds of each."""
    offsite: bool = False

    def to_json(self) -> str:
        """Write as one line."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_dict(cls, given: object) -> Run:
        """Take what is known. Raises ValueError where it is no run."""
        if not isinstance(given, Mapping) or not {"kind", "ended", "result"} <= set(given):
            msg = f"no run: {given!r:.80}"
            raise ValueError(msg)
        names = {one.name for one in fields(cls)}
        plain: dict[str, Any] = {name: value for name, value in given.items() if name in names}
        try:
            plain["steps"] = tuple((str(a), str(b), float(c)) for a, b, c in plain.get("steps", ()))
        except TypeError as error:
            msg = f"no run: {given!r:.80}"
            raise ValueError(msg) from error
        return cls(**plain)


@dataclass(frozen=True)
class Log:
    """The file in a folder."""

    folder: str
    runs: tuple[Run, ...] = field(default=())

    @property
    def path(self) -> str:
        """Where it is."""
        return os.path.join(self.folder, LOG_FILE)

    @property
    def running_path(self) -> str:
        """What began and did not end."""
        return os.path.join(self.folder, RUNNING_FILE)

    def read(self) -> Log:
        """Read it; a line that power tore is left out."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return Log(self.folder, tuple(parse(file)))
        except FileNotFoundError:
            return Log(self.folder)

    def begin(self, kind: str, now: str) -> None:
        """Write down that a run begins, having closed one that never ended."""
        self.close_interrupted(now)
        begun = {"kind": kind, "ended": now, "result": INTERRUPTED}
        write_atomically(self.running_path, json.dumps(begun).encode(), mode=0o600)

    def close_interrupted(self, now: str) -> Run | None:
        """Write down a run that was killed, or went down with the machine."""
        left = self.interrupted()
        if left is not None:
            reason = f"it began at {left.ended} and never ended: killed, or the machine went down"
            self.end(Run(left.kind, now, INTERRUPTED, reason=reason))
        return left

    def interrupted(self) -> Run | None:
        """Read what began and has not ended."""
        try:
            with open(self.running_path, encoding="utf-8") as file:
                return Run.from_dict(json.load(file))
        except (FileNotFoundError, ValueError):
            return None

    def end(self, *runs: Run) -> None:
        """Add what ended, so that it survives a power cut."""
        kept = shortened([*self.read().runs, *runs])
        text = "".join(f"{one.to_json()}\n" for one in kept)
        write_atomically(self.path, text.encode(), mode=0o600)
        if os.path.exists(self.running_path):
            os.unlink(self.running_path)


def parse(lines: Iterable[str]) -> Iterable[Run]:
    """Read lines; those that are none are left out."""
    for line in lines:
        try:
            yield Run.from_dict(json.loads(line))
        except (ValueError, RecursionError):
            continue


def shortened(runs: Sequence[Run], most: int = _KEPT) -> list[Run]:
    """Keep the newest of each kind and of each kind's results, and the very first, which tells since when."""
    kept: list[Run] = []
    kinds: Counter[str] = Counter()
    results: set[tuple[str, str]] = set()
    for place, one in reversed(list(enumerate(runs))):
        kinds[one.kind] += 1
        if kinds[one.kind] <= most or (one.kind, one.result) not in results or not place:
            kept.append(one)
        results.add((one.kind, one.result))
    return kept[::-1]


def last(runs: Sequence[Run], kind: str, *results: str) -> Run | None:
    """Find the newest of a kind, with one of these results, or any."""
    return next(
        (
            one
            for one in reversed(runs)
            if one.kind == kind and (not results or one.result in results)
        ),
        None,
    )
