"""A drill with a model of PostgreSQL: what it proves, what it never passes, and what it leaves behind."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _backup_drill, _fingerprint
from ansible_collections.planner.droplet.plugins.module_utils._backup_drill import Drill
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_manifest import (
    Facts,
    Manifest,
    Table,
    parse_manifest,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._drill import RUNGS
from ansible_collections.planner.droplet.plugins.module_utils._postgres import Postgres

from tests.unit.backup_bench import Bench
from tests.unit.fake_postgres import PLAN, POSTGRES, TASKS

CONTAINER = "planner-drill"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with one good backup of its own, and no storage off-site."""
    made = Bench(tmp_path, monkeypatch)
    made.made()
    return made


@pytest.fixture
def offsite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host whose only good backup is off-site."""
    made = Bench(tmp_path, monkeypatch, offsite=True)
    made.sent(made.made())
    return made


def drill(bench: Bench, wish: str = "latest", source: str = "any") -> Report:
    """Rehearse."""
    return Drill(bench.engine(), source).run(wish)


def told(bench: Bench) -> tuple[str, list[str]]:
    """What the log has of the only drill: its verdict, and the outcome of each rung."""
    (run,) = (one for one in bench.runs if one.kind == "drill")
    assert [name for name, _, _ in run.steps] == list(RUNGS)[: len(run.steps)]
    return run.result, [outcome for _, outcome, _ in run.steps]


def edit(bench: Bench, **changed: Any) -> None:
    """Have the manifest say something else than the dump holds."""
    (path,) = (bench.folder / "backups").glob("*/manifest.json")
    manifest = parse_manifest(path.read_text())
    facts = {**vars(manifest.facts), **changed.pop("facts", {})}
    manifest = Manifest(**{**vars(manifest), **changed, "facts": Facts(**facts)})
    path.write_text(manifest.to_json())


class TestPassed:
    """Everything came back."""

    def test_all_rungs(self, bench: Bench) -> None:
        """The verdict, how long it took, and each rung; the product is not touched."""
        before = bench.docker.rows()
        report = drill(bench)
        (said,) = report.did
        assert said.startswith("Drill PASSED: backup 1, from this machine, came back in ")
        assert said.endswith("6 of 7 checks held; no query of the app is set (backup_drill_query).")
        assert report.problems == []
        assert [note.split(",")[0].split(maxsplit=1)[0] for note in report.notes] == [
            *["passed"] * 6,
            "not",
        ]
        assert told(bench) == ("passed", [*["passed"] * 6, "not asked"])
        (run,) = bench.runs
        assert (run.number, run.rows, run.offsite) == (1, 33, False)
        assert bench.docker.rows() == before
        assert bench.docker.databases == {"planner"}

    def test_the_owners_query(self, bench: Bench) -> None:
        """It has to find what it found when the backup was made, also when it is another one by now."""
        edit(bench, query="SELECT 1", facts={"answer": "1"})
        bench.wish(query="SELECT 2")
        bench.docker.asks("SELECT 1", "1")
        assert drill(bench).problems == []
        assert told(bench)[1][-1] == "passed"

    def test_off_site(self, offsite: Bench) -> None:
        """By choice the newest one there is taken, as it would be after the worst."""
        assert drill(offsite).did[0].startswith("Drill PASSED: backup 1, from off-site, came back")
        assert offsite.runs[-1].offsite
        assert offsite.local == []

    def test_alone(self, bench: Bench) -> None:
        """The throw-away server is reached by nobody, and nothing of it is left."""
        drill(bench)
        (start,) = (call for call in bench.docker.calls if call.startswith("run "))
        for words in (
            "--network none",
            "--read-only",
            "--cap-drop ALL",
            "--memory ",
            "--pull never",
        ):
            assert words in start
        assert bench.docker.calls[-1] == f"rm --force --volumes {CONTAINER}"
        assert not (bench.docker.folder / "containers" / CONTAINER).exists()
        loads = [call for call in bench.docker.calls if "pg_restore" in call and "--dbname" in call]
        assert len(loads) == 1
        assert loads[0].startswith(f"exec -i {CONTAINER} ")

    def test_one_that_was_left_behind(self, bench: Bench) -> None:
        """A drill that was killed is no obstacle to the next one."""
        (bench.docker.folder / "containers" / CONTAINER / "databases").mkdir(parents=True)
        bench.docker.container(CONTAINER, service="", image="x", running="true", code="0")
        assert drill(bench).problems == []

    def test_a_newer_postgres(self, bench: Bench) -> None:
        """A backup of an older major comes back into a newer one, whose extensions are newer, too."""
        (bench.docker.folder / "major").write_text("18")
        assert drill(bench).problems == []


def other(name: str) -> dict[str, Any]:
    """The manifest's tables, one of them with other contents."""
    found = {TASKS: Table(30, "77"), PLAN: Table(3, "-5")}
    return {"tables": {**found, name: Table(found[name].rows, "1")}}


