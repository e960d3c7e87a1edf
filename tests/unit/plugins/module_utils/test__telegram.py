"""The webhook that Telegram has, and the one it shall have."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _bot_api
from ansible_collections.planner.droplet.plugins.module_utils._telegram import (
    Bot,
    Outcome,
    Webhook,
    fingerprint,
    keep_webhook,
)

from tests.unit.telegram_bench import CERTIFICATE, SECRET, TOKEN, URL, Api, serving

WISHED = Webhook(URL, SECRET)
OWN = replace(WISHED, certificate_pem=CERTIFICATE)
ASK, SET = "getWebhookInfo", "setWebhook"
VERIFY = "SSL error {error:0A000086:SSL routines::certificate verify failed}"


@pytest.fixture
def api(load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The bench's Bot API without a webhook."""
    with serving(load_script("molecule/bench/telegram.py"), monkeypatch) as running:
        yield running


@pytest.fixture
def bot(api: Api) -> Bot:
    """The bot it knows."""
    return Bot(api=api.url, token=TOKEN)


def problem(outcome: Outcome) -> str:
    """The one problem, which ends with what to do and shows nothing secret."""
    (text,) = outcome.problems
    assert ". Do: " in text
    assert text.endswith(".")
    assert TOKEN not in repr(outcome)
    assert SECRET not in repr(outcome)
    return text


@pytest.mark.parametrize("wished", [WISHED, OWN])
def test_first(api: Api, bot: Bot, wished: Webhook) -> None:
    """It is registered, and asked for again."""
    outcome = keep_webhook(bot, wished, "")
    assert (outcome.changed, outcome.problems) == (True, ())
    assert outcome.info == bot.info()
    assert outcome.info.url == URL
    assert api.called[:3] == [ASK, SET, ASK]
    assert (api.state["secret"], api.state["certificate"]) == (SECRET, wished.certificate_pem)


@pytest.mark.parametrize("wished", [WISHED, OWN])
def test_second(api: Api, bot: Bot, wished: Webhook) -> None:
    """With the stored fingerprint nothing is done: Telegram is asked, once."""
    stored = keep_webhook(bot, wished, "").fingerprint
    before = len(api.called)
    outcome = keep_webhook(bot, wished, stored)
    assert (outcome.changed, outcome.problems, outcome.fingerprint) == (False, (), stored)
    assert outcome.info
    assert outcome.info.url == URL
    assert api.called[before:] == [ASK]


# what Telegram has -> what it shall have
TEST_DIFFERS: list[tuple[Webhook, Webhook]] = [
    (WISHED, replace(WISHED, url=URL.replace("shop", "www"))),
    (WISHED, replace(WISHED, secret="another")),
    (WISHED, OWN),
    (OWN, WISHED),
    (OWN, replace(OWN, certificate_pem=CERTIFICATE.replace("made", "done"))),
]


@pytest.mark.parametrize("had, wished", TEST_DIFFERS)
def test_differs(api: Api, bot: Bot, had: Webhook, wished: Webhook) -> None:
    """Another URL, secret or certificate is registered, also where Telegram cannot tell the difference."""
    stored = keep_webhook(bot, had, "").fingerprint
    outcome = keep_webhook(bot, wished, stored)
    assert (outcome.changed, outcome.problems) == (True, ())
    state = api.state
    assert state["webhook"]["url"] == wished.url
    assert (state["secret"], state["certificate"]) == (wished.secret, wished.certificate_pem)
    assert not keep_webhook(bot, wished, outcome.fingerprint).changed


@pytest.mark.parametrize(
    "now", [{"url": ""}, {"url": "https://old.example/x"}, {"has_custom_certificate": True}]
)
def test_changed_by_others(api: Api, bot: Bot, now: dict[str, Any]) -> None:
    """What somebody else did to it is put right."""
    stored = keep_webhook(bot, WISHED, "").fingerprint
    api.control(**now)
    outcome = keep_webhook(bot, WISHED, stored)
    assert outcome.changed
    assert outcome.fingerprint == stored
    assert api.state["webhook"]["url"] == URL


