# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the program remembers between two runs: the last failure, and what Telegram was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._acme import Attempt
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically


@dataclass
class State:
    """One file. What cannot be read counts as never written: then a limit may be met once, but nothing is stuck."""

    path: str
    attempt: Attempt | None = None
    webhook: dict[str, Any] = field(default_factory=dict)
    """``fingerprint`` of what was registered, ``url``, ``problems`` of the last check, ``pending``."""
    problem: str = ""
    """Why the last run failed, whatever it was about."""

    @classmethod
    def load(cls, path: str) -> State:
        """Read it."""
        try:
            with open(path, encoding="utf-8") as file:
                given = json.load(file)
        except (OSError, ValueError, RecursionError):
            given = None
        if not isinstance(given, Mapping):
            return cls(path)
        webhook = given.get("webhook")
        return cls(
            path,
            Attempt.from_dict(given.get("attempt")),
            dict(webhook) if isinstance(webhook, Mapping) else {},
            str(given.get("problem", "")),
        )

    def save(self) -> None:
        """Write it, if it differs."""
        before = State.load(self.path)
        if before != self:
            write_atomically(self.path, json.dumps(self.to_dict(), indent=2).encode(), mode=0o600)

    def to_dict(self) -> dict[str, Any]:
        """Write down."""
        return {
            "attempt": self.attempt.to_dict() if self.attempt else None,
            "webhook": self.webhook,
            "problem": self.problem,
        }
