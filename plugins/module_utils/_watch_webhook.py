# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Does Telegram deliver? Asked of Telegram itself."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.planner.droplet.plugins.module_utils._bot_api import (
    Bot,
    TelegramError,
    WebhookInfo,
    without,
)
from ansible_collections.planner.droplet.plugins.module_utils._drift_types import (
    OK,
    PROBLEM,
    UNKNOWN,
    Finding,
    shown,
)
from ansible_collections.planner.droplet.plugins.module_utils._plan_text import count
from ansible_collections.planner.droplet.plugins.module_utils._telegram import RECENT_S
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings
from ansible_collections.planner.droplet.plugins.module_utils._watch_sight import Sight, line

_CHECK, _ABOUT = "webhook", "webhook"
_KEEP = "planner-tls keep"
_BACKEND = "docker logs --since 10m planner-backend-1"


def webhook(sight: Sight) -> Iterator[Finding]:
    """Compare what Telegram has with the wish, and tell what it could not deliver."""
    wish = sight.settings
    if not wish.webhook_url:
        return
    with open(wish.path("secrets", "telegram_bot_token"), encoding="utf-8") as file:
        token = file.read().strip()
    try:
        info = Bot(token=token, api=wish.telegram_api, ca_file=wish.telegram_ca).info()
    except TelegramError as error:
        yield _failed(wish, error, token)
        return
    problem = _problem(wish, info, sight.now)
    if problem is None:
        waits = f"{count(info.pending_update_count, 'message')} waiting"
        yield Finding(OK, _CHECK, _ABOUT, f"Telegram delivers, {waits}")
        return
    what, do = problem
    yield Finding(PROBLEM, _CHECK, _ABOUT, without(what, token), do)


def _problem(wish: Settings, info: WebhookInfo, now: float) -> tuple[str, str] | None:
    """Say what is wrong and what to do."""
    if info.url != wish.webhook_url:
        # Of a foreign URL only the host: its path may be somebody's secret.
        host = info.url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        do = f"{_KEEP}; if it comes back, another deployment has the same telegram_bot_token"
        return f"Telegram calls {line(host) or 'nobody'} instead of {wish.webhook_url}", do
    pending, most = info.pending_update_count, wish.most("webhook_pending")
    said = f", it says {line(info.last_error_message)!r}" if info.last_error_message else ""
    recent = info.last_error_date > now - RECENT_S
    if pending > most:
        what = f"{count(pending, 'message')} wait for delivery, most: {shown(most)}"
        return what + (said if recent else ""), _BACKEND
    if pending and recent:
        return f"Telegram cannot deliver{said}, {count(pending, 'message')} waiting", _BACKEND
    return None


def _failed(wish: Settings, error: TelegramError, token: str) -> Finding:
    said = line(without(error.description, token))
    if error.status in (401, 404) and said:
        what = f"telegram_bot_token is not accepted ({said})"
        return Finding(PROBLEM, _CHECK, _ABOUT, what, "ask @BotFather for it, then run site.yml")
    if error.status == 0:
        what = f"{wish.telegram_api} cannot be reached: {said}"
        do = "see that the server may connect to it, by its name and through its firewall"
    else:
        what, do = f"{wish.telegram_api} answered {error.status}: {said or 'nothing known'}", _KEEP
    return Finding(UNKNOWN, _CHECK, _ABOUT, what, do)
