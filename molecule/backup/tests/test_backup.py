"""A backup is made, read back, kept here and off-site, and told to the outside; then old ones may go."""

from __future__ import annotations

import json

import pytest

from .conftest import BACKUPS, DUMP, NAME, PROJECT, SECRETS, bench, pings


def test_by_the_timer(droplet, load, measured) -> None:
    """What the timer starts makes a backup under load: no request fails, the outside is told once."""
    bench("pings-forget", NAME)
    numbers = set(droplet.local())
    before = droplet.count("tasks")
    with load() as counts:
        ran = droplet.unit()
    after = droplet.count("tasks")
    assert ran.code == 0, ran.said
    assert counts["failed"] == 0, counts
    (number,) = set(droplet.local()) - numbers
    assert number == max(numbers, default=0) + 1
    assert number in droplet.offsite()
    assert len(pings()) == 1
    manifest = droplet.manifest()
    assert (manifest["why"], manifest["verdict"], manifest["doubts"]) == ("timer", "good", [])
    # As of one moment between the two.
    assert before <= manifest["facts"]["tables"]["public.tasks"]["rows"] <= after
    assert before < after
    runs = {one["kind"]: one for one in droplet.log if one["number"] == number}
    assert {one["result"] for one in runs.values()} == {"good"}
    size = f"{manifest['facts']['size_mb']} MiB of data, {runs['backup']['size'] / 2**20:.0f} MiB as a backup"
    measured("a backup under load", f"{size}")
    measured("  dump, checked", f"{runs['backup']['seconds']} s")
    measured("  brought off-site", f"{runs['upload']['seconds']} s")


def test_manifest(droplet) -> None:
    """The manifest says what is in the backup: versions, schema, rows, sizes and checksums."""
    manifest = droplet.made()
    facts = manifest["facts"]
    tables = facts["tables"]
    assert set(tables) == {
        "public.alembic_version",
        "public.ballast",
        "public.label",
        "public.tasks",
    }
    for name, table in tables.items():
        assert table["rows"] == droplet.count(name)
    assert tables["public.ballast"]["content"] != tables["public.label"]["content"]
    assert facts["version"] == droplet.psql("SHOW server_version").split()[0]
    assert facts["schema"] == droplet.psql("SELECT version_num FROM alembic_version")
    vector = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    assert facts["extensions"]["vector"] == droplet.psql(vector)
    # The owner's own question, to be asked again by a drill.
    assert facts["answer"].split("\x1f")[0] == str(droplet.count("tasks"))
    released = json.loads(droplet.host.check_output(f"tail -n 1 {PROJECT}/releases.jsonl"))
    assert manifest["images"] == released["images"]
    folder = droplet.local()[manifest["number"]]
    for name, stored in manifest["files"].items():
        found = droplet.host.check_output(f"cd {folder} && sha256sum {name} && stat -c %s {name}")
        assert found.split()[::2] == [stored["sha256"], str(stored["bytes"])]
    listed = droplet.host.check_output(f"ls {folder}").split()
    assert sorted(listed) == sorted([*manifest["files"], "manifest.json"])
    assert set(manifest["files"]) >= {DUMP, "globals.sql", "host.tar.zst", "volume-notes.tar.zst"}


def test_what_is_off_site(droplet) -> None:
    """By hand restic finds the same files off-site; the host's have what a bare machine needs, but not their key."""
    number = max(droplet.local())
    folder, snapshot = droplet.local()[number], droplet.offsite()[number]
    there = f"{droplet.by_hand} restic dump --no-lock {snapshot}"
    for name in droplet.host.check_output(f"ls {folder}").split():
        same = f"{there} /{name} | cmp - {folder}/{name}"
        assert droplet.host.run("bash -o pipefail -c %s", same).rc == 0, name
    held = droplet.host.check_output(f"zstd -dc {folder}/host.tar.zst | tar -t").splitlines()
    for path in ("secrets/database_password", "compose.yml", "releases.jsonl", "tls/"):
        assert f"opt/planner/{path}" in held
    assert [path for path in held if "backup/secrets" in path] == []


