# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a look sees of the disk's parts: once an hour, because adding them up takes seconds."""

from __future__ import annotations

from ansible_collections.planner.droplet.plugins.module_utils._disk_drift import compare
from ansible_collections.planner.droplet.plugins.module_utils._disk_usage import measure
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import Finding, number
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import HOUR_S, Sight

KEPT = "disk_parts"
"""Where the counters keep when it was, what was found, and the lines to show."""


def disk_parts(sight: Sight) -> list[Finding]:
    """Compare the disk's parts with the disk plan; within the hour, what was found then."""
    kept = sight.counters.get(KEPT)
    known = kept if isinstance(kept, dict) else {}
    at = number(known.get("at"))
    if at is None or not 0 <= sight.now - at < HOUR_S:
        lines, findings = compare(sight.settings.disk, measure(sight.settings))
        known = {"at": sight.now, "lines": lines, "found": [one.to_dict() for one in findings]}
        sight.counters[KEPT] = known
    return [Finding(**one) for one in known["found"]]
