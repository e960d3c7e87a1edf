"""The challenge fetched as a CA does, from real servers on high ports."""

import os
import socket
import stat
from pathlib import Path
from threading import Thread

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _acme_probe
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    CHALLENGE,
    ELSEWHERE,
    MET,
    UNREACHABLE,
    Fetched,
    Found,
    fetch,
    fetch_all,
    from_dicts,
    half_reached,
    own_addresses,
    problems,
    put_token,
    token_in,
    unreached,
)

from tests.unit.certificates import issue
from tests.unit.web_server import Answers, web_server

TOKEN = "planner-abc"
PATH = f"/{CHALLENGE}/{TOKEN}"
HERE = "127.0.0.1"


def gives(body: bytes, status: int = 200) -> Answers:
    """Answer the challenge."""
    return {PATH: (status, {}, body)}


def leads(target: str, status: int = 301) -> Answers:
    """Redirect the challenge; behind it, at /token, there is the answer."""
    return {
        PATH: (status, {"Location": target}, b"moved"),
        "/token": (200, {}, TOKEN.encode()),
        "/on": (302, {"Location": "http://127.0.0.1:PORT/token"}, b""),
    }


# the answer -> what it means, what is said of it
TEST_ANSWERS: list[tuple[str, Answers, str, str]] = [
    ("the token", gives(TOKEN.encode()), MET, ""),
    ("with the end of a line", gives(TOKEN.encode() + b"\n"), MET, ""),
    ("another one", gives(b"planner-xyz"), ELSEWHERE, "HTTP status 200"),
    ("more than the token", gives(TOKEN.encode() * 2), ELSEWHERE, "HTTP status 200"),
    ("nothing", gives(b""), ELSEWHERE, "HTTP status 200"),
    ("a page", gives(b"<html>parked</html>" * 9999), ELSEWHERE, "HTTP status 200"),
    ("no such file", {}, ELSEWHERE, "HTTP status 404"),
    ("an error", gives(b"", 502), ELSEWHERE, "HTTP status 502"),
    ("a redirect to it", leads("http://127.0.0.1:PORT/token"), MET, ""),
    ("redirects to it", leads("http://127.0.0.1:PORT/on", 308), MET, ""),
    ("a redirect elsewhere", leads("http://127.0.0.1:PORT/"), ELSEWHERE, "HTTP status 404"),
    ("a redirect to itself", leads(f"http://{HERE}:PORT{PATH}"), ELSEWHERE, "HTTP status 301"),
    ("a redirect without target", {PATH: (302, {}, b"")}, ELSEWHERE, "HTTP status 302"),
    ("a redirect to no URL", leads("http://[::1/"), ELSEWHERE, "HTTP status 301"),
    ("a redirect to no name", leads(f"http://{'a' * 64}.test/"), ELSEWHERE, "HTTP status 301"),
    ("a redirect with a blank", leads("http://127.0.0.1:1/a b"), ELSEWHERE, "HTTP status 301"),
    ("a redirect to a file", leads("file:///etc/passwd"), ELSEWHERE, "HTTP status 301"),
    ("a redirect to mail", leads("mailto:me@a.test", 307), ELSEWHERE, "HTTP status 307"),
]


@pytest.mark.parametrize(
    "answers, result, said",
    [row[1:] for row in TEST_ANSWERS],
    ids=[row[0] for row in TEST_ANSWERS],
)
def test_fetch(answers: Answers, result: str, said: str) -> None:
    """Only who gives the token back is this machine; whatever else answers is told by its status."""
    asked: list[str] = []
    with web_server(answers, asked) as port:
        assert fetch("a.test", HERE, TOKEN, port) == Fetched("a.test", HERE, result, said)
    assert asked[0] == f"a.test {PATH}"


