"""The Droplet's backups, here and off-site; the storage and what can become of it; and the rows that must come back."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

ROOT = Path(__file__).parents[3]
# The bucket, and what the dead man's switch is called.
NAME = "backup"
DOMAIN = "backup.test"
PROJECT = "/opt/planner"
BACKUPS = f"{PROJECT}/backups"
SETTINGS = f"{PROJECT}/backup/settings.json"
SECRETS = f"{PROJECT}/backup/secrets"
LOCK = "/run/lock/planner-maintenance.lock"
VOLUME = "notes"
# In a folder of a backup.
DUMP = "database.dump.zst"
PSQL = "docker exec -i planner-postgres-1 psql -X -q -A -t -U postgres -v ON_ERROR_STOP=1"

# As the app's own rows have it, a table that points to them, and 20 MiB that hardly compress: a dump takes its time.
SEED = """
SET ROLE planner;
CREATE TABLE label (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint NOT NULL REFERENCES tasks, word text NOT NULL);
CREATE TABLE ballast AS SELECT n, md5(random()::text) || md5(random()::text) || md5(random()::text) AS text
    FROM generate_series(1, 200000) AS n;
INSERT INTO tasks (update_id, chat_id, title, priority, source, embedding, embedding_model)
    SELECT n, 7, 'seed ' || n, 'normal', 'rules',
        (SELECT array_agg(random() + 0 * (i + n)) FROM generate_series(1, 256) AS i)::vector(256), 'none'
    FROM generate_series(1, 300) AS n;
