"""The names the product is reached by."""

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._domains import (
    MOST,
    DomainNames,
    domain_problems,
)
from hypothesis import given
from hypothesis import strategies as st

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAME = st.builds("{}.{}".format, LABEL, st.sampled_from(["com", "co.uk", "xn--p1ai"]))

# droplet_domains -> canonical, served, redirected, all
SORTED: list[tuple[list[str], DomainNames, tuple[str, ...]]] = [
    ([], DomainNames(), ()),
    (["a.com"], DomainNames("a.com", ("a.com",)), ("a.com",)),
    (
        ["a.com", "www.a.com"],
        DomainNames("a.com", ("a.com",), "www.a.com"),
        ("a.com", "www.a.com"),
    ),
    (
        ["www.a.com", "b.com", "a.com"],
        DomainNames("www.a.com", ("www.a.com", "b.com"), "a.com"),
        ("www.a.com", "b.com", "a.com"),
    ),
    # Only the canonical name has a counterpart.
    (
        ["a.com", "b.com", "www.b.com"],
        DomainNames("a.com", ("a.com", "b.com", "www.b.com")),
        ("a.com", "b.com", "www.b.com"),
    ),
]


@pytest.mark.parametrize("domains, names, every", SORTED)
def test_sorted(domains: list[str], names: DomainNames, every: tuple[str, ...]) -> None:
    """The first is canonical, its counterpart redirects, the others serve like it."""
    assert DomainNames.of(domains) == names
    assert names.all == every


@given(st.lists(NAME, unique=True, min_size=1))
def test_each_name_is_for_one_thing(domains: list[str]) -> None:
    """Names that DNS allows are no problem, and each serves or redirects, none both."""
    assert list(domain_problems(domains)) == []
    names = DomainNames.of(domains)
    assert sorted(names.all) == sorted(domains)
    assert names.served[0] == names.canonical == domains[0]


LONG = ".".join(["x" * 63] * 3 + ["y" * 56, "test"])

ACCEPTED = [
    [],
    ["a.com"],
    ["planner.localhost"],
    ["xn--mnchen-3ya.de", "1and1.com", "a-b.c-d.example"],
    [LONG],
    [f"{number}.example.com" for number in range(MOST)],
]


@pytest.mark.parametrize("domains", ACCEPTED, ids=lambda domains: str(domains)[:30])
def test_accepted(domains: list[str]) -> None:
    """Also the longest name, and as many as a certificate holds."""
    assert list(domain_problems(domains)) == []


# one entry -> the beginning of what is said about it, and what to do
REFUSED: list[tuple[object, str, str]] = [
    (5, "= 5: is not a text", "example.com"),
    (None, ": is not a text", "example.com"),
    ("", "= '': is empty", "remove it"),
    ("a.com b.com", "has a blank in it", "an entry of its own"),
    ("a.com\n", "has a blank in it", "without blanks"),
    ("https://a.com/x", "is a URL", "write the name alone, 'a.com'"),
    ("https://a.com:8443", "is a URL", "write the name alone, 'a.com'"),
    ("https://", "is a URL", "write the name alone, 'example.com'"),
    ("a.com/x", "has a path behind the name", "'a.com'"),
    ("203.0.113.9", "is an address, and a certificate needs a name", "self-signed"),
    ("2001:db8::1", "is an address", "with [] a self-signed certificate"),
    ("[2001:db8::1]", "is an address", "leave it out"),
    ("a.com:443", "has a port", "write the name alone, 'a.com'; a port is the option stack_https"),
    ("*.a.com", "is a wildcard, and HTTP-01 proves single names only", "list each name"),
    ("a.com.", "ends with a dot", "write 'a.com'"),
    ("münchen.de", "is an internationalised name", "its punycode form, which starts with xn--"),
    ("A.com", "has capital letters", "write 'a.com'"),
    ("localhost", "has no dot", "write the whole name"),
    (f"z{LONG}", "has 254 characters, and DNS allows 253", "use a shorter name"),
    (f"{'a' * 64}.com", "has a part that DNS does not allow, 'aaa", "1 to 63 letters"),
    ("-a.com", "has a part that DNS does not allow, '-a'", "no hyphen first or last"),
    ("a-.com", "'a-'", "no hyphen first or last"),
    ("a_b.com", "'a_b'", "letters, digits and hyphens"),
    ("a..com", "''", "1 to 63"),
    (".com", "''", "1 to 63"),
    ("a;b.com", "'a;b'", "letters, digits and hyphens"),
    ("300.1.1.300", "ends with a number, as an address does", "self-signed"),
]


@pytest.mark.parametrize("entry, reason, remedy", REFUSED)
def test_refused(entry: object, reason: str, remedy: str) -> None:
    """One problem, by its first cause, at its place, with a way out."""
    (problem,) = domain_problems(["ok.example", entry])
    assert str(problem).startswith("droplet_domains[1]")
    assert reason in str(problem)
    assert remedy in problem.remedy


def test_twice() -> None:
    """The second one is named, and a wrong one twice is only wrong."""
    found = [str(one) for one in domain_problems(["a.com", "b.com", "a.com", "x", "x"])]
    assert found[0] == "droplet_domains[2] = 'a.com': is there twice. Do: remove it."
    assert ["has no dot" in text for text in found[1:]] == [True, True]


def test_too_many() -> None:
    """No certificate holds more."""
    (problem,) = domain_problems([f"{number}.example.com" for number in range(MOST + 2)])
    assert str(problem) == (
        "droplet_domains: has 102 names, and a certificate holds 100 at most. Do: remove 2 of them."
    )


def test_no_value() -> None:
    """A key that was left empty is said to be, as templates need a list."""
    (problem,) = domain_problems(None)
    assert problem.remedy.startswith("write []")
    assert list(domain_problems("a.com")) == [], "its type is judged with those of all keys"


@given(st.text())
def test_whatever_is_written(text: str) -> None:
    """Any text is judged, and what passes cannot end a line or a word of nginx' configuration."""
    if not list(domain_problems([text])):
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
