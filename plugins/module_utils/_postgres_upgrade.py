# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Moves the product's data to another major version of PostgreSQL, and back where that does not work.

Until the stack serves from the new volume, the old one is what counts: it is never written to, and whatever is cut
off leaves it as it was.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_look as data
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_check as check,
)
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_rules as rules,
)
from ansible_collections.planner.droplet.plugins.module_utils import _postgres_upgrade_undo as undo
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._backup_drill import (
    CONTAINER,
    throw_away_server,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine, Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import (
    container_of,
    now,
    server,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DOUBTFUL,
    GOOD,
    SAFETY,
    Manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._drill import CouldNotVerifyError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import PipeError
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres, names
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    DONE,
    FILLED,
    PLAYBOOK,
    UPGRADE_FILE,
    Upgrade,
    major_of,
    sibling,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade_server import (
    NewServer,
    fill,
)
from ansible_collections.planner.droplet.plugins.module_utils._product import Product
from ansible_collections.planner.droplet.plugins.module_utils._release import FOUNDATION

UPGRADE = "upgrade"
"""What the log of backups calls it."""
DIES_S = 30
"""Seconds after which, once the app is held, somebody waits for the death of this program."""
SWITCHES_S = 900
"""Seconds within which the stack has to follow, once the new volume is filled."""
_ERRORS = (BackupError, CouldNotVerifyError, DockerError, PipeError, OSError, ValueError)


class Upgrading:
    """One upgrade, in the parts that a playbook calls one after the other."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings of backups: the same engine makes them."""
        self.settings = settings
        self.engine = Engine(settings)
        self.report: Report = self.engine.report
        self.folder = settings.project_dir
        self.compose = Compose(self.folder)

    def begin(self, target: int, image: str, *, dry: bool = False) -> Report:
        """Rehearse, hold the app and fill the new volume. Raises :class:`BackupError`; then the old version serves."""
        if not dry:
            self.settle()
        serving = data.serving(self.folder)
        source = major_of(serving)
        if not source:
            raise BackupError("Nothing was ever released here. Do: run playbooks/site.yml")
        if source == target:
            self.report.notes.append(f"PostgreSQL {target} serves already.")
            return self.report
        found = data.look(self.compose, serving, image)
        check.refuse_to_begin(self.engine, self.compose, found, target)
        new = NewServer(self.compose, image, sibling(serving, target), target)
        if dry:
            self.report.notes.append(
                f"Would rehearse PostgreSQL {target} on a backup, stop the app, fill {new.volume} from a last backup, "
                f"and let the stack serve from it; {serving} would stay until upgrade_confirm=true."
            )
            return self.report
        check.have_image(new)
        folder, manifest = self._backup(f"before the upgrade to PostgreSQL {target}", GOOD)
        self._rehearse(folder, manifest, new)
        self._move(new, source)
        return self.report

    def finish(self) -> Report:
        """Write down that the stack serves from the new volume, and for how long nobody was served."""
        upgrade = data.read_upgrade(self.folder)
        if upgrade is None or not upgrade.open:
            return self.report
        if data.serving(self.folder) != upgrade.volume:
            raise BackupError(f"The stack was not brought to {upgrade.volume}. Do: {PLAYBOOK}")
        ended = self._ready_since() or time.time()
        self._write(replace(upgrade, phase=DONE))
        undo.disarm_timer()
        gap = max(0.0, ended - upgrade.held)
        self._log(upgrade, log.GOOD, gap)
        old = sibling(upgrade.volume, upgrade.source)
        self.report.did.append(
            f"PostgreSQL {upgrade.target} serves. The app was held for {gap:.0f} s."
        )
        self.report.notes += [
            f"Do: write stack_postgres_major: {upgrade.target} into the inventory.",
            f"{old} stays as it was. Once all is well, remove it: {PLAYBOOK} -e upgrade_confirm=true",
        ]
        return self.report

    def settle(self) -> Report:
        """Finish an upgrade that was cut off where the new version serves, and take it back where it does not."""
        upgrade = data.read_upgrade(self.folder)
        if upgrade is None or not upgrade.open:
            return self.report
        if data.serving(self.folder) == upgrade.volume:
            return self.finish()
        undo.disarm_timer()
        disposable = self._keep_what_came_since(upgrade)
        NewServer.remove()
        Product(self.folder).settle()
        if disposable and self.compose.created(upgrade.volume):
            self.compose.docker("volume", "rm", upgrade.volume)
        os.unlink(self._path)
        gap = time.time() - upgrade.held
        self._log(upgrade, log.FAILED, gap)
        self.report.did.append(
            f"PostgreSQL {upgrade.source} serves again, on its data of before. The app was held for {gap:.0f} s."
        )
        return self.report

    def confirm(self, target: int, *, dry: bool = False) -> Report:
        """Remove the old volumes. Raises :class:`BackupError` with everything that speaks against it."""
        serving = data.serving(self.folder)
        found = data.look(self.compose, serving)
        old = [one.name for one in found.volumes if one.name != serving]
        check.refuse_to_remove(self.compose, found, target, old)
        for name in old:
            if not dry:
                self.compose.docker("volume", "rm", name)
            self.report.did.append(f"{'Would remove' if dry else 'Removed'} {name}.")
        if not old:
            self.report.notes.append(f"There is no volume beside {serving}.")
        return self.report

    def _backup(self, why: str, verdict: str) -> tuple[str, Manifest]:
        """Make one that counts; return its folder and what is in it."""
        manifest = self.engine.make(why, verdict=verdict)
        if manifest is None or manifest.verdict == DOUBTFUL:
            raise BackupError(self.report.problems.pop())
        return os.path.join(self.settings.folder, manifest.folder), manifest

    def _rehearse(self, folder: str, manifest: Manifest, new: NewServer) -> None:
        """Bring the backup back in the new version, beside everything, and judge it."""
        started = time.monotonic()
        try:
            with throw_away_server(self.folder, new.image):
                fill(Postgres(CONTAINER), folder, manifest, new.major)
        except _ERRORS as error:
            raise BackupError(
                f"The rehearsal failed, so nothing was changed and the app was not stopped: {error}"
            ) from error
        self.report.did.append(
            f"Rehearsed: backup {manifest.number} came back in a throw-away PostgreSQL {new.major} after "
            f"{time.monotonic() - started:.0f} s, with every row, its contents and valid indexes."
        )

    def _move(self, new: NewServer, source: int) -> None:
        """Hold the app and fill the new volume; if that does not work, the old version serves again."""
        undo.arm(DIES_S)
        upgrade = Upgrade(source, new.major, new.volume, "", held=time.time())
        self._write(upgrade)
        try:
            Product(self.folder).hold()
            folder, manifest = self._backup(f"the last data of PostgreSQL {source}", SAFETY)
            upgrade = replace(upgrade, backup=folder)
            self._write(upgrade)
            self.compose.docker("stop", container_of(self.folder, "postgres"))
            if self.compose.created(new.volume):
                self.compose.docker("volume", "rm", new.volume)  # of an upgrade that was cut off
            upgrade = replace(upgrade, created=new.create_volume(source))
            self._write(upgrade)
            with new.running() as postgres:
                fill(postgres, folder, manifest, new.major)
            os.sync()  # its server did not
            old = sibling(new.volume, source)
            control = data.control(data.mountpoint(self.compose, old), source)
            self._write(replace(upgrade, phase=FILLED, control=control))
        except _ERRORS as error:
            raise BackupError(
                f"PostgreSQL {new.major} was not filled: {error}\n{self._taken_back()}"
            ) from error
        undo.arm(SWITCHES_S)
        self.report.did.append(
            f"{new.volume} has all {manifest.facts.rows} rows in {len(manifest.facts.tables)} tables of backup "
            f"{manifest.number}, the last data of PostgreSQL {source}."
        )

    def _taken_back(self) -> str:
        try:
            self.settle()
        except _ERRORS as error:
            return f"And it could not be taken back: {error}. Do: run playbooks/site.yml"
        return self.report.did[-1]

    def _keep_what_came_since(self, upgrade: Upgrade) -> bool:
        """Back up what the new version took before it failed, if it took anything; tell whether its volume may go."""
        mounts = [mount for one in self._inspected("postgres") for mount in one["Mounts"]]
        if upgrade.volume not in {one.get("Name") for one in mounts}:
            return True
        if rules.last_start(self._inspected(), FOUNDATION) < upgrade.held:
            return True
        stays = f"So {upgrade.volume} stays: it may have rows that are nowhere else."
        try:
            Product(self.folder).hold()
            wished = self.engine.shelf.manifest(upgrade.backup).facts.tables
            found = server(self.folder).facts(self.settings.database).tables
        except _ERRORS as error:
            self.report.notes += [f"PostgreSQL {upgrade.target} does not answer: {error}", stays]
            return False
        other = sorted(name for name in found if found[name] != wished.get(name))
        why = f"what PostgreSQL {upgrade.target} took before the way back"
        if other and self.engine.make(why, verdict=SAFETY) is None:
            self.report.notes.append(stays)
            return False
        if other:
            said = f"The app had written already, to {names(other)}: that is only in this backup."
            self.report.notes.append(said)
        return True

    def _inspected(self, service: str = "") -> list[dict[str, Any]]:
        ids = self.compose.container_ids(service)
        return list(json.loads(self.compose.docker("inspect", *ids))) if ids else []

    def _ready_since(self) -> float:
        """Tell since when the app serves, as far as its container shows it."""
        try:
            return max(map(rules.ready_since, self._inspected("backend")), default=0.0)
        except (DockerError, ValueError, LookupError):
            return 0.0

    def _log(self, upgrade: Upgrade, result: str, gap_s: float) -> None:
        reason = f"PostgreSQL {upgrade.source} -> {upgrade.target}"
        self.engine.log.end(Run(UPGRADE, now(), result, round(gap_s, 1), reason=reason))

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, UPGRADE_FILE)

    def _write(self, upgrade: Upgrade) -> None:
        write_atomically(self._path, upgrade.to_json().encode(), mode=0o600)
