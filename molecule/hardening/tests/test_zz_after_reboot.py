"""The one reboot of this scenario, which is why this file is sorted last: everything is as it was before."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from .conftest import PROCESS, ROOT, judge, until

# What must not answer a stranger is there before.
pytestmark = pytest.mark.usefixtures("listeners", "restart")


@pytest.fixture(scope="module")
def restart(host: Host, container: str, outside) -> dict[str, Any]:
    """Have a restart that is needed meet a backup, end that, wait for system and product; return how it went."""
    backup = "/usr/local/sbin/planner-maintenance backup sleep 600"
    host.check_output(f"systemd-run --quiet --unit=lock-holder {backup}")
    until(host, "grep -q ^backup /run/lock/planner-maintenance.lock")
    booted = boot_id(host)
    host.check_output(
        "touch /run/reboot-required; systemctl start --no-block planner-reboot.service"
    )
    until(host, "journalctl -q -u planner-reboot --since=-2min | grep -q 'held by\\|waits up to'")
    state = host.check_output("systemctl show -p ActiveState --value planner-reboot")
    served = outside.request("/health/ready").status
    host.check_output("systemctl stop 'planner-maintenance-backup-*.scope'")
    deadline = time.monotonic() + 150
    while boot_id(host) in ("", booted):
        assert time.monotonic() < deadline, "it did not restart"
        time.sleep(1)
    outside.until_ready()
    command = ["docker", "exec", container, "systemctl", "is-system-running", "--wait"]
    subprocess.run(command, capture_output=True, text=True, check=False)
    return {"state": state, "served": served}


def boot_id(host: Host) -> str:
    """Name this run of the machine; empty while nobody can ask."""
    try:
        return host.check_output("cat /proc/sys/kernel/random/boot_id")
    except (AssertionError, OSError, RuntimeError):
        return ""


def test_restart_waits_for_a_backup(host: Host, restart):
    """A restart that is needed comes when the backup has ended, and the product is back by itself."""
    assert restart == {"state": "activating", "served": 200}
    assert not host.file("/run/reboot-required").exists


def test_closed_again(strangers, outside, host: Host):
    """The firewall's table is there before the network is, and Docker's rules come on top."""
    host.check_output(
        f"systemd-run --quiet --unit extra --property WorkingDirectory=/run python3 -m http.server {PROCESS}"
    )
    order = "systemctl show --property ActiveEnterTimestampMonotonic --value {}"
    table, network = (
        int(host.check_output(order.format(unit))) for unit in ("nftables", "network-pre.target")
    )
    assert 0 < table < network
    judge(strangers(), outside, host)


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
