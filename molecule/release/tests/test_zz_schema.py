"""Migrations: dumped before, refused where the running version would break, and an honest way back.

The last file: a schema only moves forwards.
"""

from __future__ import annotations

import re

import pytest

from .conftest import ENOUGH

ACCEPT = ("-e", "stack_accept_breaking_schema=true")


def psql(host, statement: str) -> str:
    """Ask the database."""
    psql = (
        "docker exec -i planner-postgres-1 psql -q -A -t -U postgres -d planner -v ON_ERROR_STOP=1"
    )
    return host.check_output(f'echo "{statement}" | {psql}')


def test_migration(releases, image, measured, host):
    """A migration that harms nobody: dumped before, and no request fails."""
    with measured(ENOUGH) as counts:
        record = releases.must(releases.deploy(image("noted")))
    assert counts["failed"] == 0, counts
    assert record["schema_before"] == "0002_embedding_index"
    assert record["schema_after"] == "0003_note"
    assert record["applied"] == {"0003_note": []}
    dump = host.file(record["dump"])
    assert (dump.user, dump.mode, dump.size > 0) == ("root", 0o600, True)
    assert releases.version == "noted"
    releases.settled()


def test_refused(releases, image, host):
    """A migration on which the running version could not go on is refused before anything is touched."""
    before = releases.containers()
    done = releases.deploy(image("dropped"))
    assert done.returncode != 0
    assert "0004_drop_note" in done.stdout, done.stdout
    assert "drops column" in done.stdout
    assert "works_with_older_code = True" in done.stdout
    assert releases.containers() == before
    assert psql(host, "SELECT version_num FROM alembic_version") == "0003_note"
    assert releases.version == "noted"


def test_accepted_and_broken(releases, image, host, outside):
    """Accepted, with a new version that fails: the dump is restored, the old version serves, no row is lost."""
    psql(host, "UPDATE tasks SET note = 'kept'")
    before = psql(host, "SELECT count(*), count(note) FROM tasks")
    done = releases.deploy(
        image("dropped-and-never-ready"), *ACCEPT, "-e", "stack_start_timeout_s=8"
    )
    assert done.returncode != 0
    assert releases.last["result"] == "void"
    assert releases.last["gap_s"] > 0
    assert psql(host, "SELECT version_num FROM alembic_version") == "0003_note"
    assert psql(host, "SELECT count(*), count(note) FROM tasks") == before
    assert releases.version == "noted"
    outside.until_ready()
    releases.settled()


@pytest.mark.thorough
def test_accepted(releases, image, host):
    """Accepted: the old version stops before, and the log says what was dropped.

    A small disk budget removes old images and dumps, never what runs nor the way back.
    """
    record = releases.must(
        releases.deploy(image("dropped"), *ACCEPT, "-e", "stack_disk_budget_mb=1")
    )
    assert record["applied"]["0004_drop_note"]
    assert record["gap_s"] > 0
    assert releases.version == "dropped"
    images = host.check_output("docker images --no-trunc --format '{{.ID}}'").split()
    ours = {one_id for entry in releases.log for one_id in entry["image_ids"].values()}
    there = {record["image_ids"]["backend"], releases.before["image_ids"]["backend"]}
    assert ours & set(images) == there, "what runs and the way back"
    assert host.file(record["dump"]).exists
    releases.settled()


@pytest.mark.thorough
def test_no_way_back(releases, host):
    """A rollback over it is refused, with the dump and the command; that command works, and then the way is open."""
    refused = releases.rollback()
    assert refused.returncode != 0
    said = refused.stdout
    assert "moved beyond what this version can use" in said, said
    dump = next(
        record["dump"] for record in reversed(releases.log) if "0004_drop_note" in record["applied"]
    )
    assert dump in said
    assert releases.version == "dropped"
    command = re.search(r"^\s*(sudo docker stop .*)$", said, re.MULTILINE)
    assert command, said
    done = host.run(command[1])
    assert done.rc == 0, done
    record = releases.must(releases.rollback())
    assert releases.version == "noted"
    assert record["schema_after"] == "0003_note"
    assert psql(host, "SELECT count(*) > 0 AND count(*) = count(note) FROM tasks") == "t"
    releases.settled()


@pytest.mark.thorough
def test_back_over_it(releases, host):
    """The older version can use the newer schema, so the way back is open, though its image has to be fetched again."""
    target = releases.before
    image_id = target["image_ids"]["backend"]
    assert image_id not in host.check_output("docker images --no-trunc --format '{{.ID}}'")
    record = releases.must(releases.rollback())
    assert record["images"] == target["images"]
    assert record["image_ids"] == {"backend": image_id}
    assert releases.version != "noted"
    assert record["schema_after"] == "0003_note", "the schema stays"
    releases.settled()
