# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What is wrong with the options of the role ``watch``, before any host is touched."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._watch_message import HOURS
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import THRESHOLDS

_URL = re.compile(r"https?://[!-~]+")
_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_CHAT = re.compile(r"-?\d+|@\w+")


def problems(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """List them, each with its path, its value and what to do; a secret's value is never told."""
    return [
        *_telegram(settings, secrets),
        *_email(settings, secrets),
        *_addresses(secrets),
        *_hours(settings),
        *_thresholds(settings["thresholds"]),
    ]


def _telegram(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[str]:
    chat = str(settings["telegram_chat"])
    if chat and not secrets.get("telegram_token"):
        yield "watch_telegram_token: it is empty, but watch_telegram_chat is set. Do: set both, or neither"
    if chat and not _CHAT.fullmatch(chat):
        yield (
            f"watch_telegram_chat: {chat!r:.80} is neither a number nor @channel. "
            "Do: write to your bot, then ask @userinfobot for your number"
        )


def _email(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> Iterator[str]:
    receiver, host = str(settings["email_to"]), str(settings["smtp_host"])
    if bool(receiver) != bool(host):
        empty, given = ("smtp_host", "email_to") if receiver else ("email_to", "smtp_host")
        yield f"watch_{empty}: it is empty, but watch_{given} is set. Do: set both, or neither"
    for name in ("email_to", "email_from"):
        value = str(settings[name])
        if value and not _ADDRESS.fullmatch(value):
            yield f"watch_{name}: {value!r:.80} is no e-mail address. Do: correct it"
    if secrets.get("smtp_password") and not settings["smtp_user"]:
        yield "watch_smtp_user: it is empty, but watch_smtp_password is set. Do: set both, or neither"
    if secrets.get("smtp_password") and settings["smtp_tls"] == "none":
        yield "watch_smtp_tls: none would send watch_smtp_password in the clear. Do: use starttls or tls"
    if not 1 <= int(settings["smtp_port"]) <= 65535:
        yield f"watch_smtp_port: {settings['smtp_port']} is no port. Do: use 587 or 465"


def _addresses(secrets: Mapping[str, str]) -> Iterator[str]:
    for name in ("alert_url", "ping_url"):
        value = secrets.get(name, "")
        if value and not _URL.fullmatch(value):
            yield f"watch_{name}: it is no address of http:// or https://. Do: copy it whole"


def _hours(settings: Mapping[str, Any]) -> Iterator[str]:
    hours, zone = str(settings["quiet_hours"]), str(settings["timezone"])
    if hours and not HOURS.fullmatch(hours):
        yield f"watch_quiet_hours: {hours!r:.80} is not like 22:00-07:00. Do: write it so, or leave it empty"
    # The Droplet has its own list of zones; where this machine has none, the name is only looked at.
    known = zoneinfo.available_timezones()
    if (known and zone not in known) or not re.fullmatch(r"[A-Za-z0-9_+/-]+", zone):
        yield f"watch_timezone: {zone!r:.80} is not known. Do: use one like Europe/Berlin, or UTC"
    if not 1 <= int(settings["remind_h"]) <= 1000:
        yield f"watch_remind_h: {settings['remind_h']} is not between 1 and 1000. Do: choose a number there"
    if not 10 <= int(settings["cycle_s"]) <= 300:
        yield f"watch_cycle_s: {settings['cycle_s']} is not between 10 and 300. Do: choose a number there"


def _thresholds(given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        if name not in THRESHOLDS:
            yield (
                f"watch_thresholds.{name}: there is no such threshold. "
                f"Do: use one of {', '.join(sorted(THRESHOLDS))}"
            )
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            yield f"watch_thresholds.{name}: {value!r:.80} is no number above 0. Do: choose one"
