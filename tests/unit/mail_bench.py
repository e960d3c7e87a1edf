"""A mail server for tests: SMTP as far as one client with one message needs it, with TLS and a login."""

import base64
import email
import email.policy
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

USER, PASSWORD = "bot", "made-up-password"


class MailServer(socketserver.ThreadingTCPServer):
    """What it was given, and how it answers: ``answers`` maps a verb to what is said instead."""

    daemon_threads = True

    def __init__(self, tls: str, certificate: Path) -> None:
        """Listen; ``tls`` is starttls, tls or none, as in the settings."""
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = tls
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.port: int = self.server_address[1]
        self.answers: dict[str, str] = {}
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[str] = []
        """Who logged in, and whether by then nobody else could read it."""


class _Session(socketserver.BaseRequestHandler):
    """One client."""

    server: MailServer

    def handle(self) -> None:
        with suppress(OSError):  # the client hung up
            self.converse()
        self.file.close()
        self.request.close()

    def converse(self) -> None:
        self.secure = False
        self.file = self.request.makefile("rb")
        if self.server.tls == "tls":
            self.encrypt()
        self.say("220 bench")
        while line := self.file.readline().decode():
            verb, _, rest = line.strip().partition(" ")
            verb = verb.upper()
            if verb in self.server.answers:
                self.say(self.server.answers[verb])
            else:
                getattr(self, f"do_{verb.lower()}", self.do_other)(rest)
            if verb == "QUIT":
                return

    def encrypt(self) -> None:
        self.file.close()
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.file = self.request.makefile("rb")
        self.secure = True

    def say(self, line: str) -> None:
        self.request.sendall(f"{line}\r\n".encode())

    def do_ehlo(self, _: str) -> None:
        self.say("250-bench")
        if self.server.tls == "starttls" and not self.secure:
            self.say("250-STARTTLS")
        self.say("250 AUTH PLAIN")

    def do_starttls(self, _: str) -> None:
        self.say("220 go on")
        self.encrypt()

    def do_auth(self, rest: str) -> None:
        given = base64.b64decode(rest.partition(" ")[2]).decode()
        right = given == f"\0{USER}\0{PASSWORD}"
        self.server.logins.append(f"{USER} {'secure' if self.secure else 'in the clear'}")
        self.say("235 welcome" if right else f"535 not {rest} and not {given!r}")

    def do_rcpt(self, rest: str) -> None:
        self.server.recipients.append(rest)
        self.say("250 fine")

    def do_data(self, _: str) -> None:
        self.say("354 go on")
        lines = list(iter(self.file.readline, b".\r\n"))
        content = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.mails.append(content)
        self.say("250 kept")

    def do_quit(self, _: str) -> None:
        self.say("221 bye")

    def do_other(self, _: str) -> None:
        self.say("250 fine")


def make_certificate(folder: Path) -> Path:
    """A certificate for this machine's address that no authority signed, with its key."""
    file = folder / "own.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=bench"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def mail_server(tls: str, certificate: Path) -> Iterator[MailServer]:
    """Run it as long as it is needed."""
    with MailServer(tls, certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
