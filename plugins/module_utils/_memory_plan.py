# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The memory plan: a machine's size and the wished services in, every limit and setting out.

``plan()`` is the only door. It is pure and deterministic: the same inputs give the same plan, and a
plan that is returned fits. Otherwise :class:`PlanError` lists every reason and what would fit. The
formulas are in :mod:`_plan_draft` and :mod:`_tuning`, the judgement in :mod:`_plan_refusals`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.planner.droplet.plugins.module_utils._plan_draft import asked_for, draft
from ansible_collections.planner.droplet.plugins.module_utils._plan_proposals import proposals
from ansible_collections.planner.droplet.plugins.module_utils._plan_refusals import refusals
from ansible_collections.planner.droplet.plugins.module_utils._plan_types import Plan
from ansible_collections.planner.droplet.plugins.module_utils._problems import (
    PlanError,
    Problem,
    closest,
)
from ansible_collections.planner.droplet.plugins.module_utils._services import parse_services
from ansible_collections.planner.droplet.plugins.module_utils._sizes import SIZES


def plan(
    size: object,
    services: object = (),
    swap_mb: object = None,
    backend_image: str = "",
    host_mb: object = 0,
) -> Plan:
    """Divide a machine of that size among the services; raise :class:`PlanError` if it cannot be.

    ``services`` is ``droplet_services`` as the owner wrote it. ``swap_mb`` (MiB) replaces the size's
    proposal, 0 means no swap. ``host_mb`` (MiB) is taken off for what the owner runs on the host.
    """
    requests, found = parse_services(services)
    unreadable = (*_input_problems(size, swap_mb, host_mb), *found)
    sold = SIZES.get(size) if isinstance(size, str) else None
    amounts = ("droplet_swap_mb", "droplet_host_mb")
    if sold is None or any(problem.path in amounts for problem in unreadable):
        raise PlanError(unreadable)
    machine = replace(sold, host_mb=int(str(host_mb or 0)))
    swap = machine.swap_mb if swap_mb is None else int(str(swap_mb))
    drafted = draft(machine, requests, swap, backend_image)
    refused = refusals(drafted, asked_for(requests))
    if unreadable:  # what could not be read cannot be part of a proposal
        raise PlanError((*unreadable, *refused))
    if refused:
        raise PlanError(refused, proposals(machine, requests, drafted, swap))
    return drafted


def _input_problems(size: object, swap_mb: object, host_mb: object) -> Iterable[Problem]:
    if not isinstance(size, str) or size not in SIZES:
        yield Problem("droplet_size", size, "is no known size", closest(str(size), SIZES))
    # A number given on the command line arrives as text. Seven digits are more than any disk here.
    for path, amount, pattern in (
        ("droplet_swap_mb", swap_mb, r"-?[0-9]{1,7}"),
        ("droplet_host_mb", host_mb, r"[0-9]{1,7}"),
    ):
        if amount is not None and not re.fullmatch(pattern, str(amount)):
            remedy = "write a whole number of MiB, 0 for none, or leave it out"
            yield Problem(path, amount, "is no amount of MiB", remedy)
