"""Telegram's word on the webhook, from the bench's Bot API."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    Finding,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_webhook import webhook

from tests.unit.look_bench import NOW, Host
from tests.unit.telegram_bench import TOKEN, URL, Api, serving


@pytest.fixture
def api(load_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The bench's Bot API, with the wished webhook."""
    with serving(load_script("molecule/bench/telegram.py"), monkeypatch) as running:
        running.server.webhook["url"] = URL
        yield running


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host with the bot's token."""
    host = Host(tmp_path, monkeypatch)
    host.file("secrets/telegram_bot_token", f"{TOKEN}\n")
    return host


def judged(host: Host, api: str, **wish: Any) -> Finding:
    """Ask once; no text has the token."""
    given = {"webhook_url": URL, "telegram_api": api, "project_dir": str(host.root), **wish}
    (found,) = webhook(host.sight(**given))
    assert found.check == found.subject == "webhook"
    assert TOKEN not in repr(found)
    return found


@pytest.mark.parametrize(
    "told, severity, what",
    [
        ({}, OK, "Telegram delivers, 0 messages waiting"),
        ({"pending_update_count": 50}, OK, "Telegram delivers, 50 messages waiting"),
        ({"pending_update_count": 51}, PROBLEM, "51 messages wait for delivery, most: 50"),
        (
            {
                "pending_update_count": 1,
                "last_error_date": int(NOW) - 60,
                "last_error_message": f"Wrong response\n from the webhook: 503 {TOKEN}",
            },
            PROBLEM,
            "Telegram cannot deliver, it says 'Wrong response from the webhook: 503 ***', 1 message waiting",
        ),
        (
            {
                "pending_update_count": 60,
                "last_error_date": int(NOW) - 60,
                "last_error_message": "Connection refused",
            },
            PROBLEM,
            "60 messages wait for delivery, most: 50, it says 'Connection refused'",
        ),
        (
            {"pending_update_count": 1, "last_error_date": int(NOW) - 999},
            OK,
            "Telegram delivers, 1 message waiting",
        ),
        ({"last_error_date": int(NOW) - 60}, OK, "Telegram delivers, 0 messages waiting"),
        ({"url": ""}, PROBLEM, f"Telegram calls nobody instead of {URL}"),
        (
            {"url": "https://user:x@other.example/secret-path"},
            PROBLEM,
            f"Telegram calls other.example instead of {URL}",
        ),
    ],
)
def test_judged(host: Host, api: Api, told: dict[str, Any], severity: str, what: str) -> None:
    """The URL, what waits, and a recent error while something waits."""
    api.server.webhook.update(told)
    found = judged(host, api.url)
    assert (found.severity, found.what) == (severity, what)
    assert bool(found.do) == (severity != OK)


@pytest.mark.parametrize(
    "failure, severity, words",
    [
        (
            {"status": 401, "description": "Unauthorized"},
            PROBLEM,
            "telegram_bot_token is not accepted",
        ),
        ({"status": 500, "body": "oops"}, UNKNOWN, "answered 500: nothing known"),
        (
            {"status": 429, "description": "Too Many Requests", "retry_after": 60},
            UNKNOWN,
            "answered 429",
        ),
    ],
)
def test_telegram_fails(
    host: Host, api: Api, failure: dict[str, Any], severity: str, words: str
) -> None:
    """What Telegram does not tell is unknown; a token that it refuses is a problem."""
    api.control(method="getWebhookInfo", **failure)
    found = judged(host, api.url)
    assert found.severity == severity
    assert words in found.what
    assert found.do


def test_not_reached(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """An API that is not there is unknown."""
    monkeypatch.setenv("no_proxy", "*")
    found = judged(host, "http://127.0.0.1:9")
    assert found.severity == UNKNOWN
    assert found.what.startswith("http://127.0.0.1:9 cannot be reached: ")


def test_not_wished(host: Host) -> None:
    """Without a URL nothing is asked."""
    assert list(webhook(host.sight())) == []


def test_no_token(host: Host) -> None:
    """A token that is missing is told as such, by the look."""
    (host.root / "secrets/telegram_bot_token").unlink()
    with pytest.raises(FileNotFoundError):
        list(webhook(host.sight(webhook_url=URL, project_dir=str(host.root))))
