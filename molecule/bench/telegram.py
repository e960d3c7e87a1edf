#!/usr/bin/env python3
"""A Bot API for the bench, as far as webhooks and messages go: telegram.py PORT [TOKEN]. It delivers no updates.

GET  /control  -> {"webhook": what getWebhookInfo answers, "secret": ..., "certificate": ..., "calls": [...],
                   "messages": [{"at": seconds since 1970, "chat": ..., "text": ...}]}, the newest of both
POST /control     a JSON object with any of these:
  status, description, retry_after, body, headers, delay_s, drop   how the next call fails (drop: no answer at all);
  method: setWebhook | getWebhookInfo | sendMessage, skip: 1, times: 3   which calls fail (any, none, 1)
  last_error_message, url, pending_update_count, ...               what getWebhookInfo says from now on
  after_set_webhook: {...}    the same, from the next setWebhook on: a delivery that failed, another deployment's url
  reset: true                 forget everything
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.parse
from collections import deque
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "123456:bench"
FAILURE = {"status", "description", "retry_after", "body", "headers", "delay_s", "drop"}
PORTS = {80, 88, 443, 8443}
NEW = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
BAD = "Bad Request: "
KEPT = 10_000
LONGEST = 4096


class BotApi(ThreadingHTTPServer):
    """What Telegram keeps for one bot."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], token: str = TOKEN) -> None:
        super().__init__(address, Handler)
        self.token = token
        self.reset()

    def reset(self) -> None:
        self.webhook: dict[str, Any] = dict(NEW)
        self.secret = self.certificate = ""
        self.calls: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.failures: list[dict[str, Any]] = []
        self.after: dict[str, Any] = {}

    def control(self, wish: dict[str, Any]) -> None:
        if wish.pop("reset", False):
            self.reset()
        self.after |= wish.pop("after_set_webhook", {})
        which = {"method": wish.pop("method", ""), "skip": wish.pop("skip", 0)}
        times = wish.pop("times", 1)
        failure = {name: wish.pop(name) for name in FAILURE & set(wish)}
        if failure:
            self.failures += [{"status": 200, **failure, **which} for _ in range(times)]
        self.say(wish)

    def say(self, news: dict[str, Any]) -> None:
        if "last_error_message" in news:  # what was not delivered waits
            waits = max(1, self.webhook["pending_update_count"])
            news = {"last_error_date": int(time.time()), "pending_update_count": waits, **news}
        self.webhook |= news

    def failure(self, method: str) -> dict[str, Any] | None:
        for number, one in enumerate(self.failures):
            if one["method"] in ("", method):
                if not one["skip"]:
                    return self.failures.pop(number)
                one["skip"] -= 1
        return None

    def set_webhook(self, parameters: dict[str, str], certificate: str) -> tuple[int, str]:
        """Judge and keep it in Telegram's order: the old one is gone before the new one is judged."""
        url, secret = parameters.get("url", ""), parameters.get("secret_token", "")
        same = (url, secret) == (self.webhook["url"], self.secret)
        if same and not certificate and not self.certificate:
            self.say_after()
            return 200, "Webhook is already set" if url else "Webhook is already deleted"
        self.webhook = {**NEW, "pending_update_count": self.webhook["pending_update_count"]}
        self.secret = self.certificate = ""
        if not url:
            return 200, "Webhook was deleted"
        if problem := refused(url, secret):
            return 400, BAD + problem
        self.secret, self.certificate = secret, certificate
        self.webhook |= {"url": url, "max_connections": 40}
        self.webhook["has_custom_certificate"] = bool(certificate)
        self.say_after()
        return 200, "Webhook was set"

    def send_message(self, parameters: dict[str, str]) -> tuple[int, object]:
        """Keep what a chat is told, where Telegram would deliver it; return the status, and the message or why not."""
        chat, text = parameters.get("chat_id", ""), parameters.get("text", "")
        if not re.fullmatch(r"-?\d+|@\w+", chat):
            return 400, BAD + "chat not found"
        if not text.strip():
            return 400, BAD + "message text is empty"
        if len(text) > LONGEST:
            return 400, BAD + "message is too long"
        self.messages.append({"at": time.time(), "chat": chat, "text": text})
        return 200, {"message_id": len(self.messages), "date": int(time.time()), "text": text}

    def say_after(self) -> None:
        news, self.after = self.after, {}
        self.say(news)


