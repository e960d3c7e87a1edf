"""A Droplet as it is on its first day, in the order of an unlucky owner's first week.

No test_*.py: it is another machine than that of the other tests, and runs beside them; see test_zz_first_week.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import ROOT, gets_in, new_key, ssh


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    """Return the Droplet that nobody has hardened yet."""
    instances = yaml.safe_load(Path(os.environ["MOLECULE_INSTANCE_CONFIG"]).read_text())
    return next(entry for entry in instances if entry["instance"] == "fresh")


class Owner:
    """Runs the role on the fresh Droplet as its owner does, with the inventory of the first day."""

    def __init__(self, fresh: dict[str, Any], folder: Path) -> None:
        """Write that inventory."""
        host = {
            "ansible_host": fresh["address"],
            "ansible_user": "root",
            "ansible_ssh_private_key_file": fresh["identity_file"],
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        }
        inventory = folder / "hosts.yml"
        inventory.write_text(json.dumps({"droplets": {"hosts": {"fresh": host}}}))
        playbook = str(ROOT / "playbooks/site.yml")
        self.command = ["ansible-playbook", "-i", str(inventory), playbook]
        self.command += ["--tags", "memory,hardening", "--extra-vars"]

    def run(self, **values: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = [*self.command, json.dumps(values)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    def kill_at(self, task: str, **values: Any) -> None:
        """Kill it, without a chance to tidy up, as soon as a task begins."""
        process = subprocess.Popen(
            [*self.command, json.dumps(values)],
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout
        for line in process.stdout:
            if line.startswith("TASK [") and task in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
        assert process.wait(timeout=60) == -signal.SIGKILL


@pytest.fixture(scope="module")
def owner(fresh: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Owner:
    """Return the owner of the fresh Droplet."""
    return Owner(fresh, tmp_path_factory.mktemp("owner"))


def test_a_key_that_does_not_work(fresh, owner, tmp_path):
    """Nothing is closed before a new login has proved the admin's key."""
    refused = owner.run(droplet_admin_keys=[new_key(tmp_path)])
    assert refused.returncode == 2
    assert "its change was taken back" in refused.stdout
    assert gets_in(fresh, "root")
    assert ssh(fresh, "root", "sshd -T").stdout.count("passwordauthentication yes") == 1
    assert ssh(fresh, "root", "nft list table inet planner").returncode != 0
    assert len(ssh(fresh, "root", "ls /etc/ssh/ssh_host_*_key").stdout.split()) == 3


def test_the_host_takes_back_by_itself(fresh, owner):
    """A run that is killed before its proof leaves nothing: after two minutes the Droplet is as before."""
    owner.kill_at("Door | Log in anew as the admin")
    assert "passwordauthentication no" in ssh(fresh, "root", "sshd -T").stdout
    deadline = time.monotonic() + 180
    while "passwordauthentication yes" not in ssh(fresh, "root", "sshd -T").stdout:
        assert time.monotonic() < deadline, ssh(fresh, "root", "systemctl list-timers").stdout
        time.sleep(5)
    assert ssh(fresh, "root", "nft list table inet planner").returncode != 0
    assert ssh(fresh, "root", "ls -A /var/lib/planner").stdout == ""


def test_a_reboot_takes_back(fresh, owner):
    """A reboot forgets timers, but not that nobody confirmed."""
    owner.kill_at("Door | Log in anew as the admin")
    assert "passwordauthentication no" in ssh(fresh, "root", "sshd -T").stdout
    restart = ["docker", "restart", "--time", "60", fresh["container"]]
    subprocess.run(restart, check=True, capture_output=True)
    deadline = time.monotonic() + 90
    while "passwordauthentication yes" not in ssh(fresh, "root", "sshd -T").stdout:
        assert time.monotonic() < deadline
        time.sleep(2)


def test_the_same_command_before_and_after(fresh, owner):
    """The first run comes in as root and closes that door; the second finds the admin's by itself."""
    first = owner.run()
    assert first.returncode == 0, first.stdout
    assert gets_in(fresh, "deploy")
    assert not gets_in(fresh, "root")
    second = owner.run()
    assert second.returncode == 0, second.stdout
    assert "changed=0" in second.stdout, second.stdout


@pytest.mark.thorough
@pytest.mark.parametrize("listens", ["ssh.service", "ssh.socket"])
def test_another_port(fresh, owner, listens):
    """The port changes, firewall included, whether the server or systemd listens on it; and changes back."""
    if listens == "ssh.socket":  # as on Ubuntu
        line = "systemctl disable --now ssh.service; systemctl enable --now ssh.socket"
        ssh(fresh, "deploy", f"sudo systemd-run --collect sh -c '{line}'")
        time.sleep(3)
        assert ssh(fresh, "deploy", "systemctl is-active ssh.socket").stdout == "active\n"
    moved = owner.run(droplet_ssh_port=2222)
    assert moved.returncode == 0, moved.stdout
    assert gets_in(fresh, "deploy", 2222)
    assert not gets_in(fresh, "deploy", 22)
    assert "changed=0" in owner.run(droplet_ssh_port=2222).stdout
    back = owner.run(ansible_port=2222)
    assert back.returncode == 0, back.stdout
