# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""A certificate with its key, as nginx reads them: one text of PEM blocks. Read, judged, or made self-signed.

Needs ``cryptography``, which certbot brings along on the host and ansible-core on the controller.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SELF_SIGNED_DAYS = 397
"""As long as browsers accept any certificate; a self-signed one is made anew a month before."""
_BACKDATED = dt.timedelta(hours=1)
_LONGEST_COMMON_NAME = 64
_UTC = dt.timezone.utc  # noqa: UP017 - Ubuntu 22.04 has Python 3.10
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for damaged ones, and for kinds that it does not know."""
_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL | re.ASCII
)
_KEY = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z]+ )?PRIVATE KEY)-----.*?-----END (?P=kind)-----",
    re.DOTALL | re.ASCII,
)


class CertificateError(ValueError):
    """A text that is no certificate with its key; the message says what is wrong with it."""


@dataclass(frozen=True)
class Certificate:
    """What the first certificate of a chain says. Times are seconds since the epoch."""

    names: tuple[str, ...]
    """DNS names and addresses, as they are in subjectAltName."""
    serial: str
    not_before: float
    not_after: float
    issuer: str
    self_signed: bool
    der: bytes = field(repr=False)

    @property
    def lifetime_s(self) -> float:
        """How long it is valid. Its last second counts too (RFC 5280, 4.1.2.5)."""
        return self.not_after - self.not_before + 1

    def covers(self, name: str) -> bool:
        """Tell whether a client that asks for this name accepts it; a wildcard stands for one label."""
        _, _, parent = name.partition(".")
        return name in self.names or (bool(parent) and f"*.{parent}" in self.names)

    def covers_all(self, names: Sequence[str]) -> bool:
        """Tell whether it covers each of them."""
        return all(map(self.covers, names))


def read_pair(pem: str) -> Certificate:
    """Read a chain of certificates and the key of the first; raise :class:`CertificateError`."""
    chain, keys = _CERTIFICATE.findall(pem), [found[0] for found in _KEY.finditer(pem)]
    if not chain:
        raise CertificateError("there is no certificate in it")
    if len(keys) != 1:
        raise CertificateError(
            "there is no private key in it, or it has a passphrase"
            if not keys
            else f"there are {len(keys)} private keys in it"
        )
    try:
        certificates = [x509.load_pem_x509_certificate(one.encode()) for one in chain]
        key = serialization.load_pem_private_key(keys[0].encode(), password=None)
        belong = _public(key.public_key()) == _public(certificates[0].public_key())
        found = describe(certificates[0])
    except _UNREADABLE as error:
        # What cryptography says of a key may be long, and never helps an owner.
        raise CertificateError("it is damaged, or its key has a passphrase") from error
    if not belong:
        raise CertificateError("its private key belongs to another certificate")
    return found


def read_served(der: bytes) -> Certificate:
    """Read the certificate that a server sent."""
    try:
        return describe(x509.load_der_x509_certificate(der))
    except _UNREADABLE as error:
        raise CertificateError("what is served is no certificate") from error


def describe(certificate: x509.Certificate) -> Certificate:
    """Take what is needed of it."""
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(
            [name.lower() for name in alternative.value.get_values_for_type(x509.DNSName)]
            + [str(one) for one in alternative.value.get_values_for_type(x509.IPAddress)]
        )
    except x509.ExtensionNotFound:
        names = ()
    return Certificate(
        names=names,
        serial=f"{certificate.serial_number:x}",
        not_before=_moment(certificate, "not_valid_before"),
        not_after=_moment(certificate, "not_valid_after"),
        issuer=_readable(certificate.issuer),
        self_signed=certificate.issuer == certificate.subject,
        der=certificate.public_bytes(serialization.Encoding.DER),
    )


def make_self_signed(names: Sequence[str], now: float) -> str:
    """Make a certificate that signs itself, and its key, for names or addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Telegram compares the common name with the address; a longer one is not allowed there.
    common = next((name for name in names if len(name) <= _LONGEST_COMMON_NAME), "planner")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    begin = dt.datetime.fromtimestamp(now, _UTC).replace(tzinfo=None) - _BACKDATED
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=SELF_SIGNED_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode() + secret.decode()


def own_problem(certificate: str, key: str, names: Sequence[str], now: float) -> str:
    """Say what is wrong with a certificate of the owner's; empty when nothing is, or none is given."""
    if not certificate and not key:
        return ""
    if not certificate or not key:
        given, missing = ("key", "certificate") if key else ("certificate", "key")
        return f"tls_own_{missing}: is missing, tls_own_{given} is given. Do: give both, or neither"
    try:
        found = read_pair(f"{certificate}\n{key}")
    except CertificateError as error:
        return f"tls_own_certificate: with tls_own_key, {error}. Do: give PEM texts that belong together"
    told = faults(found, names, now)
    return f"tls_own_certificate: {' and '.join(told)}. Do: have it issued anew" if told else ""


def faults(certificate: Certificate, names: Sequence[str], now: float) -> list[str]:
    """Say why a client that asks for these names would not accept it."""
    told = []
    if uncovered := [name for name in names if not certificate.covers(name)]:
        there = ", ".join(certificate.names) or "no name"
        told.append(f"is for {there}, not for {', '.join(uncovered)}")
    if certificate.not_after <= now:
        told.append(f"ended on {_day(certificate.not_after)}")
    if certificate.not_before > now:
        told.append(f"begins on {_day(certificate.not_before)} only")
    return told


def chain_of(pem: str) -> str:
    """Return the certificates of a text, without its key."""
    return "".join(f"{one}\n" for one in _CERTIFICATE.findall(pem))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]  # every kind of key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _moment(certificate: x509.Certificate, name: str) -> float:
    """Read a time; the aware ones came with cryptography 42, which Ubuntu 24.04 does not have."""
    moment = getattr(certificate, f"{name}_utc", None) or getattr(certificate, name).replace(
        tzinfo=_UTC
    )
    return float(moment.timestamp())


def _day(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, _UTC).strftime("%Y-%m-%d")


def _readable(name: x509.Name) -> str:
    """Name a CA by its organization and common name."""
    parts = [
        str(one.value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for one in name.get_attributes_for_oid(oid)
    ]
    return " ".join(parts) or name.rfc4514_string()
