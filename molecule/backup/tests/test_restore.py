"""What a backup holds comes back: all of it or one table, into place or beside; what cannot be is refused at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import VOLUME, Droplet

LOSS = "DELETE FROM label WHERE task_id % 3 = 0; UPDATE label SET word = 'wrong';"


@pytest.fixture(scope="module")
def known(droplet: Droplet) -> dict[str, Any]:
    """Return a backup's manifest, and the rows as they were when it was made."""
    manifest = droplet.made()
    return {**manifest, "own": droplet.rows()}


@pytest.fixture
def lost(droplet: Droplet, known: dict[str, Any]) -> Any:
    """Have rows deleted and changed; afterwards nothing half-done is left."""
    droplet.psql(LOSS)
    yield known
    droplet.clean()


def flat(ran: Any) -> str:
    """Return what a playbook printed, as one line."""
    return " ".join(ran.stdout.split())


def safety(droplet: Droplet) -> dict[str, Any]:
    """Return the newest backup, which has to be one of what a restore replaced."""
    manifest = droplet.manifest()
    assert manifest["verdict"] == "safety"
    return manifest


def test_dry_run(droplet, lost, playbook) -> None:
    """It says what would come back, table for table, and changes nothing; so does a preview."""
    rows, backups = droplet.rows(), droplet.local()
    preview = playbook("restore", "-e", f"restore_backup={lost['number']}", "--check")
    assert preview.returncode == 0, preview.stdout
    for said in (flat(preview), droplet.must("restore", str(lost["number"]), "--dry-run")):
        assert f"Backup {lost['number']} of {lost['made']}, from this machine" in said
        before = lost["facts"]["tables"]["public.label"]["rows"]
        now = droplet.count("label")
        assert f"public.label: {now} rows -> {before} rows" in said
        assert "public.ballast" not in said
    assert droplet.rows() == rows
    assert droplet.local() == backups
    assert droplet.log[-1]["kind"] != "restore"


def test_latest_into_place(droplet, lost, playbook, watched, measured) -> None:
    """Every row comes back; meanwhile visitors see the product, and for the gap the holding page; then it works."""
    with watched() as visitors:
        ran = playbook("restore")
    assert ran.returncode == 0, ran.stdout
    assert {status for _, status, _ in visitors.others} <= {503}, visitors.others[:3]
    assert all("<!doctype html>" in body.lower() for *_, body in visitors.others), visitors.others[
        :3
    ]
    assert visitors.told[-1][1] == 200
    assert droplet.rows() == lost["own"]
    assert safety(droplet)["why"] == f"before the restore of {lost['number']}"
    assert f"The app works on the data of backup {lost['number']}" in flat(ran)
    measured("a restore into place", f"{droplet.last('restore')['seconds']} s")
    measured("  without the app, as visitors see it", f"{visitors.gap_s:.1f} s")
    # Sequences, rights and the app's own connections are right.
    update = visitors.outside.new_update_id()
    assert visitors.outside.message(update, "after the restore tomorrow").json == {
        "result": "stored"
    }
    assert droplet.count("tasks", f"update_id = {update} AND title = 'after the restore'") == 1
    one_more = "INSERT INTO label (task_id, word) SELECT max(id), 'new' FROM tasks"
    droplet.psql(f"SET ROLE planner; {one_more}")


@pytest.mark.thorough
def test_what_was_replaced(droplet, lost) -> None:
    """The rows that a restore replaced are not lost either: its safety backup has them, and is meant by its number."""
    rows = droplet.rows()
    droplet.must("restore", str(lost["number"]))
    kept = safety(droplet)["number"]
    assert droplet.must("restore", "--dry-run").startswith(f"Backup {lost['number']} of ")
    droplet.must("restore", str(kept))
    assert droplet.rows() == rows


@pytest.mark.thorough
def test_from_off_site(droplet, lost) -> None:
    """Without the local copy it comes from off-site."""
    said = droplet.must("restore", str(lost["number"]), "--from", "offsite")
    assert f"Backup {lost['number']} was restored and is what its manifest says" in said
    assert droplet.rows() == lost["own"]
    assert droplet.last("restore")["offsite"] is True


