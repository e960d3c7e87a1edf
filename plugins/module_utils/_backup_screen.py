# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The backups of a machine on its screen: how old, how large, how far away, and how long until they are back."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _drill as ladder
from ansible_collections.planner.droplet.plugins.module_utils._backup_view import (
    View,
    ago,
    length,
    old,
    span,
    verdict,
    view_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate_view import moment
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import number, shown
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import labelled

COLUMNS = 80
_wrap = partial(labelled, width=13, columns=COLUMNS)
_BARS = "▁▂▃▄▅▆▇█"


def lines(seen: Mapping[str, Any]) -> list[str]:
    """Tell what there is; what could not be seen is a question mark."""
    view = view_of(seen.get("status"))
    if view is None:
        return _wrap("Backups", "?")
    units = seen.get("units")
    unit = units.get("planner-backup") if isinstance(units, Mapping) else None
    coming = number(unit.get("next")) if isinstance(unit, Mapping) else None
    said = _wrap("Backups", _newest(view))
    if coming:
        said += _wrap("", f"the next comes {moment(coming)}")
    if len(view.sizes) > 1:
        said += _wrap("", f"size {trend(view.sizes)}")
    said += _wrap("Off-site", _there(view))
    said += _wrap("RPO", _rpo(view))
    said += _wrap("Drill", _rehearsed(view))
    said += _wrap("RTO", _rto(view))
    if view.repository:
        how = f"{view.check.result}{ago(view, view.check.ended)}" if view.check else "none yet"
        said += _wrap("Check", how)
    return said


def _newest(view: View) -> str:
    good, here = view.good_backup, f"{shown(view.local, '?')} on this machine"
    if good is None:
        return f"none yet; {here}"
    rows = f"{shown(good.rows, '?')} rows"
    return f"{good.number} is good, {old(view, good.made)}, {rows}, {_size(good.size)}; {here}"


def trend(sizes: Sequence[float]) -> str:
    """Draw how the size went, and say the first and the last."""
    most = max(sizes) or 1
    bars = "".join(_BARS[max(0, math.ceil(one / most * len(_BARS)) - 1)] for one in sizes)
    return f"{bars}  {_size(sizes[0])} -> {_size(sizes[-1])} in {len(sizes)} backups"


def _there(view: View) -> str:
    if not view.repository:
        return "nowhere: backups die with this machine"
    newest = view.good_upload
    said = "none yet" if newest is None else f"{newest.number} is there, {old(view, newest.made)}"
    return f"{said}; {view.repository}"


def _rpo(view: View) -> str:
    """Say how much can be lost: as planned, and if it happened now."""
    newest = view.good_upload if view.repository else view.good_backup
    age = view.age(newest.made) if newest else None
    now = "now everything" if newest is None else f"now {'?' if age is None else span(age)}"
    alone = "" if view.repository else " (while this machine lives)"
    return f"at most {length(view.rpo_s)}, {now}{alone}"


def _rehearsed(view: View) -> str:
    last = view.drill
    if last is None:
        return "none yet"
    held = sum(how == ladder.PASSED for _, how in last.steps)
    where = "from off-site" if last.offsite else "from this machine"
    which = f"backup {last.number} {where}" if last.number else where
    return f"{verdict(last)}{ago(view, last.ended)}: {which}, {held} of {len(ladder.RUNGS)} checks"


def _rto(view: View) -> str:
    passed = view.passed_drill
    if passed is None:
        return "? (no drill has passed)"
    said = f"{_seconds(passed.seconds)} in the last drill that passed"
    if len(view.drill_seconds) > 1:
        middle = statistics.median(view.drill_seconds)
        said += f", median {_seconds(middle)} of {len(view.drill_seconds)}"
    return said


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds:.0f} s" if seconds < 600 else length(seconds)


def _size(number_of_bytes: float | None) -> str:
    if number_of_bytes is None:
        return "?"
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if number_of_bytes >= size:
            return f"{number_of_bytes / size:.1f} {unit}"
    return f"{number_of_bytes / 2**10:.0f} KiB"
