# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What would fit instead: the owner's limits scaled onto this machine, and the smallest machine for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.planner.droplet.plugins.module_utils._events import events
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import asked_for, draft
from ansible_collections.planner.droplet.plugins.module_utils._plan_refusals import refusals
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import Plan
from ansible_collections.planner.droplet.plugins.module_utils._services import CATALOG, Request
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES, Size

_ROUND_TO_MB = 8


def proposals(
    machine: Size, requests: Sequence[Request], drafted: Plan, swap_mb: int
) -> tuple[str, ...]:
    """Say what would fit; each proposal has been planned and judged like the wish itself."""
    found = []
    here = _scaled(machine, requests, drafted, swap_mb)
    if here is not None:
        limits = ", ".join(f"{name} {service.limit_mb}" for name, service in here.services.items())
        swap = f", with droplet_swap_mb {here.swap_mb}" if here.swap_mb != swap_mb else ""
        found.append(
            f"fits on {machine.slug}: {limits} (limit_mb), {here.limits_mb} MiB in all{swap}"
        )
    for slug in COMPARED:
        larger = replace(SIZES[slug], host_mb=machine.host_mb)
        if larger.memory_mb > machine.memory_mb and _fits(larger, requests, swap_mb):
            found.append(f"fits as written on {slug} (${larger.price_usd:g} a month)")
            break
    return tuple(found)


def _fits(machine: Size, requests: Sequence[Request], swap_mb: int) -> bool:
    return not refusals(draft(machine, requests, swap_mb), asked_for(requests))


def _scaled(machine: Size, requests: Sequence[Request], drafted: Plan, swap_mb: int) -> Plan | None:
    """Shrink every limit towards its floor until the largest event fits too."""
    room = machine.budget_mb - max(event.memory_mb for event in events(1) if event.required)
    wished = {name: service.limit_mb for name, service in drafted.services.items()}
    least = _least(wished)
    above = sum(wished.values()) - sum(least.values())
    part = min(1.0, max(0.0, (room - sum(least.values())) / above)) if above else 0.0
    limits = {
        name: int(least[name] + part * (limit - least[name])) // _ROUND_TO_MB * _ROUND_TO_MB
        for name, limit in wished.items()
        if name in CATALOG
    }
    asked = {
        name: replace(request, limit_mb=limits.get(name, request.limit_mb))
        for name, request in asked_for(requests).items()
    }
    scaled = draft(machine, tuple(asked.values()), swap_mb or machine.swap_mb)
    return None if refusals(scaled, asked) else scaled


def _least(wished: Mapping[str, int]) -> dict[str, int]:
    """Floors are known for the stack's own services; an extra one keeps what it was given."""
    return {
        name: CATALOG[name].floor_mb if name in CATALOG else limit for name, limit in wished.items()
    }
