"""molecule/bench/alerts.py: what arrives is kept as it was sent, and a channel fails as it is told to."""

from __future__ import annotations

import asyncio
import json
import smtplib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from types import ModuleType
from typing import Any

import pytest


@dataclass
class Bench:
    """The running servers, spoken to as a Droplet and as the tests do."""

    telegram: str
    http: str
    smtp: int

    def control(self, **wish: Any) -> Any:
        """Say how a channel fails, or ask what came."""
        return self.call(f"{self.http}/control", wish or None)

    def call(self, url: str, content: object = None) -> Any:
        """Send a request; with a content it is a POST of JSON."""
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - ours
            return json.load(answer)

    def send(self, channel: str) -> None:
        """Tell something over a channel."""
        if channel == "telegram":
            self.call(f"{self.telegram}/bot1:x/sendMessage", {"chat_id": 7, "text": "hot\n.and"})
        elif channel == "mail":
            mail = EmailMessage()
            mail["Subject"], mail["From"], mail["To"] = "hot, 20 °", "a@host.test", "b@host.test"
            mail.set_content("hot\n.and wet, 20 °\n")
            with smtplib.SMTP("127.0.0.1", self.smtp, "here", timeout=10) as server:
                server.send_message(mail)
        elif channel == "webhook":
            self.call(f"{self.http}/alert/secret", {"text": "hot"})
        else:
            self.call(f"{self.http}/ping/id/fail")


@contextmanager
def serving(server: Any) -> Iterator[str]:
    """Serve HTTP in a thread; give the address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def taking_mail(bench: ModuleType, told: Any) -> Iterator[int]:
    """Serve SMTP in a thread; give the port."""
    loop, port = asyncio.new_event_loop(), Future[int]()
    task = loop.create_task(bench.take_mail(told, "127.0.0.1", 0, port.set_result))

    def serve() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield port.result(timeout=10)
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


@pytest.fixture
def bench(
    load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """Return the running bench, reached without the proxy that this machine may need elsewhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    module = load_script("molecule/bench/alerts.py")
    told = module.Told()
    bot = module.BotApi(("127.0.0.1", 0), told, "1:x")
    endpoint = module.Endpoint(("127.0.0.1", 0), told, bot)
    with serving(bot) as telegram, serving(endpoint) as http, taking_mail(module, told) as smtp:
        yield Bench(telegram, http, smtp)


def without_times(kept: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Leave out when it came."""
    return {
        channel: [{name: value for name, value in one.items() if name != "at"} for one in came]
        for channel, came in kept.items()
    }


def test_all_arrives(bench: Bench) -> None:
    """Each channel keeps what it was given, whatever letters and dots are in it."""
    for channel in ("telegram", "webhook", "mail", "ping"):
        bench.send(channel)
    mail = {"sender": "a@host.test", "receivers": ["b@host.test"], "subject": "hot, 20 °"}
    assert without_times(bench.control()) == {
        "telegram": [{"chat": "7", "text": "hot\n.and"}],
        "webhook": [{"path": "/alert/secret", "body": {"text": "hot"}}],
        "mail": [{**mail, "text": "hot\n.and wet, 20 °"}],
        "ping": [{"path": "/ping/id/fail"}],
    }


@pytest.mark.parametrize("channel", ["telegram", "webhook", "mail", "ping"])
@pytest.mark.parametrize("how", [{"refuse": True}, {"status": 451}])
def test_fails(bench: Bench, channel: str, how: dict[str, Any]) -> None:
    """A channel that fails keeps nothing and lets the caller know, the others go on; then it works again."""
    bench.control(channel=channel, **how)
    with pytest.raises((OSError, smtplib.SMTPException)):
        bench.send(channel)
    others = {"telegram", "webhook", "mail", "ping"} - {channel}
    for other in others:
        bench.send(other)
    assert {one for one, came in bench.control().items() if came} == others
    bench.control(channel=channel)
    bench.send(channel)
    assert len(bench.control()[channel]) == 1


@pytest.mark.parametrize(
    "chat, text, said",
    [("", "hot", "chat not found"), ("7", " ", "text is empty"), ("7", "x" * 4097, "too long")],
)
def test_telegram_refuses(bench: Bench, chat: str, text: str, said: str) -> None:
    """What Telegram would not deliver is refused in its words."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        bench.call(f"{bench.telegram}/bot1:x/sendMessage", {"chat_id": chat, "text": text})
    with refused.value as answer:
        assert said in json.load(answer)["description"]
    assert bench.control()["telegram"] == []


def test_unknown_wish(bench: Bench) -> None:
    """A wish with a slip of the pen is refused: the test that made it would prove nothing."""
    for wish in ({"channel": "fax"}, {"channel": "mail", "delay": 3}, {"status": 500}):
        with pytest.raises(urllib.error.HTTPError):
            bench.control(**wish)
