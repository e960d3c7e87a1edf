# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""As-is against the plan: what the machine uses, what differs from the inventory, and what to change.

``judge()`` takes a plan (``Plan.to_dict()``) and what the module ``memory_usage`` read. A check that could not
run is a finding of its own, ``unknown``, and never a good one. This file judges the services; the machine is
judged in :mod:`_drift_machine`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_machine import judge_machine
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
from ansible_collections.planner.droplet.plugins.module_utils._memory_plan import plan as plan_of
from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import STEP_MB
from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem
from ansible_collections.planner.droplet.plugins.module_utils._report import a_plan
from ansible_collections.planner.droplet.plugins.module_utils._services import HEADROOM

NEAR = 0.9
"""From this part of its limit on a service is about to be stopped by it."""
TOLERANCE = 1.03
"""Measurements differ by a few percent from one start to the next."""
KILLED = 137
"""Exit code of a process that got SIGKILL (128 + 9): the OOM killer's, or somebody's."""
RUN_SITE = "run site.yml, or change the inventory if this is wished"


def judge(plan: object, usage: object, services: object = ()) -> tuple[Finding, ...]:
    """Compare; ``services`` is ``droplet_services``, for proposals that name the owner's own lines."""
    planned = a_plan(plan)
    if not isinstance(usage, Mapping):
        remedy = "give what the module memory_usage returns as usage"
        raise PlanError([Problem("usage", type(usage).__name__, "is no measurement", remedy)])
    return (*_judge_docker(planned, usage, services), *judge_machine(planned, usage))


def assumed_mb(service: Mapping[str, Any]) -> float:
    """Return what the plan lets a service need before anybody has to act.

    Redis holds up to maxmemory. PostgreSQL fills its shared buffers over time, so they count in full; 52 is its
    anonymous memory under load (see _services).
    """
    settings = service.get("settings") or {}
    needs = float(service["working_set_mb"])
    if service["name"] == "redis":
        return needs + float(settings.get("maxmemory_mb", 0))
    if service["name"] == "postgres":
        return max(needs, 52 + 1.07 * float(settings.get("shared_buffers_mb", 0)))
    return needs


def needed_mb(one: Mapping[str, Any]) -> float | None:
    """Return what a container needs in memory: anonymous and shared, also what went to swap."""
    working_set = number(one.get("working_set_mb"))
    return None if working_set is None else working_set + (number(one.get("swap_mb")) or 0)


def _judge_docker(
    plan: Mapping[str, Any], usage: Mapping[str, Any], services: object
) -> Iterator[Finding]:
    docker = usage.get("docker")
    state = docker.get("state") if isinstance(docker, Mapping) else None
    if state != "running" or not isinstance(usage.get("containers"), list):
        said = str(docker.get("error") or "") if isinstance(docker, Mapping) else ""
        what = f"Docker: {state or 'its state could not be read'}{f' ({said})' if said else ''}"
        do = {
            "not installed": "run site.yml",
            "stopped": "look at `journalctl -u docker`, then run site.yml",
        }.get(str(state), "look at `systemctl status docker`")
        yield Finding(PROBLEM, "docker", "docker", f"{what}; no service can be judged", do)
        return
    yield Finding(OK, "docker", "docker", "Docker runs")
    containers = entries(usage["containers"])
    found = {str(one.get("service")) for one in containers}
    for name, service in plan["services"].items():
        if name in found:
            yield Finding(OK, "present", name, "it is there")
        # Without an image the plan's backend is not wished yet: nginx answers for it.
        elif service.get("image"):
            yield Finding(PROBLEM, "present", name, "has no container", "run site.yml")
    for one in containers:
        name = str(one.get("service"))
        yield from _judge_run(name, one, usage)
        if name not in plan["services"]:
            what = "runs, but is not in the inventory"
            yield Finding(WARNING, "present", name, what, RUN_SITE)
        elif one.get("state") == "running":
            yield from _judge_limit(plan["services"][name], one)
            yield from _judge_use(plan, plan["services"][name], one, services)
    for name in sorted(found & set(plan["services"])):
        same = sum(str(one.get("service")) == name for one in containers)
        if same > 1:
            what = f"has {same} containers: a release is under way, or was interrupted"
            yield Finding(WARNING, "present", name, what, "run site.yml once it has ended")


