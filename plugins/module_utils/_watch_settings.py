# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the role ``watch`` wishes, as its program on the host reads it from ``settings.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

SETTINGS_FILE = "watch/settings.json"
_DAMAGED = "settings.json is damaged or of another version. Do: run playbooks/site.yml"

THRESHOLDS: Mapping[str, float] = {
    "cpu_percent": 80,
    "load_per_cpu": 4,
    "memory_percent": 90,
    "swap_percent": 60,
    "pressure_cpu_percent": 80,
    "pressure_io_percent": 40,
    "disk_percent": 80,
    "inodes_percent": 80,
    "error_percent": 5,
    "error_count": 5,
    "latency_s": 2,
    "restarts": 3,
    "bans_per_hour": 100,
    "reboot_days": 3,
    "webhook_pending": 50,
}
"""What is bearable; the options of the role ``watch`` say what each number means. The plan's own limits (each
service's memory, the swap, the disk budget) are not repeated here: they are the plan's."""


class WatchError(RuntimeError):
    """Something went wrong; the message is for the owner."""


@dataclass(frozen=True)
class Settings:
    """The wish. The options of the role ``watch`` say what each of them means."""

    project_dir: str = "/opt/planner"
    project: str = "planner"
    host: str = "droplet"
    """How the owner calls this machine: the inventory's name."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """The memory plan, with ``disk_gb``."""
    services: tuple[Mapping[str, Any], ...] = ()
    disk: Mapping[str, Any] = field(default_factory=dict)
    """The disk plan, as :mod:`_disk_plan` makes it."""
    domains: tuple[str, ...] = ()
    https_port: int = 443
    ready_path: str = "/health/ready"
    webhook_url: str = ""
    """Where Telegram shall deliver; empty: not judged."""
    telegram_api: str = "https://api.telegram.org"
    telegram_chat: str = ""
    telegram_ca: str = ""
    email_to: str = ""
    email_from: str = ""
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_tls: str = "starttls"
    """starttls, tls or none."""
    quiet_hours: str = ""
    """Such as 22:00-07:00; empty: none."""
    timezone: str = "UTC"
    remind_h: int = 24
    runbook_url: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    cycle_s: int = 60
    monthly_usd: float = 0.0
    """What the machine costs a month; 0 where that is not known."""

    def path(self, *names: str) -> str:
        """Locate a file of the project."""
        return os.path.join(self.project_dir, *names)

    def kept(self, *names: str) -> str:
        """Locate a file of the program."""
        return self.path("watch", *names)

    def most(self, name: str) -> float:
        """Return a threshold, the owner's if there is one."""
        return float(self.thresholds.get(name, THRESHOLDS[name]))


def parse_settings(text: str) -> Settings:
    """Read the wish; raise :class:`WatchError` where it is damaged or of another version."""
    try:
        given = json.loads(text)
        if not isinstance(given, dict) or set(given) - {one.name for one in fields(Settings)}:
            raise WatchError(_DAMAGED)
        lists = {name: tuple(given.get(name, ())) for name in ("services", "domains")}
        return Settings(**{**given, **lists})
    except (ValueError, TypeError) as error:
        raise WatchError(_DAMAGED) from error


def read_settings(folder: str) -> Settings:
    """Read the wish of the project in that folder."""
    path = os.path.join(folder, SETTINGS_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return parse_settings(file.read())
    except FileNotFoundError as error:
        raise WatchError(f"{path} is missing. Do: run playbooks/site.yml") from error


def read_secret(settings: Settings, name: str) -> str:
    """Return what opens a channel, empty where there is none: ``watch/secrets/NAME``."""
    try:
        with open(settings.kept("secrets", name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
