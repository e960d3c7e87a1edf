"""What the holder of a release key may ask for."""

import json
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._image_reference import Chosen
from ansible_collections.planner.droplet.plugins.module_utils._release_command import (
    USAGE,
    Command,
    CommandError,
    allowed,
    next_params,
    outcome,
    parse_command,
    parse_login,
    status_lines,
    wanted,
    with_image,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO = "ghcr.io/me/app@sha256:" + "1" * 64, "ghcr.io/me/app@sha256:" + "2" * 64
WORKER = "ghcr.io/me/worker@sha256:" + "3" * 64

TEST_COMMANDS: list[tuple[str, Command]] = [
    (f"deploy {ONE}", Command("deploy", ONE)),
    (f"  deploy   '{ONE}' --login", Command("deploy", ONE, login=True)),
    (f"deploy localhost:5000/{ONE}", Command("deploy", f"localhost:5000/{ONE}")),
    ("rollback", Command("rollback", "previous")),
    ("rollback previous", Command("rollback", "previous")),
    ("rollback 12", Command("rollback", "12")),
    ("rollback --login", Command("rollback", "previous", login=True)),
    ("rollback 3 --login", Command("rollback", "3", login=True)),
    ("status", Command("status")),
]
TEST_NO_COMMANDS = [
    "",
    " ",
    "--login",
    "bash",
    "sh -c id",
    "deploy",
    "deploy --login",
    "deploy ghcr.io/me/app:1.2",
    f"deploy ghcr.io/me/app:1.2@sha256:{'1' * 63}",
    f"deploy {ONE}0",
    f"deploy -{ONE}",
    f"deploy https://{ONE}",
    f"deploy docker-daemon:{ONE} x",
    f"deploy {ONE} {TWO}",
    f"deploy {ONE} --force",
    f"deploy {ONE}; reboot",
    f"deploy {ONE}\nreboot",
    f"deploy '{ONE}\n'",
    f"--login deploy {ONE}",
    f"deploy --login {ONE}",
    f"deploy {ONE} --login --login",
    f"DEPLOY {ONE}",
    "rollback 0",
    "rollback 01",
    "rollback -1",
    "rollback \N{ARABIC-INDIC DIGIT ONE}",
    "rollback 9999999999",
    "rollback latest",
    "rollback previous 3",
    "status --login",
    "status now",
    "status; id",
    "$(status)",
    "internal-sftp",
    "/usr/lib/openssh/sftp-server",
    "scp -t /tmp",
    "rsync --server . .",
]


@pytest.mark.parametrize("text, expected", TEST_COMMANDS)
def test_commands(text: str, expected: Command) -> None:
    """Three words and what belongs to them."""
    assert parse_command(text) == expected


@pytest.mark.parametrize("text", TEST_NO_COMMANDS)
def test_no_commands(text: str) -> None:
    """Anything else is none, and the answer is one line with the usage."""
    with pytest.raises(CommandError) as caught:
        parse_command(text)
    assert str(caught.value).endswith(USAGE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text, says", [("deploy 'x", "cannot be read: No closing quotation"), ("x" * 1001, "1001")]
)
def test_unreadable(text: str, says: str) -> None:
    """What is no row of words, or too long, is refused as well."""
    with pytest.raises(CommandError, match=says):
        parse_command(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever is asked for, it is a command or refused in one line of bounded length."""
    try:
        said = parse_command(text).action
    except CommandError as error:
        said = str(error).removesuffix(USAGE)
    assert said in {"deploy", "rollback", "status"} or said.endswith(". ")
    assert "\n" not in said
    assert len(said) < 12_000


LOGIN = {"registry": "ghcr.io", "username": "me", "password": "31337"}
TEST_NO_LOGINS: list[Any] = [
    {},
    [],
    "31337",
    {**LOGIN, "password": ""},
    {**LOGIN, "password": 31337},
    {**LOGIN, "more": "31337"},
    {"username": "me", "password": "31337"},
]


def test_login() -> None:
    """The registry's login is one line of JSON."""
    assert parse_login(json.dumps(LOGIN) + "\n") == LOGIN


@pytest.mark.parametrize(
    "line",
    ["", "\n", "31337", '{"password": "31337"', "[" * 9999, *map(json.dumps, TEST_NO_LOGINS)],
)
def test_no_login(line: str) -> None:
    """What is none is not shown: it may be most of a password."""
    with pytest.raises(CommandError, match="Standard input holds no login") as caught:
        parse_login(line)
    assert "31337" not in str(caught.value)


# the command, the backend's image now -> what the refusal begins with
TEST_ALLOWED = [
    (f"deploy {TWO}", ONE, ""),
    (f"deploy {TWO}", "ghcr.io/me/app:1.2", ""),
    (f"deploy localhost:5000/{TWO}", f"localhost:5000/{ONE}", ""),
    ("rollback", "planner.local/backend:0123456789ab", ""),
    ("rollback", "", "No backend was released here yet"),
    (f"deploy {TWO}", "", "No backend was released here yet"),
    (
        f"deploy ghcr.io/you/app@sha256:{'2' * 64}",
        ONE,
        "A release key may release ghcr.io/me/app only, not ghcr.io/you/app. Do: ",
    ),
    (f"deploy {TWO}", ONE.replace("ghcr.io", "docker.io"), "A release key may release docker.io/"),
    (f"deploy {TWO}", f"localhost:5000/{ONE}", "A release key may release localhost:5000/ghcr"),
    (f"deploy {TWO}", "ghcr.io/me/app2:1", "A release key may release ghcr.io/me/app2 only"),
    (
        f"deploy {TWO}",
        "planner.local/backend:0123456789ab",
        "A release key may release planner.local/backend only",
    ),
]


@pytest.mark.parametrize("text, running, says", TEST_ALLOWED)
def test_allowed(text: str, running: str, says: str) -> None:
    """Another digest of the repository that runs now, and nobody else's image."""
    problem = allowed(parse_command(text), {"backend": running})
    assert problem.startswith(says)
    assert bool(problem) == bool(says)


def test_wanted() -> None:
    """A deploy changes the backend's wish only, a rollback none."""
    before = {"backend": "app:1", "worker": "worker:1"}
    assert wanted(Command("deploy", TWO), before) == {"backend": TWO, "worker": "worker:1"}
    assert wanted(Command("rollback", "3"), before) == before


COMPOSE = f"""\
# services:
x-service: &service
  backend:
    image: {ONE}
services:
  nginx:
    image: nginx:1
  backend:
    <<: *service
    # image: {ONE}
    image: {ONE}
    environment:
      NOTE: "
    image: other"
    healthcheck:
      image: {ONE}
  worker:
    image: {WORKER}
networks:
  backend:
    image: {ONE}
"""


def test_with_image() -> None:
    """One line differs: the image of that service."""
    changed = with_image(COMPOSE, "backend", ONE, TWO)
    pairs = zip(COMPOSE.splitlines(), changed.splitlines(), strict=True)
    differing = [(number, new) for number, (old, new) in enumerate(pairs) if old != new]
    assert differing == [(10, f"    image: {TWO}")]
    assert with_image(changed, "backend", TWO, ONE) == COMPOSE


@pytest.mark.parametrize(
    "text, service, old, times",
    [
        (COMPOSE, "backend", TWO, 0),
        (COMPOSE, "work", WORKER, 0),
        (
            COMPOSE.replace(f"    image: {ONE}", f"    image: {ONE}\n    image: {ONE}"),
            "backend",
            ONE,
            3,
        ),
        ("", "backend", ONE, 0),
    ],
)
def test_no_such_image(text: str, service: str, old: str, times: int) -> None:
    """A file that is not as expected is left to the playbook."""
    with pytest.raises(
        CommandError, match=f"'image: {old}' {times} times instead of once. Do: run"
    ):
        with_image(text, service, old, "new")


def test_next_params() -> None:
    """The owner's last release with another image: no other setting changes, and no risk is taken again."""
    saved = {"compose": COMPOSE, "timeout_s": 7, "accept_breaking_schema": True, "given": {}}
    before = {"backend": ONE, "worker": WORKER}
    chosen = Chosen("rollback", 3, {"backend": "app:1", "worker": "worker:1"}, {})
    assert next_params(saved, before, {"backend": TWO, "worker": WORKER}, chosen) == {
        "compose": with_image(COMPOSE, "backend", ONE, TWO),
        "timeout_s": 7,
        "accept_breaking_schema": False,
        "given": {"backend": "app:1", "worker": "worker:1"},
        "kind": "rollback",
        "to": 3,
    }
    assert saved["accept_breaking_schema"] is True


def record(number: int, image: str, **more: Any) -> Record:
    """A release of a day."""
    started = f"2026-11-{number:02}T17:15:00Z"
    more = {"by": "me", "result": "good", **more}
    return Record(
        number, images={"backend": image}, given={"backend": "app"}, started=started, **more
    )


VOID: dict[str, Any] = {"result": "void", "reason": "it was not ready"}
TEST_STATUS: list[tuple[list[Record], list[str]]] = [
    ([], ["No release has succeeded yet."]),
    (
        [record(1, ONE, **VOID)],
        [
            "No release has succeeded yet.",
            f"Release 1, 2026-11-01T17:15:00Z, by me: {ONE} is void: it was not ready.",
        ],
    ),
    (
        [record(1, ONE)],
        [
            f"Release 1, 2026-11-01T17:15:00Z, by me: {ONE} is good.",
            "A rollback leads to nothing.",
        ],
    ),
    (
        [record(1, ONE), record(2, TWO), record(3, WORKER, by="key ci", **VOID)],
        [
            f"Release 2, 2026-11-02T17:15:00Z, by me: {TWO} is good.",
            f"Release 3, 2026-11-03T17:15:00Z, by key ci: {WORKER} is void: it was not ready.",
            "A rollback leads to release 1, app.",
        ],
    ),
]


@pytest.mark.parametrize("records, expected", TEST_STATUS)
def test_status(records: list[Record], expected: list[str]) -> None:
    """What runs, what went wrong since, and where the way back leads."""
    assert list(status_lines(records)) == expected


def test_outcome_without_a_backend() -> None:
    """A release of other services has an end, too."""
    assert outcome(Record(4, result="good", by="me")).endswith("by me: no backend is good.")
