"""What comes off-site, what is let go there, and who hears of it."""

import json
import socket
from pathlib import Path
from threading import Thread

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_log import RESTORE, Run
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import BackupError

from tests.unit.backup_bench import PASSWORD, REPOSITORY, SECRET, Bench
from tests.unit.fake_postgres import TASKS
from tests.unit.web_server import web_server

AWAY = "Stat(<config/>) returned error: dial tcp 10.231.0.4:8000: connect: connection refused"
NO_DUMP = {"*' pg_dump '*": "exit 1"}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with an off-site repository."""
    return Bench(tmp_path, monkeypatch, offsite=True)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host that keeps its backups for itself."""
    return Bench(tmp_path / "alone", monkeypatch)


class TestInit:
    """The repository is made once."""

    def test_made(self, bench: Bench) -> None:
        """What is to be kept of it is said then, and never again."""
        (bench.restic.repository / "password").unlink()
        bench.restic.repository.rmdir()
        report = bench.engine().init()
        assert report.did == [f"Made the off-site repository {REPOSITORY}."]
        assert "backup_password and with nothing else" in report.notes[0]
        again = bench.engine().init()
        assert (again.did, again.notes, again.problems) == ([], [], [])

    def test_not_made(self, bench: Bench) -> None:
        """Where the storage is away, or the password is another's, nothing is made in its place."""
        bench.restic.fails("cat config", AWAY)
        (problem,) = bench.engine().init().problems
        assert problem.startswith("Off-site: the storage does not answer")
        bench.restic.rules()
        (bench.restic.repository / "password").write_text("of another one")
        (problem,) = bench.engine().init().problems
        assert problem.startswith("Off-site: backup_password does not open the repository")
        assert not [call for call in bench.restic.calls if call.startswith("init")]

    def test_none_is_wished(self, alone: Bench) -> None:
        """Without an address there is nothing to make."""
        report = alone.engine().init()
        assert (report.did, report.problems, alone.restic.calls) == ([], [], [])


class TestUpload:
    """Off-site."""

    def test_it_is_there(self, bench: Bench) -> None:
        """Stored under its number and its verdict, read back, and told."""
        report = bench.engine().backup("timer")
        assert report.problems == []
        assert report.did[-1] == "Backup 1 is off-site, and its manifest was read back."
        assert bench.told == [("backup", "good", 1), ("upload", "good", 1)]
        assert bench.restic.tags == [["number=1", "made=2026-11-28T02:00:00Z", "good"]]

    def test_a_repository_that_vanished(self, bench: Bench) -> None:
        """It is not silently begun anew."""
        (bench.restic.repository / "password").unlink()
        bench.restic.repository.rmdir()
        bench.shelved(1)
        assert not bench.engine().upload()
        assert not bench.restic.repository.exists()
        (run,) = bench.runs
        assert (run.kind, run.result) == ("upload", "failed")
        assert run.reason.startswith("Off-site: there is no repository")

    # when the storage is away
    @pytest.mark.parametrize("at", ["cat config", "snapshots", "backup ", "dump "])
    def test_away(self, bench: Bench, at: str) -> None:
        """It is told and written down; the next run brings all that waits, the newest first."""
        bench.shelved(1)
        bench.shelved(2)
        bench.restic.fails(at, AWAY)
        engine = bench.engine()
        assert not engine.upload()
        (problem,) = engine.report.problems
        assert problem.startswith("Off-site: the storage does not answer")
        assert bench.told == [("upload", "failed", 0)]
        bench.restic.rules()
        assert bench.engine().upload()
        assert bench.restic.numbers == [1, 2]

    def test_a_failed_backup(self, bench: Bench) -> None:
        """What waits from before is brought all the same."""
        bench.shelved(1)
        bench.docker.rules(NO_DUMP)
        report = bench.engine().backup("timer")
        assert len(report.problems) == 1
        assert report.did == ["Backup 1 is off-site, and its manifest was read back."]

    def test_a_good_backup_that_stays_here(self, bench: Bench) -> None:
        """It counts here, and the run has failed."""
        bench.restic.fails("backup ", "client.PutObject: Error response code QuotaExceeded.")
        report = bench.engine().backup("timer")
        assert report.did[0].startswith("Backup 1 (timer) is whole")
        (problem,) = report.problems
        assert problem.startswith("Off-site: the storage is full, or its quota is")
        assert bench.told == [("backup", "good", 1), ("upload", "failed", 0)]

    def test_it_does_not_come_back(self, bench: Bench) -> None:
        """An upload whose manifest is not what was sent is none."""
        bench.shelved(1)
        bench.restic.rules({"*' dump '*": "echo '{}'; exit 0"})
        engine = bench.engine()
        assert not engine.upload()
        (problem,) = engine.report.problems
        assert problem.startswith("Off-site: the manifest of backup 1 cannot be read")
        assert bench.told == [("upload", "failed", 0)]

    def test_an_older_one_fails(self, bench: Bench) -> None:
        """The newest is there: that is what the run was for. The problem is told all the same."""
        bench.shelved(1)
        bench.shelved(2)
        bench.restic.rules({"*number=1*": "echo connection refused >&2; exit 1"})
        engine = bench.engine()
        assert engine.upload()
        assert len(engine.report.problems) == 1
        assert bench.restic.numbers == [2]

    def test_what_the_rule_let_go(self, bench: Bench) -> None:
        """It is not brought again in the next night, though it is still here."""
        bench.wish(keep_offsite={"last": 2})
        for number in (1, 2, 3):
            bench.shelved(number)
        assert bench.engine().upload()
        assert bench.restic.numbers == [2, 3]
        bench.shelved(4)
        assert bench.engine().upload()
        assert bench.restic.numbers == [3, 4]
        assert [number for _, _, number in bench.told] == [3, 2, 4]

    def test_doubtful_ones_let_nothing_go(self, bench: Bench) -> None:
        """They are brought there, too, and do not count there either."""
        bench.wish(keep_offsite={"last": 1})
        bench.shelved(1)
        for number in (2, 3):
            bench.shelved(number, verdict="doubtful")
        assert bench.engine().upload()
        assert bench.restic.numbers == [1, 2, 3]
        bench.shelved(4)
        assert bench.engine().upload()
        assert bench.restic.numbers == [4]

    def test_a_key_that_only_adds(self, bench: Bench) -> None:
        """With such a key somebody else forgets; that it was not told so is a problem, not a silence."""
        bench.wish(keep_offsite={"last": 1})
        bench.shelved(1)
        assert bench.engine().upload()
        (bench.restic.repository / "append-only").touch()
        bench.shelved(2)
        engine = bench.engine()
        assert engine.upload()
        (problem,) = engine.report.problems
        assert problem.startswith("Off-site: 1 snapshots could not be let go. Do: ")
        assert "backup_prune: false" in problem
        bench.wish(prune=False)
        engine = bench.engine()
        assert engine.upload()
        assert engine.report.problems == []
        assert bench.restic.numbers == [1, 2]


