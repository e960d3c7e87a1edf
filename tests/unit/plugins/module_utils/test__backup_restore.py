"""Data that comes back: refused whole or done whole, and until it is proved the product serves the present one."""

import shutil
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _backup_make, _backup_restore
from ansible_collections.planner.droplet.plugins.module_utils._backup_engine import Report
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import (
    Maker,
    server,
)
from ansible_collections.planner.droplet.plugins.module_utils._backup_restore import Restore, Wish
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError
from ansible_collections.planner.droplet.plugins.module_utils._backup_table import copy_table
from ansible_collections.planner.droplet.plugins.module_utils._product import Product

from tests.unit.backup_bench import Bench
from tests.unit.fake_postgres import BACKEND, PLAN, POSTGRES, REDIS, TASKS, Rows

THEN: Rows = {TASKS: (30, "77"), PLAN: (3, "-5")}
NOW: Rows = {TASKS: (31, "78"), PLAN: (3, "-5"), "public.more": (1, "1")}
SAFETY = "0002-20261128T020000Z"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with a backup of then, whose data is another one now."""
    made = Bench(tmp_path, monkeypatch)
    made.made()
    made.docker.write("planner", NOW)
    return made


@pytest.fixture
def offsite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host whose only backup is off-site."""
    made = Bench(tmp_path, monkeypatch, offsite=True)
    made.sent(made.made())
    made.docker.write("planner", NOW)
    return made


def restore(bench: Bench, wish: Wish | None = None, *, dry: bool = False) -> Report:
    """Bring it back."""
    return Restore(bench.engine(), wish or Wish()).run(dry=dry)


def refused(bench: Bench, wish: Wish | None = None) -> str:
    """Try what must be refused or fail; the present data must be as it was, and served."""
    with pytest.raises(BackupError) as error:
        restore(bench, wish)
    assert bench.docker.rows() == NOW
    assert bench.docker.databases == {"planner"}
    return str(error.value)


def untouched(bench: Bench) -> None:
    """Nothing was begun."""
    assert bench.docker.is_running(BACKEND)
    assert bench.runs == []
    assert bench.numbers in ([1], [])
    changes = ("CREATE", "pg_dump", "--dbname", "stop ", "restart")
    assert not [call for call in bench.docker.calls if any(word in call for word in changes)]


class TestInPlace:
    """The database of the app."""

    def test_done(self, bench: Bench) -> None:
        """Every row of then is there; what was there is a backup that nobody means by the latest."""
        report = restore(bench)
        assert bench.docker.rows() == THEN
        assert bench.docker.databases == {"planner"}
        assert report.problems == []
        assert [line.split(":")[0].split("(")[0].strip() for line in report.did] == [
            "Backup 2",
            "Backup 1 was restored and is what its manifest says",
            "The app works on the data of backup 1",
        ]
        assert bench.local[1:] == [SAFETY]
        assert bench.told == [("backup", "safety", 2), ("restore", "good", 1)]
        assert (
            bench.engine().shelf.manifest(str(bench.folder / "backups" / SAFETY)).facts.rows == 35
        )
        last = bench.engine().shelf.last_good()
        assert last
        assert last.number == 1

    def test_and_back(self, bench: Bench) -> None:
        """Whoever took the wrong one gets the present data back by the safety backup's number."""
        restore(bench)
        restore(bench, Wish("2"))
        assert bench.docker.rows() == NOW

    def test_the_app_is_held(self, bench: Bench) -> None:
        """Not before the restored data is proved, and should this process die, not for ever."""
        restore(bench)
        calls = bench.docker.calls
        stopped = calls.index(f"stop {BACKEND}")
        loaded = next(at for at, call in enumerate(calls) if "--dbname=planner_restored" in call)
        assert loaded < stopped
        assert not [call for call in calls[:stopped] if "RENAME" in call]
        armed = (bench.folder.parent / "systemd.calls").read_text()
        assert "--on-active 900" in armed
        assert f"docker start {BACKEND}" in armed

    def test_dry(self, bench: Bench) -> None:
        """It is said what would happen, table by table, and nothing is changed."""
        report = restore(bench, dry=True)
        untouched(bench)
        assert bench.docker.rows() == NOW
        assert (report.did, report.problems) == ([], [])
        assert report.notes[0].startswith("Backup 1 of 2026-11-28T02:00:00Z, from this machine")
        assert report.notes[0].endswith("33 rows in 2 tables, schema 0001_tasks.")
        assert report.notes[1] == "Now: 35 rows in 3 tables, schema 0001_tasks."
        assert report.notes[2:4] == ["public.more: 1 rows -> none", f"{TASKS}: 31 rows -> 30 rows"]
        assert report.notes[4].startswith("Would back up the present data, restore beside it")

    def test_dry_without_a_difference(self, bench: Bench) -> None:
        """That there is none is said, too."""
        bench.docker.write("planner", THEN)
        assert "Every table has the same contents." in restore(bench, dry=True).notes

    def test_a_day(self, bench: Bench) -> None:
        """By a day, or by a number; one that is not there is refused with what there is."""
        assert "until 2026-11-27. There are: 1 " in refused(bench, Wish("2026-11-27"))
        assert "There is no backup 7." in refused(bench, Wish("7"))
        restore(bench, Wish("2026-11-28"))
        assert bench.docker.rows() == THEN

    def test_redis_and_volumes(self, bench: Bench, tmp_path: Path) -> None:
        """By choice, with the database and at the same moment."""
        bench.docker.volume("planner_redis", tmp_path / "redis")
        bench.docker.volume("planner_uploads", tmp_path / "uploads")
        (tmp_path / "uploads/then").write_text("x")
        bench.wish(redis=True, volumes=("planner_uploads",))
        bench.engine().make("timer")
        (tmp_path / "uploads/then").rename(tmp_path / "uploads/now")
        report = restore(bench, Wish("2", redis=True, volumes=True))
        assert [one.name for one in (tmp_path / "uploads").iterdir()] == ["then"]
        assert (tmp_path / "redis/dump.rdb").read_text() == "REDIS0012\n"
        assert bench.docker.is_running(REDIS)
        assert "Redis has its data of then." in report.did
        assert sorted(one.name for one in tmp_path.iterdir() if "uploads" in one.name) == [
            "uploads"
        ]


