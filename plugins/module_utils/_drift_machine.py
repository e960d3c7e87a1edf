# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The machine itself against the plan: memory, swap, pressure, OOM kills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
)
from ansible_collections.planner.droplet.plugins.module_utils._machine import MEMORY_TOLERANCE
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import SWAP_USE
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import REFUSED

SCARCE = 0.05
"""Below this part of its memory available a machine is close to thrashing."""
WAITING_SOME, WAITING_ALL = 10.0, 5.0
"""Percent of a minute in which some, or all, tasks waited for memory. Judgement; a machine that thrashed
showed 96 % (2026-11-23)."""
SWAP_PAGE_MB = 1
"""A swap file's first page holds its header: the kernel shows a little less than the file's size."""


def judge_machine(plan: Mapping[str, Any], usage: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare the machine with the plan."""
    given = usage.get("machine")
    machine = given if isinstance(given, Mapping) else {}
    yield from _size(plan, machine)
    yield from _available(plan, machine)
    yield from _system(plan, usage, machine)
    yield from _swap(plan, machine)
    yield from _pressure(machine)
    yield from _oom_kills(usage, machine)


def reserved_mb(plan: Mapping[str, Any]) -> int:
    """Return what the plan leaves to kernel, system and Docker, of the memory the kernel shows."""
    return int(plan["guest_mb"]) - int(plan["budget_mb"])


def system_mb(usage: Mapping[str, Any]) -> float | None:
    """Return what is in use outside of the containers."""
    machine = usage.get("machine")
    if not isinstance(machine, Mapping) or not isinstance(usage.get("containers"), list):
        return None
    total, available = number(machine.get("total_mb")), number(machine.get("available_mb"))
    running = [one for one in entries(usage["containers"]) if one.get("state") == "running"]
    held = [number(one.get("held_mb")) for one in running]
    known = [mb for mb in held if mb is not None]
    if total is None or available is None:
        return None
    return max(0.0, total - available - sum(known)) if len(known) == len(held) else None


def _size(plan: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[Finding]:
    total = number(machine.get("total_mb"))
    if total is None:
        yield Finding(
            UNKNOWN, "size", "machine", "its memory could not be read", "read /proc/meminfo"
        )
    elif total < MEMORY_TOLERANCE * plan["guest_mb"]:
        what = f"has {total:.0f} MiB, {plan['size']} promises {plan['guest_mb']}"
        do = "declare the size it has, or resize the Droplet"
        yield Finding(PROBLEM, "size", "machine", what, do)
    else:
        yield Finding(OK, "size", "machine", f"has {total:.0f} MiB")


def _available(plan: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[Finding]:
    total, available = number(machine.get("total_mb")), number(machine.get("available_mb"))
    accepted = [one for one in plan["scenarios"].values() if one["verdict"] != REFUSED]
    largest = max(accepted, key=lambda one: int(one["event_mb"]), default=None)
    if total is None or available is None:
        what = "what is available could not be read"
        yield Finding(UNKNOWN, "available", "machine", what, "read /proc/meminfo")
    elif available < SCARCE * total:
        what = f"only {available:.0f} of {total:.0f} MiB are available"
        do = "see `systemd-cgtop -m`; end what is not the product's, or take a larger droplet_size"
        yield Finding(PROBLEM, "available", "machine", what, do)
    elif largest and available + int(largest["swap_mb"]) < largest["event_mb"]:
        what = f"{available:.0f} MiB are available, the next {largest['name']} takes {largest['event_mb']}"
        do = "see `systemd-cgtop -m`; end what is not the product's, or take a larger droplet_size"
        yield Finding(WARNING, "available", "machine", what, do)
    else:
        yield Finding(OK, "available", "machine", f"{available:.0f} MiB are available")


def _system(
    plan: Mapping[str, Any], usage: Mapping[str, Any], machine: Mapping[str, Any]
) -> Iterator[Finding]:
    outside = system_mb(usage)
    reserved = reserved_mb(plan)
    if outside is None:
        if number(machine.get("available_mb")) is not None:
            what = "what system and Docker use could not be told apart from the containers"
            yield Finding(UNKNOWN, "reserve", "machine", what, "see the findings on the services")
    elif outside > reserved:
        what = f"system and Docker use {outside:.0f} MiB, the plan leaves them {reserved}"
        do = (
            "ask again when no job runs (backup, apt, an ssh login); else see `systemd-cgtop -m` "
            f"and lower limits by {outside - reserved:.0f} or remove what is not needed"
        )
        yield Finding(WARNING, "reserve", "machine", what, do)
    else:
        what = f"system and Docker use {outside:.0f} of {reserved} MiB"
        yield Finding(OK, "reserve", "machine", what)


def _swap(plan: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[Finding]:
    planned = int(plan["swap_mb"])
    total, used = number(machine.get("swap_total_mb")), number(machine.get("swap_used_mb"))
    if total is None or used is None:
        what, do = "its swap could not be read", "see `swapon --show`"
        if machine.get("container"):
            what, do = "is a container: its swap is the outer machine's", ""
        yield Finding(UNKNOWN, "swap", "machine", what, do)
    elif total + SWAP_PAGE_MB < planned:
        what = f"has {total:.0f} MiB of swap, planned {planned}"
        # A container cannot make swap, so there it is no drift from the inventory.
        severity = WARNING if machine.get("container") else PROBLEM
        yield Finding(severity, "swap", "machine", what, "run site.yml")
    elif planned and used > SWAP_USE * planned:
        what = f"uses {used:.0f} MiB of swap; the plan counts on {SWAP_USE * planned:.0f} at most"
        do = "find what grew (the services' Swap column, `smem`), or take a larger droplet_size"
        yield Finding(PROBLEM, "swap", "machine", what, do)
    elif used > SWAP_USE / 2 * total:
        what = f"uses {used:.0f} of {total:.0f} MiB of swap"
        do = "watch it: pages that are needed again cost time"
        yield Finding(WARNING, "swap", "machine", what, do)
    else:
        yield Finding(OK, "swap", "machine", f"{used:.0f} of {total:.0f} MiB of swap in use")


def _pressure(machine: Mapping[str, Any]) -> Iterator[Finding]:
    given = machine.get("pressure")
    some, full = (
        number(given[kind].get("avg60"))
        if isinstance(given, Mapping) and isinstance(given.get(kind), Mapping)
        else None
        for kind in ("some", "full")
    )
    if some is None or full is None:
        what = "how long tasks waited for memory could not be read"
        do = "" if machine.get("container") else "boot with psi=1"
        yield Finding(UNKNOWN, "pressure", "machine", what, do)
        return
    what = f"in the last minute some tasks waited for memory {some} % of the time, all {full} %"
    do = "see which service is near its limit or in swap"
    if full > WAITING_ALL:
        yield Finding(PROBLEM, "pressure", "machine", what, do)
    elif some > WAITING_SOME:
        yield Finding(WARNING, "pressure", "machine", what, do)
    else:
        yield Finding(OK, "pressure", "machine", what)


def _oom_kills(usage: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[Finding]:
    """The kernel's log says when and whom, its counter only how many since boot."""
    log, since = usage.get("kernel_log"), number(usage.get("since_h")) or 24
    counted = number(machine.get("oom_kills_since_boot"))
    do = "raise the limit of what was killed, or take a larger droplet_size"
    if isinstance(log, list):
        for kill in entries(log):
            cause = (
                "at its limit" if kill.get("at_limit") else "because the machine was out of memory"
            )
            what = f"the kernel killed {kill.get('process') or 'a process'} {cause} in the last {since:.0f} h"
            yield Finding(PROBLEM, "oom", str(kill.get("service") or "machine"), what, do)
        if not log:
            more = f"; {counted:.0f} since boot" if counted else ""
            what = f"no OOM kill in the last {since:.0f} h{more}"
            yield Finding(OK, "oom", "machine", what)
    elif counted is None:
        what = "OOM kills outside of the services could not be read: no kernel log, no counter"
        do = "" if machine.get("container") else "see `journalctl -k`"
        yield Finding(UNKNOWN, "oom", "machine", what, do)
    elif counted:
        what = (
            f"{counted:.0f} OOM kills since boot; the kernel's log, which says whom, cannot be read"
        )
        yield Finding(PROBLEM, "oom", "machine", what, do)
    else:
        yield Finding(OK, "oom", "machine", "no OOM kill since boot")


def machine_lines(plan: Mapping[str, Any], usage: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say the machine's state: label and text."""
    given = usage.get("machine")
    machine = given if isinstance(given, Mapping) else {}
    total, available = number(machine.get("total_mb")), number(machine.get("available_mb"))
    used = None if total is None or available is None else total - available
    outside = system_mb(usage)
    swap = (number(machine.get("swap_used_mb")), number(machine.get("swap_total_mb")))
    in_use = f"{_whole(used)} of {_whole(total)} MiB in use, {_whole(available)} available"
    lines = [
        ("Machine", f"{in_use}; system and Docker {_whole(outside)} of {reserved_mb(plan)}"),
        ("Swap", f"{_whole(swap[0])} of {_whole(swap[1])} MiB in use, planned {plan['swap_mb']}"),
    ]
    pressure, load = machine.get("pressure"), machine.get("load")
    if isinstance(pressure, Mapping):
        waits = [
            f"{kind} {' / '.join(str(value) for value in averages.values())}"
            for kind, averages in pressure.items()
            if isinstance(averages, Mapping)
        ]
        lines.append(("Pressure", f"tasks waited, % of 10 / 60 / 300 s: {', '.join(waits)}"))
    if isinstance(load, (list, tuple)):
        lines.append(("Load", " / ".join(str(value) for value in load)))
    return lines


def _whole(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
