# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a look sees of the services and of the machine below them, each minute."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._ask import ask
from ansible_collections.planner.droplet.plugins.module_utils._drift import judge
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._machine_memory import pressure_of
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    Files,
    memory_mount,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count
from ansible_collections.planner.droplet.plugins.module_utils._upgrades_reader import (
    DAY_S,
    REBOOT,
    changed_at,
)
from ansible_collections.planner.droplet.plugins.module_utils._usage_reader import read_usage
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import (
    HOUR_S,
    Sight,
    line,
    mapping,
)

LATELY_H = 1
"""Hours after which what happened once is told no more."""
TIMEOUT_S = 10.0
"""Seconds that one command may take."""
DISKS = ("/", "/var/lib/docker")
CLEAN = "sudo planner-watch clean"
TIME_SERVICES = ("systemd-timesyncd", "chrony", "chronyd", "ntpsec", "ntpd", "openntpd")
BANS = "/var/lib/fail2ban/fail2ban.sqlite3"
_MACHINE = "machine"
# What changes by itself while an event replaces containers.
_MOVING = frozenset({"state", "present"})
# What Docker and the kernel only count: their numbers stay until a container is replaced.
_COUNTED = frozenset({"oom", "restarts"})
# The sections of the product know whether what failed there was made good since.
_TOLD_ELSEWHERE = frozenset(
    {
        "certbot.service",
        "planner-backup.service",
        "planner-backup-check.service",
        "planner-drill.service",
    }
)


def services(sight: Sight) -> list[Finding]:
    """Judge the services and the machine's memory against the plan."""
    wish = sight.settings
    usage = read_usage(sight.files, wish.project, LATELY_H, TIMEOUT_S)
    machine = mapping(usage["machine"])
    lately = _lately(sight, usage)
    found = []
    for one in judge(wish.plan, usage, wish.services):
        if sight.busy and one.check in _MOVING:
            continue
        past = one.check in _COUNTED and (one.check, one.subject) not in lately
        found.append(replace(one, severity=WARNING) if past and one.severity == PROBLEM else one)
    return [*_swap(sight, machine, found), *_memory(sight, machine)]


