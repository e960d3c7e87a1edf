"""Nobody is locked out, and nobody but the admin is let in: on the hardened Droplet, and on one that meets it bare."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = [
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    "ConnectTimeout=10",
]
POLICY = "Hardened Debian 13 (version 1)"


def ssh(droplet: dict[str, Any], user: str, command: str, *options: str, port: int = 22) -> Any:
    """Log in anew and run a command; return what ssh says."""
    key = ["-i", droplet["identity_file"], "-p", str(port)]
    line = ["ssh", *OPTIONS, *key, *options, f"{user}@{droplet['address']}", command]
    deadline = time.monotonic() + 90
    while True:
        said = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
        # After a few refused keys the server does not talk to their sender for a while.
        if "kex_exchange_identification" not in said.stderr or time.monotonic() > deadline:
            return said
        time.sleep(3)


def gets_in(droplet: dict[str, Any], user: str, port: int = 22) -> bool:
    """Tell whether the account lets its key in, with sudo where it needs it."""
    return ssh(droplet, user, "sudo -n true", port=port).returncode == 0


def new_key(folder: Path) -> str:
    """Make a valid key whose private half nobody uses."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", folder / "other"],
        check=True,
    )
    return (folder / "other.pub").read_text().strip()


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


class TestHardened:
    """The Droplet that site.yml has hardened."""

    def test_only_the_admin_gets_in(self, instance):
        """The admin does, with sudo; root with the very same key does not."""
        assert gets_in(instance, "deploy")
        assert not gets_in(instance, "root")

    def test_a_password_is_not_even_asked_for(self, instance):
        """The server offers keys and nothing else, to whoever asks."""
        for user in ("deploy", "root", "nobody"):
            said = ssh(instance, user, "true", "-o", "PubkeyAuthentication=no").stderr
            assert "Permission denied (publickey)." in said

    def test_no_account_has_a_password(self, host):
        """Root's and the admin's are locked, and the admin's never expires, which would refuse the key."""
        for user in ("root", "deploy"):
            assert host.check_output(f"passwd -S {user}").split()[1] == "L"
        assert host.check_output("getent shadow deploy").split(":")[4] in ("", "-1", "99999")

    def test_ssh_audit(self, instance):
        """An outside auditor finds nothing to fail or warn about, and its policy for Debian 13 passes."""
        audit = [sys.executable, "-m", "ssh_audit.ssh_audit", "--skip-rate-test"]
        report = subprocess.run(
            [*audit, "--json", instance["address"]], capture_output=True, text=True, check=False
        )
        findings = [
            (kind, entry["algorithm"], level, notes)
            for kind in ("kex", "key", "enc", "mac")
            for entry in json.loads(report.stdout)[kind]
            for level, notes in entry.get("notes", {}).items()
            if level in ("fail", "warn")
        ]
        assert report.returncode == 0, report.stdout + report.stderr
        assert findings == []
        policy = subprocess.run(
            [*audit, "--policy", POLICY, instance["address"]],
            capture_output=True,
            text=True,
            check=False,
        )
        assert policy.returncode == 0, policy.stdout + policy.stderr
        assert "Passed" in policy.stdout

    def test_old_host_keys_are_retired(self, host, instance):
        """Only the Ed25519 key is left, and it is the one that is offered."""
        assert host.check_output("ls /etc/ssh/*_key") == "/etc/ssh/ssh_host_ed25519_key"
        assert not host.file("/etc/ssh/moduli").exists
        scan = ["ssh-keyscan", "-t", "rsa,ecdsa,ed25519", instance["address"]]
        found = subprocess.run(scan, capture_output=True, text=True, check=False).stdout
        assert {line.split()[1] for line in found.splitlines()} == {"ssh-ed25519"}

    def test_cloud_init_cannot_allow_passwords(self, host, instance, site):
        """A drop-in that allows them, as cloud-init writes it, changes nothing."""
        file = "/etc/ssh/sshd_config.d/50-cloud-init.conf"
        host.check_output(f"echo PasswordAuthentication yes >{file} && systemctl reload ssh")
        assert "passwordauthentication no" in host.check_output("sshd -T").splitlines()
        said = ssh(instance, "deploy", "true", "-o", "PubkeyAuthentication=no").stderr
        assert "Permission denied (publickey)." in said
        done = site("--tags", "hardening")
        assert done.returncode == 0, done.stdout
        assert "changed=0" in done.stdout
        host.check_output(f"rm {file} && systemctl reload ssh")

    def test_what_overrides_is_named(self, host, instance, site):
        """A Match block elsewhere would win: the run says so, and the admin still gets in."""
        file = "/etc/ssh/sshd_config.d/99-match.conf"
        host.check_output(f"printf 'Match all\\nPasswordAuthentication yes\\n' >{file}")
        refused = site("--tags", "hardening")
        host.check_output(f"rm {file}")
        assert refused.returncode == 2
        assert "says 'passwordauthentication yes' instead of 'passwordauthentication no'" in (
            refused.stdout
        )
        assert gets_in(instance, "deploy")
        assert "changed=0" in site("--tags", "hardening").stdout

    def test_a_key_that_does_not_work(self, instance, site, tmp_path):
        """New keys with which the owner does not get in are taken back: the old one still opens the door."""
        wish = json.dumps({"droplet_admin_keys": [new_key(tmp_path)]})
        refused = site("--tags", "hardening", "--extra-vars", wish)
        assert refused.returncode == 2
        assert "its change was taken back" in refused.stdout
        assert gets_in(instance, "deploy")
        assert "changed=0" in site("--tags", "hardening").stdout

    def test_what_is_no_key_is_refused_before_anything_else(self, site):
        """All mistakes at once, by their place in the list; a private key is never printed."""
        private = "-----BEGIN OPENSSH PRIVATE KEY----- geheim"
        wish = json.dumps({"droplet_admin_keys": ["~/.ssh/id_ed25519.pub", private]})
        refused = site("--extra-vars", wish)
        assert refused.returncode == 2
        assert "droplet_admin_keys[0]: is the name of a file" in refused.stdout
        assert "droplet_admin_keys[1]: is a private key" in refused.stdout
        assert "geheim" not in refused.stdout
        assert "Login |" not in refused.stdout

    def test_an_allow_list_without_the_owner_is_refused(self, instance, site):
        """A firewall that would keep this very run out never loads."""
        wish = json.dumps({"hardening_ssh_allow_from": ["203.0.113.0/24"]})
        refused = site("--tags", "hardening", "--extra-vars", wish)
        assert refused.returncode == 2
        assert "hardening_ssh_allow_from" in refused.stdout
        assert gets_in(instance, "deploy")


