# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""Why a release must not begin: what would be wrong half-way is said before anything is touched."""

from __future__ import annotations

import os

from ansible_collections.planner.droplet.plugins.module_utils._release import BACKEND, Observed
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook

DISK_RESERVE_MB = 512
"""Left free beside a dump, which is smaller than the database it is made of."""


def refusals(observed: Observed, look: SchemaLook, folder: str) -> tuple[str, ...]:
    """List every reason, each with what to do."""
    schema = observed.schema
    if schema is None:
        return ()
    problems = []
    if schema.action == "refuse":
        problems.append(f"{schema.problem}{_way_back(observed, look, schema.blocking)}")
    if schema.dump:
        free = _free_mb(folder)
        need = look.before.size_mb + DISK_RESERVE_MB
        if free < need:
            problems.append(
                f"{folder}: {free} MiB of the disk are free, and the dump before the migration may take {need}.\n"
                "Do: `docker system df` shows what images take; remove what you need no more, or take a larger disk."
            )
    return tuple(problems)


def _way_back(observed: Observed, look: SchemaLook, blocking: tuple[str, ...]) -> str:
    """Name the dump that was made before the first of these migrations, and the command that brings it back."""
    if not blocking:
        return ""
    dumped = [one for one in look.records if one.dump and blocking[0] in one.applied]
    there = [one for one in dumped if os.path.exists(one.dump)]
    if not there:
        return "\nThere is no dump on this host from before it."
    record = there[-1]  # of several it is the one by which the least is lost
    users = [one.name for one in observed.of(BACKEND) if one.running]
    command = look.database.restore_command(record.dump, users)
    return (
        f"\nThe data as it was before, on {record.started}, is in {record.dump}. What was written since then would be"
        f" lost. This brings it back, on the Droplet; then run this again:\n  {command}"
    )


def _free_mb(folder: str) -> int:
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    found = os.statvfs(folder)
    return int(found.f_bavail * found.f_frsize // (1024 * 1024))