def _judge_run(name: str, one: Mapping[str, Any], usage: Mapping[str, Any]) -> Iterator[Finding]:
    """State, health, restarts, kills."""
    state, health, code = one.get("state"), one.get("health"), number(one.get("exit_code"))
    logs = f"read `docker logs {one.get('name')}`"
    if state != "running":
        ended = f", exit code {shown(code)}" if state in ("exited", "restarting", "dead") else ""
        what = f"is not running: {state or 'state unknown'}{ended}{_meaning(code)}"
        yield Finding(PROBLEM, "state", name, what, f"{logs}, then run site.yml")
    elif health == "unhealthy":
        yield Finding(
            PROBLEM, "state", name, "runs, but is unhealthy", f"{logs}, then run site.yml"
        )
    elif health == "starting":
        yield Finding(WARNING, "state", name, "is starting", "ask again in a minute")
    else:
        yield Finding(OK, "state", name, "runs")

    counted, events = number(one.get("oom_kills")), number(one.get("oom_events")) or 0
    # Its group's counter begins again when it restarts, Docker's events do not.
    kills = counted if counted is None and not events else max(counted or 0, events)
    if kills is None and state == "running":
        what = "its OOM kills could not be read"
        yield Finding(UNKNOWN, "oom", name, what, "run as root, and see `docker inspect`")
    elif kills:
        what = f"the kernel killed {kills:.0f} of its processes at its limit"
        do = f"find what grew: `docker logs {one.get('name')}`; else raise its limit_mb"
        yield Finding(PROBLEM, "oom", name, what, do)
    else:
        yield Finding(OK, "oom", name, "no OOM kill is known")

    codes = one.get("exit_codes")
    killed = sum(code == KILLED for code in codes) if isinstance(codes, list) else 0
    restarts = number(one.get("restarts"))
    since, age = number(usage.get("since_h")) or 24, number(one.get("started_s_ago"))
    recent = age is None or age < since * 3600
    times = (
        f"ended with {KILLED}{_meaning(KILLED)}, {killed} in the last {since:.0f} h; "
        if killed
        else ""
    )
    if restarts is None:
        yield Finding(UNKNOWN, "restarts", name, "its restarts could not be read", logs)
    elif restarts or killed:
        what = f"{times}Docker restarted it {restarts:.0f} x; it started {_ago(age)}"
        do = f"{logs}; the count ends with its next release or `docker restart`"
        yield Finding(PROBLEM if recent else WARNING, "restarts", name, what, do)
    else:
        yield Finding(OK, "restarts", name, "never restarted")


def _meaning(code: float | None) -> str:
    return " (killed: out of memory, or by hand)" if code == KILLED else ""


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "at an unknown time"
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7200 else f"{seconds / 3600:.0f} h ago"


def _judge_limit(service: Mapping[str, Any], one: Mapping[str, Any]) -> Iterator[Finding]:
    """The limits the kernel enforces are the inventory's."""
    name, planned = str(service["name"]), float(service["limit_mb"])
    limit = number(one.get("limit_mb"))
    configured = number(one.get("configured_limit_mb"))
    if limit is None and number(one.get("used_mb")) is None:
        limit = configured  # the kernel's file could not be read: what Docker was told
    swap, planned_swap = number(one.get("memory_and_swap_mb")), float(service["memory_and_swap_mb"])
    # A release compares configurations: what `docker update` changed by hand it does not see.
    do = (
        f"run site.yml; where somebody changed it by hand, `docker update --memory {planned:.0f}m "
        f"--memory-swap {planned_swap:.0f}m {one.get('name')}`"
    )
    if limit is None:
        yield Finding(PROBLEM, "limit", name, f"has no limit, planned {planned:.0f}", do)
    elif abs(limit - planned) > 0.1:
        what = f"has a limit of {shown(limit)} MiB, planned {planned:.0f}"
        yield Finding(PROBLEM, "limit", name, what, do)
    elif swap is not None and abs(swap - planned_swap) > 0.1:
        what = f"may use {shown(swap)} MiB with swap, planned {planned_swap:.0f}"
        yield Finding(PROBLEM, "limit", name, what, do)
    else:
        yield Finding(OK, "limit", name, "its limit is the planned one")


