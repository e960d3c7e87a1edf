# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a person is told, in few plain words, and when nobody wants to be told. Times are seconds since 1970."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    SEVERITIES,
    WARNING,
    Finding,
    number,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

RAISED, RECOVERED, REMINDER = "raised", "recovered", "reminder"
DIGEST, REPORT, TEST = "digest", "report", "test"
KINDS = (RAISED, RECOVERED, REMINDER, DIGEST, REPORT, TEST)
MOST = 20
"""Findings that one message lists: nobody reads more, and all of them are in the status."""
_MOST_LETTERS = 400
_LATEST = 1 << 36
_UTC = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Message:
    """One message to a person, the same for every channel."""

    kind: str
    title: str
    lines: tuple[str, ...] = ()
    urgent: bool = False
    at: float = 0
    severity: str = OK

    def text(self) -> str:
        """Return the whole as plain text."""
        return "\n".join([self.title, *self.lines])

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Message:
        """Read it; raise ValueError, TypeError or KeyError where it is none."""
        lines = tuple(str(one) for one in given["lines"])
        kind, severity = _one_of(KINDS, given["kind"]), _one_of(SEVERITIES, given["severity"])
        at = read_number(given["at"])
        return cls(kind, str(given["title"]), lines, given["urgent"] is True, at, severity)


@dataclass(frozen=True)
class Event:
    """What happened to an alert; ``more`` goes on the finding's sentence."""

    kind: str
    finding: Finding
    at: float
    more: str = ""

    @property
    def severity(self) -> str:
        """How bad it is now."""
        return OK if self.kind == RECOVERED else self.finding.severity

    @property
    def label(self) -> str:
        """The first word."""
        return (self.finding.severity if self.kind == RAISED else self.kind).upper()

    @property
    def text(self) -> str:
        """The sentence."""
        one = self.finding
        about = one.subject if one.subject == one.check else f"{one.check} {one.subject}"
        return " ".join(f"{about}: {one.what}".split())[:_MOST_LETTERS] + self.more

    @property
    def do(self) -> str:
        """What to do, empty where nothing is."""
        return "" if self.kind == RECOVERED else " ".join(self.finding.do.split())

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Event:
        """Read it; raise ValueError, TypeError or KeyError where it is none."""
        kind = _one_of((RAISED, RECOVERED, REMINDER), given["kind"])
        finding = read_finding(given["finding"])
        return cls(kind, finding, read_number(given["at"]), str(given["more"]))


def read_finding(given: Mapping[str, Any]) -> Finding:
    """Read what was written down; raise ValueError, TypeError or KeyError where it is none."""
    names = ("severity", "check", "subject", "what", "do")
    finding = Finding(*(str(given[name]) for name in names))
    _one_of(SEVERITIES, finding.severity)
    return finding


def message(
    kind: str, events: Collection[Event], now: float, settings: Settings, *, urgent: bool
) -> Message:
    """Tell events of one kind, the worst first."""
    ordered = _ordered(events)
    first = ordered[0]
    title = f"{first.label} {settings.host}: "
    runbook = settings.runbook_url
    if len(ordered) == 1:
        title += first.text
        lines = [f"Do: {first.do}"] if first.do else []
        runbook = runbook and f"{runbook}#{first.finding.check}"
    else:
        title += f"{len(ordered)} at once"
        lines = [line for one in ordered[:MOST] for line in _listed(one, "-")]
        lines += _rest(ordered)
    lines += [f"More: {runbook}"] if runbook else []
    return Message(kind, title, tuple(lines), urgent, now, first.severity)


def digest(events: Iterable[Event], now: float, settings: Settings) -> Message:
    """Tell what waited for the end of the quiet hours, the latest of each alert."""
    ordered = _ordered(events)
    stand = sum(one.kind != RECOVERED for one in ordered)
    title = f"DIGEST {settings.host}: {len(ordered)} in the quiet hours, "
    title += f"{stand} of them not over" if stand else "all over"
    lines = [
        line
        for one in ordered[:MOST]
        for line in _listed(one, f"{_local(settings, one.at):%H:%M} {one.label}")
    ]
    lines += _rest(ordered)
    lines += [f"More: {settings.runbook_url}"] if settings.runbook_url else []
    severity = ordered[0].severity if ordered else OK
    return Message(DIGEST, title, tuple(lines), urgent=False, at=now, severity=severity)


def quiet(settings: Settings, now: float) -> bool:
    """Whether it is the time of the day at which only what is urgent is told."""
    hours = HOURS.fullmatch(settings.quiet_hours)
    if not hours:
        return False
    begin_h, begin_min, end_h, end_min = (int(one) for one in hours.groups())
    begin, end = (begin_h, begin_min), (end_h, end_min)
    local = _local(settings, now)
    clock = (local.hour, local.minute)
    return begin <= clock < end if begin <= end else not end <= clock < begin


def judge_quiet(settings: Settings) -> list[Finding]:
    """Warn where the quiet hours cannot be kept as they are meant: then nothing is held, or by UTC."""
    do = "correct watch_quiet_hours and watch_timezone, then run playbooks/site.yml"
    if settings.quiet_hours and not HOURS.fullmatch(settings.quiet_hours):
        what = f"{settings.quiet_hours!r} is not like 22:00-07:00: there are none"
        return [Finding(WARNING, "alerts", "quiet hours", what, do)]
    if _zone(settings) is None:
        what = f"the time zone {settings.timezone!r} is not known here: times are by UTC"
        return [Finding(WARNING, "alerts", "quiet hours", what, do)]
    return []


def lasting(seconds: float) -> str:
    """Write a time in its two largest units: ``3 h 20 min``."""
    minutes = max(0, round(seconds / 60))
    if minutes == 0:
        return "less than a minute"
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join([f"{many} {unit}" for many, unit in parts if many][:2])


def _ordered(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda one: (SEVERITIES.index(one.severity), one.at))


def _listed(event: Event, begin: str) -> Iterator[str]:
    yield f"{begin} {event.text}"
    if event.do:
        yield f"  Do: {event.do}"


def _rest(events: Collection[Event]) -> list[str]:
    more = len(events) - MOST
    return [f"... and {more} more: sudo planner-watch status"] if more > 0 else []


def _zone(settings: Settings) -> dt.tzinfo | None:
    try:
        return zoneinfo.ZoneInfo(settings.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _local(settings: Settings, now: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now, _zone(settings) or _UTC)


def _one_of(known: Collection[str], value: object) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError
    return value


def read_number(value: object) -> float:
    """Read what was written down; raise ValueError where it is no number or no such moment."""
    read = number(value)
    if read is None or read > _LATEST:
        raise ValueError
    return read