class TestFresh:
    """A Droplet as it is on its first day, in the order of an unlucky owner's first week."""

    def test_a_key_that_does_not_work(self, fresh, owner, tmp_path):
        """Nothing is closed before a new login has proved the admin's key."""
        refused = owner.run(droplet_admin_keys=[new_key(tmp_path)])
        assert refused.returncode == 2
        assert "its change was taken back" in refused.stdout
        assert gets_in(fresh, "root")
        assert ssh(fresh, "root", "sshd -T").stdout.count("passwordauthentication yes") == 1
        assert ssh(fresh, "root", "nft list table inet planner").returncode != 0
        assert len(ssh(fresh, "root", "ls /etc/ssh/ssh_host_*_key").stdout.split()) == 3

    def test_the_host_takes_back_by_itself(self, fresh, owner):
        """A run that is killed before its proof leaves nothing: after two minutes the Droplet is as before."""
        owner.kill_at("Door | Log in anew as the admin")
        assert "passwordauthentication no" in ssh(fresh, "root", "sshd -T").stdout
        deadline = time.monotonic() + 180
        while "passwordauthentication yes" not in ssh(fresh, "root", "sshd -T").stdout:
            assert time.monotonic() < deadline, ssh(fresh, "root", "systemctl list-timers").stdout
            time.sleep(5)
        assert ssh(fresh, "root", "nft list table inet planner").returncode != 0
        assert ssh(fresh, "root", "ls -A /var/lib/planner").stdout == ""

    def test_a_reboot_takes_back(self, fresh, owner):
        """A reboot forgets timers, but not that nobody confirmed."""
        owner.kill_at("Door | Log in anew as the admin")
        assert "passwordauthentication no" in ssh(fresh, "root", "sshd -T").stdout
        restart = ["docker", "restart", "--time", "60", fresh["container"]]
        subprocess.run(restart, check=True, capture_output=True)
        deadline = time.monotonic() + 90
        while "passwordauthentication yes" not in ssh(fresh, "root", "sshd -T").stdout:
            assert time.monotonic() < deadline
            time.sleep(2)

    def test_the_same_command_before_and_after(self, fresh, owner):
        """The first run comes in as root and closes that door; the second finds the admin's by itself."""
        first = owner.run()
        assert first.returncode == 0, first.stdout
        assert gets_in(fresh, "deploy")
        assert not gets_in(fresh, "root")
        second = owner.run()
        assert second.returncode == 0, second.stdout
        assert "changed=0" in second.stdout, second.stdout

    @pytest.mark.parametrize("listens", ["ssh.service", "ssh.socket"])
    def test_another_port(self, fresh, owner, listens):
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
