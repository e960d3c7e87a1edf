# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The one lock that every event on the host takes: release, pull, backup, upgrade. Never two at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError

LOCK = "/run/lock/planner-maintenance.lock"
LOCKS = "/proc/locks"
_FLOCK = re.compile(r"\d+: FLOCK .* (\S+:\d+) \d+ EOF")
HELD = ""
"""In place of its path: the caller holds it already."""


@contextmanager
def event_lock(path: str, name: str, wait_s: int) -> Iterator[None]:
    """Hold the lock that every event takes, so that no two ever run together.

    flock(2): the kernel releases it when its holder dies, so it cannot become stale. The holder's name
    is in the file for whoever waits.
    """
    if path == HELD:
        yield
        return
    with open(path, "a+", encoding="utf-8") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.seek(0)
                    holder = file.read().strip() or "another event"
                    msg = f"{holder} has been running for more than {wait_s} s and holds {path}"
                    raise DockerError(msg) from None
                time.sleep(0.5)
            else:
                break
        # Only for whoever waits: a full disk keeps nobody from holding it.
        with contextlib.suppress(OSError):
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"{name} (pid {os.getpid()})\n".encode())
        yield


def is_held() -> bool | None:
    """Look whether somebody holds it, without ever taking it: who waits must not be held up. None: not known."""
    try:
        with open(LOCKS, encoding="ascii") as file:
            held = {found[1] for line in file if (found := _FLOCK.match(line))}
        lock = os.stat(LOCK)
    except FileNotFoundError:
        return False if os.path.exists(LOCKS) else None
    except (OSError, ValueError):
        return None
    return f"{os.major(lock.st_dev):02x}:{os.minor(lock.st_dev):02x}:{lock.st_ino}" in held
