"""The layer over ``restic``: who sees a secret, what is read of its answers, and what its failures are."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.planner.droplet.plugins.module_utils import _restic
from ansible_collections.planner.droplet.plugins.module_utils import _restic_failure as failure
from ansible_collections.planner.droplet.plugins.module_utils._backup_retention import Kept
from ansible_collections.planner.droplet.plugins.module_utils._restic import (
    Restic,
    ResticError,
    reach,
)

from tests.unit.backup_bench import KEY_ID, PASSWORD, SECRET, Bench

ID = "0" * 62 + "01"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A host with an off-site repository."""
    return Bench(tmp_path, monkeypatch, offsite=True)


@pytest.fixture
def restic(bench: Bench) -> Restic:
    """The code under test."""
    return Restic(bench.settings)


def refused(restic: Restic) -> ResticError:
    """Look into a repository that cannot be opened."""
    with pytest.raises(ResticError) as error:
        restic.look()
    return error.value


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody who takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class TestSecrets:
    """Nobody else on the machine reads the environment of root's processes; everybody reads a command line."""

    def test_in_the_environment(self, bench: Bench, restic: Restic) -> None:
        """The S3 key by its value, the password by its file's name, and the address."""
        restic.look()
        environment = bench.restic.environment
        assert environment["AWS_ACCESS_KEY_ID"] == KEY_ID
        assert environment["AWS_SECRET_ACCESS_KEY"] == SECRET
        password_file = Path(environment["RESTIC_PASSWORD_FILE"])
        assert password_file == bench.folder / "backup/secrets/backup_password"
        assert environment["RESTIC_REPOSITORY"] == bench.settings.repository

    def test_never_on_a_command_line(self, bench: Bench, restic: Restic) -> None:
        """Whatever is done."""
        manifest = bench.shelved(1)
        restic.upload(str(bench.folder / "backups" / manifest.folder), manifest)
        (one,) = restic.snapshots()
        restic.take(one, "manifest.json", str(bench.folder / "taken"))
        restic.fetch(one, str(bench.folder / "fetched"))
        restic.forget([one])
        restic.prune()
        restic.check(10)
        restic.unlock()
        said = "\n".join(bench.restic.calls)
        assert {line.split()[0] for line in said.splitlines()} == {
            *("backup", "snapshots", "dump", "restore", "forget", "prune", "check", "unlock"),
        }
        for secret in (PASSWORD, SECRET, KEY_ID, bench.settings.repository):
            assert secret not in said

    def test_without_a_key(self, bench: Bench, restic: Restic) -> None:
        """A disk needs none."""
        for name in ("backup_s3_key_id", "backup_s3_secret"):
            (bench.folder / "backup/secrets" / name).unlink()
        restic.look()
        assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(bench.restic.environment)

    def test_little_memory(self, bench: Bench, restic: Restic) -> None:
        """Go's heap and threads are kept small, and times are UTC."""
        restic.look()
        environment = bench.restic.environment
        assert (environment["GOGC"], environment["GOMAXPROCS"]) == ("20", "1")
        assert environment["TZ"] == "UTC"
        assert environment["RESTIC_CACHE_DIR"] == "/var/cache/planner-restic"


class TestSftp:
    """Only one server is talked to, with one key, and nobody is asked anything."""

    def test_options(self, bench: Bench) -> None:
        """They do not depend on root's own settings of SSH."""
        bench.wish(repository="sftp:me@storage.test:/planner")
        Restic(bench.settings).look()
        first = (bench.restic.folder / "calls").read_text()
        secrets = bench.folder / "backup/secrets"
        assert first.startswith("-o sftp.args=-F /dev/null -o BatchMode=yes ")
        assert "-o StrictHostKeyChecking=yes" in first
        assert f"-o UserKnownHostsFile={secrets}/backup_sftp_host_key" in first
        assert f"-i {secrets}/backup_sftp_key cat config" in first


