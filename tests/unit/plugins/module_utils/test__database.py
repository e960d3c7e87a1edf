"""The product's database from the host: its state, a dump that is proved, the way back."""

import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._compose import DockerError
from ansible_collections.planner.droplet.plugins.module_utils._database import (
    Database,
    DatabaseState,
)

from tests.unit.fake_docker import Docker
from tests.unit.release_bench import OLD, release, serving_first


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A host on which the first version serves."""
    return serving_first(tmp_path / "planner", monkeypatch)


@pytest.fixture
def database(docker: Docker) -> Database:
    """Its database."""
    return release(docker).database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the dump goes; the folder is not there yet."""
    return tmp_path / "dumps" / "release-2.dump"


TEST_SAID: list[tuple[str, DatabaseState]] = [
    ("0002_tasks\n4\n12\n", DatabaseState("0002_tasks", 4, 12)),
    ("\n0\n7\n", DatabaseState("", 0, 7)),
    ("catalog-0123456789ab\n3\n8\n", DatabaseState("catalog-0123456789ab", 3, 8)),
    ("a1,b2\n3\n8\n", DatabaseState("a1,b2", 3, 8)),
]


class TestState:
    """Which schema it has, and how much there is."""

    @pytest.mark.parametrize("said, expected", TEST_SAID)
    def test_parsed(
        self,
        docker: Docker,
        database: Database,
        monkeypatch: pytest.MonkeyPatch,
        said: str,
        expected: DatabaseState,
    ) -> None:
        """Revision, tables and MiB, one a line; an empty revision is none."""
        monkeypatch.setattr(docker.schema.__class__, "tells", lambda _self: said)
        assert database.state() == expected

    @pytest.mark.parametrize("said", ["", "0001\n", "0001\nmany\n7\n", "0001\n2\n7\n8\n"])
    def test_garbage(
        self, docker: Docker, database: Database, monkeypatch: pytest.MonkeyPatch, said: str
    ) -> None:
        """An answer of another shape is shown."""
        monkeypatch.setattr(docker.schema.__class__, "tells", lambda _self: said)
        with pytest.raises(DockerError, match="The database planner did not tell its schema: "):
            database.state()

    def test_without_a_server(self, docker: Docker, database: Database) -> None:
        """What to do is said where PostgreSQL does not run."""
        docker.one("postgres").running = False
        with pytest.raises(DockerError, match="PostgreSQL does not run: run the playbook again"):
            database.state()


def empty(text: bytes) -> Callable[..., bytes]:
    """A dump that consists of these bytes."""
    return lambda *_: text


class TestDump:
    """Only a dump that was read back gets its name."""

    def test_good(self, docker: Docker, database: Database, path: Path) -> None:
        """It is listed and read to its last byte before it gets its name; only root may read it."""
        database.dump(str(path))
        assert path.read_bytes() == docker.schema.dump()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert [call.split("pg_")[1] for call in docker.calls if "pg_" in call] == [
            "dump -U postgres --format=custom planner",
            "restore --list",
            "restore --file=/dev/null",
        ]

    def test_tables_are_missing(self, docker: Docker, database: Database, path: Path) -> None:
        """One that holds fewer tables than the database is none."""
        docker.schema.loses = 1
        with pytest.raises(DockerError, match="nothing was migrated: it holds 1 of 2 tables"):
            database.dump(str(path))
        assert list(path.parent.iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"[1", pytest.param(os.urandom(64), id="noise")])
    def test_unreadable(
        self,
        docker: Docker,
        database: Database,
        path: Path,
        monkeypatch: pytest.MonkeyPatch,
        content: bytes,
    ) -> None:
        """One that pg_restore cannot read leaves nothing behind."""
        monkeypatch.setattr(docker.schema.__class__, "dump", empty(content))
        with pytest.raises(DockerError, match="is not good, so nothing was migrated: pg_restore:"):
            database.dump(str(path))
        assert list(path.parent.iterdir()) == []

    @pytest.mark.parametrize("command", ["pg_dump", "--list", "--file=/dev/null"])
    def test_a_full_disk(
        self, docker: Docker, database: Database, path: Path, command: str
    ) -> None:
        """Neither a half dump nor a name for it stays; an older dump is not touched."""
        path.parent.mkdir()
        path.write_text("older")
        docker.failing = {command: "No space left on device"}
        with pytest.raises(DockerError, match="No space left on device"):
            database.dump(str(path))
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        assert path.read_text() == "older"

    def test_the_disk_fills_when_it_is_flushed(
        self, database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the kernel could not write is no dump either."""

        def full(_file: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DockerError, match="No space left on device"):
            database.dump(str(path))
        assert list(path.parent.iterdir()) == []

    def test_what_a_killed_release_left(self, database: Database, path: Path) -> None:
        """Half a dump of an earlier release does not stay for ever."""
        path.parent.mkdir()
        (path.parent / "release-1.dump.partial").write_text("half")
        database.dump(str(path))
        assert [one.name for one in path.parent.iterdir()] == [path.name]


class TestRestore:
    """The way back."""

    def test_it_replaces_everything(self, docker: Docker, database: Database, path: Path) -> None:
        """What was migrated since is gone."""
        database.dump(str(path))
        docker.schema.revision = "0009"
        database.restore(str(path))
        assert docker.schema.revision == "0001"

    def test_the_owners_command(self, database: Database) -> None:
        """It stops who uses the database, and survives any path."""
        path = "/opt/it's a dump; $(rm -rf x)"
        command = database.restore_command(path, [OLD])
        words = shlex.split(command)
        assert words[:7] == ["sudo", "docker", "stop", OLD, "&&", "sudo", "sh"]
        assert words[7] == "-c"
        inner = shlex.split(words[8])
        assert inner[:4] == ["docker", "exec", "planner-postgres-1", "psql"]
        assert 'DROP DATABASE IF EXISTS "planner" WITH (FORCE)' in inner
        assert inner[inner.index("&&") + 1 :][3:5] == ["planner-postgres-1", "pg_restore"]
        assert inner[-2:] == ["<", path]
        assert "--exit-on-error" in inner

    def test_nobody_to_stop(self, database: Database) -> None:
        """Without anybody the command begins with the restore: `docker stop` alone is an error."""
        command = database.restore_command("/opt/planner/dumps/release-2.dump", [])
        assert command.startswith("sudo sh -c 'docker exec planner-postgres-1 psql")
        assert command.endswith("< /opt/planner/dumps/release-2.dump'")
