"""The drill's verdict is right: PASSED for what comes back, FAILED for what does not, and never one for the other."""

from __future__ import annotations

import json

import pytest

from .conftest import DUMP, NAME, Droplet, storage


@pytest.fixture(autouse=True)
def unnoticed(droplet: Droplet, outside) -> None:
    """Whatever the verdict, the product's rows are as they were and nothing of the drill is left."""
    rows = droplet.rows()
    yield
    assert droplet.rows() == rows
    assert outside.request("/health/ready").status == 200
    droplet.clean()


def test_passed(droplet, measured) -> None:
    """What the timer starts takes the newest backup from off-site and climbs to the top."""
    number = droplet.made()["number"]
    ran = droplet.unit("planner-drill")
    assert ran.code == 0, ran.said
    assert f"Drill PASSED: backup {number}, from off-site, came back in " in ran.said
    assert "7 of 7 checks held" in ran.said
    found = droplet.last("drill")
    assert (found["result"], found["number"], found["offsite"]) == ("passed", number, True)
    assert {outcome for _, outcome, _ in found["steps"]} == {"passed"}
    measured("a drill, from off-site", f"{found['seconds']} s")
    status = droplet.status()
    assert status["passed_drill"]["number"] == number
    assert status["drill_seconds"][-1] == found["seconds"]


def test_damaged_off_site(droplet, playbook) -> None:
    """A backup whose bits were flipped in the storage FAILED, and the state of the machine says so."""
    with storage("flip", "unflip", NAME):
        ran = droplet.unit("planner-drill")
    assert ran.code != 0
    assert "Drill FAILED: " in ran.said
    assert "the repository is damaged" in ran.said
    assert droplet.last("drill")["result"] == "failed"
    shown = playbook("status")
    assert shown.returncode != 0
    assert "FAILED" in shown.stdout


def test_storage_away(droplet) -> None:
    """Without the storage nothing is known of the backup: COULD NOT VERIFY, which is not passed."""
    passed = droplet.status()["passed_drill"]
    with storage("stop", "start"):
        ran = droplet.unit("planner-drill")
    assert ran.code != 0
    assert "Drill COULD NOT VERIFY: the newest backup, from off-site" in ran.said
    assert droplet.last("drill")["result"] == "could not verify"
    status = droplet.status()
    assert (status["drill"]["result"], status["passed_drill"]) == ("could not verify", passed)


def wrong_rows(manifest: dict) -> None:
    """Claim a row more."""
    manifest["facts"]["tables"]["public.label"]["rows"] += 1


def wrong_content(manifest: dict) -> None:
    """Claim other contents."""
    manifest["facts"]["tables"]["public.label"]["content"] += "1"


def wrong_extension(manifest: dict) -> None:
    """Claim an extension that does not come back."""
    manifest["facts"]["extensions"]["absent"] = "1.0"


def wrong_revision(manifest: dict) -> None:
    """Claim another revision of the schema."""
    manifest["facts"]["schema"] = "0099_never"


def wrong_answer(manifest: dict) -> None:
    """Claim another answer to the app's own query."""
    manifest["facts"]["answer"] = "0"


@pytest.mark.parametrize(
    "change, rung",
    [
        pytest.param(wrong_rows, "every table has its rows", marks=pytest.mark.thorough),
        pytest.param(wrong_content, "every row has its contents", marks=pytest.mark.thorough),
        pytest.param(wrong_extension, "every row has its contents", marks=pytest.mark.thorough),
        pytest.param(wrong_revision, "it is the schema's revision", marks=pytest.mark.thorough),
        pytest.param(wrong_answer, "the app's own query finds the same", marks=pytest.mark.thorough),
    ],
)  # fmt: skip
def test_other_than_the_manifest(droplet, change, rung) -> None:
    """What comes back is other than what was noted when the backup was made: it FAILED, at that rung."""
    manifest = droplet.manifest()
    path = f"{droplet.local()[manifest['number']]}/manifest.json"
    changed = json.loads(json.dumps(manifest))
    change(changed)
    with droplet.other(path, json.dumps(changed)):
        ran = droplet.program("drill", str(manifest["number"]), "--from", "local")
    assert ran.code == 1
    assert (
        f"Drill FAILED: backup {manifest['number']}, from this machine, at '{rung}': " in ran.said
    )
    assert droplet.last("drill")["steps"][-1][:2] == [rung, "failed"]


@pytest.mark.thorough
def test_damaged_here(droplet, host) -> None:
    """One bit of a local dump is enough."""
    manifest = droplet.manifest()
    dump = f"{droplet.local()[manifest['number']]}/{DUMP}"
    host.check_output(f"cp -p {dump} /var/tmp/kept")
    flip = f"f = open('{dump}', 'r+b'); f.seek(5000); b = f.read(1)[0]; f.seek(5000); f.write(bytes([b ^ 1]))"
    host.check_output(f'python3 -c "{flip}"')
    drilled = droplet.program("drill", str(manifest["number"]), "--from", "local")
    restored = droplet.program("restore", str(manifest["number"]), "--from", "local")
    host.check_output(f"mv /var/tmp/kept {dump}")
    assert drilled.code == restored.code == 1
    assert f"{DUMP} is not what was written: its checksum differs" in drilled.said
    assert "Drill FAILED" in drilled.said
    assert f"Backup {manifest['number']} is damaged" in restored.said
    assert "Nothing was changed" in restored.said


@pytest.mark.thorough
def test_server_dies(droplet) -> None:
    """A throw-away server that is killed says nothing about the backup: COULD NOT VERIFY."""
    number = droplet.manifest()["number"]
    ready = "docker exec planner-drill pg_isready -q -h 127.0.0.1"
    kill = f"for _ in $(seq 1200); do {ready} 2>/dev/null && break; sleep 0.05; done; docker kill planner-drill"
    droplet.in_background(kill)
    ran = droplet.program("drill", str(number), "--from", "local")
    assert ran.code == 1
    assert f"Drill COULD NOT VERIFY: backup {number}, from this machine" in ran.said
    assert "the throw-away PostgreSQL " in ran.said


@pytest.mark.thorough
def test_without_a_query(droplet) -> None:
    """Where the owner has given no query, a drill passes and says that it asked none."""
    with droplet.settings(query=""):
        droplet.must("run")
        said = droplet.must("drill")
    assert "6 of 7 checks held; no query of the app is set (backup_drill_query)" in said


def test_by_the_playbook(droplet, playbook) -> None:
    """playbooks/drill.yml shows each rung; afterwards the state of the machine is good again."""
    droplet.made()
    ran = playbook("drill")
    assert ran.returncode == 0, ran.stdout
    assert "Drill PASSED" in ran.stdout
    assert "every row has its contents" in ran.stdout
    shown = playbook("status")
    assert shown.returncode == 0, shown.stdout
