"""Which schema revision this code expects, and whether it can serve on the one it finds."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

SchemaState = Literal["current", "newer", "older", "missing"]
# "newer" serves: the old version keeps running while a release has already migrated.
SERVING: frozenset[SchemaState] = frozenset({"current", "newer"})

VERSIONS = Path(__file__).parent.parent / "migrations" / "versions"
_FIELD = re.compile(r'^(down_revision|revision)\b.* = (?:"(\w+)"|None)$', re.MULTILINE)


def schema_state(found: str | None, history: Sequence[str]) -> SchemaState:
    """Compare the database's revision with this code's history (oldest first).

    A revision unknown to this code can only come from a newer version of it.
    """
    if found is None:
        return "missing"
    if found not in history:
        return "newer"
    return "current" if found == history[-1] else "older"


def read_history(versions: Path = VERSIONS) -> tuple[str, ...]:
    """Read the revisions in order, oldest first, without alembic (saves 5 MiB in the service)."""
    after: dict[str | None, str] = {}
    for file in versions.glob("*.py"):
        fields = {name: value or None for name, value in _FIELD.findall(file.read_text("utf-8"))}
        revision = fields["revision"]
        parent = fields["down_revision"]
        if revision is None or parent in after:
            raise ValueError(f"{file.name}: the migrations are not one line of revisions")
        after[parent] = revision
    history: list[str] = []
    while (following := after.pop(history[-1] if history else None, None)) is not None:
        history.append(following)
    if after or not history:
        raise ValueError("the migrations are not one line of revisions")
    return tuple(history)
