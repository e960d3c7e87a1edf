# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Who lives in the reserve: what stays in memory on the host, beside the containers.

A daemon that a role adds gets a line here; a unit test holds the reserve against the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

KERNEL_MB = 45
"""The kernel's own after it has booted (slabs, stacks, page tables), measured at 1 GB on 2026-11-23."""

_BUSY = "2026-11-23, four containers"
_HARDENED = "2026-11-25, hardened, four containers"
_WATCHED = "2026-11-28, on a simulated Droplet"


@dataclass(frozen=True)
class Daemon:
    """One of them. ``resident_mb`` is its share (PSS) of all memory it maps, rounded up."""

    name: str
    resident_mb: int
    measured: str


# On Debian 13, kernel 6.12, in a guest of 1024 MB under emulation: sizes carry over to real hardware. dockerd was
# measured twice: the larger number counts. auditd is small because it has no plugins and writes numbers, not names.
DAEMONS = (
    Daemon("dockerd", 103, _BUSY),
    Daemon("containerd", 50, _HARDENED),
    Daemon("4 containerd-shims", 44, _HARDENED),
    Daemon("fail2ban", 22, _HARDENED),
    Daemon("systemd", 6, _HARDENED),
    Daemon("a login by ssh", 7, _HARDENED),
    Daemon("its systemd --user", 6, _HARDENED),
    Daemon("systemd-journald", 5, _HARDENED),
    Daemon("systemd-networkd", 5, _HARDENED),
    Daemon("systemd-udevd", 4, _HARDENED),
    Daemon("systemd-logind", 3, _HARDENED),
    Daemon("sshd", 3, _HARDENED),
    Daemon("systemd-timesyncd", 2, _HARDENED),
    Daemon("dbus", 2, _HARDENED),
    Daemon("auditd", 1, _HARDENED),
    Daemon("monit", 3, _WATCHED),
    Daemon("a look of planner-watch", 20, _WATCHED),
)


def daemons_mb() -> int:
    """Add them up."""
    return sum(daemon.resident_mb for daemon in DAEMONS)
