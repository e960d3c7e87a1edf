# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Telegram's Bot API: asks for the webhook, sets it, sends a text, with neither token nor secret in what it says.

The token is part of the Bot API's URLs, and HTTP libraries put URLs into their exceptions. So none of those
leaves this module: each becomes a :class:`TelegramError`, raised outside of its handler, with nothing of the request.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

TIMEOUT_S = 15
"""Seconds without a sign of life after which a call is given up."""
WAIT_S = 5
"""Seconds that a call waits, once, where Telegram asks for it."""
_MOST_BYTES = 1 << 20
_LATEST = 1 << 40


class TelegramError(Exception):
    """A call failed; ``status`` is HTTP's, 0 where no answer came.

    ``description`` is the Bot API's, or why no answer came; empty where something else answered.
    """

    def __init__(self, status: int, description: str = "", retry_after_s: int = 0) -> None:
        """Keep what the answer said."""
        super().__init__(f"{status} {description}".strip())
        self.status = status
        self.description = description
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Webhook:
    """What Telegram shall call; ``certificate_pem`` only where no public authority signed the served one."""

    url: str
    secret: str = field(repr=False)
    certificate_pem: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raise ValueError rather than delete the webhook, or send a private key to Telegram."""
        if not self.url:
            raise ValueError("the webhook has no URL")
        if "PRIVATE KEY" in self.certificate_pem:
            raise ValueError("the certificate for Telegram must not come with its private key")


@dataclass(frozen=True)
class WebhookInfo:
    """What Telegram knows; dates are seconds since 1970, 0 for never."""

    url: str = ""
    has_custom_certificate: bool = False
    pending_update_count: int = 0
    last_error_date: int = 0
    last_error_message: str = ""
    last_synchronization_error_date: int = 0
    ip_address: str = ""
    max_connections: int = 0


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """Takes every status as an answer: a redirect would carry the token elsewhere, an exception its URL."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002
        return response

    https_response = http_response


@dataclass(frozen=True, kw_only=True)
class Bot:
    """The Bot API; ``ca_file`` holds the authorities to trust, empty for the system's."""

    token: str = field(repr=False)
    api: str = "https://api.telegram.org"
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError unless the API is reached by HTTP."""
        if not re.match(r"https?://[^/\s]", self.api):
            raise ValueError(
                f"the Bot API's address {self.api!r} must start with https:// or http://"
            )

    def info(self) -> WebhookInfo:
        """Ask which webhook Telegram has. Raises TelegramError."""
        result = self._call("getWebhookInfo", b"{}")
        info = _info(result) if isinstance(result, dict) else None
        if info is None:
            raise TelegramError(200)
        return info

    def register(self, webhook: Webhook) -> None:
        """Set the webhook; updates that wait stay. Raises TelegramError, after which Telegram may have none at all."""
        parameters = {"url": webhook.url, "secret_token": webhook.secret}
        if webhook.certificate_pem:
            body, kind = _multipart(parameters, webhook.certificate_pem)
        else:
            body, kind = json.dumps(parameters).encode(), "application/json"
        self._call("setWebhook", body, kind, hidden=(webhook.secret,))

    def send(self, chat: str, text: str) -> None:
        """Send a text as it is, at most 4096 UTF-16 units, with no preview of its links. Raises TelegramError."""
        preview = {"is_disabled": True}
        body = {"chat_id": chat, "text": text, "link_preview_options": preview}
        self._call("sendMessage", json.dumps(body).encode())

    def _call(
        self,
        method: str,
        body: bytes,
        kind: str = "application/json",
        hidden: tuple[str, ...] = (),
    ) -> object:
        """Return the result, or raise TelegramError; a short wait that Telegram asks for is kept, once."""
        if not re.fullmatch(r"[A-Za-z0-9_:-]+", self.token):
            raise TelegramError(401, "it is not of the form 123456:ABC-def")
        status, answer = self._exchange(method, body, kind)
        error = _error(status, answer)
        if status == 429 and error.retry_after_s <= WAIT_S:
            time.sleep(error.retry_after_s)
            status, answer = self._exchange(method, body, kind)
            error = _error(status, answer)
        content = _json(answer)
        if status == 200 and content.get("ok") is True:
            return content.get("result")
        said = without(error.description, self.token, *hidden)
        raise TelegramError(status, said, error.retry_after_s)

    def _exchange(self, method: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Return status and content of the answer; 0 and the reason where there is none."""
        url = f"{self.api.rstrip('/')}/bot{self.token}/{method}"
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None)
            https = urllib.request.HTTPSHandler(context=context)
            request = urllib.request.Request(url, body, {"Content-Type": kind})  # noqa: S310 - checked
            opener = urllib.request.build_opener(https, _AsItIs())
            with opener.open(request, timeout=TIMEOUT_S) as response:
                return response.status, response.read(_MOST_BYTES)
        except urllib.error.URLError as error:
            return 0, str(error.reason).encode()
        except (OSError, ValueError, http.client.HTTPException) as error:
            return 0, (str(error) or type(error).__name__).encode()


def without(text: str, *hidden: str) -> str:
    """Blank out what nobody may read, as it is and as a URL has it.

    What is shorter than 8 letters stays: it is part of other words too, and gaps in those would spell it out.
    """
    for one in hidden:
        if len(one) >= 8:
            text = text.replace(one, "***").replace(urllib.parse.quote(one, safe=""), "***")
    return text


def _info(result: Mapping[str, Any]) -> WebhookInfo | None:
    """Read Telegram's answer; None where a field is not of its type."""
    known = {one.name: result[one.name] for one in fields(WebhookInfo) if one.name in result}
    for name, value in known.items():
        if type(value) is not type(getattr(WebhookInfo, name)):
            return None
        if isinstance(value, int) and not 0 <= value < _LATEST:
            return None
    return WebhookInfo(**known)


def _json(answer: bytes) -> dict[str, Any]:
    """Read a JSON object; empty where it is none."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _error(status: int, answer: bytes) -> TelegramError:
    if status == 0:
        return TelegramError(0, answer.decode(errors="replace"))
    content = _json(answer)
    parameters = content.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    description = content.get("description")
    return TelegramError(
        status,
        description if isinstance(description, str) and content.get("ok") is False else "",
        wait if isinstance(wait, int) and 0 <= wait < _LATEST else 60,
    )


def _multipart(parameters: Mapping[str, str], certificate_pem: str) -> tuple[bytes, str]:
    """Return the form with the certificate as a file, and its content type."""
    border = secrets.token_hex(16)
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in parameters.items()]
    file = 'name="certificate"; filename="certificate.pem"\r\nContent-Type: application/x-pem-file'
    parts.append(f"{file}\r\n\r\n{certificate_pem}")
    text = "".join(f"--{border}\r\nContent-Disposition: form-data; {one}\r\n" for one in parts)
    return f"{text}--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"
