# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Reads which certificate is served: for the module ``certificate_state``, and on the host itself."""

from __future__ import annotations

from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import moment, show_units
from ansible_collections.planner.droplet.plugins.module_utils._program_status import status_of

PROGRAM = "/usr/local/sbin/planner-tls"
UNITS = ("certbot.timer", "certbot.service")
PROPERTIES = "--property=ActiveState,Result,NextElapseUSecRealtime,LastTriggerUSec"


def read_certificate() -> dict[str, Any]:
    """Read what the module ``certificate_state`` returns."""
    status, error = status_of(PROGRAM)
    timer, service = read_units()
    return {"status": status, "timer": timer, "service": service, "error": error}


def read_units() -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Ask systemd about the timer and about what it starts."""
    blocks = show_units(PROPERTIES, UNITS)
    if blocks is None:
        return None, None
    timer, service = blocks
    return {
        "active": timer.get("ActiveState") == "active",
        "next": moment(timer.get("NextElapseUSecRealtime", "")),
        "last": moment(timer.get("LastTriggerUSec", "")),
    }, {
        "failed": service.get("ActiveState") == "failed",
        "result": service.get("Result", ""),
    }
