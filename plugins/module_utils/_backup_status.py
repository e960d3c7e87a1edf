# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What there is to say of the backups, as JSON for programs and as a table for people."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import (
    Engine,
    public,
    size,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import Kept
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import (
    Command,
    PipeError,
    run_pipe,
)

_TREND = 10
_ITERATIONS = 400
_MOMENT = re.compile(r"(?:elapse|Iter(?:ation|\.) #\d+):\s+\w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


def status(engine: Engine) -> dict[str, Any]:
    """Tell from the log and the local disk alone: neither Docker nor the network is asked.

    ``now`` is the host's clock in Unix seconds; each run is as the log has it, None where there is none.
    """
    runs = engine.log.read().runs
    settings = engine.settings

    def newest(kind: str, *results: str) -> dict[str, Any] | None:
        return _plain(log.last(runs, kind, *results))

    left = engine.log.interrupted()
    made = [one for one in runs if one.kind == log.BACKUP and one.number]
    good = [one for one in made if one.result == log.GOOD]
    # After an outage the newest goes off-site first, and older ones follow it.
    uncounted = {one.number for one in made} - {one.number for one in good}
    uploads = [one for one in runs if one.kind == log.UPLOAD and one.result == log.GOOD]
    offsite = [one for one in uploads if one.number not in uncounted]
    drills = [one for one in runs if one.kind == log.DRILL]
    return {
        "now": time.time(),
        "interval_s": _interval_s(settings.schedule),
        "jitter_s": settings.jitter_s,
        "drill_max_age_days": settings.drill_max_age_days,
        "repository": public(settings.repository),
        "local": len(engine.shelf.found()),
        "since": runs[0].ended if runs else None,
        "running": _plain(left),
        "backup": newest(log.BACKUP, log.GOOD, log.DOUBTFUL, log.FAILED, log.INTERRUPTED),
        "good_backup": newest(log.BACKUP, log.GOOD),
        "upload": newest(log.UPLOAD),
        "good_upload": _plain(max(offsite, key=lambda one: one.number, default=None)),
        "check": newest(log.CHECK),
        "drill": newest(log.DRILL),
        "passed_drill": newest(log.DRILL, "passed"),
        "restore": newest(log.RESTORE),
        "sizes": [one.size for one in good[-_TREND:]],
        "drill_seconds": [one.seconds for one in drills[-_TREND:] if one.result == "passed"],
    }


def _plain(run: log.Run | None) -> dict[str, Any] | None:
    return asdict(run) if run else None


def _interval_s(schedule: str) -> int | None:
    """Tell how long it is at most from one run of the timer to the next; None where systemd does not say."""
    words = ("systemd-analyze", "calendar", f"--iterations={_ITERATIONS}", schedule)
    try:
        said = run_pipe(Command(words, env={"TZ": "UTC", "LC_ALL": "C"}), timeout_s=30).decode()
        due = [dt.datetime.fromisoformat(one) for one in _MOMENT.findall(said)]
        return round(max((later - one).total_seconds() for one, later in pairwise(due)))
    except (PipeError, ValueError):
        return None


def listing(engine: Engine, *, as_json: bool) -> str:
    """Show every backup with where it is; an off-site repository that is away is said."""
    local = {one.number: one for one in engine.shelf.found()}
    there: dict[int, Kept] = {}
    away = ""
    if engine.settings.repository:
        try:
            there = {one.number: one for one in engine.restic.snapshots()}
        except BackupError as error:
            away = str(error)
    numbers = sorted({*local, *there})
    sizes = {one.number: one for one in engine.log.read().runs if one.kind == log.BACKUP}
    rows = [
        {
            "number": number,
            "made": (local.get(number) or there[number]).made,
            "good": (local.get(number) or there[number]).good,
            "local": number in local,
            "offsite": number in there,
            "bytes": sizes[number].size if number in sizes else None,
            "rows": sizes[number].rows if number in sizes else None,
        }
        for number in numbers
    ]
    if as_json:
        return json.dumps({"backups": rows, "problem": away})
    return "\n".join([*_table(rows), *([f"planner-backup: {away}"] if away else [])])


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["There is no backup yet. Do: planner-backup run"]
    lines = [f"{'number':>6}  {'made (UTC)':<20} {'rows':>9} {'size':>10}  where"]
    for one in rows:
        where = " and ".join(
            name for name, there in (("here", one["local"]), ("off-site", one["offsite"])) if there
        )
        lines.append(
            f"{one['number']:>6}  {one['made']:<20} {_text(one['rows']):>9} "
            f"{size(one['bytes']) if one['bytes'] is not None else '':>10}  {where}"
            f"{'' if one['good'] else '  (does not count)'}"
        )
    return lines


def _text(value: object) -> str:
    return "" if value is None else str(value)
