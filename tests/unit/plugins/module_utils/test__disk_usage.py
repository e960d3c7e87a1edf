"""What lies on a disk, by the parts of its plan; files and file systems are real."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._disk_usage import (
    MIB,
    bytes_of,
    measure,
    said_bytes,
    use_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.command_docker import Docker, says

# As Docker 26.1 wrote it.
DF = """\
{"Active":"4","Reclaimable":"123.1MB (17%)","Size":"720.5MB","TotalCount":"4","Type":"Images"}
{"Active":"4","Reclaimable":"0B","Size":"0B","TotalCount":"4","Type":"Containers"}
{"Active":"2","Reclaimable":"7B (0%)","Size":"77.6MB","TotalCount":"3","Type":"Local Volumes"}
{"Active":"0","Reclaimable":"1.5GB","Size":"1.5GB","TotalCount":"0","Type":"Build Cache"}
"""
FILES = {
    "swapfile": 4,
    "var/log/journal/a/system.journal": 3,
    "var/lib/docker/containers/1/local-logs/container.log": 2,
    "var/lib/docker/volumes/planner_postgres16/_data/x": 1,
    "var/lib/docker/volumes/planner_postgres17/_data/x": 5,
    "var/lib/docker/volumes/planner_redis/_data/dump.rdb": 1,
    "var/lib/docker/volumes/notes/_data/x": 2,
    "var/cache/planner-restic/index": 1,
    "opt/planner/backups/0001-20270115T020000Z/database.dump.zst": 6,
    "opt/planner/dumps/release-1.dump": 2,
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's files in a folder, and a `docker`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name, size in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size * MIB)
    (tmp_path / "proc").mkdir()
    swaps = (
        "Filename Type Size Used Priority\n/swapfile file 4092 0 -2\n/dev/zram0 partition 9 0 5\n"
    )
    (tmp_path / "proc/swaps").write_text(swaps)
    Docker(tmp_path).answer({"'system df'*": says(DF)})
    return tmp_path


def settings(machine: Path) -> Settings:
    """Of the project on it."""
    return Settings(project_dir=str(machine / "opt/planner"))


def test_measure(machine: Path) -> None:
    """Every part has its size, whole MiB but for the folders' own blocks; what is not there is nothing."""
    found = measure(settings(machine), str(machine))
    parts = found["parts"]
    assert {name: round(mb) for name, mb in parts.items()} == {
        "swap": 4,
        "journal": 3,
        "logs": 2,
        "images": 687,
        "build_cache": 1430,
        "dumps": 2,
        "backups": 6,
        "restic": 1,
        "postgres": 6,
        "redis": 1,
        "volumes": 2,
    }
    assert found["errors"] == []
    real = shutil.disk_usage(machine)
    assert found["total_mb"] == real.total // MIB
    assert 0 < found["percent"] < 100
    shutil.rmtree(machine / "opt/planner/dumps")
    (machine / "proc/swaps").unlink()
    parts = measure(settings(machine), str(machine))["parts"]
    assert (parts["dumps"], parts["swap"]) == (0, 0)


@pytest.mark.parametrize(
    "answer, why",
    [
        ("echo no daemon >&2; exit 1", "docker system df: no daemon"),
        ("echo nonsense", "docker system df: Expecting value: line 1 column 1 (char 0)"),
        ("true", "docker system df: it does not tell 'Images'"),
    ],
)
def test_docker_does_not_tell(machine: Path, answer: str, why: str) -> None:
    """Its parts are unknown, and why; the others are measured all the same."""
    Docker(machine).answer({"'system df'*": answer})
    found = measure(settings(machine), str(machine))
    assert (found["parts"]["images"], found["parts"]["build_cache"]) == (None, None)
    assert found["errors"] == [why]
    assert round(found["parts"]["postgres"]) == 6


def test_use(tmp_path: Path) -> None:
    """It is what `df` says; of several file systems the fullest counts, and one that is not there is its parent's."""
    found = use_of(str(tmp_path))
    df = ("df", "--output=pcent,ipcent", str(tmp_path))
    said = subprocess.run(df, capture_output=True, text=True, check=True).stdout
    percent, inodes = said.splitlines()[1].replace("%", "").split()
    # df rounds up, and others write meanwhile.
    assert abs(found.percent - float(percent)) <= 2
    assert abs(found.inodes_percent - float(inodes.replace("-", "0"))) <= 2
    assert use_of(str(tmp_path / "not/there")).total_mb == found.total_mb
    assert use_of("/proc").percent == 0
    assert use_of("/proc", str(tmp_path)).total_mb == found.total_mb


def test_bytes_of(tmp_path: Path) -> None:
    """Blocks count, not lengths: a file with a hole is small, and what a link points to is elsewhere."""
    holed, real, link = tmp_path / "holed", tmp_path / "real", tmp_path / "folder/link"
    with holed.open("wb") as file:
        file.truncate(64 * MIB)
    real.write_bytes(b"x" * MIB)
    link.parent.mkdir()
    link.symlink_to(real)
    assert bytes_of(str(holed)) < MIB
    assert bytes_of(str(real)) >= MIB
    assert bytes_of(str(link.parent)) < MIB
    assert MIB <= bytes_of(str(tmp_path)) < 2 * MIB
    assert bytes_of(str(tmp_path / "not there")) == 0


@pytest.mark.parametrize(
    "text, size",
    [
        ("0B", 0),
        ("7B (0%)", 7),
        ("1.2kB", 1200),
        (" 720.5MB", 720_500_000),
        ("1.5GB", 1_500_000_000),
        ("2TB", 2 * 10**12),
        ("", 0),
        ("N/A", 0),
    ],
)
def test_said_bytes(text: str, size: int) -> None:
    """Docker counts in powers of 1000."""
    assert said_bytes(text) == size
