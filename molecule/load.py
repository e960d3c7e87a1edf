"""Constant, bounded load on the product: load.py URL SECRET SECONDS_AT_MOST [AT_LEAST [NAME:CAFILE]].

Several clients at a fixed rate, half of them on kept-alive connections, GETs and webhook messages, some
that read slowly. Ends when its standard input closes and so many requests were sent; prints one JSON line.
The URL says where to connect; with NAME:CAFILE the certificate is verified for that name, else not at all.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import Place

CLIENTS = 8
PAUSE_S = 0.2
# What a client sees of a connection that the server closed while it was idle.
CLOSED = (
    http.client.RemoteDisconnected,
    ConnectionResetError,
    BrokenPipeError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


@dataclass
class Counts:
    """What came back. A failure is anything but the answer that was asked for."""

    sent: int = 0
    reconnects: int = 0
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One client with its own connection and its own way of using it."""

    def __init__(self, number: int, place: Place, secret: str, counts: Counts) -> None:
        """Even numbers keep their connection; every fourth sends messages, every eighth reads slowly."""
        self.number = number
        self.place = place
        self.secret = secret
        self.counts = counts
        self.keep = number % 2 == 0
        self.posts = number % 4 in (0, 1)
        self.slow = number % 8 == 7
        self.connection: http.client.HTTPConnection | None = None
        self.update_id = time.time_ns() // 1_000_000 * 100 + number

    def ask(self) -> tuple[int, bytes]:
        """Send one request and read its answer."""
        if self.connection is None:
            self.connection = self.place.connection(timeout_s=60)
        headers = {} if self.keep else {"Connection": "close"}
        if self.posts:
            self.update_id += CLIENTS
            chat = {"id": self.number, "type": "private"}
            text = f"task {self.update_id} tomorrow"
            message = {"message_id": 1, "date": int(time.time()), "chat": chat, "text": text}
            body = json.dumps({"update_id": self.update_id, "message": message})
            headers |= {
                "Content-Type": "application/json",
                "X-Telegram-Bot-Api-Secret-Token": self.secret,
            }
            self.connection.request("POST", "/telegram/webhook", body, headers)
        else:
            self.connection.request("GET", "/health", headers=headers)
        if self.slow:
            time.sleep(1)
        answer = self.connection.getresponse()
        body = answer.read()
        if not self.keep or answer.getheader("Connection") == "close":
            self.drop()
        return answer.status, body

    def drop(self) -> None:
        """Close the connection."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def once(self) -> None:
        """Ask once. A kept-alive connection that the server closed while idle is opened again, as HTTP has it."""
        started = time.monotonic()
        reused = self.connection is not None and self.connection.sock is not None
        try:
            try:
                status, body = self.ask()
            except CLOSED:
                self.drop()
                if not reused:
                    raise
                with self.counts.lock:
                    self.counts.reconnects += 1
                status, body = self.ask()
            problem = "" if status == 200 else f"{status} {body[:80]!r}"
        except (OSError, http.client.HTTPException) as error:
            self.drop()
            problem = f"{type(error).__name__}: {error}"
        with self.counts.lock:
            self.counts.sent += 1
            self.counts.slowest_s = max(self.counts.slowest_s, time.monotonic() - started)
            if problem:
                self.counts.failures.append(f"{'POST' if self.posts else 'GET'} {problem}")

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until told to stop."""
        while not stop.wait(PAUSE_S):
            self.once()
        self.drop()


def main() -> int:
    """Load until standard input closes or the time is up; print the counts."""
    url, secret, at_most, *more = sys.argv[1:]
    at_least = int(more[0]) if more else 0
    name, _, cafile = more[1].partition(":") if len(more) > 1 else ("", "", "")
    place = Place.of(url, name, cafile)
    counts, stop = Counts(), threading.Event()
    clients = [Client(number, place, secret, counts) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    timer = threading.Timer(float(at_most), stop.set)
    timer.daemon = True
    timer.start()
    for thread in threads:
        thread.start()
    sys.stdin.read()
    while counts.sent < at_least and not stop.wait(0.1):
        pass
    stop.set()
    for thread in threads:
        thread.join()
    result = {
        "sent": counts.sent,
        "failed": len(counts.failures),
        "failures": counts.failures[:10],
        "reconnects": counts.reconnects,
        "slowest_s": round(counts.slowest_s, 2),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