class TestNumbers:
    """The latest is always the newest."""

    def test_a_machine_that_is_made_anew(self, bench: Bench) -> None:
        """It counts on from the repository."""
        bench.sent(bench.shelved(20))
        assert bench.engine().make("timer")
        assert bench.numbers == [21]

    def test_the_repository_is_away_then(self, bench: Bench) -> None:
        """What was numbered without asking is not passed off as brought there, and the next one counts on."""
        bench.sent(bench.shelved(20))
        bench.restic.fails("snapshots", AWAY)
        assert bench.engine().make("timer")
        bench.restic.rules()
        engine = bench.engine()
        assert not engine.upload()
        (problem,) = engine.report.problems
        assert problem.startswith(
            "Off-site: backup 1 stays here, because the repository had counted"
        )
        assert bench.engine().backup("timer").problems == []
        assert bench.restic.numbers == [20, 21]
        assert bench.engine().restic.snapshots()[-1].number == 21

    def test_after_an_older_one_came_back(self, bench: Bench) -> None:
        """A machine that was made anew of the 18th of 20 backups knows of no other; the next one is the 21st."""
        for number in (18, 20):
            bench.sent(bench.shelved(number))
        made = "2026-11-18T02:00:00Z"
        bench.engine().log.end(
            Run("upload", made, "good", number=18), Run(RESTORE, made, "good", number=18)
        )
        assert bench.engine().make("timer")
        assert bench.numbers == [21]


