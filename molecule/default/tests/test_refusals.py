"""What does not fit is refused with the key, the value and the way out, and changes nothing."""

from __future__ import annotations

import pytest
from testinfra.host import Host


@pytest.fixture(autouse=True)
def nothing_changes(host: Host):
    """Every refusal leaves containers and files as they were."""
    look = (
        "docker ps -q --no-trunc; find /opt/planner /etc/docker -type f -printf '%p %T@\\n' | sort"
    )
    before = host.check_output(look)
    yield
    assert host.check_output(look) == before


def refusal(done) -> str:
    """Return what a run that must fail says."""
    assert done.returncode != 0, done.stdout
    return done.stdout + done.stderr


def test_machine_smaller_than_declared(site):
    """A size that promises more CPUs or memory than the machine has is refused, naming both."""
    said = refusal(site("-e", "droplet_size=s-8vcpu-16gb"))
    assert "droplet_size = 's-8vcpu-16gb': promises" in said
    assert "resize the Droplet" in said


def test_unsupported_system(site, host):
    """Another distribution's release is refused, naming what is supported."""
    host.run_expect([0], "cp -a /usr/lib/os-release /root/ && cp -a /etc/debian_version /root/")
    try:
        host.run_expect(
            [0], "sed -i s/13/11/ /usr/lib/os-release && echo 11.9 > /etc/debian_version"
        )
        said = refusal(site())
    finally:
        host.run_expect([0], "mv /root/os-release /usr/lib/ && mv /root/debian_version /etc/")
    assert "'Debian 11" in said
    assert "Debian 13, Ubuntu" in said


def test_host_without_python(site, host):
    """A host without Python gets the command that installs it."""
    host.run_expect([0], "mv /usr/bin/python3 /usr/bin/python3.hidden")
    try:
        said = refusal(site())
    finally:
        host.run_expect([0], "mv /usr/bin/python3.hidden /usr/bin/python3")
    assert "has no python3" in said
    assert "apt-get install -y python3" in said


def test_two_problems_at_once(site):
    """An unknown key and an over-full plan are both named in one run."""
    wishes = '{"droplet_services": [{"name": "backend", "limit_mb": 900}]}'
    said = refusal(site("-e", "droplet_sise=x", "-e", wishes))
    assert "droplet_sise: is no key of this collection. Do: write 'droplet_size'" in said
    assert "too many" in said
