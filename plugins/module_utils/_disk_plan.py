# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""The disk plan: a machine's disk divided like its memory, and how large the database may grow.

``disk_plan()`` is pure: a memory plan and some options of the roles in, every part out; a plan that is returned fits.
All sizes are in MiB. Where a number was measured, MEASURED says how (2026-11-28, the demo on a simulated Droplet, see
docs/disk-plan.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ansible_collections.planner.droplet.plugins.module_utils._problems import (
    PlanError,
    Problem,
    closest,
)
from ansible_collections.planner.droplet.plugins.module_utils._report import a_plan
from ansible_collections.planner.droplet.plugins.module_utils._services import MOST
from ansible_collections.planner.droplet.plugins.module_utils._sizes import COMPARED, SIZES
from ansible_collections.planner.droplet.plugins.module_utils._swap import (
    SPARE_DISK_MB,
    SPARE_DISK_PART,
)

USABLE_PART = 0.92
"""Of the disk that is sold, what files get: a /boot of its own, ext4's tables and journal take the rest.
Judgement; the comparison with the machine says when it is less."""
SYSTEM_MB = 3072
"""A fresh image with cloud-init and a kernel, a second kernel during an upgrade, this collection's packages, apt's
lists and downloads, /var/log. MEASURED without kernel and cloud-init: 680 in /usr, 201 of downloads, 92 of lists, 33
of logs. The rest is judgement."""
JOURNAL_MB = 256
"""``SystemMaxUse`` of role hardening."""
LOG_MB = 3 * 10
"""A container's log in the Compose file of role stack: so many files of that size. nginx' goes to the journal."""
SERVER_IMAGES_MB = 732
"""PostgreSQL with pgvector 463, nginx 142, Redis 127. MEASURED by ``docker image ls``, layers counted whole."""
APP_IMAGE_MB = 308
"""The demo's backend. MEASURED. A new version is pulled before old ones go."""
DUMP_PART = 0.35
"""A local backup by the size of its database. MEASURED: 11 of 35."""
BACKUP_MB = 1
"""The host's files in each backup."""
DRILL_PART = 1.25 + DUMP_PART
"""A drill or a restore beside: the room that it asks for before it begins, and the backup it fetches."""
WAL_MB = 256
"""``max_wal_size`` of role stack."""
CLUSTER_MB = 22
"""PostgreSQL's own three databases. MEASURED."""
RESTIC_MB = 128
"""restic's cache of index and trees, and two packs that are being put together."""
DATABASE_MB = 64
"""Planned with where the owner says nothing, by ``pg_database_size``. MEASURED: the demo's is 35."""
LEAST_RELEASES_MB = 2 * APP_IMAGE_MB
"""What runs and the way back stay over any budget."""


@dataclass(frozen=True)
class Options:
    """What the roles' options say about the disk, by the options' own names."""

    stack_disk_budget_mb: int = 4096
    backup_keep_last: int = 3
    backup_keep_days: int = 7
    backup_repository: str = ""
    watch_database_mb: int = DATABASE_MB

    @property
    def copies(self) -> int:
        """Most local backups: the newest is the last of its day too, and the next is made before one goes."""
        return max(1, self.backup_keep_last) + max(1, self.backup_keep_days)


@dataclass(frozen=True)
class Part:
    """One part of the disk: how much, and of what."""

    mb: int
    what: str


@dataclass(frozen=True)
class DiskPlan:
    """A machine's disk, divided. ``growth_mb`` is what no part takes: room for the database and its backups."""

    size: str
    disk_gb: int
    usable_mb: int
    planned_mb: int
    growth_mb: int
    parts: Mapping[str, Part]
    releases_mb: int
    """What images and dumps of releases may take; a part of ``images``."""
    database_mb: int
    database_most_mb: int
    """So large the database may grow with its backups and drills."""
    growth_factor: float
    """MiB of the disk for each MiB of the database."""
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Turn into JSON."""
        return {**asdict(self), "warnings": list(self.warnings)}


def disk_plan(plan: object, options: Mapping[str, Any] | None = None) -> DiskPlan:
    """Divide the disk of a memory plan's machine; raise :class:`PlanError` with every reason if it is too small.

    ``options`` are options of the roles by their names; what is left out or ``None`` is the role's default.
    """
    planned, chosen = a_plan(plan), _options(options or {})
    drafted = _draft(planned, chosen)
    if drafted.growth_mb < 0:
        raise PlanError([_too_small(drafted)], _proposals(planned, chosen, drafted))
    return drafted


def _options(given: Mapping[str, Any]) -> Options:
    problems = []
    values: dict[str, Any] = {}
    known = {one.name for one in fields(Options)}
    for name, value in given.items():
        if name not in known:
            remedy = closest(name, known)
            problems.append(Problem(str(name), value, "is no option of the disk plan", remedy))
        elif name == "backup_repository":
            values[name] = str(value or "")
        elif value is not None:
            number = _whole(value)
            if number is None:
                problems.append(Problem(name, value, "is no whole number", f"0 to {MOST}"))
            values[name] = number
    if problems:
        raise PlanError(problems)
    return Options(**values)


def _whole(value: object) -> int | None:
    """Read a number that may come from the command line as text."""
    text = "" if isinstance(value, bool) else str(value)
    is_number = text.isascii() and text.isdecimal() and len(text) <= 7
    return int(text) if is_number and int(text) <= MOST else None


def _draft(plan: Mapping[str, Any], options: Options) -> DiskPlan:
    usable = int(USABLE_PART * 1024 * plan["disk_gb"])
    parts = dict(_parts(plan, options, usable))
    planned = sum(one.mb for one in parts.values())
    factor = 1 + DUMP_PART * options.copies + DRILL_PART
    database = options.watch_database_mb
    most = database + int(max(0, usable - planned) / factor)
    few = f"the database may grow to {most} MiB, less than twice its {database}"
    return DiskPlan(
        size=plan["size"],
        disk_gb=plan["disk_gb"],
        usable_mb=usable,
        planned_mb=planned,
        growth_mb=usable - planned,
        parts=parts,
        releases_mb=options.stack_disk_budget_mb,
        database_mb=database,
        database_most_mb=most,
        growth_factor=round(factor, 2),
        warnings=(few,) if most < 2 * database else (),
    )


def _parts(plan: Mapping[str, Any], options: Options, usable_mb: int) -> Iterator[tuple[str, Part]]:
    """List the parts in the order of how sure they are."""
    services, database = plan["services"], options.watch_database_mb
    extras = sum(bool(one["extra"]) for one in services.values())
    logs = len(services)  # nginx has none, and a release has a second backend
    redis = services["redis"]["settings"]
    dump = redis["maxmemory_mb"] if redis["persistence"] else 0
    backups = round(options.copies * (DUMP_PART * database + BACKUP_MB))
    yield "system", Part(SYSTEM_MB, "system, packages, a second kernel, /var/log")
    yield "swap", Part(plan["swap_mb"], "the swap file")
    yield "journal", Part(JOURNAL_MB, "its cap, nginx' requests included")
    yield "logs", Part(LOG_MB * logs, f"{logs} containers of {LOG_MB}")
    yield (
        "images",
        Part(
            SERVER_IMAGES_MB + options.stack_disk_budget_mb + APP_IMAGE_MB * (1 + extras),
            f"servers {SERVER_IMAGES_MB}, releases {options.stack_disk_budget_mb}, and one pull",
        ),
    )
    yield "backups", Part(backups, f"{options.copies} here, each {DUMP_PART:.0%} of the database")
    yield "drill", Part(round(DRILL_PART * database), "a drill or a restore, one at a time")
    if options.backup_repository:
        yield "restic", Part(RESTIC_MB, "its cache, and packs on their way")
    yield (
        "postgres",
        Part(database + CLUSTER_MB + WAL_MB, f"a database of {database}, WAL {WAL_MB}"),
    )
    yield "redis", Part(2 * dump, f"a snapshot of {dump}, and the next" if dump else "no snapshots")
    spare = min(SPARE_DISK_MB, int(SPARE_DISK_PART * usable_mb))
    yield "reserve", Part(spare, "stays free: a full disk stops PostgreSQL")


def _too_small(drafted: DiskPlan) -> Problem:
    large = sorted(drafted.parts.items(), key=lambda item: item[1].mb, reverse=True)
    most = ", ".join(f"{name} {part.mb}" for name, part in large[:4])
    return Problem(
        "droplet_size",
        drafted.size,
        f"its disk of {drafted.disk_gb} GB holds {drafted.usable_mb} MiB of files, the parts need "
        f"{drafted.planned_mb} (the largest: {most})",
        "lower stack_disk_budget_mb, keep fewer backups, or take a larger droplet_size",
    )


def _proposals(plan: Mapping[str, Any], options: Options, drafted: DiskPlan) -> tuple[str, ...]:
    """Say what would fit; each proposal has been planned like the wish itself."""
    found = []
    budget = options.stack_disk_budget_mb + drafted.growth_mb
    if budget >= LEAST_RELEASES_MB:
        found.append(f"fits with stack_disk_budget_mb: {budget}")
    fewer = replace(
        options,
        backup_keep_last=min(2, options.backup_keep_last),
        backup_keep_days=min(3, options.backup_keep_days),
    )
    if _draft(plan, fewer).growth_mb >= 0:
        found.append(
            f"fits with backup_keep_last: {fewer.backup_keep_last} and "
            f"backup_keep_days: {fewer.backup_keep_days}"
        )
    for slug in COMPARED:
        size = SIZES[slug]
        larger = {**plan, "size": slug, "disk_gb": size.disk_gb}
        if size.disk_gb > plan["disk_gb"] and _draft(larger, options).growth_mb >= 0:
            found.append(f"fits as written on {slug} (${size.price_usd:g} a month)")
            break
    return tuple(found)
