"""Certificates of every kind, signed by an authority of the tests' own or by themselves."""

import datetime as dt
import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    read_pair,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HOUR, DAY = 3600.0, 86400.0
ORGANIZATION = "Tests"
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A chain and the key of its first certificate, as PEM."""

    chain: str
    key: str

    @property
    def pem(self) -> str:
        """Both in one text, as nginx reads them."""
        return self.chain + self.key

    @property
    def certificate(self) -> Certificate:
        """What the code under test makes of it."""
        return read_pair(self.pem)

    @property
    def leaf(self) -> str:
        """The first certificate alone."""
        end = "-----END CERTIFICATE-----\n"
        return self.chain.partition(end)[0] + end


def key_text(key: Key, how: serialization.PrivateFormat = PKCS8, passphrase: bytes = b"") -> str:
    """Write a key as PEM."""
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, how, locked).decode()


def new_key(*, use_rsa: bool = False) -> Key:
    """Make a key."""
    if use_rsa:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, begins: float, lasts: float
) -> x509.CertificateBuilder:
    begin = dt.datetime.fromtimestamp(int(begins), dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(seconds=lasts))
    )


def _name(common: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])


@cache
def authority(common: str = "CA") -> tuple[x509.Certificate, Key]:
    """Return the certificate and the key of an authority; the same one every time."""
    key = new_key()
    builder = _builder(_name(common), _name("Root"), key, time.time() - 900 * DAY, 2000 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def issue(
    names: Sequence[str],
    *,
    begins: float | None = None,
    lasts: float = 90 * DAY,
    issuer: str = "CA",
    key: Key | None = None,
) -> Pair:
    """Have a certificate signed, by default an hour old; ``issuer`` empty for itself, ``begins`` since the epoch."""
    key = key or new_key()
    begins = time.time() - HOUR if begins is None else begins
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "of a product")])
    signer, signing_key = authority(issuer) if issuer else (None, key)
    builder = _builder(subject, signer.subject if signer else subject, key, begins, lasts)
    if names:
        alternative = x509.SubjectAlternativeName([_general(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    chain = [builder.sign(signing_key, hashes.SHA256()), *([signer] if signer else [])]
    texts = [one.public_bytes(serialization.Encoding.PEM).decode() for one in chain]
    return Pair("".join(texts), key_text(key))
