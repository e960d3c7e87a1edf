"""One run on one machine: what counts as a backup, what goes, and what a failure leaves."""

import subprocess
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _backup_make
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import public, size
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import BACKUP
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    SAFETY,
    parse_manifest,
)

from tests.unit.backup_bench import Bench
from tests.unit.fake_postgres import PLAN, POSTGRES, REDIS, TASKS

FOLDER = "0001-20261128T020000Z"
FEW = {TASKS: (5, "1"), PLAN: (3, "-5")}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host that keeps its backups for itself."""
    return Bench(tmp_path, monkeypatch)


def unpacked(path: Path) -> bytes:
    """Read a compressed file."""
    return subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout


class TestMake:
    """A backup that counts."""

    def test_whole(self, bench: Bench) -> None:
        """Dump, roles, the host's files and the manifest, under their final name, for nobody else to read."""
        bench.wish(query="SELECT max(title) FROM tasks")
        bench.docker.asks("SELECT max(title) FROM tasks", "task 9")
        report = bench.engine().backup("timer")
        assert report.problems == []
        assert report.did[0].startswith("Backup 1 (timer) is whole: 33 rows in 2 tables, ")
        assert bench.local == [FOLDER]
        folder = bench.folder / "backups" / FOLDER
        assert sorted(one.name for one in folder.iterdir()) == [
            *("database.dump.zst", "globals.sql", "host.tar.zst", "manifest.json"),
        ]
        manifest = parse_manifest((folder / "manifest.json").read_text())
        assert (manifest.number, manifest.verdict, manifest.why) == (1, "good", "timer")
        found = {name: (one.rows, one.content) for name, one in manifest.facts.tables.items()}
        assert found == bench.docker.rows()
        assert (manifest.facts.schema, manifest.facts.answer) == ("0001_tasks", "task 9")
        assert _backup_make.intact(str(folder), manifest) == ()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o077 for one in folder.glob("*.zst")} == {0}
        assert bench.told == [("backup", "good", 1)]
        assert bench.runs[0].rows == 33

    def test_one_moment(self, bench: Bench) -> None:
        """What is counted and what is dumped belong to the same snapshot; it is read back to its end."""
        bench.engine().backup("timer")
        dumps = [call for call in bench.docker.calls if " pg_dump " in call]
        assert len(dumps) == 1
        assert "--format=custom --compress=none --snapshot=00000003-0000001B-1 planner" in dumps[0]
        assert bench.docker.calls[-1] != dumps[0]
        assert any("pg_restore --file=/dev/null" in call for call in bench.docker.calls)
        dump = unpacked(bench.folder / "backups" / FOLDER / "database.dump.zst").decode()
        assert f"table\x1f{TASKS}\x1f30\x1f77\n" in dump

    def test_the_hosts_files(self, bench: Bench) -> None:
        """What a bare machine needs is in it; neither the repository's password is, nor this very run."""
        bench.engine().backup("timer")
        archive = unpacked(bench.folder / "backups" / FOLDER / "host.tar.zst")
        listed = subprocess.run(["tar", "-t"], input=archive, capture_output=True, check=True)
        names = {Path("/", line) for line in listed.stdout.decode().splitlines()}
        assert {
            bench.folder / "secrets/database_password",
            bench.folder / "compose.yml",
            bench.folder / "backup",
        } <= names
        assert not [name for name in names if name.is_relative_to(bench.folder / "backup/secrets")]
        assert bench.folder / "backup/running.json" not in names
        assert not [name for name in names if "backups" in name.parts]

    def test_volumes_and_redis(self, bench: Bench, tmp_path: Path) -> None:
        """By choice, and only what Redis wrote just now."""
        bench.docker.volume("planner_uploads", tmp_path / "volume")
        (tmp_path / "volume/upload").write_text("x")
        bench.wish(volumes=("planner_uploads",), redis=True)
        assert bench.engine().backup("timer").problems == []
        folder = bench.folder / "backups" / FOLDER
        assert (folder / "redis.rdb").read_text() == "REDIS0012\n"
        assert b"upload" in unpacked(folder / "volume-planner_uploads.tar.zst")
        calls = [call.partition("-cli -e ")[2] for call in bench.docker.calls if "-cli" in call]
        assert calls.index("BGSAVE SCHEDULE") < len(calls) - 1

    def test_an_empty_database(self, bench: Bench) -> None:
        """The first one has nothing to be compared with, and is good."""
        bench.docker.write("planner", {})
        assert bench.engine().backup("timer").did[0].startswith("Backup 1 (timer) is whole: 0 rows")

    def test_names_of_tables(self, bench: Bench) -> None:
        """Whatever the owner calls them."""
        odd = {"public.my tasks": (1, "1"), "My_schema.TABLE DATA x": (2, "2")}
        bench.docker.write("planner", odd)
        assert bench.engine().backup("timer").problems == []

    def test_what_was_left_behind(self, bench: Bench) -> None:
        """A name that is not final is no backup, and goes."""
        (bench.folder / "backups" / f"{FOLDER}.partial").mkdir(parents=True)
        (bench.folder / "backups/.fetched").mkdir()
        bench.engine().backup("timer")
        assert bench.local == [FOLDER]

    def test_numbers_count_up(self, bench: Bench) -> None:
        """Also after the newest ones are gone, or where their clock was ahead."""
        bench.shelved(4, made="2046-01-01T00:00:00Z")
        bench.engine().backup("timer")
        assert bench.told == [("backup", "good", 5)]
        assert bench.numbers == [4, 5]
        subprocess.run(["rm", "-r", bench.folder / "backups"], check=True)
        bench.engine().backup("timer")
        assert bench.local == ["0006-20261128T020000Z"]

    def test_retention(self, bench: Bench) -> None:
        """A good one lets the oldest go, as the rule says."""
        for number in range(1, 10):
            bench.shelved(number)
        report = bench.engine().backup("timer")
        assert bench.numbers == [4, 5, 6, 7, 8, 9, 10]
        assert report.did[1:] == [
            f"Removed the local backup 000{number}-2026110{number}T020000Z." for number in (1, 2, 3)
        ]


