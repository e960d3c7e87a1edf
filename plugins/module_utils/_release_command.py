# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What the holder of a release key may ask the Droplet for, and what comes of it.

Pure. A command is words that must match exactly; nothing in it ever reaches a shell.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._image_reference import (
    Chosen,
    repository_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._release import BACKEND
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    PREVIOUS,
    Record,
    current,
    previous,
)

DEPLOY, ROLLBACK, STATUS = "deploy", "rollback", "status"
LOGIN = "--login"
USAGE = (
    f"Usage: {DEPLOY} NAME@sha256:DIGEST [{LOGIN}] | {ROLLBACK} [{PREVIOUS}|NUMBER] [{LOGIN}] | {STATUS}. "
    f'With {LOGIN} a line of JSON follows on standard input: {{"registry", "username", "password"}}.'
)
_LONGEST = 1000
_PINNED = re.compile(r"(?!.*//)[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_LOGIN_KEYS = ("registry", "username", "password")


class CommandError(ValueError):
    """It is not done; the message says why and what to do."""


@dataclass(frozen=True)
class Command:
    """One of the three things. ``target`` is an image, or a release to go back to; ``login`` whether one follows."""

    action: str
    target: str = ""
    login: bool = False


def parse_command(text: str) -> Command:
    """Read what an SSH client asked for."""
    if len(text) > _LONGEST:
        raise CommandError(f"A command of {len(text)} characters is none. {USAGE}")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{text!r} cannot be read: {error}. {USAGE}") from error
    return parse_words(words)


def parse_words(words: Sequence[str]) -> Command:
    """Read a command that is split already."""
    action, target, login = _split(words)
    if action == DEPLOY and target:
        if not _PINNED.fullmatch(target):
            raise CommandError(f"{target!r} is no image with its digest. {USAGE}")
        return Command(action, target, login)
    if action == ROLLBACK and (target in {"", PREVIOUS} or _NUMBER.fullmatch(target)):
        return Command(action, target or PREVIOUS, login)
    if action == STATUS and not (target or login):
        return Command(action)
    said = repr(shlex.join(words)) if words else "Nothing"
    raise CommandError(f"{said} is none of the commands. {USAGE}")


def _split(words: Sequence[str]) -> tuple[str, str, bool]:
    login = len(words) > 1 and words[-1] == LOGIN
    rest = words[:-1] if login else words
    if not 0 < len(rest) <= 2:
        return "", "", False
    return rest[0], rest[1] if len(rest) == 2 else "", login


def parse_login(line: str) -> dict[str, str]:
    """Read the registry's login; no message ever shows a value."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        given = None
    if (
        not isinstance(given, Mapping)
        or set(given) != set(_LOGIN_KEYS)
        or not all(isinstance(value, str) and value for value in given.values())
    ):
        raise CommandError(f"Standard input holds no login. {USAGE}")
    return dict(given)


def allowed(command: Command, images: Mapping[str, str]) -> str:
    """Say why the command may not be carried out beside these images; empty when it may.

    A key that got lost must not bring an image of somebody else's to this host.
    """
    running = images.get(BACKEND, "")
    if not running:
        return (
            "No backend was released here yet, so there is none whose next version could be."
            " Do: release the first one with the playbook, from your own machine."
        )
    mine, asked = repository_of(running), repository_of(command.target)
    if command.action != DEPLOY or asked == mine:
        return ""
    return (
        f"A release key may release {mine} only, not {asked}."
        " Do: move to another repository with the playbook, from your own machine."
    )


def wanted(command: Command, given: Mapping[str, str]) -> dict[str, str]:
    """List what each service shall run, as somebody would write it."""
    return {**given, BACKEND: command.target} if command.action == DEPLOY else dict(given)


def with_image(compose: str, service: str, old: str, new: str) -> str:
    """Put another image into one service of a rendered Compose file; all else stays letter by letter."""
    lines = compose.splitlines(keepends=True)
    mine = [
        index
        for index in _section(lines, service)
        if lines[index].rstrip("\n") == f"    image: {old}"
    ]
    if len(mine) != 1:
        raise CommandError(
            f"services.{service} of the Compose file has the line 'image: {old}' {len(mine)} times instead of once."
            " Do: run playbooks/site.yml, from your own machine."
        )
    lines[mine[0]] = f"    image: {new}\n"
    return "".join(lines)


def _section(lines: Sequence[str], service: str) -> Iterable[int]:
    """Number the lines of one service. The file is our own: two blanks a level."""
    top = name = ""
    for index, line in enumerate(lines):
        if re.match(r"[^\s#]", line):
            top, name = line.rstrip(), ""
        elif re.match(r"  [^\s#]", line):
            name = line.rstrip()
        elif (top, name) == ("services:", f"  {service}:"):
            yield index


def next_params(
    saved: Mapping[str, Any],
    before: Mapping[str, str],
    after: Mapping[str, str],
    chosen: Chosen,
) -> dict[str, Any]:
    """Turn what the last run gave the release into what this one gives it: other images, all else the same."""
    compose = saved["compose"]
    for service, old in before.items():
        new = after.get(service, old)
        if new != old:
            compose = with_image(compose, service, old, new)
    return {
        **saved,
        "compose": compose,
        "given": dict(chosen.given),
        "kind": chosen.kind,
        "to": chosen.to,
        # Whoever accepted a risk accepted it for that one release.
        "accept_breaking_schema": False,
    }


def outcome(record: Record) -> str:
    """Say in one line how a release ended."""
    version = record.images.get(BACKEND) or record.version or "no backend"
    end = f"{record.result}: {record.reason}" if record.reason else record.result
    return f"Release {record.release}, {record.started}, by {record.by}: {version} is {end}."


def status_lines(records: Sequence[Record]) -> tuple[str, ...]:
    """Tell what runs, how the last attempt ended where that is another, and where a rollback leads."""
    now, back = current(records), previous(records)
    lines = [outcome(now) if now else "No release has succeeded yet."]
    if records and records[-1].result != GOOD:
        lines.append(outcome(records[-1]))
    if now:
        lines.append(
            f"A rollback leads to {f'release {back.release}, {back.version}' if back else 'nothing'}."
        )
    return tuple(lines)
