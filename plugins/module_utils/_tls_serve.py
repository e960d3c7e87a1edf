# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The best certificate that is on the disk is what nginx serves: landed, taken by a reload, and compared."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import own_addresses
from ansible_collections.planner.droplet.plugins.module_utils._atomic import write_atomically
from ansible_collections.planner.droplet.plugins.module_utils._certbot import Certbot
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    CertificateError,
    make_self_signed,
    read_served,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate_choice import (
    ISSUED,
    OWN,
    PREVIOUS,
    SELF_SIGNED,
    SERVED,
    Candidate,
    best,
    remake,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._nginx import Nginx
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import (
    STAGING_MARK,
    Settings,
    TlsError,
)

TAKES_S = 10
_WAITS_S = 10


@dataclass
class Server:
    """nginx and the file that it reads. ``did`` is what was done, one sentence each."""

    settings: Settings
    certbot: Certbot
    nginx: Nginx
    did: list[str] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[str, ...]:
        """For what a certificate must be valid: the names, or without any the address."""
        settings = self.settings
        return settings.names or ((settings.address,) if settings.address else own_addresses()[:1])

    def candidates(self) -> list[Candidate]:
        """Read every certificate that lies here."""
        settings = self.settings
        texts = {
            OWN: _text(settings.own_file) if settings.own else "",
            ISSUED: "" if settings.own else self.certbot.pem(),
            SERVED: _text(settings.served_file),
            PREVIOUS: _text(settings.kept("previous.pem")),
            SELF_SIGNED: _text(settings.kept("self-signed.pem")),
        }
        return [Candidate.of(source, pem) for source, pem in texts.items() if pem]

    def on_disk(self) -> Candidate:
        """Read what lies where nginx reads it."""
        return Candidate.of(SERVED, _text(self.settings.served_file))

    def choose(self) -> Candidate | None:
        """Choose what shall be served; nothing where it would have to be made."""
        now = time.time()
        chosen = best(self.candidates(), self.subjects, now)
        return None if remake(chosen, self.subjects, now) else chosen

    def land(self) -> Candidate:
        """Put the best certificate where nginx reads it; one has to be made where there is none."""
        if not self.subjects:
            raise TlsError("This machine has no address. Do: give droplet_domains")
        self._make_folders()
        chosen = self.choose()
        if chosen is None:
            pem = make_self_signed(self.subjects, time.time())
            self._write(self.settings.kept("self-signed.pem"), pem, 0o600)
            chosen = Candidate.of(SELF_SIGNED, pem)
        served = _text(self.settings.served_file)
        if served != chosen.pem:
            before = Candidate.of(SERVED, served)
            if before.certificate and not before.certificate.self_signed:
                self._write(self.settings.kept("previous.pem"), served, 0o600)
            self._write(self.settings.served_file, chosen.pem, 0o640, self.settings.key_gid)
            self.did.append(f"put {_describe(chosen)} in place")
        return chosen

    def serve(self) -> Candidate:
        """Land it, and have nginx serve it; where nginx does not run there is nobody to tell."""
        before = {path: _text(path) for path in (self.settings.served_file, self._hsts_file)}
        done = len(self.did)
        chosen = self.land()
        changed = self._keep_hsts(chosen)
        if not self.runs():
            return chosen
        if changed or self.served() != chosen.certificate:
            self._reload(before, done)
        deadline = time.monotonic() + TAKES_S
        while (found := self.served()) != chosen.certificate:
            if time.monotonic() > deadline:
                raise TlsError(self._not_served(chosen, found))
            time.sleep(0.2)
        return chosen

    def served(self) -> Certificate | None:
        """Ask for the certificate as a client does; nothing where none is served."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        name = self.settings.names[0] if self.settings.names else None
        address = ("127.0.0.1", self.settings.https_port)
        try:
            with (
                socket.create_connection(address, _WAITS_S) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                return read_served(secure.getpeercert(binary_form=True) or b"")
        except (OSError, CertificateError):
            return None

    def runs(self) -> bool:
        """Tell whether nginx runs."""
        try:
            containers = self.nginx.compose.containers()
        except DockerError as error:
            raise TlsError(f"Docker does not answer: {error}") from error
        return any(one.service == "nginx" and one.running for one in containers)

    def is_real(self, certificate: Certificate | None) -> bool:
        """Tell whether browsers are meant to trust it: signed by a CA, and not one for trials."""
        trial = certificate is not None and STAGING_MARK in certificate.issuer
        return certificate is not None and not certificate.self_signed and not trial

    @property
    def _hsts_file(self) -> str:
        return self.settings.path("nginx", "hsts.conf")

    def _reload(self, before: Mapping[str, str], done: int) -> None:
        """Have nginx take the files; where it refuses, put them back, so that the next run finds them as nginx has."""
        try:
            self.nginx.reload()
        except DockerError as error:
            served = self.settings.served_file
            if Candidate.of(SERVED, before[served]).certificate:
                self._put_back(served, before[served], 0o640, self.settings.key_gid)
                self._put_back(self._hsts_file, before[self._hsts_file], 0o644)
                del self.did[done:]
            raise TlsError(
                f"nginx refuses to reload; it goes on with what it has. It says: {error}"
            ) from error
        self.did.append("nginx reloaded")

    def _put_back(self, path: str, text: str, mode: int, gid: int = 0) -> None:
        if text and text != _text(path):
            self._write(path, text, mode, gid)
        elif not text and os.path.exists(path):
            os.unlink(path)

    def _not_served(self, chosen: Candidate, found: Certificate | None) -> str:
        wanted = chosen.certificate.serial if chosen.certificate else "?"
        port = self.settings.https_port
        if found is None:
            return f"Nothing answers over TLS on port {port}. Do: docker logs planner-nginx-1"
        return (
            f"nginx serves the certificate {found.serial} on port {port}, but its file has {wanted}. "
            "Do: docker restart planner-nginx-1"
        )

    def _keep_hsts(self, chosen: Candidate) -> bool:
        """Promise HTTPS to browsers only once it works for them; tell whether that changed."""
        path = self._hsts_file
        wanted = ""
        if self.is_real(chosen.certificate):
            value = f"max-age={self.settings.hsts_max_age_s}"
            wanted = f'add_header Strict-Transport-Security "{value}" always;\n'
        if wanted == _text(path) or not os.path.isdir(os.path.dirname(path)):
            return False
        if wanted:
            self._write(path, wanted, 0o644)
        else:
            os.unlink(path)
        self.did.append(f"HSTS {value if wanted else 'off'}")
        return True

    def _make_folders(self) -> None:
        settings = self.settings
        folders = ((settings.kept(""), 0o700, 0), (settings.kept("nginx"), 0o750, settings.key_gid))
        for folder, mode, gid in (*folders, (settings.webroot, 0o755, 0)):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, mode)
            if os.geteuid() == 0:
                os.chown(folder, 0, gid)

    def _write(self, path: str, text: str, mode: int, gid: int = 0) -> None:
        try:
            write_atomically(path, text.encode(), mode=mode, gid=gid)
        except OSError as error:
            raise TlsError(
                f"{path} cannot be written: {error.strerror}. What nginx serves stays as it is"
            ) from error


def _describe(chosen: Candidate) -> str:
    certificate = chosen.certificate
    names = ", ".join(certificate.names) if certificate else ""
    kind = "a self-signed certificate" if chosen.source == SELF_SIGNED else "the certificate"
    return f"{kind} for {names}"


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
