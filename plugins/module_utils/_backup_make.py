# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Makes one backup: a folder that gets its name only when everything in it was read back."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.planner.droplet.plugins.module_utils import _release_log as releases
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import RUNNING_FILE
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DOUBTFUL,
    DUMP,
    GOOD,
    HOST,
    MANIFEST,
    REDIS,
    ROLES,
    SAFETY,
    Facts,
    Manifest,
    Stored,
    doubts,
    folder_name,
    numbered,
    parse_manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import (
    Kept,
    to_remove,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import (
    COMPRESS,
    Postgres,
    Snapshot,
    names,
)

PARTIAL = ".partial"
RESERVE_MB = 256
"""What a backup leaves of the disk to PostgreSQL, whose WAL must never meet a full one."""
MIB = 1024 * 1024
_HOST_PATHS = (
    *("secrets", "compose.yml", "nginx", "postgres", "redis", "tls", "acme", "backup"),
    *("state.json", "releases.jsonl"),
)
_CERTIFICATES = "etc/letsencrypt"
_ARCHIVE_TIMEOUT_S = 3600
_REDIS_TIMEOUT_S = 300


def now() -> str:
    """Tell the time as a backup's name has it."""
    utc = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10
    return dt.datetime.now(utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def server(project_dir: str) -> Postgres:
    """Find the product's PostgreSQL."""
    return Postgres(container_of(project_dir, "postgres"))


def container_of(project_dir: str, service: str) -> str:
    """Name a service's running container."""
    try:
        for one in Compose(project_dir).containers():
            if one.service == service and one.running:
                return one.name
    except DockerError as error:
        raise BackupError(
            f"Docker does not answer: {error}. Do: systemctl status docker"
        ) from error
    raise BackupError(f"{service} does not run. Do: docker logs planner-{service}-1")


@dataclass(frozen=True)
class Shelf:
    """The local backups."""

    settings: Settings

    def found(self) -> tuple[Kept, ...]:
        """List those that are whole, oldest first."""
        kept = []
        for folder in self._folders():
            try:
                manifest = self.manifest(folder)
            except (OSError, ValueError):
                continue
            kept.append(Kept(manifest.number, manifest.made, manifest.verdict == GOOD, folder))
        return tuple(sorted(kept, key=lambda one: one.number))

    def manifest(self, folder: str) -> Manifest:
        """Read what one says of itself."""
        with open(os.path.join(folder, MANIFEST), encoding="utf-8") as file:
            return parse_manifest(file.read())

    def last_good(self) -> Manifest | None:
        """Find the newest that counts."""
        good = [one for one in self.found() if one.good]
        return self.manifest(good[-1].place) if good else None

    def evict(self) -> list[str]:
        """Remove what need not stay, now that there is a newer good one; return their names."""
        gone = to_remove(self.found(), self.settings.keep_here)
        for one in gone:
            doomed = (
                f"{one.place}{PARTIAL}"  # a removal that is cut off leaves nothing that looks whole
            )
            os.rename(one.place, doomed)
            shutil.rmtree(doomed)
        return [os.path.basename(one.place) for one in gone]

    def sweep(self, *, fetched: bool = True) -> None:
        """Remove what runs left behind that were cut off."""
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.settings.folder):
                if entry.name.endswith(PARTIAL):
                    shutil.rmtree(entry.path)
        if fetched:
            shutil.rmtree(self.settings.scratch, ignore_errors=True)

    def _folders(self) -> list[str]:
        try:
            entries = sorted(os.listdir(self.settings.folder))
        except FileNotFoundError:
            return []
        return [os.path.join(self.settings.folder, name) for name in entries if numbered(name)]


@dataclass(frozen=True)
class Maker:
    """Makes a backup of what the settings name. ``number`` is the one it gets."""

    settings: Settings
    number: int
    why: str
    accept_shrink: bool = False
    verdict: str = GOOD

    def make(self) -> Manifest:
        """Return the manifest. Raises :class:`BackupError`; then nothing is left but what was before."""
        shelf = Shelf(self.settings)
        if self.verdict != SAFETY and os.path.exists(self.settings.recovering):
            raise BackupError(
                "No backup was made: this machine is being recovered, and its data is not back yet. "
                "Do: ansible-playbook playbooks/recover.yml"
            )
        os.makedirs(self.settings.folder, mode=0o700, exist_ok=True)
        # What a restore has fetched is still to be restored, when this is its safety backup.
        shelf.sweep(fetched=self.verdict != SAFETY)
        last = shelf.last_good()
        postgres = server(self.settings.project_dir)
        self._need_room(postgres, last)
        made, started = now(), time.monotonic()
        folder = os.path.join(self.settings.folder, folder_name(self.number, made))
        partial = f"{folder}{PARTIAL}"
        os.mkdir(partial, mode=0o700)
        try:
            wished = Manifest(self.number, made, self.why, self.verdict)
            manifest = self._fill(postgres, partial, wished)
            manifest = replace(manifest, seconds=round(time.monotonic() - started, 1))
            percent = 100 if self.accept_shrink else self.settings.shrink_percent
            if self.verdict == GOOD and (found := doubts(manifest, last, percent)):
                manifest = replace(manifest, verdict=DOUBTFUL, doubts=found)
            _write(os.path.join(partial, MANIFEST), manifest.to_json())
            _sync(partial)
            os.rename(partial, folder)
            _sync(self.settings.folder)
        except (BackupError, PipeError, OSError, ValueError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise BackupError(_what_failed(error)) from error
        return manifest

    def _need_room(self, postgres: Postgres, last: Manifest | None) -> None:
        """Refuse where the disk would fill up: a full one stops PostgreSQL."""
        if last:
            expected = last.bytes * 3 // 2
        else:
            size = f"SELECT pg_database_size('{self.settings.database}');"
            expected = int(postgres.ask("postgres", size)[0])
        need_room(self.settings.folder, expected, "The backup was not begun")

    def _fill(self, postgres: Postgres, folder: str, manifest: Manifest) -> Manifest:
        settings = self.settings
        dump = os.path.join(folder, DUMP)
        with postgres.snapshot(settings.database) as session:
            snapshot = session.open()
            postgres.dump(settings.database, dump, snapshot)
            facts = session.facts()
            manifest, facts = self._asked(session, manifest, facts)
        held = postgres.contents(dump)
        missing = sorted(set(facts.tables) - set(held))
        if missing:
            raise BackupError(f"The dump lacks {len(missing)} tables: {names(missing)}")
        postgres.read_through(dump)
        postgres.dump_roles(os.path.join(folder, ROLES))
        self._archive(os.path.join(folder, HOST), "/", self._host_paths())
        for volume in settings.volumes:
            self._archive(
                os.path.join(folder, f"volume-{volume}.tar.zst"), volume_path(volume), ["."]
            )
        if settings.redis:
            self._redis(os.path.join(folder, REDIS))
        current = releases.current(releases.read(settings.project_dir).records)
        return replace(
            manifest,
            database=settings.database,
            facts=facts,
            release=current.release if current else 0,
            images=dict(current.given) if current else {},
            volumes=settings.volumes,
            files={name: stored(os.path.join(folder, name)) for name in sorted(os.listdir(folder))},
        )

    def _asked(self, session: Snapshot, manifest: Manifest, facts: Facts) -> tuple[Manifest, Facts]:
        """Note what the owner's query finds; one that cannot be run is told, and keeps no backup back."""
        query = self.settings.query
        try:
            answer = session.answer(query) if query else ""
        except BackupError as error:
            return replace(manifest, doubts=(str(error),)), facts
        return replace(manifest, query=query), replace(facts, answer=answer)

    def _host_paths(self) -> list[str]:
        """List what a bare machine needs to become this one again, as far as it is there."""
        project = self.settings.project_dir.lstrip("/")
        paths = [os.path.join(project, name) for name in _HOST_PATHS]
        return [path for path in [*paths, _CERTIFICATES] if os.path.exists(f"/{path}")]

    def _archive(self, path: str, base: str, paths: Sequence[str]) -> None:
        # The password of the repository opens nothing inside the repository; this very run is over when it is read.
        left_out = [
            f"--exclude={self.settings.kept(name).lstrip('/')}"
            for name in ("secrets", RUNNING_FILE)
        ]
        command = ("tar", "--create", "--directory", base, "--one-file-system", *left_out, *paths)
        # 1: a file changed while it was read. Files in use are taken as they are.
        tar = Command(command, good=frozenset({0, 1}))
        run_pipe(tar, COMPRESS, timeout_s=_ARCHIVE_TIMEOUT_S, write_to=path)

    def _redis(self, path: str) -> None:
        """Have Redis write its snapshot, and take that."""
        redis = container_of(self.settings.project_dir, "redis")

        def say(*words: str) -> str:
            command = Command(("docker", "exec", redis, "redis-cli", "-e", *words))
            return run_pipe(command, timeout_s=60).decode().strip()

        before = say("LASTSAVE")
        while say("LASTSAVE") == before:  # it counts whole seconds
            if "in progress" not in say("INFO", "persistence") and int(before) < int(time.time()):
                say("BGSAVE", "SCHEDULE")
                break
            time.sleep(0.3)
        deadline = time.monotonic() + _REDIS_TIMEOUT_S
        while say("LASTSAVE") == before:
            if time.monotonic() > deadline or "rdb_last_bgsave_status:err" in say("INFO"):
                raise BackupError(
                    "Redis did not write its snapshot. Do: docker logs planner-redis-1"
                )
            time.sleep(0.3)
        take = Command(("docker", "exec", redis, "cat", "/data/dump.rdb"))
        run_pipe(take, timeout_s=_REDIS_TIMEOUT_S, write_to=path)


def need_room(folder: str, expected: int, then: str) -> None:
    """Refuse where less than the reserve would be left."""
    free = shutil.disk_usage(folder).free
    if free < expected + RESERVE_MB * MIB:
        raise BackupError(
            f"{then}: it may take {expected // MIB + 1} MiB, the disk has {free // MIB} MiB free, and "
            f"{RESERVE_MB} must stay for PostgreSQL. Do: free some (docs/backup.md, 'The disk is full')"
        )


def stored(path: str) -> Stored:
    """Tell a file's size and checksum, without holding it in memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(MIB):
            digest.update(block)
        return Stored(file.tell(), digest.hexdigest())


def intact(folder: str, manifest: Manifest) -> tuple[str, ...]:
    """List the files that are not what the manifest says."""
    problems = []
    for name, wished in manifest.files.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            problems.append(f"{name} is missing")
        elif stored(path) != wished:
            problems.append(f"{name} is not what was written: its checksum differs")
    return tuple(problems)


def volume_path(name: str) -> str:
    """Locate a volume's files on the host."""
    command = Command(("docker", "volume", "inspect", "--format", "{{.Mountpoint}}", name))
    try:
        return run_pipe(command, timeout_s=60).decode().strip()
    except PipeError as error:
        raise BackupError(
            f"backup_volumes: there is no volume {name}. Do: docker volume ls"
        ) from error


def _write(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _what_failed(error: Exception) -> str:
    said = str(error)
    if "No space left on device" in said:
        said += ". Do: free some (docs/backup.md, 'The disk is full')"
    return f"The backup failed, what was backed up before is untouched: {said}"
