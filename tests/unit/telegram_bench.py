"""The bench's Bot API in a thread, and a bot that knows it."""

import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

TOKEN = "123456:AAF-made_up"
SECRET = "made-up-secret_31337"
URL = "https://shop.example/telegram/webhook"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBmade/up+\n-----END CERTIFICATE-----\n"


class Api:
    """The running server, spoken to as the bench does."""

    def __init__(self, server: Any) -> None:
        """Know its address."""
        self.server = server
        self.url = f"http://127.0.0.1:{server.server_port}"

    def control(self, **wish: Any) -> None:
        """Say what happens next."""
        body = json.dumps(wish).encode()
        urllib.request.urlopen(f"{self.url}/control", body, timeout=10).close()  # noqa: S310 - ours

    @property
    def state(self) -> dict[str, Any]:
        """What it was given, and what it answers."""
        with urllib.request.urlopen(f"{self.url}/control", timeout=10) as answer:  # noqa: S310 - ours
            content: dict[str, Any] = json.load(answer)
        return content

    @property
    def called(self) -> list[str]:
        """The methods called."""
        return [one["method"] for one in self.state["calls"]]


@contextmanager
def serving(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Run it as long as it is needed, reached without the proxy that this machine may need elsewhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # It speaks plain HTTP, and to read this machine's CAs takes longer than the call for which urllib does it.
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    server = bench.BotApi(("127.0.0.1", 0), TOKEN)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Api(server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
