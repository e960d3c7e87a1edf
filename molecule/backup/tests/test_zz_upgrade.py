"""PostgreSQL's next major version: every row comes along, and whatever fails leaves the old version serving."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
OLD, NEW = "planner_postgres17", "planner_postgres18"
LATEST = "pgvector/pgvector:pg18"
STATE = "/opt/planner/postgres-upgrade.json"
LOCK = "/run/lock/planner-maintenance.lock"
TO_18 = ("-e", "stack_postgres_major=18")
PSQL = (
    "docker exec -i planner-postgres-1 psql -X -q -A -t -U postgres -v ON_ERROR_STOP=1 -d planner"
)
SEED = """
SET ROLE planner;
CREATE TABLE upgraded (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text NOT NULL);
INSERT INTO upgraded (word) SELECT md5(n::text) FROM generate_series(1, 20000) AS n;
INSERT INTO tasks (update_id, chat_id, title, priority, source, embedding, embedding_model)
    SELECT 900000 + n, 7, 'to be upgraded ' || n, 'normal', 'rules',
        (SELECT array_agg(random() + 0 * (i + n)) FROM generate_series(1, 256) AS i)::vector(256), 'none'
    FROM generate_series(1, 200) AS n;
RESET ROLE;
ALTER DATABASE planner SET statement_timeout = '4min';
"""
UNSEED = """
DROP TABLE upgraded;
DELETE FROM tasks WHERE title LIKE 'to be upgraded %';
ALTER DATABASE planner RESET statement_timeout;
"""
ROWS = r"""
SELECT format($$SELECT %L || '=' || count(*) || ' ' || md5(coalesce(string_agg(one::text, '|' ORDER BY one::text), ''))
    FROM public.%I AS one$$, tablename, tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename \gexec
"""
# The nearest to a vector is the row that has it, and the index says so.
NEAREST = """
SET enable_seqscan = off;
SELECT count(*) FROM tasks AS one WHERE title LIKE 'to be upgraded %' AND id = (
    SELECT id FROM tasks AS two ORDER BY two.embedding <=> one.embedding LIMIT 1);
"""
# An entry point that dies where a file is there: only the server that fills its volume has the one password alone, and
# only the product's has the other one.
CRASHES = {
    "while it is filled": "[ ! -e /run/secrets/database_superuser_password ] || exit 3",
    "in the product's place": "[ ! -e /run/secrets/database_password ] || exit 3",
}


@dataclass
class Machine:
    """The Droplet, as far as PostgreSQL's version matters."""

    host: Host
    outside: Any
    playbook: Callable[..., subprocess.CompletedProcess[str]]

    def psql(self, statements: str) -> str:
        """Ask PostgreSQL, as its superuser."""
        return str(self.host.check_output(f"{PSQL} <<'END'\n{statements}\nEND"))

    @property
    def major(self) -> int:
        """Which version answers."""
        return int(self.psql("SHOW server_version_num;")) // 10000

    @property
    def rows(self) -> dict[str, str]:
        """How many rows each table has, with a fingerprint of them."""
        return dict(line.split("=", 1) for line in self.psql(ROWS).splitlines())

    @property
    def volumes(self) -> list[str]:
        """Which of PostgreSQL's there are."""
        listed = self.host.check_output("docker volume ls -q --filter name=planner_postgres")
        return sorted(listed.split())

    @property
    def containers(self) -> list[str]:
        """All of the Droplet, with their ids."""
        listed = self.host.check_output(
            "docker ps -a --no-trunc --format '{{.Names}} {{.ID}} {{.State}}'"
        )
        return sorted(listed.splitlines())

    def upgrade(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the playbook."""
        return self.playbook("upgrade_postgres", *IMAGE, *words)

    def stack(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run role stack alone, as any release does."""
        return self.playbook("deploy", *IMAGE, *words)

    @property
    def last_upgrade(self) -> str:
        """How the last one ended, as the log of backups says."""
        lines = self.host.check_output(
            "grep '\"upgrade\"' /opt/planner/backup/log.jsonl"
        ).splitlines()
        return str(json.loads(lines[-1])["result"])

    def until(self, condition: str, seconds: int = 120) -> None:
        """Wait until a command of the Droplet says so."""
        wait = f"for _ in $(seq {seconds * 5}); do {condition} && exit 0; sleep 0.2; done; exit 1"
        assert self.host.run("sh -c %s", wait).rc == 0, f"not within {seconds} s: {condition}"

    def serves_as_before(self, rows: dict[str, str]) -> None:
        """17 serves every row, and nothing is left of an attempt."""
        self.outside.until_ready()
        assert self.major == 17
        assert self.rows == rows
        assert self.volumes == [OLD]
        assert not self.host.file(STATE).exists
        names = {one.split()[0] for one in self.containers}
        assert not names & {"planner-upgrade", "planner-drill"}
        timers = self.host.check_output("systemctl list-timers --all")
        assert "planner-upgrade-undo" not in timers


# The time a version needs to prove itself is not the claim here.
IMAGE = ("-e", f"droplet_image={os.environ['BENCH_BACKEND_IMAGE']}", "-e", "stack_soak_s=1")


def flat(said: str) -> str:
    """What a playbook printed, its lines joined: YAML breaks sentences where it likes."""
    return re.sub(r"\s+", " ", said)


@pytest.fixture(scope="module")
def machine(host, outside, playbook) -> Iterator[Machine]:
    """Have rows of our own; at the end 17 serves the rows of before again, whatever became of the volumes."""
    done = subprocess.run(
        [str(ROOT / "scripts/images.sh"), LATEST], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = Machine(host, outside, playbook)
    outside.until_ready()
    found.psql(SEED)
    yield found
    if NEW in found.volumes:
        # As an owner would who does not want it: without its volume the way is free for the old one.
        kept = "grep -l 'before the upgrade' /opt/planner/backups/*/manifest.json | tail -n 1"
        number = host.check_output(f"basename $(dirname $({kept})) | cut -d- -f1")
        host.check_output("docker rm -f planner-postgres-1")
        host.check_output(f"docker volume rm {NEW} && rm {STATE}")
        again = found.stack()
        assert again.returncode == 0, again.stdout
        if not found.psql("SELECT to_regclass('upgraded');").strip():
            host.check_output(f"planner-backup restore {int(number)}")
    found.psql(UNSEED)
    # For whoever recovers a machine from the newest backup: its data is of 17, and so is its inventory.
    done = found.playbook("site", *IMAGE, "--tags", "backup")
    assert done.returncode == 0, done.stdout
    host.check_output("planner-backup run --accept-shrink")


@pytest.fixture
def rows(machine: Machine) -> dict[str, str]:
    """Every row of before."""
    before = machine.rows
    assert before["upgraded"].startswith("20000 ")
    return before


@contextmanager
def crashing(where: str) -> Iterator[tuple[str, ...]]:
    """Have an image of the owner's own, of the right version, that dies in one place; give the words that name it."""
    name = "planner-demo/postgres:crashes"
    recipe = (
        f"FROM {LATEST}\n"
        f"RUN printf '#!/bin/sh\\n{CRASHES[where]}\\nexec docker-entrypoint.sh \"$@\"\\n' >/usr/local/bin/crashes"
        " && chmod 755 /usr/local/bin/crashes\n"
        'ENTRYPOINT ["crashes"]\nCMD ["postgres"]\n'
    )
    subprocess.run(
        ["docker", "build", "-q", "-t", name, "-"],
        input=recipe,
        text=True,
        check=True,
        capture_output=True,
        env=os.environ | {"DOCKER_BUILDKIT": "0"},
    )
    pushed = subprocess.run(
        [str(ROOT / "molecule/bench/push-image.sh"), name, "planner/postgres"],
        text=True,
        check=True,
        capture_output=True,
    ).stdout.strip()
    services = f'{{"droplet_services": [{{"name": "postgres", "image": "{pushed}"}}]}}'
    try:
        yield ("-e", services)
    finally:
        subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


class TestBefore:
    """17 serves, and 18 is wished."""

    @pytest.mark.parametrize(
        "check",
        [pytest.param(("--check",), marks=pytest.mark.thorough), ()],
        ids=["a preview", "a run"],
    )
    def test_the_stack_refuses_to_start_empty(self, machine, rows, check) -> None:
        """It says both ways out, and has changed nothing."""
        before = machine.containers
        done = machine.stack(*TO_18, *check)
        assert done.returncode == 2
        assert (
            "the data is of version 17, in planner_postgres17; 18 would start empty. Do: "
            in flat(done.stdout)
        )
        assert "changed=0" in done.stdout
        assert machine.containers == before
        machine.serves_as_before(rows)

    @pytest.mark.thorough
    def test_the_stack_refuses_an_image_of_another_version(self, machine, rows) -> None:
        """One of the owner's own, which tells its version only once it is here."""
        before = machine.containers
        with crashing("while it is filled") as words:
            done = machine.stack(*words)
        assert done.returncode == 2
        assert "the data in planner_postgres17 is of version 17, and the image" in flat(done.stdout)
        assert machine.containers == before
        machine.serves_as_before(rows)

    @pytest.mark.thorough
    def test_a_preview_of_the_upgrade(self, machine, rows) -> None:
        """It says what would happen, and changes nothing."""
        before = machine.containers
        done = machine.upgrade(*TO_18, "--check")
        assert done.returncode == 0, done.stdout
        assert "Would rehearse PostgreSQL 18 on a backup" in flat(done.stdout)
        assert machine.containers == before
        machine.serves_as_before(rows)

    @pytest.mark.thorough
    def test_everything_that_stands_in_the_way(self, machine, rows) -> None:
        """A database that would not come along, a volume that is somebody's, a version that is none: all at once."""
        before = machine.containers
        other = "planner_postgres16"
        machine.host.check_output("docker exec planner-postgres-1 createdb -U postgres mine")
        machine.host.check_output(f"docker volume create {other}")
        try:
            done = machine.upgrade("-e", "stack_postgres_major=16")
        finally:
            machine.host.check_output(f"docker volume rm {other}")
            machine.host.check_output("docker exec planner-postgres-1 dropdb -U postgres mine")
        said = flat(done.stdout)
        assert done.returncode == 2
        for reason in (
            "stack_postgres_major: 16 is older than 17",
            f"{other} is there already, and no upgrade made it",
            "beside planner there is mine, of which no backup is made",
        ):
            assert reason in said
        assert machine.containers == before
        machine.serves_as_before(rows)


@pytest.mark.thorough
class TestFailures:
    """The upgrade does not succeed."""

    @pytest.mark.parametrize("where", CRASHES)
    def test_the_new_version_crashes(self, machine, rows, where: str) -> None:
        """The rehearsal cannot foresee it; the old version serves again by itself, with every row."""
        with crashing(where) as words:
            done = machine.upgrade(*TO_18, *words)
        assert done.returncode == 2, done.stdout
        assert "PostgreSQL 17 serves again, on its data of before. The app was held for" in flat(
            done.stdout
        )
        machine.serves_as_before(rows)
        done = machine.stack()
        assert done.returncode == 0, done.stdout

    def killed(self, machine: Machine, playbook_command, reached: str) -> None:
        """Begin an upgrade whose playbook dies, and then its program, once it has come to a point."""
        with subprocess.Popen(
            playbook_command("upgrade_postgres", *IMAGE, *TO_18),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                machine.until(reached, 300)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
        machine.host.run(
            f"kill -9 $(sed -n 's/^postgres-upgrade (pid \\([0-9]*\\).*/\\1/p' {LOCK})"
        )

    def test_it_is_killed_while_it_fills(self, machine, rows, playbook_command) -> None:
        """Nobody is there any more but a timer, which brings the old version back."""
        self.killed(machine, playbook_command, "docker ps | grep -q planner-upgrade")
        assert machine.host.file(STATE).exists
        machine.until(f"test ! -e {STATE}")
        machine.serves_as_before(rows)

    def test_it_is_killed_when_all_is_filled(self, machine, rows, playbook_command) -> None:
        """The next run with the old version takes the new volume away, which could be taken for good."""
        self.killed(machine, playbook_command, f"grep -q '\"filled\"' {STATE}")
        machine.until(f"flock --nonblock {LOCK} true")
        assert machine.volumes == [OLD, NEW]
        done = machine.stack()
        assert done.returncode == 0, done.stdout
        assert machine.last_upgrade == "failed"
        machine.serves_as_before(rows)

    def test_a_reboot_when_all_is_filled(self, machine, rows, playbook_command) -> None:
        """The old version serves, and writes: then the new volume is no longer whole, and is refused."""
        self.killed(machine, playbook_command, f"grep -q '\"filled\"' {STATE}")
        machine.until(f"flock --nonblock {LOCK} true")
        machine.host.check_output("systemctl stop planner-upgrade-undo.timer")
        machine.host.check_output(
            "docker compose --project-directory /opt/planner start"
        )  # what each boot does
        machine.outside.until_ready()
        done = machine.stack(*TO_18)
        assert done.returncode == 2
        assert (
            "planner_postgres18 was not filled to the end by an upgrade, or planner_postgres17 was written to"
            in (flat(done.stdout))
        )
        machine.host.check_output("planner-upgrade-postgres settle")
        machine.serves_as_before(rows)


class TestUpgrade:
    """It succeeds."""

    def test_every_row_comes_along(self, machine, rows, measured) -> None:
        """With its vectors, the database's own settings and who may log in; the old volume stays."""
        control = f"/var/lib/docker/volumes/{OLD}/_data/global/pg_control"
        began = time.monotonic()
        done = machine.upgrade(*TO_18)
        took = time.monotonic() - began
        said = flat(done.stdout)
        assert done.returncode == 0, done.stdout
        assert "Rehearsed: backup" in said
        gap = re.search(r"PostgreSQL 18 serves\. The app was held for (\d+) s", said)
        assert gap
        machine.outside.until_ready()
        assert machine.major == 18
        assert machine.rows == rows
        assert machine.psql(NEAREST).strip() == "200"
        assert machine.psql("SHOW statement_timeout;") == "4min"
        assert machine.volumes == [OLD, NEW]
        assert machine.host.file(control).exists
        hba = f"/var/lib/docker/volumes/{NEW}/_data/18/docker/pg_hba.conf"
        assert "host all all all scram-sha-256" in machine.host.check_output(f"cat {hba}")
        assert "planner-upgrade-undo" not in machine.host.check_output(
            "systemctl list-timers --all"
        )
        assert machine.last_upgrade == "good"
        measured("upgrade from PostgreSQL 17 to 18, s", f"{took:.0f}")
        measured("of that without the app, s", gap[1])

    def test_the_app_writes(self, machine) -> None:
        """A message becomes a task."""
        answer = machine.outside.message(machine.outside.new_update_id(), "buy a ladder")
        assert answer.status == 200
        deadline = time.monotonic() + 60
        while "buy a ladder" not in machine.psql(
            "SELECT title FROM tasks ORDER BY id DESC LIMIT 3;"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.5)

    @pytest.mark.thorough
    def test_a_second_run_changes_nothing(self, machine) -> None:
        """Neither of the stack nor of the upgrade."""
        before = machine.containers
        for done in (machine.stack(*TO_18), machine.upgrade(*TO_18)):
            assert done.returncode == 0, done.stdout
            assert re.search(r"changed=0 ", done.stdout), done.stdout
        assert machine.containers == before

    def test_the_old_version_is_refused(self, machine) -> None:
        """It would serve what was true before."""
        done = machine.stack()
        assert done.returncode == 2
        assert "version 18 serves; planner_postgres17 has the data of before the upgrade" in flat(
            done.stdout
        )
        assert machine.major == 18

    @pytest.mark.thorough
    def test_a_backup_and_a_drill_of_it(self, machine) -> None:
        """Both go on as always."""
        machine.host.check_output("planner-backup run --why 'after the upgrade'")
        said = machine.host.check_output("planner-backup drill --from local")
        assert "Drill PASSED" in said

    @pytest.mark.thorough
    def test_the_old_volume_stays_until_that_is_confirmed(self, machine) -> None:
        """Not while the inventory still wishes the old version; and a preview leaves it."""
        done = machine.upgrade("-e", "upgrade_confirm=true")
        assert done.returncode == 2
        assert "PostgreSQL 18 serves, and stack_postgres_major is 17" in flat(done.stdout)
        done = machine.upgrade("-e", "upgrade_confirm=true", *TO_18, "--check")
        assert "Would remove planner_postgres17." in done.stdout
        assert machine.volumes == [OLD, NEW]

    def test_the_old_volume_goes_when_that_is_confirmed(self, machine) -> None:
        """The new version serves on."""
        done = machine.upgrade("-e", "upgrade_confirm=true", *TO_18)
        assert done.returncode == 0, done.stdout
        assert machine.volumes == [NEW]
        assert machine.major == 18
