"""Memory of one control group, read from folders that look like a kernel's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._memory_usage import (
    Files,
    Group,
    group_memory,
    group_of,
    memory_mount,
    mib,
    whole,
)

MIB = 1024 * 1024
ID = "0123456789abcdef" * 4
V1 = "335 331 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = "314 331 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

Make = Callable[[dict[str, str]], Files]


@pytest.fixture
def machine(tmp_path: Path) -> Make:
    """Make a machine of files."""

    def make(contents: dict[str, str]) -> Files:
        for path, content in contents.items():
            file = tmp_path / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return Files(str(tmp_path))

    return make


@pytest.mark.parametrize(
    "text,value",
    [
        ("12\n", 12),
        ("0", 0),
        ("max\n", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("9" * 30, None),
    ],
)
def test_whole(text: str | None, value: int | None) -> None:
    """Only whole numbers are numbers; `max` is no limit, not a large one."""
    assert whole(text) == value


def test_unreadable_is_none(machine: Make) -> None:
    """A file that is not there, or is a folder, has no content, which is not 0."""
    files = machine({"/a/b": "x"})
    assert files.text("/nothing") is None
    assert files.text("/a") is None
    assert files.number("/a/b") is None
    assert files.numbers("/nothing") == {}
    assert mib(None) is None


def test_meminfo_is_in_kilobytes(machine: Make) -> None:
    """A unit is respected; lines that are none are left out."""
    files = machine({"/m": "MemTotal:  1024 kB\nHugePages_Total:  3\nrubbish\nx: y\n\n"})
    assert files.numbers("/m") == {"MemTotal": MIB, "HugePages_Total": 3}


@pytest.mark.parametrize(
    "mounts,version",
    [
        (V1, 1),
        (V1 + HYBRID, 1),
        (HYBRID + V1, 1),
        (V2, 2),
        ("", None),
        ("a b - c\n\nx - y z", None),
    ],
    ids=["v1", "v1 and an empty v2", "the other way round", "v2", "none", "rubbish"],
)
def test_mount(machine: Make, mounts: str, version: int | None) -> None:
    """The hierarchy that counts memory is found, also where a second one is mounted that does not."""
    files = machine(
        {
            "/proc/self/mountinfo": mounts,
            "/sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
            "/sys/fs/cgroup/unified/cgroup.controllers": "\n",
        }
    )
    found = memory_mount(files)
    assert (found.version if found else None) == version


CGROUP_V1 = "8:pids:/docker/{id}\n4:memory:{path}\n0::/elsewhere\n"
CGROUP_V2 = "0::{path}\n"


@pytest.mark.parametrize(
    "version,root,path,folder",
    [
        (1, "/", "/docker/{id}", "docker/{id}"),
        (2, "/", "/system.slice/docker-{id}.scope", "system.slice/docker-{id}.scope"),
        # The path is the outer machine's, what is mounted is only this container's part of it.
        (1, "/docker/outer", "/docker/outer/docker/{id}", "docker/{id}"),
        (
            2,
            "/outer.scope",
            "/outer.scope/system.slice/docker-{id}.scope",
            "system.slice/docker-{id}.scope",
        ),
        # A path that leads nowhere here: found by the container's id.
        (1, "/", "/", "docker/{id}"),
        (2, "/", "/../../elsewhere", "system.slice/docker-{id}.scope"),
        (2, "/", "/gone/docker-{id}.scope", "system.slice/docker-{id}.scope"),
        # The first process is in a group that the container made inside its own.
        (2, "/", "/system.slice/docker-{id}.scope/init", "system.slice/docker-{id}.scope"),
    ],
)
def test_group(machine: Make, version: int, root: str, path: str, folder: str) -> None:
    """A container's group is found by its process or its id, with and without namespaces."""
    mount = "/sys/fs/cgroup/memory" if version == 1 else "/sys/fs/cgroup"
    kind = "cgroup cgroup rw,memory" if version == 1 else "cgroup2 cgroup2 rw"
    group = f"{mount}/{folder.format(id=ID)}"
    text = (CGROUP_V1 if version == 1 else CGROUP_V2).format(id=ID, path=path.format(id=ID))
    files = machine(
        {
            "/proc/self/mountinfo": f"3 2 0:3 {root} {mount} rw - {kind}\n",
            "/proc/77/cgroup": text,
            "/sys/fs/cgroup/cgroup.controllers": "memory\n" if version == 2 else "",
            f"{group}/cgroup.procs": "77\n78\n",
            f"{group}/init/cgroup.procs": "77\n",
        }
    )
    assert group_of(files, 77, ID) == Group(version, group)


