# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Brings a backup's data back. Until the restored database is proved whole, the product serves the present one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._backup_choice import (
    LOCAL,
    Chosen,
    Library,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_drill import restore_roles
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import (
    Engine,
    Report,
    size,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import (
    MIB,
    PARTIAL,
    container_of,
    intact,
    need_room,
    now,
    server,
    volume_path,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DUMP,
    HOST,
    REDIS,
    ROLES,
    SAFETY,
    Facts,
    Table,
    compare,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._backup_table import copy_table
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import (
    UNPACK,
    Postgres,
    names,
)
from ansible_collections.planner.droplet.plugins.module_utils._product import Product

PLACE = "place"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")
_SYSTEM = {"postgres", "template0", "template1"}
_HELD_S = 900
"""After so long systemd starts an app that a restore held, which has died since."""
_TRIES = 5


@dataclass(frozen=True)
class Wish:
    """What to restore, and where to: ``into`` is ``place`` or the name of a new database beside the product's."""

    backup: str = "latest"
    source: str = "any"
    into: str = PLACE
    table: str = ""
    redis: bool = False
    volumes: bool = False


class Restore:
    """One restore."""

    def __init__(self, engine: Engine, wish: Wish) -> None:
        """Take the wish."""
        self.engine = engine
        self.settings = engine.settings
        self.wish = wish
        self.library = Library(engine)
        self.report = engine.report

    def fetch_only(self) -> Report:
        """Have the files here for whoever wants to look into them."""
        chosen = self.library.choose(self.wish.backup, self.wish.source)
        folder = self.library.fetched(chosen)
        self._check_files(chosen, folder)
        self.report.did.append(f"Backup {chosen.number} is whole, and here: {folder}")
        return self.report

    def rebuild(self) -> Report:
        """Unpack what a bare machine needs of the host's files; what is there already stays."""
        chosen = self.library.choose(self.wish.backup, self.wish.source)
        folder = self.library.fetched(chosen)
        self._check_files(chosen, folder)
        run_pipe(
            Command((*UNPACK, os.path.join(folder, HOST))),
            Command(
                ("tar", "--extract", "--directory", "/", "--skip-old-files", "--numeric-owner")
            ),
            timeout_s=1800,
        )
        shutil.rmtree(self.settings.scratch, ignore_errors=True)
        write_atomically(self.settings.recovering, f"{chosen.number}\n".encode(), mode=0o600)
        # Its number is taken: the next backup of this machine counts on from it.
        self._log(chosen, log.GOOD, 0.0)
        self.report.did.append(f"Secrets, configuration and certificates of backup {chosen.number}")
        return self.report

    def run(self, *, dry: bool = False) -> Report:
        """Do it, or say what would be done. Raises :class:`BackupError` before anything was changed."""
        chosen = self.library.choose(self.wish.backup, self.wish.source)
        postgres = server(self.settings.project_dir)
        self._refuse(chosen, postgres)
        if dry:
            self.report.notes += self._plan(chosen, postgres)
            return self.report
        started = time.monotonic()
        try:
            self._carry_out(chosen, postgres)
        except (BackupError, PipeError, OSError, ValueError) as error:
            self._log(chosen, log.FAILED, time.monotonic() - started, str(error))
            raise
        finally:
            shutil.rmtree(self.settings.scratch, ignore_errors=True)
        self._log(chosen, log.GOOD, time.monotonic() - started)
        if self.wish.into == PLACE and not self.wish.table:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.settings.recovering)
        return self.report

    def _carry_out(self, chosen: Chosen, postgres: Postgres) -> None:
        wish, target = self.wish, self._target
        folder = self.library.fetched(chosen)
        self._check_files(chosen, folder)
        if self._recovers:
            self._make_volumes(chosen)
        if wish.into == PLACE:
            self._keep_the_present(chosen)
        # Not before: that backup is a run of its own, and would take this one for cut off.
        self.engine.log.begin(log.RESTORE, now())
        self._make_beside(chosen, folder, postgres, target)
        if wish.table:
            try:
                rows = copy_table(postgres, target, self.settings.database, wish.table)
            finally:
                postgres.ask("postgres", _drop(target))
            self.report.did.append(
                f"Table {wish.table} has the {rows} rows of backup {chosen.number}."
            )
        elif wish.into == PLACE:
            self._swap(chosen, folder, postgres, target)
        else:
            self.report.did.append(
                f"Backup {chosen.number} is the database {target}, beside the product's. Look into it: "
                f"docker exec -it {postgres.container} psql -U postgres {target}. Remove it: "
                f"docker exec {postgres.container} dropdb -U postgres {target}"
            )

    @property
    def _target(self) -> str:
        """Name the database that is filled first."""
        return f"{self.settings.database}_restored" if self.wish.into == PLACE else self.wish.into

    def _refuse(self, chosen: Chosen, postgres: Postgres) -> None:
        """Say everything that stands in the way, before anything is done."""
        wish, problems = self.wish, []
        here = int(postgres.ask("postgres", "SHOW server_version_num;")[0]) // 10000
        facts = chosen.manifest.facts
        if facts.major > here:
            problems.append(
                f"Backup {chosen.number} is of PostgreSQL {facts.major}, and {here} runs here. "
                f"Do: set stack_postgres_major: {facts.major}"
            )
        if wish.into != PLACE and (
            not _NAME.fullmatch(wish.into) or wish.into in {*_SYSTEM, self.settings.database}
        ):
            problems.append(
                f"restore_into: {wish.into!r:.60} is neither 'place' nor a name for a new database. "
                "Do: use small letters, digits and underscores"
            )
        elif wish.into != PLACE and wish.into in postgres.databases():
            problems.append(f"restore_into: a database {wish.into} exists. Do: choose another name")
        if wish.table and wish.table not in facts.tables:
            held = names(sorted(facts.tables), 20)
            problems.append(
                f"restore_table: backup {chosen.number} has no table {wish.table!r:.80}. It has: {held}"
            )
        if wish.table and wish.into != PLACE:
            problems.append("restore_table goes into place. Do: leave restore_into out")
        problems += self._refuse_other_data(chosen)
        try:
            needed = facts.size_mb * MIB * 5 // 4 + chosen.manifest.bytes
            need_room(self.settings.folder, needed, "Nothing was restored")
        except BackupError as error:
            problems.append(str(error))
        if problems:
            raise BackupError("\n".join(problems))

    def _refuse_other_data(self, chosen: Chosen) -> list[str]:
        wish, manifest, problems = self.wish, chosen.manifest, []
        if wish.redis and REDIS not in manifest.files and not self._recovers:
            problems.append(f"restore_redis: backup {chosen.number} has no data of Redis")
        if wish.volumes and not manifest.volumes and not self._recovers:
            problems.append(f"restore_volumes: backup {chosen.number} has no volumes")
        if (wish.redis or wish.volumes) and (wish.table or wish.into != PLACE):
            problems.append(
                "restore_redis and restore_volumes go into place with the whole database. "
                "Do: leave restore_into and restore_table out"
            )
        return problems

    def _plan(self, chosen: Chosen, postgres: Postgres) -> list[str]:
        """Say what would happen."""
        facts, present = chosen.manifest.facts, postgres.facts(self.settings.database)
        what = f"Backup {chosen.number} of {chosen.manifest.made}, from {chosen.where}"
        plan = [
            f"{what}, {size(chosen.manifest.bytes)}: {_told(facts)}.",
            f"Now: {_told(present)}.",
        ]
        changes = [
            f"{name}: {_rows(present.tables.get(name))} -> {_rows(facts.tables.get(name))}"
            for name in sorted({*facts.tables, *present.tables})
            if facts.tables.get(name) != present.tables.get(name) and self.wish.table in {"", name}
        ]
        plan += changes or ["Every table has the same contents."]
        if self.wish.table:
            plan.append(f"Would replace the rows of {self.wish.table} in one transaction.")
        elif self.wish.into == PLACE:
            plan.append(
                "Would back up the present data, restore beside it, compare with the manifest, stop the app, "
                "swap the two databases, start the app; what was written after the backup is only in that safety "
                "backup then."
            )
        else:
            plan.append(f"Would make the database {self.wish.into}; the product goes on untouched.")
        return plan

    def _check_files(self, chosen: Chosen, folder: str) -> None:
        problems = intact(folder, chosen.manifest)
        if problems:
            other = "off-site" if chosen.source == LOCAL else "local"
            raise BackupError(
                f"Backup {chosen.number} is damaged: {names(problems)}. Nothing was changed. "
                f"Do: take another one, or the {other} copy (restore_from={other.replace('-', '')})"
            )

    def _keep_the_present(self, chosen: Chosen) -> None:
        """Make a backup of what is about to be replaced."""
        if self.engine.make(f"before the restore of {chosen.number}", verdict=SAFETY) is None:
            raise BackupError(
                "Nothing was restored, because the present data could not be backed up first: "
                f"{self.report.problems.pop()}"
            )

    def _make_beside(self, chosen: Chosen, folder: str, postgres: Postgres, target: str) -> None:
        """Restore into a database of its own and prove it whole; one that is not is removed again."""
        database = self.settings.database
        restore_roles(postgres, os.path.join(folder, ROLES))
        made = f'CREATE DATABASE "{target}" TEMPLATE template0;'
        postgres.ask("postgres", _drop(target) + made)
        try:
            postgres.restore(os.path.join(folder, DUMP), target)
            postgres.ask("postgres", f'ALTER DATABASE "{target}" OWNER TO "{database}";')
            postgres.ask(target, "ANALYZE;")
            found = self._prove(chosen, postgres.facts(target))
        except (BackupError, PipeError, ValueError) as error:
            with contextlib.suppress(BackupError):
                postgres.ask("postgres", _drop(target))
            raise BackupError(f"{error}. The present data was not touched") from error
        self.report.did.append(
            f"Backup {chosen.number} was restored and is what its manifest says: "
            f"{found.rows} rows in {len(found.tables)} tables."
        )

    def _prove(self, chosen: Chosen, found: Facts) -> Facts:
        wished = chosen.manifest.facts
        problems = compare(wished, found, same_major=wished.major == found.major)
        if problems:
            raise BackupError(
                f"Backup {chosen.number} did not come back as its manifest says: {names(problems)}"
            )
        return found

    def _swap(self, chosen: Chosen, folder: str, postgres: Postgres, target: str) -> None:
        """Hold the app, exchange the databases, start it again; if it does not come up, exchange them back."""
        database, product = self.settings.database, Product(self.settings.project_dir)
        before = f"{database}_before"
        schema = chosen.manifest.facts.schema
        same_schema = postgres.schema(database) == schema
        began = time.monotonic()
        try:
            product.hold(at_most_s=_HELD_S)
            postgres.ask("postgres", _drop(before))
            _exchange(postgres, (database, before), (target, database))
            self._bring_other_data(chosen, folder)
            product.start_again(same_schema=same_schema)
            gap = time.monotonic() - began
            product.settle()
        except Exception as error:
            if before in postgres.databases():
                _exchange(postgres, (database, target), (before, database))
            product.start_again(same_schema=True)
            with contextlib.suppress(BackupError):
                postgres.ask("postgres", _drop(target))
            raise BackupError(f"{error}. The data of before serves again") from error
        postgres.ask("postgres", _drop(before))
        self.report.did.append(
            f"The app works on the data of backup {chosen.number} ({chosen.manifest.made}). "
            f"It was held for {gap:.0f} s."
        )

    @property
    def _recovers(self) -> bool:
        """Tell whether a lost machine is being made anew: then everything comes back that there is."""
        return os.path.exists(self.settings.recovering)

    def _make_volumes(self, chosen: Chosen) -> None:
        """Have the extra volumes, which nobody has made yet on a bare machine; one that is there stays as it is."""
        for name in sorted({*chosen.manifest.volumes, *self.settings.volumes}):
            run_pipe(Command(("docker", "volume", "create", name)), timeout_s=60)

    def _bring_other_data(self, chosen: Chosen, folder: str) -> None:
        if self.wish.redis and REDIS in chosen.manifest.files:
            redis = container_of(self.settings.project_dir, "redis")
            data = volume_path("planner_redis")
            run_pipe(Command(("docker", "stop", redis)), timeout_s=180)
            try:
                owner = os.stat(data)
                target = os.path.join(data, "dump.rdb")
                shutil.copyfile(os.path.join(folder, REDIS), f"{target}{PARTIAL}")
                os.chown(f"{target}{PARTIAL}", owner.st_uid, owner.st_gid)
                os.replace(f"{target}{PARTIAL}", target)
            finally:
                run_pipe(Command(("docker", "start", redis)), timeout_s=180)
            self.report.did.append("Redis has its data of then.")
        for volume in chosen.manifest.volumes if self.wish.volumes else ():
            self._fill_volume(volume, os.path.join(folder, f"volume-{volume}.tar.zst"))
            self.report.did.append(f"The volume {volume} has its files of then.")

    def _fill_volume(self, volume: str, archive: str) -> None:
        """Unpack beside the present files, then exchange the two."""
        data = volume_path(volume)
        fresh, stale = f"{data}.restored", f"{data}.before"
        for path in (fresh, stale):
            shutil.rmtree(path, ignore_errors=True)
        os.mkdir(fresh)
        shutil.copystat(data, fresh)
        run_pipe(
            Command((*UNPACK, archive)),
            Command(("tar", "--extract", "--directory", fresh, "--numeric-owner")),
            timeout_s=3600,
        )
        os.rename(data, stale)
        os.rename(fresh, data)
        shutil.rmtree(stale)

    def _log(self, chosen: Chosen, result: str, seconds: float, reason: str = "") -> None:
        manifest = chosen.manifest
        run = Run(
            log.RESTORE,
            now(),
            result,
            round(seconds, 1),
            number=manifest.number,
            made=manifest.made,
            reason=reason,
            size=manifest.bytes,
            rows=manifest.facts.rows,
            offsite=chosen.source != LOCAL,
        )
        self.engine.log.end(run)


def _told(facts: Facts) -> str:
    return f"{facts.rows} rows in {len(facts.tables)} tables, schema {facts.schema or 'none'}"


def _rows(table: Table | None) -> str:
    return "none" if table is None else f"{table.rows} rows"


def _drop(database: str) -> str:
    return f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE);\n'


_SEND_AWAY = """
SELECT 1 FROM (SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '@') AS gone LIMIT 0;
"""


def _exchange(postgres: Postgres, *renames: tuple[str, str]) -> None:
    """Rename databases, all of them or none. Who is connected is sent away; who comes back at once, again."""
    away = "".join(_SEND_AWAY.replace("@", database) for database, _ in renames)
    words = "".join(f'ALTER DATABASE "{database}" RENAME TO "{to}";\n' for database, to in renames)
    for patience in range(_TRIES, 0, -1):
        try:
            postgres.ask("postgres", f"{away}BEGIN;\n{words}COMMIT;\n")
        except BackupError as error:
            if "being accessed" not in str(error) or patience == 1:
                raise
        else:
            return