def test_a_redirect_to_https(tmp_path: Path) -> None:
    """Followed like a CA does, whatever certificate is there; so is one that says no host."""
    pem_file = tmp_path / "pem"
    pem_file.write_text(issue(["b.test"], issuer="").pem)
    answer: Answers = {"/token": (200, {}, TOKEN.encode())}
    with (
        web_server(answer, pem_file=pem_file) as secure,
        web_server(leads(f"https://127.0.0.1:{secure}/token")) as port,
    ):
        assert fetch("a.test", HERE, TOKEN, port).result == MET
        base = f"https://127.0.0.1:{secure}/x"
        assert _acme_probe._follow(base, "/token", 301) == (200, TOKEN.encode())


def test_a_name_that_is_an_ipv6_address() -> None:
    """As a host it stands in brackets."""
    asked: list[str] = []
    with web_server({}, asked) as port:
        fetch("2001:db8::1", HERE, TOKEN, port)
    assert asked == [f"[2001:db8::1] {PATH}"]


def test_nobody_is_there() -> None:
    """A closed port is told from another answer."""
    with socket.create_server((HERE, 0)) as taken:
        port = taken.getsockname()[1]
    found = fetch("a.test", HERE, TOKEN, port)
    assert found == Fetched("a.test", HERE, UNREACHABLE, "Connection refused")


def test_a_redirect_to_nobody() -> None:
    """Who answered does not have it, but whether the CA gets through cannot be known from here."""
    with socket.create_server((HERE, 0)) as taken:
        closed = taken.getsockname()[1]
    with web_server(leads(f"http://127.0.0.1:{closed}/")) as port:
        found = fetch("a.test", HERE, TOKEN, port)
    assert found.result == UNREACHABLE
    assert "Connection refused" in found.said


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who never answers, as behind a firewall, is not waited for without end."""
    monkeypatch.setattr(_acme_probe, "_WAITS_S", 0.2)
    with socket.create_server((HERE, 0)) as silent:
        found = fetch("a.test", HERE, TOKEN, silent.getsockname()[1])
    assert found == Fetched("a.test", HERE, UNREACHABLE, "no answer within 0.2 s")


def test_no_http() -> None:
    """What answers without speaking HTTP is like nobody."""
    with socket.create_server((HERE, 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_10.0\r\n")

        Thread(target=greet, daemon=True).start()
        found = fetch("a.test", HERE, TOKEN, server.getsockname()[1])
    assert found.result == UNREACHABLE
    assert "SSH-2.0" in found.said


def test_fetch_all() -> None:
    """By every address of every name; a name without any is left out."""
    found = [Found("a.test", (HERE, "127.0.0.2")), Found("b.test"), Found("c.test", (HERE,))]
    with web_server(gives(TOKEN.encode())) as port:
        fetched = fetch_all(found, TOKEN, port)
    assert [(one.name, one.address) for one in fetched] == [
        ("a.test", HERE),
        ("a.test", "127.0.0.2"),
        ("c.test", HERE),
    ]
    assert [one.result for one in fetched] == [MET, UNREACHABLE, MET]


V4, V6 = "203.0.113.9", "2001:db8::9"
OWN = ("192.0.2.7",)
CHANGE = "answers instead of this machine. Do: change that record to 192.0.2.7, or remove it"
# what DNS says, what was fetched -> what is wrong
TEST_PROBLEMS: list[tuple[str, list[Found], list[Fetched], list[str]]] = [
    ("all is well", [Found("a.test", (V4,))], [Fetched("a.test", V4, MET)], []),
    (
        "not in DNS",
        [Found("a.test", problem="it is not in DNS")],
        [],
        ["a.test: it is not in DNS. Do: add an A record to 192.0.2.7"],
    ),
    (
        "another server",
        [Found("a.test", (V4,))],
        [Fetched("a.test", V4, ELSEWHERE, "HTTP status 404")],
        [f"a.test: its A record leads to {V4}, and there HTTP status 404 {CHANGE}"],
    ),
    (
        "an old AAAA record beside a good A record",
        [Found("a.test", (V4, V6))],
        [Fetched("a.test", V4, MET), Fetched("a.test", V6, ELSEWHERE, "HTTP status 200")],
        [f"a.test: its AAAA record leads to {V6}, and there HTTP status 200 {CHANGE}"],
    ),
    (
        "not reached from here",
        [Found("a.test", (V4,))],
        [Fetched("a.test", V4, UNREACHABLE, "no answer within 10 s")],
        [],
    ),
    (
        "several",
        [Found("a.test", problem="it is not in DNS"), Found("b.test", problem="no A")],
        [],
        [
            "a.test: it is not in DNS. Do: add an A record to 192.0.2.7",
            "b.test: no A. Do: add an A record to 192.0.2.7",
        ],
    ),
]


@pytest.mark.parametrize(
    "found, fetched, told",
    [row[1:] for row in TEST_PROBLEMS],
    ids=[row[0] for row in TEST_PROBLEMS],
)
def test_problems(found: list[Found], fetched: list[Fetched], told: list[str]) -> None:
    """What fails for certain is told, by name and record; that a machine does not reach itself is no proof."""
    assert problems(found, fetched, OWN) == told


def test_problems_name_every_own_address() -> None:
    """Also where this machine's address is not known."""
    missing = [Found("a.test", problem="no A")]
    assert problems(missing, [], (V4, V6))[0].endswith(
        "add an A record to 203.0.113.9 or 2001:db8::9"
    )
    assert problems(missing, [], ())[0].endswith("add an A record to this machine's address")


