"""How tests and the demo's scripts ask the product: by a name, at an address."""

import http.server
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NAME = "planner.localhost"


class Page(http.server.BaseHTTPRequestHandler):
    """Says which name it was asked for; anything but / is an error."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.send_response(200 if self.path == "/" else 503)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def places(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """The module."""
    return load_script("scripts/https_place.py")


def certificate(folder: Path) -> str:
    """A certificate for the name alone, and its key, in one file."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    more = ["-nodes", "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*new, *more, *files], check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return str(both)


@pytest.fixture(scope="module")
def cafile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the server shows, which vouches for itself."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def port(cafile: str) -> Iterator[int]:
    """A server on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cafile)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "url,address,port",
    [
        ("https://10.0.0.1", "10.0.0.1", 443),
        ("http://10.0.0.1/", "10.0.0.1", 80),
        ("https://127.0.0.1:8443", "127.0.0.1", 8443),
    ],
)
def test_of(places: ModuleType, url: str, address: str, port: int) -> None:
    """Address and port are the URL's, the port as its scheme has it."""
    place = places.Place.of(url)
    assert (place.address, place.port) == (address, port)


def test_by_name(places: ModuleType, port: int, cafile: str) -> None:
    """The name is asked for and verified, the address connected to, whatever the name leads to."""
    place = places.Place("127.0.0.1", port, NAME, cafile)
    assert place.url == f"https://{NAME}:{port}"
    assert place.get("/").decode() == f"{NAME}:{port}"


def test_by_address(places: ModuleType, port: int) -> None:
    """Without a CA nothing is verified, and the address is asked for."""
    assert places.Place("127.0.0.1", port).get("/").decode() == f"127.0.0.1:{port}"


@pytest.mark.parametrize("name", ["other.localhost", ""])
def test_not_verified(places: ModuleType, port: int, cafile: str, name: str) -> None:
    """A certificate for another name is a failure, also where only the address is known."""
    with pytest.raises(ssl.SSLCertVerificationError):
        places.Place("127.0.0.1", port, name, cafile).get("/")


def test_anything_but_200(places: ModuleType, port: int) -> None:
    """An unhappy answer is a failure like none."""
    with pytest.raises(OSError, match="HTTP 503"):
        places.Place("127.0.0.1", port).get("/else")


def test_new_ca(places: ModuleType, port: int, cafile: str, tmp_path: Path) -> None:
    """A file that another CA was written to is read again, and one that is gone is a failure."""
    file = Path(certificate(tmp_path))
    place = places.Place("127.0.0.1", port, NAME, str(file))
    with pytest.raises(ssl.SSLCertVerificationError):
        place.get("/")
    file.write_text(Path(cafile).read_text())
    assert place.get("/")
    file.unlink()
    with pytest.raises(FileNotFoundError):
        place.get("/")


def test_demo(places: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is on loopback, on the port that its owner chose."""
    monkeypatch.setenv("DEMO_HTTPS_PORT", "9443")
    place = places.demo()
    assert (place.address, place.url) == ("127.0.0.1", "https://planner.localhost:9443")
    assert place.cafile.endswith(".cache/demo/ca.pem")
