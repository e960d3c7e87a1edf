# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Finds the backup that is meant, on this machine or off-site, and has its files here."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import need_room
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    MANIFEST,
    Manifest,
    parse_manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import Kept, choose
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError

LOCAL, OFFSITE, ANY = "local", "offsite", "any"


@dataclass
class Chosen:
    """One backup. ``folder`` is where its files are, empty until they were fetched."""

    kept: Kept
    manifest: Manifest
    source: str
    folder: str = ""

    @property
    def number(self) -> int:
        """Which it is."""
        return self.kept.number

    @property
    def where(self) -> str:
        """Tell for people where it is."""
        return "off-site" if self.source == OFFSITE else "this machine"


@dataclass(frozen=True)
class Library:
    """All backups there are."""

    engine: Engine

    def choose(self, wish: str, source: str) -> Chosen:
        """Find it: with ``any`` the same number is rather taken from this machine. Raises BackupError."""
        if source == OFFSITE and not self.engine.settings.repository:
            raise BackupError("There is no off-site repository: backup_repository is empty")
        local = () if source == OFFSITE else self.engine.shelf.found()
        there: tuple[Kept, ...] = ()
        away: BackupError | None = None
        if source != LOCAL and self.engine.settings.repository:
            try:
                there = self.engine.restic.snapshots()
            except BackupError as error:
                if source == OFFSITE or not local:
                    raise
                away = error
        everything = {one.number: one for one in (*there, *local)}
        try:
            kept = choose(everything.values(), wish)
        except ValueError as error:
            also = f" {away}" if away else ""
            raise BackupError(f"{error}{also}") from error
        if away:
            self.engine.report.notes.append(str(away))
        if kept in local:
            return Chosen(kept, self.engine.shelf.manifest(kept.place), LOCAL, kept.place)
        return Chosen(kept, self.engine.restic.manifest(kept), OFFSITE)

    def fetched(self, chosen: Chosen) -> str:
        """Have the files here; return their folder."""
        if chosen.folder:
            return chosen.folder
        settings = self.engine.settings
        shutil.rmtree(settings.scratch, ignore_errors=True)
        os.makedirs(settings.scratch, mode=0o700)
        need_room(settings.scratch, chosen.manifest.bytes, "The backup was not fetched")
        self.engine.restic.fetch(chosen.kept, settings.scratch)
        with open(os.path.join(settings.scratch, MANIFEST), encoding="utf-8") as file:
            if parse_manifest(file.read()) != chosen.manifest:
                raise BackupError(f"The files of backup {chosen.number} are of another one")
        return settings.scratch