def test_unreached() -> None:
    """Only who was not reached is told, with the reason."""
    fetched = [
        Fetched("a.test", V4, UNREACHABLE, "no answer within 10 s"),
        Fetched("b.test", V4, ELSEWHERE, "HTTP status 404"),
        Fetched("c.test", V4, MET),
    ]
    assert unreached(fetched) == [
        "a.test: http://203.0.113.9:80/ cannot be reached (no answer within 10 s)"
    ]


def test_half_reached() -> None:
    """Where one address of a name leads here, another that leads nowhere makes visitors wait."""
    silent = "no answer within 10 s"
    fetched = [
        Fetched("a.test", V4, MET),
        Fetched("a.test", V6, UNREACHABLE, silent),
        Fetched("b.test", V4, UNREACHABLE, silent),
        Fetched("c.test", V4, MET),
        Fetched("c.test", V6, ELSEWHERE, "HTTP status 404"),
    ]
    (told,) = half_reached(fetched)
    assert told == (
        f"a.test: its AAAA record leads to {V6}, where nothing answers ({silent}). "
        "Do: remove that record; the product answers over IPv4 only"
    )


def test_token(tmp_path: Path) -> None:
    """It lies where certbot puts its answers, readable for nginx whatever the umask is, and goes again."""
    before = os.umask(0o077)
    try:
        with token_in(str(tmp_path)) as token:
            file = tmp_path / CHALLENGE / token
            assert file.read_text() == token
            assert stat.S_IMODE(file.stat().st_mode) == 0o644
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755
            with token_in(str(tmp_path)) as other:
                assert other != token
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    assert list((tmp_path / CHALLENGE).iterdir()) == []


def test_token_that_is_gone(tmp_path: Path) -> None:
    """Somebody who cleaned up meanwhile is no problem; one that fails takes the token away too."""
    with token_in(str(tmp_path)) as token:
        (tmp_path / CHALLENGE / token).unlink()
    with pytest.raises(KeyError), token_in(str(tmp_path)):
        raise KeyError
    assert list((tmp_path / CHALLENGE).iterdir()) == []


def test_put_token(tmp_path: Path) -> None:
    """It stays, for another machine to fetch."""
    assert Path(put_token(str(tmp_path), "planner-1")).read_text() == "planner-1"


def test_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind that this machine has a route for."""
    assert len(own_addresses()) <= 2

    def no_route(_self: socket.socket, _where: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", no_route)
    assert own_addresses() == ()


def test_from_dicts() -> None:
    """What another machine looked up, with what this one need not know."""
    told = [{"name": "a.test", "addresses": [V4, V6], "problem": ""}]
    assert from_dicts(told) == [Found("a.test", (V4, V6))]
