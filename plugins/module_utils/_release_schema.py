# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Asks the new image and the database what a release has to do to the schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import (
    Database,
    DatabaseState,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record
from ansible_collections.planner.droplet.plugins.module_utils._schema import (
    History,
    SchemaError,
    Verdict,
    judge_schema,
    parse_history,
)
from ansible_collections.planner.droplet.plugins.module_utils._schema_program import PROGRAM

ASKING = "planner-schema"
"""Name of the container that asks the image for its migrations."""
TIMEOUT_S = 120


@dataclass
class SchemaLook:
    """What was seen. ``accepts`` is the owner's word that breaking migrations may run."""

    database: Database
    records: Sequence[Record]
    accepts: bool = False
    before: DatabaseState = field(default_factory=lambda: DatabaseState("", 0, 0))
    history: History | None = None
    verdict: Verdict | None = None

    def judge(self, image: str, *, serving: bool) -> Verdict:
        """Compare the database with the migrations of the image, which must be on this host."""
        self.before = self.database.state()
        self.history = self._known(image) or self._asked()
        self.verdict = judge_schema(
            self.before.revision,
            has_tables=self.before.tables > 0,
            history=self.history,
            records=[record.to_dict() for record in self.records],
            accept=self.accepts,
            serving=serving,
        )
        return self.verdict

    def _known(self, image: str) -> History | None:
        """Take it from the log where this image ran before and there is nothing to migrate: no SQL to read."""
        for record in reversed(self.records):
            known = record.images.get("backend") == image and record.history
            if known and self.before.revision == record.history[-1]:
                return History(tuple(record.history), heads=(record.history[-1],))
        return None

    def _asked(self) -> History | None:
        compose = self.database.compose
        compose.remove_if_there(ASKING)
        run = ("run", "--rm", "--no-deps", "--no-TTY", "--name", ASKING, "backend")
        try:
            said = compose.compose(
                *run, "python", "-c", PROGRAM, self.before.revision, timeout_s=TIMEOUT_S
            )
            return parse_history(said)
        except (DockerError, SchemaError) as error:
            compose.remove_if_there(ASKING)
            msg = (
                f"The new version does not tell its migrations; everything runs as before.\n{error}\n"
                "Do: try `docker run --rm <image> alembic heads`; an image without alembic needs a "
                "migrate_command of its own, or [] for none."
            )
            raise DockerError(msg) from error

    def after(self) -> str:
        """Read the revision again; empty when the database does not tell."""
        try:
            return self.database.state().revision
        except DockerError:
            return ""

    def check(self) -> None:
        """After a migration: the database is where the image wants it."""
        found = self.database.state().revision
        wanted = self.history.revisions[-1] if self.history and self.history.revisions else found
        if found != wanted:
            msg = f"It ended without an error, but the schema is at {found or 'nothing'} instead of {wanted}."
            raise DockerError(msg)
