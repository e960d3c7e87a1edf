"""What can fail, for real: it is told with what to do, no good backup is lost, and when the cause goes it is over."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from .conftest import BACKUPS, LOCK, NAME, SECRETS, Droplet, Ran, bench, pings, storage

PARTIAL = f"{BACKUPS}/*.partial"
# A dump is under way, and some of it is on the disk.
IN_THE_MIDST = f"test -s {PARTIAL}/database.dump.zst"


# Every backup of before is there, here and off-site.
pytestmark = pytest.mark.usefixtures("unharmed")


def failed(droplet: Droplet, *words: str) -> Ran:
    """Run the unit, which must fail: systemd sees it, the log has it, nobody outside is told of a success."""
    bench("pings-forget", NAME)
    ran = droplet.unit()
    assert ran.code != 0, ran.said
    state = droplet.host.check_output(
        "systemctl show planner-backup.service -p Result -p ExecMainStatus"
    )
    assert set(state.splitlines()) == {"Result=exit-code", "ExecMainStatus=1"}
    assert "planner-backup: " in ran.said
    for word in words:
        assert word in ran.said
    assert pings() == []
    return ran


def works_again(droplet: Droplet) -> None:
    """With the cause gone the next run is good, brings off-site what is not there, and tells the outside."""
    bench("pings-forget", NAME)
    droplet.host.check_output("systemctl start planner-backup.service")
    assert set(droplet.local()) <= set(droplet.offsite())
    assert len(pings()) == 1


def test_dump_killed(droplet) -> None:
    """A dump that is killed in the midst of it leaves no backup."""
    local = droplet.local()
    wait = f"for _ in $(seq 1200); do {IN_THE_MIDST} && break; sleep 0.02; done"
    droplet.in_background(f"{wait}; kill -9 $(pgrep -n -x pg_dump)")
    failed(droplet, "The backup failed, what was backed up before is untouched: docker ")
    assert droplet.local() == local
    assert droplet.last("backup")["result"] == "failed"


def test_postgres_down(droplet, outside) -> None:
    """Without PostgreSQL there is no backup, and it is said who does not run."""
    droplet.host.check_output("docker stop planner-postgres-1")
    try:
        failed(droplet, "postgres does not run. Do: docker logs planner-postgres-1")
    finally:
        droplet.host.check_output("docker start planner-postgres-1")
        outside.until_ready()


def test_disk_nearly_full(droplet) -> None:
    """Where the disk would become full a backup is not begun: PostgreSQL needs the rest."""
    with small_disk(droplet, "size=200m"):
        ran = failed(droplet, "The backup was not begun: it may take ", "must stay for PostgreSQL")
        assert "docs/backup.md, 'The disk is full'" in ran.said


def test_disk_full_in_the_midst(droplet) -> None:
    """Where it becomes full all the same, the half of a backup goes."""
    # Full by its number of files: the folder, and the first of the backup's.
    with small_disk(droplet, "size=600m,nr_inodes=4"):
        failed(droplet, "No space left on device", "docs/backup.md, 'The disk is full'")
        assert droplet.local() == {}


class small_disk:  # noqa: N801 - reads as a context
    """The folder of the backups on a small disk of its own for a while."""

    def __init__(self, droplet: Droplet, options: str) -> None:
        """Take how small."""
        self.host, self.options = droplet.host, options

    def __enter__(self) -> None:
        """Mount it over what is there."""
        self.host.check_output(f"mount -t tmpfs -o mode=700,{self.options} tmpfs {BACKUPS}")

    def __exit__(self, *_: object) -> None:
        """Let what is there appear again."""
        self.host.check_output(f"umount {BACKUPS}")


# What is wrong with the storage, how it is made so and mended, and what is said.
AWAY = {
    "full": (
        ("full", "roomy", NAME),
        ["the storage is full, or its quota is (", "QuotaExceeded", ". Do: raise it"],
    ),
    "down": (("stop", "start"), ["the storage does not answer (", ". Do: look whether it is up"]),
}


@pytest.mark.thorough(but={"down"})
@pytest.mark.parametrize("state", AWAY)
def test_storage(droplet, state) -> None:
    """The backup is made here all the same; the next run brings both off-site."""
    how, words = AWAY[state]
    local = set(droplet.local())
    # By itself restic tries for a quarter of an hour whether a full storage has room again.
    with storage(*how), droplet.settings(upload_timeout_s=20):
        failed(droplet, *words)
    (number,) = set(droplet.local()) - local
    assert droplet.manifest(number)["verdict"] == "good"
    assert droplet.last("upload")["result"] == "failed"
    works_again(droplet)


@pytest.mark.thorough
def test_wrong_secret(droplet) -> None:
    """A key that the storage refuses is named, and its value is not."""
    wrong = "a-secret-that-nobody-knows"
    with droplet.other(f"{SECRETS}/backup_s3_secret", wrong):
        ran = failed(
            droplet, "the storage refuses the credentials (", ". Do: correct backup_s3_key_id"
        )
    assert wrong not in ran.said


def test_wrong_password(droplet) -> None:
    """With another password nothing is written to the repository; it is said what a lost one means."""
    wrong = "not-the-password-it-was-made-with"
    with droplet.other(f"{SECRETS}/backup_password", wrong):
        ran = failed(droplet, "backup_password does not open the repository", "If it is lost, ")
        for verb in ("check", "drill"):
            assert "backup_password does not open the repository" in droplet.program(verb).said
        made = droplet.program("init")
        assert made.code == 1, "no second repository is made over the first"
    assert wrong not in ran.said


@pytest.mark.thorough
def test_bucket_missing(droplet) -> None:
    """A repository that is not there is no reason to make one silently."""
    repository = json.loads(droplet.host.check_output("cat /opt/planner/backup/settings.json"))[
        "repository"
    ]
    elsewhere = repository.replace(f"/{NAME}", "/no-such-bucket")
    assert elsewhere != repository
    with droplet.settings(repository=elsewhere):
        failed(
            droplet,
            "there is no repository (",
            ". Do: correct backup_repository, or make its bucket",
        )


@pytest.mark.thorough
def test_storage_slow(droplet) -> None:
    """An upload that takes too long is given up, and the next run goes on with it."""
    droplet.psql(
        "UPDATE ballast SET text = md5(random()::text) || md5(random()::text) || md5(random()::text)"
    )
    with storage("slow", "fast", "800"), droplet.settings(upload_timeout_s=20):
        failed(droplet, "did not end within 20 s")
    works_again(droplet)


@pytest.fixture
def live_lock(droplet) -> Iterator[None]:
    """Have the repository locked by another restic, which stands still in the midst of its work."""
    restic = f"{droplet.by_hand} exec restic check --read-data"
    droplet.in_background(restic, "bench-lock")
    droplet.until(f"{droplet.by_hand} restic list locks --no-lock | grep -q .")
    droplet.host.check_output("systemctl kill --signal=STOP bench-lock")
    yield
    droplet.host.run("systemctl kill --signal=KILL bench-lock")  # the test may have done so


@pytest.mark.thorough
@pytest.mark.usefixtures("live_lock")
def test_repository_locked(droplet) -> None:
    """A restic that works keeps its lock; one that died does not, and no hand is needed."""
    failed(droplet, "the repository is locked by another restic", "planner-backup unlock")
    assert droplet.restic("list", "locks", "--no-lock") != ""
    droplet.host.check_output("systemctl kill --signal=KILL bench-lock")
    droplet.until("! systemctl is-active -q bench-lock")
    works_again(droplet)
    assert droplet.restic("list", "locks", "--no-lock") == ""


def test_bits_flipped(droplet) -> None:
    """The check finds what was damaged in the storage, and says what to do; then it is whole again."""
    with storage("flip", "unflip", NAME), droplet.settings(check_percent=100):
        ran = droplet.unit("planner-backup-check")
    assert ran.code != 0
    assert "Off-site: the repository is damaged (Fatal: " in ran.said
    assert "Do: keep the local backups" in ran.said
    assert droplet.last("check")["result"] == "failed"
    with droplet.settings(check_percent=100):
        said = droplet.must("check")
    assert "The off-site repository is whole: its structure, and 100% of its data read" in said


def test_rebooted(droplet, container, outside) -> None:
    """The Droplet restarted in the midst of a backup: the next run tidies up and writes down what happened."""
    droplet.in_background("planner-backup run")
    droplet.until(IN_THE_MIDST)
    subprocess.run(["docker", "restart", "-t", "0", container], check=True, capture_output=True)
    outside.until_ready()
    interrupted(droplet)


@pytest.mark.thorough
def test_killed(droplet) -> None:
    """So does one that was killed with everything that belongs to it."""
    droplet.in_background("exec planner-backup run")
    droplet.until(IN_THE_MIDST)
    slice_ = "planner-maintenance.slice"
    droplet.host.check_output(f"systemctl kill --signal=KILL '{slice_}'")
    interrupted(droplet)


def interrupted(droplet: Droplet) -> None:
    """A half backup never counted, is gone with the next run, and is written down."""
    droplet.until(f"! pgrep -x planner-backup && flock --nonblock {LOCK} true")
    assert droplet.status()["running"]["result"] == "interrupted"
    before = len(droplet.log)
    works_again(droplet)
    begun = droplet.log[before]
    assert (begun["kind"], begun["result"]) == ("backup", "interrupted")
    assert "killed, or the machine went down" in begun["reason"]


@pytest.mark.thorough
def test_two_at_once(droplet) -> None:
    """Two backups that are started together are made one after the other."""
    number = max(droplet.local())
    droplet.in_background("planner-backup run --why first")
    droplet.until(f"grep -q '^backup ' {LOCK}")
    assert "waits up to 3600 s for backup" in droplet.must("run", "--why", "second")
    droplet.idle()
    found = [droplet.manifest(number + one)["why"] for one in (1, 2)]
    assert found == ["first", "second"]


@pytest.mark.thorough
def test_release_at_once(droplet, playbook, site_command, load) -> None:
    """A backup that is started while the app is released waits, and both are good."""
    image = site_command[-1]
    droplet.in_background(f"flock {LOCK} sh -c 'echo a release >{LOCK}; sleep 15'", "bench-release")
    droplet.until(f"grep -q '^a release' {LOCK}")
    started = time.monotonic()
    droplet.in_background("planner-backup run --why beside")
    with load() as counts:
        done = playbook("deploy", "-e", image, "-e", "stack_soak_s=1")
    assert done.returncode == 0, done.stdout
    droplet.idle()
    assert time.monotonic() - started > 10
    assert counts["failed"] == 0, counts
    assert droplet.manifest()["why"] == "beside"


def test_shrunk(droplet) -> None:
    """Much less data than before is doubtful: kept, and no reason for others to go, until it is said to be right."""
    good = droplet.made()
    local = set(droplet.local())
    droplet.psql("CREATE TABLE kept AS TABLE label; DELETE FROM label")
    try:
        with droplet.settings(keep_last=1, keep_days=0):
            failed(
                droplet,
                "is doubtful: tables that had rows are empty: public.label",
                "backup_accept_shrink=true",
            )
        doubtful = droplet.manifest()
        assert doubtful["verdict"] == "doubtful"
        assert set(droplet.local()) == {*local, doubtful["number"]}
        assert droplet.must("restore", "--dry-run").startswith(f"Backup {good['number']} of ")
        droplet.must("run", "--accept-shrink")
        assert droplet.manifest()["verdict"] == "good"
    finally:
        droplet.psql(
            "INSERT INTO label OVERRIDING SYSTEM VALUE SELECT * FROM kept ON CONFLICT DO NOTHING; DROP TABLE kept"
        )
    works_again(droplet)


@pytest.mark.thorough
def test_empty_database(droplet) -> None:
    """An empty database is backed up, drilled and restored like any other."""
    droplet.psql("CREATE ROLE nothing; CREATE DATABASE nothing OWNER nothing", "postgres")
    try:
        with droplet.settings(database="nothing", query="", repository=""):
            droplet.must("run", "--accept-shrink")
            manifest = droplet.manifest()
            assert (manifest["facts"]["tables"], manifest["verdict"]) == ({}, "good")
            assert "Drill PASSED" in droplet.must("drill", "--from", "local")
            droplet.must("restore", "--into", "again")
            assert droplet.rows("again") == {}
            droplet.psql("DROP DATABASE again", "postgres")
    finally:
        droplet.psql("DROP DATABASE nothing", "postgres")
        droplet.psql("DROP ROLE nothing", "postgres")
    droplet.made()
