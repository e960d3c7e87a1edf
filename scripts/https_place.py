"""Where the product answers, and how it is asked there: over HTTPS, by a name that is verified or by a bare address.

This machine need not know the name: browsers and curl know the demo's (*.localhost), the bench's DNS all of them.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent


@lru_cache
def trust(cafile: str, changed_ns: int) -> ssl.SSLContext:  # noqa: ARG001 - a new file is read again
    """Trust the CAs of a file, or anybody where there is none: nobody vouches for a bare address."""
    if cafile:
        return ssl.create_default_context(cafile=cafile)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Connection(http.client.HTTPSConnection):
    """HTTPS to an address by another name than the address itself."""

    def __init__(self, place: Place, timeout_s: float) -> None:
        """Connect at the first request only, as its parents do."""
        changed_ns = Path(place.cafile).stat().st_mtime_ns if place.cafile else 0
        self.tls = trust(place.cafile, changed_ns)
        self.address = place.address
        super().__init__(place.host, place.port, timeout=timeout_s, context=self.tls)

    def connect(self) -> None:
        """Connect to the address, and ask there for the name."""
        plain = socket.create_connection((self.address, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


@dataclass(frozen=True)
class Place:
    """An address and a port. With ``cafile`` the certificate is verified, for ``name`` where there is one."""

    address: str
    port: int = 443
    name: str = ""
    cafile: str = ""
    scheme: str = "https"

    @classmethod
    def of(cls, url: str, name: str = "", cafile: str = "") -> Place:
        """Read address and port from a URL."""
        split = urlsplit(url)
        port = split.port or {"http": 80, "https": 443}[split.scheme]
        return cls(split.hostname or "", port, name, cafile, split.scheme)

    @property
    def host(self) -> str:
        """What it is called in the request."""
        return self.name or self.address

    @property
    def url(self) -> str:
        """What a person types."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def connection(self, timeout_s: float = 30) -> http.client.HTTPConnection:
        """Return a new connection, which is made at its first request."""
        if self.scheme == "https":
            return Connection(self, timeout_s)
        return http.client.HTTPConnection(self.address, self.port, timeout=timeout_s)

    def get(self, path: str, timeout_s: float = 10) -> bytes:
        """Return the body; raise :class:`OSError` when nobody answers, or anything but 200."""
        return self.request("GET", path, timeout_s=timeout_s)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 10,
    ) -> bytes:
        """Send one request on a connection of its own; else like :meth:`get`."""
        connection = self.connection(timeout_s)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            said = answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"no HTTP: {error!r}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"HTTP {answer.status}")
        return said


def demo() -> Place:
    """Return where the demo answers: on loopback, with a certificate of the bench's CA."""
    port = int(os.environ.get("DEMO_HTTPS_PORT") or 8443)
    return Place("127.0.0.1", port, "planner.localhost", str(ROOT / ".cache/demo/ca.pem"))
