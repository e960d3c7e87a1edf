# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What DNS says about a name: asked with dnspython, because the system's own way believes /etc/hosts first.

A server that is called like its domain has itself in there, on 127.0.1.1.
"""

from __future__ import annotations

import ipaddress

import dns.exception
import dns.resolver
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Found

_WAITS_S = 15.0


def lookup(name: str) -> Found:
    """Ask for all addresses of a name; an address is its own."""
    try:
        return Found(name, (str(ipaddress.ip_address(name)),))
    except ValueError:
        pass
    addresses: list[str] = []
    problem = "it has neither an A nor an AAAA record"
    for kind in ("A", "AAAA"):
        try:
            answer = dns.resolver.Resolver().resolve(
                name, kind, search=False, lifetime=_WAITS_S, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            return Found(name, problem="it is not in DNS")
        except dns.exception.DNSException as error:
            # Of one kind only: a CA takes the addresses of the other.
            problem = f"DNS does not answer ({type(error).__name__})"
        else:
            addresses += [one.address for one in answer.rrset or ()]
    return Found(name, tuple(addresses), "" if addresses else problem)
