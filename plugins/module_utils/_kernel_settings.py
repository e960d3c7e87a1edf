# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Settings of the kernel: the file that brings them back at boot, and where the running kernel keeps each."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAME = re.compile(r"[a-z0-9_-]+(\.[A-Za-z0-9_/-]+)+")


@dataclass(frozen=True)
class Setting:
    """One sysctl as it should be. ``reason`` is the comment above it in the file."""

    name: str
    value: str
    reason: str = ""

    @property
    def path(self) -> str:
        """Where it is below /proc/sys. As sysctl does it: a slash in the name stands for a dot in a device's."""
        return self.name.translate(str.maketrans("./", "/."))


def parse(wishes: Sequence[Mapping[str, object]]) -> tuple[Setting, ...]:
    """Check what the owner wrote; raises a ``ValueError`` that lists every problem."""
    problems = []
    settings: list[Setting] = []
    for number, wish in enumerate(wishes):
        setting = Setting(
            str(wish["name"]), " ".join(str(wish["value"]).split()), str(wish.get("reason") or "")
        )
        if not NAME.fullmatch(setting.name):
            problems.append(f"settings[{number}].name: {setting.name!r} is no name of a sysctl")
        elif setting.name in (earlier.name for earlier in settings):
            problems.append(f"settings[{number}].name: {setting.name} is there twice")
        if not setting.value:
            problems.append(f"settings[{number}].value: is empty")
        if "\n" in setting.reason:
            problems.append(f"settings[{number}].reason: has more than one line")
        settings.append(setting)
    if problems:
        raise ValueError("\n".join(problems))
    return tuple(settings)


HEADER = "# Written by planner.droplet.kernel_settings; what is changed here is lost.\n"
COLUMNS = 120


def render(settings: Sequence[Setting]) -> str:
    """Write the file, one reason above each group of settings that share it; empty when there are none."""
    lines = []
    reason = ""
    for setting in settings:
        if setting.reason and setting.reason != reason:
            lines += textwrap.wrap(
                setting.reason, COLUMNS, initial_indent="# ", subsequent_indent="# "
            )
        reason = setting.reason
        lines.append(f"{setting.name} = {setting.value}")
    return "".join(f"{line}\n" for line in lines)


def differing(
    settings: Sequence[Setting], live: Mapping[str, str | None]
) -> tuple[tuple[Setting, ...], tuple[str, ...]]:
    """Return those that the running kernel has otherwise, and the names that it does not have at all.

    ``live`` holds each name's value now, None for an unknown one.
    """
    wrong = []
    missing = []
    for setting in settings:
        value = live[setting.name]
        if value is None:
            missing.append(setting.name)
        elif " ".join(value.split()) != setting.value:
            wrong.append(setting)
    return tuple(wrong), tuple(missing)
