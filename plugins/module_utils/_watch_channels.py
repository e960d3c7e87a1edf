# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Delivers a message: by Telegram, to an address of the owner's (a webhook), by e-mail; and pings the dead-man switch.

An address, a token and a password are each a secret, and libraries put them into their exceptions. So none of those
leaves this module: each becomes a :class:`ChannelError`, raised outside of its handler.
"""

from __future__ import annotations

import base64
import email.message
import email.utils
import hashlib
import http.client
import json
import re
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._bot_api import (
    Bot,
    TelegramError,
    without,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_message import Message
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import (
    Settings,
    read_secret,
)

TELEGRAM, URL, EMAIL = "telegram", "alert_url", "email"
TIMEOUT_S = 10
"""Seconds without a sign of life after which an address or a mail server is given up."""
TEXT_UNITS = 4096
"""The longest text that Telegram takes, in UTF-16 units."""
_CUT = "\n..."
_MOST_BYTES = 1 << 16
_HEADERS = {"Content-Type": "application/json", "User-Agent": "planner-watch"}


class ChannelError(Exception):
    """A message was not delivered; the reason is for the owner and holds no secret."""

    def __init__(self, reason: str, retry_after_s: int = 0) -> None:
        """Keep why, and the seconds after which it may be tried again where the other side said so."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


def channels(settings: Settings) -> dict[str, Callable[[Message], None]]:
    """Return each channel that is wished, with what sends a message over it or raises ChannelError."""
    found: dict[str, Callable[[Message], None]] = {}
    if settings.telegram_chat:
        found[TELEGRAM] = lambda message: send_telegram(settings, message)
    if read_secret(settings, "alert_url"):
        found[URL] = lambda message: send_url(settings, message)
    if settings.email_to:
        found[EMAIL] = lambda message: send_email(settings, message)
    return found


def send_telegram(settings: Settings, message: Message) -> None:
    """Send by the Bot API, cut where it is too long. Raises ChannelError."""
    token = read_secret(settings, "telegram_token")
    if not token:
        raise ChannelError("there is no token of a bot")
    try:
        bot = Bot(token=token, api=settings.telegram_api, ca_file=settings.telegram_ca)
        bot.send(settings.telegram_chat, shortened(message.text()))
    except TelegramError as error:
        said = error.description or "it gave no answer of the Bot API"
        failed = ChannelError(f"Telegram: {error.status} {said}", error.retry_after_s)
    except ValueError as error:
        failed = ChannelError(str(error))
    else:
        return
    raise failed


def send_url(settings: Settings, message: Message) -> None:
    """Post it as JSON. Raises ChannelError."""
    content = {
        "host": settings.host,
        "kind": message.kind,
        "severity": message.severity,
        "title": message.title,
        "text": message.text(),
        "at": message.at,
    }
    _exchange(read_secret(settings, "alert_url"), json.dumps(content).encode())


def send_email(settings: Settings, message: Message) -> None:
    """Send it by the owner's mail server. Raises ChannelError."""
    password = read_secret(settings, "smtp_password")
    if not settings.smtp_host:
        raise ChannelError("there is no mail server: set watch_smtp_host")
    if settings.smtp_user and settings.smtp_tls not in ("starttls", "tls"):
        raise ChannelError("without TLS the password would be sent for all to read")
    try:
        _post(settings, password, _mail(settings, message))
    except smtplib.SMTPAuthenticationError as error:
        # What it says may repeat what it was given.
        failed = f"the mail server refuses user and password ({error.smtp_code})"
    except smtplib.SMTPRecipientsRefused as error:
        failed = "; ".join(_answer(*one) for one in error.recipients.values())
    except smtplib.SMTPResponseException as error:
        failed = _answer(error.smtp_code, error.smtp_error)
    except UnicodeError:
        # It quotes a letter of the password.
        failed = "user, password or an address is not ASCII"
    except (OSError, ValueError) as error:
        failed = str(error) or type(error).__name__
    else:
        return
    user = f"\0{settings.smtp_user}\0{password}"
    coded = (base64.b64encode(one.encode()).decode() for one in (password, user))
    raise ChannelError(without(f"{settings.smtp_host}: {failed}", password, *coded))


def ping(url: str, *, ok: bool) -> None:
    """Tell the dead-man switch that this machine is there, and whether all is well. Raises ChannelError."""
    _exchange(url if ok else re.sub(r"/?(?=[?#]|$)", "/fail", url, count=1))


def shortened(text: str, most: int = TEXT_UNITS) -> str:
    """Cut a text to so many UTF-16 units, at the end of a line where there is one."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * most:
        return text
    kept = units[: 2 * (most - len(_CUT))].decode("utf-16-le", errors="ignore")
    return (kept.rpartition("\n")[0] or kept) + _CUT


def _exchange(url: str, body: bytes | None = None) -> None:
    """Call an address; any answer but 2xx is a failure, and a redirect is not followed: it would carry the text off."""
    if not re.match(r"https?://[^/\s]", url):
        raise ChannelError("the address must start with https:// or http://")
    hidden = (url, *re.split(r"[/?&#@:]", url.partition("//")[2]))
    wait_s = 0
    try:
        request = urllib.request.Request(url, body, _HEADERS)  # noqa: S310 - checked
        with urllib.request.build_opener(_AsItIs).open(request, timeout=TIMEOUT_S) as response:
            response.read(_MOST_BYTES)
            if 200 <= response.status < 300:
                return
            failed = f"it answered {response.status}"
            wait = response.headers.get("Retry-After", "")
            wait_s = int(wait) if re.fullmatch(r"\d{1,6}", wait) else 0
    except urllib.error.URLError as error:
        failed = without(str(error.reason), *hidden)
    except OSError as error:
        failed = without(str(error) or type(error).__name__, *hidden)
    except (ValueError, http.client.HTTPException) as error:
        # These quote the address in pieces.
        failed = f"it is no address, or no HTTP server ({type(error).__name__})"
    raise ChannelError(failed, wait_s)


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """Takes every status as an answer."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002
        return response

    https_response = http_response


def _post(settings: Settings, password: str, mail: email.message.EmailMessage) -> None:
    context = ssl.create_default_context()
    # This machine's own name would have to be asked for, of a DNS that may be what fails.
    given: Mapping[str, Any] = {"local_hostname": "[127.0.0.1]", "timeout": TIMEOUT_S}
    with (
        smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, context=context, **given)
        if settings.smtp_tls == "tls"
        else smtplib.SMTP(settings.smtp_host, settings.smtp_port, **given)
    ) as server:
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, password)
        server.send_message(mail)


def _mail(settings: Settings, message: Message) -> email.message.EmailMessage:
    sender = settings.email_from or settings.email_to.partition(",")[0]
    # The same message has the same name: whoever gets it twice sees it once.
    name = hashlib.sha256(f"{settings.host} {message.at} {message.text()}".encode()).hexdigest()
    mail = email.message.EmailMessage()
    mail["From"] = sender
    mail["To"] = settings.email_to
    mail["Subject"] = " ".join(message.title.split())
    mail["Date"] = email.utils.formatdate(message.at)
    mail["Message-ID"] = f"<{name[:32]}@{email.utils.parseaddr(sender)[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text(), cte="quoted-printable")
    return mail


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"
