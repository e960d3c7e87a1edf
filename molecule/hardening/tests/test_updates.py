"""Upgrades come by themselves, one job at a time, and nobody who uses the product notices."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from .conftest import ROOT, until

# A source of its own on the Droplet's disk: NAME, its Origin, Label and Codename.
PUBLISH = r"""
set -eu
umask 022
folder=/srv/$1
mkdir -p "$folder" && cd "$folder"
for package in *.deb; do
  dpkg-deb -f "$package"
  echo "Filename: ./$package"
  echo "Size: $(stat -c %s "$package")"
  echo "SHA256: $(sha256sum "$package" | cut -d ' ' -f 1)"
  echo
done >Packages
{
  printf 'Origin: %s\nLabel: %s\nCodename: %s\nSuite: %s\nSHA256:\n' "$2" "$3" "$4" "$4"
  echo " $(sha256sum Packages | cut -d ' ' -f 1) $(stat -c %s Packages) Packages"
} >Release
echo "deb [trusted=yes] file:$folder ./" >"/etc/apt/sources.list.d/$1.list"
"""
# A package with a configuration file and what it does when it is installed: FOLDER NAME VERSION SCRIPT.
BUILD = r"""
set -eu
umask 022
tree=$(mktemp -d)
mkdir -p "$tree/DEBIAN" "$tree/etc" "$1"
{
  printf 'Package: %s\nVersion: %s\n' "$2" "$3"
  printf 'Architecture: all\nMaintainer: test <test@test>\nDescription: test\n'
} >"$tree/DEBIAN/control"
echo "/etc/$2.conf" >"$tree/DEBIAN/conffiles"
echo "version $3" >"$tree/etc/$2.conf"
printf '#!/bin/sh\n%s\n' "$4" >"$tree/DEBIAN/postinst"
chmod 755 "$tree" "$tree/DEBIAN/postinst"
dpkg-deb --build "$tree" "$1/$2_$3.deb" >/dev/null
rm -r "$tree"
"""
SECURITY = ("Debian", "Debian-Security", "trixie-security")
WHERE = "cat /proc/self/cgroup /run/lock/planner-maintenance.lock >/run/where"


def version(host: Host, package: str) -> str:
    """Which version is installed to the end."""
    return host.check_output("dpkg-query -W -f '${db:Status-Abbrev}${Version}' %s", package)


@pytest.fixture
def offer(host: Host) -> Iterator[Callable[..., None]]:
    """Return a function that installs 1.0 of a new package and offers 2.0; all of it is gone afterwards."""
    offered: list[str] = []

    def publish(package: str, origin: tuple[str, str, str], script: str = "true") -> None:
        offered.append(package)
        host.check_output("sh -c %s - /srv/old-%s %s 1.0 true", BUILD, package, package)
        host.check_output(f"apt-get install -qq -y /srv/old-{package}/{package}_1.0.deb 2>&1")
        host.check_output("sh -c %s - /srv/%s %s 2.0 %s", BUILD, package, package, script)
        host.check_output("sh -c %s - %s %s %s %s", PUBLISH, package, *origin)
        sources = (
            f"-o Dir::Etc::sourcelist=sources.list.d/{package}.list -o Dir::Etc::sourceparts=-"
        )
        host.check_output(f"apt-get update -qq {sources} -o APT::Get::List-Cleanup=0")
        # As on the next day.
        host.check_output("rm -f /var/lib/apt/periodic/upgrade-stamp")

    yield publish
    for package in offered:
        host.run(f"dpkg --purge --force-all {package}")
        host.run(f"rm -rf /srv/{package} /srv/old-{package} /etc/apt/sources.list.d/{package}.list")


def status(tmp_path: Path) -> dict[str, Any]:
    """Run status.yml; return its JSON."""
    file = tmp_path / "status.json"
    command = ["ansible-playbook", "-i", os.environ["MOLECULE_INVENTORY_FILE"]]
    words = f"-e status_strict=false -e status_format=json -e status_file={file}".split()
    image = ["-e", f"droplet_image={os.environ['BENCH_BACKEND_IMAGE']}"]
    playbook = str(ROOT / "playbooks/status.yml")
    done = subprocess.run(
        [*command, playbook, *words, *image], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(file.read_text()))


def test_an_unattended_upgrade(host: Host, offer, tmp_path: Path):
    """A security fix is installed by apt's own unit: in the slice, under the lock, the owner's configuration kept."""
    offer("probe-security", SECURITY, WHERE)
    offer("probe-foreign", ("Somebody", "Somebody", "trixie"))
    host.check_output("echo mine >/etc/probe-security.conf")
    host.check_output("systemctl start apt-daily-upgrade.service")
    assert version(host, "probe-security") == "ii 2.0"
    assert version(host, "probe-foreign") == "ii 1.0"
    assert host.file("/etc/probe-security.conf").content_string == "mine\n"
    where = host.file("/run/where").content_string
    assert "/planner.slice/planner-maintenance.slice/apt-daily-upgrade.service" in where
    assert "\napt-daily-upgrade (pid " in where
    journal = host.check_output("journalctl -q --since=-10min -o cat")
    assert "Packages that will be upgraded: probe-security" in journal

    state = status(tmp_path)
    (change,) = (
        change
        for run in state["sections"]["updates"]["runs"]
        for change in run["changes"]
        if run["by"] == "unattended" and change["package"] == "probe-security"
    )
    assert (change["action"], change["old"], change["new"]) == ("upgrade", "1.0", "2.0")
    assert "probe-foreign" in state["sections"]["updates"]["pending"]
    found = {one["check"]: one["severity"] for one in state["findings"]}
    assert [found[check] for check in ("updates", "packages", "reboot")] == ["ok", "ok", "ok"]


def test_a_package_left_halfway_is_named(host: Host, offer, tmp_path: Path):
    """A package whose script failed is a problem in the report, with the command that finishes it."""
    offer("probe-broken", SECURITY, "exit 1")
    host.run("systemctl start apt-daily-upgrade.service")
    (found,) = (one for one in status(tmp_path)["findings"] if one["check"] == "packages")
    assert found["severity"] == "problem"
    assert "probe-broken" in found["what"]


def test_a_shutdown_waits_for_an_upgrade(host: Host, offer):
    """What stops all units does not kill dpkg in the middle, and no process is resident for that."""
    offer("probe-slow", SECURITY, "touch /run/slow; sleep 6")
    host.check_output("rm -f /run/slow; systemctl start --no-block apt-daily-upgrade.service")
    until(host, "test -e /run/slow")
    host.check_output("systemctl stop apt-daily-upgrade.service")
    assert version(host, "probe-slow") == "ii 2.0"
    assert host.run("pgrep -f [u]nattended-upgrade").rc == 1


@pytest.mark.thorough
def test_docker_is_upgraded_under_load(host: Host, outside, load):
    """The engine's packages unpacked and configured again: every request is answered, no container restarted."""
    before = host.check_output("docker ps -q --no-trunc | sort"), started(host)
    engine = host.check_output("systemctl show -p MainPID --value docker containerd").split()
    packages = "docker.io containerd runc"
    with load() as counts:
        host.check_output(
            f"DEBIAN_FRONTEND=noninteractive planner-maintenance probe "
            f"apt-get install -qq -y --reinstall {packages} >/tmp/reinstall.log 2>&1"
        )
        # Then as needrestart does it.
        host.check_output("systemctl restart containerd docker")
        # What comes late is seen too; and on a fast machine all of that is over after a hundred requests.
        time.sleep(10)
    print(counts)
    assert counts["failed"] == 0, counts
    assert counts["sent"] > 200, counts
    after = host.check_output("systemctl show -p MainPID --value docker containerd").split()
    assert not set(engine) & set(after)
    assert (host.check_output("docker ps -q --no-trunc | sort"), started(host)) == before
    outside.until_ready()


