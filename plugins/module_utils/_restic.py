# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A thin layer over ``restic``: one snapshot for one backup, tagged with its number and its verdict."""

from __future__ import annotations

import json
import os
import socket
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.planner.droplet.plugins.module_utils import _restic_failure as failure
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    GOOD,
    MANIFEST,
    Manifest,
    parse_manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import Kept
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)

CACHE = "/var/cache/planner-restic"
HOST = "planner"
"""In every snapshot: a machine that is made anew goes on with the history of the one before."""
_FETCH_TIMEOUT_S = 4 * 3600
# restic would ask on for a quarter of an hour, also where it is refused.
_LOOK_TIMEOUT_S = 30
_LIST_TIMEOUT_S = 90
"""restic itself tries for a quarter of an hour to reach a storage that is away."""
_REACH_TIMEOUT_S = 20
_SLOW = "Do: look whether the storage is slow; backup_upload_timeout_s gives an upload more time"
_NUMBER, _MADE = "number=", "made="


class ResticError(BackupError):
    """restic failed; ``kind`` is one of those of ``_restic_failure``."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the kind for who can do something about it."""
        super().__init__(f"Off-site: {message}")
        self.kind = kind


@dataclass(frozen=True)
class Restic:
    """The repository of the settings."""

    settings: Settings

    def init(self) -> bool:
        """Make the repository, unless it is there; tell whether it was made."""
        try:
            self.look()
        except ResticError as error:
            if error.kind != failure.MISSING:
                raise
        else:
            return False
        self._run("init", "--repository-version", "2", timeout_s=300)
        return True

    def look(self) -> None:
        """Open the repository: storage, credentials and password are right, or the error says which is not."""
        self._run("cat", "config", "--no-lock", timeout_s=_LOOK_TIMEOUT_S)

    def upload(self, folder: str, manifest: Manifest) -> None:
        """Store a local backup as a snapshot, then read its manifest back."""
        tags = (
            f"{_NUMBER}{manifest.number}",
            f"{_MADE}{manifest.made}",
            manifest.verdict,
        )
        limit = self.settings.upload_kib_s
        self._run(
            *("backup", ".", "--host", HOST, "--read-concurrency", "1", "--compression", "off"),
            # Of several that waited for the storage the newest is brought first: forget goes by this time.
            *("--time", manifest.made.replace("T", " ").rstrip("Z")),
            *(word for tag in tags for word in ("--tag", tag)),
            *(("--limit-upload", str(limit)) if limit else ()),
            "--quiet",
            cwd=folder,
            timeout_s=self.settings.upload_timeout_s,
        )
        which = (manifest.number, manifest.made)
        stored = next((one for one in self.snapshots() if (one.number, one.made) == which), None)
        if stored is None or self.manifest(stored) != manifest:
            kind = failure.DAMAGED
            msg = f"backup {manifest.number} was uploaded, but its manifest does not come back as it was"
            raise ResticError(kind, msg)

    def snapshots(self) -> tuple[Kept, ...]:
        """List the backups there, by number; ``place`` is the snapshot's id. Of one that is there twice one counts."""
        found: dict[tuple[int, str], Kept] = {}
        for one in json.loads(
            self._run("snapshots", "--json", "--no-lock", timeout_s=_LIST_TIMEOUT_S) or "[]"
        ):
            tags: Sequence[str] = one.get("tags") or ()
            number = next((tag for tag in tags if tag.startswith(_NUMBER)), "")
            made = next((tag for tag in tags if tag.startswith(_MADE)), "")
            if number and made:
                which = int(number.removeprefix(_NUMBER)), made.removeprefix(_MADE)
                found[which] = Kept(*which, GOOD in tags, one["id"])
        return tuple(found[which] for which in sorted(found))

    def manifest(self, snapshot: Kept) -> Manifest:
        """Read one file of a snapshot: storage, password and index are good so far."""
        text = self._run("dump", "--no-lock", snapshot.place, f"/{MANIFEST}", timeout_s=300)
        try:
            return parse_manifest(text)
        except ValueError as error:
            msg = f"the manifest of backup {snapshot.number} cannot be read: {error}"
            raise ResticError(failure.DAMAGED, msg) from error

    def take(self, snapshot: Kept, name: str, path: str) -> None:
        """Write one file of a snapshot to a path here."""
        self._run(
            *("dump", "--no-lock", snapshot.place, f"/{name}"),
            timeout_s=_FETCH_TIMEOUT_S,
            write_to=path,
        )

    def fetch(self, snapshot: Kept, folder: str) -> None:
        """Restore a snapshot's files into a folder."""
        self._run(
            *("restore", snapshot.place, "--target", folder, "--no-lock", "--quiet"),
            timeout_s=_FETCH_TIMEOUT_S,
        )

    def forget(self, gone: Sequence[Kept]) -> None:
        """Let snapshots go; their space comes back with the next prune. restic itself is content if it may not."""
        if not gone:
            return
        self._run("forget", *(one.place for one in gone), "--quiet", timeout_s=600)
        left = {one.place for one in gone} & {one.place for one in self.snapshots()}
        if left:
            msg = (
                f"{len(left)} snapshots could not be let go. Do: let this key delete, or set backup_prune: false "
                "and forget from elsewhere (docs/backup.md)"
            )
            raise ResticError(failure.REFUSED, msg)

    def prune(self) -> None:
        """Give back the space of what was let go."""
        self._run("prune", "--quiet", timeout_s=_FETCH_TIMEOUT_S)

    def check(self, percent: int) -> None:
        """Check the repository's structure, and read a random part of its data."""
        part = ("--read-data-subset", f"{percent}%") if percent else ()
        self._run("check", "--quiet", *part, timeout_s=_FETCH_TIMEOUT_S)

    def unlock(self) -> None:
        """Remove locks of a restic of this machine that is dead; one that works keeps its lock."""
        self._run("unlock", "--quiet", timeout_s=300)

    def _run(self, *words: str, timeout_s: float, cwd: str = "/", write_to: str = "") -> str:
        command = Command(
            ("restic", "-o", self._option(), *words), env=self._environment(), cwd=cwd
        )
        reach(self.settings.repository)
        try:
            return run_pipe(command, timeout_s=timeout_s, write_to=write_to).decode(
                errors="replace"
            )
        except PipeError as error:
            raise _told(error) from error

    def _option(self) -> str:
        if not self.settings.repository.startswith("sftp:"):
            return "s3.connections=2"
        secrets = self.settings.kept("secrets")
        return (
            "sftp.args=-F /dev/null -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=yes "
            f"-o UserKnownHostsFile={secrets}/backup_sftp_host_key -i {secrets}/backup_sftp_key"
        )

    def _environment(self) -> dict[str, str]:
        """Hand over secrets where no other user sees them; keep Go's heap and threads small."""
        secrets = self.settings.kept("secrets")
        environment = {
            "RESTIC_REPOSITORY": self.settings.repository,
            "RESTIC_PASSWORD_FILE": os.path.join(secrets, "backup_password"),
            "RESTIC_CACHE_DIR": CACHE,
            "GOGC": "20",
            "GOMAXPROCS": "1",
            "GOMEMLIMIT": "64MiB",
            "TZ": "UTC",
            "HOME": "/root",
            # Packs are put together in files, and /tmp is memory.
            "TMPDIR": "/var/tmp",  # noqa: S108 - restic makes files of its own there
        }
        for name, file in _CREDENTIALS.items():
            path = os.path.join(secrets, file)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as text:
                    environment[name] = text.read().strip()
        return environment


_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "backup_s3_key_id",
    "AWS_SECRET_ACCESS_KEY": "backup_s3_secret",
}


def reach(repository: str) -> None:
    """Raise where nobody answers: restic itself would go on asking for a quarter of an hour."""
    scheme, _, rest = repository.partition(":")
    if scheme != "s3" or urllib.request.getproxies():
        return
    url = urlsplit(rest if "://" in rest else f"https://{rest}")
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 443)
    try:
        socket.create_connection((url.hostname or "", port), _REACH_TIMEOUT_S).close()
    except OSError as error:
        kind, said = failure.explain(1, f"no connection to {url.hostname}:{port}: {error}")
        raise ResticError(kind, said) from error


def _told(error: PipeError) -> ResticError:
    kind, said = failure.explain(error.code, error.words)
    if kind != failure.OTHER or error.code:
        return ResticError(kind, said)
    # It is not installed, or did not say why it took so long.
    is_slow = "did not end" in str(error)
    return (
        ResticError(failure.AWAY, f"{error}. {_SLOW}") if is_slow else ResticError(kind, str(error))
    )
