# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""How the collection says no: every problem at once, each with its place, value and way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing the owner must change, and where."""

    path: str
    """Where it is written, e.g. ``droplet_services[1].limit_mb``."""
    value: object
    """What stands there now; ``None`` where nothing does."""
    reason: str
    """What is wrong with it."""
    remedy: str
    """What to do instead."""

    def __str__(self) -> str:
        """Render as ``path = value: reason. Do: remedy.``, leaving out a value that does not exist."""
        where = self.path if self.value is None else f"{self.path} = {self.value!r}"
        return f"{where}: {self.reason}. Do: {self.remedy}."


class PlanError(ValueError):
    """The inputs cannot become a plan. ``problems`` has one entry for each reason."""

    def __init__(self, problems: Iterable[Problem], proposals: Iterable[str] = ()) -> None:
        """Keep the problems and what would fit instead, and make the message from all of them."""
        self.problems = tuple(problems)
        self.proposals = tuple(proposals)
        lines = [f"{number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        super().__init__("\n".join(lines + [f"=> {proposal}" for proposal in self.proposals]))


def closest(name: object, known: Iterable[str]) -> str:
    """Name the known spelling nearest to a wrong one (YAML keys may be numbers), or list all."""
    candidates = sorted(known)
    near = difflib.get_close_matches(str(name), candidates, n=1)
    return f"write {near[0]!r}" if near else "use one of " + ", ".join(candidates)
