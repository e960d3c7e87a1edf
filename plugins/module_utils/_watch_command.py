# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program ``planner-watch``: what the timers, Monit, the playbooks and whoever is there call."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import PROBLEM
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import (
    ChannelError,
    channels,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import clean
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import (
    RAISED,
    TEST,
    Message,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_run import (
    deliver,
    run,
    status,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    Settings,
    WatchError,
    read_settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_state import (
    held,
    read_memory,
)

VERBS = {
    "look": "look at everything, mend, tell: what the timer does each minute",
    "status": "tell as JSON what stands and who would be told",
    "test": "send a message over every channel",
    "hush": "tell nothing for so many MINUTES, for work on the machine; 0 ends it",
    "clean": "make room on the disk, without touching data or the way back",
    "report": "write the report of a MONTH (2026-11), by default the last, and send its summary",
    "review": "search the logs of the last week for errors that are new",
    "cry": "tell that nobody looks any more: what Monit calls",
}
_MOST_MINUTES = 7 * 24 * 60


def main(words: Sequence[str], folder: str) -> int:
    """Do one verb; return the exit code: 0 when all is as wished, 1 when something is not."""
    given = _parser().parse_args(words)
    os.umask(0o077)
    failed = False
    try:
        complaints = _run(given, read_settings(folder))
    except (WatchError, DockerError, OSError, ValueError) as error:
        complaints, failed = [str(error)], True
    for line in complaints:
        print(f"planner-watch: {line}", file=sys.stderr, flush=True)  # noqa: T201 - this is its output
    # A look whose channel is down has done its work: the next one tries again.
    return 1 if failed or (complaints and given.verb != "look") else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="planner-watch",
        description="Watches this machine and the product. docs/watch.md explains it.",
        epilog="\n".join(f"{verb:<8} {what}" for verb, what in VERBS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("value", nargs="?", default="", help="of hush MINUTES, report MONTH")
    return parser


def _run(given: argparse.Namespace, settings: Settings) -> list[str]:
    verbs: dict[str, Callable[[], list[str]]] = {
        "look": lambda: run(settings),
        "status": lambda: _status(settings),
        "test": lambda: _test(settings),
        "hush": lambda: _hush(settings, given.value),
        "clean": lambda: _clean(settings),
        "report": lambda: _report(settings, given.value),
        "review": lambda: _review(settings),
        "cry": lambda: _cry(settings),
    }
    return verbs[given.verb]()


def _status(settings: Settings) -> list[str]:
    print(json.dumps(status(settings, read_memory(settings), time.time())))  # noqa: T201 - this is its output
    return []


def _test(settings: Settings) -> list[str]:
    """Send at once, whatever waits: whoever asks stands there."""
    text = f"TEST {settings.host}: messages of planner-watch arrive here"
    return _at_once(settings, Message(TEST, text, at=time.time()))


def _cry(settings: Settings) -> list[str]:
    """Tell it without the state, which may be what nobody can read any more."""
    lines = ("Do: journalctl -u planner-watch -n 50", "Do: systemctl restart planner-watch.timer")
    title = f"PROBLEM {settings.host}: nobody has looked for minutes, so nothing else is told"
    return _at_once(
        settings, Message(RAISED, title, lines, urgent=True, at=time.time(), severity=PROBLEM)
    )


def _at_once(settings: Settings, message: Message) -> list[str]:
    ways = channels(settings)
    failed = [] if ways else ["no channel is set. Do: watch_telegram_chat and playbooks/site.yml"]
    for name, send in ways.items():
        try:
            send(message)
        except ChannelError as error:
            failed.append(f"{name}: {error.reason}")
        else:
            print(f"{name}: sent")  # noqa: T201 - this is its output
    return failed


def _hush(settings: Settings, minutes: str) -> list[str]:
    if not minutes.isdecimal() or int(minutes) > _MOST_MINUTES:
        return [f"hush {minutes!r:.40}: give minutes, 0 to {_MOST_MINUTES}"]
    now = time.time()
    with held(settings) as memory:
        memory.hushed_until = now + 60 * int(minutes) if int(minutes) else 0
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(memory.hushed_until))
    print(f"Nothing is told until {until}." if memory.hushed_until else "All is told again.")  # noqa: T201 - this is its output
    return []


def _clean(settings: Settings) -> list[str]:
    done = clean(settings, time.time())
    for line in done.freed or (() if done.left else ["Nothing had to go."]):
        print(line)  # noqa: T201 - this is its output
    print(f"{done.use.percent:.0f} % of the disk are in use.")  # noqa: T201 - this is its output
    return [*done.left, *([f"Do: {done.do}"] if done.do else [])]


# What only these two need, a look each minute does without.
def _report(settings: Settings, month: str) -> list[str]:
    from ansible_collections.planner.droplet.plugins.module_utils._watch_report import (  # noqa: PLC0415
        write_report,
    )

    return _send(settings, write_report(settings, month, time.time()))


def _review(settings: Settings) -> list[str]:
    from ansible_collections.planner.droplet.plugins.module_utils._watch_review import (  # noqa: PLC0415
        write_review,
    )

    message = write_review(settings, time.time())
    return _send(settings, message) if message else []


def _send(settings: Settings, message: Message) -> list[str]:
    print(message.text())  # noqa: T201 - this is its output
    return deliver(settings, message)
