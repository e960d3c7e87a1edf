# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One look at everything: each part judges what it sees, and a part that breaks hides no other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import (
    _watch_machine,
    _watch_product,
)
from ansible_collections.planner.droplet.plugins.module_utils._ask import words
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    SEVERITIES,
    UNKNOWN,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import is_held
from ansible_collections.planner.droplet.plugins.module_utils._watch_disk import disk_parts
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import (
    Sight,
    mapping,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_site import ready
from ansible_collections.planner.droplet.plugins.module_utils._watch_traffic import traffic
from ansible_collections.planner.droplet.plugins.module_utils._watch_webhook import webhook


@dataclass(frozen=True)
class Look:
    """What one look found; the worst findings come first, one for each check and subject."""

    findings: tuple[Finding, ...]
    looked: frozenset[str] = frozenset()
    """The checks that were judged this time: only what is of one of them can be over."""
    bad: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """What is not well, by the part that saw it; a part that did not look is left out."""
    counters: dict[str, Any] = field(default_factory=dict)
    """Plain JSON, to be given to the next look."""
    samples: dict[str, Any] = field(default_factory=dict)
    """ready (None: nothing is released yet), seconds, used_mb, swap_mb, disk_percent, requests, errors.
    What could not be measured is missing."""


@dataclass(frozen=True)
class Part:
    """One part of a look; ``do`` is told where it breaks."""

    name: str
    see: Callable[[Sight], Iterable[Finding]]
    do: str
    thorough: bool = False
    calm: bool = False
    """Not judged while an event changes what it is about."""
    shared: bool = False
    """The state of the machine has a section of its own that judges the same."""


PARTS = (
    Part("services", _watch_machine.services, "systemctl status docker", shared=True),
    Part("waiting", _watch_machine.pressure, "cat /proc/pressure/cpu /proc/pressure/io"),
    Part("disk", _watch_machine.disk, "df -h; df -i"),
    Part("disk-parts", disk_parts, "df -h; docker system df", thorough=True),
    Part("unit", _watch_machine.units, "systemctl --failed"),
    # Asking about the clock starts a daemon, which stays for half a minute.
    Part("time", _watch_machine.time_sync, "timedatectl", thorough=True),
    Part("reboot", _watch_machine.reboot, "ls -l /run/reboot-required"),
    Part("bans", _watch_machine.bans, "fail2ban-client status"),
    Part("ready", ready, "docker logs planner-nginx-1"),
    Part("traffic", traffic, "journalctl CONTAINER_TAG=planner-nginx -n 20"),
    Part("webhook", webhook, "planner-tls status", thorough=True),
    Part("backups", _watch_product.backups, "planner-backup status", thorough=True, shared=True),
    Part(
        "certificate", _watch_product.certificate, "planner-tls status", thorough=True, shared=True
    ),
    Part(
        "releases",
        _watch_product.releases,
        "systemctl status docker",
        thorough=True,
        calm=True,
        shared=True,
    ),
    Part("updates", _watch_product.updates, "dpkg --audit", thorough=True, calm=True, shared=True),
)
"""In this order: the request that asks whether the product is ready is no traffic."""
SHARED = frozenset(part.name for part in PARTS if part.shared)


def look(
    settings: Settings,
    counters: object,
    now: float,
    *,
    thorough: bool,
    parts: Iterable[Part] = PARTS,
) -> Look:
    """Look at everything; ``thorough`` also at what changes slowly or is costly to ask.

    ``counters`` are those of the last look, ``now`` is in seconds since 1970.
    """
    sight = Sight(settings, now, copy.deepcopy(dict(mapping(counters))), busy=is_held() is True)
    findings: list[Finding] = []
    looked: set[str] = set()
    bad: dict[str, tuple[Finding, ...]] = {}
    for part in parts:
        if (part.thorough and not thorough) or (part.calm and sight.busy):
            continue
        looked.add(part.name)
        try:
            seen = tuple(part.see(sight))
        except Exception as error:  # noqa: BLE001 - whatever breaks, the other parts are looked at
            why = f"it could not be judged: {words(error)}"
            seen = (Finding(UNKNOWN, part.name, part.name, why, part.do),)
            looked.discard(part.name)
        findings += seen
        bad[part.name] = tuple(one for one in seen if one.severity != OK)
    sight.counters["at"] = now
    looked |= {one.check for one in findings if one.severity != UNKNOWN}
    return Look(_one_each(findings), frozenset(looked), bad, sight.counters, sight.samples)


def _one_each(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Keep the worst finding for each check and subject: two containers of a service are one subject."""
    kept: dict[tuple[str, str], Finding] = {}
    for one in sorted(findings, key=lambda one: SEVERITIES.index(one.severity)):
        kept.setdefault((one.check, one.subject), one)
    return tuple(kept.values())