INSERT INTO label (task_id, word) SELECT id, 'word ' || id FROM tasks;
"""
# Of each table, in an order that does not depend on where the rows are stored. The app's own way to store is none
# of the backup's business, so this shares nothing with the manifest's fingerprints.
ROWS = r"""
SELECT format($$SELECT %L || '=' || count(*) || ' ' || md5(coalesce(string_agg(one::text, '|' ORDER BY one::text), ''))
    FROM public.%I AS one$$, tablename, tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename \gexec
"""
# The commands of the page that one reads at night, by their names.
PAGE = (ROOT / "docs/backup.md").read_text()
BLOCKS = dict(re.findall(r"<!-- run: ([a-z0-9-]+) -->\n```sh\n(.*?)```", PAGE, re.DOTALL))


def bench(*words: str, give: str = "") -> str:
    """Call the bench's off-site storage."""
    done = subprocess.run(
        [str(ROOT / "molecule/bench/s3.sh"), *words],
        input=give,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def storage(harm: str, mend: str, *words: str) -> Iterator[None]:
    """Have the storage in a bad state for a while."""
    bench(harm, *words)
    try:
        yield
    finally:
        bench(mend, *([] if mend in {"start", "fast"} else words[:1]))


def pings() -> list[str]:
    """List the calls of the dead man's switch."""
    return bench("pings", NAME).splitlines()


@dataclass(frozen=True)
class Ran:
    """What a program said, and how it ended."""

    code: int
    said: str


@dataclass
class Watcher:
    """Visitors, who ask all the while; what they were told, with the time."""

    outside: Any
    told: list[tuple[float, int, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Ask until told to stop."""
        while not self.stop.wait(0.1):
            answer = self.outside.request("/health/ready")
            self.told.append((time.monotonic(), answer.status, answer.body))

    @property
    def others(self) -> list[tuple[float, int, str]]:
        """What was not the product's own good answer."""
        return [one for one in self.told if one[1] != 200]

    @property
    def gap_s(self) -> float:
        """Tell for how long there was none."""
        return self.others[-1][0] - self.others[0][0] if self.others else 0.0


@dataclass
class Droplet:
    """The Droplet with its backups."""

    host: Host

    def program(self, *words: str) -> Ran:
        """Run the program as its owner does on the machine."""
        done = self.host.run(f"planner-backup {' '.join(words)}")
        return Ran(done.rc, done.stdout + done.stderr)

    def unit(self, name: str = "planner-backup") -> Ran:
        """Run it as its timer does; what it said is in the journal."""
        code = self.host.run(f"systemctl start {name}.service").rc
        run = self.host.check_output(f"systemctl show {name}.service -p InvocationID --value")
        said = self.host.check_output(f"journalctl _SYSTEMD_INVOCATION_ID={run} -o cat")
        return Ran(code, said)

    def must(self, *words: str) -> str:
        """Run the program, which has to succeed; return what it said."""
        ran = self.program(*words)
        assert ran.code == 0, ran.said
        return ran.said

    def made(self, *words: str) -> dict[str, Any]:
        """Make a good backup, off-site too; return its manifest."""
        self.must("run", *words)
        manifest = self.manifest()
        assert manifest["number"] in self.offsite()
        return manifest

    @property
    def log(self) -> list[dict[str, Any]]:
        """Read what the program wrote down, oldest first."""
        text = self.host.check_output(f"cat {PROJECT}/backup/log.jsonl")
        return [json.loads(line) for line in text.splitlines()]

    def last(self, kind: str) -> dict[str, Any]:
        """Read the newest record of a kind."""
        return next(one for one in reversed(self.log) if one["kind"] == kind)

    def local(self) -> dict[int, str]:
        """List the backups on the Droplet: folders by number."""
        found = self.host.check_output(f"ls {BACKUPS}").split()
        return {int(name.split("-")[0]): f"{BACKUPS}/{name}" for name in found}

    def manifest(self, number: int = 0) -> dict[str, Any]:
        """Read what a backup says of itself, the newest one by default."""
        found = self.local()
        folder = found[number or max(found)]
        return dict(json.loads(self.host.check_output(f"cat {folder}/manifest.json")))

    def restic(self, *words: str) -> str:
        """Run restic as its owner would by hand."""
        return self.host.check_output(f"{self.by_hand} restic {' '.join(words)}")

    @property
    def by_hand(self) -> str:
        """Give the environment of a restic by hand; no secret is in it."""
        repository = json.loads(self.host.check_output(f"cat {SETTINGS}"))["repository"]
        keys = {"ID": "backup_s3_key_id", "KEY": "backup_s3_secret"}
        taken = [
            f"AWS_{'SECRET_' if name == 'KEY' else ''}ACCESS_KEY{'_ID' if name == 'ID' else ''}"
            f'="$(cat {SECRETS}/{file})"'
            for name, file in keys.items()
        ]
        rest = [
            f"RESTIC_REPOSITORY={repository}",
            f"RESTIC_PASSWORD_FILE={SECRETS}/backup_password",
        ]
        return " ".join([*taken, *rest, "GOMAXPROCS=1"])

    def offsite(self) -> dict[int, str]:
        """List the backups off-site: snapshots by number."""
        found = json.loads(self.restic("snapshots", "--json", "--no-lock"))
        numbers = {
            tag.removeprefix("number="): one["id"]
            for one in found
            for tag in one["tags"]
            if tag.startswith("number=")
        }
        return {int(number): snapshot for number, snapshot in numbers.items()}

    def psql(self, statements: str, database: str = "planner") -> str:
        """Ask PostgreSQL, as its superuser."""
        return str(self.host.check_output(f"{PSQL} -d {database} <<'END'\n{statements}\nEND"))

    def count(self, table: str, where: str = "true") -> int:
        """Count a table's rows."""
        return int(self.psql(f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608 - our own words

    def rows(self, database: str = "planner") -> dict[str, str]:
        """Tell how many rows each table has, with a fingerprint of them."""
        found = self.psql(ROWS, database).splitlines()
        return dict(line.split("=", 1) for line in found)

    def status(self) -> dict[str, Any]:
        """Read what the program has to say of the backups."""
        return dict(json.loads(self.must("status")))

    def write(self, path: str, text: str) -> None:
        """Replace a file's content, and nothing else of it."""
        self.host.check_output(f"cat >{path} <<'END'\n{text}\nEND")

    @contextmanager
    def settings(self, **changes: Any) -> Iterator[None]:
        """Have other settings for a while, as if the owner had run the playbook with them."""
        before = self.host.check_output(f"cat {SETTINGS}")
        self.write(SETTINGS, json.dumps(json.loads(before) | changes))
        try:
            yield
        finally:
            self.write(SETTINGS, before)

    @contextmanager
    def other(self, path: str, text: str) -> Iterator[None]:
        """Have something else in a file for a while."""
        before = self.host.check_output(f"cat {path}")
        self.write(path, text)
        try:
            yield
        finally:
            self.write(path, before)

    def in_background(self, command: str, unit: str = "bench-job") -> None:
        """Begin a command that does not wait for it."""
        self.host.check_output(f"systemd-run --quiet --collect --unit {unit} sh -c %s", command)

    def until(self, condition: str, seconds: int = 60) -> None:
        """Wait until a command of the Droplet says so."""
        rounds = seconds * 20
        wait = f"for _ in $(seq {rounds}); do {condition} && exit 0; sleep 0.05; done; exit 1"
        assert self.host.run("sh -c %s", wait).rc == 0, f"not within {seconds} s: {condition}"

    def idle(self) -> None:
        """Wait until nothing is under way on the Droplet."""
        self.host.check_output(f"flock --wait 300 {LOCK} true")

    def clean(self) -> None:
        """Nothing half-done is left: no partial backup, nothing fetched, no other server, no other database."""
        assert self.host.run(f"ls -A {BACKUPS} | grep -E 'partial|fetched'").stdout == ""
        assert "planner-drill" not in self.host.check_output("docker ps -a --format '{{.Names}}'")
        databases = self.psql("SELECT datname FROM pg_database ORDER BY datname").split()
        assert databases == ["planner", "postgres", "template0", "template1"]
        assert not self.host.file(f"{PROJECT}/backup/running.json").exists


def prepare(droplet: Droplet) -> None:
    """Have an owner's volume and rows, a first time."""
    host = droplet.host
    host.check_output(f"docker volume create {VOLUME}")
    path = f"$(docker volume inspect -f '{{{{.Mountpoint}}}}' {VOLUME})"
    host.check_output(f"echo 'a note' >{path}/note.txt")
    if droplet.psql("SELECT to_regclass('public.ballast')") == "":
        droplet.psql(SEED)


@pytest.fixture(scope="module")
def outside(outside: Any, instance: dict[str, Any]) -> Any:
    """Return the Droplet from outside, by its name, trusting nobody but the bench's CA."""
    cafile = Path(instance["identity_file"]).parent / "ca.pem"
    return replace(outside, name=DOMAIN, cafile=str(cafile))


@pytest.fixture(scope="module")
def droplet(host: Host, outside: Any) -> Droplet:
    """Return the Droplet, with rows, and with a good backup of them."""
    found = Droplet(host)
    outside.until_ready()
    prepare(found)
    if not host.file(BACKUPS).exists or not found.local():
        found.made()
    return found


@pytest.fixture
def unharmed(droplet: Droplet) -> Iterator[Droplet]:
    """Whatever is tried, the backups of before are there as they were, and afterwards a run is good again."""
    here, there = files(droplet), droplet.offsite()
    yield droplet
    droplet.idle()
    assert here <= files(droplet)
    assert there.items() <= droplet.offsite().items()
    droplet.clean()


def files(droplet: Droplet) -> set[str]:
    """List every file of every local backup, with what changes when anybody touches it."""
    listed = droplet.host.check_output(f"find {BACKUPS} -type f -printf '%p %s %i %T@\\n'")
    return set(listed.splitlines())


@pytest.fixture
def watched(outside: Any) -> Callable[[], contextlib.AbstractContextManager[Watcher]]:
    """Return a context in which visitors ask all the while."""

    @contextmanager
    def watching() -> Iterator[Watcher]:
        watcher = Watcher(outside)
        visitors = [threading.Thread(target=watcher.ask) for _ in range(3)]
        for one in visitors:
            one.start()
        try:
            yield watcher
        finally:
            watcher.stop.set()
            for one in visitors:
                one.join()

    return watching
