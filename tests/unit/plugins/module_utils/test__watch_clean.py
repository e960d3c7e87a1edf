"""Room is made in the order of what is missed least, only as much as needed, and never of what is wanted."""

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._disk_usage import (
    MIB,
    Use,
    bytes_of,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import (
    GOOD,
    Record,
    append,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_clean import (
    Cleaned,
    clean,
    is_enough,
)
from ansible_collections.planner.droplet.plugins.module_utils._watch_settings import Settings

from tests.unit.command_docker import Docker, says

NOW = 1_800_000_000.0
DAY = 86400
FULL, ROOMY = Use(100, 5, 95, 10), Use(100, 60, 40, 10)
EVERYTHING = [
    "downloaded packages, 3.0 MiB",
    "journal, 2.0 MiB",
    "image aaaaaaaaaaaa, 7.0 MiB",
    "build cache, 9.5 MiB",
    "image 111111111111, 100 MiB",
    "rotated logs, 2.0 MiB",
    "{project}/backups/0004-20270114T020000Z.partial, 1.0 MiB",
    "{project}/dumps/release-9.dump.partial, 1.0 MiB",
    "{project}/backups/.fetched, 1.0 MiB",
    "restic's cache, 2.0 MiB",
]
KEPT = [
    "var/log/syslog",
    "var/log/young.gz",
    "var/log/audit/audit.log.1",
    "var/lib/docker/volumes/planner_postgres17/data",
    "opt/planner/backups/0003-20270113T020000Z/database.dump.zst",
    "opt/planner/backups/0005-20270115T020000Z.partial/database.dump.zst",
    "opt/planner/dumps/release-8.dump",
    "opt/mine/old.gz",
]
"""Old as they are."""


def image(letter: str, size_mb: int, *, tag: str = "", digest: str = "") -> dict[str, Any]:
    """One as Docker describes it."""
    tags, digests = [tag] if tag else [], [digest] if digest else []
    return {
        "Id": f"sha256:{letter * 64}",
        "Size": size_mb * MIB,
        "RepoTags": tags,
        "RepoDigests": digests,
    }


NAMELESS = image("a", 7)
BY_DIGEST = image("b", 90, digest="r.example/somebody@sha256:1")
RELEASED = [image(str(number), 100) for number in range(1, 4)]


class Bench:
    """A machine's files in a folder, with programs that remove some of them for real."""

    def __init__(self, root: Path) -> None:
        """Fill it with what may go and what may not."""
        self.root, self.project = root, root / "opt/planner"
        self.lock = root / "lock"
        self.settings = Settings(project_dir=str(self.project), disk={"releases_mb": 200})
        self.file("var/cache/apt/archives/a.deb", 3)
        self.file("var/log/journal/1.journal", 2)
        self.file("var/log/app/app.log.1", 1)
        self.file("var/log/old.gz", 1)
        self.file("var/cache/planner-restic/index/1", 1)
        self.file("var/cache/planner-restic/CACHEDIR.TAG", 1)
        self.file("opt/planner/backups/0004-20270114T020000Z.partial/database.dump.zst", 1)
        self.file("opt/planner/backups/.fetched/database.dump.zst", 1)
        self.file("opt/planner/dumps/release-9.dump.partial", 1)
        for name in KEPT:
            self.file(name, 1, DAY / 2 if "young" in name or ".partial" in name else 30 * DAY)
        for number, one in enumerate(RELEASED, 1):
            ids = {"backend": one["Id"]}
            made = Record(number, images={"backend": f"b:{number}"}, image_ids=ids, result=GOOD)
            append(str(self.project), made)
        self.program("apt-get", f'[ "$*" = clean ] && rm {root}/var/cache/apt/archives/*.deb')
        self.program("journalctl", f'echo "$*" >{root}/asked; rm {root}/var/log/journal/1.journal')
        self.docker = Docker(root)
        self.answer()

    def answer(self, **rules: str) -> None:
        """Have Docker answer otherwise."""
        everything = [NAMELESS, BY_DIGEST, *RELEASED]
        dangling = "\n".join(one["Id"] for one in everything)
        self.docker.answer({
            "'image ls --filter dangling=true'*": rules.get("dangling", says(dangling)),
            "'image ls --all'*": says(dangling),
            "'image inspect'*": rules.get("inspect", says(json.dumps(everything))),
            "'image rm'*": rules.get("rm", "true"),
            "'builder prune --force'": rules.get("prune", "echo; echo 'Total reclaimed space: 9.961MB'"),
            "'ps --all'*": "echo c1",
            "'inspect --format'*": says(RELEASED[-1]["Id"]),
            "'system df'*": "exit 1",
        })  # fmt: skip

    def file(self, name: str, size_mb: int, age_s: float = 30 * DAY) -> None:
        """Make a file of that size and age, its folder too."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size_mb * MIB)
        for one in (path, path.parent):
            os.utime(one, (NOW - age_s, NOW - age_s))

    def program(self, name: str, commands: str) -> None:
        """Put a program where it is found."""
        (self.root / name).write_text(f"#!/bin/sh\n{commands}\n")
        (self.root / name).chmod(0o755)

    def clean(self, look: Callable[[], Use] = lambda: FULL) -> Cleaned:
        """Clean as long as the disk looks full."""
        return clean(self.settings, NOW, root=str(self.root), lock=str(self.lock), look=look)

    @property
    def removed_images(self) -> list[str]:
        """What Docker was told to remove."""
        calls = [call.partition(": ")[2] for call in self.docker.calls]
        return [call for call in calls if call.startswith("image rm")]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A machine with everything that can be removed."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Bench(tmp_path)


def test_everything_that_may_go(bench: Bench) -> None:
    """A disk that stays full loses all that may go, in this order, and nothing else."""
    done = bench.clean()
    assert done.freed == [one.format(project=bench.project) for one in EVERYTHING]
    assert [name for name in KEPT if not (bench.root / name).exists()] == []
    assert (bench.root / "asked").read_text() == "--quiet --vacuum-size=256M\n"


def test_images(bench: Bench) -> None:
    """Docker calls images nameless that are known by their digest, as every release is: they stay."""
    bench.clean()
    assert bench.removed_images == [
        f"image rm {NAMELESS['Id']}",
        f"image rm --force {RELEASED[0]['Id']}",
    ]
    assert "prune" not in " ".join(one for one in bench.docker.calls if "builder" not in one)


def test_only_as_much_as_needed(bench: Bench) -> None:
    """It stops as soon as the disk is so far below its threshold that it stays there."""
    capacity = bytes_of(str(bench.root)) / 0.82

    def look() -> Use:
        return Use(percent=100 * bytes_of(str(bench.root)) / capacity)

    assert 80 < look().percent < 85
    done = bench.clean(look)
    assert done.freed == EVERYTHING[:1]
    assert 0 < done.use.percent <= 75
    assert (done.left, done.do) == ([], "")


def test_a_disk_with_room(bench: Bench) -> None:
    """Nothing is done, and nobody asked."""
    assert bench.clean(lambda: ROOMY) == Cleaned(use=ROOMY)
    assert not bench.docker.log.exists()


@pytest.mark.parametrize(
    "percent, inodes, enough",
    [(75, 75, True), (75.1, 0, False), (0, 75.1, False), (79, 10, False)],
)
def test_enough(percent: float, inodes: float, *, enough: bool) -> None:
    """Five below both thresholds: space may be left where no file can be made any more."""
    assert is_enough(Settings(), Use(100, 10, percent, inodes)) is enough


def test_the_owners_threshold() -> None:
    """It is the one that counts."""
    assert is_enough(Settings(thresholds={"disk_percent": 95}), Use(100, 10, 90, 10))


def test_the_real_disk(bench: Bench) -> None:
    """Without anybody who tells, the file system does; a threshold of 0 it never meets."""
    settings = Settings(project_dir=str(bench.project), thresholds={"disk_percent": 0})
    done = clean(settings, NOW, root=str(bench.root), lock=str(bench.lock))
    assert done.freed
    assert done.use.percent > 0


def test_never_during_an_event(bench: Bench) -> None:
    """Who holds the lock may have pulled what nobody uses yet."""
    with bench.lock.open("w") as file:
        file.write("release (pid 7)")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        done = bench.clean()
    assert (done.freed, done.use, done.do) == ([], FULL, "ask again when it has ended")
    assert done.left[0].startswith("Nothing was removed: release (pid 7)")


def test_a_step_fails(bench: Bench) -> None:
    """It is told, and the next ones do their work."""
    bench.program("apt-get", "echo no lock >&2; exit 100")
    bench.answer(inspect="echo nonsense", prune="echo no daemon >&2; exit 1")
    done = bench.clean()
    assert done.left[:3] == [
        "packages: apt-get failed with exit code 100: no lock",
        "images without a name: Expecting value: line 1 column 1 (char 0)",
        "build cache: no daemon",
    ]
    assert done.freed[0] == EVERYTHING[1]
    assert done.freed[-1] == EVERYTHING[-1]


def test_an_image_that_is_used(bench: Bench) -> None:
    """Docker knows better: it is not told to be gone."""
    bench.answer(rm="echo it is used by a container >&2; exit 1")
    assert not [one for one in bench.clean().freed if one.startswith("image")]


def test_nothing_dangles(bench: Bench) -> None:
    """Then there is nothing to ask about, and what a step did not free is not told."""
    bench.answer(dangling="true", prune="echo 'Total:\t0B'")
    done = bench.clean()
    assert not [one for one in done.freed if one.startswith(("image aaa", "build"))]


def test_twice(bench: Bench) -> None:
    """What has gone does not go again."""
    bench.clean()
    bench.program("apt-get", "true")
    bench.program("journalctl", "true")
    bench.answer(dangling="true", prune="echo 'Total:\t0B'", rm="exit 1")
    assert bench.clean().freed == []


def test_a_link_is_not_followed(bench: Bench) -> None:
    """What it points to is somebody else's."""
    (bench.root / "var/cache/planner-restic/link").symlink_to(bench.root / "opt/mine")
    (bench.root / "var/log/mine").symlink_to(bench.root / "opt/mine")
    bench.clean()
    assert (bench.root / "opt/mine/old.gz").exists()
    assert not list((bench.root / "var/cache/planner-restic").iterdir())


def test_what_a_person_can_do(bench: Bench) -> None:
    """What is large and stays is named, the largest first, and the step that helps most."""
    bench.file("opt/planner/backups/0002-20270112T020000Z/database.dump.zst", 9)
    done = bench.clean()
    assert done.left == ["backups, 11 MiB", "postgres, 1 MiB", "dumps, 1 MiB"]
    assert done.do.startswith("`planner-backup list`, then remove the oldest")
    bench.file("var/lib/docker/volumes/planner_postgres17/data", 30)
    assert "take a larger droplet_size" in bench.clean().do


def test_nothing_of_ours_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine that is full: the question is what fills it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(project_dir=str(tmp_path / "planner"))
    lock = str(tmp_path / "lock")
    done = clean(settings, NOW, root=str(tmp_path), lock=lock, look=lambda: FULL)
    assert done.freed == []
    assert done.left[0] == "packages: apt-get is not installed. Do: run playbooks/site.yml"
    assert done.do == "`du -xh --max-depth=2 / | sort -h | tail`"
