# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A line of a log without its secrets, and without what differs from one time to the next."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HIDDEN = "***"
_NAMES = "passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|credential|authorization|cookie"
_VALUE = r"\"(?:\\.|[^\"\\])*\"?|'[^']*'?|(?!bearer |basic )[^\s,;&\"']+"
# What looks like a secret; the first group stays.
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # The account in a URL, and its parameters.
        r"(\w://)[^\s\"'<>]*@",
        r"(\?)[^\s\"'<>]+",
        # Telegram's.
        r"()\d{5,}:[\w-]{20,}",
        r"(\bcookie:\s*)[^\"']+",
        r"(\b(?:bearer|basic)\s+)[\w.~+/=-]+",
        rf"((?:{_NAMES})[\w-]{{0,40}}[\"']?(?:\s*[=:]\s*|\s+is\s+))(?:{_VALUE})",
    )
)
_LONG = re.compile(r"[\w+/=-]{24,}", re.ASCII)
_MOMENTS = (
    (
        r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?",
        "<time>",
    ),
    (r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} [\d:.]+", "<time>"),
    (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<id>"),
)
_VARYING = (
    (r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?::\d+)?", "<address>"),
    (r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])", "<address>"),
    (r"\"[^\"]*\"|(?<!\w)'[^']*'|`[^`]*`", "<text>"),
    (r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b", "<id>"),
    (r"\d+(?:\.\d+)?", "<n>"),
)


def blanked(text: str) -> str:
    """Blank out what looks like a secret: passwords, tokens, what a URL carries. Rather too much than too little."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return " ".join(_LONG.sub(_if_random, text).split())


def kind_of(text: str) -> str:
    """Put placeholders for what varies, so that two lines of one kind read the same; without secrets."""
    return _placed(blanked(_placed(text, _MOMENTS)), _VARYING)


def _placed(text: str, patterns: Iterable[tuple[str, str]]) -> str:
    for pattern, placeholder in patterns:
        text = re.sub(pattern, placeholder, text, flags=re.IGNORECASE)
    return text


def _if_random(found: re.Match[str]) -> str:
    """Blank out letters mixed with digits; in a path only if there are capitals too, as in what is encoded."""
    word = found[0]
    kinds = [re.search(kind, word) for kind in ("[0-9]", "[A-Za-z]", "[A-Z]")]
    return _HIDDEN if all(kinds if "/" in word else kinds[:2]) else word
