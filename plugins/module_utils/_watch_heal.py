# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Restarts a container that is unhealthy or has ended, as a person would do first, and knows when to stop.

Docker itself restarts only what crashes: one that hangs stays unhealthy for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose, DockerError
from ansible_collections.planner.droplet.plugins.module_utils._container_state import (
    Entry,
    containers_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    PROBLEM,
    WARNING,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import LOCK, event_lock
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

CHECK = "heal"
PAUSES_MIN = (0, 2, 10, 30, 60)
"""Before each restart, counted from the one before: what helps helps soon, what does not must not do harm."""
WINDOW_S = 6 * 3600
"""So many restarts as there are pauses, in this time; then a person has to look."""
_ENDED = frozenset({"exited", "dead", "created"})
"""Not ``restarting``: Docker is at it. Not ``paused``: somebody did that."""
_STOP_S = {"postgres": 60}
"""Seconds to write everything down; the others hang or have nothing to lose."""
_STOP_OTHERS_S = 10
_STARTS_S = 60

State = Mapping[str, Any]


def heal(
    settings: Settings,
    findings: Iterable[Finding],
    state: object,
    now: float,
    *,
    lock: str = LOCK,
) -> tuple[list[Finding], State]:
    """Restart what the findings say is down; return what was done as findings, and the state to keep.

    ``state`` is what the last call returned (when each service was restarted), anything else counts as nothing;
    ``now`` is in seconds since the epoch. Nothing is touched while another event has the lock.
    """
    sick = sorted(
        one.subject
        for one in findings
        if (one.severity, one.check) == (PROBLEM, "state")
        and one.subject in settings.plan.get("services", {})
    )
    times = _recent(state, now)
    if not sick:
        return [], times
    try:
        with event_lock(lock, CHECK, 0):
            told = [one for name in sick for one in _heal(settings, name, times, now)]
    except (DockerError, OSError) as error:
        what = f"is not restarted: {error}"
        return [Finding(WARNING, CHECK, name, what, "let it end") for name in sick], times
    return told, times


def _recent(state: object, now: float) -> dict[str, list[float]]:
    """Keep the restarts of the last hours; a clock that was set back counts none in the future."""
    given = state if isinstance(state, Mapping) else {}
    kept = {
        str(name): [
            one for one in times if isinstance(one, (int, float)) and 0 <= now - one < WINDOW_S
        ]
        for name, times in given.items()
        if isinstance(times, list)
    }
    return {name: times for name, times in kept.items() if times}


def _heal(
    settings: Settings, name: str, times: dict[str, list[float]], now: float
) -> Iterable[Finding]:
    before = times.get(name, [])
    logs = f"`docker logs {settings.project}-{name}-1`, then run playbooks/site.yml"
    if len(before) >= len(PAUSES_MIN):
        what = f"was restarted {len(before)} x in {WINDOW_S // 3600} h and is down again; no more tries"
        return [Finding(PROBLEM, CHECK, name, what, f"find out why: {logs}")]
    if before and now - before[-1] < PAUSES_MIN[len(before)] * 60:
        return []
    compose = Compose(settings.project_dir, project=settings.project)
    try:
        found = [one for one in _containers(compose) if one["service"] == name]
        if len(found) > 1:
            what = f"has {len(found)} containers, so none is restarted: a release was interrupted"
            return [Finding(WARNING, CHECK, name, what, "run playbooks/site.yml")]
        down = [one for one in found if _is_down(one)]
        for one in down:
            times[name] = [*before, now]
            stop_s = _STOP_S.get(name, _STOP_OTHERS_S)
            compose.docker("restart", "-t", str(stop_s), one["id"], timeout_s=stop_s + _STARTS_S)
    except (DockerError, ValueError) as error:
        return [Finding(PROBLEM, CHECK, name, f"could not be restarted: {error}", logs)]
    tries = f"{len(before) + 1} of {len(PAUSES_MIN)} in {WINDOW_S // 3600} h"
    return [
        Finding(PROBLEM, CHECK, name, f"was {_how(one)}: restarted ({tries})", logs) for one in down
    ]


def _containers(compose: Compose) -> list[Entry]:
    ids = compose.container_ids()
    return containers_of(compose.docker("inspect", *ids, timeout_s=30)) if ids else []


def _is_down(one: Entry) -> bool:
    return one["state"] in _ENDED or (one["state"] == "running" and one["health"] == "unhealthy")


def _how(one: Entry) -> str:
    return "unhealthy" if one["state"] == "running" else f"{one['state']} ({one['exit_code']})"
