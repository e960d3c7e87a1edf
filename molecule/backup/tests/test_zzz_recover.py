"""The machine is lost with its volumes: an empty one becomes it again, from the off-site backups alone.

The last file: the other tests' Droplet is gone afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml

from .conftest import BACKUPS, BLOCKS, DOMAIN, PROJECT, ROOT, VOLUME, Droplet, prepare

# What of the host's own has to be the same again, as one checksum each.
KEPT = (
    f"{PROJECT}/secrets/*",
    f"{PROJECT}/tls/nginx/served.pem",
    "/etc/letsencrypt/live/planner/*.pem",
)
SUMS = f"sha256sum {' '.join(KEPT)}"


def instances() -> dict[str, dict[str, Any]]:
    """Return the machines by name."""
    found = yaml.safe_load(Path(os.environ["MOLECULE_INSTANCE_CONFIG"]).read_text())
    return {one["instance"]: one for one in found}


@pytest.fixture(scope="module")
def instance() -> dict[str, Any]:
    """Mean the empty machine by everything that is asked here."""
    return instances()["fresh"]


def run_playbook(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run it where this repository is, to its end, whatever that is."""
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )


def inventory(instance: dict[str, Any], folder: Path) -> Path:
    """Write what an owner has who has lost the machine and the inventory: an address, and what opens the backups."""
    key_id, secret = (
        (Path(instances()["droplet"]["identity_file"]).parent / "s3_key").read_text().split()
    )
    given = yaml.safe_load((ROOT / "molecule/backup/host_vars/droplet.yml").read_text())
    host = {
        "ansible_host": instance["address"],
        "ansible_user": "root",
        "ansible_ssh_private_key_file": instance["identity_file"],
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        "backup_repository": given["backup_repository"],
        "backup_password": given["backup_password"],
        "backup_s3_key_id": key_id,
        "backup_s3_secret": secret,
    }
    path = folder / "hosts.yml"
    path.write_text(json.dumps({"droplets": {"hosts": {"fresh": host}}}))
    return path


@pytest.fixture(scope="module", autouse=True)
def recovered(
    instance: dict[str, Any],
    playbook: Any,
    measured: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Lose the machine after a last backup, and have it back; return what it was."""
    container = instances()["droplet"]["container"]
    before = Droplet(testinfra.get_host(f"docker://{container}"))
    prepare(before)
    # A version that the inventory does not name: the last release does.
    pushed = [
        str(ROOT / "molecule/bench/push-image.sh"),
        "planner-demo/backend:1.0.1",
        "planner/backend",
    ]
    image = subprocess.run(pushed, capture_output=True, text=True, check=True).stdout.strip()
    released = playbook("deploy", "-e", f"droplet_image={image}", "-e", "stack_soak_s=1")
    assert released.returncode == 0, released.stdout
    lost = {
        "number": before.made()["number"],
        "rows": before.rows(),
        "sums": before.host.check_output(SUMS),
        "settings": before.host.check_output(f"cat {PROJECT}/backup/settings.json"),
        "releases": before.host.check_output(f"cat {PROJECT}/releases.jsonl"),
    }
    subprocess.run(["docker", "rm", "-f", "-v", container], check=True, capture_output=True)
    hosts = inventory(instance, tmp_path_factory.mktemp("owner"))
    # As docs/backup.md says it.
    lost["command"] = ["env", f"ANSIBLE_INVENTORY={hosts}", *BLOCKS["recover"].split()]
    began = time.monotonic()
    done = run_playbook(lost["command"])
    measured("a bare server recovered", f"{time.monotonic() - began:.0f} s")
    assert done.returncode == 0, done.stdout + done.stderr
    lost["said"] = done.stdout
    return lost


def test_every_row_is_back(droplet, recovered) -> None:
    """Of every table, with the contents it had."""
    assert droplet.rows() == recovered["rows"]
    assert len(recovered["rows"]) >= 4
    assert "The product is back after " in recovered["said"]


@pytest.mark.thorough
def test_it_is_the_same_machine(droplet, recovered) -> None:
    """The secrets, the certificate's lineage, the log of releases and the settings of the backups are the same."""
    assert droplet.host.check_output(SUMS) == recovered["sums"]
    assert droplet.host.check_output(f"cat {PROJECT}/backup/settings.json") == recovered["settings"]
    # The recovery released what was released last, and says so after it.
    releases = droplet.host.check_output(f"cat {PROJECT}/releases.jsonl")
    assert releases.startswith(recovered["releases"])
    path = droplet.host.check_output(f"docker volume inspect -f '{{{{.Mountpoint}}}}' {VOLUME}")
    assert droplet.host.check_output(f"cat {path}/note.txt") == "a note"


@pytest.mark.thorough
def test_it_serves(droplet, outside) -> None:
    """By its name with its old certificate, the version that was released last; new rows are stored."""
    assert outside.request("/health/ready").status == 200
    assert outside.request("/").json["version"] == "1.0.1"
    update = outside.new_update_id()
    assert outside.message(update, "after the loss tomorrow").json == {"result": "stored"}
    assert droplet.count("tasks", f"update_id = {update} AND title = 'after the loss'") == 1


@pytest.mark.thorough
def test_no_secret_was_told(recovered) -> None:
    """What is printed meanwhile has none of the owner's secrets."""
    given = yaml.safe_load((ROOT / "molecule/backup/host_vars/droplet.yml").read_text())
    for secret in (given["backup_password"], "demo-webhook-secret"):
        assert secret not in recovered["said"]


@pytest.mark.thorough
def test_it_goes_on(droplet, recovered) -> None:
    """The next backup counts on from the last, off-site beside those of the lost machine; a drill of it passes."""
    assert recovered["number"] in droplet.offsite()
    manifest = droplet.made()
    assert manifest["number"] > recovered["number"]
    assert "Drill PASSED" in droplet.must("drill")
    timers = droplet.host.check_output("systemctl list-timers --all")
    for name in ("planner-backup", "planner-backup-check", "planner-drill"):
        assert f"{name}.timer" in timers


@pytest.mark.thorough
def test_not_a_second_time(droplet, recovered) -> None:
    """A machine with the product's data on it is not recovered over."""
    rows, backups = droplet.rows(), droplet.host.check_output(f"ls {BACKUPS}")
    again = run_playbook(recovered["command"])
    assert again.returncode != 0
    assert "ansible-playbook playbooks/restore.yml" in again.stdout
    assert droplet.rows() == rows
    assert droplet.host.check_output(f"ls {BACKUPS}") == backups


@pytest.mark.thorough
def test_the_name_leads_to_it(outside, droplet) -> None:
    """With its name in DNS the certificate is its own to renew."""
    name = [str(ROOT / "molecule/bench/acme.sh"), "name", DOMAIN, outside.address]
    subprocess.run(name, check=True, capture_output=True)
    ran = droplet.host.run("planner-tls keep")
    assert ran.rc == 0, ran.stdout + ran.stderr
    assert outside.request("/health/ready").status == 200
