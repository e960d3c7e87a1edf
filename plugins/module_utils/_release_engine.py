# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One release from beginning to end: look, refuse, act, prove, write it down.

Called by the module ``release`` and by the program on the Droplet through which a release key works.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _postgres_look as data
from ansible_collections.planner.droplet.plugins.module_utils import _release_log as log
from ansible_collections.planner.droplet.plugins.module_utils import _release_undo
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import Database
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import LOCK, event_lock
from ansible_collections.planner.droplet.plugins.module_utils._release import (
    BACKEND,
    LOOK_AGAIN,
    Step,
    Wished,
    steps,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_clean import clean
from ansible_collections.planner.droplet.plugins.module_utils._release_gate import Gate
from ansible_collections.planner.droplet.plugins.module_utils._release_proof import prove
from ansible_collections.planner.droplet.plugins.module_utils._release_refusal import refusals
from ansible_collections.planner.droplet.plugins.module_utils._release_run import Manner, Release
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook
from ansible_collections.planner.droplet.plugins.module_utils._release_state import Marks
from ansible_collections.planner.droplet.plugins.module_utils._release_watch import Watch

COMPOSE_FILE = "compose.yml"
REQUEST_FILE = data.REQUEST_FILE
_OF_ONE_RUN = frozenset({"by", "kind", "to"})
_REPLACES = frozenset({"start-beside", "replace", "gate"})
"""Steps that put another container in a service's place."""


class ReleaseError(DockerError):
    """A release that failed, with the steps it had taken."""

    def __init__(self, message: str, taken: list[str]) -> None:
        """Keep both."""
        super().__init__(message)
        self.taken = taken


@dataclass(frozen=True)
class Request:
    """What is wished. The options of the module ``release`` say what each of them means."""

    project_dir: str
    compose: str
    nginx_config: str
    database_setup: str
    database: str
    data_volume: str
    migrate_command: list[str] = field(default_factory=list)
    start_first: list[str] = field(default_factory=lambda: [BACKEND])
    given: Mapping[str, str] = field(default_factory=dict)
    kind: str = log.RELEASE
    to: int | None = None
    by: str = ""
    accept_breaking_schema: bool = False
    timeout_s: int = 120
    soak_s: int = 10
    drain_s: int = 75
    migrate_timeout_s: int = 600
    disk_budget_mb: int = 4096
    lock: str = LOCK
    lock_wait_s: int = 600

    def path(self, name: str) -> str:
        """Locate a file of the project."""
        return os.path.join(self.project_dir, name)

    def repeatable(self) -> str:
        """Write what another release can start from."""
        plain = {name: value for name, value in vars(self).items() if name not in _OF_ONE_RUN}
        return json.dumps(plain, indent=2, sort_keys=True) + "\n"


@dataclass
class Outcome:
    """What was done, or in check mode would be done."""

    steps: list[str] = field(default_factory=list)
    record: log.Record | None = None
    proof: dict[str, Any] = field(default_factory=dict)
    compose_before: str = ""
    sql: str = ""
    cleaned: list[str] = field(default_factory=list)


def perform(request: Request, *, check_mode: bool = False) -> Outcome:
    """Release under the lock. Raises :class:`DockerError`, whose text is for the owner."""
    with event_lock(request.lock, f"a release by {request.by or 'somebody'}", request.lock_wait_s):
        return _Performance(request).run(check_mode=check_mode)


class _Performance:
    """The parts that one release is made of."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.folder = request.project_dir
        self.compose = Compose(self.folder, request.compose)
        services = self.compose.parsed()
        self.wished = Wished(
            services={name: one.config_hash for name, one in services.items()},
            images={name: one.image for name, one in services.items()},
            nginx_config=request.nginx_config,
            database_setup=request.database_setup,
            migrates=bool(request.migrate_command),
            start_first=frozenset(request.start_first),
        )
        limits_mb = {name: one.limit_mb for name, one in services.items()}
        self.records = self._history()
        self.number = log.next_number(self.records)
        self.database = Database(self.compose, request.database)
        self.look = SchemaLook(self.database, self.records, request.accept_breaking_schema)
        dump = request.path(f"dumps/release-{self.number}.dump")
        self.release = Release(
            self.database,
            Marks(self.compose, request.data_volume),
            Watch(self.compose, Gate(request.timeout_s, request.soak_s), limits_mb),
            self.look,
            Manner(
                dump_file=dump,
                migrate=tuple(request.migrate_command),
                migrate_timeout_s=request.migrate_timeout_s,
                drain_s=request.drain_s,
            ),
        )
        self.outcome = Outcome()
        self.began = 0.0

    def _history(self) -> tuple[log.Record, ...]:
        """Read the log, with a release that was interrupted before it could be written down."""
        records = log.read(self.folder).records
        cut = log.running(self.folder)
        known = {record.release for record in records}
        return (*records, cut) if cut and cut.release not in known else records

    def run(self, *, check_mode: bool) -> Outcome:
        request = self.request
        before = self.outcome.compose_before = _text(request.path(COMPOSE_FILE))
        data.refuse(self.compose, request.data_volume, self.wished.images)
        planned = self._planned()
        self.outcome.sql = self.look.history.sql if self.look.history else ""
        if check_mode:
            self.outcome.steps = [str(step) for step in planned]
            return self.outcome
        # That of a release that died would act in the middle of this one.
        _release_undo.disarm()
        self._close_interrupted()
        if not before:
            # So that the project can be started by hand and at boot. Nothing good is replaced by it.
            self._write(COMPOSE_FILE, request.compose, 0o640)
        try:
            self._carry_out(planned)
            self.release.watch.until_ready(self.wished.services)
            self._catch_up()
            self.outcome.proof = prove(self.wished, self.release, self.look)
        except DockerError as error:
            self._conclude(log.VOID, str(error).split("\n", 1)[0])
            raise ReleaseError(str(error), self.outcome.steps) from error
        if before and before != request.compose:
            self._write(COMPOSE_FILE, request.compose, 0o640)
        self._write(REQUEST_FILE, request.repeatable(), 0o600)
        self._conclude(log.GOOD)
        self.outcome.cleaned = clean(self.compose, request.disk_budget_mb)
        return self.outcome

    def _planned(self) -> tuple[Step, ...]:
        """Observe and plan; refuse with every problem at once."""
        observed = self.release.observe(self.wished)
        problems = refusals(observed, self.look, self.folder)
        if problems:
            raise DockerError("\n".join(problems))
        return steps(self.wished, observed)

    def _carry_out(self, planned: tuple[Step, ...]) -> None:
        """Take the steps; where the database had to come first, plan the rest when it can be asked."""
        for step in planned:
            if step.action == LOOK_AGAIN:
                break
            if self.outcome.record is None and self._is_release(step):
                self._open()
            self.release.run(step)
            self.outcome.steps.append(str(step))
            if step.action == "pull":  # only now the image tells its version
                data.refuse(self.compose, self.request.data_volume, self.wished.images)
        else:
            return
        rest = self._planned()
        if any(step.action == LOOK_AGAIN for step in rest):
            raise DockerError(
                f"PostgreSQL does not answer.{self.release.watch.last_words(['postgres'])}"
            )
        self._carry_out(rest)

    def _is_release(self, step: Step) -> bool:
        """Tell whether this step begins a release: another container of an app, or another image."""
        if step.action in {"hold", "dump", "migrate"}:
            return True
        app = step.targets[0] in self.wished.apps
        other = step.action == "start" and not self._is_logged()
        return app and (step.action in _REPLACES or other)

    def _is_logged(self) -> bool:
        current = log.current(self.records)
        return (dict(current.images) if current else {}) == self._app_images()

    def _catch_up(self) -> None:
        """Write down what runs, and nobody did: a release was interrupted after its new version served."""
        if self.outcome.record is not None or self._is_logged():
            return
        self._open()
        for one in self.compose.containers():
            if one.service in self.wished.apps:
                self.release.watch.until_proved(one.name, one.restarts)

    def _app_images(self) -> dict[str, str]:
        return {name: self.wished.images[name] for name in self.wished.apps}

    def _open(self) -> None:
        """Write down that it begins, so that an interruption is seen afterwards."""
        images = self._app_images()
        before = self.look.before.revision or self.look.after()
        first = next(iter(self.wished.apps), BACKEND)
        verdict = self.look.verdict
        # Noted before they are there: should this process die after, they are known.
        pending = verdict.pending if verdict and verdict.action == "migrate" else ()
        dump = self.release.manner.dump_file if verdict and verdict.dump else ""
        self.outcome.record = log.Record(
            release=self.number,
            kind=self.request.kind,
            to=self.request.to,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            by=self.request.by,
            given={name: self.request.given.get(name, image) for name, image in images.items()},
            images=images,
            image_ids={name: self.compose.image_id(image) for name, image in images.items()},
            schema_before=before,
            schema_after=before,
            history=self.look.history.revisions if self.look.history else (),
            applied={one.id: one.breaks for one in pending},
            dump=dump,
            strategy=log.START_FIRST if first in self.wished.start_first else log.STOP_FIRST,
        )
        self._write(log.RUNNING_FILE, self.outcome.record.to_json() + "\n", 0o640)
        self.began = time.monotonic()

    def _conclude(self, result: str, reason: str = "") -> None:
        """Write down how it ended. Without a record nothing was released: servers or nginx changed, if anything."""
        if self.outcome.record is None:
            return
        back, after = self.release.back, self.look.after()
        self.outcome.record = replace(
            self.outcome.record,
            seconds=round(time.monotonic() - self.began, 1),
            schema_after=after or self.outcome.record.schema_before,
            applied=self.outcome.record.applied if back.migrated else {},
            strategy=log.STOP_FIRST if back.gap_s else self.outcome.record.strategy,
            gap_s=round(back.gap_s, 1),
            dump=back.dumped,
            result=result,
            reason=reason,
        )
        log.append(self.folder, self.outcome.record)
        os.unlink(self.request.path(log.RUNNING_FILE))

    def _close_interrupted(self) -> None:
        """Enter a release that was cut off into the log: it is nobody's way back."""
        path = self.request.path(log.RUNNING_FILE)
        cut = log.running(self.folder)
        if cut is not None and cut.release not in {
            one.release for one in log.read(self.folder).records
        }:
            log.append(self.folder, replace(cut, reason="it was interrupted"))
        if os.path.exists(path):
            os.unlink(path)

    def _write(self, name: str, content: str, mode: int) -> None:
        write_atomically(self.request.path(name), content.encode(), mode=mode)


def _text(path: str) -> str:
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()