def test_updates_wait(api: Api, bot: Bot) -> None:
    """Updates that came meanwhile are no problem, and are not dropped."""
    api.control(pending_update_count=7)
    outcome = keep_webhook(bot, WISHED, "")
    assert outcome.problems == ()
    assert outcome.info
    assert outcome.info.pending_update_count == 7
    assert all("drop_pending_updates" not in call["fields"] for call in api.state["calls"])


def test_fingerprint() -> None:
    """It stands for all that was told to this bot, and nobody without the token can try secrets against it."""
    bot = Bot(token=TOKEN)
    one = fingerprint(bot, OWN)
    others = [
        fingerprint(Bot(token=TOKEN + "x"), OWN),
        fingerprint(bot, WISHED),
        fingerprint(bot, replace(OWN, secret="another")),
        fingerprint(bot, Webhook(URL + SECRET[0], SECRET[1:], CERTIFICATE)),
        fingerprint(bot, Webhook(URL, SECRET + CERTIFICATE)),
        *(hashlib.sha256(text.encode()).hexdigest() for text in (SECRET, URL + SECRET)),
    ]
    assert one == fingerprint(Bot(token=TOKEN, api="http://elsewhere"), replace(OWN))
    assert len({one, *others}) == 1 + len(others)


# what Telegram says -> what to do
TEST_UNDELIVERED: list[tuple[Webhook, str, str]] = [
    (WISHED, VERIFY, "with its whole chain, and no staging one"),
    (OWN, VERIFY, "it is the one that Telegram must have"),
    (WISHED, "Wrong response from the webhook: 502 Bad Gateway", "the backend's log"),
    (WISHED, "Connection timed out", "nothing before it closes the port"),
    (WISHED, "Failed to resolve host: Name or service not known", "the name leads to this server"),
]


@pytest.mark.parametrize("wished, said, remedy", TEST_UNDELIVERED)
@pytest.mark.parametrize("registered", [True, False])
def test_undelivered(
    api: Api, bot: Bot, wished: Webhook, said: str, remedy: str, *, registered: bool
) -> None:
    """What Telegram could not deliver is told in its words, right after the registration or later."""
    stored = "" if registered else keep_webhook(bot, wished, "").fingerprint
    news = {"last_error_message": said, "ip_address": "192.0.2.1"}
    api.control(**({"after_set_webhook": news} if registered else news))
    outcome = keep_webhook(bot, wished, stored)
    assert outcome.changed is registered
    text = problem(outcome)
    assert text.startswith(f"Telegram cannot deliver to {URL} (192.0.2.1): '{said}', 20")
    assert remedy in text


def test_a_delivery_that_failed_since(api: Api, bot: Bot) -> None:
    """An error that came with the registration counts, even if Telegram's next attempt got through."""
    api.control(after_set_webhook={"last_error_message": VERIFY, "pending_update_count": 0})
    assert "none waiting" in problem(keep_webhook(bot, WISHED, ""))


@pytest.mark.parametrize("age_s, waiting", [(86400, 0), (5, 0), (86400, 3)])
def test_an_error_that_is_over(api: Api, bot: Bot, age_s: int, waiting: int) -> None:
    """Telegram keeps the last error: it is no problem once all was delivered, or where only new updates wait."""
    stored = keep_webhook(bot, WISHED, "").fingerprint
    date = int(time.time()) - age_s
    api.control(last_error_message=VERIFY, last_error_date=date, pending_update_count=waiting)
    assert keep_webhook(bot, WISHED, stored).problems == ()
    # Registered again as it was, which keeps the error: still not a new one.
    assert keep_webhook(bot, WISHED, "").problems == ()


# how a call fails -> what the owner reads
TEST_FAILED: list[tuple[dict[str, Any], str]] = [
    ({"status": 401}, "telegram_bot_token is not accepted (Unauthorized). Do: ask @BotFather"),
    ({"status": 404}, "telegram_bot_token is not accepted (Not Found). Do: ask @BotFather"),
    ({"status": 404, "body": "<html>"}, "answered 404: in other words than the Bot API has"),
    ({"status": 429, "retry_after": 6}, "no more calls for now. Do: run this again after 2027-"),
    ({"status": 500}, "answered 500: Internal Server Error. Do: run this again; if it stays"),
    ({"status": 409, "description": "Conflict: other setWebhook"}, "answered 409: Conflict: other"),
    ({"status": 301, "headers": {"Location": "/x"}}, "redirects (301), and the token is sent no"),
    ({"body": "<html>"}, "answered 200: in other words than the Bot API has"),
    ({"drop": True}, "cannot be reached: Remote end closed connection without response. Do: see"),
    ({"status": 400, "description": f"{TOKEN} {SECRET}"}, "refused as a webhook (*** ***)"),
]