def _lately(sight: Sight, usage: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Name the checks and subjects of which something happened within the last hour, more than is bearable."""
    log = {str(one.get("service") or _MACHINE) for one in entries(usage["kernel_log"])}
    lately = {("oom", name) for name in log}
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for one in entries(usage["containers"]):
        by_service.setdefault(str(one.get("service")), []).append(one)
    for name, boxes in by_service.items():
        kills, events, restarts = (
            sum(number(box.get(key)) or 0 for box in boxes)
            for key in ("oom_kills", "oom_events", "restarts")
        )
        if sight.grown(f"oom/{name}", kills) or events:
            lately.add(("oom", name))
        killed = sum(code == 137 for box in boxes for code in box.get("exit_codes") or ())
        if max(sight.grown(f"restarts/{name}", restarts), killed) > sight.settings.most("restarts"):
            lately.add(("restarts", name))
    kills = number(mapping(usage["machine"]).get("oom_kills_since_boot")) or 0
    if sight.grown(f"oom/{_MACHINE}", kills):
        lately.add(("oom", _MACHINE))
    return lately


def _memory(sight: Sight, machine: Mapping[str, Any]) -> Iterator[Finding]:
    total, available = number(machine.get("total_mb")), number(machine.get("available_mb"))
    if not total or available is None:
        yield Finding(UNKNOWN, "memory", _MACHINE, "its memory could not be read", "free -m")
        return
    used, most = total - available, sight.settings.most("memory_percent")
    sight.samples["used_mb"] = round(used)
    what = f"{used:.0f} of {total:.0f} MiB of memory are in use ({100 * used / total:.0f} %)"
    if 100 * used > most * total:
        do = "see `systemd-cgtop -m`; end what is not the product's, or take a larger droplet_size"
        yield Finding(PROBLEM, "memory", _MACHINE, f"{what}, most: {shown(most)} %", do)
    else:
        yield Finding(OK, "memory", _MACHINE, what)


def _swap(sight: Sight, machine: Mapping[str, Any], found: list[Finding]) -> Iterator[Finding]:
    """Give the findings, with that on the swap judged by the owner's threshold too."""
    total, used = number(machine.get("swap_total_mb")), number(machine.get("swap_used_mb"))
    most = sight.settings.most("swap_percent")
    if used is not None:
        sight.samples["swap_mb"] = round(used)
    for one in found:
        if one.check == "swap" and total and used and 100 * used > most * total:
            what = f"uses {used:.0f} of {total:.0f} MiB of swap, most: {shown(most)} %"
            do = "find what grew (the services' Swap column, `smem`), or take a larger droplet_size"
            yield one if one.severity == PROBLEM else Finding(PROBLEM, "swap", _MACHINE, what, do)
        else:
            yield one


def pressure(sight: Sight) -> Iterator[Finding]:
    """Judge how long tasks waited for the processor (some of them) and for the disk (all of them)."""
    container = bool((sight.files.text("/run/systemd/container") or "").strip())
    for kind, share, thing, do in (
        ("cpu", "some", "the processor", "see `top`, and which requests are many or slow"),
        ("io", "full", "the disk", "see `iotop -oa`; a machine that swaps reads all the time"),
    ):
        check = f"pressure-{kind}"
        text = sight.files.text(_pressure_file(sight.files, kind, inside=container))
        read = pressure_of(text)
        if read is None:
            what = f"how long tasks waited for {thing} could not be read"
            yield Finding(UNKNOWN, check, _MACHINE, what, "" if container else "boot with psi=1")
            continue
        waited, most = read[share]["avg60"], sight.settings.most(f"pressure_{kind}_percent")
        who = "some tasks" if share == "some" else "all tasks"
        what = f"in the last minute {who} waited for {thing} {shown(waited)} % of the time"
        if waited > most:
            yield Finding(PROBLEM, check, _MACHINE, f"{what}, most: {shown(most)} %", do)
        else:
            yield Finding(OK, check, _MACHINE, what)


def _pressure_file(files: Files, kind: str, *, inside: bool) -> str:
    """Locate it: the kernel's own numbers are those of the outer machine where this one is a container."""
    mount = memory_mount(files) if inside else None
    folder = mount.folder if mount and mount.version == 2 else "/nonexistent"
    return f"{folder}/{kind}.pressure" if inside else f"/proc/pressure/{kind}"


def disk(sight: Sight, paths: Sequence[str] = DISKS) -> Iterator[Finding]:
    """Judge how full each file system is, in bytes and in files, as ``df`` counts."""
    seen = set()
    for path in paths:
        if not os.path.exists(path) or (device := os.stat(path).st_dev) in seen:
            continue
        seen.add(device)
        found = os.statvfs(path)
        used = found.f_blocks - found.f_bfree
        percent = _percent(used, used + found.f_bavail)
        if path == paths[0]:
            sight.samples["disk_percent"] = round(percent)
        yield _full(sight, "disk", path, percent)
        if found.f_files:  # some file systems have as many as fit
            percent = _percent(found.f_files - found.f_ffree, found.f_files)
            yield _full(sight, "inodes", path, percent)


def _full(sight: Sight, check: str, path: str, percent: float) -> Finding:
    most = sight.settings.most(f"{check}_percent")
    what = f"is {percent:.0f} % full" if check == "disk" else f"has {percent:.0f} % of its files"
    if percent > most:
        return Finding(PROBLEM, check, path, f"{what}, most: {shown(most)} %", CLEAN)
    return Finding(OK, check, path, what)


def _percent(used: int, whole: int) -> float:
    return 100 * used / whole if whole else 0.0


def units(_sight: Sight) -> Iterator[Finding]:
    """Name the units of systemd that have failed."""
    listed = ask("systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager")
    failed = {words[0] for row in listed.splitlines() if (words := row.split())}
    for name in sorted(failed - _TOLD_ELSEWHERE):
        do = f"journalctl -u {name} -n 50, then systemctl restart {name}"
        yield Finding(PROBLEM, "unit", name, "has failed", do)
    if failed <= _TOLD_ELSEWHERE:
        yield Finding(OK, "unit", "systemd", "no unit has failed that is not judged elsewhere")


def time_sync(sight: Sight) -> Iterator[Finding]:
    """Judge whether something keeps the clock, and whether the kernel says that it is right."""
    container = (sight.files.text("/run/systemd/container") or "").strip()
    # Exit code 3: not all of them are active.
    states = ask("systemctl", "is-active", *TIME_SERVICES, accepted=(0, 1, 3, 4)).split()
    keepers = [
        name for name, state in zip(TIME_SERVICES, states, strict=False) if state == "active"
    ]
    synced = ask("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    if not keepers and container:
        yield Finding(UNKNOWN, "time", "clock", "is a container: its clock is the outer machine's")
    elif not keepers:
        do = "systemctl enable --now systemd-timesyncd"
        yield Finding(PROBLEM, "time", "clock", "nothing keeps the clock right", do)
    elif synced == "yes":
        yield Finding(OK, "time", "clock", f"is kept right by {keepers[0]}")
    elif synced == "no":
        what, do = (
            f"{keepers[0]} has not set it yet",
            f"timedatectl; journalctl -u {keepers[0]} -n 20",
        )
        yield Finding(PROBLEM, "time", "clock", what, do)
    else:
        yield Finding(UNKNOWN, "time", "clock", "whether it is right is not told", "timedatectl")


def reboot(sight: Sight) -> Iterator[Finding]:
    """Judge for how long an upgrade has been waiting for a restart; each upgrade writes the mark anew."""
    since = changed_at(REBOOT, sight.files.root)
    if since is None:
        sight.counters.pop("reboot_since", None)
        yield Finding(OK, "reboot", "restart", "none is needed")
        return
    first = number(sight.counters.get("reboot_since"))
    since = sight.counters["reboot_since"] = since if first is None else min(first, since)
    days, most = (sight.now - since) / DAY_S, sight.settings.most("reboot_days")
    if days <= most:
        yield Finding(OK, "reboot", "restart", "one is to come")
        return
    what = f"an upgrade has been waiting for one for {count(int(days), 'day')}, most: {shown(most)}"
    yield Finding(PROBLEM, "reboot", "restart", what, "systemctl start planner-reboot.service")


def bans(sight: Sight, path: str = BANS) -> Iterator[Finding]:
    """Count fail2ban's bans of the last hour in its own database: asking its client costs a Python."""
    if shutil.which("fail2ban-client") is None:
        return
    since, most = sight.now - HOUR_S, sight.settings.most("bans_per_hour")
    query = "SELECT jail, count(*) FROM bans WHERE timeofban > ? GROUP BY jail"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=TIMEOUT_S)) as database:
        by_jail = {line(jail): int(many) for jail, many in database.execute(query, (since,))}
    what = f"{count(sum(by_jail.values()), 'ban')} in the last hour"
    if sum(by_jail.values()) > most:
        worst = max(by_jail, key=lambda jail: by_jail[jail])
        do = f"see `fail2ban-client status {worst}` and where they come from; the product itself is judged apart"
        yield Finding(PROBLEM, "bans", "fail2ban", f"{what}, most: {shown(most)}", do)
    else:
        yield Finding(OK, "bans", "fail2ban", what)
