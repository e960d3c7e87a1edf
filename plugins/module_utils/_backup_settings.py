# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the role ``backup`` wishes, as its program on the host reads it from ``settings.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

PROGRAM_FOLDER = "backup"
SETTINGS_FILE = f"{PROGRAM_FOLDER}/settings.json"
_DAMAGED = "settings.json is damaged or of another version. Do: run playbooks/site.yml"


class BackupError(RuntimeError):
    """Something went wrong; the message is for the owner. No good backup was lost by it."""


@dataclass(frozen=True)
class Settings:
    """The wish. The options of the role ``backup`` say what each of them means."""

    project_dir: str = "/opt/planner"
    database: str = "planner"
    redis: bool = False
    volumes: tuple[str, ...] = ()
    keep_last: int = 3
    keep_days: int = 7
    shrink_percent: int = 50
    repository: str = ""
    keep_offsite: Mapping[str, int] = field(default_factory=lambda: {"daily": 30})
    """Snapshots kept off-site: last, hourly, daily, weekly, monthly, yearly."""
    prune: bool = True
    upload_kib_s: int = 0
    upload_timeout_s: int = 3600
    check_percent: int = 10
    query: str = ""
    schedule: str = "*-*-* 02:00:00"
    jitter_s: int = 900
    drill_max_age_days: int = 9

    @property
    def keep_here(self) -> Mapping[str, int]:
        """What is kept on this machine, by the same words."""
        return {"last": self.keep_last, "daily": self.keep_days}

    def path(self, *names: str) -> str:
        """Locate a file of the project."""
        return os.path.join(self.project_dir, *names)

    def kept(self, *names: str) -> str:
        """Locate a file of the program."""
        return self.path(PROGRAM_FOLDER, *names)

    @property
    def recovering(self) -> str:
        """There while this machine is being recovered: what its database holds then is nobody's data."""
        return self.kept("recovering")

    @property
    def folder(self) -> str:
        """Where the local backups are, one folder each."""
        return self.path("backups")

    @property
    def scratch(self) -> str:
        """Where a snapshot is fetched to; nothing there outlives the run that made it."""
        return self.path("backups", ".fetched")


def parse_settings(text: str) -> Settings:
    """Read the wish; raise :class:`BackupError` where it is damaged or of another version."""
    try:
        given = json.loads(text)
        if not isinstance(given, dict) or set(given) - {one.name for one in fields(Settings)}:
            raise BackupError(_DAMAGED)
        plain = {**given, "volumes": tuple(given.get("volumes", ()))}
        if not isinstance(plain.get("keep_offsite", {}), dict):
            raise BackupError(_DAMAGED)
        return Settings(**plain)
    except (ValueError, TypeError) as error:
        raise BackupError(_DAMAGED) from error


def read_settings(folder: str) -> Settings:
    """Read the wish of the project in that folder."""
    path = os.path.join(folder, SETTINGS_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return parse_settings(file.read())
    except FileNotFoundError as error:
        raise BackupError(f"{path} is missing. Do: run playbooks/site.yml") from error