def started(host: Host) -> str:
    """Say when each container was started."""
    return host.check_output("docker inspect -f '{{.State.StartedAt}}' $(docker ps -q) | sort")


def test_services_with_old_libraries_are_restarted(host: Host):
    """Needrestart asks nobody: a service whose program was replaced is started anew, a job of ours is left to end."""
    for name in ("probe-daemon", "planner-probe"):
        host.check_output(f"install /usr/bin/sleep /usr/local/bin/{name}")
        host.check_output(f"systemd-run --quiet --unit={name} /usr/local/bin/{name} 600")
        # By a rename, as dpkg does.
        host.check_output(f"install /usr/bin/sleep /usr/local/bin/{name}.new")
        host.check_output(f"mv /usr/local/bin/{name}.new /usr/local/bin/{name}")
    show = "systemctl show -p MainPID --value probe-daemon planner-probe"
    daemon, job = host.check_output(show).split()
    try:
        shown = host.run("setsid needrestart </dev/null")
        now = host.check_output(show).split()
        assert now[0] != daemon, shown.stdout + shown.stderr
        assert now[1] == job
    finally:
        host.run("systemctl stop probe-daemon planner-probe; rm /usr/local/bin/*-probe*")


def test_no_restart_without_need(host: Host):
    """At the chosen time on an ordinary day nothing happens."""
    assert "04:30:00" in host.check_output("systemctl list-timers --no-pager planner-reboot.timer")
    assert not host.file("/run/reboot-required").exists
    boot = host.file("/proc/sys/kernel/random/boot_id").content_string
    host.check_output("systemctl start planner-reboot.service")
    shown = host.check_output("systemctl show -p ConditionResult --value planner-reboot")
    assert shown == "no"
    assert host.file("/proc/sys/kernel/random/boot_id").content_string == boot
