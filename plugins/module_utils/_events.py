# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What happens beside the running services, one at a time, and what it costs in MiB.

Like a service's working set, an event's memory is anonymous and shared memory: pages of programs and
files come on top and can be dropped and read again. Peaks were measured on 2026-11-23: **[VM]** Debian 13
in a 1024 MB guest, **[N]** native container host, **[demo]** `make measure` on the simulated Droplet, see
docs/measurements.md. An event without a measurement says so.
"""

from __future__ import annotations

from dataclasses import dataclass

WORKER_START_MB = 128
"""A second backend's worker until the first is gone: +113 measured [VM], and its start-up peak."""

RELEASE_TOOLS_MB = 24
"""docker compose and Ansible's module, until the new backend is ready: 143 in all with one worker [demo]."""

BACKEND_START_S = 6
"""Seconds a backend needs from start to ready on one vCPU: the gap of a stop-first release [N]."""

DRILL_SERVER_MB = 96
"""The limit of the throw-away PostgreSQL of a restore drill, with its own small settings: 64 used [demo]."""


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
        Event(
            "release",
            "a second backend beside the first",
            WORKER_START_MB * workers + RELEASE_TOOLS_MB,
        ),
        # One process with the backend's imports, before the second backend starts: 82 [demo].
        Event("migration", "one alembic process", WORKER_START_MB),
        # planner-backup 16; after the dump, which takes 24 more, restic: 38 to 76 [demo], 96 as it is by itself [N].
        Event("backup", "a dump, read back, then restic", 16 + 96),
        # With zstd, docker exec and planner-backup.
        Event("drill", "a second small PostgreSQL, restoring", DRILL_SERVER_MB + 40),
        Event("upgrade", "unattended-upgrades", 120),  # 96-120 [VM], 70 [demo]
        # 30 and 22 [demo]; 65 with its hook after a `certbot renew` by hand.
        Event("certificate", "certbot, and planner-tls that calls it", 64),
        # dockerd and containerd unpacking, beyond what the reserve holds: 57 [demo].
        Event("pull", "docker unpacking an image", 64),
        # pip install of the backend: 166 anonymous, killed at a limit of 160 [N].
        Event("build", "building the backend's image here", 192, may_swap=False, required=False),
    )
