"""When a CA is asked for a certificate, and in which words."""

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._acme import (
    DAY_S,
    Lineage,
    Wish,
    certbot_words,
    due,
    interval,
    next_due,
    renew_before_s,
    when,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate import Certificate
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_795_000_000.0
CA, OTHER = "https://ca.test/directory", "https://other.test/directory"
WISH = Wish(("a.test", "www.a.test"), CA, "classic")
HOUR = 3600


def certificate(
    names: tuple[str, ...] = WISH.names, lasts_s: float = 90 * DAY_S, age_s: float = 0
) -> Certificate:
    """One that was issued a while ago."""
    begin = NOW - age_s
    end = begin + lasts_s - 1  # the second of its end belongs to it
    return Certificate(names, "1f", begin, end, "CA", self_signed=False, der=b"")


# lifetime in seconds -> how long before its end a renewal begins
TEST_THRESHOLDS = [
    (90 * DAY_S, 30 * DAY_S),
    (64 * DAY_S, 64 * DAY_S / 3),
    (45 * DAY_S, 15 * DAY_S),
    (10 * DAY_S, 10 * DAY_S / 3),
    (10 * DAY_S - 1, (10 * DAY_S - 1) / 2),
    (6 * DAY_S, 3 * DAY_S),
    (160 * HOUR, 80 * HOUR),
    (60, 30),
]


@pytest.mark.parametrize("lifetime, before", TEST_THRESHOLDS)
def test_threshold(lifetime: float, before: float) -> None:
    """A third of the lifetime is left, or half where it is shorter than ten days; not due a second earlier."""
    assert renew_before_s(lifetime) == before
    lives = certificate(lasts_s=lifetime)
    assert next_due(lives) == lives.not_after - before
    lineage = Lineage(lives, CA, "classic")
    assert due(lineage, WISH, next_due(lives) - 1) == ""
    assert due(lineage, WISH, next_due(lives)) == f"it ends {when(lives.not_after)}"
    assert due(lineage, WISH, lives.not_after) == f"it ended {when(lives.not_after)}"


@given(st.floats(1, 1000 * DAY_S))
def test_threshold_leaves_time(lifetime: float) -> None:
    """However long it lives: it is used for half of that at least, and a third is left for failures."""
    assert lifetime / 3 <= renew_before_s(lifetime) <= lifetime / 2


# what certbot keeps -> the reason to ask
TEST_DUE: list[tuple[str, Lineage, Wish, str]] = [
    ("nothing", Lineage(), WISH, "there is none yet"),
    (
        "damaged",
        Lineage(damaged="its key is missing"),
        WISH,
        "what certbot keeps is damaged: its key is missing",
    ),
    ("as wished", Lineage(certificate(), CA, "classic"), WISH, ""),
    (
        "in another order",
        Lineage(certificate(("www.a.test", "a.test")), CA, "classic"),
        WISH,
        "",
    ),
    (
        "a name more",
        Lineage(certificate(("a.test",)), CA, "classic"),
        WISH,
        "its names change: +www.a.test",
    ),
    (
        "a name fewer",
        Lineage(certificate((*WISH.names, "old.test")), CA, "classic"),
        WISH,
        "its names change: -old.test",
    ),
    (
        "other names",
        Lineage(certificate(("old.test",)), CA, "classic"),
        WISH,
        "its names change: +a.test +www.a.test -old.test",
    ),
    (
        "another CA",
        Lineage(certificate(), OTHER, "classic"),
        WISH,
        f"another CA signs from now on: {CA}",
    ),
    (
        "another profile",
        Lineage(certificate(), CA, "classic"),
        replace(WISH, profile="shortlived"),
        "another profile is wished: shortlived instead of classic",
    ),
    ("asked for without a profile", Lineage(certificate(), CA, ""), WISH, ""),
    ("no profile wished", Lineage(certificate(), CA, "classic"), replace(WISH, profile=""), ""),
    (
        "names before the end",
        Lineage(certificate(("a.test",), age_s=89 * DAY_S), OTHER, "classic"),
        WISH,
        "its names change: +www.a.test",
    ),
    (
        "a clock before its beginning",
        Lineage(certificate(age_s=-1000 * DAY_S), CA, "classic"),
        WISH,
        "",
    ),
]


@pytest.mark.parametrize(
    "lineage, wish, reason",
    [row[1:] for row in TEST_DUE],
    ids=[row[0] for row in TEST_DUE],
)
def test_due(lineage: Lineage, wish: Wish, reason: str) -> None:
    """The reason is said; there is none where what is kept is what is wished, and far from its end."""
    assert due(lineage, wish, NOW) == reason


# seconds -> as certbot reads them
TEST_INTERVALS = [
    (30 * DAY_S, "30 days"),
    (64 * DAY_S / 3, "512 hours"),
    (15 * DAY_S, "15 days"),
    (DAY_S, "1 days"),
    (80 * HOUR, "80 hours"),
    (90, "90 seconds"),
    (120, "2 minutes"),
    ((90 * DAY_S - 1) / 3, "2591999 seconds"),
    (0, "0 seconds"),
]


@pytest.mark.parametrize("seconds, text", TEST_INTERVALS)
def test_interval(seconds: float, text: str) -> None:
    """The largest unit that fits exactly; parts of a second are dropped."""
    assert interval(seconds) == text


def test_when() -> None:
    """People read UTC."""
    assert when(NOW) == "2026-11-18 11:06 UTC"


def words(wish: Wish = WISH, **changes: Any) -> str:
    """What certbot is told, in one line."""
    how: dict[str, Any] = {
        "webroot": "/opt/planner/acme",
        "lineage": "planner",
        "email": "me@a.test",
        "profiles": True,
        "addresses": [],
    }
    return " ".join(certbot_words(wish, **how | changes))


def test_certbot_words() -> None:
    """One certificate under our name, for exactly these names, asked for without a question."""
    said = words()
    assert said.startswith("certonly --non-interactive --agree-tos ")
    for part in (
        "--email me@a.test",
        f"--server {CA}",
        "--preferred-profile classic",
        "--cert-name planner",
        "--key-type ecdsa",
        "--force-renewal",
        "--renew-with-new-domains",
        "--break-my-certs",
        "--debug",
        "--webroot --webroot-path /opt/planner/acme --domain a.test --domain www.a.test",
    ):
        assert f" {part}" in said
    assert "--register-unsafely-without-email" not in said


# what differs -> what is said, what is not
TEST_WORDS: list[tuple[str, Wish, dict[str, Any], str, str]] = [
    ("no address", WISH, {"email": ""}, "--register-unsafely-without-email", "--email"),
    ("an old certbot", WISH, {"profiles": False}, "--server", "--preferred-profile"),
    ("no profile", replace(WISH, profile=""), {}, "--server", "--preferred-profile"),
    (
        "IP addresses",
        Wish(("192.0.2.7", "2001:db8::1"), CA, "shortlived"),
        {"addresses": ["192.0.2.7", "2001:db8::1"]},
        "--preferred-profile shortlived",
        "--domain",
    ),
]


@pytest.mark.parametrize(
    "wish, changes, there, missing",
    [row[1:] for row in TEST_WORDS],
    ids=[row[0] for row in TEST_WORDS],
)
def test_other_words(wish: Wish, changes: dict[str, Any], there: str, missing: str) -> None:
    """What this certbot does not know, or the owner did not give, is left out."""
    assert there in words(wish, **changes)
    assert missing not in words(wish, **changes)


def test_words_for_addresses() -> None:
    """An address is asked for by its own option, a name beside it by the other."""
    wish = Wish(("192.0.2.7", "a.test"), CA, "")
    assert words(wish, addresses=["192.0.2.7"]).endswith("--ip-address 192.0.2.7 --domain a.test")
