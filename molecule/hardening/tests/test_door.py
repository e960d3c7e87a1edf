"""Nobody is locked out, and nobody but the admin is let in, on the hardened Droplet. A bare one: first_week.py."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from .conftest import gets_in, new_key, ssh

POLICY = "Hardened Debian 13 (version 1)"


def test_only_the_admin_gets_in(instance):
    """The admin does, with sudo; root with the very same key does not."""
    assert gets_in(instance, "deploy")
    assert not gets_in(instance, "root")


def test_a_password_is_not_even_asked_for(instance):
    """The server offers keys and nothing else, to whoever asks."""
    for user in ("deploy", "root", "nobody"):
        said = ssh(instance, user, "true", "-o", "PubkeyAuthentication=no").stderr
        assert "Permission denied (publickey)." in said


def test_no_account_has_a_password(host):
    """Root's and the admin's are locked, and the admin's never expires, which would refuse the key."""
    for user in ("root", "deploy"):
        assert host.check_output(f"passwd -S {user}").split()[1] == "L"
    assert host.check_output("getent shadow deploy").split(":")[4] in ("", "-1", "99999")


def test_ssh_audit(instance):
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


def test_old_host_keys_are_retired(host, instance):
    """Only the Ed25519 key is left, and it is the one that is offered."""
    assert host.check_output("ls /etc/ssh/*_key") == "/etc/ssh/ssh_host_ed25519_key"
    assert not host.file("/etc/ssh/moduli").exists
    scan = ["ssh-keyscan", "-t", "rsa,ecdsa,ed25519", instance["address"]]
    found = subprocess.run(scan, capture_output=True, text=True, check=False).stdout
    assert {line.split()[1] for line in found.splitlines()} == {"ssh-ed25519"}


def test_what_overrides_is_named(host, instance, site):
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


@pytest.mark.thorough
def test_a_key_that_does_not_work(instance, site, tmp_path):
    """New keys with which the owner does not get in are taken back: the old one still opens the door."""
    wish = json.dumps({"droplet_admin_keys": [new_key(tmp_path)]})
    refused = site("--tags", "hardening", "--extra-vars", wish)
    assert refused.returncode == 2
    assert "its change was taken back" in refused.stdout
    assert gets_in(instance, "deploy")


def test_what_is_no_key_is_refused_before_anything_else(site):
    """All mistakes at once, by their place in the list; a private key is never printed."""
    private = "-----BEGIN OPENSSH PRIVATE KEY----- geheim"
    wish = json.dumps({"droplet_admin_keys": ["~/.ssh/id_ed25519.pub", private]})
    refused = site("--extra-vars", wish)
    assert refused.returncode == 2
    assert "droplet_admin_keys[0]: is the name of a file" in refused.stdout
    assert "droplet_admin_keys[1]: is a private key" in refused.stdout
    assert "geheim" not in refused.stdout
    assert "Login |" not in refused.stdout


def test_an_allow_list_without_the_owner_is_refused(instance, site):
    """A firewall that would keep this very run out never loads."""
    wish = json.dumps({"hardening_ssh_allow_from": ["203.0.113.0/24"]})
    refused = site("--tags", "hardening", "--extra-vars", wish)
    assert refused.returncode == 2
    assert "hardening_ssh_allow_from" in refused.stdout
    assert gets_in(instance, "deploy")
    # fail2ban had been told already whom never to ban: that is no door.
    assert site("--tags", "hardening").returncode == 0


def test_cloud_init_cannot_allow_passwords(host, instance, site):
    """A drop-in that allows them, as cloud-init writes it, changes nothing; nor did all that was refused before."""
    file = "/etc/ssh/sshd_config.d/50-cloud-init.conf"
    host.check_output(f"echo PasswordAuthentication yes >{file} && systemctl reload ssh")
    assert "passwordauthentication no" in host.check_output("sshd -T").splitlines()
    said = ssh(instance, "deploy", "true", "-o", "PubkeyAuthentication=no").stderr
    assert "Permission denied (publickey)." in said
    done = site("--tags", "hardening")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    host.check_output(f"rm {file} && systemctl reload ssh")
