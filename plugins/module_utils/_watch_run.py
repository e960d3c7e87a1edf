# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One run of ``planner-watch look``: look, mend, judge, tell, and say outside that somebody looked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import is_held
from ansible_collections.planner.droplet.plugins.module_utils._watch_alerts import observe
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import (
    ChannelError,
    channels,
    ping,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import clean
from ansible_collections.planner.droplet.plugins.module_utils._watch_disk import KEPT
from ansible_collections.planner.droplet.plugins.module_utils._watch_heal import CHECK, heal
from ansible_collections.planner.droplet.plugins.module_utils._watch_heard import CHECKS, heard
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import (
    append,
    append_told,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_look import (
    SHARED,
    look,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    REPORT,
    Message,
    judge_quiet,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_outbox import broken, healthy
from ansible_collections.planner.droplet.plugins.module_utils._watch_rules import rule_of
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    Settings,
    read_secret,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import (
    Memory,
    held,
    save,
)

THOROUGH, THOROUGH_LATEST = 10, 60
"""After so many looks also at what changes slowly or is costly to ask: 53 MiB for a second, where the plan has 20. So
it waits for the end of an event, but not for ever."""
LOOKED = "/run/planner-watch/looked"
"""Touched by each look; Monit cries when it grows old."""
CLEAN_AGAIN_S = 3600
"""What one cleaning could not free, the next one a minute later cannot either."""


def run(settings: Settings, clock: Callable[[], float] = time.time) -> list[str]:
    """Look once, and do what follows from it; return in words what was lost, and what could not be told to anybody."""
    with held(settings) as memory:
        now = clock()
        complaints = [f"{one.subject}: {one.what}" for one in memory.losses]
        findings, looked = _look(settings, memory, now, complaints)
        ways = channels(settings)
        told = [*broken(memory.outbox, tuple(ways), now), *judge_quiet(settings)]
        findings += told
        memory.findings["alerts"] = _bad([*told, *memory.losses])
        if now >= memory.hushed_until:
            step = observe(
                memory.alerts, findings, rule_of, now, settings, looked={*looked, "alerts", CHECK}
            )
            memory.alerts = step.state
            with _told(complaints):
                append_told(settings.kept("history"), step.messages, now)
            memory.outbox.put(step.messages, tuple(ways), now)
        complaints += memory.outbox.deliver(
            ways, clock(), lambda: _saved(settings, memory, complaints)
        )
        complaints += _ping(settings, memory, tuple(ways), clock())
        memory.looked_at = now
        _touch()
        return list(dict.fromkeys(complaints))


def deliver(
    settings: Settings, message: Message, clock: Callable[[], float] = time.time
) -> list[str]:
    """Put one message into the outbox and send what is due; return in words what failed."""
    with held(settings) as memory:
        ways = channels(settings)
        memory.outbox.put([message], tuple(ways), clock())
        return memory.outbox.deliver(ways, clock(), lambda: save(settings, memory))


@contextmanager
def _told(complaints: list[str]) -> Iterator[None]:
    """Go on where a full disk takes nothing more: that is when a person must be told."""
    try:
        yield
    except OSError as error:
        complaints.append(str(error))


def _saved(settings: Settings, memory: Memory, complaints: list[str]) -> None:
    with _told(complaints):
        save(settings, memory)


def _look(
    settings: Settings, memory: Memory, now: float, complaints: list[str]
) -> tuple[list[Finding], set[str]]:
    """Look, and mend what can be mended."""
    thorough = memory.looks >= (THOROUGH_LATEST if is_held() else THOROUGH)
    seen = look(settings, memory.counters, now, thorough=thorough)
    memory.counters, memory.looks = seen.counters, 1 if thorough else memory.looks + 1
    with _told(complaints):
        append(settings.kept("history"), seen.samples, now)
    monit = heard()
    healed, memory.heal = heal(settings, seen.findings, memory.heal, now)
    findings = [*seen.findings, *monit, *healed, *memory.losses]
    # What was not looked at this time is as it was.
    memory.findings |= {name: _bad(found) for name, found in seen.bad.items()}
    memory.findings |= {"monit": _bad(monit), "heal": _bad(healed)}
    full = any(one.check in ("disk", "inodes") and one.severity == PROBLEM for one in findings)
    if full and not 0 <= now - memory.cleaned_at < CLEAN_AGAIN_S:
        memory.cleaned_at = now
        _clean(settings, memory, now)
    return findings, {*seen.looked, *CHECKS}


def _bad(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [one.to_dict() for one in findings if one.severity != OK]


def _clean(settings: Settings, memory: Memory, now: float) -> None:
    """Make room, and tell what went."""
    done = clean(settings, now)
    if not done.freed:
        return
    title = f"CLEANED {settings.host}: the disk is {done.use.percent:.0f} % full now"
    lines = [f"- {one}" for one in done.freed] + ([f"Do: {done.do}"] if done.do else [])
    told = Message(REPORT, title, tuple(lines), urgent=False, at=now)
    memory.outbox.put([told], tuple(channels(settings)), now)


def _ping(settings: Settings, memory: Memory, ways: Sequence[str], now: float) -> list[str]:
    """Call the outside service: well only where a person would be told."""
    url = read_secret(settings, "ping_url")
    if not url:
        return []
    good = healthy(memory.outbox, ways, now)
    why = ""
    try:
        ping(url, ok=good)
    except ChannelError as error:
        why = error.reason
    memory.pinged = {"at": now, "ok": good and not why, "why": why}
    return [f"ping: {why}"] if why else []


def _touch() -> None:
    os.makedirs(os.path.dirname(LOOKED), mode=0o700, exist_ok=True)
    with open(LOOKED, "a", encoding="ascii"):
        os.utime(LOOKED)


def status(settings: Settings, memory: Memory, now: float) -> Mapping[str, object]:
    """Tell for the state of the machine what stands, what waits, and who would be told."""
    ways = tuple(channels(settings))
    return {
        "now": now,
        "looked_at": memory.looked_at or None,
        "cycle_s": settings.cycle_s,
        "hushed_until": memory.hushed_until if memory.hushed_until > now else None,
        # The others are judged anew by the sections that they belong to.
        "findings": [
            one for part, found in memory.findings.items() if part not in SHARED for one in found
        ],
        "disk": memory.counters.get(KEPT, {}).get("lines", []),
        "alerts": [
            {**one.finding.to_dict(), "since": one.since}
            for one in memory.alerts.alerts.values()
            if one.raised
        ],
        "channels": {
            one.subject: {"severity": one.severity, "what": one.what}
            for one in (broken(memory.outbox, ways, now) if ways else ())
        },
        "waiting": len(memory.outbox.waiting),
        "pinged": memory.pinged or None,
        "pings": bool(read_secret(settings, "ping_url")),
    }