@pytest.mark.parametrize("pid,container", [(0, ID), (77, ""), (77, "f" * 64)])
def test_no_group(machine: Make, pid: int, container: str) -> None:
    """What has no group has none: nobody else's numbers are taken for its own."""
    files = machine(
        {
            "/proc/self/mountinfo": V1,
            "/proc/77/cgroup": "4:memory:/\n",
            f"/sys/fs/cgroup/memory/docker/{ID}/cgroup.procs": "1\n",
        }
    )
    assert group_of(files, pid, container) is None
    assert group_of(Files("/nonexistent"), 77, ID) is None


STAT_V2 = f"""anon {100 * MIB}
file {60 * MIB}
kernel {9 * MIB}
shmem {20 * MIB}
slab_reclaimable {4 * MIB}
slab {6 * MIB}
"""


def test_version_2(machine: Make) -> None:
    """Anonymous and shared memory is the working set; cache is not; the kernel's own counts where it must stay."""
    files = machine(
        {
            "/g/memory.stat": STAT_V2,
            "/g/memory.max": f"{192 * MIB}\n",
            "/g/memory.current": f"{170 * MIB}\n",
            "/g/memory.peak": f"{180 * MIB}\n",
            "/g/memory.swap.current": f"{5 * MIB}\n",
            "/g/memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n",
        }
    )
    assert group_memory(files, Group(2, "/g")) == {
        "limit_mb": 192,
        "used_mb": 170,
        "working_set_mb": 120,
        "held_mb": 125,
        "cache_mb": 40,
        "kernel_mb": 9,
        "swap_mb": 5,
        "peak_mb": 180,
        "oom_kills": 2,
    }


def test_older_kernel(machine: Make) -> None:
    """Before Linux 5.18 the kernel's part is added up from what it consists of."""
    slab = f"slab {3 * MIB}\nslab_reclaimable {MIB}\n"
    stat = f"anon {MIB}\nfile 0\nshmem 0\n{slab}kernel_stack {MIB}\npagetables {MIB}\n"
    found = group_memory(machine({"/g/memory.stat": stat}), Group(2, "/g"))
    assert (found["kernel_mb"], found["held_mb"]) == (5, 5)


STAT_V1 = f"""cache {1 * MIB}
total_cache {30 * MIB}
total_rss {100 * MIB}
total_shmem {20 * MIB}
total_swap {7 * MIB}
"""


def test_version_1(machine: Make) -> None:
    """The same numbers under the old names, of the whole subtree."""
    files = machine(
        {
            "/g/memory.stat": STAT_V1,
            "/g/memory.limit_in_bytes": f"{192 * MIB}\n",
            "/g/memory.usage_in_bytes": f"{133 * MIB}\n",
            "/g/memory.max_usage_in_bytes": f"{150 * MIB}\n",
            "/g/memory.kmem.usage_in_bytes": f"{3 * MIB}\n",
            "/g/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        }
    )
    assert group_memory(files, Group(1, "/g")) == {
        "limit_mb": 192,
        "used_mb": 133,
        "working_set_mb": 120,
        "held_mb": 123,
        "cache_mb": 10,
        "kernel_mb": 3,
        "swap_mb": 7,
        "peak_mb": 150,
        "oom_kills": 1,
    }


@pytest.mark.parametrize("version", [1, 2])
def test_no_limit(machine: Make, version: int) -> None:
    """Both ways of saying `no limit` are None."""
    files = machine({"/g/memory.limit_in_bytes": "9223372036854771712\n", "/g/memory.max": "max\n"})
    assert group_memory(files, Group(version, "/g"))["limit_mb"] is None


@pytest.mark.parametrize("version", [1, 2])
def test_nothing_readable(machine: Make, version: int) -> None:
    """Every number that could not be read is None, never 0."""
    assert set(group_memory(machine({}), Group(version, "/g")).values()) == {None}
    garbage = {
        "/g/memory.stat": "anon x\nfile\n\0\nshmem -5\n",
        "/g/memory.events": "oom_kill many",
    }
    assert set(group_memory(machine(garbage), Group(version, "/g")).values()) == {None}
