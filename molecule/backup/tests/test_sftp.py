"""The same off-site by SFTP: with a key that is for nothing else, to a server that is known."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import SECRETS, bench

pytestmark = pytest.mark.thorough
USER, SERVER = "planner-sftp", "10.231.0.4"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the owner's options of an SFTP account of the bench."""
    key = tmp_path_factory.mktemp("sftp") / "key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(make, check=True)
    known, path = bench("sftp", USER, give=key.with_suffix(".pub").read_text()).splitlines()
    yield {
        "backup_repository": f"sftp:{USER}@{SERVER}:{path}/planner",
        "backup_sftp_key": key.read_text().strip(),
        "backup_sftp_host_key": known,
        "backup_s3_key_id": "",
        "backup_s3_secret": "",
    }
    bench("forget", USER)


@pytest.fixture(scope="module", autouse=True)
def by_sftp(droplet: Any, playbook: Any, account: dict[str, str]) -> Iterator[None]:
    """Bring backups there for a while; afterwards everything is where it was."""
    changed = playbook("site", "--tags", "backup", "-e", json.dumps(account))
    assert changed.returncode == 0, changed.stdout
    assert account["backup_sftp_key"].splitlines()[1] not in changed.stdout
    yield
    again = playbook("site", "--tags", "backup")
    assert again.returncode == 0, again.stdout
    droplet.made()


def test_by_the_timer(droplet) -> None:
    """What the timer starts brings every local backup there; check, drill and restore find them."""
    ran = droplet.unit()
    assert ran.code == 0, ran.said
    status = droplet.status()
    assert status["repository"].startswith("sftp:")
    listed = json.loads(droplet.must("list", "--json"))["backups"]
    assert {one["number"] for one in listed if one["offsite"]} == set(droplet.local())
    for unit in ("planner-backup-check", "planner-drill"):
        ran = droplet.unit(unit)
        assert ran.code == 0, ran.said
    rows = droplet.rows()
    droplet.psql("DELETE FROM label WHERE task_id % 7 = 0")
    droplet.must("restore", "--from", "offsite")
    assert droplet.rows() == rows


def test_another_server(droplet) -> None:
    """A server that answers with another key is not talked to."""
    known = droplet.host.check_output(f"cat {SECRETS}/backup_sftp_host_key")
    kind, key = known.split()[1:3]
    other = key[:40] + ("A" if key[40] != "A" else "B") + key[41:]
    with droplet.other(f"{SECRETS}/backup_sftp_host_key", f"{SERVER} {kind} {other}"):
        ran = droplet.unit()
    assert ran.code != 0
    assert "the storage refuses the credentials" in ran.said
    assert "Host key verification failed" in ran.said


def test_account_gone(droplet, account) -> None:
    """Without the account it is said that the storage refuses the key; the backup is here all the same."""
    number = max(droplet.local())
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", "/dev/stdin"],
        input=account["backup_sftp_key"] + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    bench("sftp", USER, give="ssh-ed25519 AAAA nobody\n")
    ran = droplet.unit()
    bench("sftp", USER, give=public.stdout)
    assert ran.code != 0
    assert "the storage refuses the credentials" in ran.said
    assert number + 1 in droplet.local()
    droplet.must("run")
