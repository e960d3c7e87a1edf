"""An executable ``docker`` that answers what was recorded."""

import shlex
from collections.abc import Mapping
from pathlib import Path


class Docker:
    """A `docker` on PATH: the first pattern that fits the arguments decides what happens."""

    def __init__(self, folder: Path) -> None:
        """Keep the script and its log in a folder."""
        self.folder = folder
        self.log = folder / "calls"

    def answer(self, rules: Mapping[str, str]) -> None:
        """Write the script: shell pattern of the arguments -> shell commands."""
        cases = "".join(f"  {pattern}) {commands} ;;\n" for pattern, commands in rules.items())
        script = self.folder / "docker"
        script.write_text(
            f'#!/bin/sh\necho "$PWD: $*" >> {shlex.quote(str(self.log))}\ncase "$*" in\n{cases}'
            '  *) echo "unexpected: $*" >&2; exit 99 ;;\nesac\n'
        )
        script.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """Working folder and arguments of each call."""
        return self.log.read_text().splitlines()


def says(text: str) -> str:
    """Shell commands that print a text as it is."""
    return f"printf %s {shlex.quote(text)}"
