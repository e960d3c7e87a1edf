# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Who looks at this machine and who would be told, judged and put into a section of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
    section,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import labelled
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import lasting

_ABOUT = "watch"
_SITE = "ansible-playbook playbooks/site.yml --tags watch"
_OLD_LOOKS = 5
"""Looks that may be missed: a boot, an upgrade of systemd."""


def watch_section(seen: object) -> dict[str, Any]:
    """Judge what the module ``watch_state`` saw, as a section for the state of the machine."""
    return section(_ABOUT, seen, _lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each point; what could not be seen is unknown."""
    status = seen.get("status")
    if not isinstance(status, Mapping):
        what = f"it could not be asked: {seen.get('error') or 'nothing was seen'}"
        return [Finding(UNKNOWN, "looks", _ABOUT, what, _SITE)]
    return [_looks(status), _pings(status), *_standing(status)]


def _looks(status: Mapping[str, Any]) -> Finding:
    now, looked = number(status.get("now")), number(status.get("looked_at"))
    cycle = number(status.get("cycle_s")) or 60
    if looked is None or now is None:
        return Finding(WARNING, "looks", _ABOUT, "nobody has looked yet", "ask again in a minute")
    age = now - looked
    if not -cycle <= age <= _OLD_LOOKS * cycle:
        what = f"the last look was {lasting(abs(age))} {'ago' if age > 0 else 'in the future'}"
        do = "systemctl status planner-watch.timer planner-watch.service"
        return Finding(PROBLEM, "looks", _ABOUT, what, do)
    hushed = number(status.get("hushed_until"))
    if hushed:
        what = f"nothing is told for {lasting(hushed - now)}"
        return Finding(WARNING, "looks", _ABOUT, what, "planner-watch hush 0")
    return Finding(OK, "looks", _ABOUT, f"the last look was {lasting(age)} ago")


def _pings(status: Mapping[str, Any]) -> Finding:
    if not status.get("pings"):
        what = "nobody outside notices when this machine is gone"
        return Finding(WARNING, "pings", _ABOUT, what, "set watch_ping_url (docs/watch.md)")
    pinged = status.get("pinged")
    if not isinstance(pinged, Mapping):
        return Finding(
            WARNING, "pings", _ABOUT, "nobody outside was called yet", "planner-watch look"
        )
    if not pinged.get("ok"):
        why = pinged.get("why") or "no message would arrive, and the outside service was told so"
        return Finding(PROBLEM, "pings", _ABOUT, f"{why}", "planner-watch test")
    return Finding(OK, "pings", _ABOUT, "the outside service is called")


def _standing(status: Mapping[str, Any]) -> list[Finding]:
    """Tell what the last look saw and no other section shows."""
    return [
        Finding(
            *(str(one.get(name) or "") for name in ("severity", "check", "subject", "what", "do"))
        )
        for one in entries(status.get("findings"))
    ]


def _lines(seen: Mapping[str, Any]) -> list[str]:
    status = seen.get("status")
    if not isinstance(status, Mapping):
        return []
    now = number(status.get("now")) or 0
    alerts = [
        f"{one.get('check')} {one.get('subject')}, for {lasting(now - (number(one.get('since')) or now))}"
        for one in entries(status.get("alerts"))
    ]
    channels = status.get("channels")
    told = ", ".join(channels) if isinstance(channels, Mapping) else ""
    waiting = number(status.get("waiting")) or 0
    lines = labelled("Alerts", "; ".join(alerts) or "none stands")
    lines += labelled("", f"told by {told or 'nobody'}; {waiting:.0f} messages wait")
    disk = status.get("disk")
    parts = [str(one) for one in disk] if isinstance(disk, list) else []
    return [*lines, *([""] if parts else []), *parts]
