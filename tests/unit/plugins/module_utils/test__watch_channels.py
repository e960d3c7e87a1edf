"""Telegram, an address of the owner's and the dead-man switch, each against a real server of its kind."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _watch_channels
from ansible_collections.planner.droplet.plugins.module_utils._watch_channels import (
    TEXT_UNITS,
    channels,
    ping,
    shortened,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.channels_bench import MESSAGE, failure, keep
from tests.unit.mail_bench import make_certificate
from tests.unit.telegram_bench import TOKEN, Api, serving

PATH = "/hooks/made-up-31337"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A machine without channels."""
    (tmp_path / "watch/secrets").mkdir(parents=True)
    return Settings(project_dir=str(tmp_path), host="planner-1")


def test_which(settings: Settings) -> None:
    """A channel is there as soon as it is wished, even where a part of it is missing."""
    assert channels(settings) == {}
    keep(settings, "alert_url", "https://x.example")
    wished = replace(settings, telegram_chat="5", email_to="a@x.example")
    assert list(channels(wished)) == ["telegram", "alert_url", "email"]
    assert "no token" in failure(lambda: channels(wished)["telegram"](MESSAGE)).reason
    assert "no mail server" in failure(lambda: channels(wished)["email"](MESSAGE)).reason


@pytest.fixture
def api(load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The bench's Bot API."""
    with serving(load_script("molecule/bench/telegram.py"), monkeypatch) as running:
        yield running


@pytest.fixture
def telegram(api: Api, settings: Settings) -> Callable[[Message], None]:
    """The channel to it."""
    keep(settings, "telegram_token", TOKEN)
    return channels(replace(settings, telegram_chat="-1005", telegram_api=api.url))["telegram"]


def test_telegram(api: Api, telegram: Callable[[Message], None]) -> None:
    """The chat has the text as it is, cut to what Telegram takes."""
    telegram(MESSAGE)
    telegram(replace(MESSAGE, lines=("x" * 90,) * 90))
    first, second = (one["fields"] for one in api.state["calls"])
    assert api.called == ["sendMessage"] * 2
    assert (first["chat_id"], first["text"]) == ("-1005", "PROBLEM planner-1: ü\nDo: x")
    assert "parse_mode" not in first
    assert second["text"].endswith("x\n...")
    assert TEXT_UNITS - 91 < len(second["text"]) <= TEXT_UNITS


# how the Bot API fails -> what is said, and the seconds that it asks for
TEST_TELEGRAM_FAILS: list[tuple[dict[str, Any], str, int]] = [
    ({"status": 401}, "Telegram: 401 Unauthorized", 60),
    (
        {"status": 400, "description": f"Bad Request: chat not found {TOKEN}"},
        "Telegram: 400 Bad Request: chat not found ***",
        60,
    ),
    ({"status": 429, "retry_after": 70}, "Telegram: 429 Too Many Requests", 70),
    ({"status": 502, "body": "<html>"}, "Telegram: 502 it gave no answer of the Bot API", 60),
    ({"drop": True}, "Telegram: 0 Remote end closed connection without response", 0),
]


@pytest.mark.parametrize("how, reason, wait_s", TEST_TELEGRAM_FAILS)
def test_telegram_fails(
    api: Api, telegram: Callable[[Message], None], how: dict[str, Any], reason: str, wait_s: int
) -> None:
    """Telegram's own words say why."""
    api.control(**how)
    error = failure(lambda: telegram(MESSAGE))
    assert (error.reason, error.retry_after_s) == (reason, wait_s)


def test_no_bot_api(settings: Settings) -> None:
    """An address that is none is a channel that fails."""
    keep(settings, "telegram_token", TOKEN)
    wished = replace(settings, telegram_chat="5", telegram_api="telegram.example")
    assert (
        "must start with https://" in failure(lambda: channels(wished)["telegram"](MESSAGE)).reason
    )


# a text, the most of it -> what is left
TEST_SHORTENED: list[tuple[str, int, str]] = [
    ("12345678", 8, "12345678"),
    ("12\n345678", 8, "12\n..."),
    ("123456789", 8, "1234\n..."),
    ("😀😀😀😀", 8, "😀😀😀😀"),
    ("😀😀😀😀!", 8, "😀😀\n..."),
    ("1😀😀😀😀", 8, "1😀\n..."),
]


@pytest.mark.parametrize("text, most, left", TEST_SHORTENED)
def test_shortened(text: str, most: int, left: str) -> None:
    """It is cut at a line's end, and never in the middle of a letter."""
    assert shortened(text, most) == left


class Site(ThreadingHTTPServer):
    """An address of the owner's: it keeps what it is told."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - each test sets its own
    garbage = b""

    def __init__(self) -> None:
        """Listen."""
        super().__init__(("127.0.0.1", 0), Answer)
        self.told: list[tuple[str, str, str]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Site

    def do_POST(self) -> None:
        """Keep and answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.told.append((self.command, self.path, body))
        if self.server.garbage:
            self.wfile.write(self.server.garbage)
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """It runs, and is reached without a proxy."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_url(settings: Settings, site: Site) -> None:
    """The address has all of it as JSON, for programs and for people."""
    site.status = 204
    keep(settings, "alert_url", f"{site.url}{PATH}?a=b")
    channels(settings)["alert_url"](MESSAGE)
    ((method, path, body),) = site.told
    assert (method, path) == ("POST", f"{PATH}?a=b")
    assert json.loads(body) == {
        "host": "planner-1",
        "kind": "raised",
        "severity": "problem",
        "title": "PROBLEM planner-1: ü",
        "text": "PROBLEM planner-1: ü\nDo: x",
        "at": 1_788_523_200,
    }


# status, headers -> what is said, and the seconds that are asked for
TEST_URL_FAILS: list[tuple[int, dict[str, str], tuple[str, int]]] = [
    (500, {}, ("it answered 500", 0)),
    (404, {"Retry-After": "x"}, ("it answered 404", 0)),
    (429, {"Retry-After": "90"}, ("it answered 429", 90)),
    (302, {"Location": "/elsewhere"}, ("it answered 302", 0)),
    (307, {"Location": "/elsewhere"}, ("it answered 307", 0)),
]


@pytest.mark.parametrize("status, headers, expected", TEST_URL_FAILS)
def test_url_fails(
    settings: Settings, site: Site, status: int, headers: dict[str, str], expected: tuple[str, int]
) -> None:
    """Anything but success is a failure, and a redirect leads nowhere."""
    site.status, site.headers = status, headers
    keep(settings, "alert_url", site.url + PATH)
    error = failure(lambda: channels(settings)["alert_url"](MESSAGE))
    assert (error.reason, error.retry_after_s) == expected
    assert len(site.told) == 1


# an address -> what the reason says
TEST_NO_URL: list[tuple[str, str]] = [
    ("file:///etc/31337", "must start with"),
    ("http://127.0.0.1:1/made-up-31337", "Connection refused"),
    ("http://127.0.0.1:made-up-31337/", "it is no address"),
    ("http://made-up-31337:geheim31337@127.0.0.1:1x/", "it is no address"),
    ("http://127.0.0.1:1/a made-up-31337", "it is no address"),
    ("http://[made-up-31337/", "it is no address"),
    ("http://127.0.0.1:1/ü-made-up-31337", "it is no address"),
    ("http://made-up-31337.invalid/", ""),
]


@pytest.mark.parametrize("url, reason", TEST_NO_URL)
@pytest.mark.usefixtures("site")
def test_no_url(url: str, reason: str) -> None:
    """The reason is told without any piece of the address."""
    for said in (failure(lambda: ping(url, ok=True)), failure(lambda: ping(url, ok=False))):
        assert reason in said.reason
        assert "urlopen" not in said.reason


def test_tls(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who proves to be the address is told; which one it was meant to be is not said."""
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    site.handle_error = lambda *_: None  # type: ignore[method-assign] # the client that hangs up
    url = site.url.replace("http:", "https:") + PATH
    assert "certificate verify failed" in failure(lambda: ping(url, ok=True)).reason
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    ping(url, ok=True)
    other = url.replace("127.0.0.1", "localhost")
    assert "not valid for '***'" in failure(lambda: ping(other, ok=True)).reason
    assert len(site.told) == 1


def test_no_http(site: Site) -> None:
    """What answers something else did not hear."""
    site.garbage = b"31337 made-up-31337\r\n"
    assert "no HTTP server" in failure(lambda: ping(site.url, ok=True)).reason


def test_time_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not answer is given up."""
    assert _watch_channels.TIMEOUT_S == 10
    monkeypatch.setattr(_watch_channels, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}{PATH}"
        assert failure(lambda: ping(url, ok=True)).reason == "timed out"
    assert site.told == []


# the address, whether all is well -> what is called
TEST_PING: list[tuple[str, bool, str]] = [
    ("/ping/abc", True, "/ping/abc"),
    ("/ping/abc", False, "/ping/abc/fail"),
    ("/ping/abc/", False, "/ping/abc/fail"),
    ("/ping?a=b/c", False, "/ping/fail?a=b/c"),
]


@pytest.mark.parametrize("path, ok, called", TEST_PING)
def test_ping(site: Site, path: str, ok: bool, called: str) -> None:  # noqa: FBT001 - a table
    """The dead-man switch hears that the machine is there, and how it is."""
    ping(site.url + path, ok=ok)
    assert site.told == [("GET", called, "")]
