"""Which ways into a host are tried, and what is said when none opens."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._login import (
    Way,
    last_words,
    no_way,
    parse_connection,
    ways,
)

# what is known -> the ways in their order, as people write them
TEST_WAYS: list[tuple[str, tuple[str, int, str, int | None], list[str]]] = [
    ("an address only", ("deploy", 22, "root", None), ["deploy, port 22", "root, port 22"]),
    ("the inventory names the admin", ("deploy", 22, "deploy", None), ["deploy, port 22"]),
    ("a forwarded port", ("deploy", 22, "root", 2201), ["deploy, port 2201", "root, port 2201"]),
    (
        "a port that is going to change",
        ("deploy", 2222, "root", None),
        ["deploy, port 2222", "deploy, port 22", "root, port 2222", "root, port 22"],
    ),
    (
        "a changed port behind an inventory that still has the old one",
        ("deploy", 2222, "deploy", 22),
        ["deploy, port 2222", "deploy, port 22"],
    ),
    ("the same port in both", ("deploy", 2222, "deploy", 2222), ["deploy, port 2222"]),
]

TEST_LAST_WORDS = [
    ("Permission denied (publickey).", "Permission denied (publickey)."),
    ("Warning: a new host\r\nConnection refused\r\n\r\n", "Connection refused"),
    ("", "no answer"),
    (" \n\n", "no answer"),
]

TEST_PARSE_CONNECTION: list[tuple[str, dict[str, str | int]]] = [
    ("203.0.113.9 52011 10.0.0.2 22\n", {"client": "203.0.113.9", "host_port": 22}),
    ("2001:db8::9 52011 2001:db8::2 2222", {"client": "2001:db8::9", "host_port": 2222}),
    ("", {}),
    ("\n", {}),
    ("203.0.113.9 52011 22", {}),
]


@pytest.mark.parametrize(
    "known, expected", [row[1:] for row in TEST_WAYS], ids=[row[0] for row in TEST_WAYS]
)
def test_ways(known: tuple[str, int, str, int | None], expected: list[str]) -> None:
    """The admin comes first, the changed port before the old one, and nothing is tried twice."""
    assert [str(way) for way in ways(*known)] == expected


@pytest.mark.parametrize("text, expected", TEST_LAST_WORDS)
def test_last_words(text: str, expected: str) -> None:
    """Ssh's reason is the last thing it says."""
    assert last_words(text) == expected


@pytest.mark.parametrize("text, expected", TEST_PARSE_CONNECTION)
def test_parse_connection(text: str, expected: dict[str, str | int]) -> None:
    """Four fields as sshd writes them; anything else tells nothing."""
    assert parse_connection(text) == expected


def test_no_way() -> None:
    """Each way has its own line with its own reason; the last line says what to do."""
    tried = [(Way("deploy", 22), "Warning: x\nPermission denied"), (Way("root", 22), "")]
    lines = no_way("web", tried).splitlines()
    assert lines[:3] == [
        "Nobody is let into web by your key:",
        "  deploy, port 22: Permission denied",
        "  root, port 22: no answer",
    ]
    assert lines[3].startswith("Do: look at the address, ansible_user, ansible_port and the key")
    assert "recovery console" in lines[3]