class TestSnapshots:
    """One snapshot for one backup."""

    def test_what_is_stored(self, bench: Bench, restic: Restic) -> None:
        """The folder's files at the snapshot's root, under its number, its time and its verdict."""
        manifest = bench.shelved(17, verdict="doubtful")
        restic.upload(str(bench.folder / "backups" / manifest.folder), manifest)
        (call,) = (one for one in bench.restic.calls if one.startswith("backup "))
        assert call == (
            "backup . --host planner --read-concurrency 1 --compression off --time 2026-11-17 02:00:00 "
            "--tag number=17 --tag made=2026-11-17T02:00:00Z --tag doubtful --quiet"
        )
        (one,) = restic.snapshots()
        assert one == Kept(17, "2026-11-17T02:00:00Z", good=False, place=ID)
        assert restic.manifest(one) == manifest
        assert sorted(path.name for path in bench.restic.snapshot(17).iterdir()) == [
            *("database.dump.zst", "globals.sql", "host.tar.zst", "manifest.json"),
        ]

    def test_a_limit(self, bench: Bench) -> None:
        """Of what is uploaded in a second."""
        bench.wish(upload_kib_s=512)
        bench.shelved(1)
        assert bench.engine().upload()
        (call,) = (one for one in bench.restic.calls if one.startswith("backup "))
        assert call.endswith("--limit-upload 512 --quiet")

    def test_in_order(self, bench: Bench, restic: Restic) -> None:
        """By number, whatever the clock said when they were made."""
        for number, made in ((2, "2046-01-01T00:00:00Z"), (3, "2026-11-03T02:00:00Z")):
            bench.sent(bench.shelved(number, made=made))
        bench.sent(bench.shelved(1))
        assert [one.number for one in restic.snapshots()] == [1, 2, 3]

    # what else may be in a repository
    @pytest.mark.parametrize(
        "line",
        [
            '{"time": "2026", "id": "x"}',
            '{"time": "2026", "id": "x", "tags": null}',
            '{"time": "2026", "id": "x", "tags": ["good"]}',
            '{"time": "2026", "id": "x", "tags": ["number=7"]}',
            '{"time": "2026", "id": "x", "tags": ["made=2026-11-28T02:00:00Z", "good"]}',
        ],
    )
    def test_those_of_others(self, bench: Bench, restic: Restic, line: str) -> None:
        """A snapshot that is no backup of this program's is passed over."""
        (bench.restic.repository / "x.json").write_text(f"{line}\n")
        assert restic.snapshots() == ()

    def test_none(self, bench: Bench, restic: Restic) -> None:
        """Of an empty repository restic may print nothing at all."""
        assert restic.snapshots() == ()
        bench.restic.rules({"*snapshots*": "exit 0"})
        assert restic.snapshots() == ()

    def test_another_one_came_back(self, bench: Bench, restic: Restic) -> None:
        """What was uploaded and cannot be found again, or is another one, was not uploaded."""
        first, second = bench.shelved(1), bench.shelved(2)
        folder = bench.folder / "backups" / first.folder
        with pytest.raises(ResticError, match="its manifest does not come back as it was") as error:
            restic.upload(str(folder), second)
        assert error.value.kind == failure.DAMAGED
        bench.restic.rules({"*snapshots*": "echo '[]'; exit 0"})
        with pytest.raises(ResticError, match="its manifest does not come back as it was"):
            restic.upload(str(folder), first)

    def test_fetched(self, bench: Bench, restic: Restic) -> None:
        """All files, or one of them."""
        manifest = bench.shelved(1)
        bench.sent(manifest)
        (one,) = restic.snapshots()
        target = bench.folder / "fetched"
        target.mkdir()
        restic.fetch(one, str(target))
        assert {path.name for path in target.iterdir()} == {*manifest.files, "manifest.json"}
        restic.take(one, "host.tar.zst", str(bench.folder / "taken"))
        assert (bench.folder / "taken").read_text() == "host.tar.zst of 1"

    def test_forget_nothing(self, bench: Bench, restic: Restic) -> None:
        """Restic is not even asked."""
        restic.forget([])
        assert bench.restic.calls == []


