# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The backups of a machine, judged and put into a section of its state.

The time is the host's, as its program told it. Nothing here asks a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils import _backup_log as log
from ansible_collections.planner.droplet.plugins.module_utils import _drill as ladder
from ansible_collections.planner.droplet.plugins.module_utils._backup_screen import lines
from ansible_collections.planner.droplet.plugins.module_utils._backup_view import (
    DAY_S,
    Event,
    View,
    ago,
    length,
    parted,
    span,
    verdict,
    view_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate_view import (
    moment,
    plain,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    number,
    section,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import shorten

_LONGEST = 600
_ABOUT = "backups"
_SITE = "ansible-playbook playbooks/site.yml --tags backup"
_BACKUP = "ansible-playbook playbooks/backup.yml"
_DRILL = "ansible-playbook playbooks/drill.yml"
_RESTORE = "ansible-playbook playbooks/restore.yml"
_CHECK = "planner-backup check"
_ACCEPT = f"{_BACKUP} -e backup_accept_shrink=true"
_SET = "set backup_repository and backup_password (docs/backup.md)"
_CUT_OFF = "cut off: killed, or the machine went down"
# What runs by a timer: what is missing without it, and what does it now.
_JOBS = {
    "planner-backup": ("no backup is made", _BACKUP),
    "planner-backup-check": ("nobody checks the off-site repository", _CHECK),
    "planner-drill": ("no restore is rehearsed", _DRILL),
}
_AGAIN = {log.DRILL: _DRILL, log.CHECK: _CHECK, log.RESTORE: _RESTORE}


def backup_section(seen: object) -> dict[str, Any]:
    """Judge what the module ``backup_state`` saw, as a section for the state of the machine."""
    return section("backups", seen, lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each point; what could not be seen is unknown."""
    view = view_of(seen.get("status"))
    if view is None:
        what, do = parted(seen.get("error") or "nothing was seen")
        what = shorten(f"they could not be seen: {what}", _LONGEST)
        return [Finding(UNKNOWN, "backup", _ABOUT, what, do or _SITE)]
    known = [
        _last_good(view),
        _last_run(view),
        _offsite(view),
        _drill(view),
        _check(view),
        _restore(view),
        _running(view, seen.get("busy")),
    ]
    told = {one.check for one in known if one.severity == PROBLEM}
    return [*known, *_units(view, seen.get("units"), told)]


def _last_good(view: View) -> Finding:
    check, good = "backup", view.good_backup
    if view.backup is None and good is None:
        return Finding(WARNING, check, _ABOUT, "there is none yet", _BACKUP)
    if good is None:
        return Finding(PROBLEM, check, _ABOUT, "there is no good one", _BACKUP)
    return _recent(view, check, good, "the last good one")


def _recent(view: View, check: str, good: Event, name: str) -> Finding:
    """Judge an age: two runs may be missed in a row before it is a problem, not three."""
    age, most = view.age(good.made), view.overdue_s
    if age is None:
        what = f"{name} is of {moment(good.made)}, and now it is {moment(view.now)}"
        return Finding(PROBLEM, check, _ABOUT, what, f"timedatectl, then {_BACKUP}")
    what = f"{name} is {span(age)} old"
    if most is None:
        unknown = f"{what}, but systemd does not tell how often one is due"
        return Finding(UNKNOWN, check, _ABOUT, unknown, "systemctl list-timers planner-backup")
    if age > most:
        overdue = f"{what}, and one is due every {length(view.interval_s)}"
        return Finding(PROBLEM, check, _ABOUT, overdue, _BACKUP)
    return Finding(OK, check, _ABOUT, what)


def _last_run(view: View) -> Finding:
    check, last = "backup-run", view.backup
    if last is None or last.result == log.GOOD:
        return Finding(OK, check, _ABOUT, "the last run was good" if last else "none ran yet")
    if last.result == log.DOUBTFUL:
        what = shorten(
            f"backup {last.number} is doubtful and does not count: {last.what}", _LONGEST
        )
        do = f"look into the data; if it is right: {_ACCEPT}"
        return Finding(PROBLEM, check, _ABOUT, what, do)
    return _bad(view, check, last, "the last run", _BACKUP)


def _offsite(view: View) -> Finding:
    check, there, last = "backup-offsite", view.good_upload, view.upload
    if not view.repository:
        what = "none is off-site: they die with this machine"
        return Finding(WARNING, check, _ABOUT, what, f"{_SET}, then {_SITE}")
    if last is not None and last.result != log.GOOD:
        newest = "none is off-site" if there is None else f"the newest off-site is {there.number}"
        return _bad(view, check, last, f"{newest}: the last upload", _BACKUP)
    if there is None and view.good_backup is None:
        return Finding(OK, check, _ABOUT, "there is none to bring off-site yet")
    if there is None:
        return Finding(PROBLEM, check, _ABOUT, "none is off-site yet", _BACKUP)
    return _recent(view, check, there, "the newest off-site")


def _drill(view: View) -> Finding:
    check, last, passed = "backup-drill", view.drill, view.passed_drill
    days = view.drill_max_age_days
    if last is None:
        age = view.age(view.since)
        if view.good_backup is None:
            return Finding(OK, check, _ABOUT, "there is none to rehearse a restore with yet")
        late = age is None or age > days * DAY_S
        what = "no restore was rehearsed" + ("" if late else " yet")
        return Finding(PROBLEM if late else WARNING, check, _ABOUT, what, _DRILL)
    if last.result != ladder.PASSED:
        at = next((f", at '{name}'" for name, how in last.steps if how != ladder.PASSED), "")
        name = f"the last drill {verdict(last)}{ago(view, last.ended)}{at}"
        what = shorten(f"{name}: {last.what or _CUT_OFF}", _LONGEST)
        again = f"{_BACKUP}, then {_DRILL}" if last.result == ladder.FAILED else _DRILL
        return Finding(PROBLEM, check, _ABOUT, what, _then(last, again))
    age = view.age((passed or last).ended)
    if age is None or age > days * DAY_S:
        what = f"no drill has passed for {shown(days)} days"
        return Finding(PROBLEM, check, _ABOUT, what, _DRILL)
    return Finding(OK, check, _ABOUT, f"the last drill passed {span(age)} ago")


def _check(view: View) -> Finding:
    check, last = "backup-check", view.check
    if not view.repository or last is None or last.result == log.GOOD:
        return Finding(OK, check, _ABOUT, "the off-site repository is whole, as far as was seen")
    return _bad(view, check, last, "the last check of the off-site repository", _CHECK)


def _restore(view: View) -> Finding:
    """Tell of a restore that was cut off, until a good backup of what serves now."""
    check, last, good = "backup-restore", view.restore, view.good_backup
    later = good is not None and (good.ended or 0) > ((last.ended if last else None) or 0)
    if last is None or last.result != log.INTERRUPTED or later:
        return Finding(OK, check, _ABOUT, "no restore was cut off")
    what = f"the last restore was {_CUT_OFF}"
    return Finding(
        PROBLEM, check, _ABOUT, what, f"look whether the product serves, then {_RESTORE}"
    )


def _running(view: View, busy: object) -> Finding:
    check, run = "backup-running", view.running
    if run is None:
        return Finding(OK, check, _ABOUT, "nothing is under way")
    what = f"the {run.kind} of {moment(run.ended)}"
    if busy is True:
        return Finding(OK, check, _ABOUT, f"{what} is under way")
    if busy is False:
        do = _AGAIN.get(run.kind, _BACKUP)
        return Finding(PROBLEM, check, _ABOUT, f"{what} was {_CUT_OFF}", do)
    what = f"{what} is under way, or was {_CUT_OFF}"
    return Finding(WARNING, check, _ABOUT, what, "systemctl status planner-maintenance.slice")


def _units(view: View, units: object, told: set[str]) -> list[Finding]:
    """Judge who makes the runs, and those of which only systemd knows that they failed."""
    known = units if isinstance(units, Mapping) else {}
    ran = {
        "planner-backup": ((view.backup, view.upload), {"backup-run", "backup-offsite"}),
        "planner-backup-check": ((view.check,), {"backup-check"}),
        "planner-drill": ((view.drill,), {"backup-drill"}),
    }
    found = []
    for name, (events, checks) in ran.items():
        if name == "planner-backup-check" and not view.repository:
            continue
        given = known.get(name)
        unit = given if isinstance(given, Mapping) else {}
        found.append(_timer(name, unit))
        ended = max((one.ended or 0 for one in events if one), default=0.0)
        if not told & checks:
            found.append(_died(name, unit, ended))
    return found


def _timer(name: str, unit: Mapping[str, Any]) -> Finding:
    check, about = "backup-timer", f"{name}.timer"
    if unit.get("active") is True:
        return Finding(OK, check, about, "it runs")
    if unit.get("active") is False:
        what = f"it does not run: {_JOBS[name][0]}"
        return Finding(PROBLEM, check, about, what, f"systemctl enable --now {about}")
    return Finding(UNKNOWN, check, about, "systemd did not tell", f"systemctl status {about}")


def _died(name: str, unit: Mapping[str, Any], ended: float) -> Finding:
    """Judge a run that failed after the last one that is in the log, or as its end."""
    check, about = "backup-unit", f"{name}.service"
    exited = number(unit.get("ended"))
    if unit.get("failed") is not True or (exited is not None and exited < ended):
        return Finding(OK, check, about, "its last run did not fail, or a later one was good")
    what = f"its last run failed ({plain(unit.get('result'))})"
    return Finding(PROBLEM, check, about, what, f"journalctl -u {about} -n 50")


def _bad(view: View, check: str, run: Event, name: str, again: str) -> Finding:
    """Tell of a run that failed or was cut off."""
    if run.result == log.INTERRUPTED:
        what = f"{name} was {_CUT_OFF}{ago(view, run.ended)}"
    else:
        what = f"{name} failed{ago(view, run.ended)}: {run.what or 'no reason noted'}"
    return Finding(PROBLEM, check, _ABOUT, shorten(what, _LONGEST), _then(run, again))


def _then(run: Event, again: str) -> str:
    return shorten(f"{run.do}, then {again}", _LONGEST) if run.do else again
