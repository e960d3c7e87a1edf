# This module util is PRIVATE to the collection. It can have breaking changes at any time.
"""DigitalOcean's Basic Droplets: what they cost and what a guest really gets of them.

Prices and hardware are the public price list as of :data:`AS_OF`; they are data, so a price
change is a change of one line here. All memory is in MiB.
"""

from __future__ import annotations

from dataclasses import dataclass

AS_OF = "2026-03"
"""Month of the price list below (Basic Regular since July 2022, confirmed March 2026)."""


@dataclass(frozen=True)
class Size:
    """One row of the price list. ``memory_mb`` is nominal: what is sold, not what the kernel shows.

    ``host_mb`` is the owner's own: what runs on the host beside this collection's daemons.
    """

    slug: str
    memory_mb: int
    vcpus: int
    disk_gb: int
    transfer_gb: int
    price_usd: float
    host_mb: int = 0

    @property
    def guest_memory_mb(self) -> int:
        """MemTotal the guest's kernel will show.

        Fitted over five boots (512 to 8192 MB) of Debian 13, kernel 6.12, under emulation on
        2026-11-23; largest error 2 MiB. The kernel image, its page structs and, from 4 GB on, a
        64 MiB software I/O buffer are gone before user space starts.
        """
        return round(0.9824 * self.memory_mb) - 39 - (64 if self.memory_mb >= 4096 else 0)

    @property
    def reserve_mb(self) -> int:
        """Nominal memory that containers must never count on: kernel, OS, dockerd, containerd.

        370 + 1.8 % (+ 64 from 4 GB), measured at 1 GB with four containers running (OS and Docker
        206 MiB PSS idle, about 333 MiB with kernel memory and container overhead) and carried over
        to larger sizes. GKE's and Nebius' kube-reserved tables land within 10 % of it at 1 GB.
        :mod:`_daemons` names who lives in it; a unit test keeps it large enough for them.
        """
        system_mb = round(370 + 0.018 * self.memory_mb) + (64 if self.memory_mb >= 4096 else 0)
        return system_mb + self.host_mb

    @property
    def budget_mb(self) -> int:
        """What is left for containers and for the one event that runs beside them."""
        return max(0, self.memory_mb - self.reserve_mb)

    @property
    def swap_mb(self) -> int:
        """Swap file proposed for the size.

        1 GiB everywhere: with it, a 1 GB machine filled beyond its memory stayed reachable by ssh
        (395 MiB of it used, 2026-11-23); without it the same machine thrashed for 90 s.
        """
        return 1024


_REGULAR = (
    Size("s-1vcpu-512mb-10gb", 512, 1, 10, 500, 4),
    Size("s-1vcpu-1gb", 1024, 1, 25, 1000, 6),
    Size("s-1vcpu-2gb", 2048, 1, 50, 2000, 12),
    Size("s-2vcpu-2gb", 2048, 2, 60, 3000, 18),
    Size("s-2vcpu-4gb", 4096, 2, 80, 4000, 24),
    Size("s-4vcpu-8gb", 8192, 4, 160, 5000, 48),
    Size("s-8vcpu-16gb", 16384, 8, 320, 6000, 96),
)

# Premium AMD/Intel: the same machines on NVMe and newer CPUs; there is no 512 MB one.
_PREMIUM_PRICE_USD = {
    "s-1vcpu-1gb": 7,
    "s-1vcpu-2gb": 14,
    "s-2vcpu-2gb": 21,
    "s-2vcpu-4gb": 28,
    "s-4vcpu-8gb": 56,
    "s-8vcpu-16gb": 112,
}

SIZES: dict[str, Size] = {size.slug: size for size in _REGULAR} | {
    f"{size.slug}-{cpu}": Size(
        f"{size.slug}-{cpu}",
        size.memory_mb,
        size.vcpus,
        size.disk_gb,
        size.transfer_gb,
        _PREMIUM_PRICE_USD[size.slug],
    )
    for cpu in ("amd", "intel")
    for size in _REGULAR
    if size.slug in _PREMIUM_PRICE_USD
}

COMPARED = tuple(size.slug for size in _REGULAR)
"""The sizes shown side by side: the plan depends on memory and vCPUs only, premium adds nothing."""
