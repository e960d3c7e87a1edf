# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Single lines of files that have no folder for settings of one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """Lines of the file ``path`` that the pattern ``match`` describes as a whole become ``line``.

    ``append`` adds it when none does. ``line`` may refer to the pattern's groups.
    """

    path: str
    match: str
    line: str
    append: bool = False

    def __post_init__(self) -> None:
        """Refuse what would write something else than a line, or something else each time."""
        try:
            pattern = re.compile(self.match)
        except re.error as error:
            msg = f"{self.path}: {self.match!r} is no pattern: {error}"
            raise ValueError(msg) from error
        if self.append and pattern.fullmatch(self.line) is None:
            msg = f"{self.path}: {self.line!r} would be appended each time: {self.match!r} does not match it"
            raise ValueError(msg)


def apply(text: str, lines: Sequence[Line]) -> str:
    """Return the file's text with all the lines set."""
    result = text.splitlines()
    for wish in lines:
        pattern = re.compile(wish.match)
        found = False
        for number, line in enumerate(result):
            if matched := pattern.fullmatch(line):
                found = True
                result[number] = matched.expand(wish.line)
        if wish.append and not found:
            result.append(wish.line)
    return text if result == text.splitlines() else "".join(f"{line}\n" for line in result)


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """Return only the lines that differ, so that a diff shows nothing else of the file."""
    old, new = before.splitlines(), after.splitlines()
    gone = [line for line in old if line not in new]
    come = [line for line in new if line not in old]
    return "".join(f"{line}\n" for line in gone), "".join(f"{line}\n" for line in come)
