# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program ``planner-upgrade-postgres``, which playbooks/upgrade_postgres.yml calls step by step."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    read_settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._pipe import PipeError
from ansible_collections.planner.droplet.plugins.module_utils._postgres_upgrade import Upgrading

MAINTENANCE = "/usr/local/sbin/planner-maintenance"
VERBS = {
    "begin": "rehearse, hold the app, and fill the volume of the new version",
    "finish": "the stack serves from it: write that down",
    "settle": "bring the old version back, unless the new one serves already",
    "confirm": "remove the old version's volume",
}
WAITS_S = 3600


def main(words: Sequence[str], folder: str) -> int:
    """Do one verb; return the exit code: 0 when all is as wished, 1 when something is not."""
    given = _parser().parse_args(words)
    if not given.dry_run and "PLANNER_MAINTENANCE" not in os.environ:
        begin = ("--wait", str(given.wait), "postgres-upgrade", os.path.abspath(sys.argv[0]))
        os.execv(MAINTENANCE, [MAINTENANCE, *begin, *words])  # noqa: S606 - no shell
    os.umask(0o077)
    try:
        report = _run(given, folder)
    except (BackupError, DockerError, PipeError, OSError, ValueError) as error:
        report = Report(problems=[str(error)])
    if given.json:
        print(json.dumps(asdict(report)))  # noqa: T201 - this is its output
    else:
        for line in [*report.did, *report.notes]:
            print(line)  # noqa: T201 - this is its output
        for line in report.problems:
            print(f"planner-upgrade-postgres: {line}", file=sys.stderr)  # noqa: T201 - this is its output
    return 1 if report.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="planner-upgrade-postgres",
        description="The steps of playbooks/upgrade_postgres.yml on the host. By hand only: settle.",
        epilog="\n".join(f"{verb:<8} {what}" for verb, what in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--to", type=int, default=0, help="begin, confirm: the major version")
    parser.add_argument("--image", default="", help="begin: its image")
    parser.add_argument("--dry-run", action="store_true", help="begin, confirm: only say")
    parser.add_argument(
        "--wait", type=int, default=WAITS_S, metavar="S", help="seconds for another event to end"
    )
    parser.add_argument("--json", action="store_true", help="print a report for programs")
    return parser


def _run(given: argparse.Namespace, folder: str) -> Report:
    upgrading = Upgrading(read_settings(folder))
    if given.verb == "begin":
        return upgrading.begin(given.to, given.image, dry=given.dry_run)
    if given.verb == "confirm":
        return upgrading.confirm(given.to, dry=given.dry_run)
    if given.verb == "finish":
        return upgrading.finish()
    return upgrading.settle()
