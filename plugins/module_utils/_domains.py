# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The names the product is reached by: what cannot be one, and which of them serves what."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._problems import Problem

MOST = 100
"""Names in one certificate of Let's Encrypt's classic profile; its other profiles allow 25."""
LONGEST = 253
_PATH = "droplet_domains"
_WWW = "www."
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN_LESS = "leave it out: with [] a self-signed certificate for the Droplet's address is served"


@dataclass(frozen=True)
class DomainNames:
    """Who answers to which name. Without names all are empty: one server answers to whatever it is called."""

    canonical: str = ""
    """The first one, where visitors should end."""
    served: tuple[str, ...] = ()
    """It and all that serve like it."""
    redirected: str = ""
    """The canonical name with ``www.``, or without where it has one; empty unless it is listed."""

    @classmethod
    def of(cls, domains: Sequence[str]) -> DomainNames:
        """Sort ``droplet_domains``, which have been judged."""
        if not domains:
            return cls()
        canonical = domains[0]
        bare = canonical.removeprefix(_WWW)
        counterpart = bare if bare != canonical else _WWW + canonical
        return cls(
            canonical=canonical,
            served=tuple(name for name in domains if name != counterpart),
            redirected=counterpart if counterpart in domains else "",
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Every name, the canonical one first."""
        return (*self.served, self.redirected) if self.redirected else self.served


def domain_problems(domains: object) -> Iterator[Problem]:
    """Judge ``droplet_domains``; what is no list at all has the wrong type, which is said elsewhere."""
    if domains is None:
        yield Problem(_PATH, None, "has no value", "write [] where there is no name yet")
    if not isinstance(domains, (list, tuple)):
        return
    if len(domains) > MOST:
        reason = f"has {len(domains)} names, and a certificate holds {MOST} at most"
        yield Problem(_PATH, None, reason, f"remove {len(domains) - MOST} of them")
    for index, name in enumerate(domains):
        path = f"{_PATH}[{index}]"
        if not isinstance(name, str):
            yield Problem(path, name, "is not a text", "write a name such as example.com")
        elif wrong := _wrong(name):
            yield Problem(path, name, *wrong)
        elif name in domains[:index]:
            yield Problem(path, name, "is there twice", "remove it")


def _wrong(name: str) -> tuple[str, str] | None:
    """Say why it is no domain's name and what to do, by the first thing that is wrong."""
    return next(((reason, remedy) for found, reason, remedy in _verdicts(name) if found), None)


def _verdicts(name: str) -> Iterator[tuple[bool, str, str]]:
    """Ask for what people paste around a name, then for what DNS does not allow."""
    host = re.split(r"[/:]", name.rpartition("://")[2])[0]
    alone = f"write the name alone, {host or 'example.com'!r}"
    yield not name, "is empty", "remove it"
    each = "write each name as an entry of its own, without blanks"
    yield bool(re.search(r"\s", name)), "has a blank in it", each
    yield "://" in name, "is a URL", alone
    yield "/" in name, "has a path behind the name", alone
    yield _is_address(name), "is an address, and a certificate needs a name", _DOMAIN_LESS
    yield ":" in name, "has a port", f"{alone}; a port is the option stack_https_port"
    wildcard = "is a wildcard, and HTTP-01 proves single names only"
    yield "*" in name, wildcard, "list each name that is used"
    yield name.endswith("."), "ends with a dot", f"write {name.rstrip('.')!r}"
    punycode = "write its punycode form, which starts with xn--, as your registrar shows it"
    yield not name.isascii(), "is an internationalised name", punycode
    yield name != name.lower(), "has capital letters", f"write {name.lower()!r}"
    whole = "write the whole name, such as example.com"
    yield "." not in name, "has no dot, so no CA certifies it", whole
    long = f"has {len(name)} characters, and DNS allows {LONGEST}"
    yield len(name) > LONGEST, long, "use a shorter name"
    bad = next((label for label in name.split(".") if not _LABEL.fullmatch(label)), None)
    parts = "between dots use 1 to 63 letters, digits and hyphens, no hyphen first or last"
    yield bad is not None, f"has a part that DNS does not allow, {bad!r}", parts
    number = "ends with a number, as an address does, and a certificate needs a name"
    yield name.rpartition(".")[2].isdigit(), number, _DOMAIN_LESS


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
