# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a month of looks comes to: how long it was up, how fast, and the most of memory, swap and disk a day."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._watch_history import (
    DOWN,
    IDLE,
    UNSEEN,
    UP,
    Look,
    bounds,
    looks,
    months,
)

PROMISED_PERCENT = 99
DAY_S = 86400


@dataclass(frozen=True)
class Down:
    """A time without a ready answer; ``looked`` is false where nobody looked in all of it."""

    start: float
    """Seconds since 1970."""
    seconds: float
    looked: bool


@dataclass
class Day:
    """A day of the month: seconds up and down, the most of what was measured, sums of what was counted."""

    day: int
    up_s: float = 0
    down_s: float = 0
    used_mb: float | None = None
    swap_mb: float | None = None
    disk_percent: float | None = None
    requests: int = 0
    errors: int = 0

    @property
    def percent(self) -> float | None:
        """Tell how much of the day's judged part it was up."""
        return _percent(self.up_s, self.down_s)


@dataclass(frozen=True)
class Month:
    """A month from its first look to its end, or to now. Times are seconds since 1970."""

    name: str
    begin: float
    """The month's first moment, or the first look ever."""
    until: float
    closes: float
    looks: int
    days: tuple[Day, ...]
    downs: tuple[Down, ...]
    p50_s: float | None
    p95_s: float | None

    @property
    def up_s(self) -> float:
        """Seconds it answered."""
        return sum(day.up_s for day in self.days)

    @property
    def down_s(self) -> float:
        """Seconds it did not answer, or nobody looked."""
        return sum(day.down_s for day in self.days)

    @property
    def uptime_percent(self) -> float | None:
        """Tell how much of the time it was up; None before the first look."""
        return _percent(self.up_s, self.down_s)

    @property
    def budget_min(self) -> float:
        """Minutes it may be down until the month ends, by what is promised."""
        return max(0.0, self.closes - self.begin) * (100 - PROMISED_PERCENT) / 100 / 60

    @property
    def budget_left_min(self) -> float:
        """Minutes that are left of it; less than 0 where the promise is broken."""
        return self.budget_min - self.down_s / 60

    @property
    def requests(self) -> int:
        """Requests of the month."""
        return sum(day.requests for day in self.days)

    @property
    def errors(self) -> int:
        """Answers of the month that were the server's errors."""
        return sum(day.errors for day in self.days)

    def most(self, name: str) -> tuple[float, int] | None:
        """Return the largest ``used_mb``, ``swap_mb`` or ``disk_percent`` and its day."""
        seen = [(value, -day.day) for day in self.days if (value := getattr(day, name)) is not None]
        value, day = max(seen, default=(None, 0))
        return None if value is None else (value, -day)


def month(folder: str, name: str, cycle_s: float, now: float) -> Month:
    """Add a month up; ``cycle_s`` is the time from one look to the next.

    A look stands for the time until the next one. Where that is later than two cycles, nobody looked in between,
    which counts as down - but not before the first look ever.
    """
    opens, closes = bounds(name)
    until = max(opens, min(closes, now))
    known = months(folder)
    begin = opens
    if not known or known[0] >= name:
        begin = min(next((look.at for look in looks(folder, name)), until), until)
    tally = _Tally(opens, cycle_s, _days(opens, closes), at=begin)
    for look in looks(folder, name):
        if begin <= look.at < until:
            tally.add(look)
    tally.end(until)
    answers = sorted(tally.answers)
    return Month(
        name=name,
        begin=begin,
        until=until,
        closes=closes,
        looks=tally.looks,
        days=tally.days,
        downs=tuple(tally.downs),
        p50_s=_rank(answers, 50),
        p95_s=_rank(answers, 95),
    )


@dataclass
class _Tally:
    """Adds looks up, one after the other: a month of them is never in memory."""

    opens: float
    cycle_s: float
    days: tuple[Day, ...]
    at: float
    """Up to where time is judged."""
    last: Look | None = None
    looks: int = 0
    answers: array[float] = field(default_factory=lambda: array("f"))
    downs: list[Down] = field(default_factory=list)

    def add(self, look: Look) -> None:
        # A clock that was set back shows times again that are judged already.
        if self.last and look.at <= self.last.at:
            return
        self._judge(look.at, look)
        self.last = look
        self.looks += 1
        day = self.days[int((look.at - self.opens) // DAY_S)]
        for name in ("used_mb", "swap_mb", "disk_percent"):
            value, most = look.values[name], getattr(day, name)
            if value is not None and (most is None or value > most):
                setattr(day, name, value)
        day.requests += int(look.values["requests"] or 0)
        day.errors += int(look.values["errors"] or 0)
        answer = look.values["seconds"]
        if look.state == UP and answer is not None:
            self.answers.append(answer)

    def end(self, until: float) -> None:
        self._judge(until, self.last)

    def _judge(self, until: float, following: Look | None) -> None:
        """Judge the time up to a look by the one before it; at the month's begin by itself."""
        look = self.last or following
        state = look.state if look else UNSEEN
        if until - self.at > 2 * self.cycle_s:
            if self.last:
                self._cover(self.at + self.cycle_s, state)
            # Nothing could be ready, and nobody needed to look.
            state = IDLE if state == IDLE else UNSEEN
        self._cover(until, state)

    def _cover(self, until: float, state: int) -> None:
        if state in (DOWN, UNSEEN) and until > self.at:
            start, looked = self.at, state == DOWN
            before = self.downs[-1] if self.downs else None
            if before and before.start + before.seconds >= start:
                start, looked = before.start, looked or before.looked
                self.downs.pop()
            self.downs.append(Down(start, until - start, looked))
        while self.at < until:
            number_of = int((self.at - self.opens) // DAY_S)
            stop = min(until, self.opens + (number_of + 1) * DAY_S)
            day = self.days[number_of]
            if state == UP:
                day.up_s += stop - self.at
            elif state != IDLE:
                day.down_s += stop - self.at
            self.at = stop


def _days(opens: float, closes: float) -> tuple[Day, ...]:
    return tuple(Day(one + 1) for one in range(round((closes - opens) / DAY_S)))


def _percent(up_s: float, down_s: float) -> float | None:
    whole = up_s + down_s
    return 100 * up_s / whole if whole > 0 else None


def _rank(ordered: list[float], percent: int) -> float | None:
    """Return the smallest value that so many per cent are not above."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None
