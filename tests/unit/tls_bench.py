"""A host for the TLS core: a real TLS server where nginx is, a certbot that is told what to do, a model of Docker."""

import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _tls_engine, _tls_obtain
from ansible_collections.planner.droplet.plugins.module_utils._acme import Wish
from ansible_collections.planner.droplet.plugins.module_utils._acme_probe import (
    Fetched,
    Found,
    fetch_all,
)
from ansible_collections.planner.droplet.plugins.module_utils._certificate import (
    Certificate,
    read_served,
)
from ansible_collections.planner.droplet.plugins.module_utils._compose import Compose
from ansible_collections.planner.droplet.plugins.module_utils._nginx import Nginx
from ansible_collections.planner.droplet.plugins.module_utils._tls_engine import Engine, Report
from ansible_collections.planner.droplet.plugins.module_utils._tls_serve import Server
from ansible_collections.planner.droplet.plugins.module_utils._tls_settings import Settings

from tests.unit.certificates import Pair
from tests.unit.fake_certbot import FakeCertbot
from tests.unit.fake_containers import Container
from tests.unit.fake_docker import RELOAD, Docker

NAMES = ("a.test", "www.a.test")
CA = "https://ca.test/directory"
__all__ = ["CA", "NAMES", "RELOAD", "Bench", "TlsServer", "mode", "tls_bench"]


def mode(path: Path) -> int:
    """Permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


class TlsServer:
    """Serves over TLS what was in a file when it looked last, as nginx does."""

    def __init__(self, pem_file: Path, hsts_file: Path) -> None:
        """Listen; serve nothing yet."""
        self.pem_file, self.hsts_file = pem_file, hsts_file
        self.context: ssl.SSLContext | None = None
        self.hsts = ""
        self.deaf = False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        Thread(target=self._serve, daemon=True).start()

    def load(self) -> ssl.SSLContext:
        """Read the file; raise where it is no certificate with its key."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem_file)
        return context

    def take(self) -> None:
        """Look at the files, and serve what they hold from now on."""
        if not self.deaf:
            self.context = self.load()
            self.hsts = self.hsts_file.read_text() if self.hsts_file.exists() else ""

    def _serve(self) -> None:
        with suppress(OSError):  # until the socket is closed
            while True:
                connection, _ = self.socket.accept()
                with connection, suppress(OSError):
                    if self.context:
                        self.context.wrap_socket(connection, server_side=True).close()


class NginxInDocker(Docker):
    """The model of Docker, whose nginx is a real TLS server."""

    tls: TlsServer

    def exec(self, words: list[str], how: dict[str, Any]) -> str:
        """Check the configuration, for which the certificate is read."""
        if words[1] == "nginx":
            self.tls.load()
        return super().exec(words, how)

    def kill(self, words: list[str]) -> None:
        """New workers take the files."""
        super().kill(words)
        self.tls.take()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


class Bench:
    """What is on the host, and what happens outside."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Install Docker and certbot; nginx has its folder and does not run."""
        self.monkeypatch = monkeypatch
        self.folder = folder / "planner"
        self.certbot = FakeCertbot(folder / "certbot")
        self.docker = NginxInDocker(self.folder)
        self.docker.tls = self.tls = TlsServer(
            self.file("tls/nginx/served.pem"), self.file("nginx/hsts.conf")
        )
        self.file("nginx").mkdir(parents=True)
        self.dns: dict[str, Found] = {}
        self.changes: dict[str, Any] = {}
        """What differs from the settings of a host with two names."""
        real = subprocess.run

        def run(argv: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
            if argv[0] == "docker":
                return self.docker(argv, **how)
            found: subprocess.CompletedProcess[str] = real(argv, **how)
            return found

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(_tls_engine, "Certbot", self.certbot.certbot)

    def file(self, name: str) -> Path:
        """Locate a file of the project."""
        return self.folder / name

    def text(self, name: str) -> str:
        """Read one; empty where there is none."""
        return self.file(name).read_text() if self.file(name).exists() else ""

    @property
    def served_pem(self) -> str:
        """What nginx reads."""
        return self.text("tls/nginx/served.pem")

    def answers_challenges(self, port: int) -> None:
        """Have challenges fetched from another port than 80."""
        self.monkeypatch.setattr(_tls_obtain, "fetch_all", partial(fetch_all, port=port))

    def start_nginx(self) -> None:
        """Run it, with the certificate that is there."""
        one = Container("nginx", "1", "nginx:1", 1, ["healthy"], [])
        self.docker.containers["planner-nginx-1"] = one
        self.docker.start(["planner-nginx-1"])
        self.tls.take()

    def settings(self, **changes: Any) -> Settings:
        """The wish."""
        given: dict[str, Any] = {
            "project_dir": str(self.folder),
            "names": NAMES,
            "address": "192.0.2.7",
            "directory": CA,
            "https_port": self.tls.port,
            "hsts_max_age_s": 300,
            "key_gid": 10001,
        }
        return Settings(**given | self.changes | changes)

    def server(self, **changes: Any) -> Server:
        """The part that serves, alone."""
        nginx = Nginx(Compose(str(self.folder)))
        return Server(self.settings(**changes), self.certbot.certbot(), nginx)

    def lookup(self, name: str) -> Found:
        """What DNS says: every name leads here, unless it was told otherwise."""
        return self.dns.get(name, Found(name, ("127.0.0.1",)))

    def engine(self, *outside: Fetched, **changes: Any) -> Engine:
        """A run that is about to begin."""
        return Engine(self.settings(**changes), self.lookup, outside)

    def keep(self, *outside: Fetched, retry: bool = False, **changes: Any) -> Report:
        """Do all that is to be done."""
        self.docker.calls.clear()
        return self.engine(*outside, **changes).keep(retry=retry)

    def started(self) -> None:
        """Go through a first boot without a CA: a self-signed certificate, and nginx serves it."""
        self.engine().land()
        self.start_nginx()

    def issued(self, pair: Pair, names: tuple[str, ...] = NAMES) -> None:
        """Have certbot keep a certificate, as an earlier run did."""
        self.certbot.issues(pair)
        assert self.certbot.certbot().ask(Wish(names, CA, "classic"), "/acme", "") == ""

    @property
    def served(self) -> Certificate | None:
        """What a client gets; nothing where there is no TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection(("127.0.0.1", self.tls.port), 10) as plain,
                context.wrap_socket(plain) as secure,
            ):
                return read_served(secure.getpeercert(binary_form=True) or b"")
        except OSError:
            return None


@contextmanager
def tls_bench(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Set the bench up, and down again."""
    bench = Bench(folder, monkeypatch)
    handler = partial(_Quiet, directory=str(bench.file("acme")))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, bench.tls.socket:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        bench.answers_challenges(server.server_port)
        yield bench
        server.shutdown()
