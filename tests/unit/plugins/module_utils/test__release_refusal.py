"""Why a release must not begin, with what to do about it."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._database import DatabaseState
from ansible_collections.planner.droplet.plugins.module_utils._release import Container, Observed
from ansible_collections.planner.droplet.plugins.module_utils._release_log import Record
from ansible_collections.planner.droplet.plugins.module_utils._release_refusal import refusals
from ansible_collections.planner.droplet.plugins.module_utils._release_schema import SchemaLook
from ansible_collections.planner.droplet.plugins.module_utils._schema import Verdict

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import release, serving_first

REFUSE = Verdict("refuse", problem="The schema is too new.", blocking=("0002", "0003"))
MIGRATE = Verdict("migrate", dump=True)
BACKENDS = (
    Container("backend", "planner-backend-4", "x", running=True),
    Container("backend", "planner-backend-3", "x", running=False),
)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


def dumped(folder: Path, number: int, *revisions: str, there: bool = True) -> Record:
    """A release that applied these, and its dump, unless somebody removed that."""
    path = folder / f"release-{number}.dump"
    if there:
        path.write_text("dump")
    applied = dict.fromkeys(revisions, ("drops a column",))
    started = f"2026-11-0{number}T17:15:00Z"
    return Record(number, started=started, dump=str(path), applied=applied, result="good")


def look(docker: Docker, *records: Record, size_mb: int = 7) -> SchemaLook:
    """What was seen of a database of this size."""
    return SchemaLook(release(docker).database, records, before=DatabaseState("0003", 4, size_mb))


def told(docker: Docker, schema: Verdict | None, *records: Record) -> str:
    """All problems."""
    observed = Observed(BACKENDS, schema=schema)
    return "\n".join(refusals(observed, look(docker, *records), str(docker.folder)))


@pytest.mark.parametrize("schema", [None, Verdict("none"), MIGRATE])
def test_nothing_is_wrong(docker: Docker, schema: Verdict | None) -> None:
    """A release may begin."""
    assert told(docker, schema) == ""


class TestSchema:
    """One that a version could not work with."""

    def test_the_dump_from_before(self, docker: Docker, tmp_path: Path) -> None:
        """The dump before the first migration in the way, and how it is brought back."""
        records = [dumped(tmp_path, 2, "0002"), dumped(tmp_path, 3, "0003")]
        lines = told(docker, REFUSE, *records).splitlines()
        assert lines[0] == "The schema is too new."
        assert "as it was before, on 2026-11-02T17:15:00Z, is in " in lines[1]
        assert "What was written since then would be lost" in lines[1]
        assert lines[2].startswith("  sudo docker stop planner-backend-4 && sudo sh -c ")
        assert lines[2].endswith(f"< {tmp_path}/release-2.dump'")

    def test_the_youngest_of_several(self, docker: Docker, tmp_path: Path) -> None:
        """Where it was applied more than once, nobody loses more than since the last time."""
        records = [dumped(tmp_path, 2, "0002", "0003"), dumped(tmp_path, 5, "0002", "0003")]
        assert "release-5.dump" in told(docker, REFUSE, *records)

    def test_a_later_dump_does_not_help(self, docker: Docker, tmp_path: Path) -> None:
        """The dump between two migrations in the way holds the first of them already."""
        records = [dumped(tmp_path, 2, "0002", there=False), dumped(tmp_path, 3, "0003")]
        assert told(docker, REFUSE, *records).endswith(
            "There is no dump on this host from before it."
        )

    def test_nothing_in_the_way_is_known(self, docker: Docker) -> None:
        """Without a migration to blame nothing is said about dumps."""
        assert told(docker, Verdict("refuse", problem="Several heads.")) == "Several heads."


class TestDisk:
    """Room for the dump."""

    @pytest.mark.parametrize("free_mb, refused", [(1511, True), (1512, False)])
    def test_it_must_fit(
        self,
        docker: Docker,
        monkeypatch: pytest.MonkeyPatch,
        free_mb: int,
        refused: bool,  # noqa: FBT001
    ) -> None:
        """As large as the database at most, and something is left."""
        stat = SimpleNamespace(f_bavail=free_mb * 256, f_frsize=4096)

        def statvfs(_path: str) -> Any:
            return stat

        monkeypatch.setattr(os, "statvfs", statvfs)
        seen = look(docker, size_mb=1000)
        found = refusals(Observed(schema=MIGRATE), seen, str(docker.folder / "not" / "there"))
        assert bool(found) is refused
        if refused:
            assert (
                "1511 MiB of the disk are free, and the dump before the migration may take 1512"
                in (found[0])
            )
            assert "Do: `docker system df`" in found[0]
