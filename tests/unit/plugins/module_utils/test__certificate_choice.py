"""Which certificate is served: a table of what may lie on the disk."""

from collections.abc import Sequence
from functools import cache

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate_choice import (
    ISSUED,
    OWN,
    PREVIOUS,
    REMAKE_BEFORE_S,
    SELF_SIGNED,
    SERVED,
    Candidate,
    best,
    remake,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.certificates import DAY, Pair, issue

NOW = 1_795_000_000.0
NAMES = ("a.test", "www.a.test")
FIRST, OTHER = ("a.test",), ("b.test",)
SOURCES = (OWN, ISSUED, SERVED, PREVIOUS, SELF_SIGNED)


@cache
def made(names: Sequence[str], begins: float, lasts: float, issuer: str) -> Pair:
    """One of each kind is enough."""
    return issue(names, begins=begins, lasts=lasts, issuer=issuer)


def one(
    source: str,
    names: Sequence[str] = NAMES,
    *,
    age: float = DAY,
    lasts: float = 90 * DAY,
    issuer: str = "CA",
) -> Candidate:
    """A certificate that lies on the disk; ``age`` since it was issued."""
    return Candidate.of(source, made(tuple(names), NOW - age, lasts, issuer).pem)


def own_made(source: str = SELF_SIGNED, names: Sequence[str] = NAMES) -> Candidate:
    """A self-signed one."""
    return one(source, names, lasts=397 * DAY, issuer="")


EXPIRED = 91 * DAY
# what lies on the disk -> what is served
TEST_BEST: list[tuple[str, list[Candidate], str]] = [
    ("nothing", [], ""),
    ("only a self-signed one", [own_made()], SELF_SIGNED),
    ("the same, served already", [own_made(SERVED), own_made()], SERVED),
    ("issued for the first time", [one(ISSUED), own_made(SERVED), own_made()], ISSUED),
    ("renewed", [one(ISSUED, age=0), one(SERVED, age=60 * DAY), one(PREVIOUS)], ISSUED),
    (
        "renewed, for a shorter time",
        [one(ISSUED, age=0, lasts=6 * DAY), one(SERVED, age=30 * DAY)],
        ISSUED,
    ),
    ("issued, damaged", [Candidate.of(ISSUED, "no PEM"), one(SERVED), own_made()], SERVED),
    ("issued, gone", [one(SERVED), one(PREVIOUS)], SERVED),
    ("issued and served, damaged", [Candidate.of(ISSUED, "x"), one(PREVIOUS)], PREVIOUS),
    ("all damaged", [Candidate.of(source, "x") for source in SOURCES], ""),
    ("issued, ended", [one(ISSUED, age=EXPIRED), one(SERVED)], SERVED),
    ("all of a CA ended", [one(ISSUED, age=EXPIRED), own_made(SERVED)], ISSUED),
    ("a clock far ahead", [one(ISSUED, age=999 * DAY), one(SERVED, age=999 * DAY)], ISSUED),
    ("a clock far behind", [one(ISSUED, age=-999 * DAY), own_made()], ISSUED),
    (
        "names change: the old one is for the first",
        [one(ISSUED, FIRST), one(SERVED, FIRST), own_made()],
        ISSUED,
    ),
    (
        "names change: only an ended one is for all",
        [one(ISSUED, FIRST), one(PREVIOUS, age=EXPIRED)],
        ISSUED,
    ),
    ("names change back", [one(ISSUED, FIRST), one(PREVIOUS)], PREVIOUS),
    ("names change: nothing is for the first", [one(ISSUED, OTHER), one(SERVED, OTHER)], ""),
    (
        "names change: self-signed meanwhile",
        [one(ISSUED, OTHER), one(SERVED, OTHER), own_made()],
        SELF_SIGNED,
    ),
    ("own", [one(OWN), one(SERVED), own_made()], OWN),
    ("own, ended", [one(OWN, age=EXPIRED), one(SERVED)], OWN),
    ("own, self-signed", [own_made(OWN), one(SERVED)], OWN),
    ("own, with a wildcard", [one(OWN, ("a.test", "*.a.test")), one(SERVED)], OWN),
    ("own, not for all", [one(OWN, FIRST), one(SERVED)], SERVED),
    ("own, not for all, nothing else", [one(OWN, FIRST), own_made()], OWN),
    ("own, not for the first", [one(OWN, OTHER), own_made()], SELF_SIGNED),
    ("own, damaged", [Candidate.of(OWN, "x"), one(SERVED), own_made()], SERVED),
]


@pytest.mark.parametrize(
    "candidates, source", [row[1:] for row in TEST_BEST], ids=[row[0] for row in TEST_BEST]
)
def test_best(candidates: list[Candidate], source: str) -> None:
    """Nothing good is replaced by something worse; in which order they are looked at does not matter."""
    for given_as in (candidates, candidates[::-1]):
        chosen = best(given_as, NAMES, NOW)
        assert (chosen.source if chosen else "") == source


def test_no_names() -> None:
    """Of nothing nothing is chosen."""
    assert best([one(ISSUED)], (), NOW) is None


def test_what_cannot_be_read() -> None:
    """The reason is kept, for who is told."""
    assert Candidate.of(OWN, "x").problem == "there is no certificate in it"
    assert Candidate.of(OWN, "x").certificate is None


CHOICES = st.builds(
    one,
    st.sampled_from(SOURCES),
    st.sampled_from([NAMES, FIRST, OTHER]),
    age=st.sampled_from([0.0, DAY, EXPIRED]),
    lasts=st.sampled_from([6 * DAY, 90 * DAY]),
    issuer=st.sampled_from(["", "CA"]),
)


@given(st.lists(CHOICES, max_size=5))
def test_a_self_signed_one_is_the_last_resort(candidates: list[Candidate]) -> None:
    """It is never served where one of a CA is for the first name, unless it is the owner's own."""
    chosen = best(candidates, NAMES, NOW)
    fitting = [one.certificate for one in candidates if one.certificate]
    fitting = [each for each in fitting if each.covers(NAMES[0])]
    assert bool(chosen) == bool(fitting)
    if chosen and chosen.certificate and chosen.certificate.self_signed and chosen.source != OWN:
        assert all(each.self_signed for each in fitting)


LEFT = 397 * DAY - REMAKE_BEFORE_S


# the choice, the names -> whether a self-signed one is made
TEST_REMAKE: list[tuple[str, Candidate | None, bool]] = [
    ("none", None, True),
    ("unreadable", Candidate(SERVED, "x", problem="x"), True),
    ("as it should be", own_made(), False),
    ("ends in a month", one(SERVED, age=LEFT + 1, lasts=397 * DAY, issuer=""), True),
    ("a day before that", one(SERVED, age=LEFT - DAY, lasts=397 * DAY, issuer=""), False),
    ("for a name fewer", own_made(names=FIRST), True),
    ("for a name more", own_made(names=(*NAMES, "b.test")), True),
    ("of a CA, ended", one(ISSUED, age=EXPIRED), False),
    ("of a CA, for the first name only", one(ISSUED, FIRST), False),
    ("own, self-signed, ends soon", one(OWN, age=89 * DAY, issuer=""), False),
]


@pytest.mark.parametrize(
    "chosen, made_anew", [row[1:] for row in TEST_REMAKE], ids=[row[0] for row in TEST_REMAKE]
)
def test_remake(chosen: Candidate | None, made_anew: bool) -> None:  # noqa: FBT001 - a table
    """Only our own self-signed one is made anew: a month before its end, or for other names."""
    assert remake(chosen, NAMES, NOW) == made_anew


def test_the_order_of_names_is_no_reason() -> None:
    """A self-signed one is for a set of names."""
    assert not remake(own_made(), NAMES[::-1], NOW)
