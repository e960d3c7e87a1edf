# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What happens beside the running services, one at a time, and what it costs in MiB.

Peaks are resident memory, measured on 2026-11-23 on Debian 13 ([VM] = in a 1024 MB guest, [N] = native
container host). An event without a measurement says so; `make measure` is where it gets one.
"""

from __future__ import annotations

from dataclasses import dataclass

WORKER_START_MB = 128
"""A second backend's worker until the first is gone: +113 measured [VM], and its start-up peak."""

BACKEND_START_S = 6
"""Seconds a backend needs from start to ready on one vCPU: the gap of a stop-first release [N]."""


@dataclass(frozen=True)
class Event:
    """One thing that runs beside the services."""

    name: str
    what: str
    memory_mb: int
    may_swap: bool = True
    """False where running from swap would take the machine down with it."""
    required: bool = True
    """False where the product lives without it: a verdict, but no reason to refuse the plan."""


def events(workers: int) -> tuple[Event, ...]:
    """List every event for a backend of that many workers, the idle machine first."""
    return (
        Event("steady", "nothing beside the services", 0, may_swap=False),
        Event("release", "a second backend beside the first", WORKER_START_MB * workers),
        # One process with the backend's imports, before the second backend starts; not measured.
        Event("migration", "one alembic process", WORKER_START_MB),
        # pg_dump | zstd 48 + restic 96 [N]: streamed, so both at once.
        Event("backup", "pg_dump and zstd, restic uploading", 48 + 96),
        # A Postgres of 96 with its drill settings, and pg_restore; not measured.
        Event("drill", "a second small PostgreSQL, restoring", 96 + 40),
        Event("upgrade", "unattended-upgrades", 120),  # 96-120 [VM], 116 with dpkg triggers [N]
        Event("certificate", "certbot", 45),  # maxrss [N]
        # dockerd and containerd unpacking, beyond what the reserve holds; not measured.
        Event("pull", "docker unpacking an image", 64),
        # pip install of the backend: 166 anonymous, killed at a limit of 160 [N].
        Event("build", "building the backend's image here", 192, may_swap=False, required=False),
    )
