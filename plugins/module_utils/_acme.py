# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""When a CA is asked for a certificate, and when it is left in peace.

Threshold: with a third of the lifetime left, with half below ten days, as certbot itself since 4.0 and as Let's
Encrypt advises. It is computed from the certificate, so that 90, 64, 45 and 6 days are all right. Limits that the
back-off keeps far from (letsencrypt.org/docs/rate-limits): 5 failed validations of a name an hour, 5 certificates for
the same names a week.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._certificate import Certificate

DAY_S = 86400
SHORT_LIVED_S = 10 * DAY_S

PREFLIGHT, LOCAL = "preflight", "local"
NETWORK, REFUSED, LIMITED = "network", "refused", "limited"
"""Kinds of failure: the CA was not even asked; this machine's fault; the CA was not reached or is in trouble; it
refused; it has had enough."""
_PAUSES_S = {
    PREFLIGHT: (0, 0),
    LOCAL: (30 * 60, 4 * 3600),
    NETWORK: (10 * 60, 4 * 3600),
    REFUSED: (3600, 12 * 3600),
    LIMITED: (12 * 3600, 3 * DAY_S),
}
_LONGEST_PAUSE_S = 14 * DAY_S
"""No limit of a CA lasts longer: what says so is damaged, or was written with a wrong clock."""
_UTC = dt.timezone.utc  # noqa: UP017 - Ubuntu 22.04 has Python 3.10


@dataclass(frozen=True)
class Wish:
    """The certificate that a CA is asked for."""

    names: tuple[str, ...]
    directory: str
    profile: str

    def __str__(self) -> str:
        """Identify it: what failed for one wish says nothing about another."""
        return f"{self.directory} {self.profile} {','.join(sorted(self.names))}"


@dataclass(frozen=True)
class Lineage:
    """What certbot keeps under our name."""

    certificate: Certificate | None = None
    directory: str = ""
    profile: str = ""
    damaged: str = ""
    """Why it cannot be renewed; empty when it can, or when there is none."""


@dataclass(frozen=True)
class Failure:
    """Why there is no new certificate. ``retry_after_s`` is what the CA itself said."""

    kind: str
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Attempt:
    """The last attempt, when it failed. Times are seconds since the epoch."""

    wish: str
    at: float
    failures: int
    kind: str
    reason: str
    retry_at: float

    def to_dict(self) -> dict[str, Any]:
        """Write down."""
        return asdict(self)

    @classmethod
    def from_dict(cls, given: object) -> Attempt | None:
        """Read again; what is no attempt counts as none."""
        if not isinstance(given, Mapping):
            return None
        try:
            one = cls(**{name.name: given[name.name] for name in fields(cls)})
            sound = 0 <= one.retry_at - one.at <= _LONGEST_PAUSE_S and one.failures > 0
        except (KeyError, TypeError):
            return None
        return one if sound else None


def renew_before_s(lifetime_s: float) -> float:
    """Tell how long before its end a certificate of that lifetime is renewed."""
    return lifetime_s / (2 if lifetime_s < SHORT_LIVED_S else 3)


def due(lineage: Lineage, wish: Wish, now: float) -> str:
    """Say why a certificate has to be asked for; empty when it has not."""
    certificate = lineage.certificate
    if lineage.damaged:
        return f"what certbot keeps is damaged: {lineage.damaged}"
    if certificate is None:
        return "there is none yet"
    added = [f"+{name}" for name in wish.names if name not in certificate.names]
    removed = [f"-{name}" for name in certificate.names if name not in wish.names]
    if added or removed:
        return f"its names change: {' '.join(added + removed)}"
    return _other_issuer(lineage, wish) or _ending(certificate, now)


def _other_issuer(lineage: Lineage, wish: Wish) -> str:
    if lineage.directory and lineage.directory != wish.directory:
        return f"another CA signs from now on: {wish.directory}"
    if lineage.profile and wish.profile and lineage.profile != wish.profile:
        return f"another profile is wished: {wish.profile} instead of {lineage.profile}"
    return ""


def _ending(certificate: Certificate, now: float) -> str:
    if now < next_due(certificate):
        return ""
    return f"it {'ends' if now < certificate.not_after else 'ended'} {when(certificate.not_after)}"


def next_due(certificate: Certificate) -> float:
    """Tell when its renewal begins."""
    return certificate.not_after - renew_before_s(certificate.lifetime_s)


def failed(before: Attempt | None, wish: Wish, failure: Failure, now: float) -> Attempt:
    """Note a failure; each further one of the same wish and kind waits twice as long.

    Of the same kind, because those for which the CA was not even asked cost nothing there.
    """
    again = before is not None and before.wish == str(wish) and before.kind == failure.kind
    failures = before.failures + 1 if before and again and before.at <= now else 1
    first_s, longest_s = _PAUSES_S[failure.kind]
    pause_s = min(first_s * 2 ** min(failures - 1, 16), longest_s)
    if failure.retry_after_s is not None:
        pause_s = max(failure.retry_after_s, pause_s if failure.kind != LIMITED else 0)
        pause_s = min(pause_s, _LONGEST_PAUSE_S)
    return Attempt(str(wish), now, failures, failure.kind, failure.reason, now + pause_s)


def waits_until(attempt: Attempt | None, wish: Wish, now: float) -> float | None:
    """Tell until when the CA is not asked; nothing where it may be.

    An attempt that lies in the future was made with a wrong clock, and counts as none.
    """
    if attempt is None or attempt.wish != str(wish):
        return None
    return attempt.retry_at if attempt.at <= now < attempt.retry_at else None


def interval(seconds: float) -> str:
    """Write a time as certbot reads it in renew_before_expiry."""
    whole = int(seconds)
    for unit, size in (("days", DAY_S), ("hours", 3600), ("minutes", 60)):
        if whole and whole % size == 0:
            return f"{whole // size} {unit}"
    return f"{whole} seconds"


def when(moment: float) -> str:
    """Write a moment for people."""
    return dt.datetime.fromtimestamp(moment, _UTC).strftime("%Y-%m-%d %H:%M UTC")


def certbot_words(
    wish: Wish, *, webroot: str, lineage: str, email: str, profiles: bool, addresses: Sequence[str]
) -> list[str]:
    """Build the arguments with which certbot asks for exactly this certificate, whatever it has.

    ``profiles`` tells whether this certbot knows profiles (4.0 and later); ``addresses`` are those of the names that
    are IP addresses (5.4 and later).
    """
    contact = ["--email", email] if email else ["--register-unsafely-without-email"]
    subjects = [
        word
        for name in wish.names
        for word in ("--ip-address" if name in addresses else "--domain", name)
    ]
    return [
        "certonly",
        "--non-interactive",
        "--agree-tos",
        "--no-eff-email",
        # The type of an error is in its traceback only.
        "--debug",
        *contact,
        "--server",
        wish.directory,
        *(["--preferred-profile", wish.profile] if profiles and wish.profile else []),
        "--cert-name",
        lineage,
        "--key-type",
        "ecdsa",
        # That it is due has been decided, by the same rule for every version of certbot.
        "--force-renewal",
        "--renew-with-new-domains",
        # Otherwise no certificate for trials would ever replace a real one, though it is wished.
        "--break-my-certs",
        "--webroot",
        "--webroot-path",
        webroot,
        *subjects,
    ]