class TestFailure:
    """Each has a kind, for who can do something about it."""

    def test_the_password(self, bench: Bench, restic: Restic) -> None:
        """One that opens nothing is told by its option, without its value."""
        (bench.folder / "backup/secrets/backup_password").write_text("another one, and a long one")
        error = refused(restic)
        assert error.kind == failure.KEY
        assert str(error).startswith("Off-site: backup_password does not open the repository")
        assert "long one" not in str(error)

    def test_no_repository(self, bench: Bench) -> None:
        """Where there is none."""
        (bench.restic.repository / "password").unlink()
        bench.restic.repository.rmdir()
        assert refused(Restic(bench.settings)).kind == failure.MISSING

    def test_it_takes_too_long(
        self, bench: Bench, restic: Restic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Restic's own words are believed, also where its time was up; without words the storage is slow."""
        monkeypatch.setattr(_restic, "_LOOK_TIMEOUT_S", 0.3)
        asleep = "exec sleep 600"
        bench.restic.rules({"*'cat config'*": f"echo 'Stat: Access Denied.' >&2; {asleep}"})
        started = time.monotonic()
        assert refused(restic).kind == failure.REFUSED
        bench.restic.rules({"*'cat config'*": asleep})
        error = refused(restic)
        assert error.kind == failure.AWAY
        assert str(error).startswith("Off-site: restic did not end within 0 s. Do: look whether")
        assert time.monotonic() - started < 60

    def test_an_upload_takes_too_long(self, bench: Bench) -> None:
        """The option that gives it more time is named."""
        bench.wish(upload_timeout_s=0.3)
        bench.restic.rules({"*' backup '*": "exec sleep 600"})
        manifest = bench.shelved(1)
        with pytest.raises(ResticError, match="backup_upload_timeout_s gives an upload more time"):
            Restic(bench.settings).upload(str(bench.folder / "backups" / manifest.folder), manifest)

    def test_not_installed(self, bench: Bench, restic: Restic) -> None:
        """What installs it is said."""
        bench.restic.program.unlink()
        error = refused(restic)
        assert error.kind == failure.OTHER
        assert str(error) == "Off-site: restic is not installed. Do: run playbooks/site.yml"


class TestReach:
    """A storage that is away is not asked for a quarter of an hour."""

    @pytest.mark.usefixtures("bench")
    def test_there(self, port: int) -> None:
        """Somebody takes connections: restic may ask."""
        reach(f"s3:http://127.0.0.1:{port}/bucket")
        reach("sftp:me@storage.test:/planner")
        reach("/mnt/disk/planner")

    def test_away(self, bench: Bench, port: int) -> None:
        """Nobody does: restic is not called."""
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            closed = deaf.getsockname()[1]
            bench.wish(repository=f"s3:http://127.0.0.1:{closed}/bucket")
            error = refused(Restic(bench.settings))
        assert error.kind == failure.AWAY
        assert f"no connection to 127.0.0.1:{closed}" in str(error)
        assert bench.restic.calls == []
        bench.wish(repository=f"s3:http://127.0.0.1:{port}/bucket")
        Restic(bench.settings).look()

    @pytest.mark.usefixtures("bench")
    def test_no_such_name(self) -> None:
        """A name that leads nowhere is a storage that is away."""
        with pytest.raises(ResticError, match=r"no connection to nowhere\.invalid:443") as error:
            reach("s3:nowhere.invalid/bucket")
        assert error.value.kind == failure.AWAY

    def test_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who goes through one does not connect to the storage itself."""
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
        reach("s3:nowhere.invalid/bucket")
