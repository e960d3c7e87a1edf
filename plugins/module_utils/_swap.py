# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""One swap file: what stands on the host in, the steps that are missing out.

Every state an interrupted run can leave (half a file, a file without signature, one that is not active,
one that is not in fstab) is just another state to start from: nothing is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.planner.droplet.plugins.module_utils._problems import PlanError, Problem

MIB = 1024 * 1024
NO_FILE, SWAP, EMPTY, FOREIGN = "absent", "swap", "empty", "foreign"
"""What a file's first page says: a swap signature over its whole size, zeros, or somebody's data."""

PREALLOCATING = frozenset({"ext4", "xfs"})
"""Here the kernel swaps to blocks that were reserved and never written; elsewhere zeros are written."""
UNSAFE = frozenset({"btrfs", "zfs", "bcachefs", "tmpfs", "ramfs", "nfs", "nfs4", "fuse"})
"""Blocks move at each write, or there is no disk of this machine below: a swap file there is no swap."""

SPARE_DISK_MB = 2048
SPARE_DISK_PART = 0.1
"""Whichever is less stays free: logs, images and a database must not meet a full disk."""
SPARE_MEMORY_MB = 64
"""MemAvailable that must remain when what is in swap comes back."""

DEACTIVATE, FORGET, REMOVE = "deactivate", "forget", "remove"
ALLOCATE, PROTECT, FORMAT, ACTIVATE, PERSIST = (
    "allocate",
    "protect",
    "format",
    "activate",
    "persist",
)


@dataclass(frozen=True)
class Active:
    """One line of /proc/swaps."""

    path: str
    size_kb: int
    used_kb: int

    @property
    def size_mb(self) -> int:
        """Rounded up: the kernel keeps the first page for itself and does not list it."""
        return -(-self.size_kb // 1024)


@dataclass(frozen=True)
class File:
    """What stands at the swap file's path."""

    kind: str = NO_FILE
    size: int = 0
    allocated: int = 0
    private: bool = False
    """Owned by root, mode 0600."""


@dataclass(frozen=True)
class Host:
    """All that the decision depends on."""

    file: File
    active: tuple[Active, ...]
    fstab: str
    filesystem: str
    disk_mb: int
    free_mb: int
    available_mb: int


@dataclass(frozen=True)
class Decision:
    """Steps in order, and a sentence about swap that is not ours."""

    steps: tuple[str, ...]
    note: str = ""


def parse_swaps(text: str) -> tuple[Active, ...]:
    """Read /proc/swaps."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return tuple(
        Active(row[0].replace("\\040", " "), int(row[2]), int(row[3]))
        for row in rows
        if len(row) >= 5
    )


def fstab_with(fstab: str, path: str) -> str:
    """Give the text in which the file is activated at boot, exactly once; all else as it was."""
    return f"{fstab_without(fstab, path)}{path} none swap sw 0 0\n"


def fstab_without(fstab: str, path: str) -> str:
    """Give the text without the file."""
    kept = [line for line in _lines(fstab) if not _is_entry(line, path)]
    return "".join(f"{line}\n" for line in kept)


def in_fstab(fstab: str, path: str) -> bool:
    """Tell whether a boot activates the file."""
    return any(
        _is_entry(line, path) and "noauto" not in ",".join(line.split()[3:4]).split(",")
        for line in _lines(fstab)
    )


def _lines(text: str) -> list[str]:
    """Split at line feeds only, and do not count an empty rest as a line."""
    return text.removesuffix("\n").split("\n") if text else []


def _is_entry(line: str, path: str) -> bool:
    fields = line.split()
    return len(fields) >= 3 and fields[0] == path and fields[2] == "swap"


def decide(host: Host, path: str, wanted_mb: int) -> Decision:
    """Choose the steps from the host as it is to the file as wished, or say what forbids them."""
    ours = next((swap for swap in host.active if swap.path == path), None)
    mentioned = any(_is_entry(line, path) for line in _lines(host.fstab))
    others_mb = sum(swap.size_mb for swap in host.active if swap is not ours)
    names = ", ".join(swap.path for swap in host.active if swap is not ours)
    note = f"{others_mb} MiB of other swap ({names}) are active and left alone" if names else ""
    if wanted_mb == 0:
        return Decision(_removal(host, path, ours=ours, mentioned=mentioned), note)
    if others_mb >= wanted_mb and not (ours or mentioned or host.file.kind in (SWAP, EMPTY)):
        return Decision((), f"{note}: enough for the planned {wanted_mb}, no file is made")
    steps: list[str] = []
    # Holes: a file that was copied or truncated into its size; the kernel refuses it.
    complete = host.file.size == wanted_mb * MIB and host.file.allocated >= host.file.size
    if not complete or host.file.kind == FOREIGN:
        _refuse_a_bad_place(host, path, wanted_mb)
        if ours:
            _refuse_a_full_swap(host, path, ours)
            steps.append(DEACTIVATE)
        if host.file.kind != NO_FILE:
            steps.append(REMOVE)
        steps += [ALLOCATE, FORMAT, ACTIVATE]
    else:
        if not host.file.private:
            steps.append(PROTECT)
        if not ours:
            steps += [ACTIVATE] if host.file.kind == SWAP else [FORMAT, ACTIVATE]
    if not in_fstab(host.fstab, path):
        steps.append(PERSIST)
    return Decision(tuple(steps), note)


def _removal(host: Host, path: str, *, ours: Active | None, mentioned: bool) -> tuple[str, ...]:
    steps = []
    if ours:
        _refuse_a_full_swap(host, path, ours)
        steps.append(DEACTIVATE)
    if mentioned:
        steps.append(FORGET)
    if host.file.kind in (SWAP, EMPTY):
        steps.append(REMOVE)
    return tuple(steps)


def _refuse_a_bad_place(host: Host, path: str, wanted_mb: int) -> None:
    problems = []
    if host.file.kind == FOREIGN:
        problems.append(
            Problem(path, None, "exists and is no swap file", "move it away, or name another path")
        )
    if host.filesystem in UNSAFE:
        problems.append(
            Problem(
                path,
                None,
                f"lies on {host.filesystem}, which cannot hold a swap file safely",
                "name a path on ext4 or xfs, or bring a swap partition of the planned size",
            )
        )
    free = host.free_mb + host.file.allocated // MIB
    spare = min(SPARE_DISK_MB, int(SPARE_DISK_PART * host.disk_mb))
    if free - wanted_mb < spare:
        problems.append(
            Problem(
                "droplet_swap_mb",
                wanted_mb,
                f"does not fit below {path}: {free} of {host.disk_mb} MiB are free, "
                f"and {spare} must stay free",
                f"free {spare + wanted_mb - free} MiB (docker image prune, apt-get clean, "
                f"journalctl --vacuum-size=50M), or plan less swap",
            )
        )
    if problems:
        raise PlanError(problems)


def _refuse_a_full_swap(host: Host, path: str, ours: Active) -> None:
    """Refuse to switch off what memory and other swap cannot take back: the machine would stand still."""
    others_kb = sum(swap.size_kb - swap.used_kb for swap in host.active if swap is not ours)
    room_mb = host.available_mb - SPARE_MEMORY_MB + others_kb // 1024
    if ours.used_kb // 1024 > room_mb:
        problem = Problem(
            path,
            None,
            f"must be switched off and holds {ours.used_kb // 1024} MiB, "
            f"but memory can take back only {max(0, room_mb)}",
            "stop what uses memory or reboot, then run this again at once",
        )
        raise PlanError([problem])
