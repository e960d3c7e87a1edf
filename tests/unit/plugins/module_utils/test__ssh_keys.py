"""Lines of authorized_keys: who is let in, and why somebody is not."""

import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._ssh_keys import (
    TYPES,
    parse_key,
    parse_release_key,
    release_line,
    usable_lines,
    without_releases,
)

from tests.unit.ssh_keys import ED25519, OTHER, line, public_key

# P-256's base point: ssh-keygen looks whether it is on the curve.
POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
BLOB = ED25519.split()[1]
TODAY = time.strftime("%Y%m%d")

MADE = [
    ("ed25519", None, "ssh-ed25519"),
    ("ecdsa", 256, "ecdsa-sha2-nistp256"),
    ("ecdsa", 384, "ecdsa-sha2-nistp384"),
    ("ecdsa", 521, "ecdsa-sha2-nistp521"),
    ("rsa", 2048, "ssh-rsa"),
]
ON_A_TOKEN = [
    line("sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"),
    line("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", POINT, b"ssh:"),
]

# what stands before the key -> whether it gives a shell
TEST_OPTIONS = [
    ('from="203.0.113.0/24,2001:db8::/32"', True),
    ("no-port-forwarding,no-X11-forwarding,no-agent-forwarding", True),
    ('restrict,pty,permitopen="localhost:80",tunnel="0"', True),
    ('environment="A=b c",no-user-rc', True),
    ('environment="A=1,command=2"', True),
    ('expiry-time="29991231"', True),
    ('expiry-time="299912312359Z"', True),
    ('from="x",expiry-time="29991231235959UTC"', True),
    ('command="/usr/bin/backup"', False),
    ('COMMAND="echo \\"no, thanks\\"; sleep 10",no-pty', False),
    ('no-pty,command="x"', False),
]

TEST_REFUSED: list[tuple[str, str]] = [
    ("", "is no public key of a known type (ssh-ed25519, "),
    ("yes", "is no public key of a known type"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END", "is a private key"),
    ("-----BEGIN RSA PRIVATE KEY-----", "is a private key"),
    ("~/.ssh/id_ed25519.pub", "is the name of a file; write what is in it"),
    ("/home/me/.ssh/id_ed25519", "is the name of a file"),
    ("id_ed25519.pub", "is the name of a file"),
    (f"{ED25519}\n{OTHER}", "is more than one line; write each key as an entry of its own"),
    (ED25519.replace(" ", "\n"), "is more than one line"),
    (BLOB, "is no public key of a known type"),
    (ED25519.replace("ssh-ed25519", "SSH-ED25519"), "is no public key of a known type"),
    (line("ssh-dss", b"p", b"q", b"g", b"y"), "is no public key of a known type"),
    (line("ssh-ed25519-cert-v01@openssh.com", b""), "is no public key of a known type"),
    (ED25519[:-3], "is cut off or mistyped"),
    (f"ssh-ed25519 {BLOB[:-8]}", "is cut off or mistyped"),
    ("ssh-ed25519 AAAA...", "is cut off or mistyped"),
    (line("ssh-ed25519", bytes(31)), "is cut off: an Ed25519 key has 32 bytes"),
    (line("ssh-ed25519"), "is cut off or too long: an ssh-ed25519 key has 2 parts"),
    (line("ssh-rsa", b"\1\0\1"), "is cut off or too long: an ssh-rsa key has 3 parts"),
    (line("ssh-ed25519", bytes(32), b"x"), "is cut off or too long"),
    (line("ssh-rsa", bytes(32), holds="ssh-ed25519"), "says ssh-rsa, but holds another type"),
    (f"- {ED25519}", "begins with '-', which is no option of sshd's"),
    (f"laptop: {ED25519}", "begins with 'laptop:'"),
    (f"no-command {ED25519}", "begins with 'no-command'"),
    (f"no-pty,shell {ED25519}", "begins with 'shell'"),
    (f'cert-authority,principals="me" {ED25519}', "is a certificate authority's key"),
    (f'expiry-time="20200101" {ED25519}', "expired (expiry-time 20200101)"),
    (f'expiry-time="202001010000Z" {ED25519}', "expired"),
    (f'Expiry-Time="{TODAY}" {ED25519}', "expired"),
    (f'expiry-time="2030-01-01" {ED25519}', "has an expiry-time that is none (2030-01-01)"),
    (f'from="x {ED25519}', "is no public key of a known type"),
]


def ssh_keygen_reads(text: str) -> bool:
    """Ask OpenSSH itself whether this is a line with a key."""
    asked = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"], input=text, capture_output=True, text=True, check=False
    )
    return asked.returncode == 0


@pytest.mark.parametrize("kind, bits, expected", MADE)
def test_made_by_ssh_keygen(kind: str, bits: int | None, expected: str, tmp_path: Path) -> None:
    """Each type that ssh-keygen makes, with its comment."""
    key = parse_key(f"  {public_key(tmp_path, kind, bits)}\n")
    assert (key.type, key.comment, key.options) == (expected, "a laptop", "")
    assert key.opens_a_shell


