#!/usr/bin/env python3
"""Run a command and ask the demo for a page all the while: during.py [--strict] PATH COMMAND...

Prints how many requests were answered and how many failed. Its exit code is the command's; with
--strict it is 1 if the command passed but a request failed.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import demo

PAUSE_SECONDS = 0.1
MOST_REQUESTS = 20_000  # bounded: a release that hangs does not load the Droplet for ever


@dataclass
class Count:
    """Answers so far, with the first few reasons of failure."""

    answered: int = 0
    failed: int = 0
    slowest_seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def note(self, seconds: float, problem: Exception | None) -> None:
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        if problem is None:
            self.answered += 1
            return
        self.failed += 1
        if len(self.reasons) < 3:
            self.reasons.append(str(problem) or type(problem).__name__)

    def __str__(self) -> str:
        total = self.answered + self.failed
        text = f"{total} requests, {self.failed} failed, slowest {self.slowest_seconds:.2f} s"
        return "\n  ".join([text, *self.reasons])


def ask_until(stop: threading.Event, ask: Callable[[], object], count: Count) -> None:
    for _ in range(MOST_REQUESTS):
        started = time.monotonic()
        problem: Exception | None = None
        try:
            ask()
        except OSError as error:  # refused, reset, timed out, not verified, HTTP 5xx
            problem = error
        count.note(time.monotonic() - started, problem)
        if stop.wait(PAUSE_SECONDS):
            return


def main() -> int:
    arguments = sys.argv[1:]
    if strict := arguments[0] == "--strict":
        arguments.pop(0)
    path, *command = arguments
    count, stop, place = Count(), threading.Event(), demo()
    loop = threading.Thread(
        target=ask_until, args=(stop, lambda: place.get(path), count), daemon=True
    )
    loop.start()
    try:
        code = subprocess.run(command, check=False).returncode
    finally:
        stop.set()
        loop.join()
    print(f"During the release: {count}")
    return code or int(strict and count.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