@pytest.mark.parametrize("how, says", TEST_FAILED)
@pytest.mark.parametrize("call", [0, 1, 2])
def test_failed(api: Api, bot: Bot, how: dict[str, Any], says: str, call: int) -> None:
    """Whichever call fails is said, and what is not known to be registered is registered the next time."""
    stored = keep_webhook(bot, replace(WISHED, url="https://old.example"), "").fingerprint
    api.control(skip=call, **how)
    outcome = keep_webhook(bot, WISHED, stored, now=lambda: 1_800_000_000)
    assert says in problem(outcome)
    assert outcome.changed is (call == 2)
    assert outcome.fingerprint == (stored if call == 0 else "")
    assert (outcome.info is None) is (call == 0)
    again = keep_webhook(bot, WISHED, outcome.fingerprint)
    assert (again.changed, again.problems) == (True, ())


# what is refused -> in Telegram's words, and what to do
TEST_REFUSED: list[tuple[Webhook, str]] = [
    (
        Webhook("https://shop.example:444/", SECRET),
        "/ is refused as a webhook (Bad Request: bad we",
    ),
    (Webhook("http://shop.example/", SECRET), "An HTTPS URL must be provided for webhook), and T"),
    (
        Webhook(URL, "no spaces"),
        "telegram_webhook_secret is refused (Bad Request: secret token con",
    ),
    (
        Webhook(URL, "x" * 257),
        "telegram_webhook_secret is refused (Bad Request: secret token is to",
    ),
]


@pytest.mark.parametrize("wished, says", TEST_REFUSED)
def test_refused(bot: Bot, wished: Webhook, says: str) -> None:
    """Telegram judges URL and secret, and its words come with what to do."""
    outcome = keep_webhook(bot, wished, "")
    text = problem(outcome)
    assert says in text
    assert wished.secret not in text
    assert not outcome.changed


# what Telegram has right after the registration -> what the owner reads
TEST_NOT_TAKEN: list[tuple[Webhook, dict[str, Any], str]] = [
    (WISHED, {"url": f"https://me:pw@x.example/{SECRET}"}, f"calls x.example instead of {URL}, "),
    (WISHED, {"url": ""}, f"Telegram calls nobody instead of {URL}, which was registered just now"),
    (WISHED, {"has_custom_certificate": True}, "still has an uploaded certificate"),
    (OWN, {"has_custom_certificate": False}, "does not have an uploaded certificate"),
]


@pytest.mark.parametrize("wished, has, says", TEST_NOT_TAKEN)
def test_not_taken(api: Api, bot: Bot, wished: Webhook, has: dict[str, Any], says: str) -> None:
    """Another deployment with the same token is found out, and its URL's path not shown."""
    api.control(after_set_webhook=has)
    outcome = keep_webhook(bot, wished, "")
    (text,) = outcome.problems
    assert says in text
    assert "deployment with the same telegram_bot_token and stop it" in text
    assert SECRET not in text
    assert "pw" not in text
    assert outcome.changed
    assert keep_webhook(bot, wished, outcome.fingerprint).changed, "it differs still"


def test_unreachable(api: Api, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer nothing is known, and what was stored stays."""
    other = replace(bot, api="http://127.0.0.1:1", ca_file=__file__)
    text = problem(keep_webhook(other, WISHED, "stored"))
    assert text.startswith(f"http://127.0.0.1:1 cannot be reached, trusting {__file__}: ")
    monkeypatch.setattr(_bot_api, "TIMEOUT_S", 0.05)
    api.control(delay_s=1)
    outcome = keep_webhook(bot, WISHED, "stored")
    assert problem(outcome).startswith(f"{api.url} cannot be reached: timed out. Do: ")
    assert (outcome.changed, outcome.info, outcome.fingerprint) == (False, None, "stored")
