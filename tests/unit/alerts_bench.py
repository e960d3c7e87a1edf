"""A machine that is looked at, for the tests of what a person is told."""

import json
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import (
    Rule,
    State,
    observe,
    read_state,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

NOON = 1_788_523_200.0  # 2026-09-04 12:00 UTC
HOUR = 3600
CHECKS = ("disk", "state", "cpu")


def disk(percent: int = 84, severity: str = PROBLEM) -> Finding:
    """The disk, with a number that changes."""
    return Finding(severity, "disk", "/", f"{percent} % full", "sudo planner-watch clean")


def state_of(name: str, severity: str = PROBLEM, do: str = "read its log") -> Finding:
    """A service."""
    return Finding(severity, "state", name, "is stopped", do)


@dataclass
class Watch:
    """Looks one after the other, each a minute after the one before; the state goes through JSON in between."""

    settings: Settings = field(default_factory=lambda: Settings(host="planner-1"))
    rule: Rule = field(default_factory=Rule)
    rules: dict[str, Rule] = field(default_factory=dict)
    now: float = NOON
    state: State = field(default_factory=State)
    told: list[Message] = field(default_factory=list)

    def look(
        self, *findings: Finding, after: float = 60, looked: tuple[str, ...] = CHECKS
    ) -> list[Message]:
        """Look once; return what is told."""
        self.now += after
        step = observe(self.state, findings, self.rule_of, self.now, self.settings, looked=looked)
        self.state, problems = read_state(json.loads(json.dumps(step.state.to_dict())))
        assert problems == []
        assert self.state == step.state
        self.told += step.messages
        return list(step.messages)

    def rule_of(self, finding: Finding) -> Rule:
        """The rule of its check."""
        return self.rules.get(finding.check, self.rule)

    @property
    def kinds(self) -> list[str]:
        """What was told so far."""
        return [one.kind for one in self.told]
