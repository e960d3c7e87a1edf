"""A stranger's port scan: only SSH and the product answer, whatever Docker and ufw do. After a reboot: test_zz_*."""

from __future__ import annotations

import subprocess

import pytest

from .conftest import PROCESS, PUBLISHED, SCANNED, WANTED, judge

pytestmark = pytest.mark.usefixtures("listeners")


def docker(*arguments: str) -> str:
    """Call the outer engine, whose containers the machines are."""
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def stranger(strangers):
    """Return one stranger for all scans."""
    return strangers()


def test_only_ssh_and_the_product_answer(stranger, outside, host):
    """A port that was published by mistake stays closed, like a process of the host."""
    judge(stranger, outside, host)


def test_the_scan_would_see_them(stranger, outside, host):
    """Without the table the same scan finds them: it is the table that closes them."""
    host.check_output("nft delete table inet planner")
    try:
        assert stranger.open_ports(outside.address, SCANNED) >= {*WANTED, PUBLISHED, PROCESS}
    finally:
        host.check_output("systemctl restart nftables.service")
    judge(stranger, outside, host)


def test_containers_cannot_be_reached_by_their_own_address(stranger, outside, host, listeners):
    """A neighbour that routes through the Droplet meets the same table."""
    stranger.run(["ip", "route", "replace", f"{listeners}/32", "via", outside.address])
    host.check_output(f"curl -sf -m 5 -o /dev/null http://{listeners}/")
    assert stranger.open_ports(listeners, [80, 8080]) == set()


EVENTS = {
    "Docker restarts": "systemctl restart docker.service",
    "the firewall restarts": "systemctl restart nftables.service",
    "the firewall is reloaded": "systemctl reload nftables.service",
    "its service is stopped": "systemctl stop nftables.service",
    "iptables is flushed": "iptables -P INPUT ACCEPT && iptables -F INPUT",
    "ufw is enabled and reloaded": (
        "apt-get install -qy ufw >/dev/null && ufw allow 22/tcp && ufw allow 80,443/tcp"
        " && ufw --force enable && ufw reload"
    ),
}


@pytest.mark.thorough(but={"Docker restarts", "ufw is enabled and reloaded"})
@pytest.mark.parametrize("command", EVENTS.values(), ids=EVENTS)
def test_outlives(command, stranger, outside, host):
    """What other programs do to their rules leaves this table alone, and the other way round."""
    try:
        host.check_output(command)
        outside.until_ready()
        judge(stranger, outside, host)
    finally:
        host.check_output(
            "systemctl start nftables.service && if command -v ufw; then ufw disable; fi"
        )


def test_limits_new_connections_to_ssh(strangers, stranger, outside):
    """Who opens many in a row waits; everybody else does not."""
    flood = strangers().connections(outside.address, [22] * 80)
    assert 20 < sum(flood) < 70
    assert stranger.open_ports(outside.address, [22]) == {22}


@pytest.fixture
def ipv6_network(container):
    """Connect the Droplet to a network with IPv6; return its name and the Droplet's address there."""
    name = f"planner-ipv6-{container}"
    subnet = f"fd00:{container[:4]}:{container[4:8]}::/64"
    docker("network", "create", "--ipv6", "--subnet", subnet, name)
    try:
        docker("network", "connect", name, container)
        address = f'{{{{ (index .NetworkSettings.Networks "{name}").GlobalIPv6Address }}}}'
        yield name, docker("inspect", "--format", address, container)
        docker("network", "disconnect", "--force", name, container)
    finally:
        docker("network", "rm", name)


def test_ipv6_obeys_the_same_table(ipv6_network, strangers, host):
    """SSH answers (which needs neighbour discovery to pass), a process of the host does not."""
    name, address = ipv6_network
    stranger = strangers(name)
    serve = f"python3 -m http.server --bind :: {PROCESS + 6}"
    host.check_output(f"systemd-run --quiet --unit extra6 --property WorkingDirectory=/run {serve}")
    url = f"http://[::1]:{PROCESS + 6}/"
    try:
        host.check_output(f"curl -sf --retry 5 --retry-connrefused -o /dev/null {url}")
        assert stranger.open_ports(address, [22, 5355, 6379, PROCESS + 6]) == {22}
    finally:
        host.check_output("systemctl stop extra6.service")
        # It holds the network until then.
        docker("rm", "--force", stranger.container)