def refused(url: str, secret: str) -> str:
    """Give Telegram's reason; empty where it takes them."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname:
        return "invalid webhook URL specified"
    if len(secret) > 256:
        return "secret token is too long"
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        return "secret token contains unallowed characters"
    if parts.scheme != "https":
        return "bad webhook: An HTTPS URL must be provided for webhook"
    if (parts.port or 443) not in PORTS:
        return "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"
    return ""


def form(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Read the parameters and files of a call, in each of the ways a Bot API takes them."""
    if kind.startswith("application/json"):
        return {name: str(value) for name, value in json.loads(body).items()}, {}
    if not kind.startswith("multipart/form-data"):
        return dict(urllib.parse.parse_qsl(body.decode())), {}
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    fields: dict[str, str] = {}
    files: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            (files if part.get_filename() else fields)[name] = content.decode()
    return fields, files


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: BotApi

    def do_GET(self) -> None:
        api = self.server
        if self.path == "/control":
            known = {"webhook": api.webhook, "secret": api.secret, "certificate": api.certificate}
            told = {"calls": list(api.calls), "messages": list(api.messages)}
            self.answer(200, {**known, **told})
        else:
            self.call(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/control":
            self.server.control(json.loads(body))
            self.answer(200, {"ok": True})
        else:
            self.call(body)

    def call(self, body: bytes) -> None:
        """Answer a method of the Bot API; through a proxy the path is a whole URL."""
        path = urllib.parse.urlsplit(self.path).path
        found = re.fullmatch(r"/bot([^/]+)/(\w+)", path)
        token, method = found.groups() if found else ("", "")
        fields, files = form(self.headers.get("Content-Type") or "", body)
        self.server.calls.append({"method": method, "fields": fields, "files": files})
        failure = self.server.failure(method)
        if failure:
            self.fail(failure)
        elif token != self.server.token:
            self.say(401 if re.fullmatch(r"\d+:[\w-]+", token) else 404)
        elif method == "getWebhookInfo":
            self.answer(200, {"ok": True, "result": self.server.webhook})
        elif method == "setWebhook":
            status, said = self.server.set_webhook(fields, files.get("certificate", ""))
            result = {"result": True} if status == 200 else {"error_code": status}
            self.answer(status, {"ok": status == 200, **result, "description": said})
        elif method == "sendMessage":
            status, sent = self.server.send_message(fields)
            if status == 200:
                self.answer(status, {"ok": True, "result": sent})
            else:
                self.say(status, {"description": sent})
        else:
            self.say(404)

    def fail(self, failure: dict[str, Any]) -> None:
        time.sleep(failure.get("delay_s", 0))
        if failure.get("drop"):
            self.close_connection = True
        elif "body" in failure:
            self.answer(failure["status"], failure["body"], failure.get("headers", {}))
        else:
            self.say(failure["status"], failure)

    def say(self, status: int, failure: dict[str, Any] | None = None) -> None:
        """Fail as the Bot API does."""
        failure = failure or {}
        said = failure.get("description") or self.responses.get(status, ("Error",))[0]
        content = {"ok": False, "error_code": status, "description": said}
        if "retry_after" in failure:
            content["parameters"] = {"retry_after": failure["retry_after"]}
        self.answer(status, content, failure.get("headers", {}))

    def answer(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, str) else json.dumps(content)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing: paths hold the token."""


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("Usage: telegram.py PORT [TOKEN]")
    with BotApi(("", int(sys.argv[1])), *sys.argv[2:3]) as server:
        print(f"Bot API on port {server.server_port}", flush=True)
        server.serve_forever()
