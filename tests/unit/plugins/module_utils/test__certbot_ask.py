"""How certbot is asked for a certificate, and what comes back."""

import subprocess
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _certbot
from ansible_collections.planner.droplet.plugins.module_utils._acme import Wish
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot

from tests.unit.certbot_texts import answered
from tests.unit.certificates import issue
from tests.unit.fake_certbot import FakeCertbot

CA = "https://ca.test:14000/dir"
WISH = Wish(("a.test", "www.a.test"), CA, "classic")
GOOD = issue(WISH.names)
NONCE = answered("badNonce", "JWS has an invalid anti-replay nonce: RQyq")
FORGOTTEN = answered("accountDoesNotExist", "Account https://ca.test/1 not found.")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCertbot:
    """A certbot that was never asked."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return FakeCertbot(tmp_path / "fake")


def ask(certbot: Certbot, wish: Wish = WISH) -> str:
    """Ask for a certificate."""
    return certbot.ask(wish, "/opt/planner/acme", "")


def test_it_succeeds(fake: FakeCertbot) -> None:
    """In its own folder, in English, trusting the system's authorities."""
    fake.issues(GOOD)
    assert ask(fake.certbot()) == ""
    (call,) = fake.calls
    assert call["words"][:3] == ["--config-dir", str(fake.etc), "certonly"]
    assert call["words"][-4:] == ["--domain", "a.test", "--domain", "www.a.test"]
    assert (call["ca"], call["language"]) == (None, "C.UTF-8")


def test_an_authority_of_ones_own(fake: FakeCertbot) -> None:
    """It is trusted instead of the system's."""
    fake.issues(GOOD)
    assert ask(fake.certbot("/opt/planner/tls/acme-ca.pem")) == ""
    assert fake.calls[0]["ca"] == "/opt/planner/tls/acme-ca.pem"


# version -> whether profiles are asked for, addresses are signed
@pytest.mark.parametrize(
    "version, profiles, addresses",
    [
        ("1.21.0", False, False),
        ("2.9.0", False, False),
        ("4.0.0", True, False),
        ("5.3.1", True, False),
        ("5.4.0.dev0", True, True),
        ("10.0.0", True, True),
        ("of the moon", False, False),
    ],
)
def test_versions(
    fake: FakeCertbot,
    version: str,
    profiles: bool,  # noqa: FBT001 - a table
    addresses: bool,  # noqa: FBT001
) -> None:
    """An option that it does not know is left out, because certbot would refuse all."""
    fake.version(version)
    fake.issues(GOOD)
    assert ask(fake.certbot()) == ""
    assert ("--preferred-profile" in fake.calls[0]["words"]) == profiles
    assert fake.certbot().signs_addresses() == addresses


def test_addresses(fake: FakeCertbot) -> None:
    """They are told from names."""
    fake.issues(GOOD)
    ask(fake.certbot(), Wish(("192.0.2.7",), CA, "shortlived"))
    assert fake.calls[0]["words"][-2:] == ["--ip-address", "192.0.2.7"]


def test_it_fails(fake: FakeCertbot) -> None:
    """What it says is returned, and it is not asked again."""
    fake.fails("Some challenges have failed.", "x")
    assert ask(fake.certbot()) == "Some challenges have failed."
    assert len(fake.calls) == 1


def test_it_fails_without_a_word(fake: FakeCertbot) -> None:
    """A failure is never taken for success."""
    fake.program.write_text("#!/bin/sh\n[ $1 = --version ]\n")
    assert ask(fake.certbot()) == "it said nothing"


def test_a_forgotten_account(fake: FakeCertbot) -> None:
    """Another one is made, once; those of other CAs stay."""
    other = fake.path("accounts/other.test/dir/1/regr.json")
    other.parent.mkdir(parents=True)
    other.touch()
    fake.issues(GOOD)
    fake.fails(FORGOTTEN)
    fake.issues(GOOD)
    certbot = fake.certbot()
    assert ask(certbot) == ask(certbot) == ""
    assert [call["account"] for call in fake.calls] == [False, True, False]
    assert other.exists()


def test_a_refused_nonce(fake: FakeCertbot) -> None:
    """It is nobody's fault and costs nothing: certbot is called again, with its account."""
    fake.fails(NONCE)
    fake.issues(GOOD)
    assert ask(fake.certbot()) == ""
    assert [call["account"] for call in fake.calls] == [False, True]


@pytest.mark.parametrize("said", [FORGOTTEN, NONCE])
def test_it_is_always_so(fake: FakeCertbot, said: str) -> None:
    """A CA that knows nobody, or takes no nonce, is not asked for ever."""
    fake.fails(said, said, said)
    assert ask(fake.certbot()) == said.strip()
    assert len(fake.calls) == 2


def test_it_takes_too_long(fake: FakeCertbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended, and what came of it is said."""
    monkeypatch.setattr(_certbot, "TAKES_S", 0.3)
    fake.program.write_text('#!/bin/sh\n[ "$1" = --version ] || exec sleep 30\n')
    assert ask(fake.certbot()) == "certbot timed out after 0.3 s"


def test_its_version_takes_too_long(fake: FakeCertbot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is asked with options that may be wrong."""

    def slow(words: list[str], **_how: object) -> None:
        raise subprocess.TimeoutExpired(words, 60)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(TimeoutError, match="--version did not end within 60 s"):
        ask(fake.certbot())


def test_it_is_not_installed(fake: FakeCertbot) -> None:
    """Who asks is told by name what is missing."""
    missing = Certbot(str(fake.etc), "certbot-of-nobody")
    with pytest.raises(FileNotFoundError) as caught:
        ask(missing)
    assert caught.value.filename == "certbot-of-nobody"
