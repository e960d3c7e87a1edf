# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What ``planner-watch`` knows from one run to the next: one JSON file, held by one run at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import Finding, number
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import event_lock
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import (
    State,
    read_state,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_outbox import (
    Outbox,
    read_outbox,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

LOCK_WAIT_S = 100
"""A look ends within its unit's time-out; who waits longer has found something that hangs."""


@dataclass
class Memory:
    """All of it. Times are seconds since 1970."""

    alerts: State = field(default_factory=State)
    outbox: Outbox = field(default_factory=Outbox)
    counters: dict[str, Any] = field(default_factory=dict)
    """Of the look."""
    heal: Any = None
    """Of the healing."""
    looks: int = 1 << 20
    """Since the last thorough one; the first of all is."""
    looked_at: float = 0
    hushed_until: float = 0
    cleaned_at: float = 0
    pinged: dict[str, Any] = field(default_factory=dict)
    """The last call of the outside service: ``at``, ``ok``, and ``why`` it failed."""
    findings: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """What was not well when it was last looked at, by the part that looked."""
    losses: list[Finding] = field(default_factory=list)
    """What of this file could not be read; not kept."""

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        plain = ("counters", "heal", "looks", "looked_at", "hushed_until", "cleaned_at", "pinged")
        return {
            "alerts": self.alerts.to_dict(),
            "outbox": self.outbox.to_dict(),
            "findings": self.findings,
            **{name: getattr(self, name) for name in plain},
        }


def read_memory(settings: Settings) -> Memory:
    """Read the file; what is damaged begins anew, and says so in ``losses``."""
    try:
        with open(_path(settings), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return Memory()
    try:
        loaded = json.loads(text)
    except ValueError:
        loaded = None
    damaged: Any = "damaged"
    given: dict[str, Any] = (
        loaded if isinstance(loaded, dict) else {"alerts": damaged, "outbox": damaged}
    )
    alerts, lost = read_state(given.get("alerts"))
    outbox, lost_too = read_outbox(given.get("outbox"))
    memory = Memory(alerts, outbox, heal=given.get("heal"), losses=[*lost, *lost_too])
    memory.looks = int(number(given.get("looks")) or memory.looks)
    memory.looked_at, memory.hushed_until, memory.cleaned_at = (
        number(given.get(name)) or 0 for name in ("looked_at", "hushed_until", "cleaned_at")
    )
    counters, pinged, findings = (given.get(name) for name in ("counters", "pinged", "findings"))
    memory.counters = counters if isinstance(counters, dict) else {}
    memory.pinged = pinged if isinstance(pinged, dict) else {}
    memory.findings = findings if isinstance(findings, dict) else {}
    return memory


def save(settings: Settings, memory: Memory) -> None:
    """Write it; root's alone, because messages may tell what an attacker wants to know."""
    write_atomically(_path(settings), json.dumps(memory.to_dict()).encode(), mode=0o600)


@contextmanager
def held(settings: Settings, wait_s: int = LOCK_WAIT_S) -> Iterator[Memory]:
    """Hold the file for one run; what the run leaves is written at its end. Raises DockerError after ``wait_s``."""
    with event_lock(settings.kept("lock"), "planner-watch", wait_s):
        memory = read_memory(settings)
        yield memory
        save(settings, memory)


def _path(settings: Settings) -> str:
    return os.path.join(settings.kept(), "state.json")
