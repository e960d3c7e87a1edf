# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Telegram's webhook as it was wished for: registered where it differs, and judged in the owner's words."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._bot_api import (
    Bot,
    TelegramError,
    Webhook,
    WebhookInfo,
    without,
)

__all__ = ["Bot", "Outcome", "TelegramError", "Webhook", "WebhookInfo", "keep_webhook"]

RECENT_S = 600
"""Telegram tries again every two minutes at the latest: an error older than these seconds is over."""

_PUBLIC = "serve a certificate that a public authority signed for this name, with its whole chain, and no staging one"
_UPLOADED = "run this again once the served certificate is the final one: it is the one that Telegram must have"
_BACKEND = "look for the reason in the backend's log: Telegram tries again for a day, then the messages are lost"
_NETWORK = (
    "see that the name leads to this server, and that nothing before it closes the port to Telegram"
)


@dataclass(frozen=True)
class Outcome:
    """What was done and found; ``fingerprint`` is to be stored, and given to the next call."""

    changed: bool
    info: WebhookInfo | None
    """None where Telegram did not tell."""
    problems: tuple[str, ...]
    fingerprint: str


def keep_webhook(
    bot: Bot, wished: Webhook, known_fingerprint: str, now: Callable[[], float] = time.time
) -> Outcome:
    """Have Telegram call the wished URL, with its secret and certificate; register only what differs.

    Telegram does not tell which secret and certificate it has: ``known_fingerprint`` says what it was given last,
    empty where that is not known. It never drops updates that wait.
    """
    told = fingerprint(bot, wished)
    kept, changed, info = known_fingerprint, False, None
    try:
        info = before = bot.info()
        if kept != told or _differs(before, wished):
            # What fails half-way is done again: Telegram closes the old webhook before it judges the new one.
            kept = ""
            bot.register(wished)
            changed = True
            info = bot.info()
    except TelegramError as error:
        problems = [_failed(error, bot, wished, now())]
        return Outcome(changed, info, _cleaned(problems, bot, wished), kept)
    problems = [*_not_taken(info, wished)]
    newer = changed and info.last_error_date > before.last_error_date
    waiting = info.pending_update_count > 0 and info.last_error_date > now() - RECENT_S
    if not problems and (newer or waiting):
        problems.append(_undelivered(info, wished))
    return Outcome(changed, info, _cleaned(problems, bot, wished), told)


def fingerprint(bot: Bot, wished: Webhook) -> str:
    """Identify a wish without giving its secret away.

    It is an HMAC whose key is the bot's token, which whoever reads the stored fingerprint does not have: guessed
    secrets cannot be tried against it. Another token is another bot, and gives another fingerprint.
    """
    wish = json.dumps([wished.url, wished.secret, wished.certificate_pem])
    return hmac.new(bot.token.encode(), wish.encode(), hashlib.sha256).hexdigest()


def _differs(info: WebhookInfo, wished: Webhook) -> bool:
    return info.url != wished.url or info.has_custom_certificate != bool(wished.certificate_pem)


def _not_taken(info: WebhookInfo, wished: Webhook) -> Iterator[str]:
    """Compare what Telegram has after the registration."""
    if info.url != wished.url:
        # Of a foreign URL only the host: its path may be somebody's secret.
        host = info.url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        yield (
            f"Telegram calls {host or 'nobody'} instead of {wished.url}, which was registered just now. Do: find the "
            "other deployment with the same telegram_bot_token and stop it, or ask @BotFather for a bot of its own."
        )
    elif info.has_custom_certificate != bool(wished.certificate_pem):
        has = "does not have" if wished.certificate_pem else "still has"
        yield (
            f"Telegram {has} an uploaded certificate for {wished.url}, which was registered just now. Do: run "
            "this again; if it stays, find the other deployment with the same telegram_bot_token and stop it."
        )


def _undelivered(info: WebhookInfo, wished: Webhook) -> str:
    """Say why updates do not arrive, in Telegram's words, and what to do."""
    said = info.last_error_message
    if "certificate" in said or "SSL" in said:
        remedy = _UPLOADED if wished.certificate_pem else _PUBLIC
    elif "Wrong response" in said:
        remedy = _BACKEND
    else:
        remedy = _NETWORK
    address = f" ({info.ip_address})" if info.ip_address else ""
    waits = f"{info.pending_update_count} waiting" if info.pending_update_count else "none waiting"
    when = _utc(info.last_error_date)
    return f"Telegram cannot deliver to {wished.url}{address}: {said!r}, {when}, {waits}. Do: {remedy}."


def _failed(error: TelegramError, bot: Bot, wished: Webhook, now: float) -> str:
    """Say why a call failed, and what to do."""
    said = error.description
    match error.status:
        case 0:
            trusted = f", trusting {bot.ca_file}" if bot.ca_file else ""
            what = f"{bot.api} cannot be reached{trusted}: {said}"
            remedy = "see that the server may connect to it, by its name and, where one is set, through its proxy"
        case 401 | 404 if said:
            what, remedy = f"telegram_bot_token is not accepted ({said})", "ask @BotFather for it"
        case 429:
            what = "Telegram takes no more calls for now"
            remedy = f"run this again after {_utc(now + error.retry_after_s)}"
        case 400 if "secret token" in said:
            what = f"telegram_webhook_secret is refused ({said}), and Telegram may have dropped the webhook before"
            remedy = "make it 1 to 256 of the characters A-Z, a-z, 0-9, _ and -"
        case 400 if said:
            what = f"{wished.url} is refused as a webhook ({said}), and Telegram may have dropped the one before"
            remedy = "see that its name is public and leads here by IPv4, and that its port is 443, 80, 88 or 8443"
        case status if 300 <= status < 400:
            what = f"{bot.api} redirects ({status}), and the token is sent nowhere else"
            remedy = "correct its address"
        case status:
            what = f"{bot.api} answered {status}: {said or 'in other words than the Bot API has'}"
            remedy = "run this again; if it stays, see what answers in Telegram's place"
    return f"{what}. Do: {remedy}."


def _cleaned(problems: list[str], bot: Bot, wished: Webhook) -> tuple[str, ...]:
    return tuple(without(problem, bot.token, wished.secret) for problem in problems)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