class TestPing:
    """Who listens for silence hears only of what was verified."""

    @pytest.fixture
    def asked(self) -> list[str]:
        """What was heard."""
        return []

    @staticmethod
    def listen(bench: Bench, address: str) -> None:
        """Have it call there."""
        (bench.folder / "backup/secrets/backup_ping_url").write_text(f"{address}\n")

    def test_verified(self, bench: Bench, asked: list[str]) -> None:
        """Once, after all that was to be done off-site."""
        with web_server({"/ping/1": (200, {}, b"OK")}, asked) as port:
            self.listen(bench, f"http://127.0.0.1:{port}/ping/1")
            assert bench.engine().backup("timer").problems == []
        assert asked == [f"127.0.0.1:{port} /ping/1"]

    def test_nothing_else(self, bench: Bench, asked: list[str]) -> None:
        """Neither a failure, nor a good one that stayed here, nor a doubtful one."""
        with web_server({"/ping/1": (200, {}, b"OK")}, asked) as port:
            self.listen(bench, f"http://127.0.0.1:{port}/ping/1")
            bench.docker.rules(NO_DUMP)
            assert bench.engine().backup("timer").problems
            bench.docker.rules()
            bench.restic.fails("cat config", AWAY)
            assert bench.engine().backup("timer").problems
            bench.restic.rules()
            bench.docker.write("planner", {TASKS: (0, "0")})
            assert bench.engine().backup("timer").problems
        assert asked == []
        assert [result for kind, result, _ in bench.told if kind == "backup"] == [
            *("failed", "good", "doubtful"),
        ]

    def test_something_is_left(self, bench: Bench, asked: list[str]) -> None:
        """The newest is there, but not all of the run went well: whoever listens is to look."""
        bench.shelved(1)
        bench.restic.rules({"*number=1*": "echo connection refused >&2; exit 1"})
        with web_server({"/ping/1": (200, {}, b"OK")}, asked) as port:
            self.listen(bench, f"http://127.0.0.1:{port}/ping/1")
            assert bench.engine().backup("timer").problems
        assert bench.restic.numbers == [2]
        assert asked == []

    def test_without_a_repository(self, alone: Bench, asked: list[str]) -> None:
        """A verified local backup is one."""
        with web_server({"/ping/1": (200, {}, b"OK")}, asked) as port:
            self.listen(alone, f"http://127.0.0.1:{port}/ping/1")
            assert alone.engine().backup("timer").problems == []
        assert len(asked) == 1

    def test_no_answer(self, alone: Bench) -> None:
        """The backup is good; that nobody heard of it is a problem."""
        with web_server({"/500": (500, {}, b"")}) as port:
            self.listen(alone, f"http://127.0.0.1:{port}/500")
            report = alone.engine().backup("timer")
        assert report.problems == ["backup_ping_url does not answer: Internal Server Error"]
        assert "is whole" in report.did[0]
        assert alone.told == [("backup", "good", 1)]

    @pytest.mark.parametrize(
        "address",
        ["", "hc-ping.com/secret", "http://127.0.0.1:1/secret x", "http://[secret", "x:secret"],
    )
    def test_no_address(self, alone: Bench, address: str) -> None:
        """Whoever knows the address can ping, so a message never has it."""
        self.listen(alone, address)
        engine = alone.engine()
        with pytest.raises(BackupError, match=r"^backup_ping_url does not answer") as refused:
            engine._ping()
        assert "secret" not in str(refused.value)

    def test_nobody_listens(self, alone: Bench) -> None:
        """Why is said."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            self.listen(alone, f"http://127.0.0.1:{deaf.getsockname()[1]}/secret")
            with pytest.raises(BackupError, match=r"does not answer: .*Connection refused$"):
                alone.engine()._ping()

    def test_something_else_listens(self, alone: Bench) -> None:
        """A server that does not speak HTTP is a problem like any other."""
        with socket.create_server(("127.0.0.1", 0)) as server:

            def greet() -> None:
                with server.accept()[0] as connection:
                    connection.recv(1000)
                    connection.sendall(b"220 mail.test ESMTP\r\n")

            thread = Thread(target=greet)
            thread.start()
            self.listen(alone, f"http://127.0.0.1:{server.getsockname()[1]}/secret")
            with pytest.raises(BackupError, match=r"^backup_ping_url does not answer: no HTTP$"):
                alone.engine()._ping()
            thread.join()


class TestCheck:
    """The repository, looked at on a schedule."""

    def test_whole(self, bench: Bench) -> None:
        """Structure and a part of the data; stale locks go before, and space comes back."""
        report = bench.engine().check()
        assert report.did == [
            "The off-site repository is whole: its structure, and 10% of its data read."
        ]
        assert bench.told == [("check", "good", 0)]
        verbs = [call.split()[0] for call in bench.restic.calls]
        assert verbs == ["cat", "unlock", "snapshots", "prune", "check"]
        assert bench.restic.calls[-1].endswith("--read-data-subset 10%")

    @pytest.mark.parametrize("at", ["cat config", "unlock", "prune", "check"])
    def test_not_whole(self, bench: Bench, at: str) -> None:
        """Whatever it is, it is told and written down."""
        bench.restic.fails(f"{at} ", "Fatal: repository contains errors")
        report = bench.engine().check()
        (problem,) = report.problems
        assert problem.startswith("Off-site: the repository is damaged")
        assert report.did == []
        assert bench.told == [("check", "failed", 0)]

    def test_somebody_else_prunes(self, bench: Bench) -> None:
        """With a key that only adds nothing is let go."""
        bench.wish(prune=False, check_percent=0)
        bench.engine().check()
        assert bench.restic.calls[-1] == "check --quiet"
        assert not [call for call in bench.restic.calls if call.startswith(("prune", "forget"))]

    def test_nothing_to_check(self, alone: Bench) -> None:
        """It is said, and no check is written down that was none."""
        with pytest.raises(BackupError, match="no off-site repository to check"):
            alone.engine().check()
        assert alone.runs == []


def test_no_secret_is_told(bench: Bench) -> None:
    """Neither the log nor a message nor a command line has one."""
    bench.restic.fails("backup ", "Fatal: something else")
    report = bench.engine().backup("timer")
    log = Path(bench.engine().log.path).read_text()
    everything = json.dumps([report.did, report.problems, bench.restic.calls]) + log
    assert SECRET not in everything
    assert PASSWORD not in everything
    assert bench.restic.environment["AWS_SECRET_ACCESS_KEY"] == SECRET
