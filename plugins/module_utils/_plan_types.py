# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""What a memory plan is made of. All memory is in whole MiB; everything turns into JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

FITS, WITH_SWAP, REFUSED = "fits", "fits with swap", "refused"


@dataclass(frozen=True)
class ServicePlan:
    """What one container gets. ``settings`` are its server's own, from :mod:`_tuning`."""

    name: str
    image: str
    limit_mb: int
    memory_and_swap_mb: int
    reservation_mb: int
    working_set_mb: int
    cpu_shares: int
    pids: int
    oom_score_adj: int
    extra: bool = False
    command: tuple[str, ...] = ()
    migrate_command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, int | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """The machine while one event runs beside the services."""

    name: str
    what: str
    event_mb: int
    memory_mb: int
    swap_mb: int
    verdict: str
    reason: str


@dataclass(frozen=True)
class Maintenance:
    """What all jobs beside the services share: backup, upgrade, certificate, one at a time."""

    limit_mb: int
    high_mb: int
    """From here on the kernel takes pages back and slows the job down, before the limit kills it."""
    swap_mb: int


@dataclass(frozen=True)
class Plan:
    """A machine's memory, divided. JSON-ready through ``to_dict``."""

    size: str
    vcpus: int
    disk_gb: int
    price_usd: float
    nominal_mb: int
    guest_mb: int
    reserve_mb: int
    host_mb: int
    """Of the reserve, what the owner runs on the host."""
    budget_mb: int
    swap_mb: int
    limits_mb: int
    maintenance: Maintenance
    strategy: str
    gap_s: int
    start_first: tuple[str, ...]
    """Of these a second one fits beside the first while a new version takes over; ``strategy`` is the backend's."""
    services: dict[str, ServicePlan]
    scenarios: dict[str, Scenario]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Turn into plain dictionaries, lists and numbers; ``app_images`` are those that releases replace."""
        plain = asdict(self)
        plain["warnings"] = list(self.warnings)
        plain["start_first"] = list(self.start_first)
        plain["app_images"] = {
            name: one.image for name, one in self.services.items() if one.extra or name == "backend"
        }
        for service in plain["services"].values():
            service["command"] = list(service["command"])
            service["migrate_command"] = list(service["migrate_command"])
        return plain
