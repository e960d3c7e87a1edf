# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One run from beginning to end: make a backup, let old ones go, bring it off-site, tell the outside; or check.

Each part goes as far as it can whatever became of the one before, and every problem is told.
"""

from __future__ import annotations

import contextlib
import os
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Log, Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import (
    Maker,
    Shelf,
    now,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DOUBTFUL,
    GOOD,
    Manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import (
    Kept,
    to_remove,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._pipe import PipeError
from ansible_collections.planner.droplet.plugins.module_utils._restic import Restic

_PING_TIMEOUT_S = 20


@dataclass
class Report:
    """What came of a run."""

    did: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Engine:
    """The parts of a run."""

    def __init__(self, settings: Settings) -> None:
        """Take the wish."""
        self.settings = settings
        self.log = Log(settings.kept())
        self.shelf = Shelf(settings)
        self.restic = Restic(settings)
        self.report = Report()

    def init(self) -> Report:
        """Make the off-site repository, if there is none."""
        if self.settings.repository and self._try(self.restic.init):
            self.report.did.append(
                f"Made the off-site repository {public(self.settings.repository)}."
            )
            self.report.notes.append(
                "It opens with backup_password and with nothing else: keep a copy of that password where neither "
                "this machine nor your own can lose it. A bare server comes back with: "
                "ansible-playbook playbooks/recover.yml (docs/backup.md)."
            )
        return self.report

    def backup(self, why: str, *, accept_shrink: bool = False) -> Report:
        """Do all that belongs to a backup."""
        manifest = self.make(why, accept_shrink=accept_shrink)
        good = manifest is not None and manifest.verdict == GOOD
        if good:
            self._try(self._evict)
        uploaded = self.upload() if self.settings.repository else True
        if good and uploaded and not self.report.problems:
            self._try(self._ping)
        return self.report

    def make(
        self, why: str, *, accept_shrink: bool = False, verdict: str = GOOD
    ) -> Manifest | None:
        """Make a local backup; a problem is told and written down."""
        self.log.begin(log.BACKUP, now())
        started = time.monotonic()
        try:
            number = self._next_number()
            manifest = Maker(self.settings, number, why, accept_shrink, verdict).make()
        except (BackupError, OSError, ValueError, LookupError) as error:
            self.report.problems.append(str(error))
            self._end(log.BACKUP, started, log.FAILED, reason=str(error))
            return None
        self._end(log.BACKUP, started, manifest.verdict, manifest, "; ".join(manifest.doubts))
        said = f"{manifest.facts.rows} rows in {len(manifest.facts.tables)} tables, {size(manifest.bytes)}"
        if manifest.verdict != DOUBTFUL:
            self.report.did.append(f"Backup {manifest.number} ({why}) is whole: {said}.")
            self.report.problems += manifest.doubts
        else:
            self.report.problems.append(
                f"Backup {manifest.number} is doubtful: {'; '.join(manifest.doubts)}. It is kept and makes no "
                f"other one go, but does not count. Do: look into the data; if it is right: "
                f"ansible-playbook playbooks/backup.yml -e backup_accept_shrink=true"
            )
        return manifest

    def upload(self) -> bool:
        """Bring off-site what is not there yet, the newest first; tell whether the newest is there."""
        local = self.shelf.found()
        there = self._listed()
        if there is None:
            return False
        known = {(one.number, one.made) for one in there}
        counted = max((one.number for one in there), default=0)
        waiting = [one for one in local if (one.number, one.made) not in known]
        if waiting and waiting[-1] == local[-1] and local[-1].number <= counted:
            self._out_of_turn(local[-1].number, counted)
            return False
        gone = set(to_remove((*there, *local), self.settings.keep_offsite))
        for one in reversed(waiting):
            if one not in gone and not self._upload(one):
                return one != local[-1]
        self._try(self._forget)
        return True

    def _out_of_turn(self, number: int, counted: int) -> None:
        """Bring nothing off-site that would not be the latest there: its number was given without asking."""
        problem = (
            f"Off-site: backup {number} stays here, because the repository had counted to {counted}. "
            "Do: planner-backup run; the next one counts on from there"
        )
        self.report.problems.append(problem)
        self._end(log.UPLOAD, time.monotonic(), log.FAILED, reason=problem)

    def _forget(self) -> None:
        """Let go what the owner's rule does not keep."""
        if self.settings.prune:
            there = self.restic.snapshots()
            self.restic.forget(to_remove(there, self.settings.keep_offsite))

    def check(self) -> Report:
        """Give back space off-site, check the repository's structure and read a part of its data."""
        if not self.settings.repository:
            raise BackupError(
                "There is no off-site repository to check: backup_repository is empty"
            )
        self.log.begin(log.CHECK, now())
        started = time.monotonic()
        try:
            self.restic.look()
            self.restic.unlock()
            self._forget()
            if self.settings.prune:
                self.restic.prune()
            self.restic.check(self.settings.check_percent)
        except BackupError as error:
            self.report.problems.append(str(error))
            self._end(log.CHECK, started, log.FAILED, reason=str(error))
        else:
            self._end(log.CHECK, started, log.GOOD)
            part = f"{self.settings.check_percent}% of its data read"
            self.report.did.append(f"The off-site repository is whole: its structure, and {part}.")
        return self.report

    def _listed(self) -> tuple[Kept, ...] | None:
        started = time.monotonic()
        try:
            self.restic.look()
            self.restic.unlock()
            return self.restic.snapshots()
        except BackupError as error:
            self.report.problems.append(str(error))
            self._end(log.UPLOAD, started, log.FAILED, reason=str(error))
            return None

    def _upload(self, one: Kept) -> bool:
        started = time.monotonic()
        self.log.begin(log.UPLOAD, now())
        try:
            manifest = self.shelf.manifest(one.place)
            self.restic.upload(one.place, manifest)
        except (BackupError, OSError, ValueError) as error:
            self.report.problems.append(str(error))
            self._end(log.UPLOAD, started, log.FAILED, reason=str(error))
            return False
        self._end(log.UPLOAD, started, log.GOOD, manifest)
        self.report.did.append(f"Backup {one.number} is off-site, and its manifest was read back.")
        return True

    def _evict(self) -> None:
        for name in self.shelf.evict():
            self.report.did.append(f"Removed the local backup {name}.")

    def _ping(self) -> None:
        """Tell the outside that a verified backup exists; silence is what alarms there."""
        try:
            with open(self.settings.kept("secrets", "backup_ping_url"), encoding="utf-8") as file:
                url = file.read().strip()
        except FileNotFoundError:
            return
        try:
            with urllib.request.urlopen(url, timeout=_PING_TIMEOUT_S):  # noqa: S310 - the owner's own address
                pass
        except (OSError, ValueError, HTTPException) as error:
            # Who knows the address can ping, and the error of one that is none has it.
            reason = getattr(error, "reason", error if isinstance(error, OSError) else "no HTTP")
            raise BackupError(f"backup_ping_url does not answer: {reason}") from error

    def _next_number(self) -> int:
        """Count on from everything that is known, also of a machine that this one came from."""
        runs = self.log.read().runs
        known = [one.number for one in runs] + [one.number for one in self.shelf.found()]
        # Once this machine has brought one there, it is who counts; after a restore it may have gone back.
        brought = [one for one in runs if one.kind in {log.UPLOAD, log.RESTORE} and one.number]
        if self.settings.repository and (not brought or brought[-1].kind == log.RESTORE):
            with contextlib.suppress(BackupError):
                known += [one.number for one in self.restic.snapshots()]
        return max(known, default=0) + 1

    def _try(self, work: Callable[[], object]) -> object:
        try:
            return work()
        except (BackupError, PipeError, OSError) as error:
            self.report.problems.append(str(error))
            return None

    def _end(
        self,
        kind: str,
        started: float,
        result: str,
        manifest: Manifest | None = None,
        reason: str = "",
    ) -> None:
        run = Run(
            kind,
            now(),
            result,
            round(time.monotonic() - started, 1),
            number=manifest.number if manifest else 0,
            made=manifest.made if manifest else "",
            reason=reason,
            size=manifest.bytes if manifest else 0,
            rows=manifest.facts.rows if manifest else 0,
        )
        self.log.end(run)


def size(number: int) -> str:
    """Write a number of bytes for people."""
    return f"{number / 2**20:.1f} MiB" if number >= 2**20 else f"{number / 2**10:.0f} KiB"


def public(repository: str) -> str:
    """Write a repository's address without what may be a password in it."""
    scheme, mark, rest = repository.rpartition("://")
    return f"{scheme}{mark}{os.path.basename(rest)}" if "@" in rest and mark else repository
