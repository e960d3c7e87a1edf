"""After the one reboot of this scenario, which is why this file is sorted last: everything is as it was before."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", autouse=True)
def _reboot(container: str, outside):
    """Restart the Droplet, and wait until systemd and the product are there."""
    subprocess.run(
        ["docker", "restart", "--time", "60", container], check=True, capture_output=True
    )
    time.sleep(1)
    outside.until_ready()
    command = ["docker", "exec", container, "systemctl", "is-system-running", "--wait"]
    subprocess.run(command, capture_output=True, text=True, check=False)


def test_containers_live(containers_live):
    """Forwarding is on before Docker starts, and stays on."""
    containers_live()


def test_the_kernel_has_its_settings(host: Host):
    """From the file alone."""
    for name, value in {
        "net/ipv4/conf/all/send_redirects": "0",
        "kernel/kptr_restrict": "2",
    }.items():
        assert host.check_output(f"cat /proc/sys/{name}") == value, name


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm"])  # noqa: S108 - looked at
def test_mounts(host: Host, folder: str):
    assert "noexec" in host.check_output(f"findmnt -no OPTIONS {folder}").split(",")


def test_the_last_boot_can_be_read(host: Host):
    """The journal of before is there."""
    assert len(host.check_output("journalctl --list-boots --no-pager").splitlines()) >= 2


def test_nothing_failed(host: Host):
    assert host.check_output("systemctl --failed --no-legend --plain") == ""


def test_nothing_to_do(site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """And the role finds that out with twelve tasks on the host at most."""
    monkeypatch.setenv("ANSIBLE_CALLBACK_PLUGINS", str(ROOT / "scripts/callback"))
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "task_times")
    monkeypatch.setenv("TASK_TIMES_FILE", str(tmp_path / "tasks.json"))
    done = site("--tags", "hardening")
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout, done.stdout
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    role = "planner.droplet.hardening : "
    remote = [
        task["name"] for task in tasks if task["executions"] and task["name"].startswith(role)
    ]
    assert 0 < len(remote) <= 12, remote
