# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What apt did to a machine and what is left to do: its log read, judged, and put into a section of the state."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    WARNING,
    Finding,
    entries,
    number,
    section,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count, labelled

UNATTENDED, BY_HAND = "unattended", "by hand"
SHOWN_DAYS = 5
SHOWN_PACKAGES = 4
REBOOT_DAYS = 3
RUN_DAYS = 3
_DAY = 86400
_ACTIONS = ("Install", "Upgrade", "Downgrade", "Reinstall", "Remove", "Purge")
# One of: name:arch (old, new), name:arch (version, automatic), name:arch (version)
_PACKAGE = re.compile(
    r"(?P<name>[^\s:,()]+)(?::[^\s,()]+)? \((?P<first>[^,()]*)(?:, (?P<second>[^()]*))?\)"
)


@dataclass(frozen=True)
class Change:
    """One package and its versions; ``old`` or ``new`` is empty where there is none."""

    package: str
    action: str
    old: str
    new: str

    def __str__(self) -> str:
        """Render for a line of text."""
        if self.action in ("upgrade", "downgrade"):
            return f"{self.package} {self.old} -> {self.new}"
        return f"{self.action} {self.package} {self.new or self.old}"


@dataclass(frozen=True)
class Run:
    """One run of dpkg that apt wrote down, in the machine's own time zone."""

    at: str
    by: str
    command: str
    changes: tuple[Change, ...]
    error: str = ""
    finished: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        return asdict(self)


def parse_history(text: str) -> list[Run]:
    """Read ``/var/log/apt/history.log``: blocks with an empty line between them, the oldest first."""
    runs = []
    for block in re.split(r"\n\s*\n", text.strip()):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "Start-Date" not in fields:
            continue
        command = fields.get("Commandline", "")
        runs.append(
            Run(
                at=" ".join(fields["Start-Date"].split()),
                by=UNATTENDED if command.split(" ")[0].endswith("/unattended-upgrade") else BY_HAND,
                command=command,
                changes=tuple(
                    change
                    for action in _ACTIONS
                    for change in _changes(action.lower(), fields.get(action, ""))
                ),
                error=fields.get("Error", ""),
                finished="End-Date" in fields,
            )
        )
    return runs


def _changes(action: str, text: str) -> Iterable[Change]:
    for found in _PACKAGE.finditer(text):
        first, second = found["first"], found["second"] or ""
        if action in ("upgrade", "downgrade"):
            yield Change(found["name"], action, first, second)
        elif action in ("remove", "purge"):
            yield Change(found["name"], action, first, "")
        else:
            yield Change(found["name"], action, "", first)


def parse_simulation(output: str) -> list[str]:
    """Name what ``apt-get --simulate upgrade`` would install."""
    return [line.split()[1] for line in output.splitlines() if line.startswith("Inst ")]


def parse_status(output: str) -> list[str]:
    """Name packages between two states: ``dpkg-query`` shows the wish, the state and an error as three letters."""
    found = []
    for line in output.splitlines():
        state, _, name = line.partition(" ")
        # n(ot installed), c(onfiguration left), i(nstalled), and triggers that apt itself runs later (t, W).
        if len(state) > 1 and (state[1] not in "nciWt" or state[2:]):
            found.append(name.strip())
    return found


def upgrade_section(seen: object) -> dict[str, Any]:
    """Judge what the module ``upgrades`` saw, as a section for the state of the machine."""
    return section("updates", seen, _lines, judge)


def judge(seen: Mapping[str, Any]) -> list[Finding]:
    """Judge each point; what could not be seen is unknown."""
    return [_last_run(seen), _last_error(seen), _unfinished(seen), _reboot(seen)]


