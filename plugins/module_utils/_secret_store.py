# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which secret files to write, keep or remove; and a fingerprint that gives nothing away."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Safe in URLs, shells and SQL without quoting, so that no consumer can get it wrong.
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40
# A file of the folder itself, and not a hidden one: those are the module's own.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Changes:
    """What to do with a folder of secrets."""

    write: Mapping[str, str]
    remove: tuple[str, ...]
    content: Mapping[str, str]
    """Every secret as it will be afterwards."""

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.write or self.remove)


def changes(
    present: Mapping[str, str], given: Mapping[str, Any], generated: Iterable[str]
) -> Changes:
    """Decide: given values win, generated ones are made once and kept for ever, others go."""
    generated = tuple(generated)
    problems = [
        f"{name!r} cannot be a secret's name: use letters, digits and underscores"
        for name in (*given, *generated)
        if not _NAME.fullmatch(name)
    ] + [
        f"secrets.{name} must be a text: put the value in quotes"
        for name, value in given.items()
        if not isinstance(value, str)
    ]
    if problems:
        raise ValueError("\n".join(problems))
    wanted = {
        name: present.get(name) or "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        for name in generated
    }
    # An empty value means "none of mine": a generated secret must not become empty by it.
    wanted |= {name: value for name, value in given.items() if value or name not in wanted}
    return Changes(
        write={name: value for name, value in wanted.items() if present.get(name) != value},
        remove=tuple(sorted(set(present) - set(wanted))),
        content=wanted,
    )


def fingerprint(content: Mapping[str, str], key: bytes) -> str:
    """Tell one set of secrets from another without telling anything about them.

    Keyed with bytes that never leave the host: a plain hash of a short token could be guessed.
    """
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for name in sorted(content):
        digest.update(f"{name}\0{content[name]}\0".encode())
    return digest.hexdigest()[:16]
