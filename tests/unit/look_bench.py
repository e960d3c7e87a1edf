"""A host whose commands are scripts and whose files lie in a folder, and a look at it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import Finding
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight

from tests.unit.drift_fixtures import PLAN

NOW = 1_795_848_600.0
MINUTE = 60.0


class Host:
    """Has only the commands and files that a test puts there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with none."""
        self.root, self.programs = folder / "root", folder / "bin"
        self.programs.mkdir()
        self.root.mkdir()
        self.counters: dict[str, Any] = {"at": NOW - MINUTE}
        monkeypatch.setenv("PATH", str(self.programs))

    def file(self, path: str, content: str = "") -> Path:
        """Write a file of the host."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def command(self, name: str, script: str) -> Path:
        """Install a command, which notes how it was called."""
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.root}/calls\n{script}\n')
        path.chmod(0o755)
        return path

    def prints(self, name: str, text: str, code: int = 0) -> Path:
        """Install a command that prints a text."""
        return self.command(name, f"/bin/cat <<'END'\n{text}\nEND\nexit {code}")

    @property
    def calls(self) -> list[str]:
        """How the commands were called."""
        calls = self.root / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def sight(self, now: float = NOW, *, busy: bool = False, **wish: Any) -> Sight:
        """Look again; what is counted goes through JSON, as on the disk."""
        self.counters = json.loads(json.dumps(self.counters))
        settings = Settings(**{"plan": PLAN, **wish})
        files = Files(str(self.root))
        return Sight(settings, now, self.counters, busy=busy, files=files)


def told(findings: Iterable[Finding]) -> dict[str, tuple[str, str]]:
    """Severity and text by check and subject."""
    return {f"{one.check}/{one.subject}": (one.severity, one.what) for one in findings}


def severities(findings: Iterable[Finding]) -> dict[str, str]:
    """Severity by check and subject."""
    return {key: severity for key, (severity, _) in told(findings).items()}