# what the manifest says otherwise -> at which rung, and what is said
TEST_BROKEN: list[tuple[str, dict[str, Any], int, str]] = [
    (
        "fewer rows",
        {"facts": {"tables": {TASKS: Table(31, "77")}}},
        2,
        f"'every table has its rows': {TASKS} has 30 rows, not 31",
    ),
    (
        "no such table",
        {"facts": {"tables": {"public.lost": Table(1, "1")}}},
        1,
        "'the schema comes back': tables are missing: public.lost",
    ),
    (
        "other contents",
        {"facts": other(TASKS)},
        3,
        f"'every row has its contents': table {TASKS} has 30 rows, but not the same contents",
    ),
    # What a table is called must not hide it.
    (
        "other contents of a table with a name like a word of ours",
        {"facts": other(PLAN)},
        3,
        f"table {PLAN} has 3 rows, but not the same contents",
    ),
    ("large objects", {"facts": {"large_objects": 2}}, 3, "0 large objects, not 2"),
    (
        "an extension",
        {"facts": {"extensions": {"postgis": "3"}}},
        3,
        "the extension postgis is missing",
    ),
    (
        "another schema",
        {"facts": {"schema": "0002_plan"}},
        5,
        "'it is the schema's revision': the schema is 0001_tasks, not 0002_plan",
    ),
    (
        "another answer",
        {"query": "SELECT 1", "facts": {"answer": "2"}},
        6,
        "'the app's own query finds the same': it finds '1', not '2'",
    ),
]


