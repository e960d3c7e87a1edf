# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a backup says of itself: enough to tell, after a restore, whether everything came back.

Rows and contents were read in the very transaction whose snapshot the dump has, so a restored database must
show exactly the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

MANIFEST = "manifest.json"
DUMP = "database.dump.zst"
ROLES = "globals.sql"
HOST = "host.tar.zst"
REDIS = "redis.rdb"
FORMAT = 1
GOOD, DOUBTFUL = "good", "doubtful"
SAFETY = "safety"
"""Of what a restore was about to replace: nobody means it by ``latest``."""
_FOLDER = re.compile(r"(?P<number>\d{4,})-(?P<day>\d{8})T(?P<time>\d{6})Z")


@dataclass(frozen=True)
class Table:
    """``content`` is the sum of 64 bits of the MD5 of each row: it does not depend on the rows' order."""

    rows: int
    content: str


@dataclass(frozen=True)
class Facts:
    """What a database says of itself. ``schema`` is alembic's revision, or a fingerprint of all columns."""

    version: str = ""
    schema: str = ""
    size_mb: int = 0
    extensions: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    large_objects: int = 0
    answer: str = ""
    """To the owner's own query, as text."""

    @property
    def major(self) -> int:
        """Of PostgreSQL."""
        return int(self.version.split(".")[0] or 0)

    @property
    def rows(self) -> int:
        """In all tables."""
        return sum(one.rows for one in self.tables.values())


@dataclass(frozen=True)
class Stored:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """One backup. ``number`` counts up for ever: clocks may jump, numbers do not."""

    number: int
    made: str
    why: str = ""
    verdict: str = GOOD
    doubts: tuple[str, ...] = ()
    database: str = ""
    facts: Facts = field(default_factory=Facts)
    query: str = ""
    release: int = 0
    images: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Stored] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    seconds: float = 0.0
    format: int = FORMAT

    @property
    def folder(self) -> str:
        """Name the folder of it: ``0017-20261128T020000Z``."""
        return folder_name(self.number, self.made)

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(one.bytes for one in self.files.values())

    def to_json(self) -> str:
        """Write down."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def folder_name(number: int, made: str) -> str:
    """Name a backup's folder by its number and its UTC time (``2026-11-28T02:00:00Z``)."""
    return f"{number:04}-{made.replace('-', '').replace(':', '')}"


def numbered(name: str) -> int:
    """Return the number of a folder's name; 0 where it is none of a backup."""
    found = _FOLDER.fullmatch(name)
    return int(found["number"]) if found else 0


def parse_manifest(text: str) -> Manifest:
    """Read one. Raises ValueError where it is none, or of a later version."""
    try:
        given = json.loads(text)
        if int(given["format"]) > FORMAT:
            msg = f"it was written by a later version (format {given['format']})"
            raise ValueError(msg)
        facts = _known(Facts, given["facts"])
        facts["tables"] = {name: Table(**one) for name, one in facts.get("tables", {}).items()}
        plain = _known(Manifest, given)
        return Manifest(
            **{
                **plain,
                "facts": Facts(**facts),
                "files": {name: Stored(**one) for name, one in plain.get("files", {}).items()},
                "doubts": tuple(plain.get("doubts", ())),
                "volumes": tuple(plain.get("volumes", ())),
            }
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"it is damaged: {error!r}"
        raise ValueError(msg) from error


def _known(kind: type[Facts | Manifest], given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a later version may have added."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in given.items() if name in names}


def doubts(now: Manifest, last: Manifest | None, shrink_percent: int) -> tuple[str, ...]:
    """List why a backup looks as if something had been lost before it was made, compared with the last good one.

    Such a backup is kept, but does not count: it makes no other one go. ``shrink_percent`` of the rows, of the
    bytes or of a table may go between two backups; 100 switches this off.
    """
    if last is None or shrink_percent >= 100:
        return ()
    found = []
    before, after = last.facts, now.facts
    gone = sorted(set(before.tables) - set(after.tables))
    emptied = sorted(
        name for name, one in after.tables.items() if not one.rows and name in before.tables
    )
    emptied = [name for name in emptied if before.tables[name].rows >= _MANY]
    if gone and len(gone) * 100 > shrink_percent * len(before.tables):
        found.append(f"{len(gone)} of {len(before.tables)} tables are gone: {_some(gone)}")
    if emptied:
        found.append(f"tables that had rows are empty: {_some(emptied)}")
    if before.rows >= _MANY and _fell(before.rows, after.rows, shrink_percent):
        found.append(f"{after.rows} rows, after {before.rows} in backup {last.number}")
    size_before, size_after = (one.files.get(DUMP, Stored(0, "")).bytes for one in (last, now))
    if size_before >= _LARGE and _fell(size_before, size_after, shrink_percent):
        found.append(f"a dump of {size_after} bytes, after {size_before} in backup {last.number}")
    return tuple(found)


_MANY = 20
"""Rows below which a table may well be emptied in everyday use."""
_LARGE = 1024 * 1024


def _fell(before: int, after: int, percent: int) -> bool:
    return after * 100 < before * (100 - percent)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def compare(wished: Facts, found: Facts, *, same_major: bool = True) -> tuple[str, ...]:
    """List what did not come back as the manifest says it was."""
    problems = []
    if found.schema != wished.schema:
        problems.append(f"the schema is {found.schema or 'none'}, not {wished.schema or 'none'}")
    problems += [
        f"table {name} is missing" for name in sorted(set(wished.tables) - set(found.tables))
    ]
    for name, table in sorted(wished.tables.items()):
        other = found.tables.get(name)
        if other is None:
            continue
        if other.rows != table.rows:
            problems.append(f"table {name} has {other.rows} rows, not {table.rows}")
        elif other.content != table.content:
            problems.append(f"table {name} has {table.rows} rows, but not the same contents")
    if found.large_objects != wished.large_objects:
        problems.append(f"{found.large_objects} large objects, not {wished.large_objects}")
    for name, version in sorted(wished.extensions.items()):
        here = found.extensions.get(name)
        if here is None:
            problems.append(f"the extension {name} is missing")
        elif same_major and here != version:
            problems.append(f"the extension {name} is {here}, not {version}")
    return tuple(problems)
