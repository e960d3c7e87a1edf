# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""How patient each alert is, by its check. A look is a minute; what is asked only every tenth look waits ten."""

from __future__ import annotations

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import Finding
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import Rule

_DOWN = Rule(looks=2, clears=2, urgent=True)
_BUSY = Rule(looks=5, clears=5)
"""What a backup, apt or a release does for some minutes, and may."""
RULES = {
    # Visitors notice.
    "docker": _DOWN,
    "ready": _DOWN,
    # By then it was restarted once (see _watch_heal).
    "state": Rule(looks=3, clears=2, urgent=True),
    "heal": Rule(looks=1, clears=3),
    "errors": Rule(looks=2, clears=3),
    "latency": Rule(looks=3, clears=3),
    "available": _BUSY,
    "memory": _BUSY,
    "swap": _BUSY,
    "pressure": _BUSY,
    "use": _BUSY,
    "disk": Rule(looks=2, clears=2),
    "inodes": Rule(looks=2, clears=2),
    "unit": Rule(looks=2, clears=2),
    # Two looks that ask, ten minutes apart: clocks are set, Telegram tries again, site.yml obtains a certificate last.
    "time": Rule(looks=2, clears=1),
    "webhook": Rule(looks=2, clears=1),
    "certificate": Rule(looks=2, clears=1),
}
_OTHERS = Rule(looks=1, clears=1)
"""What changes by the day, or was judged over a time already."""


def rule_of(finding: Finding) -> Rule:
    """Return the rule of a finding's check, or of the family it belongs to: of pressure for pressure-io."""
    return RULES.get(finding.check) or RULES.get(finding.check.partition("-")[0], _OTHERS)
