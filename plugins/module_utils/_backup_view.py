# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the program of a host told about its backups, read with care: any of it may be missing or wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils import _drill as ladder
from ansible_collections.planner.droplet.plugins.module_utils._certificate_view import (
    moment,
    plain,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count

DAY_S = 86400
GRACE_S = 3600
_DO = " Do: "


@dataclass(frozen=True)
class Event:
    """One run. Times are seconds since the epoch; ``made`` is the moment whose data a backup has."""

    result: str
    kind: str
    ended: float | None
    made: float | None
    number: int
    size: float | None
    rows: float | None
    seconds: float | None
    offsite: bool
    what: str
    """What went wrong, without what to do."""
    do: str
    steps: tuple[tuple[str, str], ...]
    """Name and outcome of each."""


@dataclass(frozen=True)
class View:
    """The backups of a host, by its own clock."""

    now: float
    interval_s: float | None
    jitter_s: float
    drill_max_age_days: float
    repository: str
    local: float | None
    since: float | None
    """When the log begins."""
    running: Event | None
    """What began and has not ended."""
    backup: Event | None
    good_backup: Event | None
    upload: Event | None
    good_upload: Event | None
    check: Event | None
    drill: Event | None
    passed_drill: Event | None
    restore: Event | None
    sizes: tuple[float, ...]
    drill_seconds: tuple[float, ...]

    @property
    def rpo_s(self) -> float | None:
        """How much can be lost, as planned."""
        return None if self.interval_s is None else number(self.interval_s + self.jitter_s)

    @property
    def overdue_s(self) -> float | None:
        """Return the age from which on a run is missing: one may fail, the next may not."""
        return None if self.rpo_s is None else self.rpo_s + (self.interval_s or 0) + GRACE_S

    def age(self, moment: float | None) -> float | None:
        """Tell how long ago it was; a time to come is no age."""
        return None if moment is None or moment > self.now + GRACE_S else max(0, self.now - moment)


def view_of(status: object) -> View | None:
    """Read what ``planner-backup status`` prints; None where it says nothing that can be judged."""
    given = status if isinstance(status, Mapping) else {}
    now = number(given.get("now"))
    if now is None:
        return None
    return View(
        now=now,
        interval_s=number(given.get("interval_s")),
        jitter_s=number(given.get("jitter_s")) or 0,
        drill_max_age_days=number(given.get("drill_max_age_days")) or 0,
        repository=plain(given.get("repository") or ""),
        local=number(given.get("local")),
        since=_moment(given.get("since")),
        sizes=_numbers(given.get("sizes")),
        drill_seconds=_numbers(given.get("drill_seconds")),
        **{name: _event(given.get(name)) for name in _EVENTS},
    )


_EVENTS = (
    *("running", "backup", "good_backup", "upload", "good_upload"),
    *("check", "drill", "passed_drill", "restore"),
)


def parted(said: object) -> tuple[str, str]:
    """Part what is wrong from what to do; of several remedies none can be told apart."""
    text = plain(said)
    what, _, do = text.partition(_DO) if text.count(_DO) == 1 else (text, "", "")
    return what.rstrip(". "), do.rstrip(". ")


def _event(given: object) -> Event | None:
    if not isinstance(given, Mapping) or not given.get("result"):
        return None
    what, do = parted(given.get("reason") or "")
    steps = given.get("steps")
    return Event(
        result=plain(given["result"]),
        kind=plain(given.get("kind")),
        ended=_moment(given.get("ended")),
        made=_moment(given.get("made")),
        number=int(number(given.get("number")) or 0),
        size=number(given.get("size")),
        rows=number(given.get("rows")),
        seconds=number(given.get("seconds")),
        offsite=given.get("offsite") is True,
        what=what,
        do=do,
        steps=tuple(
            (plain(one[0]), plain(one[1]))
            for one in (steps if isinstance(steps, (list, tuple)) else ())
            if isinstance(one, (list, tuple)) and len(one) > 1
        ),
    )


def _moment(given: object) -> float | None:
    """Read a time in UTC as the log has it."""
    try:
        found = dt.datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return number(found.timestamp()) if found.tzinfo else None


def _numbers(given: object) -> tuple[float, ...]:
    listed = given if isinstance(given, (list, tuple)) else ()
    found = (number(one) for one in listed)
    return tuple(one for one in found if one is not None)


def verdict(run: Event) -> str:
    """Name what a drill showed; whatever is neither is not known to be good."""
    known = {ladder.PASSED: "PASSED", ladder.FAILED: "FAILED"}
    return known.get(run.result, "COULD NOT VERIFY")


def ago(view: View, when: float | None) -> str:
    """Say how long ago it was, to go on a sentence; a time to come is told as it is."""
    age = view.age(when)
    if age is None:
        return "" if when is None else f", of {moment(when)}"
    return f" {span(age)} ago"


def old(view: View, when: float | None) -> str:
    """Say how old it is; one of a time to come has that time."""
    age = view.age(when)
    return f"of {moment(when)}" if age is None else f"{span(age)} old"


def span(seconds: float) -> str:
    """Count in the largest unit of which there are two."""
    for unit, size in (("day", DAY_S), ("hour", 3600)):
        if seconds >= 2 * size:
            return count(int(seconds // size), unit)
    return count(int(seconds // 60), "minute")


def length(seconds: float | None) -> str:
    """Write a planned time exactly: ``24 h 15 min``."""
    if seconds is None or number(seconds) is None:
        return "?"
    minutes = round(seconds / 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "min"))
    return " ".join(f"{many} {unit}" for many, unit in parts if many) or f"{seconds:.0f} s"
