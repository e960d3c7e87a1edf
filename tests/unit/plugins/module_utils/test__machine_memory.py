"""Memory of the whole machine, also of one that is itself a container."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._machine_memory import (
    machine,
    pressure_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import Files

MIB = 1024 * 1024
V1 = "335 331 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
WAITING = "some avg10=1.50 avg60=2.00 avg300=0.25 total=99\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=1\n"
PRESSURE = {
    "some": {"avg10": 1.5, "avg60": 2.0, "avg300": 0.25},
    "full": {"avg10": 0.1, "avg60": 0.0, "avg300": 0.0},
}
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n/swapfile\tfile\t1048572\t2048\t-2\n"
REAL = {
    "/proc/self/mountinfo": V2,
    "/sys/fs/cgroup/cgroup.controllers": "memory\n",
    "/sys/fs/cgroup/memory.stat": "anon 1\nfile 1\nshmem 1\n",
    "/proc/meminfo": "MemTotal: 990208 kB\nMemAvailable: 512000 kB\nSwapTotal: 1 kB\nSwapFree: 1 kB\n",
    "/proc/swaps": SWAPS,
    "/proc/pressure/memory": WAITING,
    "/proc/vmstat": "nr_free_pages 5\noom_kill 3\n",
    "/proc/loadavg": "0.10 0.20 0.30 1/100 999\n",
}

Make = Callable[..., Files]


@pytest.fixture
def files(tmp_path: Path) -> Make:
    """Make a machine of files."""

    def make(*contents: dict[str, str]) -> Files:
        for part in contents:
            for path, content in part.items():
                file = tmp_path / path.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
        return Files(str(tmp_path))

    return make


def test_machine(files: Make) -> None:
    """A real machine's own counters are read."""
    assert machine(files(REAL)) == {
        "container": "",
        "total_mb": 967.0,
        "available_mb": 500.0,
        "swap_total_mb": 1024.0,
        "swap_used_mb": 2.0,
        "pressure": PRESSURE,
        "oom_kills_since_boot": 3,
        "load": [0.1, 0.2, 0.3],
    }


def test_no_swap_is_zero(files: Make) -> None:
    """A machine that lists no swap has none: that is known, not unknown."""
    found = machine(files(REAL, {"/proc/swaps": "Filename\tType\n"}))
    assert (found["swap_total_mb"], found["swap_used_mb"]) == (0, 0)


def test_nothing_readable(files: Make) -> None:
    """Where nothing can be read, everything is None."""
    found = machine(files({}))
    assert found.pop("container") == ""
    assert set(found.values()) == {None}


INSIDE_V1 = {
    "/run/systemd/container": "lxc\n",
    "/proc/self/mountinfo": V1,
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": f"{512 * MIB}\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": f"{400 * MIB}\n",
    "/sys/fs/cgroup/memory/memory.stat": f"total_rss {100 * MIB}\ntotal_cache {290 * MIB}\ntotal_shmem 0\n"
    f"total_active_file {90 * MIB}\ntotal_inactive_file {200 * MIB}\n",
    "/sys/fs/cgroup/memory/memory.oom_control": "oom_kill 0\n",
}
INSIDE_V2 = {
    "/run/systemd/container": "lxc\n",
    "/sys/fs/cgroup/memory.max": f"{512 * MIB}\n",
    "/sys/fs/cgroup/memory.current": f"{400 * MIB}\n",
    "/sys/fs/cgroup/memory.stat": f"anon {100 * MIB}\nfile {280 * MIB}\nshmem 0\nkernel {20 * MIB}\n"
    f"slab_reclaimable {10 * MIB}\nactive_file {90 * MIB}\ninactive_file {190 * MIB}\n",
    "/sys/fs/cgroup/memory.events": "oom_kill 1\n",
    "/sys/fs/cgroup/memory.pressure": WAITING,
}


@pytest.mark.parametrize(
    "inside,kills,pressure",
    [(INSIDE_V1, None, None), (INSIDE_V2, 1, PRESSURE)],
    ids=["cgroup v1", "cgroup v2"],
)
def test_container(files: Make, inside: dict[str, str], kills: int | None, pressure: Any) -> None:
    """A machine that is a container has its limit's memory; the outer kernel's counters are not its own."""
    found = machine(files(REAL, inside))
    assert found == {
        "container": "lxc",
        "total_mb": 512.0,
        "available_mb": 402.0,
        "swap_total_mb": None,
        "swap_used_mb": None,
        "pressure": pressure,
        "oom_kills_since_boot": kills,
        "load": None,
    }


def test_own_swap_of_a_container(files: Make) -> None:
    """In a container only a swap file that is there counts as its own."""
    found = machine(files(REAL, INSIDE_V2, {"/swapfile": ""}))
    assert (found["swap_total_mb"], found["swap_used_mb"]) == (1024.0, 2.0)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=1\n",
        "some\nfull\n",
        "\n\n",
        "x avg10=1",
    ],
)
def test_no_pressure(text: str | None) -> None:
    """A pressure file that is not complete says nothing."""
    assert pressure_of(text) is None
