# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Lines of ``authorized_keys``: which of them really let somebody in.

Format: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; the binary part: RFC 4253 section 6.6 and RFC 8709.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import time
from dataclasses import dataclass

TYPES = {
    "ssh-ed25519": 2,
    "sk-ssh-ed25519@openssh.com": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
    "ssh-rsa": 3,
}
"""What a current sshd accepts by default, and how many fields such a key has. ``ssh-dss`` is gone, and certificates are
no lines of this file."""

SHORTEST_RSA_BITS = 2048
"""Below it a key counts as broken (BSI TR-02102-4, NIST SP 800-131A); sshd itself would still take 1024."""

_ED25519_BYTES = 32
_QUOTED = r"\"(?:\\\"|[^\"])*\""
_LINE = re.compile(
    rf"(?:(?P<options>(?:[^\s\"]|{_QUOTED})+)[ \t]+)?"
    rf"(?P<type>{'|'.join(map(re.escape, TYPES))})[ \t]+(?P<blob>\S+)(?:[ \t]+(?P<comment>.*))?"
)
_OPTION = re.compile(rf"(?:[^,\"]|{_QUOTED})+")
# sshd skips a line with any other word there.
_OPTION_NAME = re.compile(
    r"(no-)?(agent-forwarding|port-forwarding|pty|touch-required|user-rc|verify-required|x11-forwarding)"
    r"|cert-authority|command|environment|expiry-time|from|permitlisten|permitopen|principals|restrict|tunnel"
)
_TIME = re.compile(r"(\d{8}|\d{12}|\d{14})(Z|UTC)?")

RELEASE_PROGRAM = "/usr/local/sbin/planner-release"
_RELEASES = f'command="sudo -n {RELEASE_PROGRAM} --from-ssh='
_FROM = re.compile(r"(?i)from=\"[^\"\s]+\"")
_NO_NAME = re.compile(r"[^A-Za-z0-9@._-]+")
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Key:
    """One public key. ``options`` is what stands before it, such as ``from="..."``."""

    type: str
    blob: str
    comment: str = ""
    options: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """The options by their names, which know no case, without the quotes."""
        pairs = (option.partition("=") for option in _OPTION.findall(self.options))
        return {name.lower(): value.strip('"') for name, _, value in pairs}

    @property
    def opens_a_shell(self) -> bool:
        """Tell whether Ansible could work with it: a forced command, as cloud-init gives root, runs only itself."""
        return "command" not in self.settings

    @property
    def name(self) -> str:
        """Its comment as one word that means nothing to a shell; without one the fingerprint, as ssh-keygen has it."""
        word = _NO_NAME.sub("-", self.comment).strip("-")[:_LONGEST_NAME]
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return word or f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def parse_key(line: str) -> Key:
    """Read one line; raise :class:`ValueError` that says why it lets nobody in."""
    text = line.strip()
    if "PRIVATE KEY" in text:
        raise ValueError(
            "is a private key, which belongs nowhere but on your machine; use the .pub file"
        )
    if text.startswith(("/", "~")) or text.endswith(".pub"):
        raise ValueError("is the name of a file; write what is in it")
    if len(text.splitlines()) > 1:
        raise ValueError("is more than one line; write each key as an entry of its own")
    found = _LINE.fullmatch(text)
    if not found:
        raise ValueError(f"is no public key of a known type ({', '.join(TYPES)})")
    key = Key(found["type"], found["blob"], found["comment"] or "", found["options"] or "")
    _check_options(key)
    _check_blob(key)
    return key


def _check_options(key: Key) -> None:
    for name in key.settings:
        if not _OPTION_NAME.fullmatch(name):
            raise ValueError(
                f"begins with {name!r}, which is no option of sshd's: it skips the line"
            )
    if "cert-authority" in key.settings:
        raise ValueError("is a certificate authority's key; write that of a person or a machine")
    expiry = key.settings.get("expiry-time")
    if expiry is None:
        return
    found = _TIME.fullmatch(expiry)
    if not found:
        raise ValueError(f"has an expiry-time that is none ({expiry}); write YYYYMMDD")
    clock = time.gmtime() if found[2] else time.localtime()
    if found[1].ljust(14, "0") <= time.strftime("%Y%m%d%H%M%S", clock):
        raise ValueError(f"expired (expiry-time {expiry})")


def _check_blob(key: Key) -> None:
    try:
        fields = _fields(base64.b64decode(key.blob, validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise ValueError("is cut off or mistyped: its base64 part is no key") from None
    if fields[0] != key.type.encode():
        raise ValueError(f"says {key.type}, but holds another type of key")
    if len(fields) != TYPES[key.type]:
        raise ValueError(f"is cut off or too long: an {key.type} key has {TYPES[key.type]} parts")
    if key.type == "ssh-ed25519" and len(fields[1]) != _ED25519_BYTES:
        raise ValueError("is cut off: an Ed25519 key has 32 bytes")
    if key.type == "ssh-rsa":
        bits = int.from_bytes(fields[2], "big").bit_length()
        if bits < SHORTEST_RSA_BITS:
            raise ValueError(f"has {bits} bits; make a new one: ssh-keygen -t ed25519")


def _fields(blob: bytes) -> list[bytes]:
    """Split into length-prefixed fields; raise when they do not add up."""
    fields = []
    while blob:
        (length,) = struct.unpack_from(">I", blob)
        if length + 4 > len(blob):
            raise ValueError("a field is longer than the rest")
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    if not fields:
        raise ValueError("nothing is no key")
    return fields


def usable_lines(text: str) -> tuple[str, ...]:
    """List the lines of an ``authorized_keys`` file that give a shell to whoever has the key."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key = parse_key(line)
        except ValueError:
            continue
        if key.opens_a_shell:
            found.append(line.strip())
    return tuple(found)


def parse_release_key(line: str) -> Key:
    """Read a key that shall only release; raise :class:`ValueError` that says why it cannot."""
    key = parse_key(line)
    if key.options and not _FROM.fullmatch(key.options):
        raise ValueError('has options of its own, and only from="..." may stand before it')
    return key


def release_line(key: Key) -> str:
    """Write the line that lets this key call the release and nothing else: no shell, no terminal, no forwarding."""
    options = [*filter(None, [key.options]), "restrict", f'{_RELEASES}{key.name}"']
    return f"{','.join(options)} {key.type} {key.blob} {key.comment}".rstrip()


def without_releases(text: str) -> str:
    """Leave out the lines of :func:`release_line`; all else stays as it is."""
    return "".join(line for line in text.splitlines(keepends=True) if _RELEASES not in line)
