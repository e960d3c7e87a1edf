# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What nginx answered since the last look, from its log in the journal: how many requests, errors, slow ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._ask import lines_of
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    Finding,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight
from ansible_collections.planner.droplet.plugins.module_utils._watch_site import AGENT

WINDOW_S = 300.0
"""Seconds that are judged together: in one minute a small product has too few requests to tell anything by."""
SLOW_PERCENT = 5
"""More of the answers than this being slow is the same as a 95th percentile that is too high."""
TAG = "planner-nginx"
_ABOUT = "nginx"
_BACKEND = "docker logs --since 10m planner-backend-1"
# As log_format has it in the role stack's nginx.conf.
_LINE = re.compile(
    r'\S+ \[[^\]]+\] "[^"]*" (?P<status>\d{3}) \d+ [\d.]+ (?P<upstream>.+) "(?P<agent>[^"]*)"$'
)


@dataclass
class Traffic:
    """What was counted; ``lines`` are all that nginx wrote, also of requests that are not counted."""

    lines: int = 0
    requests: int = 0
    errors: int = 0
    slow: int = 0


def counted(lines: Iterable[str], latency_s: float) -> Traffic:
    """Count line by line; ``latency_s`` is the most that a backend may take for an answer."""
    found = Traffic()
    for text in lines:
        line = _LINE.match(text.rstrip("\n"))
        if line is None:
            continue
        found.lines += 1
        if line["agent"] == AGENT:
            continue
        found.requests += 1
        found.errors += int(line["status"]) >= 500
        found.slow += _seconds(line["upstream"]) > latency_s
    return found


def _seconds(upstream: str) -> float:
    """Add up what the backends took that nginx asked; how slow the visitor's own line is says nothing."""
    return sum(map(float, re.findall(r"\d+\.\d+", upstream)))


def traffic(sight: Sight) -> Iterator[Finding]:
    """Judge the errors and the slow answers of the last five minutes."""
    wish = sight.settings
    latency_s = wish.most("latency_s")
    journal = ("journalctl", "--quiet", "--no-pager", "--output=cat", f"CONTAINER_TAG={TAG}")
    window = (f"--since=@{int(sight.since)}", f"--until=@{int(sight.now)}")
    found = counted(lines_of(*journal, *window), latency_s)
    answered = sight.counters.get("answered")
    sight.counters["answered"] = sight.samples.get("seconds") is not None
    if not found.lines and answered:
        # The request that asked for readiness is among them, if there are any.
        do = "journalctl CONTAINER_TAG=planner-nginx -n 20; systemctl status systemd-journald"
        yield Finding(UNKNOWN, "traffic", _ABOUT, "its log is not in the journal", do)
        return
    sight.samples.update(requests=found.requests, errors=found.errors)
    requests, errors, slow = (
        int(sight.added(f"traffic/{name}", amount, WINDOW_S))
        for name, amount in (
            ("requests", found.requests),
            ("errors", found.errors),
            ("slow", found.slow),
        )
    )
    what = f"{errors} of {count(requests, 'request')} failed in the last 5 min"
    few, share = wish.most("error_count"), wish.most("error_percent")
    if errors >= few and 100 * errors > share * requests:
        yield Finding(PROBLEM, "errors", _ABOUT, f"{what}, most: {shown(share)} %", _BACKEND)
    else:
        yield Finding(OK, "errors", _ABOUT, what)
    what = f"{slow} of {count(requests, 'answer')} took more than {shown(latency_s)} s in the last 5 min"
    if slow >= few and 100 * slow > SLOW_PERCENT * requests:
        do = f"see what the backend waits for: {_BACKEND}; else raise latency_s"
        yield Finding(PROBLEM, "latency", _ABOUT, f"{what}, most: {SLOW_PERCENT} %", do)
    else:
        yield Finding(OK, "latency", _ABOUT, what)
