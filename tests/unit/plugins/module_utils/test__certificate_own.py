"""What the owner reads about a certificate of their own."""

import time

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    faults,
    own_problem,
)

from tests.unit.certificates import DAY, PKCS8, issue, key_text, new_key

NOW = time.time()
NAMES = ("a.test", "www.a.test")
GOOD = issue(NAMES)
KEY = new_key()
KEY_TEXT = key_text(KEY)
DAMAGED = "it is damaged, or its key has a passphrase"
FOREIGN = "its private key belongs to another certificate"
ENDED = issue(NAMES, begins=1_700_000_000, lasts=DAY)
LATER = issue(NAMES, begins=NOW + DAY)
TOGETHER = "Do: give PEM texts that belong together"
# certificate, key -> what is wrong
TEST_OWN: list[tuple[str, str, str, str]] = [
    ("good", GOOD.chain, GOOD.key, ""),
    ("none", "", "", ""),
    (
        "no key",
        GOOD.chain,
        "",
        "tls_own_key: is missing, tls_own_certificate is given. Do: give both, or neither",
    ),
    (
        "no certificate",
        "",
        GOOD.key,
        "tls_own_certificate: is missing, tls_own_key is given. Do: give both, or neither",
    ),
    (
        "another's key",
        GOOD.chain,
        KEY_TEXT,
        f"tls_own_certificate: with tls_own_key, {FOREIGN}. {TOGETHER}",
    ),
    (
        "a key in both texts",
        GOOD.pem,
        GOOD.key,
        f"tls_own_certificate: with tls_own_key, there are 2 private keys in it. {TOGETHER}",
    ),
    (
        "a passphrase",
        issue(NAMES, key=KEY).chain,
        key_text(KEY, PKCS8, b"secret"),
        f"tls_own_certificate: with tls_own_key, {DAMAGED}. {TOGETHER}",
    ),
    (
        "a name is missing",
        issue(["a.test"], key=KEY).chain,
        KEY_TEXT,
        "tls_own_certificate: is for a.test, not for www.a.test. Do: have it issued anew",
    ),
    (
        "no name at all",
        issue([], key=KEY).chain,
        KEY_TEXT,
        "tls_own_certificate: is for no name, not for a.test, www.a.test. Do: have it issued anew",
    ),
    (
        "ended",
        ENDED.chain,
        ENDED.key,
        "tls_own_certificate: ended on 2023-11-15. Do: have it issued anew",
    ),
    ("with a wildcard", issue(["a.test", "*.a.test"], key=KEY).chain, KEY_TEXT, ""),
]


@pytest.mark.parametrize(
    "certificate, key, problem", [row[1:] for row in TEST_OWN], ids=[row[0] for row in TEST_OWN]
)
def test_own_problem(certificate: str, key: str, problem: str) -> None:
    """The owner reads which of the two options is wrong, and never a line of what they hold."""
    told = own_problem(certificate, key, NAMES, NOW)
    assert told == problem
    for line in (certificate + key).splitlines():
        assert not line or line not in told


def test_own_problems_are_told_together() -> None:
    """All that is wrong with one that can be read."""
    told = faults(ENDED.certificate, ["b.test"], NOW)
    assert told == ["is for a.test, www.a.test, not for b.test", "ended on 2023-11-15"]
    assert faults(LATER.certificate, NAMES, NOW)[0].startswith("begins on 20")
    assert faults(GOOD.certificate, (), NOW) == []
