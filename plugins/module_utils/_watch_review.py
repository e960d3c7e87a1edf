# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The weekly review: which kinds of errors the journal and the containers' logs have that they never had before.

A kind is a line without what differs from one time to the next: numbers, names, addresses, moments. Logs are read line
by line, and at most :data:`MOST_PATTERNS` kinds are kept, so memory is bounded whatever a week wrote.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import heapq
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import words
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    SEVERITIES,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
    worst,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count, shorten
from ansible_collections.planner.droplet.plugins.module_utils._watch_logs import (
    JOURNAL,
    Line,
    errors,
    sources,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    REPORT,
    Message,
    read_finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import read_memory
from ansible_collections.planner.droplet.plugins.module_utils._watch_words import blanked, kind_of

MOST_PATTERNS = 2000
SHOWN = 10
_EXAMPLE = 160
_KIND = 200
_DAY_S = 86400
_WEEK_S = 7 * _DAY_S
_LONGEST_S = 31 * _DAY_S
_CHECK = "review"
_UTC = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10


@dataclass
class Pattern:
    """A kind of error: whose, what it looks like, and when it was noticed; times are seconds since 1970."""

    service: str
    kind: str
    first: float
    last: float
    count: int = 0
    """How often in the last review that saw it."""
    example: str = ""
    """One of them, without secrets; only while it is new."""


@dataclass(frozen=True)
class Known:
    """What reviews before have seen; ``reviewed`` is when the last one was, 0 for never."""

    patterns: tuple[Pattern, ...] = ()
    reviewed: float = 0

    def to_json(self) -> bytes:
        """Render for the file."""
        plain = [{**asdict(one), "example": ""} for one in self.patterns]
        return json.dumps({"reviewed": self.reviewed, "patterns": plain}).encode()


@dataclass(frozen=True)
class Review:
    """What a review found. ``known`` replaces what was known, once the message is on its way."""

    since: float
    """From when on logs were read, in seconds since 1970."""
    new: tuple[Pattern, ...]
    """The most frequent first."""
    again: int
    """How many kinds were known before."""
    lines: int
    """How many errors there were in all."""
    left_out: int
    """How many of them were of more kinds than are kept."""
    findings: tuple[Finding, ...]
    """What could not be read."""
    known: Known = field(repr=False)

    def message_lines(self, standing: Iterable[Finding]) -> list[str]:
        """Say it in short lines, and then what is not well now."""
        since = dt.datetime.fromtimestamp(self.since, _UTC)
        kinds = f"{len(self.new)} of their kinds new, {self.again} known"
        said = [f"{count(self.lines, 'error')} since {since:%Y-%m-%d}, {kinds}"]
        said += [f"- {one.count} x {one.service}: {one.example}" for one in self.new[:SHOWN]]
        if len(self.new) > SHOWN:
            said.append(f"- and {count(len(self.new) - SHOWN, 'kind')} less frequent")
        if self.left_out:
            said.append(
                f"- {count(self.left_out, 'error')} of still more kinds were not told apart"
            )
        bad = sorted(standing, key=lambda one: SEVERITIES.index(one.severity))
        return said + [line for one in bad for line in _said(one)]


def review(project: str, known: Known, now: float) -> Review:
    """Read what was written since the last review, at most a month of it, and tell what is new."""
    since = known.reviewed or now - _WEEK_S
    since = min(max(since, now - _LONGEST_S), now)
    before = {(one.service, one.kind): one for one in known.patterns}
    seen: dict[tuple[str, str], Pattern] = {}
    findings: list[Finding] = []
    lines = left_out = 0
    for source in _sources(project, findings):
        try:
            for line in errors(project, source, since):
                lines += 1
                left_out += not _count(seen, line, now)
        except (OSError, subprocess.SubprocessError) as error:
            findings.append(_unread(source, error))
    new = sorted((one for key, one in seen.items() if key not in before), key=_frequent)
    again = sum(key in before for key in seen)
    for key, one in before.items():
        if key in seen:
            seen[key].first = one.first
        else:
            seen[key] = one
    kept = heapq.nlargest(MOST_PATTERNS, seen.values(), key=lambda one: (one.last, one.count))
    # What could not be read is read the next time.
    reviewed = known.reviewed if findings else now
    return Review(
        since=since,
        new=tuple(new),
        again=again,
        lines=lines,
        left_out=left_out,
        findings=tuple(findings),
        known=Known(tuple(kept), reviewed),
    )


def write_review(settings: Settings, now: float) -> Message | None:
    """Review a machine's logs, note what is known now, and say what is new and what stands; None for nothing."""
    path = settings.kept("patterns.json")
    found = review(settings.project, read_known(path), now)
    standing = [*_standing(settings), *found.findings]
    write_known(path, found.known)
    if not found.new and not standing:
        return None
    title = f"REVIEW {settings.host}: {count(len(found.new), 'new kind')} of errors"
    severity = worst(standing) if standing else WARNING
    return Message(REPORT, title, tuple(found.message_lines(standing)), at=now, severity=severity)


def read_known(path: str) -> Known:
    """Read what was seen before; of a damaged or foreign file nothing, so that too much is told and not too little."""
    try:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
        if not isinstance(given, dict):
            return Known()
        found = [_pattern(one) for one in entries(given.get("patterns"))]
        return Known(tuple(filter(None, found))[:MOST_PATTERNS], number(given.get("reviewed")) or 0)
    except (FileNotFoundError, ValueError, OverflowError, RecursionError):
        return Known()


def write_known(path: str, known: Known) -> None:
    """Keep what was seen."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_atomically(path, known.to_json(), mode=0o600)


def _sources(project: str, findings: list[Finding]) -> list[str]:
    try:
        return sources(project)
    except (OSError, subprocess.SubprocessError) as error:
        findings.append(_unread("containers", error))
        return [JOURNAL]


def _count(seen: dict[tuple[str, str], Pattern], line: Line, now: float) -> bool:
    """Count a line; false where it is one kind too many."""
    key = (line.service, shorten(kind_of(line.text), _KIND))
    if key not in seen:
        if len(seen) >= MOST_PATTERNS:
            return False
        example = shorten(blanked(line.text), _EXAMPLE)
        seen[key] = Pattern(*key, first=now, last=now, example=example)
    seen[key].count += 1
    return True


def _frequent(one: Pattern) -> tuple[int, str, str]:
    return -one.count, one.service, one.kind


def _unread(source: str, error: Exception) -> Finding:
    what = f"its log could not be read: {shorten(blanked(words(error)), _EXAMPLE)}"
    return Finding(UNKNOWN, _CHECK, source, what, "sudo planner-watch review")


def _said(one: Finding) -> Iterator[str]:
    about = one.subject if one.subject == one.check else f"{one.check} {one.subject}"
    yield f"{one.severity.upper()} {about}: {one.what}"
    if one.do:
        yield f"  Do: {one.do}"


def _standing(settings: Settings) -> list[Finding]:
    """Read what the last look did not find well, but for what nobody can do anything about."""
    found = []
    for one in chain.from_iterable(read_memory(settings).findings.values()):
        with contextlib.suppress(ValueError, TypeError, KeyError):
            found.append(read_finding(one))
    return [one for one in found if one.severity != UNKNOWN or one.do]


def _pattern(given: Mapping[str, Any]) -> Pattern | None:
    service, kind = given.get("service"), given.get("kind")
    first, last, often = (number(given.get(name)) for name in ("first", "last", "count"))
    if not (isinstance(service, str) and isinstance(kind, str)) or first is None or last is None:
        return None
    return Pattern(service, kind, first, last, int(often or 0))
