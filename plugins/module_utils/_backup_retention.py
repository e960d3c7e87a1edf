# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which local backups may go, and which one an owner means.

Counted are backups and the days that have one, not the days that have passed: a clock that jumps, or a month
without a good backup, makes none of the good ones go.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

LATEST = "latest"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?")


@dataclass(frozen=True)
class Kept:
    """One backup that exists. ``place`` is its local folder or its off-site snapshot."""

    number: int
    made: str
    good: bool = True
    place: str = ""


def to_remove(found: Iterable[Kept], keep: Mapping[str, int]) -> tuple[Kept, ...]:
    """Choose what may go, oldest first: never the newest good one, nor what the rule keeps.

    The rule is restic's own: so many of the last, and the last good one of so many hours, days, weeks, months and
    years that have one. One that is not good goes when every good one that stays is newer.
    """
    ordered = sorted(found, key=lambda one: one.number, reverse=True)
    good = [one for one in ordered if one.good]
    if not good:
        return ()
    stay = {good[0].number}
    for name, most in keep.items():
        newest: dict[object, int] = {}
        for one in good:
            newest.setdefault(PERIODS[name](one), one.number)
        stay.update(list(newest.values())[:most])
    oldest = min(stay)
    stay.update(one.number for one in ordered if not one.good and one.number > oldest)
    return tuple(one for one in reversed(ordered) if one.number not in stay)


def _week(one: Kept) -> object:
    return dt.date.fromisoformat(one.made[:10]).isocalendar()[:2]


PERIODS: Mapping[str, Callable[[Kept], object]] = {
    "last": lambda one: one.number,
    "hourly": lambda one: one.made[:13],
    "daily": lambda one: one.made[:10],
    "weekly": _week,
    "monthly": lambda one: one.made[:7],
    "yearly": lambda one: one.made[:4],
}


def choose(found: Iterable[Kept], wish: str) -> Kept:
    """Find the backup that is meant: ``latest``, a number, a day or a moment (UTC: the last until then).

    ``latest`` is the highest number of a good one. Raises ValueError with what there is.
    """
    ordered = sorted(found, key=lambda one: one.number)
    if not ordered:
        msg = "There is no backup."
        raise ValueError(msg)
    good = [one for one in ordered if one.good]
    if wish == LATEST:
        if not good:
            msg = f"There is no good backup, only doubtful ones.{_there_are(ordered)}"
            raise ValueError(msg)
        return good[-1]
    if wish.isascii() and wish.isdecimal():
        chosen = next((one for one in ordered if one.number == int(wish)), None)
        if chosen is None:
            msg = f"There is no backup {wish}.{_there_are(ordered)}"
            raise ValueError(msg)
        return chosen
    if not (_DAY.fullmatch(wish) or _MOMENT.fullmatch(wish)):
        msg = (
            f"{wish!r:.60} is neither latest, nor a backup's number, nor a day or moment in UTC "
            f"(2026-11-28, 2026-11-28T14:30).{_there_are(ordered)}"
        )
        raise ValueError(msg)
    until = _end_of(wish)
    before = [one for one in good if one.made.rstrip("Z") <= until]
    if not before:
        msg = f"No good backup was made until {wish}.{_there_are(ordered)}"
        raise ValueError(msg)
    return before[-1]


def _end_of(wish: str) -> str:
    """Return the last moment that belongs to a day, a minute or a second."""
    moment = wish.rstrip("Z").replace(" ", "T")
    return moment + "T23:59:59"[len(moment) - 10 :] if len(moment) < 19 else moment


def _there_are(ordered: Sequence[Kept]) -> str:
    shown = ", ".join(
        f"{one.number} ({one.made}{'' if one.good else ', doubtful'})" for one in ordered[-10:]
    )
    return f" There are: {shown}"