@pytest.mark.thorough
def test_of_a_moment(droplet, lost) -> None:
    """A day or a moment means the last good backup until then, not what a restore put aside."""
    droplet.psql("UPDATE label SET word = 'later'")
    droplet.made()
    for moment in (lost["made"], lost["made"].rstrip("Z").replace("T", "\\ ")):
        plan = droplet.must("restore", moment, "--dry-run")
        assert plan.startswith(f"Backup {lost['number']} of "), plan
    newest = droplet.manifest()["number"]
    assert droplet.must("restore", lost["made"][:10], "--dry-run").startswith(
        f"Backup {newest} of "
    )
    droplet.must("restore", lost["made"])
    assert droplet.rows() == lost["own"]


@pytest.mark.thorough
def test_beside(droplet, lost, watched) -> None:
    """Into a database beside the product's, which goes on with its own."""
    rows = droplet.rows()
    with watched() as visitors:
        said = droplet.must("restore", str(lost["number"]), "--into", "then")
    assert visitors.others == []
    assert f"Backup {lost['number']} is the database then" in said
    assert droplet.rows("then") == lost["own"]
    assert droplet.rows() == rows
    again = droplet.program("restore", str(lost["number"]), "--into", "then")
    assert again.code == 1
    assert "restore_into: a database then exists. Do: choose another name" in again.said
    droplet.psql('DROP DATABASE "then"', "postgres")


def test_one_table(droplet, lost, playbook, watched) -> None:
    """One table's rows come back in one transaction, and nobody else's: the app is not held."""
    droplet.psql("UPDATE tasks SET priority = 'high' WHERE title = 'seed 7'")
    tasks = droplet.rows()["tasks"]
    with watched() as visitors:
        options = ("-e", f"restore_backup={lost['number']}", "-e", "restore_table=public.label")
        ran = playbook("restore", *options)
    assert ran.returncode == 0, ran.stdout
    assert visitors.others == []
    found = droplet.rows()
    assert (found["label"], found["tasks"]) == (lost["own"]["label"], tasks)
    assert safety(droplet)["number"] == max(droplet.local())


@pytest.mark.thorough
def test_one_table_that_would_dangle(droplet, lost) -> None:
    """Rows that would point to rows which are gone are refused, and so is leaving others pointing nowhere."""
    droplet.psql("DELETE FROM label WHERE task_id = (SELECT max(task_id) FROM label)")
    droplet.psql("DELETE FROM tasks WHERE id NOT IN (SELECT task_id FROM label)")
    rows = droplet.rows()
    ran = droplet.program("restore", str(lost["number"]), "--table", "public.label")
    assert ran.code == 1
    assert "rows of label would point to rows of tasks that are not there" in ran.said
    assert "Table public.label is as it was" in ran.said
    assert droplet.rows() == rows
    assert droplet.last("restore")["result"] == "failed"
    # The other way round: first those that are pointed to.
    droplet.must("restore", str(lost["number"]), "--table", "public.tasks")
    droplet.must("restore", str(lost["number"]), "--table", "public.label")
    assert droplet.rows() == lost["own"]


@pytest.mark.thorough
def test_volume(droplet, lost, host) -> None:
    """The files of an extra volume come back where that is asked for, and only then."""
    path = host.check_output(f"docker volume inspect -f '{{{{.Mountpoint}}}}' {VOLUME}")
    host.check_output(f"echo 'spoilt' >{path}/note.txt; echo more >{path}/more.txt")
    droplet.must("restore", str(lost["number"]))
    assert host.check_output(f"cat {path}/note.txt") == "spoilt"
    said = droplet.must("restore", str(lost["number"]), "--volumes")
    assert f"The volume {VOLUME} has its files of then" in said
    assert host.check_output(f"ls {path} && cat {path}/note.txt") == "note.txt\na note"


def test_refused_at_once(droplet, lost, playbook) -> None:
    """Everything that stands in the way is told in one go, before anything is done."""
    rows, backups = droplet.rows(), droplet.local()
    wish = {
        "restore_backup": lost["number"], "restore_into": "No-Name", "restore_table": "public.none",
        "restore_redis": True,
    }  # fmt: skip
    ran = playbook("restore", "-e", json.dumps(wish))
    assert ran.returncode != 0
    said = flat(ran)
    for problem in (
        "restore_into: 'No-Name' is neither 'place' nor a name for a new database",
        f"restore_table: backup {lost['number']} has no table 'public.none'. It has: public.alembic",
        "restore_table goes into place",
        f"restore_redis: backup {lost['number']} has no data of Redis",
    ):
        assert problem in said, said
    for wrong in ("9999", "yesterday", "2001-01-01"):
        ran = droplet.program("restore", wrong)
        assert ran.code == 1
        assert "There are: " in ran.said
    assert droplet.rows() == rows
    assert droplet.local() == backups
