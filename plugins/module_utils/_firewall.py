# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Networks and ports as the firewall and fail2ban take them, and a clear no to what is neither."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Networks:
    """Networks by family, none inside another: nftables sets refuse overlaps."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


def split_networks(values: object, path: str, controller: str = "") -> Networks:
    """Sort addresses and networks by family; raise :class:`PlanError` with every wrong entry.

    A list that is not empty must contain ``controller``, the address that the run itself comes from.
    """
    entries = _entries(values, path)
    problems = [problem for entry in entries for problem in _problems(*entry)]
    if problems:
        raise PlanError(problems)
    networks = [ipaddress.ip_network(str(value)) for _, value in entries]
    if networks and controller and not _contains(networks, controller):
        reason = f"{controller}, where this run comes from, is not in it and would be locked out"
        raise PlanError([Problem(path, values, reason, f"add {controller}, or its network")])
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return Networks(
        ipv4=tuple(map(str, ipaddress.collapse_addresses(four))),
        ipv6=tuple(map(str, ipaddress.collapse_addresses(six))),
    )


def open_ports(values: object, path: str) -> tuple[int, ...]:
    """Return the ports in order, each once; raise :class:`PlanError` for what is no port."""
    entries = _entries(values, path)
    problems = [
        Problem(where, value, "is no TCP port", "write a number from 1 to 65535")
        for where, value in entries
        if isinstance(value, bool) or not str(value).isdecimal() or not 0 < int(str(value)) < 65536
    ]
    if problems:
        raise PlanError(problems)
    return tuple(sorted({int(str(value)) for _, value in entries}))


def _entries(values: object, path: str) -> list[tuple[str, object]]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise PlanError([Problem(path, values, "is no list", "write it as [first, second]")])
    return [(f"{path}[{number}]", value) for number, value in enumerate(values)]


def _problems(path: str, value: object) -> Iterable[Problem]:
    try:
        # As an interface first: host bits beyond the mask are a mistake of their own.
        interface = ipaddress.ip_interface(value if isinstance(value, str) else "")
    except ValueError:
        remedy = (
            "write an address or a network, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/64"
        )
        yield Problem(path, value, "is neither an address nor a network", remedy)
        return
    if "/" in str(value) and interface.ip != interface.network.network_address:
        remedy = f"write {interface.network}, or {interface.ip} for that one address"
        yield Problem(path, value, "has bits beyond its own mask", remedy)


def _contains(networks: Iterable[Network], address: str) -> bool:
    # A link-local address carries its interface: fe80::1%eth0.
    wanted = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    return any(wanted in network for network in networks)
