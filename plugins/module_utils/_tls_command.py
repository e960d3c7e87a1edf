# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program ``planner-tls``: what the timer, certbot's hook, the playbook and whoever is there call."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Fetched
from ansible_collections.planner.droplet.plugins.module_utils._dns import lookup
from ansible_collections.planner.droplet.plugins.module_utils._tls_engine import Engine, Report
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    SETTINGS_FILE,
    Settings,
    TlsError,
    parse_settings,
)

MAINTENANCE = "/usr/local/sbin/planner-maintenance"
EVENT = "certificate"
VERBS = {
    "keep": "serve the best certificate there is, obtain a new one when it is due, tell Telegram",
    "serve": "only have nginx serve the best certificate there is (certbot's deploy hook)",
    "land": "only put it where nginx reads it, before nginx runs",
    "look": "tell as JSON what `keep` would do",
    "status": "tell as JSON what is served, and how the next one will come",
}
_READ_ONLY = {"look", "status"}


def main(words: Sequence[str], folder: str) -> int:
    """Do one verb; return the exit code: 0 when all is as wished, 1 when something is not."""
    given = _parser().parse_args(words)
    if given.verb not in _READ_ONLY and "PLANNER_MAINTENANCE" not in os.environ:
        _in_maintenance(given.wait, words)
    try:
        return _run(given, folder)
    except (TlsError, OSError) as error:
        _tell(Report(problems=[str(error)]), as_json=given.json)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="planner-tls",
        description="Keeps the certificate that nginx serves.",
        epilog="\n".join(f"{verb:<7} {what}" for verb, what in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument(
        "--retry", action="store_true", help="also where the last failure says to wait"
    )
    parser.add_argument(
        "--wait", type=int, default=3600, metavar="S", help="seconds for another event to end"
    )
    parser.add_argument(
        "--offer", action="store_true", help="look: leave a token for another machine to fetch"
    )
    parser.add_argument("--json", action="store_true", help="print a report for programs")
    parser.add_argument(
        "--input", action="store_true", help="read JSON from standard input: settings, outside"
    )
    return parser


def _in_maintenance(wait_s: int, words: Sequence[str]) -> None:
    """Begin again inside the maintenance slice and under its lock, with this process' files."""
    if not os.path.exists(MAINTENANCE):
        raise SystemExit(f"planner-tls: {MAINTENANCE} is missing. Do: run playbooks/site.yml")
    program = os.path.abspath(sys.argv[0])
    os.execv(MAINTENANCE, [MAINTENANCE, "--wait", str(wait_s), EVENT, program, *words])  # noqa: S606 - no shell


def _run(given: argparse.Namespace, folder: str) -> int:
    told = json.load(sys.stdin) if given.input else {}
    settings = _settings(folder, told.get("settings"))
    engine = Engine(settings, lookup, [Fetched(**one) for one in told.get("outside", ())])
    if given.verb in _READ_ONLY:
        seen = engine.look(offer=given.offer) if given.verb == "look" else engine.status()
        print(json.dumps(seen))  # noqa: T201 - this is its output
        return 0
    if given.verb == "keep":
        report = engine.keep(retry=given.retry)
    else:
        report = engine.serve() if given.verb == "serve" else engine.land()
    _tell(report, as_json=given.json)
    return 1 if report.problems else 0


def _settings(folder: str, told: object) -> Settings:
    if told is not None:
        return parse_settings(json.dumps(told))
    path = os.path.join(folder, SETTINGS_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            return parse_settings(file.read())
    except FileNotFoundError as error:
        raise TlsError(f"{path} is missing. Do: run playbooks/site.yml") from error


def _tell(report: Report, *, as_json: bool) -> None:
    """Print what was done, and on standard error what is wrong; the journal keeps both."""
    if as_json:
        print(json.dumps(asdict(report)))  # noqa: T201 - this is its output
        return
    for line in [*report.did, *report.notes]:
        print(line, flush=True)  # noqa: T201 - this is its output
    for line in report.problems:
        print(f"planner-tls: {line}", file=sys.stderr, flush=True)  # noqa: T201 - this is its output
    if not (report.did or report.notes or report.problems) and sys.stdout.isatty():
        print("The certificate is as wished: nothing to do.")  # noqa: T201 - this is its output
