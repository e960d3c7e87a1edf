"""The first step of a recovery: the lost machine's inventory, from the repository alone."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.planner.droplet.plugins.module_utils._backup_make import Maker
from ansible_collections.planner.droplet.plugins.module_utils._backup_recover import lost_inventory
from ansible_collections.planner.droplet.plugins.module_utils._backup_settings import (
    BackupError,
    Settings,
)
from ansible_collections.planner.droplet.plugins.module_utils._release_log import GOOD, Record

from tests.unit.backup_bench import PASSWORD, REPOSITORY, SECRET, Bench

INVENTORY = {"droplet_size": "s-1vcpu-1gb", "droplet_secrets": {"telegram_bot_token": "1:x"}}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bare machine; off-site is backup 5 of one that was lost."""
    made = Bench(tmp_path, monkeypatch, offsite=True)
    folder = made.folder / "backup/inventory"
    folder.mkdir()
    (folder / "droplet.json").write_text(json.dumps(INVENTORY))
    made.sent(Maker(made.settings, 5, "timer").make())
    for name in ("secrets", "backup", "compose.yml"):
        subprocess.run(["rm", "-r", made.folder / name], check=True)
    return made


def recover(bench: Bench, wish: str = "latest", **secrets: str) -> tuple[int, dict[str, Any]]:
    """Begin to recover, with only the address and what opens it."""
    given = {"backup_password": PASSWORD, "backup_s3_secret": SECRET, "backup_s3_key_id": ""}
    settings = Settings(str(bench.folder), repository=REPOSITORY)
    return lost_inventory(settings, given | secrets, wish)


def test_found(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the owner wrote, and of which backup; nothing is left on the machine."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert recover(bench) == (5, INVENTORY | {"stack_postgres_major": 17})
    assert recover(bench, "5")[0] == 5
    assert list(scratch.iterdir()) == []
    assert [one.name for one in bench.folder.iterdir()] == ["backups"]


def test_what_ran_last(bench: Bench) -> None:
    """A later release counts more than the image that the inventory named: the backup was made of that one."""
    folder = bench.folder / "backup/inventory"
    folder.mkdir(parents=True)
    old = INVENTORY | {"droplet_image": "registry/app@sha256:0", "stack_postgres_major": 16}
    (folder / "droplet.json").write_text(json.dumps(old))
    image = {"backend": "registry/app@sha256:1"}
    now = Record(7, given=image, images=image, result=GOOD)
    (bench.folder / "releases.jsonl").write_text(now.to_json() + "\n")
    (bench.folder / "secrets").mkdir()
    bench.sent(Maker(bench.settings, 6, "timer").make())
    for name in ("secrets", "backup"):
        subprocess.run(["rm", "-r", bench.folder / name], check=True)
    found = {"droplet_image": "registry/app@sha256:1", "stack_postgres_major": 17}
    assert recover(bench) == (6, INVENTORY | found)


def test_secrets(bench: Bench, tmp_path: Path) -> None:
    """They are handed over as on the machine itself: no file is for anybody else, no command line has one."""
    seen = tmp_path / "modes"
    bench.restic.rules(
        {"*snapshots*": f'stat -c "%a %n" "${{RESTIC_PASSWORD_FILE%/*}}"/* >>{seen}'}
    )
    recover(bench)
    modes = [line.split() for line in seen.read_text().splitlines()]
    assert {(mode, Path(name).name) for mode, name in modes} == {
        ("600", "backup_password"),
        ("600", "backup_s3_secret"),
    }
    said = "\n".join(bench.restic.calls)
    assert SECRET not in said
    assert PASSWORD not in said


def test_in_use(bench: Bench) -> None:
    """A machine that serves is not overwritten; one whose recovery was cut off goes on."""
    (bench.folder / "compose.yml").touch()
    with pytest.raises(BackupError, match=r"so it needs no recovery\. Do: ansible-playbook"):
        recover(bench)
    assert bench.restic.calls == []
    (bench.folder / "backup").mkdir()
    (bench.folder / "backup/recovering").touch()
    assert recover(bench)[0] == 5


def test_another_password(bench: Bench) -> None:
    """It is said which one opens it."""
    with pytest.raises(BackupError, match="backup_password does not open the repository"):
        recover(bench, backup_password="another one")


def test_no_backup(bench: Bench) -> None:
    """What there is, is said."""
    with pytest.raises(BackupError, match=r"There is no backup 7\. There are: 5 "):
        recover(bench, "7")


def test_no_inventory(bench: Bench) -> None:
    """A backup from before there was one: the owner has to write it."""
    archive = bench.restic.snapshot(5) / "host.tar.zst"
    empty = subprocess.run(["tar", "-cT", "/dev/null"], capture_output=True, check=True).stdout
    subprocess.run(["zstd", "-q", "-f", "-o", archive], input=empty, check=True)
    with pytest.raises(BackupError, match=r"(?s)Backup 5 has no inventory in it: .*Do: write"):
        recover(bench)