def _last_run(seen: Mapping[str, Any]) -> Finding:
    now, last = number(seen.get("now")), number(seen.get("last_success"))
    installed = number(seen.get("installed_at"))
    if now is None or (last is None and installed is None):
        do = "ansible-playbook playbooks/site.yml --tags hardening, unless `updates` is in hardening_off"
        return Finding(UNKNOWN, "updates", "updates", "nothing here upgrades by itself", do)
    days = (now - max(last or 0, installed or 0)) / _DAY
    if days > RUN_DAYS:
        what = f"no upgrade has succeeded for {count(int(days), 'day')}"
        return Finding(PROBLEM, "updates", "updates", what, "journalctl -u apt-daily-upgrade -n 50")
    return Finding(OK, "updates", "updates", "ran" if last else "the first run is to come")


def _last_error(seen: Mapping[str, Any]) -> Finding:
    runs = entries(seen.get("runs"))
    error = str(runs[-1].get("error") or "") if runs else ""
    if error:
        do = "less /var/log/apt/term.log"
        return Finding(
            WARNING, "updates-error", "updates", f"the last run of apt said: {error}", do
        )
    return Finding(OK, "updates-error", "updates", "the last run of apt had no error")


def _unfinished(seen: Mapping[str, Any]) -> Finding:
    names = seen.get("unfinished")
    if not isinstance(names, (list, tuple)):
        return Finding(UNKNOWN, "packages", "packages", "dpkg could not be asked", "dpkg --audit")
    if names:
        what = f"{count(len(names), 'package')} not installed to the end: {_some(names)}"
        return Finding(PROBLEM, "packages", "packages", what, "dpkg --configure -a")
    return Finding(OK, "packages", "packages", "all installed to the end")


def _reboot(seen: Mapping[str, Any]) -> Finding:
    now, since = number(seen.get("now")), number(seen.get("reboot_since"))
    if now is None:
        return Finding(UNKNOWN, "reboot", "restart", "it could not be seen whether one is needed")
    if since is None:
        return Finding(OK, "reboot", "restart", "none is needed")
    days = (now - since) / _DAY
    if days <= REBOOT_DAYS:
        return Finding(OK, "reboot", "restart", "one is to come")
    what = f"an upgrade has been waiting for one for {count(int(days), 'day')}"
    return Finding(WARNING, "reboot", "restart", what, "systemctl start planner-reboot.service")


def _lines(seen: Mapping[str, Any]) -> list[str]:
    last, since = number(seen.get("last_success")), number(seen.get("reboot_since"))
    pending = seen.get("pending")
    said = [f"last run {_utc(last)}" if last else "no run yet"]
    if isinstance(pending, (list, tuple)):
        said.append(f"{count(len(pending), 'package')} to upgrade")
    else:
        said.append("? packages to upgrade")
    if since is None:
        said.append("no restart needed")
    else:
        names = seen.get("reboot_packages")
        why = f" for {_some(names)}" if isinstance(names, (list, tuple)) and names else ""
        said.append(f"restart needed since {_utc(since)}{why}")
    lines = labelled("Updates", ", ".join(said))
    for day, by, changes in by_day(entries(seen.get("runs")))[-SHOWN_DAYS:]:
        lines += labelled("", f"{day} {by}: {_some(changes)}")
    return lines


def by_day(runs: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, list[str]]]:
    """Put runs of one day together: unattended-upgrades makes one for each package. New packages are left out."""
    days: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        key = (str(run.get("at") or "")[:10], str(run.get("by") or ""))
        said = [
            str(Change(*(str(one.get(name) or "") for name in ("package", "action", "old", "new"))))
            for one in entries(run.get("changes"))
            if one.get("action") not in ("install", "reinstall")
        ]
        days.setdefault(key, []).extend(said)
    return [(day, by, said) for (day, by), said in days.items() if said]


def _some(names: Sequence[object]) -> str:
    more = len(names) - SHOWN_PACKAGES
    return ", ".join(map(str, names[:SHOWN_PACKAGES])) + (f" and {more} more" if more > 0 else "")


def _utc(seconds: float) -> str:
    utc = dt.timezone.utc  # noqa: UP017 - targets may have Python 3.10
    return dt.datetime.fromtimestamp(seconds, utc).strftime("%Y-%m-%d %H:%M UTC")
