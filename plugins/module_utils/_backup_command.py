# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program ``planner-backup``: what the timers, the playbooks and whoever is there call."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ansible_collections.planner.droplet.plugins.module_utils._backup_drill import Drill
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Engine, Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_restore import Restore, Wish
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
    read_settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_status import listing, status
from ansible_collections.planner.droplet.plugins.module_utils._pipe import PipeError

MAINTENANCE = "/usr/local/sbin/planner-maintenance"
VERBS = {
    "run": "make a backup now, check it, bring it off-site",
    "list": "show what backups there are, here and off-site",
    "drill": "restore the newest one into a throw-away PostgreSQL and judge it",
    "check": "check the off-site repository, and give back its space",
    "restore": "bring a backup's data back",
    "fetch": "only bring a backup's files here, and say where they are",
    "rebuild": "unpack the host's files of a backup, on a bare machine",
    "init": "make the off-site repository, if there is none",
    "unlock": "remove the locks of a restic that died",
    "status": "tell as JSON how old, how large, how good",
}
# What takes memory, or the one folder that a snapshot is fetched to.
_EVENTS = {
    "run": "backup",
    "drill": "drill",
    "check": "backup",
    "restore": "restore",
    "fetch": "restore",
    "rebuild": "restore",
}
WAITS_S = 3600


def main(words: Sequence[str], folder: str) -> int:
    """Do one verb; return the exit code: 0 when all is as wished, 1 when something is not."""
    given = _parser().parse_args(words)
    event = _EVENTS.get(given.verb)
    # A bare machine has no slice yet, and nobody to wait for.
    bare = given.verb == "rebuild" and not os.path.exists(MAINTENANCE)
    if event and not (given.dry_run or bare or "PLANNER_MAINTENANCE" in os.environ):
        _in_maintenance(event, given.wait, words)
    os.umask(0o077)
    try:
        report = _run(given, read_settings(folder))
    except (BackupError, PipeError, OSError, ValueError) as error:
        report = Report(problems=[str(error)])
    if report is not None:
        _tell(report, as_json=given.json)
        return 1 if report.problems else 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="planner-backup",
        description="Makes backups that come back. docs/backup.md explains it.",
        epilog="\n".join(f"{verb:<8} {what}" for verb, what in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument(
        "backup", nargs="?", default="latest", help="latest, a number, a day or a moment in UTC"
    )
    parser.add_argument("--why", default="by hand", help="run: what is noted in the manifest")
    parser.add_argument(
        "--accept-shrink", action="store_true", help="run: less data than before is right"
    )
    parser.add_argument(
        "--from", dest="source", choices=("any", "local", "offsite"), default="any",
        help="restore, fetch, drill: where it is looked for",
    )  # fmt: skip
    parser.add_argument(
        "--into", default="place", help="restore: place, or the name of a database beside it"
    )
    parser.add_argument("--table", default="", help="restore: only this table's rows")
    parser.add_argument("--redis", action="store_true", help="restore: Redis' data too")
    parser.add_argument("--volumes", action="store_true", help="restore: the extra volumes too")
    parser.add_argument(
        "--dry-run", action="store_true", help="restore: only say what would happen"
    )
    parser.add_argument(
        "--wait", type=int, default=WAITS_S, metavar="S", help="seconds for another event to end"
    )
    parser.add_argument("--json", action="store_true", help="print a report for programs")
    return parser


def _in_maintenance(event: str, wait_s: int, words: Sequence[str]) -> None:
    """Begin again inside the maintenance slice and under its lock, with this process' files."""
    if not os.path.exists(MAINTENANCE):
        raise SystemExit(f"planner-backup: {MAINTENANCE} is missing. Do: run playbooks/site.yml")
    program = os.path.abspath(sys.argv[0])
    os.execv(MAINTENANCE, [MAINTENANCE, "--wait", str(wait_s), event, program, *words])  # noqa: S606 - no shell


def _run(given: argparse.Namespace, settings: Settings) -> Report | None:
    engine = Engine(settings)
    shown: dict[str, Callable[[], str]] = {
        "list": lambda: listing(engine, as_json=given.json),
        "status": lambda: json.dumps(status(engine)),
    }
    if given.verb in shown:
        print(shown[given.verb]())  # noqa: T201 - this is its output
        return None
    verbs: dict[str, Callable[[], Report]] = {
        "run": lambda: engine.backup(given.why, accept_shrink=given.accept_shrink),
        "init": engine.init,
        "check": engine.check,
        "unlock": lambda: _unlock(engine),
        "drill": lambda: Drill(engine, given.source).run(given.backup),
        "rebuild": lambda: Restore(engine, _wish(given)).rebuild(),
        "fetch": lambda: Restore(engine, _wish(given)).fetch_only(),
        "restore": lambda: Restore(engine, _wish(given)).run(dry=given.dry_run),
    }
    return verbs[given.verb]()


def _wish(given: argparse.Namespace) -> Wish:
    return Wish(
        given.backup, given.source, given.into, given.table,
        redis=given.redis, volumes=given.volumes,
    )  # fmt: skip


def _unlock(engine: Engine) -> Report:
    engine.restic.unlock()
    return Report(did=["Removed the locks of processes that are dead; others stay."])


def _tell(report: Report, *, as_json: bool) -> None:
    """Print what was done, and on standard error what is wrong; the journal keeps both."""
    if as_json:
        print(json.dumps(asdict(report)))  # noqa: T201 - this is its output
        return
    for line in [*report.did, *report.notes]:
        print(line, flush=True)  # noqa: T201 - this is its output
    for line in report.problems:
        print(f"planner-backup: {line}", file=sys.stderr, flush=True)  # noqa: T201 - this is its output
