"""A host for the backup core: models of PostgreSQL in Docker and of restic; pipes, tar and zstd are real."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _backup_engine, _backup_make
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Log, Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import Maker, stored
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DUMP,
    HOST,
    ROLES,
    Facts,
    Manifest,
    Table,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import Settings

from tests.unit.fake_postgres import TASKS, FakePostgres
from tests.unit.fake_restic import FakeRestic

PASSWORD = "correct horse battery staple"
KEY_ID, SECRET = "AKIAEXAMPLE", "the-secret-of-the-key"
SECRETS = {
    "backup_password": PASSWORD,
    "backup_s3_key_id": f"{KEY_ID}\n",
    "backup_s3_secret": f"{SECRET}\n",
}
REPOSITORY = "/mnt/disk/planner"
"""No S3: of that it is tried first whether anybody takes connections."""

_MADE: list[Manifest] = []
_FILES: dict[str, bytes] = {}


class Bench:
    """What is on the host, what is off it, and how a run is begun."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, offsite: bool = False
    ) -> None:
        """Install Docker with the product in it, and restic; with an off-site repository or without."""
        self.monkeypatch = monkeypatch
        self.folder = folder / "planner"
        programs = folder / "bin"
        for one in (self.folder / "secrets", self.folder / "backup/secrets", programs):
            one.mkdir(parents=True)
        for name, value in SECRETS.items():
            (self.folder / "backup/secrets" / name).write_text(value)
        (self.folder / "secrets/database_password").write_text("of the product")
        (self.folder / "compose.yml").write_text("services: {}\n")
        for name in ("systemd-run", "systemctl"):
            (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{folder}/systemd.calls\n')
            (programs / name).chmod(0o755)
        self.docker = FakePostgres(programs / "docker", folder / "docker")
        self.restic = FakeRestic(programs / "restic", folder / "restic")
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        self.settings = Settings(str(self.folder), repository=REPOSITORY if offsite else "")
        if offsite:
            self.restic.repository.mkdir()
            (self.restic.repository / "password").write_text(PASSWORD)
        self.clock("2026-11-28T02:00:00Z")

    def clock(self, now: str) -> None:
        """Have the host's clock show this from now on."""
        for module in (_backup_engine, _backup_make):
            self.monkeypatch.setattr(module, "now", lambda: now)

    def wish(self, **changed: Any) -> None:
        """Have other settings."""
        self.settings = replace(self.settings, **changed)

    def engine(self) -> Engine:
        """Begin a run."""
        return Engine(self.settings)

    @property
    def local(self) -> list[str]:
        """Names in the folder of backups."""
        folder = self.folder / "backups"
        return sorted(one.name for one in folder.iterdir()) if folder.exists() else []

    @property
    def numbers(self) -> list[int]:
        """Of the backups that are whole."""
        return [one.number for one in self.engine().shelf.found()]

    @property
    def runs(self) -> list[Run]:
        """The log."""
        return list(Log(self.settings.kept()).read().runs)

    @property
    def told(self) -> list[tuple[str, str, int]]:
        """The log in short: kind, result and number."""
        return [(one.kind, one.result, one.number) for one in self.runs]

    def shelved(self, number: int, **changed: Any) -> Manifest:
        """Put a backup there that a run before left behind, one a day from the first of November."""
        facts = Facts("17.6", "0001_tasks", 8, tables={TASKS: Table(33, "0")})
        made = f"2026-11-{number:02}T02:00:00Z"
        manifest = replace(Manifest(number, made, "timer", facts=facts), **changed)
        folder = self.folder / "backups" / manifest.folder
        folder.mkdir(parents=True)
        for name in (DUMP, HOST, ROLES):
            (folder / name).write_text(f"{name} of {number}")
        files = {one.name: stored(str(one)) for one in folder.iterdir()}
        manifest = replace(manifest, files=files)
        (folder / "manifest.json").write_text(manifest.to_json())
        return manifest

    def made(self) -> Manifest:
        """Have the whole backup 1 of what the database holds at first; it is made only once."""
        if not _MADE:
            manifest = Maker(self.settings, 1, "timer").make()
            _MADE.append(manifest)
            folder = self.folder / "backups" / manifest.folder
            _FILES.update((one.name, one.read_bytes()) for one in folder.iterdir())
            self.docker.forget_calls()
        folder = self.folder / "backups" / _MADE[0].folder
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in _FILES.items():
            (folder / name).write_bytes(content)
        return _MADE[0]

    def sent(self, manifest: Manifest, *, keep: bool = False) -> Path:
        """Bring a backup off-site, as an earlier run did, or a machine before this one; return its files there."""
        folder = self.folder / "backups" / manifest.folder
        tags = (f"number={manifest.number}", f"made={manifest.made}", manifest.verdict)
        stored = self.restic.put(folder, *tags)
        if not keep:
            shutil.rmtree(folder)
        return stored
