# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Whether a release may go on with the database's schema: migrate, leave it, or refuse.

A schema only moves forwards. Older code serves on it while a release runs and again after a rollback, so
each migration is judged by one question: can code that does not know it still work?
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._schema_program import MARKER, PROGRAM
from ansible_collections.planner.droplet.plugins.module_utils._schema_sql import sql_breaks

# What a release needs comes from here, the program included.
__all__ = [
    "PROGRAM",
    "History",
    "Revision",
    "SchemaError",
    "Verdict",
    "judge_schema",
    "parse_history",
]

_ACCEPT = "accept the risk with -e stack_accept_breaking_schema=true"
_LAST_LINES = 10


class SchemaError(RuntimeError):
    """The new image did not say which migrations it brings."""


@dataclass(frozen=True)
class Revision:
    """One migration. ``breaks`` is why older code cannot go on after it; empty when it can."""

    id: str
    breaks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Render for a message."""
        return f"{self.id}: {'; '.join(self.breaks) or 'older code goes on'}"


@dataclass(frozen=True)
class History:
    """The migrations an image brings, oldest first, and those that the database has not had yet."""

    revisions: tuple[str, ...]
    pending: tuple[Revision, ...] = ()
    sql: str = ""
    """What the pending ones would execute, for the preview."""
    heads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``none``, ``migrate`` or ``refuse``; the latter with the problem and what stands in the way."""

    action: str
    dump: bool = False
    pending: tuple[Revision, ...] = ()
    problem: str = ""
    blocking: tuple[str, ...] = ()


def parse_history(output: str) -> History | None:
    """Read the answer of the program; None: the image brings no alembic."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    answer = next((line for line in reversed(lines) if line.startswith(MARKER)), "")
    try:
        found = json.loads(answer[len(MARKER) :])
        if not found["alembic"]:
            return None
        return History(
            revisions=tuple(found["revisions"]),
            pending=tuple(_revision(one) for one in found["pending"]),
            sql="\n\n".join(_shown(one) for one in found["pending"]),
            heads=tuple(found["heads"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        last = "\n".join(lines[-_LAST_LINES:]) or "(it printed nothing)"
        raise SchemaError(
            f"The new image did not say which migrations it brings. It printed last:\n{last}"
        ) from error


def _revision(one: Mapping[str, Any]) -> Revision:
    """Judge a migration: its author's word counts more than our reading of its SQL."""
    word = one["works_with_older_code"]
    if word is not None:
        return Revision(one["id"], () if word else ("it says works_with_older_code = False",))
    if one["problem"]:
        reason = f"cannot be judged: its SQL cannot be printed ({one['problem']})"
        return Revision(one["id"], (reason,))
    return Revision(one["id"], sql_breaks(one["sql"]))


def _shown(one: Mapping[str, Any]) -> str:
    nothing = f"-- cannot be printed: {one['problem']}" if one["problem"] else "-- nothing"
    return f"-- {one['id']}\n{one['sql'] or nothing}"


def judge_schema(
    found: str,
    history: History | None,
    records: Iterable[Mapping[str, Any]],
    *,
    has_tables: bool,
    accept: bool,
    serving: bool,
) -> Verdict:
    """Decide, from the database's revision and what is known about the migrations around it.

    ``serving`` is whether an older version serves now: if none does, nobody is harmed.
    """
    if history is None:
        return Verdict("migrate", dump=has_tables)
    if len(history.heads) > 1:
        return _several_heads(history.heads)
    if found and found not in history.revisions:
        return Verdict("none") if accept else _newer_schema(found, history, list(records))
    pending = history.pending
    breaking = [one for one in pending if one.breaks]
    if found and breaking and serving and not accept:
        return _breaks_the_old(pending, breaking)
    if not pending:
        return Verdict("none")
    return Verdict("migrate", dump=bool(found) or has_tables, pending=pending)


def _refuse(
    problem: str, do: str, blocking: Iterable[str], pending: tuple[Revision, ...] = ()
) -> Verdict:
    return Verdict("refuse", False, pending, f"{problem}\nDo: {do}.", tuple(blocking))  # noqa: FBT003


def _several_heads(heads: Sequence[str]) -> Verdict:
    return _refuse(
        f"The migrations of the new image end in several heads: {', '.join(heads)}.",
        "join them (`alembic merge heads`), build the image anew, release again",
        heads,
    )


def _breaks_the_old(pending: tuple[Revision, ...], breaking: Sequence[Revision]) -> Verdict:
    return _refuse(
        "The version that serves now would break by migrations of the new one:\n"
        + "\n".join(f"  {one}" for one in breaking),
        "split it into two releases: a first one whose code works with both schemas, then the one that "
        "migrates; or, if the version that serves does not use what changes, write "
        f"works_with_older_code = True into the migration; or {_ACCEPT}",
        (one.id for one in breaking),
        pending,
    )


def _newer_schema(found: str, history: History, records: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge an image that does not know the schema by what earlier releases wrote down."""
    head = history.heads[0] if history.heads else ""
    beyond = _between(head, found, records)
    applied: dict[str, list[str]] = {}
    for record in records:
        for name, reasons in (record.get("applied") or {}).items():
            applied.setdefault(name, []).extend(reasons)
    unknown = [name for name in beyond if name not in applied] if beyond else [found]
    breaking = [
        Revision(name, tuple(dict.fromkeys(applied[name]))) for name in beyond if applied.get(name)
    ]
    if beyond and not unknown and not breaking:
        return Verdict("none")
    newest = f"its newest is {head}" if head else "it has none"
    why = (
        "the schema has moved beyond what this version can use"
        if breaking
        else "whether this version can use it is not known"
    )
    lines = [
        f"The database is at revision {found}, which this image does not know ({newest}): {why}.",
        *(f"  {one}" for one in breaking),
        *(f"  {name}: no release wrote down what it changed" for name in unknown),
    ]
    return _refuse(
        "\n".join(lines),
        f"release a version that knows {found}, or restore a dump from before; or, if this version works "
        f"with the schema as it is, {_ACCEPT}",
        [*(one.id for one in breaking), *unknown],
    )


def _between(head: str, found: str, records: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """List the revisions after the head up to the found one, as the newest record that knows both."""
    for record in reversed(records):
        known = record.get("history") or []
        start = known.index(head) + 1 if head in known else 0
        if found in known[start:] and (start or not head):
            return list(known[start : known.index(found) + 1])
    return ()