# what fails: shell pattern of the arguments of docker, what happens then -> what is said
TEST_FAILURES: list[tuple[str, str, str, str]] = [
    (
        "the dump is killed in the middle",
        "*' pg_dump '*",
        "echo half; echo Killed >&2; exit 137",
        "docker failed with exit code 137: Killed",
    ),
    (
        "PostgreSQL goes down in the middle",
        "*' pg_dump '*",
        "echo half; echo 'pg_dump: error: server closed the connection unexpectedly' >&2; exit 1",
        "pg_dump: error: server closed the connection unexpectedly",
    ),
    (
        "half a dump, and no word of it",
        "*' pg_dump '*",
        "echo half; exit 0",
        "docker failed with exit code 1: pg_restore: error: could not read from input file",
    ),
    (
        "a dump that lacks what the same snapshot had",
        "*' pg_dump '*",
        "printf 'schema\\037\\nEND\\n'; exit 0",
        f"The dump lacks 2 tables: {PLAN}, {TASKS}",
    ),
    (
        "the dump is read back and is damaged",
        "*'pg_restore --file'*",
        "cat >/dev/null; echo 'pg_restore: error: corrupt' >&2; exit 1",
        "docker failed with exit code 1: pg_restore: error: corrupt",
    ),
    (
        "roles cannot be read",
        "*pg_dumpall*",
        "echo 'pg_dumpall: error: no' >&2; exit 1",
        "docker failed with exit code 1: pg_dumpall: error: no",
    ),
    (
        "PostgreSQL takes nobody any more",
        "*psql*'-d planner'*",
        "echo 'psql: error: FATAL:  too many clients' >&2; exit 2",
        "PostgreSQL refused: psql: error: FATAL:  too many clients",
    ),
    (
        "PostgreSQL ends while it is asked",
        "*psql*'-d planner'*",
        "read -r line; exit 2",
        "PostgreSQL refused: psql ended with exit code 2",
    ),
    (
        "an answer that nobody understands",
        "*psql*'-d planner'*",
        "sed -un \"s/^.echo '\\(.*\\)'/odd\\n\\1/p\"; exit",
        "The database did not tell what it holds",
    ),
    (
        "Docker is down",
        "ps*",
        "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
        "Docker does not answer: Cannot connect to the Docker daemon. Do: systemctl status docker",
    ),
]


