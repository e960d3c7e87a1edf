"""Backups on the demo with some 60 MiB of data: dump, upload, drill, restore, and a bare server made from them.

Part of `make bench`, the last one: the demo's Droplet is removed and comes back from its off-site backup alone.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.https_place import ROOT

Play = Callable[..., tuple[float, object]]
BUCKET = "bench"
# 50 MiB of text that hardly compresses, and tasks with their index as the app makes them.
BALLAST = """
CREATE TABLE ballast AS SELECT n, md5(random()::text) || md5(random()::text) || md5(random()::text) AS text
  FROM generate_series(1, 400000) AS n;
INSERT INTO tasks (update_id, chat_id, title, priority, source, embedding, embedding_model)
SELECT 9000000 + n, 1, 'ballast', 'normal', 'text',
    (SELECT ('[' || string_agg((random() + i * 0)::text, ',') || ']')::vector
     FROM generate_series(1, 256) AS i WHERE n > 0), 'bench'
FROM generate_series(1, 2000) AS n;
"""


@dataclass(frozen=True)
class Step:
    """One run of the program, or of a playbook: its seconds, and what it moved."""

    name: str
    seconds: float
    mib: float
    rows: int


def droplet(*words: str, stdin: str | None = None) -> str:
    """Run a command on the demo's Droplet."""
    command = ["docker", "exec", "-i", "planner-demo", *words]
    return subprocess.run(
        command, input=stdin, text=True, check=True, stdout=subprocess.PIPE
    ).stdout


def logged(kind: str) -> Step:
    """Read the newest run of a kind from the program's own log."""
    lines = droplet("cat", "/opt/planner/backup/log.jsonl").splitlines()
    run = [one for one in map(json.loads, lines) if one["kind"] == kind][-1]
    return Step(kind, run["seconds"], run["size"] / 2**20, run["rows"])


def steps(play: Play, push: Callable[[], str]) -> list[Step]:
    """Measure each, one after the other. ``push`` has the registry hold the app, and names it."""
    bench = ROOT / "molecule/bench/s3.sh"
    subprocess.run([bench, "up"], check=True)
    try:
        said = subprocess.check_output([bench, "bucket", BUCKET], text=True).split()
        wish = {
            "backup_repository": f"s3:http://10.231.0.4:8000/{BUCKET}",
            "backup_password": secrets.token_urlsafe(24),
            "backup_s3_key_id": said[0],
            "backup_s3_secret": said[1],
        }
        return measured(play, push, wish)
    finally:
        subprocess.run([bench, "forget", BUCKET], check=True)


def measured(play: Play, push: Callable[[], str], wish: dict[str, str]) -> list[Step]:
    file = ROOT / ".cache/bench/off-site.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(wish | {"droplet_image": push()}))
    extra = ("-e", f"@{file}")
    try:
        play("backup-role", "playbooks/site.yml", "--tags", "backup", *extra)
        server = ["docker", "exec", "-i", "planner-postgres-1"]
        psql = ["psql", "-q", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-d", "planner"]
        droplet(*server, *psql, stdin=BALLAST)
        play("backup", "playbooks/backup.yml", *extra)
        found = [logged("backup"), logged("upload")]
        play("drill", "playbooks/drill.yml", *extra)
        play("restore", "playbooks/restore.yml", "-e", "restore_from=offsite", *extra)
        found += [logged("drill"), logged("restore")]
        lost = found[0]
        subprocess.run([ROOT / "scripts/demo-down.sh"], check=True)
        subprocess.run([ROOT / "scripts/demo.sh", "--bare", os.devnull], check=True)
        file.write_text(json.dumps(wish | {"droplet_image": push()}))
        wall, _ = play("recover", "playbooks/recover.yml", *extra)
        return [*found, Step("recover", wall, lost.mib, logged("restore").rows)]
    finally:
        file.unlink()


def table(found: Sequence[Step]) -> str:
    """Show them, each as a multiple of the first: the dump with its checks."""
    first = max(found[0].seconds, 0.1)
    head = f"{'backups':<14}{'seconds':>9}{'x dump':>8}{'MiB':>8}{'rows':>9}"
    rows = [
        f"{one.name:<14}{one.seconds:>9.1f}{one.seconds / first:>8.1f}{one.mib:>8.1f}{one.rows:>9}"
        for one in found
    ]
    return "\n".join([head, *rows])
