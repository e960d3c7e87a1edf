"""The CA is not asked where its challenge cannot arrive."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import PREFLIGHT, Wish
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    CHALLENGE,
    ELSEWHERE,
    MET,
    UNREACHABLE,
    Fetched,
    Found,
)

from tests.unit.certificates import issue
from tests.unit.tls_bench import CA, NAMES, Bench, tls_bench
from tests.unit.tls_obtaining import attempt, obtain, obtainer, refused
from tests.unit.web_server import web_server

GOOD = issue(NAMES)
WISH = Wish(NAMES, CA, "classic")
OPEN = "seen from your machine. Do: open port 80, in hardening_open_ports and at the provider"
CHANGE = "answers instead of this machine. Do: change that record to 192.0.2.7, or remove it"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A host whose names lead to it."""
    with tls_bench(tmp_path, monkeypatch) as made:
        made.file("tls").mkdir()
        yield made


# what DNS says, what the outside saw -> the reason
@pytest.mark.parametrize(
    "found, outside, reason",
    [
        (
            Found("www.a.test", problem="it is not in DNS"),
            [],
            "www.a.test: it is not in DNS. Do: add an A record to 192.0.2.7",
        ),
        (
            None,
            [Fetched("a.test", "192.0.2.7", UNREACHABLE, "no answer within 10 s")],
            f"a.test: http://192.0.2.7:80/ cannot be reached (no answer within 10 s), {OPEN}",
        ),
        (
            None,
            [Fetched("a.test", "2001:db8::9", ELSEWHERE, "HTTP status 404")],
            f"a.test: its AAAA record leads to 2001:db8::9, and there HTTP status 404 {CHANGE}",
        ),
    ],
    ids=["DNS", "a firewall", "another server"],
)
def test_it_refuses(bench: Bench, found: Found | None, outside: list[Fetched], reason: str) -> None:
    """The reason is told and remembered; nothing counts against us, and nothing has to be waited for."""
    if found:
        bench.dns[found.name] = found
    assert refused(bench, *outside) == (
        f"No new certificate: {reason}. The CA was not asked; it is tried again within the hour"
    )
    assert bench.certbot.calls == []
    assert (attempt(bench).kind, attempt(bench).reason) == (PREFLIGHT, reason)
    bench.dns.clear()
    bench.certbot.issues(GOOD)
    assert obtain(bench).startswith("obtained")


def test_somebody_else_answers(bench: Bench) -> None:
    """Found from here, by fetching what was put into the webroot."""
    with web_server({}) as port:
        bench.answers_challenges(port)
        assert refused(bench).startswith(
            "No new certificate: a.test: its A record leads to 127.0.0.1, and there HTTP status 404 answers "
        )
    assert bench.certbot.calls == []


def test_what_proves_nothing(bench: Bench) -> None:
    """A machine that does not reach itand an outside that meets it: the CA may be asked."""
    bench.dns["a.test"] = Found("a.test", ("127.0.0.99",))
    bench.certbot.issues(GOOD)
    assert obtain(bench, Fetched("a.test", "192.0.2.7", MET)).startswith("obtained")


def test_half_of_a_name(bench: Bench) -> None:
    """An address beside the good one that leads nowhere is told, and does not keep the CA from being asked."""
    bench.dns["a.test"] = Found("a.test", ("127.0.0.1", "127.0.0.9"))
    bench.certbot.issues(GOOD)
    one = obtainer(bench)
    assert one.obtain(WISH, retry=False).startswith("obtained")
    (note,) = one.notes
    assert note.startswith("a.test: its A record leads to 127.0.0.9, where nothing answers (")
    bench.started()
    bench.certbot.issues(GOOD)
    assert bench.keep(directory="https://other.test/dir").notes == [note]


def test_it_is_switched_off(bench: Bench) -> None:
    """Then whatever DNS says is left to the CA."""
    bench.dns["a.test"] = Found("a.test", problem="it is not in DNS")
    bench.certbot.issues(GOOD)
    assert obtain(bench, preflight=False).startswith("obtained")


def test_an_unknown_address(bench: Bench) -> None:
    """Where the inventory has only a name, the machine's own address is told."""
    bench.dns["a.test"] = Found("a.test", problem="it is not in DNS")
    assert "add an A record to " in refused(bench, address="")


def test_no_token_stays(bench: Bench) -> None:
    """Nobody has to clean up."""
    bench.certbot.issues(GOOD)
    obtain(bench)
    assert list(bench.file(f"acme/{CHALLENGE}").iterdir()) == []
