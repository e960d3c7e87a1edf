# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The server of the new version while it fills its volume, with the memory of the product's, which has stopped."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _fingerprint as sql
from ansible_collections.planner.droplet.plugins.module_utils import (
    _postgres_upgrade_rules as rules,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_drill import (
    died,
    restore_roles,
    until_ready,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DUMP,
    ROLES,
    Manifest,
    compare,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres, names
from ansible_collections.planner.droplet.plugins.module_utils._postgres_data import (
    LABEL,
    mount_point,
)

CONTAINER = "planner-upgrade"
_WHAT = "the new PostgreSQL"
_PASSWORD = "database_superuser_password"  # noqa: S105 - the name of a file
_EXTENSIONS = "SELECT name, default_version FROM pg_available_extensions;"
_STOPS_S = 600
_IN_GOOD_ORDER = "ended with exit code 0"
# Its configuration is the product's, which it has to understand anyway. A volume that power cuts off is thrown away,
# so nothing is written twice or waited for; all of it is brought to the disk at the end.
_SETTINGS = {
    "config_file": "/etc/planner/postgresql.conf",
    "listen_addresses": "127.0.0.1",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class NewServer:
    """What it is made of."""

    compose: Compose
    image: str
    volume: str
    major: int

    @contextlib.contextmanager
    def running(self) -> Iterator[Postgres]:
        """Make the data directory as the product's own first start does, and serve; stop in good order at the end."""
        self.remove()
        try:
            run_pipe(Command(self._words()), timeout_s=120)
            until_ready(CONTAINER, _WHAT)
            yield Postgres(CONTAINER)
            run_pipe(
                Command(("docker", "stop", "--time", str(_STOPS_S), CONTAINER)),
                timeout_s=_STOPS_S + 60,
            )
            if (how := died(CONTAINER)) != _IN_GOOD_ORDER:
                raise BackupError(f"{_WHAT} {how or 'does not stop'}")
        finally:
            self.remove()

    def create_volume(self, source: int) -> str:
        """Make its volume as Compose would, with a label that tells where it is from; return when."""
        labels = {
            LABEL: f"from-{source}",
            "com.docker.compose.project": self.compose.project,
            "com.docker.compose.volume": "postgres",
        }
        words = [word for item in labels.items() for word in ("--label", "=".join(item))]
        self.compose.docker("volume", "create", *words, self.volume)
        return self.compose.created(self.volume)

    @staticmethod
    def remove() -> None:
        """Remove the container; the volume stays."""
        with contextlib.suppress(PipeError):
            run_pipe(Command(("docker", "rm", "--force", CONTAINER)), timeout_s=120)

    def _words(self) -> tuple[str, ...]:
        like = self._product()
        folder = self.compose.folder
        password = os.path.join(folder, "secrets", _PASSWORD)
        settings = [word for item in _SETTINGS.items() for word in ("-c", "=".join(item))]
        return (
            *("docker", "run", "--detach", "--name", CONTAINER, "--pull", "never"),
            *("--network", "none", "--read-only", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--user", "999:999"),
            *("--group-add", str(os.stat(password).st_gid)),
            *("--memory", str(like["Memory"]), "--memory-swap", str(like["MemorySwap"])),
            *("--shm-size", str(like["ShmSize"]), "--pids-limit", str(like["PidsLimit"])),
            *("--log-driver", "local", "--log-opt", "max-size=1m", "--log-opt", "max-file=2"),
            *("--tmpfs", "/var/run/postgresql:uid=999,gid=999,mode=0775,size=1m"),
            *("--tmpfs", "/tmp:uid=999,gid=999,mode=0700,size=16m"),  # noqa: S108 - inside the container
            *("--volume", f"{self.volume}:{mount_point(self.major)}"),
            *("--volume", f"{folder}/postgres:/etc/planner:ro"),
            *("--volume", f"{password}:/run/secrets/{_PASSWORD}:ro"),
            *("--env", f"POSTGRES_PASSWORD_FILE=/run/secrets/{_PASSWORD}"),
            *("--stop-signal", "SIGINT", self.image, "postgres", *settings),
        )

    def _product(self) -> dict[str, Any]:
        """Read how the product's own container is limited."""
        ids = self.compose.container_ids("postgres")
        found: list[dict[str, Any]] = json.loads(self.compose.docker("inspect", *ids))
        return dict(found[0]["HostConfig"])


def fill(postgres: Postgres, folder: str, manifest: Manifest, major: int) -> None:
    """Restore a backup into a server that is empty; raise :class:`BackupError` with what differs from its manifest."""
    here = int(postgres.ask("postgres", "SHOW server_version_num;")[0]) // 10000
    if here != major:
        raise BackupError(f"the image is of PostgreSQL {here}, not {major}")
    wished = manifest.facts
    available = postgres.ask("postgres", _EXTENSIONS)
    problems = rules.extension_problems(wished.extensions, available, sql.SEPARATOR)
    if problems:
        raise BackupError("; ".join(problems))
    restore_roles(postgres, os.path.join(folder, ROLES))
    # With all that belongs to the database itself: its owner, who may connect, its own settings.
    postgres.restore(os.path.join(folder, DUMP), "postgres", "--create")
    postgres.ask(manifest.database, "ANALYZE;")
    found = postgres.facts(manifest.database, manifest.query)
    problems += compare(wished, found, same_major=False)
    if found.answer != wished.answer:
        problems.append(f"the app's own query finds {found.answer[:100]!r}")
    problems += sql.bad_indexes(postgres.ask(manifest.database, sql.INDEXES))[0]
    if problems:
        raise BackupError(names(problems))
