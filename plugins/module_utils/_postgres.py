# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A PostgreSQL server in a container, as a backup and a restore need it: large data only ever passes through pipes."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.planner.droplet.plugins.module_utils import _fingerprint as sql
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import Facts
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)

DUMP_TIMEOUT_S = 4 * 3600
_QUERY_TIMEOUT_S = 3600
# One worker with blocks of 1 MiB takes 9 MiB, with zstd's own 46. --rsyncable: what did not change looks the same in
# the next dump, so an off-site repository holds it once.
COMPRESS = Command(("zstd", "-q", "-c", "-3", "-T1", "-B1MiB", "--rsyncable"))
UNPACK = ("zstd", "-q", "-d", "-c")


@dataclass(frozen=True)
class Postgres:
    """The server in a running container, reached as superuser over its own socket."""

    container: str

    def _words(self, *words: str) -> tuple[str, ...]:
        return ("docker", "exec", "-i", self.container, *words)

    def psql_words(self, database: str) -> tuple[str, ...]:
        """Return the psql that reads statements from standard input and stops at the first error."""
        return self._words(
            *("psql", "-X", "-q", "-A", "-t", "-F", sql.SEPARATOR, "-U", "postgres"),
            *("-d", database, "-v", "ON_ERROR_STOP=1", "-f", "-"),
        )

    def ask(self, database: str, statements: str, timeout_s: float = _QUERY_TIMEOUT_S) -> list[str]:
        """Run statements; return the lines of the answer. Raises :class:`BackupError` with PostgreSQL's words."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(statements)
            file.flush()
            try:
                command = Command(self.psql_words(database))
                said = run_pipe(command, timeout_s=timeout_s, read_from=file.name)
            except PipeError as error:
                raise BackupError(f"PostgreSQL refused: {error}") from error
        return said.decode(errors="replace").splitlines()

    def facts(self, database: str, query: str = "") -> Facts:
        """Tell what a database holds, all of it as of one moment."""
        with self.snapshot(database) as session:
            return session.facts(query)

    def schema(self, database: str) -> str:
        """Tell its revision, or its fingerprint."""
        return self.ask(database, sql.SCHEMA)[0].split(sql.SEPARATOR)[1]

    def databases(self) -> set[str]:
        """Name them all."""
        return set(self.ask("postgres", "SELECT datname FROM pg_database;"))

    @contextlib.contextmanager
    def snapshot(self, database: str) -> Iterator[Snapshot]:
        """Open a transaction whose view of the data a dump can share."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(  # noqa: S603 - arguments as a list
                self.psql_words(database),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            try:
                yield Snapshot(process, said)
            finally:
                with contextlib.suppress(OSError):
                    process.stdin.close() if process.stdin else None
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                if process.stdout:
                    process.stdout.close()

    def dump(self, database: str, path: str, snapshot: str) -> None:
        """Write the data as of a snapshot, in pg_dump's custom format, compressed."""
        words = ("pg_dump", "-U", "postgres", "--format=custom", "--compress=none")
        run_pipe(
            Command(self._words(*words, f"--snapshot={snapshot}", database)),
            COMPRESS,
            timeout_s=DUMP_TIMEOUT_S,
            write_to=path,
        )

    def dump_roles(self, path: str) -> None:
        """Write the roles with their passwords' hashes, and what else belongs to no database."""
        command = Command(self._words("pg_dumpall", "-U", "postgres", "--globals-only"))
        run_pipe(command, timeout_s=_QUERY_TIMEOUT_S, write_to=path)

    def contents(self, dump: str) -> list[str]:
        """List the tables whose rows a dump holds."""
        listing = self._read(dump, "--list", enough=True).decode(errors="replace")
        # Schema, table and owner; of the three only a table's name may well have spaces.
        entries = [line.partition(" TABLE DATA ")[2] for line in listing.splitlines()]
        parts = [one.rpartition(" ")[0].partition(" ") for one in entries if one]
        return [f"{schema}.{table}" for schema, _, table in parts]

    def read_through(self, dump: str) -> None:
        """Unpack a dump to its last byte, into nothing: one that is cut or damaged fails here."""
        self._read(dump, "--file=/dev/null")

    def restore(self, dump: str, database: str, *words: str) -> None:
        """Fill an empty database from a dump; the first error ends it."""
        self._read(dump, "-U", "postgres", "--exit-on-error", f"--dbname={database}", *words)

    def _read(self, dump: str, *words: str, enough: bool = False) -> bytes:
        return run_pipe(
            Command((*UNPACK, dump)),
            Command(self._words("pg_restore", *words), enough=enough),
            timeout_s=DUMP_TIMEOUT_S,
        )


@dataclass(frozen=True)
class Snapshot:
    """One transaction in one psql."""

    process: subprocess.Popen[str]
    said: object

    def open(self) -> str:
        """Begin; return the name by which pg_dump joins."""
        (name,) = self.ask(sql.SETTINGS + sql.BEGIN + sql.SNAPSHOT)
        return name

    def facts(self, query: str = "") -> Facts:
        """Tell what the database holds, in this transaction or in one of its own."""
        found = sql.parse_facts(self.ask(sql.SETTINGS + sql.FACTS))
        return replace(found, answer=self.answer(query)) if query else found

    def answer(self, query: str) -> str:
        """Ask the owner's own query. An error ends the session, and says whose query it was."""
        try:
            return "\n".join(self.ask(f"SET search_path = public;\n{query.rstrip('; ')};\n"))
        except BackupError as error:
            raise BackupError(
                f"backup_drill_query cannot be run: {error}. Do: correct it"
            ) from error

    def ask(self, statements: str) -> list[str]:
        """Run statements; return the lines of the answer."""
        end = "--- this is the end of the answer ---"
        lines: list[str] = []
        try:
            if self.process.stdin is None or self.process.stdout is None:
                raise BackupError("psql has no pipes")
            self.process.stdin.write(f"{statements}\n\\echo {end!r}\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                if line.rstrip("\n") == end:
                    return lines
                lines.append(line.rstrip("\n"))
        except BrokenPipeError:
            pass
        raise BackupError(f"PostgreSQL refused: {self._words()}")

    def _words(self) -> str:
        self.process.wait(timeout=30)
        self.said.seek(0)  # type: ignore[attr-defined]
        words: str = self.said.read(2000).decode(errors="replace").strip()  # type: ignore[attr-defined]
        return words or f"psql ended with exit code {self.process.returncode}"


def names(found: Sequence[str], most: int = 5) -> str:
    """Write a few names out."""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
