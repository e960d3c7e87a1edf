# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The ladder that a drill climbs, and what its verdict is.

A rung that could not be tried is no rung that held: only a ladder climbed to its top has passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PASSED, FAILED, UNVERIFIED = "passed", "failed", "could not verify"
NOT_ASKED = "not asked"
ARCHIVE, SCHEMA, ROWS, CONTENTS, INDEXES, REVISION, QUERY = RUNGS = (
    "the archive opens",
    "the schema comes back",
    "every table has its rows",
    "every row has its contents",
    "indexes and extensions are valid",
    "it is the schema's revision",
    "the app's own query finds the same",
)


class CouldNotVerifyError(RuntimeError):
    """The rung could not be tried: nothing is known about the backup."""


class BrokenError(RuntimeError):
    """The rung does not hold: this backup would not bring everything back."""


@dataclass(frozen=True)
class Rung:
    """How one held. ``outcome`` is one of the words above."""

    name: str
    outcome: str
    seconds: float = 0.0
    why: str = ""


def verdict(climbed: Sequence[Rung]) -> str:
    """Judge: one broken rung fails it, one that could not be tried leaves it open, and so does one never reached."""
    outcomes = [one.outcome for one in climbed]
    if FAILED in outcomes:
        return FAILED
    complete = [one.name for one in climbed] == list(RUNGS)
    # Only the query is the owner's to leave out.
    held = all(
        one.outcome == PASSED or (one.name, one.outcome) == (QUERY, NOT_ASKED) for one in climbed
    )
    return PASSED if complete and held else UNVERIFIED


def sentence(climbed: Sequence[Rung], number: int, seconds: float, where: str) -> str:
    """Tell it in a line."""
    held = sum(one.outcome == PASSED for one in climbed)
    judged = verdict(climbed)
    end = climbed[-1] if climbed else Rung(ARCHIVE, UNVERIFIED)
    if judged == PASSED:
        asked = "" if end.outcome == PASSED else "; no query of the app is set (backup_drill_query)"
        return (
            f"Drill PASSED: backup {number}, from {where}, came back in {seconds:.0f} s, "
            f"{held} of {len(RUNGS)} checks held{asked}."
        )
    said = "FAILED" if judged == FAILED else "COULD NOT VERIFY"
    what = f"backup {number}, from {where}" if number else f"the newest backup, from {where}"
    return f"Drill {said}: {what}, at '{end.name}': {end.why}"