def _judge_use(
    plan: Mapping[str, Any], service: Mapping[str, Any], one: Mapping[str, Any], services: object
) -> Iterator[Finding]:
    """What it uses against what the plan assumed and what its limit allows."""
    name, assumed = str(service["name"]), assumed_mb(service)
    needed, held = needed_mb(one), number(one.get("held_mb"))
    limit = number(one.get("limit_mb")) or float(service["limit_mb"])
    if needed is None or held is None:
        what = "its memory could not be read"
        yield Finding(UNKNOWN, "use", name, what, "run as root; is /sys/fs/cgroup mounted?")
        return
    raised = math.ceil(needed * HEADROOM / STEP_MB) * STEP_MB
    if held >= NEAR * limit:
        what = f"holds {held:.0f} of {limit:.0f} MiB: the next peak ends at its limit"
        remedy = limit_remedy(plan, services, name, needed)
        yield Finding(PROBLEM, "use", name, what, remedy)
    elif needed <= max(assumed * TOLERANCE, assumed + 1):
        yield Finding(OK, "use", name, f"needs {needed:.0f} MiB, assumed {assumed:.0f}")
    elif raised > service["limit_mb"]:
        what = f"needs {needed:.0f} MiB, the plan assumed {assumed:.0f}"
        remedy = limit_remedy(plan, services, name, needed)
        yield Finding(WARNING, "use", name, what, remedy)
    else:
        what = (
            f"needs {needed:.0f} MiB, the plan assumed and reserves {assumed:.0f}; "
            "its limit has room"
        )
        remedy = f"set {owner_path(services, name)}.working_set_mb to {math.ceil(needed)}"
        yield Finding(WARNING, "use", name, what, remedy)


def owner_path(services: object, name: str) -> str:
    """Name the owner's entry for a service, also one that is not there yet."""
    for index, entry in enumerate(services if isinstance(services, (list, tuple)) else ()):
        if isinstance(entry, Mapping) and entry.get("name") == name:
            return f"droplet_services[{index}]"
    return f"droplet_services[name={name}]"


def limit_remedy(plan: Mapping[str, Any], services: object, name: str, needed: float) -> str:
    """Propose a limit, and ask the plan whether it fits."""
    step = STEP_MB
    wanted = max(
        math.ceil(needed * HEADROOM / step) * step,
        # At its limit already, a service cannot show how much it would need.
        math.floor(plan["services"][name]["limit_mb"] / step + 1) * step,
    )
    set_it = f"set {owner_path(services, name)}.limit_mb to {wanted}"
    why = f"measured {needed:.0f} x {HEADROOM}, next multiple of {step}"
    asked = _with_limit(plan, services, name, wanted)
    try:
        raised = plan_of(plan["size"], asked, plan.get("swap_mb"), host_mb=plan.get("host_mb", 0))
    except PlanError as error:
        fits = [text for text in error.proposals if "fits as written" in text]
        instead = fits[0] if fits else "lower another limit, or take a larger size"
        return f"{set_it} ({why}). That does not fit {plan['size']}: {instead}"
    return f"{set_it} ({why}); it fits: {raised.limits_mb} of {raised.budget_mb} MiB in limits"


def _with_limit(
    plan: Mapping[str, Any], services: object, name: str, limit_mb: int
) -> Sequence[Mapping[str, Any]]:
    given = [dict(entry) for entry in entries(services)]
    known = {str(entry.get("name")) for entry in given}
    # The owner's own services count in the sum, also where only the plan is at hand.
    given += [
        {key: service[key] for key in ("name", "image", "limit_mb")}
        for service in plan["services"].values()
        if service.get("extra") and service["name"] not in known
    ]
    for entry in given:
        if entry.get("name") == name:
            entry["limit_mb"] = limit_mb
            return given
    return [*given, {"name": name, "limit_mb": limit_mb}]
