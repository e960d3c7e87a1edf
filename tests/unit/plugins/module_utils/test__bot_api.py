"""The Bot API, against the bench's own."""

import ssl
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _bot_api
from ansible_collections.planner.droplet.plugins.module_utils._bot_api import (
    Bot,
    TelegramError,
    Webhook,
    WebhookInfo,
    without,
)

from tests.unit.telegram_bench import CERTIFICATE, SECRET, TOKEN, URL, Api, serving

WISHED = Webhook(URL, SECRET)


@pytest.fixture
def api(load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The bench's Bot API without a webhook."""
    with serving(load_script("molecule/bench/telegram.py"), monkeypatch) as running:
        yield running


@pytest.fixture
def bot(api: Api) -> Bot:
    """The bot it knows."""
    return Bot(api=api.url, token=TOKEN)


def failure(action: Callable[[], object]) -> TelegramError:
    """What is raised, without anything of the request in it or behind it."""
    with pytest.raises(TelegramError) as caught:
        action()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    for hidden in (TOKEN, TOKEN.replace(":", "%3A"), SECRET):
        assert hidden not in "".join(shown)
    return error


def test_info(api: Api, bot: Bot) -> None:
    """What Telegram leaves out is 0 or empty, and what it has besides is not minded."""
    assert bot.info() == WebhookInfo()
    api.control(
        url=URL,
        has_custom_certificate=True,
        pending_update_count=2,
        last_error_date=3,
        last_error_message="no",
        last_synchronization_error_date=4,
        ip_address="192.0.2.1",
        max_connections=40,
        allowed_updates=["message"],
    )
    assert astuple(bot.info()) == (URL, True, 2, 3, "no", 4, "192.0.2.1", 40)


@pytest.mark.parametrize("certificate", ["", CERTIFICATE])
def test_register(api: Api, bot: Bot, certificate: str) -> None:
    """URL and secret arrive as they are, the certificate as a file, and nothing that would drop updates."""
    bot.register(Webhook(URL, SECRET, certificate))
    state = api.state
    assert (state["webhook"]["url"], state["secret"], state["certificate"]) == (
        URL,
        SECRET,
        certificate,
    )
    (call,) = state["calls"]
    assert call == {
        "method": "setWebhook",
        "fields": {"url": URL, "secret_token": SECRET},
        "files": {"certificate": certificate} if certificate else {},
    }
    assert bot.info().has_custom_certificate is bool(certificate)


def test_send(api: Api, bot: Bot) -> None:
    """A text arrives as it is, with nothing that would be read as a format, and no preview of a link."""
    bot.send("-1005", "<b> *ü* https://x.example\n_")
    (call,) = api.state["calls"]
    assert call["method"] == "sendMessage"
    assert call["fields"] == {
        "chat_id": "-1005",
        "text": "<b> *ü* https://x.example\n_",
        "link_preview_options": "{'is_disabled': True}",
    }


def test_is_not_sent(api: Api, bot: Bot) -> None:
    """A chat that is not there is Telegram's answer, without the token."""
    api.control(status=400, description=f"Bad Request: chat not found {TOKEN}")
    error = failure(lambda: bot.send("5", "x"))
    assert (error.status, error.description) == (400, "Bad Request: chat not found ***")


def test_shows_no_secret() -> None:
    """Whoever prints a bot or a webhook does not learn what only Telegram may know."""
    shown = repr(Bot(token=TOKEN)) + repr(Webhook(URL, SECRET, CERTIFICATE))
    assert TOKEN not in shown
    assert SECRET not in shown
    assert "https://api.telegram.org" in shown


def test_without() -> None:
    """A few letters are in any text: gaps there would tell them, and nothing at all would be a gap everywhere."""
    assert without("api.telegram.org: no", "", "r", "no", "telegram.org") == "api.***: no"


@pytest.mark.parametrize(
    "url, certificate", [(URL, "-----BEGIN PRIVATE KEY-----\n31337\n"), ("", "")]
)
def test_never_sends(url: str, certificate: str) -> None:
    """A private key stays here, and no empty URL deletes the webhook."""
    with pytest.raises(ValueError, match=r"private key|no URL") as caught:
        Webhook(url, SECRET, certificate)
    assert "31337" not in str(caught.value)


@pytest.mark.parametrize("address", ["", "file:///etc", "ftp://x", "api.telegram.org", "https://"])
def test_speaks_http_only(address: str) -> None:
    """No other address is taken for a Bot API."""
    with pytest.raises(ValueError, match="must start with https://"):
        Bot(api=address, token=TOKEN)


# how the call fails -> status, description
ECHO = f"/bot{TOKEN}/ {TOKEN.replace(':', '%3A')} {SECRET}"
HIDDEN = "/bot***/ *** ***"
TEST_FAILURES: list[tuple[dict[str, Any], int, str]] = [
    ({"status": 401}, 401, "Unauthorized"),
    ({"status": 404}, 404, "Not Found"),
    ({"status": 500}, 500, "Internal Server Error"),
    ({"status": 400, "description": f"Bad Request: {ECHO}"}, 400, f"Bad Request: {HIDDEN}"),
    ({"status": 404, "body": f"<html>{ECHO}"}, 404, ""),
    ({"status": 502, "body": ""}, 502, ""),
    ({"status": 302, "headers": {"Location": "/control"}, "body": ECHO}, 302, ""),
    ({"status": 307, "headers": {"Location": f"/{ECHO}"}, "body": ""}, 307, ""),
    ({"body": f"{{{ECHO}"}, 200, ""),
    ({"body": "\x00"}, 200, ""),
    ({"body": "[" * 100_000}, 200, ""),
    ({"body": '["ok"]'}, 200, ""),
    ({"body": '{"ok": false}'}, 200, ""),
    ({"body": '{"ok": 1, "result": true}'}, 200, ""),
    ({"status": 429, "description": ECHO}, 429, HIDDEN),
    ({"drop": True}, 0, "Remote end closed connection without response"),
]


@pytest.mark.parametrize("how, status, description", TEST_FAILURES)
def test_fails(api: Api, bot: Bot, how: dict[str, Any], status: int, description: str) -> None:
    """Status and description are what is known; the request is called once and goes nowhere else."""
    api.control(**how)
    error = failure(lambda: bot.register(WISHED))
    assert (error.status, error.description) == (status, description)
    assert api.called == ["setWebhook"]


@pytest.mark.parametrize(
    "result",
    ["true", "[]", '{"url": 5}', '{"last_error_date": -1}', '{"last_error_date": 1e3}',
     '{"has_custom_certificate": 1}', '{"pending_update_count": true}', '{"max_connections": 1' + "0" * 20 + "}"],
)  # fmt: skip
def test_is_no_info(api: Api, bot: Bot, result: str) -> None:
    """An answer of other types is not guessed at."""
    api.control(body=f'{{"ok": true, "result": {result}}}')
    assert failure(bot.info).status == 200


# another address, token or file of authorities -> what the reason says
TEST_UNREACHABLE: list[tuple[dict[str, str], str]] = [
    ({"api": "http://127.0.0.1:1"}, "Connection refused"),
    ({"api": "http://127.0.0.1/a b"}, "bot***/getWebhookInfo"),
    ({"api": "http://127.0.0.1:x"}, "nonnumeric port"),
    ({"api": "http://[::1"}, "Invalid"),
    ({"ca_file": "/nowhere.pem"}, "No such file"),
]


@pytest.mark.parametrize("other, says", TEST_UNREACHABLE)
@pytest.mark.usefixtures("api")
def test_unreachable(other: dict[str, str], says: str) -> None:
    """The reason is told without the URL."""
    error = failure(Bot(token=TOKEN, **other).info)
    assert error.status == 0
    assert says in error.description


def test_time_out(api: Api, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is not waited for without end."""
    assert _bot_api.TIMEOUT_S == 15
    monkeypatch.setattr(_bot_api, "TIMEOUT_S", 0.05)
    api.control(delay_s=1)
    error = failure(bot.info)
    assert (error.status, error.description) == (0, "timed out")


@pytest.mark.parametrize("token", ["", "1 2", "1/../2", "1?2", "1\r\n2", "é", "31337:geheim#"])
def test_no_token(api: Api, token: str) -> None:
    """What cannot be a token is not sent, and not shown."""
    error = failure(Bot(api=api.url, token=token).info)
    assert error.status == 401
    assert "geheim" not in str(error)
    assert api.called == []


# how long Telegram asks to wait, each time -> what was waited for, and what is asked of the caller then
TEST_WAITS: list[tuple[list[int | None], list[int], int | None]] = [
    ([0], [0], None),
    ([5], [5], None),
    ([6], [], 6),
    ([None], [], 60),
    ([3, 2], [3], 2),
    ([3, 70], [3], 70),
]


@pytest.mark.parametrize("asked, slept, left", TEST_WAITS)
def test_flood_control(
    bot: Bot,
    api: Api,
    asked: list[int | None],
    slept: list[int],
    left: int | None,
) -> None:
    """A short wait is kept, once; a longer one is the caller's to tell."""
    for wait in asked:
        api.control(status=429, **({} if wait is None else {"retry_after": wait}))
    waits: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_bot_api, "time", SimpleNamespace(sleep=waits.append))
        if left is None:
            assert bot.info() == WebhookInfo()
        else:
            assert failure(bot.info).retry_after_s == left
    assert waits == slept


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that no authority signed, with its key."""
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=bench"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def test_tls(api: Api, certificate: Path) -> None:
    """An authority of one's own is trusted where it is named, and nowhere else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    api.server.socket = context.wrap_socket(api.server.socket, server_side=True)
    api.server.handle_error = lambda *_: None  # the client that hangs up
    address = api.url.replace("http:", "https:")
    assert Bot(api=address, token=TOKEN, ca_file=str(certificate)).info() == WebhookInfo()
    error = failure(Bot(api=address, token=TOKEN).info)
    assert error.status == 0
    assert "certificate verify failed" in error.description


def test_proxy(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is used, except for what it leaves out."""
    monkeypatch.setenv("http_proxy", api.url)
    bot = Bot(api="http://telegram.invalid", token=TOKEN)
    assert bot.info() == WebhookInfo()
    monkeypatch.setenv("no_proxy", "telegram.invalid")
    monkeypatch.setattr(_bot_api, "TIMEOUT_S", 5)
    assert failure(bot.info).status == 0


@pytest.mark.usefixtures("api")
def test_bench_program(root: Path) -> None:
    """The bench starts the same Bot API by hand, with a port and a token."""
    words = [sys.executable, str(root / "molecule/bench/telegram.py"), "0", TOKEN]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = process.stdout.readline().split()[-1]
        try:
            bot = Bot(api=f"http://127.0.0.1:{port}/", token=TOKEN)
            bot.register(WISHED)
            assert bot.info().url == URL
        finally:
            process.terminate()
