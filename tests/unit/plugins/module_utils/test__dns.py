"""What DNS says, asked from a small name server on a high port."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _dns
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import Found
from ansible_collections.planner.droplet.plugins.module_utils._dns import lookup

V4, V6 = "203.0.113.9", "2001:db8::9"
NAMES = {
    ("both.test.", "A"): [V4, "203.0.113.10"],
    ("both.test.", "AAAA"): [V6],
    ("old.test.", "A"): [V4],
    ("new.test.", "AAAA"): [V6],
    ("mail.test.", "MX"): ["10 mail.test."],
    ("half.test.", "A"): [V4],
    ("gone.test.both.test.", "A"): [V4],
}
ALIASES = {"www.test.": "both.test."}
BROKEN = {("half.test.", "AAAA"), ("broken.test.", "A"), ("broken.test.", "AAAA")}
KNOWN = {name for name, _ in NAMES} | set(ALIASES) | {name for name, _ in BROKEN}


def answer(query: dns.message.Message) -> dns.message.Message:
    """Answer a question as an authority and a resolver in one would."""
    told = dns.message.make_response(query)
    (question,) = query.question
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    if (name, kind) in BROKEN:
        told.set_rcode(dns.rcode.SERVFAIL)
    elif name not in KNOWN:
        told.set_rcode(dns.rcode.NXDOMAIN)
    elif name in ALIASES:
        told.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", ALIASES[name]))
        name = ALIASES[name]
    if values := NAMES.get((name, kind)):
        told.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
    return told


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A name server, which the resolver of the code under test asks instead of this machine's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]

        def serve() -> None:
            while True:
                packet, client = listening.recvfrom(4096)
                if not packet:
                    return
                listening.sendto(answer(dns.message.from_wire(packet)).to_wire(), client)

        def resolver() -> dns.resolver.Resolver:
            made = real(configure=False)
            made.nameservers, made.port = ["127.0.0.1"], port
            # As a host is often configured: what is asked for must not be searched for below it.
            made.search = [dns.name.from_text("both.test.")]
            return made

        real = dns.resolver.Resolver
        monkeypatch.setattr(dns.resolver, "Resolver", resolver)
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield
        listening.sendto(b"", ("127.0.0.1", port))
        thread.join()


# the name -> what is found
TEST_NAMES = [
    Found("both.test", (V6, "203.0.113.10", V4)),
    Found("www.test", (V6, "203.0.113.10", V4)),
    Found("old.test", (V4,)),
    Found("new.test", (V6,)),
    Found("gone.test", problem="it is not in DNS"),
    Found("mail.test", problem="it has neither an A nor an AAAA record"),
    Found("half.test", (V4,)),
    Found("broken.test", problem="DNS does not answer (NoNameservers)"),
    Found(f"{'a' * 64}.test", problem="DNS does not answer (LabelTooLong)"),
    Found(V4, (V4,)),
    Found(V6, (V6,)),
]


@pytest.mark.parametrize("found", TEST_NAMES, ids=[one.name for one in TEST_NAMES])
def test_lookup(found: Found) -> None:
    """All addresses of a name, behind an alias too, or why there are none; an address is its own."""
    told = lookup(found.name)  # several of a kind come in any order
    assert replace(told, addresses=tuple(sorted(told.addresses))) == found


def test_an_ipv6_address_in_another_spelling() -> None:
    """It is written the usual way."""
    assert lookup("2001:0DB8::0009") == Found("2001:0DB8::0009", (V6,))


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead name server is not waited for without end, and is no proof that a name is missing."""
    monkeypatch.setattr(_dns, "_WAITS_S", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dead = dns.resolver.Resolver()
        dead.port = silent.getsockname()[1]
        monkeypatch.setattr(dns.resolver, "Resolver", lambda: dead)
        assert lookup("both.test").problem == "DNS does not answer (LifetimeTimeout)"


def test_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a resolver is told as such."""

    def missing() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "Resolver", missing)
    assert lookup("both.test").problem == "DNS does not answer (NoResolverConfiguration)"
