# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The program ``planner-release``: carries out what the holder of a release key asks for."""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._event_lock import (
    HELD,
    LOCK,
    event_lock,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_fetch import (
    ImageRequest,
    fetch,
)
from ansible_collections.planner.droplet.plugins.module_utils._image_registry import Login
from ansible_collections.planner.droplet.plugins.module_utils._release_command import (
    ROLLBACK,
    STATUS,
    Command,
    CommandError,
    allowed,
    next_params,
    outcome,
    parse_command,
    parse_login,
    parse_words,
    status_lines,
    wanted,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_engine import (
    REQUEST_FILE,
    Outcome,
    Request,
    perform,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    Record,
    current,
    read,
)

FROM_SSH = "--from-ssh="
_LOCK_WAIT_S = 600
_ONE_WAIT_S = 5
_LOGIN_WAIT_S = 30
_LONGEST_LOGIN = 64 * 1024


def main(words: Sequence[str], folder: str) -> int:
    """Do one command; return the exit code. A caller who hangs up does not stop a release half-way."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        if len(words) == 1 and words[0].startswith(FROM_SSH):
            by = f"key {words[0].removeprefix(FROM_SSH)}"
            command = parse_command(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
        else:
            by = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
            command = parse_words(words)
        if command.action == STATUS:
            say(*status_lines(read(folder).records))
        else:
            release(command, by, folder)
    except (CommandError, DockerError) as error:
        print(f"planner-release: {error}", file=sys.stderr)  # noqa: T201 - this is its output
        return 1
    return 0


def say(*lines: str) -> None:
    """Print at once; where nobody listens any more, go on in silence."""
    try:
        for line in lines:
            print(line, flush=True)  # noqa: T201 - this is its output
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def release(command: Command, by: str, folder: str) -> None:
    """Fetch the images and release them, with everything else as the owner's last run left it."""
    _judged(command, folder)
    name = f"a release by {by}"
    # Whoever has the key could start many, and each takes memory while it waits.
    with event_lock(f"{LOCK}.by-key", name, _ONE_WAIT_S):
        login = _read_login() if command.login else None
        say(f"{command.action} {command.target}, by {by}")
        # From reading to the end: what an owner's run changes in between would be undone by what was read before it.
        with event_lock(LOCK, name, _LOCK_WAIT_S):
            done = _carry_out(command, by, folder, login)
    say(*done.steps, outcome(done.record) if done.record else "It runs already: nothing to do.")


def _judged(command: Command, folder: str) -> tuple[Record, dict[str, Any]]:
    """Read what runs and what the last run gave the release, or say why the command is refused."""
    now, saved = current(read(folder).records), _load(folder)
    problem = allowed(command, now.images if now and saved else {})
    if now is None or problem:
        raise CommandError(problem)
    return now, saved


def _carry_out(command: Command, by: str, folder: str, login: Login | None) -> Outcome:
    now, saved = _judged(command, folder)
    request = ImageRequest(
        project_dir=folder,
        wanted=wanted(command, now.given),
        rollback_to=command.target if command.action == ROLLBACK else "",
        login=login,
        by=by,
        lock=HELD,
    )
    fetched = fetch(request, check_mode=False)
    say(*fetched.changes)
    params = next_params(saved, now.images, fetched.images, fetched.chosen)
    return perform(Request(**{**params, "by": by, "lock": HELD}))


def _read_login() -> Login:
    """Read the one line; who announces a login and sends none is not waited for."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(_LOGIN_WAIT_S)
    line = sys.stdin.readline(_LONGEST_LOGIN)
    signal.alarm(0)
    return Login(**parse_login(line))


def _too_late(_signal: int, _frame: object) -> None:
    raise CommandError(f"No login came on standard input within {_LOGIN_WAIT_S} s.")


def _load(folder: str) -> dict[str, Any]:
    """Read what the owner's last run gave the release; nothing where none succeeded yet."""
    path = os.path.join(folder, REQUEST_FILE)
    try:
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError:
        saved = None
    known = {one.name for one in fields(Request)}
    if not isinstance(saved, dict) or "compose" not in saved or set(saved) - known:
        raise CommandError(
            f"{path} is of another version or damaged. Do: run playbooks/site.yml, from your own machine."
        )
    return saved
