# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A drill: the newest backup is restored into a throw-away PostgreSQL, which nothing else can reach, and judged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils import _drill as ladder
from ansible_collections.planner.droplet.plugins.module_utils import _fingerprint as sql
from ansible_collections.planner.droplet.plugins.module_utils import _restic_failure as failure
from ansible_collections.planner.droplet.plugins.module_utils._backup_choice import (
    Chosen,
    Library,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine, Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import (
    MIB,
    container_of,
    intact,
    need_room,
    now,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    DUMP,
    ROLES,
    Facts,
    compare,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._drill import (
    BrokenError,
    CouldNotVerifyError,
    Rung,
)
from ansible_collections.planner.droplet.plugins.module_utils._events import DRILL_SERVER_MB
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres, names
from ansible_collections.planner.droplet.plugins.module_utils._restic import ResticError

CONTAINER = "planner-drill"
_DATABASE = "drill"
_STARTS_S = 180
# Small, and careless of its own data: it is thrown away whatever happens.
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "16MB",
    "maintenance_work_mem": "32MB",
    "max_connections": "10",
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "max_parallel_maintenance_workers": "0",
}
# What says of the backup that it is no good, and not of today's weather.
_OF_THE_BACKUP = frozenset({failure.KEY, failure.DAMAGED, failure.MISSING})


@dataclass
class Drill:
    """One drill. ``source`` is where the backup is looked for: by choice off-site, as it would be after the worst."""

    engine: Engine
    source: str = "any"
    climbed: list[Rung] = field(default_factory=list)
    chosen: Chosen | None = None
    facts: Facts | None = None

    def run(self, wish: str) -> Report:
        """Climb the ladder, write down how far, and say so."""
        started = time.monotonic()
        self.engine.log.begin(log.DRILL, now())
        offsite = self.source == "offsite" or (
            self.source == "any" and bool(self.engine.settings.repository)
        )
        where = "off-site" if offsite else "this machine"
        try:
            self._climb(wish, "offsite" if offsite else "local")
        finally:
            seconds = round(time.monotonic() - started, 1)
            judged = ladder.verdict(self.climbed)
            number = self.chosen.number if self.chosen else 0
            said = ladder.sentence(self.climbed, number, seconds, where)
            self.engine.log.end(self._run(judged, seconds, number, offsite=offsite))
        report = self.engine.report
        (report.did if judged == ladder.PASSED else report.problems).append(said)
        report.notes += [
            f"{one.outcome:<16} {one.name}, {one.seconds:.1f} s" for one in self.climbed
        ]
        return report

    def _run(self, judged: str, seconds: float, number: int, *, offsite: bool) -> Run:
        manifest = self.chosen.manifest if self.chosen else None
        return Run(
            log.DRILL,
            now(),
            judged,
            seconds,
            number=number,
            made=manifest.made if manifest else "",
            reason=self.climbed[-1].why if self.climbed else "it was cut off",
            size=manifest.bytes if manifest else 0,
            rows=manifest.facts.rows if manifest else 0,
            steps=tuple((one.name, one.outcome, one.seconds) for one in self.climbed),
            offsite=offsite,
        )

    def _climb(self, wish: str, source: str) -> None:
        with contextlib.ExitStack() as stack:
            library = Library(self.engine)
            stack.callback(shutil.rmtree, self.engine.settings.scratch, ignore_errors=True)
            if not self._rung(ladder.ARCHIVE, lambda: self._open(library, wish, source)):
                return
            postgres = Postgres(CONTAINER)
            if not self._rung(ladder.SCHEMA, lambda: self._restore(stack, postgres)):
                return
            for name, check in (
                (ladder.ROWS, self._rows),
                (ladder.CONTENTS, self._contents),
                (ladder.INDEXES, lambda: self._indexes(postgres)),
                (ladder.REVISION, self._revision),
            ):
                if not self._rung(name, check):
                    return
            if self._manifest_query:
                self._rung(ladder.QUERY, self._query)
            else:
                self.climbed.append(Rung(ladder.QUERY, ladder.NOT_ASKED))

    def _rung(self, name: str, check: Callable[[], None]) -> bool:
        started = time.monotonic()

        def note(outcome: str, why: str = "") -> None:
            seconds = round(time.monotonic() - started, 1)
            self.climbed.append(Rung(name, outcome, seconds, why))

        try:
            check()
        except BrokenError as error:
            note(ladder.FAILED, str(error))
        except ResticError as error:
            broken = error.kind in _OF_THE_BACKUP
            note(ladder.FAILED if broken else ladder.UNVERIFIED, str(error))
        except (CouldNotVerifyError, BackupError, PipeError, OSError, ValueError) as error:
            note(ladder.UNVERIFIED, str(error))
        else:
            note(ladder.PASSED)
            return True
        return False

    def _open(self, library: Library, wish: str, source: str) -> None:
        self.chosen = library.choose(wish, source)
        folder = library.fetched(self.chosen)
        problems = intact(folder, self.chosen.manifest)
        if problems:
            raise BrokenError("; ".join(problems))
        self.chosen.folder = folder

    def _restore(self, stack: contextlib.ExitStack, postgres: Postgres) -> None:
        chosen = self._picked
        need_room(
            self.engine.settings.folder,
            chosen.manifest.facts.size_mb * MIB * 5 // 4,
            "The drill was not begun",
        )
        stack.enter_context(throw_away_server(self.engine.settings.project_dir))
        here = int(postgres.ask("postgres", "SHOW server_version_num;")[0]) // 10000
        if here < chosen.manifest.facts.major:
            raise CouldNotVerifyError(
                f"the backup is of PostgreSQL {chosen.manifest.facts.major}, and here is {here}"
            )
        dump = os.path.join(chosen.folder, DUMP)
        try:
            held = postgres.contents(dump)
            restore_roles(postgres, os.path.join(chosen.folder, ROLES))
            postgres.ask("postgres", f"CREATE DATABASE {_DATABASE} TEMPLATE template0;")
            postgres.restore(dump, _DATABASE)
            self.facts = postgres.facts(_DATABASE, self._manifest_query)
        except (BackupError, PipeError) as error:
            if why := died(CONTAINER):
                raise CouldNotVerifyError(f"the throw-away PostgreSQL {why}") from error
            if "No space left on device" in str(error):
                raise CouldNotVerifyError(f"this machine's disk is full: {error}") from error
            raise BrokenError(str(error)) from error
        missing = sorted(set(chosen.manifest.facts.tables) - set(self.facts.tables) - set(held))
        if missing:
            raise BrokenError(f"tables are missing: {names(missing)}")

    def _rows(self) -> None:
        wished = self._picked.manifest.facts.tables
        found = self._found.tables
        wrong = [
            f"{name} has {found[name].rows if name in found else 'no'} rows, not {table.rows}"
            for name, table in sorted(wished.items())
            if name not in found or found[name].rows != table.rows
        ]
        if wrong:
            raise BrokenError(names(wrong))

    def _contents(self) -> None:
        wished = self._picked.manifest.facts
        same_major = wished.major == self._found.major
        problems = [
            one
            for one in compare(wished, self._found, same_major=same_major)
            if not one.startswith("the schema is ")  # a rung of its own
        ]
        if problems:
            raise BrokenError(names(problems))

    def _indexes(self, postgres: Postgres) -> None:
        problems, _good = sql.bad_indexes(postgres.ask(_DATABASE, sql.INDEXES))
        if problems:
            raise BrokenError(names(problems))

    def _revision(self) -> None:
        wished, found = self._picked.manifest.facts.schema, self._found.schema
        if wished != found:
            raise BrokenError(f"the schema is {found or 'none'}, not {wished or 'none'}")

    def _query(self) -> None:
        wished, found = self._picked.manifest.facts.answer, self._found.answer
        if wished != found:
            raise BrokenError(f"it finds {found[:100]!r}, not {wished[:100]!r}")

    @property
    def _picked(self) -> Chosen:
        if self.chosen is None:
            raise CouldNotVerifyError("no backup was chosen")
        return self.chosen

    @property
    def _found(self) -> Facts:
        if self.facts is None:
            raise CouldNotVerifyError("nothing was restored")
        return self.facts

    @property
    def _manifest_query(self) -> str:
        return self._picked.manifest.query


@contextlib.contextmanager
def throw_away_server(project_dir: str, image: str = "") -> Iterator[None]:
    """Run a PostgreSQL of the product's own image that nobody can reach, and remove it with its data."""
    remove = Command(("docker", "rm", "--force", "--volumes", CONTAINER))
    image = image or _image(project_dir)
    settings = [word for item in SERVER_SETTINGS.items() for word in ("-c", "=".join(item))]
    start = Command((
        *("docker", "run", "--detach", "--name", CONTAINER, "--pull", "never"),
        *("--network", "none", "--read-only", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--user", "999:999", "--pids-limit", "100"),
        *("--memory", f"{DRILL_SERVER_MB}m", "--memory-swap", f"{2 * DRILL_SERVER_MB}m"),
        *("--oom-score-adj", "800", "--cpu-shares", "128", "--shm-size", "64m"),
        *("--log-driver", "local", "--log-opt", "max-size=1m", "--log-opt", "max-file=2"),
        *("--tmpfs", "/var/run/postgresql:uid=999,gid=999,mode=0775,size=1m"),
        *("--tmpfs", "/tmp:uid=999,gid=999,mode=0700,size=16m"),  # noqa: S108 - inside the container
        # Nobody but this program gets to its socket; the password that initdb wants is nobody's.
        *("--env", "POSTGRES_HOST_AUTH_METHOD=trust", image, "postgres", *settings),
    ))  # fmt: skip
    with contextlib.suppress(PipeError):
        run_pipe(remove, timeout_s=120)
    try:
        try:
            run_pipe(start, timeout_s=120)
        except PipeError as error:
            raise CouldNotVerifyError(
                f"the throw-away PostgreSQL does not start: {error}"
            ) from error
        until_ready(CONTAINER, "the throw-away PostgreSQL")
        yield
    finally:
        with contextlib.suppress(PipeError):
            run_pipe(remove, timeout_s=120)


def restore_roles(postgres: Postgres, path: str) -> None:
    """Make the roles that the dump's objects belong to; those that are there stay as they are."""
    with open(path, encoding="utf-8") as file:
        statements = "\n".join(
            line for line in file if not line.startswith("\\") and " ROLE postgres" not in line
        )
    postgres.ask("postgres", f"\\set ON_ERROR_STOP off\n{statements}")


def until_ready(container: str, what: str) -> None:
    """Wait for a server in a container; raise :class:`CouldNotVerifyError` where it dies or takes too long."""
    deadline = time.monotonic() + _STARTS_S
    # Over TCP: initdb's own server listens on the socket only.
    probe = Command(("docker", "exec", container, "pg_isready", "-q", "-h", "127.0.0.1"))
    while True:
        try:
            run_pipe(probe, timeout_s=30)
        except PipeError as error:
            if why := died(container):
                raise CouldNotVerifyError(f"{what} {why}") from error
            if time.monotonic() > deadline:
                raise CouldNotVerifyError(f"{what} was not ready within {_STARTS_S} s") from error
            time.sleep(0.5)
        else:
            return


def died(container: str) -> str:
    """Say how a server ended, if it did."""
    try:
        said = run_pipe(Command(("docker", "inspect", container)), timeout_s=60)
        state = json.loads(said)[0]["State"]
    except (PipeError, ValueError, LookupError):
        return "is gone"
    if state["Running"]:
        return ""
    if state["ExitCode"] == 137:
        return "was killed: it may have needed more memory than the plan has for it"
    return f"ended with exit code {state['ExitCode']}"


def _image(project_dir: str) -> str:
    product = container_of(project_dir, "postgres")
    command = Command(("docker", "inspect", "--format", "{{.Image}}", product))
    return run_pipe(command, timeout_s=60).decode().strip()