@pytest.mark.usefixtures("droplet")
def test_nobody_else_reads_them(host) -> None:
    """Backups and what opens them are root's alone; no command line, journal or log has a secret."""
    for path in (BACKUPS, SECRETS):
        found = host.file(path)
        assert (found.user, found.mode) == ("root", 0o700)
    secrets = host.check_output(f"cat {SECRETS}/backup_password {SECRETS}/backup_s3_secret")
    journal = host.check_output("journalctl --since=-30min -o cat")
    written = host.check_output(f"cat {PROJECT}/backup/log.jsonl {PROJECT}/backup/settings.json")
    for secret in secrets.split():
        assert len(secret) > 8
        assert secret not in journal + written


def test_old_ones_go(droplet) -> None:
    """Only after a new good one, and only as many as the owner says, here and off-site."""
    number = max(droplet.local())
    wish = {"keep_last": 2, "keep_days": 1, "keep_offsite": {"last": 2}}
    with droplet.settings(**wish):
        said = droplet.must("run")
    assert sorted(droplet.local()) == [number, number + 1]
    assert sorted(droplet.offsite()) == [number, number + 1]
    assert "Removed the local backup " in said


@pytest.mark.thorough
def test_one_a_day_off_site(droplet) -> None:
    """By the rule of days the last one of a day stays off-site, also where several were brought there at once."""
    latest = droplet.manifest()["number"]
    with droplet.settings(repository=""):
        droplet.must("run")
        droplet.must("run")
    with droplet.settings(keep_offsite={"daily": 30}):
        droplet.must("run")
    assert sorted(droplet.offsite()) == [latest + 3]


@pytest.mark.thorough
def test_clock_jumps(droplet, host) -> None:
    """With a clock that is 20 years ahead, and right again, no good backup goes, and the newest is the newest."""
    host.check_output("apt-get install -y --no-install-recommends faketime")

    def at(day: str) -> int:
        """Make a backup on another day."""
        ran = host.run(f"faketime '{day} 12:00:00' planner-backup run")
        assert ran.rc == 0, ran.stdout + ran.stderr
        manifest = droplet.manifest()
        assert manifest["made"].startswith(f"{day}T12:")
        return int(manifest["number"])

    wish = {"keep_last": 1, "keep_days": 7, "keep_offsite": {"last": 1, "daily": 30}}
    with droplet.settings(**wish):
        past = [host.check_output(f"date -u -d '{days} days ago' +%F") for days in (9, 8)]
        earlier = [at(day) for day in (*past, "2046-01-01")]
        today = droplet.made()
    assert today["number"] == earlier[-1] + 1
    assert {*earlier, today["number"]} <= set(droplet.local())
    assert {*earlier, today["number"]} <= set(droplet.offsite())
    plan = droplet.must("restore", "latest", "--dry-run")
    assert plan.startswith(f"Backup {today['number']} of {today['made']}")
    host.check_output(f"rm -r {droplet.local()[earlier[-1]]}")


def test_by_the_playbook(droplet, playbook) -> None:
    """playbooks/backup.yml makes one too, and says so."""
    number = max(droplet.local())
    ran = playbook("backup")
    assert ran.returncode == 0, ran.stdout
    assert f"Backup {number + 1} (playbook) is whole" in " ".join(ran.stdout.split())
    assert number + 1 in droplet.offsite()


@pytest.mark.usefixtures("droplet")
def test_a_second_run(site) -> None:
    """A second run of the role changes nothing, whatever backups there are by then."""
    again = site("--tags", "backup")
    assert again.returncode == 0, again.stdout
    assert "changed=0" in again.stdout


def test_timers(host) -> None:
    """The timers are on, make up for what was missed, and work in the maintenance slice."""
    for name in ("planner-backup", "planner-backup-check", "planner-drill"):
        timer = host.check_output(f"systemctl show {name}.timer -p ActiveState -p Persistent")
        assert set(timer.splitlines()) == {"ActiveState=active", "Persistent=yes"}
        unit = host.check_output(f"systemctl show {name}.service -p Slice")
        assert unit == "Slice=planner-maintenance.slice"
