"""What is wrong with the options of the role watch: everything at once, and never a secret's value."""

from dataclasses import asdict
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._watch_inputs import problems
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

TOKEN = {"telegram_token": "123456:ABC-def"}
MAIL = {"email_to": "me@example.com", "smtp_host": "smtp.example.com"}
SECRET = "hunter2 hunter2"


def found(
    changed: dict[str, Any] | None = None, secrets: dict[str, str] | None = None
) -> list[str]:
    """Judge the defaults with some of them otherwise."""
    return problems(asdict(Settings()) | (changed or {}), secrets or {})


TEST_ACCEPTED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({}, TOKEN),  # the product's own bot, and nobody who is written to
    ({"telegram_chat": "-1001234"}, TOKEN),
    ({"telegram_chat": "@ops"}, TOKEN),
    (MAIL, {}),
    (MAIL | {"smtp_user": "me", "smtp_tls": "tls", "smtp_port": 465}, {"smtp_password": SECRET}),
    ({}, {"alert_url": "https://a.test/x?y", "ping_url": "http://10.0.0.1/p"}),
    ({"quiet_hours": "22:00-07:30", "timezone": "Europe/Berlin"}, {}),
    ({"thresholds": {"disk_percent": 90, "latency_s": 0.5}}, {}),
]


@pytest.mark.parametrize("changed, secrets", TEST_ACCEPTED)
def test_accepted(changed: dict[str, Any], secrets: dict[str, str]) -> None:
    """What is right passes in silence."""
    assert found(changed, secrets) == []


# what is otherwise, what opens it -> how the only problem begins
TEST_REFUSED: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"telegram_chat": "7"}, {}, "watch_telegram_token: it is empty"),
    ({"telegram_chat": "anna banana"}, TOKEN, "watch_telegram_chat: 'anna banana' is neither"),
    ({"email_to": "me@example.com"}, {}, "watch_smtp_host: it is empty"),
    ({"smtp_host": "smtp.example.com"}, {}, "watch_email_to: it is empty"),
    (MAIL | {"email_to": "me"}, {}, "watch_email_to: 'me' is no e-mail address"),
    (MAIL | {"email_from": "a@b, c@d"}, {}, "watch_email_from: 'a@b, c@d' is no"),
    (MAIL, {"smtp_password": SECRET}, "watch_smtp_user: it is empty"),
    (
        MAIL | {"smtp_user": "me", "smtp_tls": "none"},
        {"smtp_password": SECRET},
        "watch_smtp_tls: none would send",
    ),
    ({"smtp_port": 70000}, {}, "watch_smtp_port: 70000 is no port"),
    ({}, {"alert_url": SECRET}, "watch_alert_url: it is no address"),
    ({}, {"ping_url": f"https://{SECRET}"}, "watch_ping_url: it is no address"),
    ({"quiet_hours": "22-7"}, {}, "watch_quiet_hours: '22-7' is not like"),
    ({"timezone": "Berlin"}, {}, "watch_timezone: 'Berlin' is not known"),
    ({"remind_h": 0}, {}, "watch_remind_h: 0 is not between 1 and 1000"),
    ({"cycle_s": 5}, {}, "watch_cycle_s: 5 is not between 10 and 300"),
    ({"thresholds": {"disc": 90}}, {}, "watch_thresholds.disc: there is no such threshold"),
    (
        {"thresholds": {"disk_percent": "90"}},
        {},
        "watch_thresholds.disk_percent: '90' is no number",
    ),
    ({"thresholds": {"latency_s": 0}}, {}, "watch_thresholds.latency_s: 0 is no number"),
]


@pytest.mark.parametrize("changed, secrets, begins", TEST_REFUSED)
def test_refused(changed: dict[str, Any], secrets: dict[str, str], begins: str) -> None:
    """One problem, which names the option, its value where that is no secret, and what to do."""
    (problem,) = found(changed, secrets)
    assert problem.startswith(begins)
    assert "Do: " in problem
    assert SECRET not in problem


def test_all_at_once() -> None:
    """The owner corrects everything in one go."""
    changed = {"telegram_chat": "7", "email_to": "me", "quiet_hours": "x", "thresholds": {"a": 1}}
    assert len(found(changed, {"ping_url": SECRET})) == 6
