# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the program of a host told about its certificate, read with care: any of it may be missing or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    Attempt,
    Wish,
    waits_until,
    when,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate import Certificate
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    STAGING,
    STAGING_MARK,
    is_address,
)

CA, OWN = "ca", "own"


@dataclass(frozen=True)
class Hook:
    """What Telegram was told, and what it said."""

    url: str
    pending: float | None
    problems: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """A host's certificate. Times are seconds since the epoch, on the host's own clock."""

    clock: float
    how: str
    subjects: tuple[str, ...]
    directory: str
    served: Certificate | None
    on_disk: Certificate | None
    on_disk_problem: str
    next_due: float | None
    """When its renewal begins; a self-signed one is not renewed by a CA, but replaced at once."""
    attempt: Attempt | None
    """The last attempt, where it failed and is about what is still wished and due."""
    waits_until: float | None
    hook: Hook | None
    complaint: str
    """What the last run complained of, whatever it was about."""

    @property
    def shown(self) -> Certificate | None:
        """What clients get; without an answer, what they should."""
        return self.served or self.on_disk

    @property
    def same(self) -> bool:
        """Whether what is served is what lies on the disk."""
        if self.served is None or self.on_disk is None:
            return False
        served, on_disk = ((one.issuer, one.serial) for one in (self.served, self.on_disk))
        return served == on_disk

    @property
    def named(self) -> bool:
        """Whether one is wished for names, not for an address only."""
        return not all(map(is_address, self.subjects))

    @property
    def trial(self) -> bool:
        """Whether a CA signed it, but one that is for trials."""
        shown = self.shown
        if shown is None or shown.self_signed:
            return False
        return self.directory == STAGING or STAGING_MARK in shown.issuer


def view_of(status: object) -> View | None:
    """Read what ``planner-tls status`` prints; None where it says nothing that can be judged."""
    given = status if isinstance(status, Mapping) else {}
    clock = number(given.get("clock"))
    if clock is None:
        return None
    subjects = texts(given.get("subjects"))
    wish = Wish(subjects, str(given.get("directory")), str(given.get("profile")))
    served, on_disk = _certificate(given.get("served")), _certificate(given.get("on_disk"))
    shown = served or on_disk
    signed = shown is not None and not shown.self_signed
    attempt = _attempt(given.get("attempt")) if given.get("due") else None
    if attempt and attempt.wish != str(wish):
        attempt = None
    return View(
        clock=clock,
        how=str(given.get("how")),
        subjects=subjects,
        directory=wish.directory,
        served=served,
        on_disk=on_disk,
        on_disk_problem=plain(given.get("on_disk_problem") or "it is missing"),
        next_due=number(given.get("next_due")) if signed else None,
        attempt=attempt,
        waits_until=waits_until(attempt, wish, clock),
        hook=_hook(given.get("webhook")),
        complaint=str(given.get("problem") or ""),
    )


def _certificate(given: object) -> Certificate | None:
    if not isinstance(given, Mapping):
        return None
    begin, end = number(given.get("not_before")), number(given.get("not_after"))
    if begin is None or end is None:
        return None
    return Certificate(
        names=texts(given.get("names")),
        serial=str(given.get("serial")),
        not_before=begin,
        not_after=end,
        issuer=str(given.get("issuer")),
        # What does not say that a CA signed it was not seen to be.
        self_signed=given.get("self_signed") is not False,
        der=b"",
    )


def _attempt(given: object) -> Attempt | None:
    fields = given if isinstance(given, Mapping) else {}
    if None in [number(fields.get(name)) for name in ("at", "retry_at", "failures")]:
        return None
    return Attempt.from_dict(fields)


def _hook(given: object) -> Hook | None:
    if not isinstance(given, Mapping) or not given:
        return None
    return Hook(
        url=plain(given.get("url") or "?"),
        pending=number(given.get("pending")),
        problems=texts(given.get("problems")),
    )


def texts(given: object) -> tuple[str, ...]:
    """Keep the texts of a list."""
    listed = given if isinstance(given, (list, tuple)) else ()
    return tuple(one for one in listed if isinstance(one, str))


def plain(value: object) -> str:
    """Keep on one line, and without what would steer a terminal."""
    return "".join(one for one in " ".join(str(value).split()) if one.isprintable())


def moment(seconds: float | None) -> str:
    """Write a moment for people; what is none is a question mark."""
    try:
        return "?" if seconds is None else when(seconds)
    except (ValueError, OverflowError, OSError):
        return "?"
