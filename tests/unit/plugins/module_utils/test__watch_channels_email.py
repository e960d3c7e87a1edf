"""E-mail, against a real mail server."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_channels
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import channels
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.channels_bench import MESSAGE, failure, keep
from tests.unit.mail_bench import PASSWORD, USER, MailServer, mail_server, make_certificate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A machine without channels."""
    (tmp_path / "watch/secrets").mkdir(parents=True)
    return Settings(project_dir=str(tmp_path), host="planner-1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that no authority signed, with its key."""
    return make_certificate(tmp_path_factory.mktemp("mail"))


@contextmanager
def mailing(
    settings: Settings, certificate: Path, tls: str, user: str = USER
) -> Iterator[tuple[MailServer, Callable[[Message], None]]]:
    """A mail server and the channel to it, which trusts it."""
    keep(settings, "smtp_password", PASSWORD)
    with mail_server(tls, certificate) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        wished = replace(
            settings,
            email_to="me@x.example, you@x.example",
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_user=user,
            smtp_tls=tls,
        )
        yield server, channels(wished)["email"]


@pytest.mark.parametrize("tls, user", [("starttls", USER), ("tls", USER), ("none", "")])
def test_email(settings: Settings, certificate: Path, tls: str, user: str) -> None:
    """Everyone has the mail; the password is sent where nobody else can read it."""
    with mailing(settings, certificate, tls, user) as (server, send):
        send(replace(MESSAGE, title="PROBLEM planner-1:\n ü"))
        send(replace(MESSAGE, title="PROBLEM planner-1:\n ü"))
        send(MESSAGE)
    first, again, other = server.mails
    assert first["Subject"] == "PROBLEM planner-1: ü"
    assert (first["From"], first["To"]) == ("me@x.example", "me@x.example, you@x.example")
    assert first["Date"].datetime.timestamp() == MESSAGE.at
    assert first.get_content().split() == ["PROBLEM", "planner-1:", "ü", "Do:", "x"]
    assert first["Message-ID"].endswith("@x.example>")
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]
    assert server.recipients[:2] == ["TO:<me@x.example>", "TO:<you@x.example>"]
    assert server.logins == [f"{user} secure"] * 3 if user else server.logins == []


# a verb, what is said to it -> what the reason says
TEST_EMAIL_FAILS: list[tuple[str, str, str]] = [
    ("AUTH", f"535 no {PASSWORD}", "127.0.0.1: the mail server refuses user and password (535)"),
    ("MAIL", f"550 not with\t{PASSWORD}", "127.0.0.1: 550 not with ***"),
    ("RCPT", "550 nobody", "127.0.0.1: 550 nobody; 550 nobody"),
    ("DATA", "554 spam", "127.0.0.1: 554 spam"),
    ("STARTTLS", "454 later", "127.0.0.1: 454 later"),
]


@pytest.mark.parametrize("verb, said, reason", TEST_EMAIL_FAILS)
def test_email_fails(
    settings: Settings, certificate: Path, verb: str, said: str, reason: str
) -> None:
    """The mail server's own words say why, without the password."""
    with mailing(settings, certificate, "starttls") as (server, send):
        server.answers[verb] = said
        assert failure(lambda: send(MESSAGE)).reason == reason
    assert server.mails == []


def test_wrong_password(settings: Settings, certificate: Path) -> None:
    """A server that repeats what it was given is not repeated."""
    with mailing(settings, certificate, "tls") as (server, send):
        keep(settings, "smtp_password", "another-31337")
        assert failure(lambda: send(MESSAGE)).reason.endswith("user and password (535)")
        keep(settings, "smtp_password", "wörd-31337")
        assert failure(lambda: send(MESSAGE)).reason.endswith("is not ASCII")
    assert server.mails == []


def test_no_password_in_the_clear(settings: Settings, certificate: Path) -> None:
    """Without TLS nobody logs in; a server that offers none has neither password nor mail."""
    with mailing(settings, certificate, "none") as (server, send):
        assert "for all to read" in failure(lambda: send(MESSAGE)).reason
        wished = replace(
            settings,
            email_to="a@x.example",
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_user=USER,
        )
        assert "STARTTLS" in failure(lambda: channels(wished)["email"](MESSAGE)).reason
    assert (server.logins, server.mails) == ([], [])


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_someone_else(settings: Settings, certificate: Path, tls: str) -> None:
    """A server whose certificate nobody vouches for is not told the password."""
    with mailing(settings, certificate, tls) as (server, send):
        os.environ["SSL_CERT_FILE"] = "/nowhere"
        assert "certificate verify failed" in failure(lambda: send(MESSAGE)).reason
    assert (server.logins, server.mails) == ([], [])


@pytest.mark.parametrize("answer", ["", "hello"])
def test_no_mail_server(settings: Settings, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer, or does not speak SMTP, is given up."""
    monkeypatch.setattr(_watch_channels, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        wished = replace(settings, email_to="a@x.example", smtp_host="127.0.0.1", smtp_port=port)

        def say() -> None:
            client, _ = listening.accept()
            with client:
                client.sendall(f"{answer}\r\n".encode())

        if answer:
            threading.Thread(target=say, daemon=True).start()
        assert "127.0.0.1: " in failure(lambda: channels(wished)["email"](MESSAGE)).reason
    assert "Connection refused" in failure(lambda: channels(wished)["email"](MESSAGE)).reason
