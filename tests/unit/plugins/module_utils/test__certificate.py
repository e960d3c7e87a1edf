"""Certificates of every kind, with keys that fit or do not."""

import base64
import datetime as dt
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _certificate
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    SELF_SIGNED_DAYS,
    CertificateError,
    chain_of,
    describe,
    make_self_signed,
    read_pair,
    read_served,
)
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.certificates import DAY, PKCS8, TRADITIONAL, Pair, issue, key_text, new_key

NOW = time.time()
NAMES = ("a.test", "www.a.test")
GOOD = issue(NAMES)
RSA_KEY, EC_KEY = new_key(use_rsa=True), new_key()
RSA, EC = issue(NAMES, key=RSA_KEY), issue(NAMES, key=EC_KEY)
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
BAG = "Bag Attributes\n    friendlyName: Łódź\nsubject=/CN=a.test\n"
NO_KEY = "there is no private key in it, or it has a passphrase"
DAMAGED = "it is damaged, or its key has a passphrase"
FOREIGN = "its private key belongs to another certificate"


def der_of(pair: Pair) -> bytes:
    """The first certificate as a server sends it."""
    loaded = x509.load_pem_x509_certificate(pair.chain.encode())
    return loaded.public_bytes(serialization.Encoding.DER)


TEST_READ = [
    ("key behind the chain", GOOD.pem),
    ("key before the chain", GOOD.key + GOOD.chain),
    ("without its chain", GOOD.leaf + GOOD.key),
    ("RSA, PKCS#8", RSA.pem),
    ("RSA, traditional", RSA.chain + key_text(RSA_KEY, TRADITIONAL)),
    ("EC, with its parameters", EC.chain + PARAMETERS + key_text(EC_KEY, TRADITIONAL)),
    ("lines end as in Windows", GOOD.pem.replace("\n", "\r\n")),
    ("text around, as openssl writes it", f"{BAG}{GOOD.chain}\n\n{BAG}{GOOD.key}\n"),
    ("no end of the last line", GOOD.pem.strip()),
]


@pytest.mark.parametrize("pem", [row[1] for row in TEST_READ], ids=[row[0] for row in TEST_READ])
def test_read(pem: str) -> None:
    """However the texts are arranged: the first certificate and its key."""
    found = read_pair(pem)
    assert found.names == NAMES
    assert found.issuer == "Tests CA"
    assert not found.self_signed
    assert found.lifetime_s == 90 * DAY + 1, "its last second counts"
    assert found.not_before <= NOW <= found.not_after


TEST_UNREADABLE: list[tuple[str, str, str]] = [
    ("nothing", "", "there is no certificate in it"),
    ("only a key", GOOD.key, "there is no certificate in it"),
    ("only a chain", GOOD.chain, NO_KEY),
    ("no PEM", "a.test", "there is no certificate in it"),
    ("truncated within the key", GOOD.pem[:-40], NO_KEY),
    ("truncated within the chain", GOOD.chain[:400] + GOOD.key, "there is no certificate in it"),
    ("two keys", GOOD.pem + EC.key, "there are 2 private keys in it"),
    ("the key of another", GOOD.chain + EC.key, FOREIGN),
    ("the key of another kind", GOOD.chain + RSA.key, FOREIGN),
    ("the chain upside down", GOOD.chain.replace(GOOD.leaf, "") + GOOD.leaf + GOOD.key, FOREIGN),
    ("a passphrase", EC.chain + key_text(EC_KEY, PKCS8, b"secret"), DAMAGED),
    ("a passphrase, traditional", RSA.chain + key_text(RSA_KEY, TRADITIONAL, b"secret"), DAMAGED),
    ("garbage as certificate", GOOD.pem.replace(GOOD.leaf.split("\n")[3], "AAAA"), DAMAGED),
    ("garbage as key", GOOD.pem.replace(GOOD.key.split("\n")[1], "AAAA"), DAMAGED),
    ("garbage in the chain", GOOD.pem.replace(GOOD.chain.split("\n")[-4], "AAAA"), DAMAGED),
]


@pytest.mark.parametrize(
    "pem, problem", [row[1:] for row in TEST_UNREADABLE], ids=[row[0] for row in TEST_UNREADABLE]
)
def test_unreadable(pem: str, problem: str) -> None:
    """What nginx could not serve is refused in the owner's words."""
    with pytest.raises(CertificateError) as caught:
        read_pair(pem)
    assert str(caught.value) == problem