@pytest.mark.parametrize("text", ON_A_TOKEN)
def test_on_a_token(text: str) -> None:
    """The two types that live on a hardware token, as OpenSSH reads them too."""
    assert ssh_keygen_reads(text)
    assert parse_key(text).opens_a_shell


def test_every_type_is_tested() -> None:
    """A type that is added is tested as well."""
    assert {row[2] for row in MADE} | {text.split()[0] for text in ON_A_TOKEN} == set(TYPES)


@pytest.mark.parametrize("options, opens", TEST_OPTIONS)
def test_options(options: str, opens: bool) -> None:  # noqa: FBT001
    """Restrictions are the owner's business; a command in place of the shell is ours."""
    key = parse_key(f"{options} {ED25519} me@home")
    assert (key.options, key.comment, key.opens_a_shell) == (options, "me@home", opens)


@pytest.mark.parametrize("text, says", TEST_REFUSED)
def test_refused(text: str, says: str) -> None:
    """The message says what it is, and never repeats what may be a private key."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_key(text)
    assert says in str(caught.value)
    assert "b3Bl" not in str(caught.value)


def test_weak_rsa(tmp_path: Path) -> None:
    """Sshd would take it, we do not; the message has the way out."""
    with pytest.raises(ValueError, match="has 1024 bits; make a new one: ssh-keygen -t ed25519"):
        parse_key(public_key(tmp_path, "rsa", 1024))


def test_usable_lines() -> None:
    """Comments, blanks, refused keys and forced commands are passed over; the rest is as it stands."""
    text = f'# me\n\n  {ED25519} me \r\nnonsense\ncommand="x" {OTHER}\nfrom="x" {OTHER}\n'
    assert usable_lines(text) == (f"{ED25519} me", f'from="x" {OTHER}')
    assert usable_lines("") == ()


COMMAND = 'command="sudo -n /usr/local/sbin/planner-release --from-ssh='
# the line that the owner wrote -> what stands in authorized_keys
TEST_RELEASE_LINES = [
    (f"{ED25519} ci", f'restrict,{COMMAND}ci" {ED25519} ci'),
    (f" {ED25519} ci@github \n", f'restrict,{COMMAND}ci@github" {ED25519} ci@github'),
    (
        f'from="203.0.113.9" {ED25519} ci',
        f'from="203.0.113.9",restrict,{COMMAND}ci" {ED25519} ci',
    ),
    (
        f'{ED25519} $(reboot)"; `id` --from-ssh=x',
        f'restrict,{COMMAND}reboot-id---from-ssh-x" {ED25519} $(reboot)"; `id` --from-ssh=x',
    ),
    (f"{ED25519} {'x' * 50}", f'restrict,{COMMAND}{"x" * 40}" {ED25519} {"x" * 50}'),
]
TEST_NO_RELEASE_KEYS = [
    ("~/.ssh/release_key.pub", "is the name of a file"),
    (f"restrict {ED25519}", 'has options of its own, and only from="..." may stand before it'),
    (f'command="x" {ED25519}', "has options of its own"),
    (f'from="a",pty {ED25519}', "has options of its own"),
    (f'from="a",from="b" {ED25519}', "has options of its own"),
    (f"from=a {ED25519}", "has options of its own"),
    (f'from="a b" {ED25519}', "has options of its own"),
]


@pytest.mark.parametrize("given, expected", TEST_RELEASE_LINES)
def test_release_line(given: str, expected: str) -> None:
    """OpenSSH reads it, it opens no shell, and nothing of the comment gets into the command but a plain word."""
    text = release_line(parse_release_key(given))
    assert text == expected
    assert ssh_keygen_reads(text)
    assert parse_key(text).settings.keys() >= {"restrict", "command"}
    assert not parse_key(text).opens_a_shell


def test_a_release_key_without_a_comment() -> None:
    """It goes by the fingerprint that ssh-keygen shows."""
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", "-"], input=ED25519, capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert f'--from-ssh={shown}"' in release_line(parse_release_key(ED25519))


@pytest.mark.parametrize("given, says", TEST_NO_RELEASE_KEYS)
def test_no_release_key(given: str, says: str) -> None:
    """What would widen the line, or make sshd skip it, is refused."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_release_key(given)
    assert says in str(caught.value)


def test_without_releases() -> None:
    """Our own lines go, whatever key they are for; every other byte stays."""
    others = f'# me\r\n\n{ED25519} me\n{COMMAND[:9]}x" {OTHER}'
    ours = [f"{release_line(parse_release_key(text))}\n" for text, _ in TEST_RELEASE_LINES]
    assert without_releases("".join([*ours, others])) == others
    assert without_releases("") == ""
