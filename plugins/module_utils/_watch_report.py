# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The report of a month: a page for the owner's disk, and its summary for the owner's phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._backup_reader import read_backups
from ansible_collections.planner.droplet.plugins.module_utils._backup_section import backup_section
from ansible_collections.planner.droplet.plugins.module_utils._certificate_reader import (
    read_certificate,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate_section import (
    certificate_section,
)
from ansible_collections.planner.droplet.plugins.module_utils._cost import dollars
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    entries,
    number,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count, shorten
from ansible_collections.planner.droplet.plugins.module_utils._upgrades import upgrade_section
from ansible_collections.planner.droplet.plugins.module_utils._upgrades_reader import read_upgrades
from ansible_collections.planner.droplet.plugins.module_utils._watch_history import (
    month_before,
    month_of,
    told,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_images import (
    images_section,
    read_images,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    RAISED,
    REPORT,
    Message,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_month import DAY_S, month
from ansible_collections.planner.droplet.plugins.module_utils._watch_page import (
    Facts,
    down_said,
    page,
    promise,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    THRESHOLDS,
    Settings,
    WatchError,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_trend import floored

MOST_LETTERS = 4000
"""Telegram takes 4096."""
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_DOWNS = 3
_FINDINGS = 12
_LINE = 400
# Of what is well, the checks that an owner wants to hear of.
_GOOD = ("backup", "backup-offsite", "backup-drill", "certificate-time", "updates", "reboot")


def write_report(settings: Settings, name: str, now: float) -> Message:
    """Write the page of a month such as 2026-11, by default the last one, and return its summary."""
    name = name or month_before(month_of(now))
    if not _MONTH.fullmatch(name) or name > month_of(now):
        raise WatchError(f"report {name!r:.40}: it is no month that was. Do: write it as 2026-11")
    facts = gather(settings, name, now)
    path = settings.path("docs", f"report-{name}.html")
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write_atomically(path, page(facts).encode(), mode=0o600)
    return monthly(facts, path)


def gather(settings: Settings, name: str, now: float) -> Facts:
    """Collect what a report tells: the month from the history, everything else as it stands now."""
    folder = settings.kept("history")
    found = month(folder, name, settings.cycle_s, now)
    days = int(max(0.0, now - found.begin) / DAY_S) + 1
    return Facts(
        host=settings.host,
        month=found,
        sections=(
            backup_section(read_backups()),
            certificate_section(read_certificate()),
            upgrade_section(read_upgrades(days)),
            images_section(read_images(settings.project)),
        ),
        told=told(folder, name),
        plan=settings.plan,
        most={one: settings.most(one) for one in THRESHOLDS},
        monthly_usd=settings.monthly_usd or None,
        made=now,
    )


def monthly(facts: Facts, path: str = "") -> Message:
    """Summarise a month in plain words, the most important first, short enough for every channel."""
    bad = facts.bad()
    percent = facts.month.uptime_percent
    up = "nothing was seen" if percent is None else f"up {floored(percent)} %"
    lines = [
        *_down(facts),
        *(line for one in bad[:_FINDINGS] for line in _finding(one)),
        *([f"... and {len(bad) - _FINDINGS} more on the page"] if len(bad) > _FINDINGS else []),
        *_measured(facts),
        *_good(facts),
        *_rest(facts),
    ]
    title = shorten(f"REPORT {facts.host}: {facts.name}, {up}", _LINE)
    last = [f"All of it: {path}"] if path else []
    kept: list[str] = []
    room = MOST_LETTERS - sum(len(line) + 1 for line in (title, *last))
    for line in lines:
        short = shorten(line, _LINE)
        room -= len(short) + 1
        if room < 0:
            break
        kept.append(short)
    severity = str(bad[0]["severity"]) if bad else OK
    return Message(REPORT, title, (*kept, *last), at=facts.made, severity=severity)


def _down(facts: Facts) -> Iterator[str]:
    month_ = facts.month
    if month_.uptime_percent is None:
        return
    yield promise(month_).capitalize()
    for one in sorted(month_.downs, key=lambda one: -one.seconds)[:_DOWNS]:
        yield f"- {down_said(one)}"
    if len(month_.downs) > _DOWNS:
        yield f"- and {count(len(month_.downs) - _DOWNS, 'shorter one')}"


def _finding(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{str(one['severity']).upper()} {one.get('subject', '')}: {one.get('what', '')}"
    if one.get("do"):
        yield f"  Do: {one['do']}"


def _measured(facts: Facts) -> Iterator[str]:
    seen = facts.month
    if seen.p50_s is not None and seen.p95_s is not None:
        half, most = 1000 * seen.p50_s, 1000 * seen.p95_s
        yield f"Answers: half within {half:.0f} ms, 95 % within {most:.0f} ms"
    if seen.requests:
        share = 100 * seen.errors / seen.requests
        errors = count(seen.errors, "server error")
        yield f"Requests: {seen.requests:,}, {errors} ({share:.2f} %)"
    at_most = []
    for label, name, of, unit in (
        ("memory", "used_mb", "guest_mb", "MiB"),
        ("swap", "swap_mb", "swap_mb", "MiB"),
        ("disk", "disk_percent", "", "%"),
    ):
        found, whole = seen.most(name), number(facts.plan.get(of))
        if found:
            part = f" of {shown(whole)}" if whole else ""
            at_most.append(f"{label} {shown(found[0])}{part} {unit}")
    if at_most:
        yield f"At most: {', '.join(at_most)}"


def _good(facts: Facts) -> Iterator[str]:
    for part in facts.sections:
        said = [
            f"{one.get('subject', '')}: {one.get('what', '')}"
            for one in entries(part.get("findings"))
            if one.get("severity") == OK and one.get("check") in _GOOD
        ]
        if said:
            yield f"Good: {'; '.join(said)}"


def _rest(facts: Facts) -> Iterator[str]:
    alerts = sum(kind == RAISED for _, kind, _ in facts.told)
    yield f"Alerts: {alerts}"
    if facts.monthly_usd is not None:
        yield f"Cost: {dollars(facts.monthly_usd)} a month"