@pytest.mark.parametrize("error", _certificate._UNREADABLE)
def test_what_cryptography_does_not_know(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kind of key or of certificate that it does not know is no reason to end."""

    def refuse(*_words: Any, **_how: Any) -> None:
        if error in {UnsupportedAlgorithm, ValueError, TypeError, KeyError}:
            raise error("an elliptic curve that nobody knows")
        raise error("again", 0)

    monkeypatch.setattr(serialization, "load_pem_private_key", refuse)
    with pytest.raises(CertificateError, match=DAMAGED):
        read_pair(GOOD.pem)
    monkeypatch.setattr(x509, "load_der_x509_certificate", refuse)
    with pytest.raises(CertificateError, match="what is served is no certificate"):
        read_served(b"")


DER = der_of(GOOD)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=3))
def test_flipped_bytes(changes: list[tuple[int, int]]) -> None:
    """A certificate that a disk has damaged is read or refused, and nothing else happens."""
    broken = bytearray(DER)
    for place, value in changes:
        broken[place] = value
    text = base64.encodebytes(bytes(broken)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n{GOOD.key}"
    with suppress(CertificateError):
        read_pair(pem)
    with suppress(CertificateError):
        read_served(bytes(broken))


@given(st.text())
def test_any_text(text: str) -> None:
    """What is no pair of certificate and key says so."""
    with pytest.raises(CertificateError):
        read_pair(text)


def test_served_is_what_was_read() -> None:
    """What a server sends compares equal to what lies on the disk, and to nothing else."""
    assert read_served(DER) == GOOD.certificate
    assert read_served(DER) != issue(NAMES).certificate


# names in the certificate, name that is asked for -> whether it is accepted
TEST_COVERS = [
    (("a.test",), "a.test", True),
    (("a.test",), "www.a.test", False),
    (("a.test",), "test", False),
    (("*.a.test",), "www.a.test", True),
    (("*.a.test",), "a.test", False),
    (("*.a.test",), "x.www.a.test", False),
    (("*.a.test",), "*.a.test", True),
    (("A.Test",), "a.test", True),
    (("xn--bcher-kva.test",), "xn--bcher-kva.test", True),
    (("*.xn--bcher-kva.test",), "www.xn--bcher-kva.test", True),
    (("192.0.2.7",), "192.0.2.7", True),
    (("192.0.2.7",), "192.0.2.8", False),
    (("2001:db8::7",), "2001:db8::7", True),
    ((), "a.test", False),
    (("a.test",), "", False),
]


@pytest.mark.parametrize("names, name, covered", TEST_COVERS)
def test_covers(names: tuple[str, ...], name: str, covered: bool) -> None:  # noqa: FBT001 - a table
    """A wildcard stands for one label; letters' case does not count; the common name is no name."""
    found = issue(names).certificate
    assert found.covers(name) == covered
    assert found.covers_all([name]) == covered


def test_covers_all() -> None:
    """Every name has to be there."""
    found = GOOD.certificate
    assert found.covers_all(NAMES)
    assert found.covers_all([])
    assert not found.covers_all([*NAMES, "b.test"])


def test_self_signed_of_an_owner() -> None:
    """It is known as such, and its issuer by the only name there is."""
    found = issue(["a.test"], issuer="").certificate
    assert (found.self_signed, found.issuer) == (True, "of a product")


def test_an_issuer_without_the_usual_names() -> None:
    """Then all that it is called."""
    country = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "NL")])
    assert _certificate._readable(country) == "C=NL"


def test_times_of_an_older_library() -> None:
    """Ubuntu 24.04 has times without their zone, which is UTC."""
    naive = dt.datetime(2026, 11, 18, 11, 6, 40)  # noqa: DTZ001 - that it has none
    older: Any = SimpleNamespace(not_valid_after=naive)
    assert _certificate._moment(older, "not_valid_after") == 1_795_000_000


def test_nothing_secret_is_shown() -> None:
    """A certificate in a traceback or a log is short."""
    assert "der" not in repr(GOOD.certificate)


class TestSelfSigned:
    """The certificate that is there before any other."""

    @pytest.mark.parametrize(
        "names", [("a.test", "www.a.test"), ("192.0.2.7",), ("2001:db8::7", "a.test")]
    )
    def test_it_is_for_these_names(self, names: tuple[str, ...]) -> None:
        """Names and addresses each as what they are, and the first one as the common name, which Telegram reads."""
        pem = make_self_signed(names, NOW)
        found = read_pair(pem)
        assert set(found.names) == set(names)
        assert found.self_signed
        assert found.issuer == names[0]
        assert found.lifetime_s == SELF_SIGNED_DAYS * DAY + 1
        assert NOW - 7200 < found.not_before < NOW

    def test_it_is_no_authority(self) -> None:
        """Whoever trusts it trusts this product, not what it might sign."""
        loaded = x509.load_pem_x509_certificate(make_self_signed(["a.test"], NOW).encode())
        basic = loaded.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.critical, basic.value.ca) == (True, False)

    def test_a_name_too_long_for_a_common_name(self) -> None:
        """The next one that fits stands there, or the product's; as an alternative every name is."""
        long = f"{'a' * 60}.test"
        assert read_pair(make_self_signed([long, "a.test"], NOW)).issuer == "a.test"
        alone = read_pair(make_self_signed([long], NOW))
        assert (alone.issuer, alone.names) == ("planner", (long,))

    def test_each_has_a_key_of_its_own(self) -> None:
        """Made twice, it is another one."""
        one, two = (make_self_signed(["a.test"], NOW) for _ in range(2))
        assert one.partition("PRIVATE")[2] != two.partition("PRIVATE")[2]


def test_chain_of() -> None:
    """What may be shown to others has no key in it."""
    assert chain_of(GOOD.pem) == GOOD.chain
    assert chain_of(GOOD.key) == ""


def test_describe_without_alternative_names() -> None:
    """A certificate of old times has no names that count."""
    loaded = x509.load_pem_x509_certificate(issue([]).chain.encode())
    assert describe(loaded).names == ()