class TestFailure:
    """A backup that does not count."""

    @pytest.mark.parametrize(
        "at, happens, said",
        [row[1:] for row in TEST_FAILURES],
        ids=[row[0] for row in TEST_FAILURES],
    )
    def test_nothing_is_lost(self, bench: Bench, at: str, happens: str, said: str) -> None:
        """Those of before are as they were, nothing half-made is left, and the log has the reason."""
        for number in range(1, 10):
            bench.shelved(number)
        before = bench.local
        bench.docker.rules({at: happens})
        report = bench.engine().backup("timer")
        (problem,) = report.problems
        assert said in problem
        assert report.did == []
        assert bench.local == before
        (run,) = bench.runs
        assert (run.kind, run.result, run.reason) == ("backup", "failed", problem)
        assert not (bench.folder / "backup/running.json").exists()

    def test_postgres_does_not_run(self, bench: Bench) -> None:
        """Whose log to read is said."""
        bench.docker.container(POSTGRES, running="false")
        (problem,) = bench.engine().backup("timer").problems
        assert problem == "postgres does not run. Do: docker logs planner-postgres-1"

    def test_the_owners_query(self, bench: Bench) -> None:
        """One that cannot be run is called by its name, and keeps no backup back."""
        bench.wish(query="SELECT max(titel) FROM tasks")
        engine = bench.engine()
        (problem,) = engine.backup("timer").problems
        assert "backup_drill_query cannot be run: PostgreSQL refused: ERROR:  syntax" in problem
        made = engine.shelf.last_good()
        assert made is not None
        assert made.query == ""

    def test_no_room(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not begun where it would take what PostgreSQL needs."""
        monkeypatch.setattr(_backup_make, "RESERVE_MB", 10**9)
        (problem,) = bench.engine().backup("timer").problems
        assert problem.startswith("The backup was not begun: it may take 9 MiB, the disk has ")
        assert problem.endswith("Do: free some (docs/backup.md, 'The disk is full')")
        assert not [call for call in bench.docker.calls if "pg_dump" in call]

    def test_a_full_disk(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it fills up all the same the page is named that tells what to do."""

        def full(_folder: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(_backup_make, "_sync", full)
        (problem,) = bench.engine().backup("timer").problems
        assert "Do: free some (docs/backup.md, 'The disk is full')" in problem
        assert bench.local == []

    def test_no_volume(self, bench: Bench) -> None:
        """A wish that cannot be met is no backup without it."""
        bench.wish(volumes=("planner_uplods",))
        (problem,) = bench.engine().backup("timer").problems
        assert "backup_volumes: there is no volume planner_uplods. Do: docker volume ls" in problem
        assert bench.local == []

    def test_redis_does_not_save(self, bench: Bench) -> None:
        """An old snapshot of Redis is not taken for a new one."""
        bench.wish(redis=True)
        bench.docker.container(REDIS, bgsave="err")
        (problem,) = bench.engine().backup("timer").problems
        assert "Redis did not write its snapshot. Do: docker logs planner-redis-1" in problem

    def test_an_interrupted_run(self, bench: Bench) -> None:
        """The next one writes it down, and removes what it left."""
        bench.engine().log.begin(BACKUP, "2026-11-27T02:00:00Z")
        (bench.folder / "backups" / f"{FOLDER}.partial").mkdir(parents=True)
        assert bench.engine().backup("timer").problems == []
        assert bench.told == [("backup", "interrupted", 0), ("backup", "good", 1)]
        assert "it began at 2026-11-27T02:00:00Z and never ended" in bench.runs[0].reason
        assert bench.local == [FOLDER]

    def test_killed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run that ends in the middle leaves no name that looks whole, and its mark."""

        def cut(_path: str) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as power:
            power.setattr(_backup_make, "stored", cut)
            with pytest.raises(KeyboardInterrupt):
                bench.engine().backup("timer")
        assert bench.local == [f"{FOLDER}.partial"]
        assert bench.numbers == []
        bench.engine().backup("timer")
        assert bench.told == [("backup", "interrupted", 0), ("backup", "good", 1)]


class TestDoubtful:
    """Less data than before."""

    def test_it_evicts_nothing(self, bench: Bench) -> None:
        """It is kept, told, and makes no other one go, however often it happens."""
        for number in range(1, 10):
            bench.shelved(number)
        bench.docker.write("planner", FEW)
        for number in (10, 11):
            report = bench.engine().backup("timer")
            (problem,) = report.problems
            assert problem.startswith(
                f"Backup {number} is doubtful: 8 rows, after 33 in backup 9. It is kept"
            )
            assert problem.endswith("playbooks/backup.yml -e backup_accept_shrink=true")
            assert report.did == []
        assert bench.numbers == list(range(1, 12))
        assert bench.told[-1] == ("backup", "doubtful", 11)
        assert bench.runs[-1].reason == "8 rows, after 33 in backup 9"

    def test_it_was_right(self, bench: Bench) -> None:
        """Once the owner said so it counts, and the next ones are compared with it."""
        bench.shelved(1)
        bench.docker.write("planner", FEW)
        assert bench.engine().backup("playbook", accept_shrink=True).problems == []
        assert bench.engine().backup("timer").problems == []
        assert bench.told == [("backup", "good", 2), ("backup", "good", 3)]

    def test_safety(self, bench: Bench) -> None:
        """What a restore is about to replace may have shrunk; it is not the latest, and makes nothing go."""
        for number in range(1, 10):
            bench.shelved(number)
        bench.docker.write("planner", {TASKS: (0, "0")})
        engine = bench.engine()
        manifest = engine.make("before the restore of 1", verdict=SAFETY)
        assert manifest
        assert (manifest.verdict, engine.report.problems) == (SAFETY, [])
        last = engine.shelf.last_good()
        assert last
        assert last.number == 9
        assert bench.numbers == list(range(1, 11))


class TestShelf:
    """The local backups."""

    def test_a_damaged_one(self, bench: Bench) -> None:
        """Whose manifest cannot be read is none, and stops no other."""
        for number in (1, 2):
            bench.shelved(number)
        damaged = bench.folder / "backups" / bench.local[1] / "manifest.json"
        damaged.write_text(damaged.read_text()[:100])
        assert bench.numbers == [1]
        damaged.unlink()
        assert bench.numbers == [1]
        assert bench.engine().backup("timer").problems == []

    def test_intact(self, bench: Bench) -> None:
        """Each file is what was written, to its last bit."""
        manifest = bench.shelved(1)
        folder = bench.folder / "backups" / manifest.folder
        dump, roles = folder / "database.dump.zst", folder / "globals.sql"
        dump.write_bytes(bytes([dump.read_bytes()[0] ^ 1]) + dump.read_bytes()[1:])
        roles.unlink()
        assert _backup_make.intact(str(folder), manifest) == (
            "database.dump.zst is not what was written: its checksum differs",
            "globals.sql is missing",
        )


# an address -> how it is shown
@pytest.mark.parametrize(
    "repository, shown",
    [
        ("s3:https://fra1.example/bucket", "s3:https://fra1.example/bucket"),
        ("s3:https://key:secret@fra1.example/bucket", "s3:https://bucket"),
        ("sftp:me@storage.test:/planner", "sftp:me@storage.test:/planner"),
        ("/mnt/disk", "/mnt/disk"),
    ],
)
def test_public(repository: str, shown: str) -> None:
    """An address, without what may be a password in it."""
    assert public(repository) == shown


@pytest.mark.parametrize(
    "number, text",
    [(0, "0 KiB"), (2048, "2 KiB"), (2**20, "1.0 MiB"), (1_500_000_000, "1430.5 MiB")],
)
def test_size(number: int, text: str) -> None:
    """In the unit that people read."""
    assert size(number) == text
