"""A small model of PostgreSQL and of what the backend's images know about its schema."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.planner.droplet.plugins.module_utils._schema_program import MARKER


class RefusedError(Exception):
    """Docker's own words when it does not do something."""


@dataclass
class Schema:
    """One database, and by image the revisions that it brings, oldest first: ``0001`` unless told."""

    revision: str = ""
    size_mb: int = 7
    prepared: int = 0
    brings: dict[str, list[str]] = field(default_factory=dict)
    breaks: set[str] = field(default_factory=set)
    """Revisions whose author says that older code cannot go on."""
    fails_at: str = ""
    """The migration that does not come to its end."""
    loses: int = 0
    """How many tables are missing in every dump."""

    @property
    def tables(self) -> int:
        """One more with each revision, and alembic's own."""
        return int(self.revision or "0") and int(self.revision) + 1

    def revisions(self, image: str) -> list[str]:
        """List what an image brings."""
        return self.brings.get(image, ["0001"])

    def tells(self) -> str:
        """Answer the query for revision, tables and size."""
        return f"{self.revision}\n{self.tables}\n{self.size_mb}\n"

    def asked(self, image: str, found: str) -> str:
        """Answer as the program does in the image, after some noise."""
        known = self.revisions(image)
        pending = known[known.index(found) + 1 :] if found in known else known if not found else []
        answer = {
            "alembic": True,
            "revisions": known,
            "heads": known[-1:],
            "pending": [
                {
                    "id": one,
                    "works_with_older_code": False if one in self.breaks else None,
                    "problem": "",
                    "sql": f"CREATE TABLE t{one} (id int);",
                }
                for one in pending
            ],
        }
        return f"INFO loading\n{MARKER}{json.dumps(answer)}\n"

    def migrate(self, image: str) -> None:
        """Take one revision after the other."""
        known = self.revisions(image)
        for one in known[known.index(self.revision) + 1 if self.revision else 0 :]:
            if one == self.fails_at:
                raise RefusedError(f"{one} failed")
            self.revision = one

    def dump(self) -> bytes:
        """Write all there is."""
        return json.dumps([self.revision, self.tables - self.loses]).encode()

    def restore(self, words: list[str], path: Path) -> str:
        """List, read through or bring back a dump."""
        try:
            revision, tables = json.loads(path.read_bytes())
        except ValueError:
            raise RefusedError("pg_restore: error: unexpected end of file") from None
        if "--list" in words:
            return "".join(f"{one}; 0 1 TABLE DATA public t postgres\n" for one in range(tables))
        if "--create" in words:
            self.revision = revision
        return ""
