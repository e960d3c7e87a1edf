"""Lines of logs without secrets, and without what varies."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_words import blanked, kind_of
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "123456789:AAEabcdefghijklmnopqrstuvwxyz012345"
# line, without secrets
SECRETS = [
    ("postgresql://planner:open/s@same@postgres:5432/planner", "postgresql://***postgres:5432/planner"),
    ("redis://:open-sesame@redis:6379/0 is away", "redis://***redis:6379/0 is away"),
    (f"POST https://api.telegram.org/bot{TOKEN}/sendMessage", "POST https://api.telegram.org/bot***/sendMessage"),
    ('"GET /hook?secret=open&x=1 HTTP/1.1"', '"GET /hook?*** HTTP/1.1"'),
    ("Authorization: Bearer eyJhbGci.eyJzdWIi.c2ln now", "Authorization: Bearer *** now"),
    ("Proxy-Authorization: Basic YW5uYTpvcGVu", "Proxy-Authorization: Basic ***"),
    ("Cookie: sid=1234; theme=dark", "Cookie: ***"),
    ('{"password": "open \\"sesame\\" now", "user": "anna"}', '{"password": ***, "user": "anna"}'),
    ("{'api_key': 'open', 'user': 'anna'}", "{'api_key': ***, 'user': 'anna'}"),
    ("DATABASE_PASSWORD=open-sesame HOME=/root", "DATABASE_PASSWORD=*** HOME=/root"),
    ("client-secret: open;next", "client-secret: ***;next"),
    ("the token is open-sesame", "the token is ***"),
    ("key sk_live_0a1b2c3d4e5f6g7h8i9j0k refused", "key *** refused"),
    ("key dGhpcyBpcyBhIHNlY3JldCBvZiA0OA/x+w== refused", "key *** refused"),
]  # fmt: skip
PLAIN = [
    'FATAL: password authentication failed for user "planner"',
    "cannot open /opt/planner/releases/12/compose.yml",
    "connection to postgres:5432 refused (111: Connection refused)",
    "internationalisation-of-documents is not supported",
]


@pytest.mark.parametrize("line, expected", SECRETS)
def test_secrets(line: str, expected: str) -> None:
    """What looks like a secret is gone, the rest stays; also from what is kept as a kind."""
    assert blanked(line) == expected
    for secret in ("open", "sesame", "sid", "eyJ", "YW5", "AAE", "sk_live", "dGhp"):
        assert secret not in kind_of(line)


@pytest.mark.parametrize("line", PLAIN)
def test_plain(line: str) -> None:
    """What is no secret stays."""
    assert blanked(line) == line


# two lines of one kind, the kind
KINDS = [
    (
        "2026-11-28 06:00:00.123 UTC [57] ERROR:  deadlock after 1000.5 ms",
        "2026-11-29 07:10:00.456 UTC [9] ERROR:  deadlock after 7 ms",
        "<time> [<n>] ERROR: deadlock after <n> ms",
    ),
    (
        "1:M 28 Nov 2026 06:00:00.000 # Can't save in background: fork: Out of memory",
        "1:M 2 Dec 2026 16:00:10.010 # Can't save in background: fork: Out of memory",
        "<n>:M <time> # Can't save in background: fork: Out of memory",
    ),
    (
        '2026/11/28 06:00:00 [error] 29#29: *1 no live upstreams, client: 203.0.113.9, host: "a"',
        '2026/11/28 06:00:01 [error] 30#30: *22 no live upstreams, client: 198.51.100.7, host: "b"',
        "<time> [error] <n>#<n>: *<n> no live upstreams, client: <address>, host: <text>",
    ),
    (
        "error: closed by 2001:db8::7 port 22 at 06:00:00",
        "error: closed by fe80::1:2 port 2222 at 07:00:01.5",
        "error: closed by <address> port <n> at <time>",
    ),
    (
        "KeyError: 'chat' in 7f9c2ba4-e88f-4f3b-9b6f-0f1d2c3b4a59 at 0x7f00aa",
        "KeyError: 'user' in 00000000-e88f-4f3b-9b6f-0f1d2c3b4a59 at 0x1",
        "KeyError: <text> in <id> at <id>",
    ),
    ("container 2ea89e56f4ec died", "container 0c76e2106444f died", "container <id> died"),
]


@pytest.mark.parametrize("first, second, expected", KINDS)
def test_kinds(first: str, second: str, expected: str) -> None:
    """Lines that differ in numbers, names, addresses and moments are of one kind."""
    assert kind_of(first) == kind_of(second) == expected


@given(st.text(max_size=200), st.text("abcdefgh0123456789ABC_-", min_size=30, max_size=60))
def test_a_random_word_never_stays(before: str, word: str) -> None:
    """Whatever stands before it, a long word of letters and digits is not told."""
    secret = f"{word}x7"
    assert secret not in blanked(f"{before} {secret} end")