class TestRefused:
    """Before anything is done."""

    def test_all_at_once(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody has to come back for the next one."""
        bench.docker.container(POSTGRES, major="16")
        monkeypatch.setattr(_backup_make, "RESERVE_MB", 10**9)
        wish = Wish(into="Planner-2", table="public.lost", redis=True, volumes=True)
        said = refused(bench, wish).splitlines()
        assert [line.partition(":")[0].partition(".")[0] for line in said] == [
            "Backup 1 is of PostgreSQL 17, and 16 runs here",
            "restore_into",
            "restore_table",
            "restore_table goes into place",
            "restore_redis",
            "restore_volumes",
            "restore_redis and restore_volumes go into place with the whole database",
            "Nothing was restored",
        ]
        assert f"It has: {PLAN}, {TASKS}" in said[2]
        assert "and 1000000000 must stay for PostgreSQL" in said[7]
        untouched(bench)

    # what is no name for a database beside
    @pytest.mark.parametrize(
        "name",
        ["", "Planner", "1st", "a b", 'a"; DROP', "postgres", "template1", "planner", "x" * 42],
    )
    def test_a_name(self, bench: Bench, name: str) -> None:
        """Nor may the product's own be called one beside it."""
        said = refused(bench, Wish(into=name))
        assert said.startswith(f"restore_into: {name!r} is neither 'place' nor a name for a new")
        untouched(bench)

    def test_a_name_that_is_taken(self, bench: Bench) -> None:
        """What is there is not overwritten."""
        bench.docker.write("then", NOW)
        with pytest.raises(BackupError, match=r"a database then exists\. Do: choose another name"):
            restore(bench, Wish(into="then"))
        untouched(bench)
        assert bench.docker.rows("then") == NOW

    def test_postgres_does_not_run(self, bench: Bench) -> None:
        """There is nobody to restore into."""
        bench.docker.container(POSTGRES, running="false")
        assert refused(bench) == "postgres does not run. Do: docker logs planner-postgres-1"


class TestFailure:
    """While it is done."""

    def test_damaged_files(self, bench: Bench) -> None:
        """They are found before anything is touched, and where another copy may be is said."""
        (dump,) = (bench.folder / "backups").glob("*/database.dump.zst")
        dump.write_bytes(dump.read_bytes()[:-1])
        said = refused(bench)
        assert said.startswith("Backup 1 is damaged: database.dump.zst is not what was written")
        assert said.endswith("or the off-site copy (restore_from=offsite)")
        assert bench.numbers == [1]
        assert bench.told == [("restore", "failed", 1)]

    def test_the_present_cannot_be_kept(self, bench: Bench) -> None:
        """Then it is not replaced."""
        bench.docker.rules({"*' pg_dump '*": "echo no >&2; exit 1"})
        said = refused(bench)
        assert said.startswith("Nothing was restored, because the present data could not be backed")
        assert bench.told == [("backup", "failed", 0), ("restore", "failed", 1)]
        assert bench.docker.is_running(BACKEND)

    @pytest.mark.parametrize(
        "happens, said",
        [
            ("cat >/dev/null; echo 'pg_restore: error: no' >&2; exit 1", "pg_restore: error: no"),
            (
                "cat >/dev/null; exit 0",
                "did not come back as its manifest says: the schema is none",
            ),
        ],
    )
    def test_it_does_not_come_back(self, bench: Bench, happens: str, said: str) -> None:
        """The app was never held, and what was half filled is gone."""
        bench.docker.rules({"*--dbname=planner_restored*": happens})
        message = refused(bench)
        assert said in message
        assert message.endswith("The present data was not touched")
        assert bench.docker.is_running(BACKEND)
        assert bench.told == [("backup", "safety", 2), ("restore", "failed", 1)]

    def test_an_odd_answer(self, bench: Bench) -> None:
        """What nobody understands is not proved, and is no crash."""
        bench.docker.rules(
            {"*'-d planner_restored '*": "sed -un \"s/^.echo '\\(.*\\)'/odd\\n\\1/p\"; exit"}
        )
        assert "The database did not tell what it holds" in refused(bench)
        assert bench.told[-1] == ("restore", "failed", 1)

    def test_the_app_does_not_come_up(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """The databases are exchanged back, and the app is started on what it had."""
        started: list[Rows] = []

        def start(_product: Product, *, same_schema: bool) -> None:
            assert same_schema
            started.append(bench.docker.rows())
            if len(started) == 1:
                raise BackupError("The app does not come up: it crashes")

        monkeypatch.setattr(Product, "start_again", start)
        said = refused(bench)
        assert said == "The app does not come up: it crashes. The data of before serves again"
        assert started == [THEN, NOW]
        assert bench.told[-1] == ("restore", "failed", 1)

    def test_the_databases_cannot_be_exchanged(self, bench: Bench) -> None:
        """Both renames or none; somebody who is connected again and again is waited for only so often."""
        busy = 'echo "ERROR:  database \\"planner\\" is being accessed by other users" >&2; exit 3'
        bench.docker.rules(
            {"*'-d postgres '*": f"if grep -q 'TO \"planner_before\"'; then {busy}; fi; exit"}
        )
        before = bench.docker.rows()
        with pytest.raises(BackupError, match="being accessed"):
            _backup_restore._exchange(server(str(bench.folder)), ("planner", "planner_before"))
        assert bench.docker.rows() == before
        tries = [call for call in bench.docker.calls if " -d postgres " in call]
        assert 1 < len(tries) < 20

    def test_both_or_none(self, bench: Bench) -> None:
        """Where the second database is not there the first one keeps its name."""
        with pytest.raises(BackupError, match="does not exist"):
            _backup_restore._exchange(
                server(str(bench.folder)),
                ("planner", "planner_before"),
                ("planner_restored", "planner"),
            )
        assert bench.docker.databases == {"planner"}

    def test_killed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next run writes it down as a restore, not as the backup before it."""

        def cut(*_words: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as power:
            power.setattr(Restore, "_prove", cut)
            with pytest.raises(KeyboardInterrupt):
                restore(bench)
        assert bench.told == [("backup", "safety", 2)]
        bench.engine().make("timer")
        assert bench.told[1:] == [("restore", "interrupted", 0), ("backup", "good", 3)]


class TestBeside:
    """A database of its own."""

    def test_done(self, bench: Bench) -> None:
        """The product goes on untouched; how to look and how to remove it is said."""
        report = restore(bench, Wish(into="then"))
        assert (bench.docker.rows("then"), bench.docker.rows()) == (THEN, NOW)
        assert bench.docker.is_running(BACKEND)
        assert bench.told == [("restore", "good", 1)]
        assert f"docker exec {POSTGRES} dropdb -U postgres then" in report.did[-1]

    def test_dry(self, bench: Bench) -> None:
        """It is said."""
        notes = restore(bench, Wish(into="then"), dry=True).notes
        assert notes[-1] == "Would make the database then; the product goes on untouched."
        untouched(bench)


class TestTable:
    """Only one table's rows."""

    def test_done(self, bench: Bench) -> None:
        """All others stay; the app is not held, because it is one transaction."""
        report = restore(bench, Wish(table=TASKS))
        assert bench.docker.rows() == {**NOW, TASKS: THEN[TASKS]}
        assert bench.docker.databases == {"planner"}
        assert bench.docker.is_running(BACKEND)
        assert report.did[-1] == f"Table {TASKS} has the 30 rows of backup 1."
        assert bench.told == [("backup", "safety", 2), ("restore", "good", 1)]

    def test_dry(self, bench: Bench) -> None:
        """Only that table is told of."""
        notes = restore(bench, Wish(table=TASKS), dry=True).notes
        assert notes[2:] == [
            f"{TASKS}: 31 rows -> 30 rows",
            f"Would replace the rows of {TASKS} in one transaction.",
        ]

    def test_other_columns(self, bench: Bench) -> None:
        """What does not fit is refused, and what was restored beside is removed."""
        (bench.docker.folder / "columns.planner").write_text("id, title, due\n")
        said = refused(bench, Wish(table=TASKS))
        assert "has other columns now (id, title, due) than in the backup (id, title)" in said
        assert said.endswith(f"Table {TASKS} is as it was")

    def test_what_the_server_refuses(self, bench: Bench) -> None:
        """Its words are told: rows of another table would point to nothing."""
        bench.docker.rules(
            {
                "*'-d planner -v'*": (
                    "cat >asked; if grep -q '^COPY' asked; then "
                    "echo 'ERROR:  2 rows of notes would point to rows of tasks that are not there' >&2; exit 3; fi; "
                    "echo 'id, title'; exit"
                )
            }
        )
        with pytest.raises(BackupError, match="2 rows of notes would point to rows of tasks"):
            copy_table(server(str(bench.folder)), "planner", "planner", TASKS)


class TestOffsite:
    """From the storage."""

    def test_done(self, offsite: Bench) -> None:
        """It is fetched, proved and brought back; nothing of what was fetched stays."""
        restore(offsite)
        assert offsite.docker.rows() == THEN
        assert offsite.runs[-1].offsite
        assert ".fetched" not in offsite.local

    def test_fetch(self, offsite: Bench) -> None:
        """Only its files, for whoever wants to look."""
        report = Restore(offsite.engine(), Wish()).fetch_only()
        folder = offsite.folder / "backups/.fetched"
        assert report.did == [f"Backup 1 is whole, and here: {folder}"]
        assert (folder / "database.dump.zst").exists()

    def test_damaged_there(self, offsite: Bench) -> None:
        """What is not what was written is not brought back."""
        roles = offsite.restic.snapshot(1) / "globals.sql"
        roles.write_text("CREATE ROLE evil SUPERUSER;\n")
        said = refused(offsite)
        assert said.startswith("Backup 1 is damaged: globals.sql is not what was written")
        assert said.endswith("or the local copy (restore_from=local)")
        assert ".fetched" not in offsite.local

    def test_which_copy(self, offsite: Bench) -> None:
        """The same number is rather taken from this machine; where it is looked for can be said."""
        offsite.made()
        assert "from this machine" in restore(offsite, dry=True).notes[0]
        assert "from off-site" in restore(offsite, Wish(source="offsite"), dry=True).notes[0]
        offsite.restic.fails("snapshots", "connection refused")
        report = restore(offsite, dry=True)
        assert "from this machine" in report.notes[1]
        assert report.notes[0].startswith("Off-site: the storage does not answer")
        assert "does not answer" in refused(offsite, Wish(source="offsite"))
        assert "There is no backup 7." in refused(offsite, Wish("7"))

    def test_no_repository(self, bench: Bench) -> None:
        """Where there is none nothing can be off-site."""
        said = refused(bench, Wish(source="offsite"))
        assert said.startswith("There is no off-site repository")


class TestRebuild:
    """A bare machine."""

    def test_unpacked(self, offsite: Bench) -> None:
        """What the host needs comes back; what is there already stays. Numbers count on."""
        offsite.docker.write("planner", THEN)
        offsite.sent(Maker(offsite.settings, 5, "timer").make())
        shutil.rmtree(offsite.folder / "secrets")
        (offsite.folder / "compose.yml").write_text("the new machine's")
        report = Restore(offsite.engine(), Wish(source="offsite")).rebuild()
        assert report.did == ["Secrets, configuration and certificates of backup 5"]
        assert (offsite.folder / "secrets/database_password").read_text() == "of the product"
        assert (offsite.folder / "compose.yml").read_text() == "the new machine's"
        assert (offsite.folder / "backup/recovering").read_text() == "5\n"
        assert offsite.told[-1] == ("restore", "good", 5)
        restore(offsite, Wish("5"))
        assert not (offsite.folder / "backup/recovering").exists()
        assert offsite.told[-2:] == [("backup", "safety", 6), ("restore", "good", 5)]
