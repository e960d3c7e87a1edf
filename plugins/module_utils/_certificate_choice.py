# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Which of the certificates on the disk is served. Nothing good is ever replaced by something worse.

Where the clock is wrong, every certificate looks expired: an expired one is served rather than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    CertificateError,
    read_pair,
)

OWN, ISSUED, SERVED, PREVIOUS, SELF_SIGNED = "own", "issued", "served", "previous", "self-signed"
REMAKE_BEFORE_S = 30 * 86400.0
_NEWEST_FIRST = (PREVIOUS, SERVED, ISSUED, OWN)


@dataclass(frozen=True)
class Candidate:
    """A certificate with its key that lies on the disk; ``problem`` is why it cannot be read."""

    source: str
    pem: str = ""
    certificate: Certificate | None = None
    problem: str = ""

    @classmethod
    def of(cls, source: str, pem: str) -> Candidate:
        """Read one."""
        try:
            return cls(source, pem, read_pair(pem))
        except CertificateError as error:
            return cls(source, pem, problem=str(error))


def best(candidates: Sequence[Candidate], names: Sequence[str], now: float) -> Candidate | None:
    """Choose what to serve; nothing where only a new self-signed one would do.

    The owner's own before all others. Then one that a CA signed before a self-signed one, one that is valid, one for
    all names before one for the first only, the newest. One that is not even for the first name is useless.
    """
    usable = [
        (one, one.certificate)
        for one in candidates
        if one.certificate and names and one.certificate.covers(names[0])
    ]
    if not usable:
        return None

    def rank(pair: tuple[Candidate, Certificate]) -> tuple[bool, bool, bool, bool, int]:
        one, certificate = pair
        age = _NEWEST_FIRST.index(one.source) if one.source in _NEWEST_FIRST else -1
        complete = certificate.covers_all(names)
        signed = not certificate.self_signed
        return one.source == OWN and complete, signed, certificate.not_after > now, complete, age

    return max(usable, key=rank)[0]


def remake(chosen: Candidate | None, names: Sequence[str], now: float) -> bool:
    """Tell whether a self-signed certificate has to be made (anew): none, an old one, or for other names."""
    if chosen is None or chosen.certificate is None:
        return True
    certificate = chosen.certificate
    if not certificate.self_signed or chosen.source == OWN:
        return False
    ends_soon = certificate.not_after - now < REMAKE_BEFORE_S
    return ends_soon or set(certificate.names) != set(names)
