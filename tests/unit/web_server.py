"""A small web server on a high port, over HTTP or TLS, that answers as it was told."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

Answers = dict[str, tuple[int, dict[str, str], bytes]]
"""Status, headers and body by path. PORT in a header is the server's own."""


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    asked: list[str]

    def do_GET(self) -> None:
        """Answer as told; what was not told is not found."""
        self.asked.append(f"{self.headers['Host']} {self.path}")
        status, headers, body = self.answers.get(self.path, (404, {}, b"not here"))
        port = self.connection.getsockname()[1]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value.replace("PORT", str(port)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def web_server(
    answers: Answers, asked: list[str] | None = None, pem_file: Path | None = None
) -> Iterator[int]:
    """Serve, over TLS with a certificate and key; give the port. ``asked`` gets host and path of each request."""
    told = {"answers": answers, "asked": [] if asked is None else asked}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Told", (_Handler,), told)) as server:
        if pem_file:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem_file)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
