# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The product's database from the host: which schema it has, a dump that is proved to be readable, the way back."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError

DUMP_TIMEOUT_S = 1800
# Revision, number of tables and size. Without alembic a fingerprint of all columns stands for the revision. An
# extension's own tables are none of the product's.
_STATE = r"""
SELECT to_regclass('public.alembic_version') IS NOT NULL AS alembic \gset
\if :alembic
SELECT coalesce(string_agg(version_num, ',' ORDER BY version_num), '') FROM public.alembic_version;
\else
SELECT coalesce('catalog-' || left(md5(string_agg(
    concat_ws(' ', table_schema, table_name, column_name, data_type, is_nullable), ','
    ORDER BY table_schema, table_name, column_name)), 12), '')
FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
      AND objid = format('%I.%I', table_schema, table_name)::regclass);
\endif
SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass
      AND objid = pg_class.oid);
SELECT ceil(pg_database_size(current_database()) / 1048576.0);
"""


@dataclass(frozen=True)
class DatabaseState:
    """What a release has to know. ``revision`` is alembic's, or a fingerprint; empty for no tables."""

    revision: str
    tables: int
    size_mb: int


@dataclass(frozen=True)
class Database:
    """The database of the project, reached as superuser over the container's own socket."""

    compose: Compose
    name: str

    def server(self) -> str:
        """Name its container. The plain docker command takes half the memory of docker compose."""
        for one in self.compose.containers():
            if one.service == "postgres" and one.running:
                return one.name
        msg = "PostgreSQL does not run: run the playbook again"
        raise DockerError(msg)

    def _psql(self, *words: str, stdin: str = "") -> str:
        psql = ("psql", "-q", "-X", "-U", "postgres", "-d", self.name, "-v", "ON_ERROR_STOP=1")
        return self.compose.docker("exec", "-i", self.server(), *psql, *words, stdin=stdin)

    def prepare(self) -> None:
        """Make the backend's role and the extension."""
        self._psql("-f", "/etc/planner/prepare.sql")

    def state(self) -> DatabaseState:
        """Read the schema's revision, and how much there is."""
        said = self._psql("-A", "-t", "-f", "-", stdin=_STATE).splitlines()
        try:
            revision, tables, size = said
            return DatabaseState(revision, int(tables), int(size))
        except ValueError:
            msg = f"The database {self.name} did not tell its schema: {' '.join(said)[:200]}"
            raise DockerError(msg) from None

    def dump(self, path: str) -> None:
        """Write a dump that was read back to its last byte; only a good one gets the name."""
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for half in glob.glob(
            os.path.join(glob.escape(folder), "*.partial")
        ):  # of a release that died
            os.unlink(half)
        server, unproved = self.server(), f"{path}.partial"
        tables = self.state().tables
        try:
            command = ("pg_dump", "-U", "postgres", "--format=custom", self.name)
            self.compose.docker(
                "exec", server, *command, write_to=unproved, timeout_s=DUMP_TIMEOUT_S
            )
            self._read_back(server, unproved, tables)
            with open(unproved, "rb") as file:
                os.fsync(file.fileno())
            os.replace(unproved, path)
        except (DockerError, OSError) as error:
            if os.path.exists(unproved):
                os.unlink(unproved)
            msg = f"The dump before the migration is not good, so nothing was migrated: {error}"
            raise DockerError(msg) from error

    def _read_back(self, server: str, path: str, tables: int) -> None:
        """Unpack a dump from first to last, into nothing: one that is cut or damaged fails here."""
        held = self._restored(server, path, "--list").count(" TABLE DATA ")
        if held < tables:
            msg = f"it holds {held} of {tables} tables"
            raise DockerError(msg)
        self._restored(server, path, "--file=/dev/null")

    def _restored(self, server: str, path: str, *words: str) -> str:
        command = ("exec", "-i", server, "pg_restore", *words)
        return self.compose.docker(*command, read_from=path, timeout_s=DUMP_TIMEOUT_S)

    def restore(self, path: str) -> None:
        """Replace the database by a dump. Backends must have stopped; who else is connected is sent away."""
        self.compose.docker("exec", self.server(), *self._drop)
        self._restored(self.server(), path, *_CREATE)

    def restore_command(self, path: str, users: Sequence[str]) -> str:
        """Return the shell command by which an owner does the same, with the containers to stop before."""
        stop = f"{shlex.join(['sudo', 'docker', 'stop', *users])} && " if users else ""
        server = self.server()
        drop = shlex.join(["docker", "exec", server, *self._drop])
        create = shlex.join(["docker", "exec", "-i", server, "pg_restore", *_CREATE])
        return f"{stop}sudo sh -c {shlex.quote(f'{drop} && {create} < {shlex.quote(path)}')}"

    @property
    def _drop(self) -> tuple[str, ...]:
        statement = f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)'
        return ("psql", "-q", "-X", "-U", "postgres", "-d", "postgres", "-c", statement)


_CREATE = ("-U", "postgres", "--create", "--exit-on-error", "--dbname=postgres")
