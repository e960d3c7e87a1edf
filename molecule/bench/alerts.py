#!/usr/bin/env python3
"""Who a Droplet's alerts reach on the bench: alerts.py [TOKEN]. It ends when the process that started it does.

Port 8081  a Bot API (see telegram.py, also for what its own /control says)
Port 8090  POST /alert/ANYTHING takes an alert as JSON, GET /ping/ID and /ping/ID/fail are a dead man's switch
Port 2525  SMTP, without TLS and login

GET  :8090/control  -> {"telegram": [{"at", "chat", "text"}], "webhook": [{"at", "path", "body"}],
                        "mail": [{"at", "sender", "receivers", "subject", "text"}], "ping": [{"at", "path"}]}
                       the newest of each, oldest first; at is in seconds since 1970
POST :8090/control     {"channel": telegram | webhook | mail | ping, and how it fails from now on:
                        "status": 500 (of SMTP 451), "refuse": true (no answer at all), "delay_s": 3};
                       none of them: it works again
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import telegram

TELEGRAM, HTTP, SMTP = 8081, 8090, 2525
CHANNELS = ("telegram", "webhook", "mail", "ping")
KEPT = 10_000
MOST_BYTES = 1 << 20
SILENCE_S = 60.0


class Told:
    """What arrived, and what is wrong with each channel."""

    def __init__(self) -> None:
        self.kept: dict[str, deque[dict[str, Any]]] = {
            one: deque(maxlen=KEPT) for one in CHANNELS[1:]
        }
        self.ails: dict[str, dict[str, Any]] = {}

    def keep(self, channel: str, **what: Any) -> None:
        self.kept[channel].append({"at": time.time(), **what})

    def control(self, wish: dict[str, Any]) -> None:
        channel = wish.pop("channel")
        if channel not in CHANNELS or set(wish) - {"status", "refuse", "delay_s"}:
            raise ValueError
        self.ails[channel] = wish


class BotApi(telegram.BotApi):
    """A Bot API that can be away for as long as it takes."""

    def __init__(self, address: tuple[str, int], told: Told, token: str) -> None:
        super().__init__(address, token)
        self.told = told

    def failure(self, method: str) -> dict[str, Any] | None:
        ails = self.told.ails.get("telegram")
        if not ails:
            return super().failure(method)
        if set(ails) == {"delay_s"}:
            time.sleep(ails["delay_s"])
            return None
        how = {"status": 500, "method": method, "skip": 0, **ails}
        return {**how, "drop": how.pop("refuse", False)}


class Endpoint(ThreadingHTTPServer):
    """Alerts as JSON, and dead man's switches."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], told: Told, bot: BotApi) -> None:
        super().__init__(address, Handler)
        self.told, self.bot = told, bot


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Endpoint

    def do_GET(self) -> None:
        told = self.server.told
        if self.path == "/control":
            messages = {"telegram": list(self.server.bot.messages)}
            self.answer(200, messages | {name: list(one) for name, one in told.kept.items()})
        elif self.path.startswith("/ping/"):
            self.take("ping", path=self.path)
        else:
            self.answer(404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MOST_BYTES))
        try:
            content = json.loads(body or b"null")
            if self.path == "/control":
                self.server.told.control(content)
        except (ValueError, KeyError, TypeError):
            self.answer(400)
        else:
            if self.path.startswith("/alert/"):
                self.take("webhook", path=self.path, body=content)
            else:
                self.answer(200 if self.path == "/control" else 404, {})

    def take(self, channel: str, **what: Any) -> None:
        """Keep it where the channel works; a slow one has it all the same."""
        ails = self.server.told.ails.get(channel, {})
        time.sleep(ails.get("delay_s", 0))
        if ails.get("refuse"):
            self.close_connection = True
            return
        status = ails.get("status", 200)
        if status < 300:
            self.server.told.keep(channel, **what)
        self.answer(status)

    def answer(self, status: int, content: object = "OK") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: paths are secrets."""


class Mail:
    """One SMTP session (RFC 5321), as far as a client that sends needs it."""

    def __init__(
        self, told: Told, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.told, self.reader, self.writer = told, reader, writer
        self.sender, self.receivers = "", [""]

    async def serve(self) -> None:
        try:
            async with asyncio.timeout(SILENCE_S):
                await self.talk()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            pass  # whoever called is gone
        finally:
            self.writer.close()

    async def talk(self) -> None:
        ails = self.told.ails.get("mail", {})
        await asyncio.sleep(ails.get("delay_s", 0))
        if ails.get("refuse"):
            return
        await self.say("220 bench")
        while line := (await self.reader.readuntil(b"\r\n")).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO" | "NOOP" | "RSET":
                    self.sender, self.receivers = "", []
                    await self.say("250 bench")
                case "MAIL" if status := ails.get("status"):
                    await self.say(f"{status} not now")
                case "MAIL":
                    self.sender = path(rest)
                    await self.say("250 OK")
                case "RCPT":
                    self.receivers.append(path(rest))
                    await self.say("250 OK")
                case "DATA" if self.sender and self.receivers:
                    await self.say("354 go on")
                    self.keep(await self.reader.readuntil(b"\r\n.\r\n"))
                    await self.say("250 OK")
                case "QUIT":
                    await self.say("221 bye")
                    return
                case _:
                    await self.say("503 not here")

    def keep(self, data: bytes) -> None:
        content = data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        about = {"subject": str(message["Subject"]), "text": text.replace("\r\n", "\n").strip()}
        self.told.keep("mail", sender=self.sender, receivers=self.receivers, **about)

    async def say(self, words: str) -> None:
        self.writer.write(f"{words}\r\n".encode())
        await self.writer.drain()


def path(rest: str) -> str:
    """Read the address of ``FROM:<address> OPTIONS``."""
    return rest.partition("<")[2].partition(">")[0]


async def take_mail(told: Told, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve SMTP until it is cancelled; ``ready`` is told the port."""
    server = await asyncio.start_server(
        lambda *streams: Mail(told, *streams).serve(), host, port, limit=MOST_BYTES
    )
    async with server:
        ready(server.sockets[0].getsockname()[1])
        await server.serve_forever()


def main(token: str) -> None:
    """Serve until the parent is gone."""
    parent = os.getppid()
    told = Told()
    bot = BotApi(("", TELEGRAM), told, token)
    for server in (bot, Endpoint(("", HTTP), told, bot)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    mail = take_mail(told, "0.0.0.0", SMTP, lambda _: print("It takes alerts.", flush=True))  # noqa: S104
    threading.Thread(target=asyncio.run, args=(mail,), daemon=True).start()
    while os.getppid() == parent:
        time.sleep(1)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("Usage: alerts.py [TOKEN]")
    main(sys.argv[1] if len(sys.argv) == 2 else telegram.TOKEN)
