# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What every part of a look is handed, and what is remembered from one look to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

HOUR_S = 3600.0
_LONGEST_S = 600.0


@dataclass
class Sight:
    """One look: the wish, the time in seconds since 1970, what earlier looks left and what this one leaves.

    ``counters`` and ``samples`` are plain JSON; the parts of a look write into both.
    """

    settings: Settings
    now: float
    counters: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, Any] = field(default_factory=dict)
    busy: bool = False
    """Whether an event on the host holds the lock of maintenance: containers may come and go."""
    files: Files = field(default_factory=Files)

    @property
    def since(self) -> float:
        """Return the time of the last look; ten minutes ago where that was longer ago."""
        last = number(self.counters.get("at"))
        if last is None or last > self.now:
            return self.now - self.settings.cycle_s
        return max(last, self.now - _LONGEST_S)

    def added(self, name: str, amount: float, window_s: float = HOUR_S) -> float:
        """Add to what was counted; return the sum of the last ``window_s`` seconds."""
        windows = self._kept("windows")
        given = windows.get(name)
        pairs = [
            pair
            for pair in (given if isinstance(given, list) else ())
            if self._young(pair, window_s)
        ]
        windows[name] = [*pairs, [self.now, amount]] if amount else pairs
        return float(sum(pair[1] for pair in windows[name]))

    def grown(self, name: str, total: float, window_s: float = HOUR_S) -> float:
        """Return by how much a total grew in the last ``window_s`` seconds; a smaller one has begun again.

        What the first look of all sees has grown nobody knows when: it is where counting begins.
        """
        totals = self._kept("totals")
        before = number(totals.get(name))
        if before is None:
            before = 0.0 if "at" in self.counters else total
        totals[name] = total
        return self.added(name, total if total < before else total - before, window_s)

    def _kept(self, name: str) -> dict[str, Any]:
        """Return a part of the counters; a damaged one begins anew."""
        if not isinstance(self.counters.get(name), dict):
            self.counters[name] = {}
        kept: dict[str, Any] = self.counters[name]
        return kept

    def _young(self, pair: object, window_s: float) -> bool:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            return False
        at, amount = map(number, pair)
        return at is not None and amount is not None and self.now - window_s < at <= self.now


def mapping(value: object) -> Mapping[str, Any]:
    """Accept a mapping; everything else is an empty one."""
    return value if isinstance(value, Mapping) else {}


def line(value: object) -> str:
    """Keep what others wrote on one line, and without what would steer a terminal."""
    return "".join(one for one in " ".join(str(value).split()) if one.isprintable())