class TestFailed:
    """A backup that would not bring everything back."""

    @pytest.mark.parametrize(
        "changed, rung, said", [row[1:] for row in TEST_BROKEN], ids=[row[0] for row in TEST_BROKEN]
    )
    def test_something_else_came_back(
        self, bench: Bench, changed: dict[str, Any], rung: int, said: str
    ) -> None:
        """At its rung, with what is missing; the rungs above are not tried."""
        edit(bench, **changed)
        bench.docker.asks("SELECT 1", "1")
        (problem,) = drill(bench).problems
        assert problem.startswith("Drill FAILED: backup 1, from this machine, at ")
        assert problem.endswith(said)
        assert told(bench) == ("failed", [*["passed"] * rung, "failed"])

    def test_an_index(self, bench: Bench) -> None:
        """One that does not find what is there."""
        (bench.docker.folder / "indexes").write_text("vector\x1fplan_embedding_idx\x1f0\x1f1\n")
        (problem,) = drill(bench).problems
        assert "the vector index plan_embedding_idx does not find a row that is there" in problem
        assert told(bench)[0] == "failed"

    def test_flipped_bits(self, bench: Bench) -> None:
        """In a file of the backup."""
        (dump,) = (bench.folder / "backups").glob("*/database.dump.zst")
        content = bytearray(dump.read_bytes())
        content[len(content) // 2] ^= 1
        dump.write_bytes(content)
        (problem,) = drill(bench).problems
        assert "'the archive opens': database.dump.zst is not what was written" in problem
        assert told(bench) == ("failed", ["failed"])
        assert not [call for call in bench.docker.calls if call.startswith("run ")]

    def test_a_dump_that_is_none(self, bench: Bench) -> None:
        """It is what was written, and PostgreSQL cannot read it."""
        manifest = bench.shelved(2, files={})
        edit_me = bench.folder / "backups" / manifest.folder
        subprocess.run(
            ["zstd", "-q", "-f", "-o", edit_me / "database.dump.zst"], input=b"half", check=True
        )
        text = (edit_me / "manifest.json").read_text()
        wished = parse_manifest(text)
        (edit_me / "manifest.json").write_text(Manifest(**{**vars(wished), "files": {}}).to_json())
        (problem,) = drill(bench).problems
        assert problem.startswith("Drill FAILED: backup 2, from this machine, at 'the schema comes")
        assert "pg_restore: error: could not read from input file" in problem

    # what restic says of the repository
    @pytest.mark.parametrize(
        "at, says, code",
        [
            ("restore ", "ignoring error for /a: ciphertext verification failed", 1),
            ("restore ", "Load(<data/d1>, 30, 0) failed: file is too short", 1),
            ("snapshots", "Fatal: wrong password or no key found", 12),
            ("snapshots", "Fatal: repository does not exist: unable to open config file", 10),
        ],
    )
    def test_the_repository(self, offsite: Bench, at: str, says: str, code: int) -> None:
        """One that is damaged, gone, or opens no more brings nothing back."""
        offsite.restic.fails(at, says, code)
        (problem,) = drill(offsite).problems
        assert problem.startswith("Drill FAILED: ")
        assert told(offsite) == ("failed", ["failed"])


# what happens: shell pattern of docker's arguments, commands -> what is said
TEST_TROUBLE: list[tuple[str, str, str, str]] = [
    (
        "it does not start",
        "run*",
        "echo 'no space left on device' >&2; exit 125",
        "the throw-away PostgreSQL does not start: docker failed with exit code 125: no space",
    ),
    (
        "it dies at once",
        "*pg_isready*",
        f"printf false >containers/{CONTAINER}/running; printf 1 >containers/{CONTAINER}/code; exit 1",
        "the throw-away PostgreSQL ended with exit code 1",
    ),
    (
        "it needs too much memory",
        f"*{CONTAINER}*--dbname*",
        f"printf false >containers/{CONTAINER}/running; printf 137 >containers/{CONTAINER}/code; exit 1",
        "was killed: it may have needed more memory than the plan has for it",
    ),
    (
        "somebody removes it",
        f"*{CONTAINER}*--dbname*",
        f"rm -r containers/{CONTAINER}; exit 1",
        "the throw-away PostgreSQL is gone",
    ),
    (
        "the product does not run",
        "ps*",
        "exit 0",
        "postgres does not run. Do: docker logs planner-postgres-1",
    ),
    (
        "Docker is down",
        "ps*",
        "echo 'Cannot connect to the Docker daemon' >&2; exit 1",
        "Docker does not answer: Cannot connect to the Docker daemon",
    ),
    (
        "an answer that nobody understands",
        "never",
        ":",
        "The database did not tell of its indexes: 'odd'",
    ),
]


class TestCouldNotVerify:
    """Nothing is known about the backup, which is never as good as passed."""

    @pytest.mark.parametrize(
        "at, happens, said", [row[1:] for row in TEST_TROUBLE], ids=[row[0] for row in TEST_TROUBLE]
    )
    def test_the_server(self, bench: Bench, at: str, happens: str, said: str) -> None:
        """Trouble of today's says nothing about the backup."""
        if at == "never":
            (bench.docker.folder / "indexes").write_text("odd\n")
        else:
            bench.docker.rules({at: happens})
        report = drill(bench)
        (problem,) = report.problems
        assert problem.startswith("Drill COULD NOT VERIFY: backup 1, from this machine, at ")
        assert said in problem
        assert report.did == []
        verdict, outcomes = told(bench)
        assert verdict == outcomes[-1] == "could not verify"

    # what restic says of the storage
    @pytest.mark.parametrize(
        "at, says, code",
        [
            ("snapshots", "dial tcp: connect: connection refused", 1),
            ("restore ", "dial tcp: connect: connection refused", 1),
            ("snapshots", "Stat: Access Denied.", 1),
            ("dump ", "something that nobody knows", 1),
        ],
    )
    def test_the_storage(self, offsite: Bench, at: str, says: str, code: int) -> None:
        """What is away now may be there tomorrow."""
        offsite.restic.fails(at, says, code)
        (problem,) = drill(offsite).problems
        assert problem.startswith("Drill COULD NOT VERIFY: ")
        assert told(offsite) == ("could not verify", ["could not verify"])

    def test_there_is_none(self, offsite: Bench) -> None:
        """A repository without a backup, and none here, is no success."""
        for one in offsite.restic.repository.glob("*.json"):
            one.unlink()
        (problem,) = drill(offsite).problems
        assert problem.startswith("Drill COULD NOT VERIFY: the newest backup, from off-site, at ")
        assert problem.endswith("There is no backup.")

    def test_an_older_postgres(self, bench: Bench) -> None:
        """A backup of a newer major cannot come back here."""
        (bench.docker.folder / "major").write_text("16")
        (problem,) = drill(bench).problems
        assert problem.endswith("the backup is of PostgreSQL 17, and here is 16")

    def test_no_room(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not begun where it would take what PostgreSQL needs."""

        def full(_folder: str, _bytes: int, then: str) -> None:
            raise BackupError(then)

        monkeypatch.setattr(_backup_drill, "need_room", full)
        (problem,) = drill(bench).problems
        assert problem.endswith("at 'the schema comes back': The drill was not begun")
        assert not [call for call in bench.docker.calls if call.startswith("run ")]

    def test_it_never_becomes_ready(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is waited for only so long."""
        monkeypatch.setattr(_backup_drill, "_STARTS_S", 0)
        bench.docker.rules({"*pg_isready*": "exit 2"})
        (problem,) = drill(bench).problems
        assert problem.endswith("the throw-away PostgreSQL was not ready within 0 s")

    def test_it_is_ended(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A drill that is ended in the middle is written down as what it is, and cleans up."""

        def cut(*_words: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(_fingerprint, "bad_indexes", cut)
        with pytest.raises(KeyboardInterrupt):
            drill(bench)
        assert told(bench) == ("could not verify", ["passed"] * 4)
        assert bench.docker.calls[-1] == f"rm --force --volumes {CONTAINER}"
        assert not (bench.folder / "backup/running.json").exists()


def test_roles(bench: Bench, tmp_path: Path) -> None:
    """Those of the dump are made; the superuser stays as it is, and psql's own commands are left out."""
    roles = tmp_path / "globals.sql"
    roles.write_text(
        "\\restrict x\nCREATE ROLE planner;\nALTER ROLE postgres WITH SUPERUSER;\n\\unrestrict x\n"
    )
    bench.docker.rules({"*psql*": f"cat >{tmp_path}/asked; exit 0"})
    _backup_drill.restore_roles(Postgres(POSTGRES), str(roles))
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line for line in asked if line] == ["\\set ON_ERROR_STOP off", "CREATE ROLE planner;"]
