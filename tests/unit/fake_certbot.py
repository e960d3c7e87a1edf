"""A ``certbot`` that keeps its folder as the real one does, and issues or says what it is told to."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot

from tests.unit import certbot_program
from tests.unit.certificates import Pair

Call = dict[str, Any]


class FakeCertbot:
    """The program, its folder, and what it will do."""

    def __init__(self, folder: Path) -> None:
        """Install it; nothing was issued yet."""
        self.folder = folder
        self.etc = folder / "letsencrypt"
        self.etc.mkdir(parents=True)
        self.program = folder / "certbot"
        words = [sys.executable, "-IS", certbot_program.__file__, str(folder)]
        self.program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        self.program.chmod(0o755)
        self.version("4.0.0")
        self._answer()

    def version(self, version: str) -> None:
        """Have it call itself so."""
        (self.folder / "version").write_text(version)

    def issues(self, *pairs: Pair, keep: bool = True) -> None:
        """Have its next calls succeed, each with a certificate; without ``keep`` it only says so."""
        for pair in pairs:
            issued = {
                "cert": pair.leaf,
                "privkey": pair.key,
                "chain": pair.chain.removeprefix(pair.leaf),
                "fullchain": pair.chain,
            }
            self._answer({"issue": issued, "keep": keep})

    def fails(self, *texts: str) -> None:
        """Have its next calls fail with these texts."""
        self._answer(*({"say": text} for text in texts))

    def sleeps(self, seconds: float) -> None:
        """Have its next call take its time."""
        self._answer({"sleep": seconds, "say": "it woke up"})

    def _answer(self, *answers: dict[str, Any]) -> None:
        file = self.folder / "answers"
        before = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps([*before, *answers]))

    @property
    def calls(self) -> list[Call]:
        """How it was called, ``--version`` aside."""
        file = self.folder / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def path(self, *names: str) -> Path:
        """Locate a file that it keeps."""
        return self.etc.joinpath(*names)

    @property
    def conf(self) -> Path:
        """Where it remembers how the certificate was asked for."""
        return self.path("renewal", "planner.conf")

    def certbot(self, ca_file: str = "") -> Certbot:
        """The code under test, on this program and folder."""
        return Certbot(str(self.etc), str(self.program), ca_file)
